// Compiles a trusted component or module with the configuration of the sandbox's worker: it is built from the worker's own
// sources, so that the two cannot differ. Usage: compile LIBRARY component|module INPUT OUTPUT
#include "CSandboxEngine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments) {
  char error[CADRE_ERROR_BYTES] = "";
  if (count != 5) return 64;
  cadre_engine *engine = cadre_engine_open(arguments[1], 1, error);
  if (!engine) {
    fprintf(stderr, "compile: %s\n", error);
    return 1;
  }
  FILE *input = fopen(arguments[3], "rb");
  if (!input || fseek(input, 0, SEEK_END) != 0) return 1;
  long size = ftell(input);
  rewind(input);
  uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1), *compiled = NULL;
  size_t compiled_count = 0;
  if (!bytes || fread(bytes, 1, (size_t)size, input) != (size_t)size) return 1;
  enum cadre_kind kind = strcmp(arguments[2], "component") == 0 ? CADRE_COMPONENT : CADRE_COMMAND;
  if (!cadre_compile(engine, kind, bytes, (size_t)size, &compiled, &compiled_count, error)) {
    fprintf(stderr, "compile: %s\n", error);
    return 1;
  }
  FILE *output = fopen(arguments[4], "wb");
  int is_written = output && fwrite(compiled, 1, compiled_count, output) == compiled_count && fclose(output) == 0;
  return is_written ? 0 : 1;
}
