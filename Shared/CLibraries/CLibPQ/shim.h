// libpq, the PostgreSQL client library.
#pragma once
#include <libpq-fe.h>
