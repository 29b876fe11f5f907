// The command line: --profile NAME --scratch FOLDER [--control N] [--read PATH]... [--uid N --gid N] [--data-bytes N]
// [--file-bytes N] [--cpu-seconds N] [--files N] [--processes N] [--landlock require|allow-missing]
// [--namespaces auto|off] [--port N]... -- PROGRAM ARGUMENTS
#include "jail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_number(const char *text, uint64_t most, uint64_t *value) {
  char *end;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || text[0] == '-' || number > most) return 0;
  *value = number;
  return 1;
}

static int read_choice(const char *text, const char *no, const char *yes, int *value) {
  *value = strcmp(text, yes) == 0;
  return *value || strcmp(text, no) == 0;
}

static int read_profile(const char *text, enum profile *profile) {
  static const char *const names[] = {"wasm-run", "wasm-compile", "native-python", "program", "unconfined"};
  for (int index = 0; index < 5; index++) {
    if (strcmp(text, names[index]) != 0) continue;
    *profile = (enum profile)index;
    return 1;
  }
  return 0;
}

static int read_option(struct plan *plan, const char *name, const char *value, int *has_group) {
  uint64_t number = 0;
  if (!strcmp(name, "--profile")) return read_profile(value, &plan->profile);
  if (!strcmp(name, "--scratch")) return (plan->scratch = value)[0] == '/';
  if (!strcmp(name, "--read")) {
    if (plan->read_count == PATHS_MAX || value[0] != '/') return 0;
    plan->read[plan->read_count++] = value;
    return 1;
  }
  if (!strcmp(name, "--port")) {
    if (plan->port_count == PORTS_MAX || !read_number(value, 65535, &number) || number == 0) return 0;
    plan->ports[plan->port_count++] = number;
    return 1;
  }
  if (!strcmp(name, "--control")) {
    if (!read_number(value, 1 << 16, &number) || number < 3) return 0;
    plan->control = (int)number;
    return 1;
  }
  if (!strcmp(name, "--uid")) {
    // Never root, and never the number that means "no change".
    plan->has_user = read_number(value, UINT32_MAX - 1, &number) && number > 0;
    plan->user = (uid_t)number;
    return plan->has_user;
  }
  if (!strcmp(name, "--gid")) {
    *has_group = read_number(value, UINT32_MAX - 1, &number) && number > 0;
    plan->group = (gid_t)number;
    return *has_group;
  }
  if (!strcmp(name, "--data-bytes")) return read_number(value, 1ull << 40, &plan->data_bytes);
  if (!strcmp(name, "--file-bytes")) return read_number(value, 1ull << 40, &plan->file_bytes);
  if (!strcmp(name, "--cpu-seconds")) return read_number(value, 1u << 20, &plan->cpu_seconds);
  if (!strcmp(name, "--files")) return read_number(value, 1u << 16, &plan->files);
  if (!strcmp(name, "--processes")) return read_number(value, 1u << 16, &plan->processes);
  if (!strcmp(name, "--landlock")) return read_choice(value, "allow-missing", "require", &plan->needs_landlock);
  if (!strcmp(name, "--namespaces")) return read_choice(value, "off", "auto", &plan->wants_namespaces);
  return 0;
}

int jail_read_plan(struct plan *plan, int count, char **arguments) {
  int has_group = 0, has_profile = 0;
  memset(plan, 0, sizeof *plan);
  plan->control = 3;
  plan->data_bytes = 320ull << 20;
  plan->file_bytes = 16ull << 20;
  plan->cpu_seconds = 60;
  plan->files = 64;
  plan->processes = 40;
  plan->needs_landlock = 1;
  plan->wants_namespaces = 1;
  for (int index = 1; index < count; index += 2) {
    if (!strcmp(arguments[index], "--")) {
      plan->program = arguments + index + 1;
      // The program is an absolute path: nothing is searched.
      if (!has_profile || plan->has_user != has_group || index + 1 >= count || arguments[index + 1][0] != '/') return 0;
      // What bounds nothing takes no bounds either, so that none is thought to hold.
      if (plan->profile == PROFILE_UNCONFINED) return index == 3;
      return plan->scratch && (plan->port_count == 0 || plan->profile == PROFILE_PROGRAM);
    }
    if (index + 1 >= count || !read_option(plan, arguments[index], arguments[index + 1], &has_group)) return 0;
    has_profile |= !strcmp(arguments[index], "--profile");
  }
  return 0;
}
