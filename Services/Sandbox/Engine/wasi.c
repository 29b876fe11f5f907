// Functions of WASI preview 1 that the host does itself: the engine's own would sleep past a deadline, hand out any amount
// of random bytes in one call, or differ from run to run. Everything a guest passes is checked against its memory.
#define _GNU_SOURCE
#include "engine.h"

#include <string.h>
#include <sys/random.h>

_Thread_local cadre_guest *cadre_current;

enum { OK = 0, FAULT = 21, INVALID = 28, IO = 29, NOT_SUPPORTED = 58 };

// Random bytes between two looks at the clock.
#define RANDOM_PIECE_BYTES 65536
// Subscriptions of one `poll_oneoff`.
#define SUBSCRIPTIONS_MAX 1024
#define SUBSCRIPTION_BYTES 48
#define EVENT_BYTES 32

// The guest's bytes at an address, or NULL when they are not all there.
static uint8_t *memory_at(wasmtime_caller_t *caller, uint32_t address, uint64_t count) {
  if (!cadre_current) return NULL;
  struct wasmtime *api = &cadre_current->engine->api;
  wasmtime_extern_t item;
  if (!api->wasmtime_caller_export_get(caller, "memory", 6, &item)) return NULL;
  uint8_t *found = NULL;
  if (item.kind == WASMTIME_EXTERN_MEMORY) {
    wasmtime_context_t *context = api->wasmtime_caller_context(caller);
    size_t size = api->wasmtime_memory_data_size(context, &item.of.memory);
    if (address <= size && count <= size - address)
      found = api->wasmtime_memory_data(context, &item.of.memory) + address;
  }
  api->wasmtime_extern_delete(&item);
  return found;
}

static int is_deterministic(void) { return cadre_current && cadre_current->request->is_deterministic; }

static int64_t virtual_now(void) {
  cadre_current->virtual_ns += 1000000;
  return cadre_current->virtual_ns;
}

