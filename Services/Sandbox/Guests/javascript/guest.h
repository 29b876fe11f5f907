#pragma once
#include "quickjs.h"

#include <stddef.h>

// Bytes that may hold zeros.
struct text {
  char *bytes;
  size_t count;
};

extern struct text cadre_result, cadre_input;

// The prelude's function that takes the value that a program has ended with.
extern JSValue cadre_keep_value;

// Takes a string as the result of the run.
int cadre_keep_result(JSContext *context, JSValueConst text);
// Adds `console`, `print` and `cadre` to the global object.
int cadre_add_globals(JSContext *context);
