// The functions of the host side that programs in JavaScript see, and the prelude that wraps them.
#include "guest.h"
#include "prelude.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/scratch/"
#define PATH_BYTES 4096

int cadre_keep_result(JSContext *context, JSValueConst value) {
  size_t count;
  const char *text = JS_ToCStringLen(context, &count, value);
  if (!text) return 0;
  free(cadre_result.bytes);
  cadre_result = (struct text){malloc(count + 1), count};
  if (cadre_result.bytes) memcpy(cadre_result.bytes, text, count);
  else cadre_result.count = 0;
  JS_FreeCString(context, text);
  return cadre_result.bytes != NULL;
}

// A path below the scratch folder. The engine refuses what leads out of it.
static int take_path(JSContext *context, JSValueConst value, char path[PATH_BYTES]) {
  const char *text = JS_ToCString(context, value);
  if (!text) return 0;
  int count = snprintf(path, PATH_BYTES, "%s%s", text[0] == '/' ? "" : FOLDER, text);
  JS_FreeCString(context, text);
  if (count < PATH_BYTES) return 1;
  JS_ThrowRangeError(context, "the path is too long");
  return 0;
}

static JSValue failed(JSContext *context, const char *path) {
  return JS_ThrowTypeError(context, "%s: %s", path, strerror(errno));
}

static JSValue write_output(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  int32_t target;
  size_t length;
  if (JS_ToInt32(context, &target, values[0])) return JS_EXCEPTION;
  const char *text = JS_ToCStringLen(context, &length, values[1]);
  if (!text) return JS_EXCEPTION;
  FILE *file = target == 2 ? stderr : stdout;
  int is_written = fwrite(text, 1, length, file) == length && fflush(file) == 0;
  JS_FreeCString(context, text);
  if (!is_written) return failed(context, "output");
  return JS_UNDEFINED;
}

static JSValue set_result(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  return cadre_keep_result(context, values[0]) ? JS_UNDEFINED : JS_ThrowOutOfMemory(context);
}

static JSValue read_input(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  return JS_NewStringLen(context, cadre_input.bytes, cadre_input.count);
}

static JSValue read_file(JSContext *context, JSValueConst self, int count, JSValueConst *values, int is_text) {
  char path[PATH_BYTES];
  if (!take_path(context, values[0], path)) return JS_EXCEPTION;
  FILE *file = fopen(path, "rb");
  if (!file) return failed(context, path);
  size_t length = 0, size = 4096;
  char *bytes = malloc(size);
  while (bytes) {
    size_t more = fread(bytes + length, 1, size - length, file);
    if (more == 0) break;
    length += more;
    if (length < size) continue;
    size *= 2;
    char *larger = realloc(bytes, size);
    if (!larger) free(bytes);
    bytes = larger;
  }
  int is_broken = ferror(file);
  fclose(file);
  if (!bytes) return JS_ThrowOutOfMemory(context);
  JSValue value;
  if (is_broken) {
    value = failed(context, path);
  } else if (is_text) {
    value = JS_NewStringLen(context, bytes, length);
  } else {
    JSValue array = JS_NewArrayBufferCopy(context, (const uint8_t *)bytes, length);
    JSValue values[] = {array, JS_UNDEFINED, JS_UNDEFINED};
    value = JS_IsException(array) ? array : JS_NewTypedArray(context, 3, values, JS_TYPED_ARRAY_UINT8);
    if (!JS_IsException(array)) JS_FreeValue(context, array);
  }
  free(bytes);
  return value;
}

static JSValue write_file(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  char path[PATH_BYTES];
  if (!take_path(context, values[0], path)) return JS_EXCEPTION;
  const uint8_t *bytes = NULL;
  const char *text = NULL;
  size_t length = 0, offset = 0;
  JSValue array = JS_UNDEFINED;
  if (JS_IsObject(values[1])) {
    size_t element, whole;
    array = JS_GetTypedArrayBuffer(context, values[1], &offset, &length, &element);
    if (JS_IsException(array)) {
      // Anything else is written as its text.
      JS_FreeValue(context, JS_GetException(context));
      array = JS_UNDEFINED;
    } else {
      bytes = JS_GetArrayBuffer(context, &whole, array);
      if (!bytes || offset > whole || length > whole - offset) length = 0;
      else bytes += offset;
    }
  }
  if (JS_IsUndefined(array)) {
    text = JS_ToCStringLen(context, &length, values[1]);
    if (!text) return JS_EXCEPTION;
    bytes = (const uint8_t *)text;
  }
  FILE *file = fopen(path, "wb");
  int is_written = file && (length == 0 || fwrite(bytes, 1, length, file) == length);
  if (file && fclose(file) != 0) is_written = 0;
  JSValue value = is_written ? JS_UNDEFINED : failed(context, path);
  if (text) JS_FreeCString(context, text);
  JS_FreeValue(context, array);
  return value;
}

static JSValue list_files(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  char path[PATH_BYTES] = FOLDER;
  if (count > 0 && !JS_IsUndefined(values[0]) && !take_path(context, values[0], path)) return JS_EXCEPTION;
  DIR *folder = opendir(path);
  if (!folder) return failed(context, path);
  JSValue names = JS_NewArray(context);
  uint32_t place = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    JS_SetPropertyUint32(context, names, place++, JS_NewString(context, entry->d_name));
  }
  closedir(folder);
  return names;
}

static JSValue remove_file(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  char path[PATH_BYTES];
  if (!take_path(context, values[0], path)) return JS_EXCEPTION;
  return unlink(path) == 0 ? JS_UNDEFINED : failed(context, path);
}

static void add(JSContext *context, JSValue object, const char *name, JSCFunction *function, int count) {
  JS_SetPropertyStr(context, object, name, JS_NewCFunction(context, function, name, count));
}

JSValue cadre_keep_value;

int cadre_add_globals(JSContext *context) {
  JSValue files = JS_NewObject(context);
  add(context, files, "result", set_result, 1);
  add(context, files, "input", read_input, 0);
  add(context, files, "write", write_file, 2);
  add(context, files, "list", list_files, 0);
  add(context, files, "remove", remove_file, 1);
  JS_SetPropertyStr(
      context, files, "readText", JS_NewCFunctionMagic(context, read_file, "readFile", 1, JS_CFUNC_generic_magic, 1));
  JS_SetPropertyStr(
      context, files, "readBytes", JS_NewCFunctionMagic(context, read_file, "readBytes", 1, JS_CFUNC_generic_magic, 0));
  JSValue values[] = {JS_NewCFunction(context, write_output, "write", 2), files};
  JSValue prelude = JS_Eval(context, prelude_js, sizeof prelude_js - 1, "prelude.js", JS_EVAL_TYPE_GLOBAL);
  JSValue done = JS_Call(context, prelude, JS_UNDEFINED, 2, values);
  int is_done = JS_IsFunction(context, done);
  // Called with the value that a program has ended with.
  if (is_done) cadre_keep_value = done;
  else JS_FreeValue(context, done);
  JS_FreeValue(context, prelude);
  JS_FreeValue(context, values[0]);
  JS_FreeValue(context, files);
  return is_done;
}
