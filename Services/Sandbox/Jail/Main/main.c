// The order matters: what needs rights comes first, what takes them away comes last.
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The most tasks of one user that are looked for.
#define TASKS_MAX (1u << 22)
// Where the user is that of others: what these may have more until the program has begun all of its own.
#define TASKS_ROOM 256

extern char **environ;

static void limit(const struct plan *plan, int resource, uint64_t value) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) jail_refuse(plan, "rlimits");
  // A hard limit can only become smaller.
  rlim_t hard = now.rlim_max == RLIM_INFINITY || now.rlim_max > value ? (rlim_t)value : now.rlim_max;
  struct rlimit wanted = {hard, hard};
  if (setrlimit(resource, &wanted) != 0) jail_refuse(plan, "rlimits");
}

// Whether another process could begin if the limit of the user's tasks were this.
static int can_begin(const struct plan *plan, rlim_t value, rlim_t hard) {
  struct rlimit wanted = {value, hard};
  if (setrlimit(RLIMIT_NPROC, &wanted) != 0) jail_refuse(plan, "rlimits");
  pid_t child = fork();
  if (child == 0) _exit(0);
  while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
  return child > 0;
}

// Processes and threads that count against the limit already. The kernel counts those of a user wherever they are, in
// other containers too, so no list of processes has them all: what can begin is tried.
static uint64_t tasks_of_user(const struct plan *plan) {
  struct rlimit now;
  if (getrlimit(RLIMIT_NPROC, &now) != 0) jail_refuse(plan, "rlimits");
  rlim_t low = 0, high = now.rlim_max < TASKS_MAX ? now.rlim_max : TASKS_MAX;
  while (high - low > 1) {
    rlim_t middle = low + (high - low) / 2;
    if (can_begin(plan, middle, now.rlim_max)) high = middle;
    else low = middle;
  }
  return low;
}

static void set_limits(const struct plan *plan) {
  limit(plan, RLIMIT_CORE, 0);
  // Private writable memory. The address space is no measure: the engine reserves a lot of it.
  limit(plan, RLIMIT_DATA, plan->data_bytes);
  limit(plan, RLIMIT_FSIZE, plan->file_bytes);
  limit(plan, RLIMIT_CPU, plan->cpu_seconds);
  limit(plan, RLIMIT_NOFILE, plan->files);
  // The kernel counts all that a user runs on the machine, in other containers too: with a user that others have as well,
  // their processes would use it up. A worker that can start no processes is left to the supervisor then, which counts
  // its threads; one that can has what the others have, and some room.
  if (plan->has_user) limit(plan, RLIMIT_NPROC, plan->processes);
  else if (plan->profile >= PROFILE_PROGRAM) limit(plan, RLIMIT_NPROC, plan->processes + tasks_of_user(plan) + TASKS_ROOM);
  limit(plan, RLIMIT_MEMLOCK, 0);
  limit(plan, RLIMIT_MSGQUEUE, 0);
  // What a thread's stack has where its program asks for nothing else; it counts as private memory.
  limit(plan, RLIMIT_STACK, plan->profile == PROFILE_PROGRAM ? 8u << 20 : 16u << 20);
}

// Namespaces are a bonus: where they are not to be had, the other layers carry.
static void make_namespaces(const struct plan *plan, struct layers *layers) {
  static const struct {
    int flag;
    const char *name;
  } kinds[] = {{CLONE_NEWNET, "net"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWUTS, "uts"}};
  if (!plan->wants_namespaces) return;
  for (size_t index = 0; index < sizeof kinds / sizeof kinds[0]; index++) {
    // A network of its own has no connections.
    if (kinds[index].flag == CLONE_NEWNET && plan->port_count > 0) continue;
    if (unshare(kinds[index].flag) == 0) layers->namespaces[layers->namespace_count++] = kinds[index].name;
  }
}

static void change_user(const struct plan *plan, struct layers *layers) {
  layers->has_own_user = 0;
  if (!plan->has_user) return;
  if (setgroups(0, NULL) != 0 || setresgid(plan->group, plan->group, plan->group) != 0 ||
      setresuid(plan->user, plan->user, plan->user) != 0)
    jail_refuse(plan, "user");
  // There must be no way back.
  if (plan->user != 0 && (setuid(0) == 0 || getuid() != plan->user)) jail_refuse(plan, "user");
  layers->has_own_user = 1;
}

