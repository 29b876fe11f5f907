// zstd, the stable interface.
#pragma once
#include <zstd.h>
