// Loading the engine, its configuration, and code.
#define _GNU_SOURCE
#include "engine.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Enough for deep recursion in guests that compute; guests of scripts find their own limit before it.
#define GUEST_STACK_BYTES (4u << 20)

const char *cadre_engine_version(void) { return CADRE_ENGINE_VERSION; }

void cadre_take_error(cadre_engine *engine, wasmtime_error_t *error, char text[CADRE_ERROR_BYTES]) {
  wasm_byte_vec_t message = {0, 0};
  engine->api.wasmtime_error_message(error, &message);
  size_t count = message.size < CADRE_ERROR_BYTES - 1 ? message.size : CADRE_ERROR_BYTES - 1;
  if (message.data) memcpy(text, message.data, count);
  text[count] = 0;
  engine->api.wasm_byte_vec_delete(&message);
  engine->api.wasmtime_error_delete(error);
}

static int load(struct wasmtime *api, const char *path, char error[CADRE_ERROR_BYTES]) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(error, CADRE_ERROR_BYTES, "%s", reason ? reason : "the library cannot be loaded");
    return 0;
  }
  void *found;
#define TAKE(result, name, arguments)                                                                                  \
  found = dlsym(library, #name);                                                                                       \
  if (!found) {                                                                                                        \
    snprintf(error, CADRE_ERROR_BYTES, "the library has no %s", #name);                                                \
    return 0;                                                                                                          \
  }                                                                                                                    \
  memcpy(&api->name, &found, sizeof found);
  WASMTIME_FUNCTIONS(TAKE)
  return 1;
}

// The same for compiling and for running: code that was compiled otherwise is refused.
static wasmtime_error_t *configure(struct wasmtime *api, wasm_config_t *config, int is_parallel) {
  api->wasmtime_config_consume_fuel_set(config, true);
  api->wasmtime_config_epoch_interruption_set(config, true);
  // In this order: the second must never be larger than the first.
  api->wasmtime_config_async_stack_size_set(config, 2 * GUEST_STACK_BYTES);
  api->wasmtime_config_max_wasm_stack_set(config, GUEST_STACK_BYTES);
  api->wasmtime_config_wasm_threads_set(config, false);
  api->wasmtime_config_wasm_memory64_set(config, false);
  // The limit of memory is one of each memory, so a module has one.
  api->wasmtime_config_wasm_multi_memory_set(config, false);
  api->wasmtime_config_wasm_relaxed_simd_deterministic_set(config, true);
  api->wasmtime_config_parallel_compilation_set(config, is_parallel != 0);
  // Without the features of the processor at hand: the code runs on every one.
#if defined(__x86_64__)
  return api->wasmtime_config_target_set(config, "x86_64-unknown-linux-gnu");
#elif defined(__aarch64__)
  return api->wasmtime_config_target_set(config, "aarch64-unknown-linux-gnu");
#else
#error "the sandbox knows x86_64 and aarch64"
#endif
}

cadre_engine *cadre_engine_open(const char *library, int is_parallel, char error[CADRE_ERROR_BYTES]) {
  cadre_engine *engine = calloc(1, sizeof *engine);
  if (!engine) return NULL;
  struct wasmtime *api = &engine->api;
  if (!load(api, library, error)) {
    free(engine);
    return NULL;
  }
  wasm_config_t *config = api->wasm_config_new();
  wasmtime_error_t *fault = configure(api, config, is_parallel);
  if (!fault) {
    engine->engine = api->wasm_engine_new_with_config(config);
    engine->linker = api->wasmtime_linker_new(engine->engine);
    engine->component_linker = api->wasmtime_component_linker_new(engine->engine);
    fault = api->wasmtime_linker_define_wasi(engine->linker);
  }
  if (!fault) fault = cadre_define_functions(engine);
  if (!fault) fault = api->wasmtime_component_linker_add_wasip2(engine->component_linker);
  engine->base_bytes = cadre_peak_bytes();
  if (!fault) return engine;
  cadre_take_error(engine, fault, error);
  return NULL;
}

// Makes code of what was loaded, or NULL.
static cadre_code *code_of(
    cadre_engine *engine, enum cadre_kind kind, wasmtime_component_t *component, wasmtime_module_t *module,
    wasmtime_error_t *fault, char error[CADRE_ERROR_BYTES]) {
  wasmtime_instance_pre_t *pre = NULL;
  if (!fault && module) fault = engine->api.wasmtime_linker_instantiate_pre(engine->linker, module, &pre);
  cadre_code *code = fault ? NULL : calloc(1, sizeof *code);
  if (fault) cadre_take_error(engine, fault, error);
  if (!code) {
    if (module) engine->api.wasmtime_module_delete(module);
    if (component) engine->api.wasmtime_component_delete(component);
    return NULL;
  }
  *code = (cadre_code){engine, kind, component, module, pre};
  return code;
}

cadre_code *cadre_code_load(
    cadre_engine *engine, enum cadre_kind kind, const char *path, char error[CADRE_ERROR_BYTES]) {
  wasmtime_component_t *component = NULL;
  wasmtime_module_t *module = NULL;
  wasmtime_error_t *fault =
      kind == CADRE_COMPONENT
          ? engine->api.wasmtime_component_deserialize_file(engine->engine, path, &component)
          : engine->api.wasmtime_module_deserialize_file(engine->engine, path, &module);
  return code_of(engine, kind, component, module, fault, error);
}

void cadre_code_drop(cadre_code *code) {
  if (!code) return;
  struct wasmtime *api = &code->engine->api;
  if (code->pre) api->wasmtime_instance_pre_delete(code->pre);
  if (code->module) api->wasmtime_module_delete(code->module);
  if (code->component) api->wasmtime_component_delete(code->component);
  free(code);
}

int cadre_compile(
    cadre_engine *engine, enum cadre_kind kind, const uint8_t *bytes, size_t count, uint8_t **compiled,
    size_t *compiled_count, char error[CADRE_ERROR_BYTES]) {
  struct wasmtime *api = &engine->api;
  wasm_byte_vec_t code = {0, 0};
  wasmtime_error_t *fault;
  if (kind == CADRE_COMPONENT) {
    wasmtime_component_t *component = NULL;
    fault = api->wasmtime_component_new(engine->engine, bytes, count, &component);
    if (!fault) fault = api->wasmtime_component_serialize(component, &code);
    if (component) api->wasmtime_component_delete(component);
  } else {
    wasmtime_module_t *module = NULL;
    fault = api->wasmtime_module_new(engine->engine, bytes, count, &module);
    if (!fault) {
      // What asks for functions that no guest gets is found now, not when it runs.
      wasmtime_instance_pre_t *pre = NULL;
      fault = api->wasmtime_linker_instantiate_pre(engine->linker, module, &pre);
      if (pre) api->wasmtime_instance_pre_delete(pre);
    }
    if (!fault) fault = api->wasmtime_module_serialize(module, &code);
    if (module) api->wasmtime_module_delete(module);
  }
  if (fault) {
    cadre_take_error(engine, fault, error);
    return 0;
  }
  *compiled = malloc(code.size ? code.size : 1);
  if (*compiled) {
    memcpy(*compiled, code.data, code.size);
    *compiled_count = code.size;
  }
  api->wasm_byte_vec_delete(&code);
  return *compiled != NULL;
}

void cadre_bytes_free(uint8_t *bytes) { free(bytes); }
