// The part of the C interface of wasmtime 50.0.1 that the sandbox uses. The library is loaded when the process runs; a
// test compares this list with the bindings that come with it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CADRE_ENGINE_VERSION "50.0.1"

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasi_config_t wasi_config_t;
typedef struct wasmtime_caller wasmtime_caller_t;
typedef struct wasmtime_component_export_index_t wasmtime_component_export_index_t;
typedef struct wasmtime_component_linker_t wasmtime_component_linker_t;
typedef struct wasmtime_component_t wasmtime_component_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_instance_pre wasmtime_instance_pre_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_store wasmtime_store_t;

typedef struct {
  size_t size;
  char *data;
} wasm_byte_vec_t;

typedef struct {
  size_t size;
  wasm_valtype_t **data;
} wasm_valtype_vec_t;

typedef struct {
  uint64_t store_id;
  void *private_part;
} wasmtime_func_t;

typedef struct {
  uint64_t store_id;
  size_t private_part;
} wasmtime_instance_t;

typedef struct {
  struct {
    uint64_t store_id;
    uint32_t private_part1;
  } first;
  uint32_t private_part2;
} wasmtime_memory_t;

enum { WASMTIME_EXTERN_FUNC = 0, WASMTIME_EXTERN_MEMORY = 3 };

typedef struct {
  uint8_t kind;
  union {
    wasmtime_func_t func;
    wasmtime_memory_t memory;
    uint64_t largest[3];
  } of;
} wasmtime_extern_t;

enum { WASM_I32 = 0, WASM_I64 = 1 };

typedef struct {
  uint8_t kind;
  union {
    int32_t i32;
    int64_t i64;
    uint64_t largest[3];
  } of;
} wasmtime_val_t;

typedef struct {
  uint64_t store_id;
  uint32_t private_part;
} wasmtime_component_instance_t;

typedef struct {
  struct {
    uint64_t store_id;
    uint32_t private_part1;
  } first;
  uint32_t private_part2;
  void *private_part3;
} wasmtime_component_func_t;

enum { WASMTIME_COMPONENT_STRING = 12 };

typedef struct {
  uint8_t kind;
  union {
    wasm_byte_vec_t string;
    uint64_t largest[3];
  } of;
} wasmtime_component_val_t;

_Static_assert(sizeof(wasmtime_extern_t) == 32, "size of an extern");
_Static_assert(sizeof(wasmtime_val_t) == 32, "size of a value");
_Static_assert(sizeof(wasmtime_instance_t) == 16, "size of an instance");
_Static_assert(sizeof(wasmtime_component_val_t) == 32, "size of a component value");
_Static_assert(sizeof(wasmtime_component_func_t) == 32, "size of a component function");

typedef wasm_trap_t *(*wasmtime_func_callback_t)(
    void *environment, wasmtime_caller_t *caller, const wasmtime_val_t *arguments, size_t argument_count,
    wasmtime_val_t *results, size_t result_count);
typedef wasmtime_error_t *(*wasmtime_deadline_callback_t)(
    wasmtime_context_t *context, void *data, uint64_t *ticks, uint8_t *kind);
typedef ssize_t (*wasi_output_t)(void *data, const unsigned char *bytes, size_t count);
typedef void (*wasmtime_finalizer_t)(void *);

