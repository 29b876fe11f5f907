// One instance, and runs in it under limits.
#define _GNU_SOURCE
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

// How often the scratch folder is counted while a guest runs.
#define SCAN_NS 25000000

// Counts what the guest has in files: those in its folder, and those that it holds open without a name.
static void scan(const cadre_guest *guest, const struct cadre_limits *limits, int64_t *bytes, int64_t *files) {
  int64_t nameless_bytes, nameless_files;
  cadre_scan_scratch(guest->scratch, limits->scratch_bytes, limits->scratch_files, bytes, files);
  cadre_scan_nameless(&nameless_bytes, &nameless_files);
  if (nameless_bytes > guest->foreign_bytes) *bytes += nameless_bytes - guest->foreign_bytes;
  if (nameless_files > guest->foreign_files) *files += nameless_files - guest->foreign_files;
}

// Called at every tick while the guest runs.
static wasmtime_error_t *look(wasmtime_context_t *context, void *data, uint64_t *ticks, uint8_t *kind) {
  cadre_guest *guest = data;
  int64_t now = cadre_now_ns();
  *ticks = 1;
  *kind = 0;
  if (!guest->request || guest->stop) return guest->engine->api.wasmtime_error_new("stopped");
  const struct cadre_limits *limits = &guest->request->limits;
  if (now >= guest->deadline_ns) guest->stop = CADRE_WALL;
  if (!guest->stop && now >= guest->next_scan_ns) {
    int64_t bytes, files;
    scan(guest, limits, &bytes, &files);
    if (bytes > limits->scratch_bytes || files > limits->scratch_files) guest->stop = CADRE_DISK;
    guest->next_scan_ns = cadre_now_ns() + SCAN_NS;
  }
  return guest->stop ? guest->engine->api.wasmtime_error_new("stopped") : NULL;
}

int64_t cadre_cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

// Most memory that this process has had, in bytes.
int64_t cadre_peak_bytes(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (int64_t)usage.ru_maxrss * 1024;
}

// What the engine says about an end, and the end that it means.
static int end_of(const char *text) {
  static const struct {
    const char *words;
    int end;
  } known[] = {
      {"all fuel consumed", CADRE_FUEL},
      {"call stack exhausted", CADRE_STACK},
      {"wasm trap", CADRE_TRAP},
      {"exceeds memory limits", CADRE_MEMORY},
      {"memory minimum size", CADRE_MEMORY},
      {"table minimum size", CADRE_MEMORY},
      {"resource limit exceeded", CADRE_MEMORY},
      {"unknown import", CADRE_TRAP},
      {"incompatible import type", CADRE_TRAP},
      // An exported function of another type than the host calls.
      {"arguments, got", CADRE_TRAP},
      {"results, got", CADRE_TRAP},
  };
  for (size_t index = 0; index < sizeof known / sizeof known[0]; index++)
    if (strstr(text, known[index].words)) return known[index].end;
  return CADRE_FAULT;
}

// Keeps the one line that says why, without the addresses around it.
static void shorten(char text[CADRE_ERROR_BYTES]) {
  char *reason = strstr(text, "wasm trap: ");
  if (reason) memmove(text, reason + 11, strlen(reason + 11) + 1);
  text[strcspn(text, "\n")] = 0;
}

// Takes an error or a trap as the end of the run.
void cadre_take_end(cadre_guest *guest, wasmtime_error_t *error, wasm_trap_t *trap, struct cadre_result *result) {
  struct wasmtime *api = &guest->engine->api;
  char text[CADRE_ERROR_BYTES * 8] = "";
  wasm_byte_vec_t message = {0, 0};
  if (error) {
    int status;
    if (api->wasmtime_error_exit_status(error, &status)) {
      api->wasmtime_error_delete(error);
      result->end = CADRE_ENDED;
      result->has_exit_code = 1;
      result->exit_code = status;
      return;
    }
    api->wasmtime_error_message(error, &message);
    api->wasmtime_error_delete(error);
  } else {
    api->wasm_trap_message(trap, &message);
    api->wasm_trap_delete(trap);
  }
  // A host call that refuses what the guest has passed ends the guest too: it is the guest's fault, not ours.
  int is_guests = message.size && memmem(message.data, message.size, "wasm backtrace", 14) != NULL;
  // The reason stands behind a list of addresses that may be long.
  const char *found = message.size ? memmem(message.data, message.size, "Caused by", 9) : NULL;
  size_t skipped = found ? (size_t)(found - message.data) : 0;
  size_t count = message.size - skipped < sizeof text - 1 ? message.size - skipped : sizeof text - 1;
  if (message.data) memcpy(text, message.data + skipped, count);
  api->wasm_byte_vec_delete(&message);
  result->end = guest->stop ? guest->stop : end_of(text);
  if (result->end == CADRE_FAULT && is_guests) result->end = CADRE_TRAP;
  if (result->end != CADRE_TRAP && result->end != CADRE_FAULT) return;
  // The line with the trap, or the last one.
  const char *reason = strstr(text, "wasm trap: "), *line = strrchr(text, '\n');
  snprintf(result->text, CADRE_ERROR_BYTES, "%.*s", CADRE_ERROR_BYTES - 1, reason ? reason : line ? line + 1 : text);
  shorten(result->text);
}

