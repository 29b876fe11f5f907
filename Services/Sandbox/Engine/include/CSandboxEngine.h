// What the sandbox's worker needs of the engine: load it, compile, make an instance, run it under limits. One thread uses
// this at a time; nothing here may be called for two guests at once.
#pragma once
#include <stdint.h>
#include <stddef.h>

#define CADRE_ERROR_BYTES 512

// The engine and everything that all guests share.
typedef struct cadre_engine cadre_engine;
// Compiled code.
typedef struct cadre_code cadre_code;
// An instance with its memory.
typedef struct cadre_guest cadre_guest;

// What kind of code it is.
enum cadre_kind {
  // A component that exports `run`, as the Python guest does.
  CADRE_COMPONENT = 0,
  // A module that exports `cadre_run`, as the JavaScript guest does.
  CADRE_REACTOR = 1,
  // A module that exports `_start`.
  CADRE_COMMAND = 2,
};

// How a run has ended.
enum cadre_end {
  CADRE_ENDED = 0,
  CADRE_WALL = 1,
  CADRE_FUEL = 2,
  CADRE_MEMORY = 3,
  CADRE_STACK = 4,
  CADRE_DISK = 5,
  CADRE_TRAP = 6,
  CADRE_FAULT = 7,
};

// Bytes of somebody else.
struct cadre_bytes {
  const uint8_t *start;
  size_t count;
};

struct cadre_limits {
  int64_t wall_ns;
  uint64_t fuel;
  int64_t memory_bytes;
  int64_t output_bytes;
  int64_t kept_output_bytes;
  int64_t result_bytes;
  int64_t scratch_bytes;
  int64_t scratch_files;
};

struct cadre_request {
  struct cadre_bytes source, arguments, input, options;
  struct cadre_limits limits;
  int is_deterministic;
  int64_t seed;
  int64_t clock_ms;
};

struct cadre_output {
  uint8_t *bytes;
  size_t count, head_count;
  int64_t total;
};

// What became of a run. `outputs`, `result` and the text stay until the next run or until the guest is dropped.
struct cadre_result {
  int end;
  int has_exit_code;
  int64_t exit_code;
  int is_output_limited;
  // Whether the instance can run again.
  int is_alive;
  char text[CADRE_ERROR_BYTES];
  struct cadre_output outputs[2];
  uint8_t *result;
  size_t result_count;
  uint64_t fuel;
  int64_t cpu_us, wall_us, peak_memory_bytes, scratch_bytes, scratch_files;
};

// The version that these declarations fit.
const char *cadre_engine_version(void);

// Loads the library. `is_parallel`: whether compiling may use threads. NULL and a text in `error` when it cannot be had.
cadre_engine *cadre_engine_open(const char *library, int is_parallel, char error[CADRE_ERROR_BYTES]);

// Loads what `cadre_compile` has made. The caller vouches for the bytes: they are run as native code.
cadre_code *cadre_code_load(cadre_engine *engine, enum cadre_kind kind, const char *path, char error[CADRE_ERROR_BYTES]);
void cadre_code_drop(cadre_code *code);

// Compiles untrusted code. The bytes are freed with `free`.
int cadre_compile(
    cadre_engine *engine, enum cadre_kind kind, const uint8_t *bytes, size_t count, uint8_t **compiled,
    size_t *compiled_count, char error[CADRE_ERROR_BYTES]);

// Makes an instance that sees the folder `scratch` as `/scratch` and nothing else. Its memory limit is that of `request`.
cadre_guest *cadre_guest_new(
    cadre_engine *engine, cadre_code *code, const char *scratch, const struct cadre_request *request,
    struct cadre_result *result);
// Sets how large the memory of an instance may grow, from now on.
void cadre_guest_limit(cadre_guest *guest, int64_t memory_bytes);
// Runs a program in it.
void cadre_guest_run(cadre_guest *guest, const struct cadre_request *request, struct cadre_result *result);
// Drops it. What its last result refers to is gone.
void cadre_guest_drop(cadre_guest *guest);

// Ignores or notes the signals that a guest can cause.
void cadre_handle_signals(void);

// The arguments of the process, the program's name first.
int cadre_argument_count(void);
const char *cadre_argument(int index);

// Frees what `cadre_compile` has made.
void cadre_bytes_free(uint8_t *bytes);
// Processor time of this process in microseconds.
int64_t cadre_cpu_us(void);

// Runs a function on a thread with a stack that is large enough for guests, and waits for it. 0 when it ran.
int cadre_run_on_large_stack(void (*function)(void *), void *data);

// SHA-256 of a file in hex, and its identity (device, inode, size, change time) as text. 0 and errno when it is not there.
int cadre_file_digest(const char *path, char digest[65]);
int cadre_file_identity(const char *path, char identity[128]);
