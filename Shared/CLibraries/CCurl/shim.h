// libcurl; the variadic setters are wrapped because Swift cannot call variadic C.
#pragma once
#include <curl/curl.h>
