// Calling guests: what each kind expects and gives back.
#define _GNU_SOURCE
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static void set_string(struct wasmtime *api, wasmtime_component_val_t *value, struct cadre_bytes bytes) {
  value->kind = WASMTIME_COMPONENT_STRING;
  api->wasm_byte_vec_new_uninitialized(&value->of.string, bytes.count);
  if (bytes.count) memcpy(value->of.string.data, bytes.start, bytes.count);
}

// Reads `CLASS STATUS`, the result behind it. A program may have changed everything in its guest, so this is not trusted:
// it decides only what the guest itself is reported as.
static void read_answer(char *text, size_t count, int64_t result_max, struct cadre_result *result) {
  static const struct {
    const char *word;
    int end;
  } classes[] = {{"exit ", CADRE_ENDED}, {"memory ", CADRE_MEMORY}, {"stack ", CADRE_STACK}, {"disk ", CADRE_DISK}};
  char *line_end = memchr(text, '\n', count);
  result->end = CADRE_FAULT;
  snprintf(result->text, CADRE_ERROR_BYTES, "the guest's answer is malformed");
  if (!line_end || line_end - text > 40) return;
  char line[64] = "";
  memcpy(line, text, (size_t)(line_end - text));
  for (size_t index = 0; index < sizeof classes / sizeof classes[0]; index++) {
    size_t length = strlen(classes[index].word);
    if (strncmp(line, classes[index].word, length) != 0) continue;
    result->end = classes[index].end;
    result->has_exit_code = 1;
    result->exit_code = strtoll(line + length, NULL, 10);
    result->text[0] = 0;
  }
  size_t length = count - (size_t)(line_end + 1 - text);
  if (result->end != CADRE_ENDED || length == 0) return;
  if ((int64_t)length > result_max) {
    result->is_output_limited = 1;
    return;
  }
  result->result = (uint8_t *)line_end + 1;
  result->result_count = length;
}

int cadre_call_component(cadre_guest *guest, const struct cadre_request *request, struct cadre_result *result) {
  struct wasmtime *api = &guest->engine->api;
  wasmtime_component_val_t values[4];
  set_string(api, &values[0], request->source);
  set_string(api, &values[1], request->arguments);
  set_string(api, &values[2], request->input);
  set_string(api, &values[3], request->options);
  if (guest->answer.of.string.data) api->wasmtime_component_val_delete(&guest->answer);
  memset(&guest->answer, 0, sizeof guest->answer);
  wasmtime_error_t *error =
      api->wasmtime_component_func_call(&guest->run, guest->context, values, 4, &guest->answer, 1);
  for (int index = 0; index < 4; index++) api->wasmtime_component_val_delete(&values[index]);
  if (!error) error = api->wasmtime_component_func_post_return(&guest->run, guest->context);
  if (error) {
    cadre_take_end(guest, error, NULL, result);
    return 0;
  }
  if (guest->answer.kind == WASMTIME_COMPONENT_STRING && guest->answer.of.string.data)
    read_answer(guest->answer.of.string.data, guest->answer.of.string.size, request->limits.result_bytes, result);
  return 1;
}

static int find(cadre_guest *guest, const char *name, uint8_t kind, wasmtime_extern_t *item) {
  struct wasmtime *api = &guest->engine->api;
  if (!api->wasmtime_instance_export_get(guest->context, &guest->instance, name, strlen(name), item)) return 0;
  if (item->kind == kind) return 1;
  api->wasmtime_extern_delete(item);
  return 0;
}