// Starts the clocks and counters of a run.
static void begin(cadre_guest *guest, const struct cadre_request *request) {
  guest->request = request;
  guest->stop = CADRE_ENDED;
  int64_t now = cadre_now_ns();
  guest->deadline_ns = now + request->limits.wall_ns;
  guest->next_scan_ns = now + SCAN_NS;
  guest->virtual_ns = request->clock_ms * 1000000;
  guest->random = (uint64_t)request->seed;
  wasmtime_error_t *fault = guest->engine->api.wasmtime_context_set_fuel(guest->context, request->limits.fuel);
  if (fault) guest->engine->api.wasmtime_error_delete(fault);
  guest->engine->api.wasmtime_context_set_epoch_deadline(guest->context, 1);
  cadre_current = guest;
  cadre_ticker_start(guest->engine);
}

static void end(cadre_guest *guest) {
  cadre_ticker_stop();
  cadre_current = NULL;
  guest->request = NULL;
}

void cadre_guest_limit(cadre_guest *guest, int64_t memory_bytes) {
  // A component has some small tables and instances of its own; a module has one of each.
  int is_component = guest->code->kind == CADRE_COMPONENT;
  guest->engine->api.wasmtime_store_limiter(
      guest->store, memory_bytes, is_component ? 40000 : 20000, is_component ? 200 : 4, is_component ? 200 : 8,
      is_component ? 200 : 1);
}

static int make_store(cadre_guest *guest, const struct cadre_request *request, struct cadre_result *result) {
  struct wasmtime *api = &guest->engine->api;
  guest->store = api->wasmtime_store_new(guest->engine->engine, NULL, NULL);
  guest->context = api->wasmtime_store_context(guest->store);
  cadre_guest_limit(guest, request->limits.memory_bytes);
  api->wasmtime_store_epoch_deadline_callback(guest->store, look, guest, NULL);
  wasi_config_t *config = api->wasi_config_new();
  static const char *const names[] = {"program"};
  api->wasi_config_set_argv(config, 1, names);
  for (int index = 0; index < 2; index++)
    cadre_sink_reset(&guest->sinks[index], request->limits.kept_output_bytes, request->limits.output_bytes);
  api->wasi_config_set_stdout_custom(config, cadre_sink_write, &guest->sinks[0], NULL);
  api->wasi_config_set_stderr_custom(config, cadre_sink_write, &guest->sinks[1], NULL);
  wasm_byte_vec_t input;
  // The guests of scripts get their input with the program, so that every run of a session has its own.
  size_t count = guest->code->kind == CADRE_COMMAND ? request->input.count : 0;
  api->wasm_byte_vec_new_uninitialized(&input, count);
  if (count) memcpy(input.data, request->input.start, count);
  api->wasi_config_set_stdin_bytes(config, &input);
  if (!api->wasi_config_preopen_dir(config, guest->scratch, "/scratch", true)) {
    snprintf(result->text, CADRE_ERROR_BYTES, "the scratch folder cannot be opened");
    return 0;
  }
  wasmtime_error_t *fault = api->wasmtime_context_set_wasi(guest->context, config);
  if (fault) cadre_take_error(guest->engine, fault, result->text);
  return !fault;
}