// Each function once: its result, its name, its arguments.
#define WASMTIME_FUNCTIONS(F)                                                                                          \
  F(void, wasm_byte_vec_delete, (wasm_byte_vec_t *))                                                                   \
  F(void, wasm_byte_vec_new_uninitialized, (wasm_byte_vec_t *, size_t))                                                \
  F(wasm_config_t *, wasm_config_new, (void))                                                                          \
  F(void, wasmtime_config_consume_fuel_set, (wasm_config_t *, bool))                                                   \
  F(void, wasmtime_config_epoch_interruption_set, (wasm_config_t *, bool))                                             \
  F(void, wasmtime_config_max_wasm_stack_set, (wasm_config_t *, size_t))                                               \
  F(void, wasmtime_config_async_stack_size_set, (wasm_config_t *, size_t))                                             \
  F(void, wasmtime_config_wasm_threads_set, (wasm_config_t *, bool))                                                   \
  F(void, wasmtime_config_wasm_memory64_set, (wasm_config_t *, bool))                                                  \
  F(void, wasmtime_config_wasm_multi_memory_set, (wasm_config_t *, bool))                                              \
  F(void, wasmtime_config_wasm_relaxed_simd_deterministic_set, (wasm_config_t *, bool))                                \
  F(void, wasmtime_config_parallel_compilation_set, (wasm_config_t *, bool))                                           \
  F(wasmtime_error_t *, wasmtime_config_target_set, (wasm_config_t *, const char *))                                   \
  F(wasm_engine_t *, wasm_engine_new_with_config, (wasm_config_t *))                                                   \
  F(void, wasmtime_engine_increment_epoch, (wasm_engine_t *))                                                          \
  F(void, wasmtime_error_delete, (wasmtime_error_t *))                                                                 \
  F(void, wasmtime_error_message, (const wasmtime_error_t *, wasm_byte_vec_t *))                                       \
  F(bool, wasmtime_error_exit_status, (const wasmtime_error_t *, int *))                                               \
  F(wasmtime_error_t *, wasmtime_error_new, (const char *))                                                            \
  F(void, wasm_trap_delete, (wasm_trap_t *))                                                                           \
  F(void, wasm_trap_message, (const wasm_trap_t *, wasm_byte_vec_t *))                                                 \
  F(wasm_trap_t *, wasmtime_trap_new, (const char *, size_t))                                                          \
  F(wasmtime_store_t *, wasmtime_store_new, (wasm_engine_t *, void *, wasmtime_finalizer_t))                           \
  F(wasmtime_context_t *, wasmtime_store_context, (wasmtime_store_t *))                                                \
  F(void, wasmtime_store_limiter, (wasmtime_store_t *, int64_t, int64_t, int64_t, int64_t, int64_t))                   \
  F(void, wasmtime_store_delete, (wasmtime_store_t *))                                                                 \
  F(wasmtime_error_t *, wasmtime_context_set_fuel, (wasmtime_context_t *, uint64_t))                                   \
  F(wasmtime_error_t *, wasmtime_context_get_fuel, (const wasmtime_context_t *, uint64_t *))                           \
  F(wasmtime_error_t *, wasmtime_context_set_wasi, (wasmtime_context_t *, wasi_config_t *))                            \
  F(void, wasmtime_context_set_epoch_deadline, (wasmtime_context_t *, uint64_t))                                       \
  F(void, wasmtime_store_epoch_deadline_callback,                                                                      \
    (wasmtime_store_t *, wasmtime_deadline_callback_t, void *, wasmtime_finalizer_t))                                  \
  F(wasi_config_t *, wasi_config_new, (void))                                                                          \
  F(bool, wasi_config_set_argv, (wasi_config_t *, size_t, const char *const *))                                        \
  F(void, wasi_config_set_stdin_bytes, (wasi_config_t *, wasm_byte_vec_t *))                                           \
  F(void, wasi_config_set_stdout_custom, (wasi_config_t *, wasi_output_t, void *, wasmtime_finalizer_t))               \
  F(void, wasi_config_set_stderr_custom, (wasi_config_t *, wasi_output_t, void *, wasmtime_finalizer_t))               \
  F(bool, wasi_config_preopen_dir, (wasi_config_t *, const char *, const char *, bool))                                \
  F(wasm_valtype_t *, wasm_valtype_new, (uint8_t))                                                                     \
  F(void, wasm_valtype_vec_new, (wasm_valtype_vec_t *, size_t, wasm_valtype_t *const *))                               \
  F(wasm_functype_t *, wasm_functype_new, (wasm_valtype_vec_t *, wasm_valtype_vec_t *))                                \
  F(void, wasm_functype_delete, (wasm_functype_t *))                                                                   \
  F(wasmtime_error_t *, wasmtime_module_new, (wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **))         \
  F(wasmtime_error_t *, wasmtime_module_serialize, (wasmtime_module_t *, wasm_byte_vec_t *))                           \
  F(wasmtime_error_t *, wasmtime_module_deserialize_file, (wasm_engine_t *, const char *, wasmtime_module_t **))       \
  F(void, wasmtime_module_delete, (wasmtime_module_t *))                                                               \
  F(wasmtime_linker_t *, wasmtime_linker_new, (wasm_engine_t *))                                                       \
  F(void, wasmtime_linker_allow_shadowing, (wasmtime_linker_t *, bool))                                                \
  F(wasmtime_error_t *, wasmtime_linker_define_wasi, (wasmtime_linker_t *))                                            \
  F(wasmtime_error_t *, wasmtime_linker_define_func,                                                                   \
    (wasmtime_linker_t *, const char *, size_t, const char *, size_t, const wasm_functype_t *,                         \
     wasmtime_func_callback_t, void *, wasmtime_finalizer_t))                                                          \
  F(wasmtime_error_t *, wasmtime_linker_instantiate_pre,                                                               \
    (const wasmtime_linker_t *, const wasmtime_module_t *, wasmtime_instance_pre_t **))                                \
  F(wasmtime_error_t *, wasmtime_instance_pre_instantiate,                                                             \
    (const wasmtime_instance_pre_t *, wasmtime_context_t *, wasmtime_instance_t *, wasm_trap_t **))                    \
  F(void, wasmtime_instance_pre_delete, (wasmtime_instance_pre_t *))                                                   \
  F(bool, wasmtime_instance_export_get,                                                                                \
    (wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t, wasmtime_extern_t *))                    \
  F(bool, wasmtime_caller_export_get, (wasmtime_caller_t *, const char *, size_t, wasmtime_extern_t *))                \
  F(wasmtime_context_t *, wasmtime_caller_context, (wasmtime_caller_t *))                                              \
  F(void, wasmtime_extern_delete, (wasmtime_extern_t *))                                                               \
  F(wasmtime_error_t *, wasmtime_func_call,                                                                            \
    (wasmtime_context_t *, const wasmtime_func_t *, const wasmtime_val_t *, size_t, wasmtime_val_t *, size_t,          \
     wasm_trap_t **))                                                                                                  \
  F(uint8_t *, wasmtime_memory_data, (const wasmtime_context_t *, const wasmtime_memory_t *))                          \
  F(size_t, wasmtime_memory_data_size, (const wasmtime_context_t *, const wasmtime_memory_t *))                        \
  F(wasmtime_error_t *, wasmtime_component_new,                                                                        \
    (const wasm_engine_t *, const uint8_t *, size_t, wasmtime_component_t **))                                         \
  F(wasmtime_error_t *, wasmtime_component_serialize, (const wasmtime_component_t *, wasm_byte_vec_t *))               \
  F(wasmtime_error_t *, wasmtime_component_deserialize_file,                                                           \
    (const wasm_engine_t *, const char *, wasmtime_component_t **))                                                    \
  F(void, wasmtime_component_delete, (wasmtime_component_t *))                                                         \
  F(wasmtime_component_linker_t *, wasmtime_component_linker_new, (const wasm_engine_t *))                             \
  F(wasmtime_error_t *, wasmtime_component_linker_add_wasip2, (wasmtime_component_linker_t *))                         \
  F(wasmtime_error_t *, wasmtime_component_linker_instantiate,                                                         \
    (const wasmtime_component_linker_t *, wasmtime_context_t *, const wasmtime_component_t *,                          \
     wasmtime_component_instance_t *))                                                                                 \
  F(wasmtime_component_export_index_t *, wasmtime_component_instance_get_export_index,                                 \
    (const wasmtime_component_instance_t *, wasmtime_context_t *, const wasmtime_component_export_index_t *,           \
     const char *, size_t))                                                                                            \
  F(void, wasmtime_component_export_index_delete, (wasmtime_component_export_index_t *))                               \
  F(bool, wasmtime_component_instance_get_func,                                                                        \
    (const wasmtime_component_instance_t *, wasmtime_context_t *, const wasmtime_component_export_index_t *,           \
     wasmtime_component_func_t *))                                                                                     \
  F(wasmtime_error_t *, wasmtime_component_func_call,                                                                  \
    (const wasmtime_component_func_t *, wasmtime_context_t *, const wasmtime_component_val_t *, size_t,                \
     wasmtime_component_val_t *, size_t))                                                                              \
  F(wasmtime_error_t *, wasmtime_component_func_post_return,                                                           \
    (const wasmtime_component_func_t *, wasmtime_context_t *))                                                         \
  F(void, wasmtime_component_val_delete, (wasmtime_component_val_t *))

#define WASMTIME_POINTER(result, name, arguments) result(*name) arguments;
// Pointers to the functions of the loaded library.
struct wasmtime {
  WASMTIME_FUNCTIONS(WASMTIME_POINTER)
};
