// Landlock: read-only to the named paths, read and write to the one scratch folder, execution of the program and its
// loader only, no TCP, no abstract sockets and no signals to others. Constants are written out: headers may be older than
// the kernel.
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
  EXECUTE = 1 << 0,
  WRITE_FILE = 1 << 1,
  READ_FILE = 1 << 2,
  READ_FOLDER = 1 << 3,
  REMOVE_FOLDER = 1 << 4,
  REMOVE_FILE = 1 << 5,
  MAKE_FOLDER = 1 << 7,
  MAKE_FILE = 1 << 8,
  MAKE_LINK = 1 << 12,
  MOVE = 1 << 13,
  TRUNCATE = 1 << 14,
};
// All rights of revision 1, and what later ones have added.
#define RIGHTS_1 ((1ull << 13) - 1)
#define RIGHT_DEVICES (1ull << 15)
#define NET_BIND 1ull
#define NET_CONNECT 2ull
#define SCOPE_ABSTRACT_SOCKETS 1ull
#define SCOPE_SIGNALS 2ull

struct ruleset {
  uint64_t paths, net, scopes;
};

struct __attribute__((packed)) path_rule {
  uint64_t rights;
  int32_t parent;
};

static int allow(const struct plan *plan, int ruleset, const char *path, uint64_t rights, uint64_t handled, int is_needed) {
  int file = open(path, O_PATH | O_CLOEXEC);
  if (file < 0) {
    if (is_needed) jail_refuse(plan, "paths");
    return 0;
  }
  struct stat status;
  if (fstat(file, &status) != 0) jail_refuse(plan, "paths");
  // Rights of folders cannot be given for a file.
  if (!S_ISDIR(status.st_mode)) rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
  struct path_rule rule = {rights & handled, file};
  if (syscall(SYS_landlock_add_rule, ruleset, 1, &rule, 0) != 0) jail_refuse(plan, "landlock");
  close(file);
  return 1;
}

struct __attribute__((packed)) port_rule {
  uint64_t rights, port;
};

// What programs of any kind need beside the common paths: programs, what they are configured with, themselves.
static void allow_system(const struct plan *plan, int ruleset, uint64_t handled) {
  static const char *const programs[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64"};
  static const char *const files[] = {
      "/etc/ssl",        "/etc/pki",          "/etc/ca-certificates", "/etc/ld.so.cache",   "/etc/localtime",
      "/etc/timezone",   "/etc/mime.types",   "/etc/resolv.conf",     "/etc/hosts",         "/etc/nsswitch.conf",
      "/etc/host.conf",  "/etc/gai.conf",     "/etc/services",        "/etc/protocols",     "/dev/urandom",
      "/dev/random",     "/proc/meminfo",     "/proc/cpuinfo",        "/proc/stat",         "/proc/self",
      "/sys/devices/system/cpu",
  };
  for (size_t index = 0; index < sizeof programs / sizeof programs[0]; index++)
    allow(plan, ruleset, programs[index], READ_FILE | READ_FOLDER | EXECUTE, handled, 0);
  for (size_t index = 0; index < sizeof files / sizeof files[0]; index++)
    allow(plan, ruleset, files[index], READ_FILE | READ_FOLDER, handled, 0);
  // Not /dev/zero: mapped as shared it is memory that no limit of a process counts.
  allow(plan, ruleset, "/dev/null", READ_FILE | WRITE_FILE, handled, 0);
}

static void allow_ports(const struct plan *plan, int ruleset) {
  for (int index = 0; index < plan->port_count; index++) {
    struct port_rule rule = {NET_CONNECT, plan->ports[index]};
    if (syscall(SYS_landlock_add_rule, ruleset, 2, &rule, 0) != 0) jail_refuse(plan, "network");
  }
}

int jail_restrict_paths(const struct plan *plan) {
  static const char *const system[] = {"/usr/lib",        "/lib",      "/lib64",         "/etc/ld.so.cache",
                                       "/dev/urandom",    "/dev/null", "/usr/share/zoneinfo"};
  static const char *const loaders[] = {
      "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"};
  int revision = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1u);
  if (revision <= 0) return 0;
  struct ruleset wanted = {RIGHTS_1, 0, 0};
  if (revision >= 2) wanted.paths |= MOVE;
  if (revision >= 3) wanted.paths |= TRUNCATE;
  if (revision >= 5) wanted.paths |= RIGHT_DEVICES;
  if (revision >= LANDLOCK_TCP) wanted.net = NET_BIND | NET_CONNECT;
  if (revision >= LANDLOCK_SIGNALS) wanted.scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
  // Kernels refuse members that they do not know, so the structure ends where their revision ends.
  size_t size = revision >= LANDLOCK_SIGNALS ? 24 : revision >= LANDLOCK_TCP ? 16 : 8;
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0u);
  if (ruleset < 0) jail_refuse(plan, "landlock");
  int is_program = plan->profile == PROFILE_PROGRAM;
  if (is_program) allow_system(plan, ruleset, wanted.paths);
  if (is_program && revision >= LANDLOCK_TCP) allow_ports(plan, ruleset);
  for (size_t index = 0; !is_program && index < sizeof system / sizeof system[0]; index++)
    allow(plan, ruleset, system[index], READ_FILE | READ_FOLDER, wanted.paths, 0);
  for (size_t index = 0; index < sizeof loaders / sizeof loaders[0]; index++)
    allow(plan, ruleset, loaders[index], READ_FILE | EXECUTE, wanted.paths, 0);
  for (int index = 0; index < plan->read_count; index++)
    allow(plan, ruleset, plan->read[index], READ_FILE | READ_FOLDER | (is_program ? EXECUTE : 0), wanted.paths, 1);
  allow(plan, ruleset, plan->program[0], READ_FILE | EXECUTE, wanted.paths, 1);
  // No devices, pipes and sockets: opening one of them can block for ever.
  allow(
      plan, ruleset, plan->scratch,
      READ_FILE | READ_FOLDER | WRITE_FILE | REMOVE_FOLDER | REMOVE_FILE | MAKE_FOLDER | MAKE_FILE | MAKE_LINK |
          TRUNCATE | MOVE,
      wanted.paths, 1);
  if (syscall(SYS_landlock_restrict_self, ruleset, 0u) != 0) jail_refuse(plan, "landlock");
  close(ruleset);
  return revision;
}