static int drop_capabilities(void) {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  syscall(SYS_capset, &header, none);
  struct __user_cap_data_struct left[2] = {{1, 1, 1}, {1, 1, 1}};
  if (syscall(SYS_capget, &header, left) != 0) return 0;
  return (left[0].effective | left[0].permitted | left[1].effective | left[1].permitted) == 0;
}

static void die_with_parent(const struct plan *plan) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) jail_refuse(plan, "parent");
}

// Leaves the three standard descriptors and the control descriptor, which only workers inherit.
static void close_others(const struct plan *plan) {
  if (plan->control > 3 && syscall(SYS_close_range, 3u, (unsigned)plan->control - 1, 0u) != 0)
    jail_refuse(plan, "descriptors");
  if (syscall(SYS_close_range, (unsigned)plan->control + 1, ~0u, 0u) != 0) jail_refuse(plan, "descriptors");
  if (fcntl(plan->control, F_SETFD, plan->profile >= PROFILE_PYTHON ? FD_CLOEXEC : 0) != 0)
    jail_refuse(plan, "descriptors");
}

static void reset_signals(void) {
  for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// A program that is trusted: it ends with the supervisor, and that is all.
static _Noreturn void run_unconfined(const struct plan *plan, const struct layers *layers) {
  close_others(plan);
  jail_report(plan, layers);
  execve(plan->program[0], plan->program, environ);
  jail_refuse(plan, "exec");
}

int main(int count, char **arguments) {
  struct plan plan;
  struct layers layers;
  memset(&layers, 0, sizeof layers);
  if (!jail_read_plan(&plan, count, arguments)) {
    fprintf(stderr, "sandbox-jail: the command line is wrong\n");
    return 64;
  }
  pid_t parent = getppid();
  reset_signals();
  // A group of its own, so that the supervisor can end all that is in it.
  if (setsid() < 0 && getpgrp() != getpid() && setpgid(0, 0) != 0) jail_refuse(&plan, "session");
  die_with_parent(&plan);
  if (plan.profile >= PROFILE_PROGRAM) {
    parent = jail_supervise(&plan, parent);
    die_with_parent(&plan);
  }
  if (getppid() != parent) return 127;
  if (plan.profile == PROFILE_UNCONFINED) run_unconfined(&plan, &layers);
  umask(077);
  make_namespaces(&plan, &layers);
  if (plan.scratch && chdir(plan.scratch) != 0) jail_refuse(&plan, "scratch");
  close_others(&plan);
  // Where this is not allowed, nothing can be gained by exec anyway: no_new_privs below.
  for (int number = 0; number < 64; number++) prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  change_user(&plan, &layers);
  layers.has_no_capabilities = drop_capabilities();
  // A root that keeps its number has no capability from here, but still owns files: the paths below hold it.
  die_with_parent(&plan);
  if (getppid() != parent) return 127;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) jail_refuse(&plan, "dumpable");
  set_limits(&plan);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) jail_refuse(&plan, "no_new_privs");
  layers.landlock = jail_restrict_paths(&plan);
  if (layers.landlock == 0 && plan.needs_landlock) {
    errno = ENOSYS;
    jail_refuse(&plan, "landlock");
  }
  if (plan.port_count > 0 && layers.landlock < LANDLOCK_TCP) {
    // Nothing else can bound where it connects to.
    errno = ENOSYS;
    jail_refuse(&plan, "network");
  }
  // Sent before the filter, which then stands for the rest: when it fails, the process ends.
  layers.has_filter = 1;
  jail_report(&plan, &layers);
  static char *worker_environment[] = {"LANG=C.UTF-8", "SWIFT_BACKTRACE=enable=no", NULL};
  if (!jail_restrict_calls(&plan, &layers, plan.program[0])) jail_refuse(&plan, "seccomp");
  execve(plan.program[0], plan.program, plan.profile == PROFILE_PROGRAM ? environ : worker_environment);
  jail_refuse(&plan, "exec");
}
