// hiredis: only its RESP reader and command formatter are used.
#pragma once
#include <hiredis/hiredis.h>
