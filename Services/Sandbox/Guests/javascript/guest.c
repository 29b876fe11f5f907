// JavaScript as a WebAssembly module: QuickJS with a few functions for files, output and the result. The host calls
// `cadre_buffer` for a place for the program, then `cadre_run`. Globals stay until the instance is dropped.
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static JSRuntime *runtime;
static JSContext *context;
static char *buffer;
struct text cadre_result, cadre_input;

#define EXPORT(name) __attribute__((export_name(name)))

// How a run has ended; the host knows these numbers.
enum { ENDED = 0, THREW = 1, NO_MEMORY = 2, NO_STACK = 3, NO_SPACE = 4, BROKEN = 5 };

// A place for `count` bytes: the program, the arguments and the input, in this order, each with a zero behind it.
EXPORT("cadre_buffer") char *cadre_buffer(size_t count) {
  free(buffer);
  buffer = malloc(count);
  return buffer;
}

EXPORT("cadre_result_start") const char *cadre_result_start(void) { return cadre_result.bytes; }
EXPORT("cadre_result_count") size_t cadre_result_count(void) { return cadre_result.count; }

static int start(void) {
  if (context) return 1;
  runtime = JS_NewRuntime();
  if (!runtime) return 0;
  JS_SetMaxStackSize(runtime, 768 * 1024);
  context = JS_NewContext(runtime);
  return context && cadre_add_globals(context);
}

static void write_text(const char *text) {
  if (text) (void)fwrite(text, 1, strlen(text), stderr);
}

// Writes the exception and tells what kind it is.
static int report(JSValue exception) {
  int kind = THREW;
  const char *text = JS_ToCString(context, exception);
  if (!text) {
    // Showing it has failed too, as it does without memory.
    JS_FreeValue(context, JS_GetException(context));
    write_text("an exception that cannot be shown\n");
    return NO_MEMORY;
  }
  if (JS_IsError(context, exception)) {
    if (strstr(text, "InternalError: out of memory")) kind = NO_MEMORY;
    if (strstr(text, "InternalError: stack overflow")) kind = NO_STACK;
    if (strstr(text, "No space left on device") || strstr(text, "File too large")) kind = NO_SPACE;
  }
  write_text(text);
  write_text("\n");
  JS_FreeCString(context, text);
  if (JS_IsError(context, exception)) {
    JSValue stack = JS_GetPropertyStr(context, exception, "stack");
    if (JS_IsString(stack)) {
      const char *lines = JS_ToCString(context, stack);
      write_text(lines);
      JS_FreeCString(context, lines);
    }
    JS_FreeValue(context, stack);
  }
  return kind;
}

// Runs what promises have queued; the first exception ends it.
static int run_jobs(void) {
  for (;;) {
    JSContext *where;
    int count = JS_ExecutePendingJob(runtime, &where);
    if (count == 0) return ENDED;
    if (count < 0) {
      JSValue exception = JS_GetException(where);
      int kind = report(exception);
      JS_FreeValue(where, exception);
      return kind;
    }
  }
}

// The value that the program has ended with is its result when it sets none.
static void keep_value(JSValue promise) {
  if (cadre_result.bytes) return;
  JSValue wrapped = JS_PromiseResult(context, promise);
  JSValue value = JS_GetPropertyStr(context, wrapped, "value");
  JSValue done = JS_Call(context, cadre_keep_value, JS_UNDEFINED, 1, &value);
  if (JS_IsException(done)) JS_FreeValue(context, JS_GetException(context));
  JS_FreeValue(context, done);
  JS_FreeValue(context, value);
  JS_FreeValue(context, wrapped);
}

EXPORT("cadre_run") int cadre_run(size_t source_count, size_t argument_count, size_t input_count) {
  if (!start() || !buffer) return BROKEN;
  free(cadre_result.bytes);
  cadre_result = (struct text){0, 0};
  const char *arguments = buffer + source_count + 1;
  cadre_input = (struct text){buffer + source_count + argument_count + 2, input_count};
  JSValue value = JS_ParseJSON(context, arguments, argument_count, "arguments");
  if (JS_IsException(value)) {
    JS_FreeValue(context, JS_GetException(context));
    return BROKEN;
  }
  JSValue global = JS_GetGlobalObject(context);
  JSValue cadre = JS_GetPropertyStr(context, global, "cadre");
  if (JS_IsObject(cadre)) JS_SetPropertyStr(context, cadre, "arguments", value);
  else JS_FreeValue(context, value);
  JS_FreeValue(context, cadre);
  JS_FreeValue(context, global);

  JSValue promise =
      JS_Eval(context, buffer, source_count, "program.js", JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_ASYNC);
  int kind = ENDED;
  if (JS_IsException(promise)) {
    JSValue exception = JS_GetException(context);
    kind = report(exception);
    JS_FreeValue(context, exception);
  } else {
    kind = run_jobs();
    if (kind == ENDED) {
      switch (JS_PromiseState(context, promise)) {
      case JS_PROMISE_REJECTED: {
        JSValue exception = JS_PromiseResult(context, promise);
        kind = report(exception);
        JS_FreeValue(context, exception);
        break;
      }
      case JS_PROMISE_PENDING:
        write_text("the program waits for a promise that nothing can fulfil\n");
        kind = THREW;
        break;
      default: keep_value(promise);
      }
    }
  }
  JS_FreeValue(context, promise);
  fflush(stdout);
  fflush(stderr);
  return kind;
}