static int instantiate(cadre_guest *guest, struct cadre_result *result) {
  struct wasmtime *api = &guest->engine->api;
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error;
  if (guest->code->kind != CADRE_COMPONENT) {
    error = api->wasmtime_instance_pre_instantiate(guest->code->pre, guest->context, &guest->instance, &trap);
    if (error || trap) cadre_take_end(guest, error, trap, result);
    return !error && !trap;
  }
  error = api->wasmtime_component_linker_instantiate(
      guest->engine->component_linker, guest->context, guest->code->component, &guest->component);
  if (error) {
    cadre_take_end(guest, error, NULL, result);
    return 0;
  }
  wasmtime_component_export_index_t *index =
      api->wasmtime_component_instance_get_export_index(&guest->component, guest->context, NULL, "run", 3);
  int is_found = index && api->wasmtime_component_instance_get_func(&guest->component, guest->context, index, &guest->run);
  if (index) api->wasmtime_component_export_index_delete(index);
  if (!is_found) snprintf(result->text, CADRE_ERROR_BYTES, "the component has no function \"run\"");
  return is_found;
}

cadre_guest *cadre_guest_new(
    cadre_engine *engine, cadre_code *code, const char *scratch, const struct cadre_request *request,
    struct cadre_result *result) {
  memset(result, 0, sizeof *result);
  result->end = CADRE_FAULT;
  cadre_guest *guest = calloc(1, sizeof *guest);
  if (!guest) return NULL;
  guest->engine = engine;
  guest->code = code;
  guest->scratch = strdup(scratch);
  cadre_scan_nameless(&guest->foreign_bytes, &guest->foreign_files);
  if (guest->scratch && make_store(guest, request, result)) {
    // A start function is code of the guest too.
    begin(guest, request);
    int is_made = instantiate(guest, result);
    end(guest);
    if (is_made) return guest;
  }
  cadre_guest_drop(guest);
  return NULL;
}

void cadre_guest_drop(cadre_guest *guest) {
  if (!guest) return;
  if (guest->answer.of.string.data) guest->engine->api.wasmtime_component_val_delete(&guest->answer);
  if (guest->store) guest->engine->api.wasmtime_store_delete(guest->store);
  for (int index = 0; index < 2; index++) {
    cadre_sink_free(&guest->sinks[index]);
    free(guest->copies[index]);
  }
  free(guest->scratch);
  free(guest);
}


void cadre_guest_run(cadre_guest *guest, const struct cadre_request *request, struct cadre_result *result) {
  struct wasmtime *api = &guest->engine->api;
  memset(result, 0, sizeof *result);
  result->end = CADRE_ENDED;
  for (int index = 0; index < 2; index++) {
    // A guest of one run may have written while it was made; that counts.
    if (guest->code->kind != CADRE_COMMAND)
      cadre_sink_reset(&guest->sinks[index], request->limits.kept_output_bytes, request->limits.output_bytes);
    free(guest->copies[index]);
    guest->copies[index] = NULL;
  }
  int64_t cpu = cadre_cpu_us(), wall = cadre_now_ns();
  cadre_take_file_limit();
  begin(guest, request);
  switch (guest->code->kind) {
  case CADRE_COMPONENT: result->is_alive = cadre_call_component(guest, request, result); break;
  case CADRE_REACTOR: result->is_alive = cadre_call_reactor(guest, request, result); break;
  case CADRE_COMMAND: cadre_call_command(guest, result); break;
  }
  uint64_t left = 0;
  wasmtime_error_t *fault = api->wasmtime_context_get_fuel(guest->context, &left);
  if (fault) api->wasmtime_error_delete(fault);
  result->fuel = left <= request->limits.fuel ? request->limits.fuel - left : request->limits.fuel;
  end(guest);
  if (result->end == CADRE_ENDED && cadre_now_ns() > guest->deadline_ns + SCAN_NS) result->end = CADRE_WALL;
  scan(guest, &request->limits, &result->scratch_bytes, &result->scratch_files);
  if (result->end == CADRE_ENDED &&
      (result->scratch_bytes > request->limits.scratch_bytes || result->scratch_files > request->limits.scratch_files))
    result->end = CADRE_DISK;
  // The engine reports a file that is too large as any other fault of a device.
  if (cadre_take_file_limit() && result->end == CADRE_ENDED && result->exit_code != 0) result->end = CADRE_DISK;
  for (int index = 0; index < 2; index++) {
    guest->copies[index] = cadre_sink_copy(&guest->sinks[index], &result->outputs[index]);
    if (guest->sinks[index].is_full) result->is_output_limited = 1;
  }
  result->cpu_us = cadre_cpu_us() - cpu;
  result->wall_us = (cadre_now_ns() - wall) / 1000;
  if (result->peak_memory_bytes == 0) result->peak_memory_bytes = cadre_peak_bytes() - guest->engine->base_bytes;
}
