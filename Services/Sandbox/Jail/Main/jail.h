// What the parts of the jail share. The jail is started by the supervisor, takes everything away from its own process
// that the program does not need, and becomes the program by exec. There is no process between the two, but for programs
// that may start others.
#pragma once
#include <stdint.h>
#include <sys/types.h>

#define PATHS_MAX 32
#define NAMESPACES_MAX 4

#define PORTS_MAX 32
// Revisions of Landlock from which on TCP and signals can be bounded.
#define LANDLOCK_TCP 4
#define LANDLOCK_SIGNALS 6

// From the third on programs do not have the control descriptor, from the fourth on they may start others.
enum profile { PROFILE_RUN, PROFILE_COMPILE, PROFILE_PYTHON, PROFILE_PROGRAM, PROFILE_UNCONFINED };

// What is to be done, from the command line.
struct plan {
  enum profile profile;
  int control;
  const char *scratch;
  const char *read[PATHS_MAX];
  int read_count;
  // TCP ports that the program may connect to; without any it has no network.
  uint64_t ports[PORTS_MAX];
  int port_count;
  int has_user;
  uid_t user;
  gid_t group;
  uint64_t data_bytes, file_bytes, cpu_seconds, files, processes;
  int needs_landlock;
  int wants_namespaces;
  char **program;
};

// What was done.
struct layers {
  int landlock;
  int has_filter;
  int has_own_user;
  int has_no_capabilities;
  const char *namespaces[NAMESPACES_MAX];
  int namespace_count;
};

// Reads the command line; 0 when it is wrong.
int jail_read_plan(struct plan *plan, int count, char **arguments);

// Parts this process in two: the one that this returns in becomes the program. The other one, whose id is returned, ends
// when the program or `parent` ends, and with it all that the program has started.
pid_t jail_supervise(const struct plan *plan, pid_t parent);

// Sends a frame with the layers to the supervisor.
void jail_report(const struct plan *plan, const struct layers *layers);
// Sends a frame with what has failed, and ends the process.
_Noreturn void jail_refuse(const struct plan *plan, const char *layer);

// Limits the file system, the network and signals; the revision that is enforced, 0 when the kernel has none.
int jail_restrict_paths(const struct plan *plan);
// Takes away all system calls but the ones of the profile. `path`: the only pointer that may be executed, where the
// profile has no programs of its own.
int jail_restrict_calls(const struct plan *plan, const struct layers *layers, const char *path);