// Calls an exported function with 32-bit numbers. 0 when it has trapped or ended the guest.
static int call(
    cadre_guest *guest, const char *name, const uint32_t *numbers, size_t count, int has_answer, uint32_t *answer,
    struct cadre_result *result) {
  struct wasmtime *api = &guest->engine->api;
  wasmtime_extern_t item;
  wasmtime_val_t arguments[4], answers[1];
  if (!find(guest, name, WASMTIME_EXTERN_FUNC, &item)) {
    result->end = CADRE_TRAP;
    snprintf(result->text, CADRE_ERROR_BYTES, "the module has no function \"%s\"", name);
    return 0;
  }
  memset(arguments, 0, sizeof arguments);
  memset(answers, 0, sizeof answers);
  for (size_t index = 0; index < count; index++) {
    arguments[index].kind = WASM_I32;
    arguments[index].of.i32 = (int32_t)numbers[index];
  }
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error = api->wasmtime_func_call(
      guest->context, &item.of.func, arguments, count, answers, has_answer ? 1 : 0, &trap);
  api->wasmtime_extern_delete(&item);
  if (error || trap) {
    cadre_take_end(guest, error, trap, result);
    return 0;
  }
  if (answer) *answer = (uint32_t)answers[0].of.i32;
  return 1;
}

// The guest's bytes at an address.
static uint8_t *memory_at(cadre_guest *guest, uint64_t address, uint64_t count, size_t *size) {
  struct wasmtime *api = &guest->engine->api;
  wasmtime_extern_t item;
  if (!find(guest, "memory", WASMTIME_EXTERN_MEMORY, &item)) return NULL;
  *size = api->wasmtime_memory_data_size(guest->context, &item.of.memory);
  uint8_t *start = api->wasmtime_memory_data(guest->context, &item.of.memory);
  api->wasmtime_extern_delete(&item);
  return address <= *size && count <= *size - address ? start + address : NULL;
}

int cadre_call_reactor(cadre_guest *guest, const struct cadre_request *request, struct cadre_result *result) {
  size_t size = 0;
  if (!guest->is_reactor_started && !call(guest, "_initialize", NULL, 0, 0, NULL, result)) return 0;
  guest->is_reactor_started = 1;
  struct cadre_bytes parts[] = {request->source, request->arguments, request->input};
  uint64_t total = 3;
  for (int index = 0; index < 3; index++) total += parts[index].count;
  uint32_t wanted = (uint32_t)total, address = 0;
  if (!call(guest, "cadre_buffer", &wanted, 1, 1, &address, result)) return 0;
  uint8_t *place = memory_at(guest, address, total, &size);
  if (address == 0 || !place) {
    result->end = CADRE_MEMORY;
    return 0;
  }
  for (int index = 0; index < 3; index++) {
    if (parts[index].count) memcpy(place, parts[index].start, parts[index].count);
    place += parts[index].count;
    *place++ = 0;
  }
  uint32_t counts[] = {(uint32_t)parts[0].count, (uint32_t)parts[1].count, (uint32_t)parts[2].count}, status = 0;
  int is_ended = call(guest, "cadre_run", counts, 3, 1, &status, result);
  memory_at(guest, 0, 0, &size);
  result->peak_memory_bytes = (int64_t)size;
  if (!is_ended) return 0;
  static const int ends[] = {CADRE_ENDED, CADRE_ENDED, CADRE_MEMORY, CADRE_STACK, CADRE_DISK, CADRE_FAULT};
  result->end = status < sizeof ends / sizeof ends[0] ? ends[status] : CADRE_FAULT;
  result->has_exit_code = 1;
  result->exit_code = status == 0 ? 0 : 1;
  if (status != 0) return 1;
  uint32_t start = 0, count = 0;
  if (!call(guest, "cadre_result_start", NULL, 0, 1, &start, result)) return 0;
  if (!call(guest, "cadre_result_count", NULL, 0, 1, &count, result)) return 0;
  if (start == 0 || count == 0) return 1;
  uint8_t *bytes = memory_at(guest, start, count, &size);
  if (!bytes || count > request->limits.result_bytes) {
    result->is_output_limited = 1;
    return 1;
  }
  result->result = bytes;
  result->result_count = count;
  return 1;
}

int cadre_call_command(cadre_guest *guest, struct cadre_result *result) {
  size_t size = 0;
  int is_ended = call(guest, "_start", NULL, 0, 0, NULL, result);
  if (memory_at(guest, 0, 0, &size)) result->peak_memory_bytes = (int64_t)size;
  if (is_ended) {
    result->has_exit_code = 1;
    result->exit_code = 0;
  }
  return is_ended;
}
