// A program that may start others has a process between it and the supervisor. It waits for the end of either and then
// ends everything that descends from the program, whatever session, group or parent that has taken: orphans below it
// become its children, which only it can reap, so no signal of it reaches a stranger.
#define _GNU_SOURCE
#include "jail.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Each pass ends one generation; only a program that forks against it needs more than a few.
#define PASSES_MAX 256
// How long a pass waits for one to end; an orphan that came during the pass is met by the next.
#define PASS_NANOSECONDS 50000000

// The parent of a process, 0 when it is gone.
static pid_t parent_of(const char *name) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", name);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  size_t count = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[count] = 0;
  // The name of the program comes first and may hold anything.
  const char *end = strrchr(text, ')');
  int parent = 0;
  return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

static void kill_children(void) {
  DIR *folder = opendir("/proc");
  if (!folder) return;
  const struct dirent *entry;
  while ((entry = readdir(folder))) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);
    if (process > 1 && parent_of(entry->d_name) == getpid()) kill(process, SIGKILL);
  }
  closedir(folder);
}

// Ends all that descends from this process, generation by generation.
static void sweep(void) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  const struct timespec pause = {0, PASS_NANOSECONDS};
  for (int pass = 0; pass < PASSES_MAX; pass++) {
    pid_t ended;
    do ended = waitpid(-1, NULL, WNOHANG);
    while (ended > 0 || (ended < 0 && errno == EINTR));
    if (ended < 0) return;
    kill_children();
    sigtimedwait(&ends, NULL, &pause);
  }
}

// Whether the program has ended; reaps what was left to this process.
static int has_ended(pid_t program, int *status) {
  int found = 0, each;
  pid_t ended;
  while ((ended = waitpid(-1, &each, WNOHANG)) > 0) {
    if (ended != program) continue;
    found = 1;
    *status = each;
  }
  return found;
}

// As the program has ended, so that its status is that of the jail.
static _Noreturn void leave(int status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  int number = WTERMSIG(status);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(number, SIG_DFL);
  kill(getpid(), number);
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, number);
  sigprocmask(SIG_SETMASK, &all, NULL);
  _exit(128 + number);
}

// What it needs from here on is to signal processes of the program's user.
static void keep_signals_only(void) {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct kept[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, kept) != 0) return;
  kept[0].permitted &= 1u << CAP_KILL;
  kept[0].effective = kept[0].permitted;
  kept[0].inheritable = kept[1].permitted = kept[1].effective = kept[1].inheritable = 0;
  syscall(SYS_capset, &header, kept);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

pid_t jail_supervise(const struct plan *plan, pid_t parent) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) jail_refuse(plan, "supervisor");
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  // Blocked signals wait, so none is lost between a look and the wait for the next.
  sigprocmask(SIG_SETMASK, &all, NULL);
  // Wakes this process when the supervisor is gone, instead of ending it; until here it was SIGKILL.
  if (prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0) != 0) jail_refuse(plan, "parent");
  if (getppid() != parent) _exit(127);
  pid_t own = getpid(), program = fork();
  if (program < 0) jail_refuse(plan, "supervisor");
  if (program == 0) {
    sigprocmask(SIG_SETMASK, &none, NULL);
    return own;
  }
  // The program's pipes end with the program.
  syscall(SYS_close_range, 0u, ~0u, 0u);
  if (chdir("/") != 0) _exit(127);
  keep_signals_only();
  int status = 0;
  while (!has_ended(program, &status)) {
    if (getppid() != parent) {
      sweep();
      // What could still be there is in the group, which a jailed program cannot leave. It ends this process too.
      kill(-getpgrp(), SIGKILL);
      _exit(127);
    }
    sigwaitinfo(&all, NULL);
  }
  sweep();
  leave(status);
}