// The sequence of random bytes of a deterministic run (splitmix64).
static uint64_t next_random(void) {
  uint64_t value = cadre_current->random += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

static int random_get(wasmtime_caller_t *caller, const wasmtime_val_t *arguments) {
  uint32_t address = (uint32_t)arguments[0].of.i32, count = (uint32_t)arguments[1].of.i32;
  uint8_t *bytes = memory_at(caller, address, count);
  if (!bytes) return FAULT;
  for (uint32_t done = 0; done < count;) {
    uint32_t piece = count - done < RANDOM_PIECE_BYTES ? count - done : RANDOM_PIECE_BYTES;
    if (cadre_now_ns() > cadre_current->deadline_ns) return IO;
    if (is_deterministic()) {
      for (uint32_t place = 0; place < piece; place += 8) {
        uint64_t value = next_random();
        memcpy(bytes + done + place, &value, piece - place < 8 ? piece - place : 8);
      }
    } else if (getrandom(bytes + done, piece, 0) != (ssize_t)piece) {
      return IO;
    }
    done += piece;
  }
  return OK;
}

static int clock_time_get(wasmtime_caller_t *caller, const wasmtime_val_t *arguments) {
  uint32_t clock = (uint32_t)arguments[0].of.i32;
  uint8_t *place = memory_at(caller, (uint32_t)arguments[2].of.i32, 8);
  if (!place) return FAULT;
  if (clock > 3) return INVALID;
  int64_t value;
  if (is_deterministic()) {
    value = virtual_now();
  } else {
    static const clockid_t clocks[] = {
        CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    struct timespec now;
    clock_gettime(clocks[clock], &now);
    value = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  }
  memcpy(place, &value, 8);
  return OK;
}

// Sleeps until a time, at most a little past the deadline: the guest then ends at its next instruction.
static void sleep_until(int64_t until) {
  int64_t last = cadre_current->deadline_ns + 1000000;
  if (until > last) until = last;
  struct timespec time = {until / 1000000000, until % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

// Files are always ready here, so a poll that has one does not wait; one of clocks alone sleeps until the first.
static int poll_oneoff(wasmtime_caller_t *caller, const wasmtime_val_t *arguments) {
  uint32_t count = (uint32_t)arguments[2].of.i32;
  if (count == 0 || count > SUBSCRIPTIONS_MAX) return INVALID;
  const uint8_t *wanted = memory_at(caller, (uint32_t)arguments[0].of.i32, (uint64_t)count * SUBSCRIPTION_BYTES);
  uint8_t *events = memory_at(caller, (uint32_t)arguments[1].of.i32, (uint64_t)count * EVENT_BYTES);
  uint8_t *place = memory_at(caller, (uint32_t)arguments[3].of.i32, 4);
  if (!wanted || !events || !place) return FAULT;
  // Taken out first: the guest may have given overlapping places.
  struct {
    uint64_t user;
    int64_t until;
    uint8_t kind;
  } found[SUBSCRIPTIONS_MAX];
  int64_t now = cadre_now_ns(), first = INT64_MAX;
  int has_file = 0;
  for (uint32_t index = 0; index < count; index++) {
    const uint8_t *one = wanted + (size_t)index * SUBSCRIPTION_BYTES;
    memcpy(&found[index].user, one, 8);
    found[index].kind = one[8];
    if (one[8] > 2) return INVALID;
    if (one[8] != 0) {
      has_file = 1;
      continue;
    }
    uint32_t clock;
    uint64_t timeout;
    memcpy(&clock, one + 16, 4);
    memcpy(&timeout, one + 24, 8);
    int64_t wait = timeout > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)timeout;
    if (one[40] & 1) {
      // An absolute time, by the clock that the guest has seen.
      struct timespec at;
      clock_gettime(clock == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &at);
      int64_t seen = is_deterministic() ? cadre_current->virtual_ns : (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
      wait = wait > seen ? wait - seen : 0;
    }
    found[index].until = now + wait;
    if (found[index].until < first) first = found[index].until;
  }
  if (!has_file) {
    if (is_deterministic()) cadre_current->virtual_ns += first - now;
    else sleep_until(first);
  }
  uint32_t ready = 0;
  for (uint32_t index = 0; index < count; index++) {
    if (found[index].kind == 0 && (has_file || found[index].until > first)) continue;
    uint8_t *event = events + (size_t)ready++ * EVENT_BYTES;
    memset(event, 0, EVENT_BYTES);
    memcpy(event, &found[index].user, 8);
    event[10] = found[index].kind;
    if (found[index].kind != 0) event[16] = 1;
  }
  memcpy(place, &ready, 4);
  return OK;
}

static int refuse(wasmtime_caller_t *caller, const wasmtime_val_t *arguments) { return NOT_SUPPORTED; }

typedef int (*host_function)(wasmtime_caller_t *, const wasmtime_val_t *);

// The types of arguments: i for 32 bits, l for 64. All give a status.
static const struct function {
  const char *name, *types;
  host_function run;
} functions[] = {
    {"random_get", "ii", random_get},
    {"clock_time_get", "ili", clock_time_get},
    {"poll_oneoff", "iiii", poll_oneoff},
    {"sock_accept", "iii", refuse},
    {"sock_recv", "iiiiii", refuse},
    {"sock_send", "iiiii", refuse},
    {"sock_shutdown", "ii", refuse},
};

static wasm_trap_t *call(
    void *environment, wasmtime_caller_t *caller, const wasmtime_val_t *arguments, size_t argument_count,
    wasmtime_val_t *results, size_t result_count) {
  const struct function *function = environment;
  results[0].kind = WASM_I32;
  results[0].of.i32 = function->run(caller, arguments);
  return NULL;
}

wasmtime_error_t *cadre_define_functions(cadre_engine *engine) {
  static const char module[] = "wasi_snapshot_preview1";
  struct wasmtime *api = &engine->api;
  api->wasmtime_linker_allow_shadowing(engine->linker, true);
  for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
    const struct function *function = &functions[index];
    wasm_valtype_t *types[8];
    size_t count = strlen(function->types);
    for (size_t place = 0; place < count; place++)
      types[place] = api->wasm_valtype_new(function->types[place] == 'i' ? WASM_I32 : WASM_I64);
    wasm_valtype_t *status[] = {api->wasm_valtype_new(WASM_I32)};
    wasm_valtype_vec_t arguments, results;
    api->wasm_valtype_vec_new(&arguments, count, types);
    api->wasm_valtype_vec_new(&results, 1, status);
    wasm_functype_t *type = api->wasm_functype_new(&arguments, &results);
    wasmtime_error_t *fault = api->wasmtime_linker_define_func(
        engine->linker, module, sizeof module - 1, function->name, strlen(function->name), type, call,
        (void *)function, NULL);
    api->wasm_functype_delete(type);
    if (fault) return fault;
  }
  return NULL;
}
