// What the files of the engine share.
#pragma once
#include "include/CSandboxEngine.h"
#include "wasmtime.h"

#include <stdatomic.h>
#include <time.h>

struct cadre_engine {
  struct wasmtime api;
  wasm_engine_t *engine;
  wasmtime_component_linker_t *component_linker;
  wasmtime_linker_t *linker;
  // Memory of the process before there was any guest.
  int64_t base_bytes;
};

struct cadre_code {
  cadre_engine *engine;
  enum cadre_kind kind;
  wasmtime_component_t *component;
  wasmtime_module_t *module;
  wasmtime_instance_pre_t *pre;
};

// One output of a guest: the beginning, a ring with the end, and the count.
struct cadre_sink {
  uint8_t *bytes;
  size_t head_max, tail_max, head_count, tail_start, tail_count;
  int64_t total, total_max;
  // Whether a write was refused.
  int is_full;
};

struct cadre_guest {
  cadre_engine *engine;
  cadre_code *code;
  char *scratch;
  wasmtime_store_t *store;
  wasmtime_context_t *context;
  wasmtime_instance_t instance;
  wasmtime_component_instance_t component;
  wasmtime_component_func_t run;
  wasmtime_component_val_t answer;
  struct cadre_sink sinks[2];
  uint8_t *copies[2];
  int is_reactor_started;

  // Of the run that is going on.
  const struct cadre_request *request;
  int64_t deadline_ns;
  int64_t next_scan_ns;
  // Why the host has ended it; `CADRE_ENDED` when it has not.
  int stop;
  int64_t virtual_ns;
  uint64_t random;
  int64_t scratch_bytes, scratch_files;
  // Files without names that were open before the guest was there.
  int64_t foreign_bytes, foreign_files;
};

int64_t cadre_now_ns(void);
// Most memory that this process has had, in bytes.
int64_t cadre_peak_bytes(void);

// Writes the message of an error to `text` and deletes it.
void cadre_take_error(cadre_engine *engine, wasmtime_error_t *error, char text[CADRE_ERROR_BYTES]);

// Takes an error or a trap as the end of the run.
void cadre_take_end(cadre_guest *guest, wasmtime_error_t *error, wasm_trap_t *trap, struct cadre_result *result);

// Calls a guest of each kind. 0 when it has trapped or ended itself.
int cadre_call_component(cadre_guest *guest, const struct cadre_request *request, struct cadre_result *result);
int cadre_call_reactor(cadre_guest *guest, const struct cadre_request *request, struct cadre_result *result);
int cadre_call_command(cadre_guest *guest, struct cadre_result *result);

// The functions of WASI preview 1 that the host does itself.
wasmtime_error_t *cadre_define_functions(cadre_engine *engine);
// The guest that runs: host functions have no other way to it.
extern _Thread_local cadre_guest *cadre_current;

void cadre_sink_reset(struct cadre_sink *sink, int64_t kept, int64_t most);
ssize_t cadre_sink_write(void *sink, const unsigned char *bytes, size_t count);
// Copies what is kept into one piece, which the caller frees.
uint8_t *cadre_sink_copy(const struct cadre_sink *sink, struct cadre_output *output);
void cadre_sink_free(struct cadre_sink *sink);

// Counts files that are open and have lost their names.
void cadre_scan_nameless(int64_t *bytes, int64_t *files);
// Counts what is in the scratch folder, up to a little more than the limits.
void cadre_scan_scratch(const char *path, int64_t bytes_max, int64_t files_max, int64_t *bytes, int64_t *files);

// Whether a file has reached the limit of the process since the last look.
int cadre_take_file_limit(void);

// Between these two the epoch advances every 5 ms.
void cadre_ticker_start(cadre_engine *engine);
void cadre_ticker_stop(void);
