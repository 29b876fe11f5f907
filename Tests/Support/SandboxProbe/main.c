// Runs inside the jail in place of the worker and tries what must not be possible. Without arguments it writes one line for
// each attempt: its name and `denied`, or `POSSIBLE`. With the name of a call it makes that one, which ends the process.
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

void must_fail(const char *name, long result) { printf("%s %s\n", name, result < 0 ? "denied" : "POSSIBLE"); }

void must_hold(const char *name, int holds) { printf("%s %s\n", name, holds ? "holds" : "BROKEN"); }

static void *nothing(void *data) { return data; }

static void *wait_for_ever(void *data) {
  for (;;) pause();
  return data;
}

static void limits(void) {
  struct rlimit now;
  getrlimit(RLIMIT_CORE, &now);
  must_hold("no-core", now.rlim_max == 0);
  getrlimit(RLIMIT_NOFILE, &now);
  must_hold("files-limited", now.rlim_max <= 64);
  void *volatile memory = malloc(1ul << 30);
  must_fail("memory-over-the-limit", memory ? 0 : -1);
  signal(SIGXFSZ, SIG_IGN);
  int file = open("large", O_CREAT | O_RDWR, 0600);
  must_fail("file-over-the-limit", ftruncate(file, 1ll << 40));
  close(file);
  int count = 0;
  while (count < 1000 && open("large", O_RDONLY) >= 0) count++;
  must_hold("descriptors-run-out", count < 64);
  for (int number = 4; number < 200; number++) close(number);
  pthread_t thread;
  int reason = pthread_create(&thread, NULL, nothing, NULL);
  must_hold("a-thread-runs", reason == 0 && pthread_join(thread, NULL) == 0);
  count = 0;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  while (count < 200 && pthread_create(&thread, &small, wait_for_ever, NULL) == 0) count++;
  // The limit is that of a user, so only one that belongs to this program has it.
  getrlimit(RLIMIT_NPROC, &now);
  if (now.rlim_max <= 64) must_hold("threads-run-out", count < 60);
}

static void process(void) {
  must_hold("no-new-privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || errno == EPERM);
  int count = 0;
  for (int number = 4; number < 64; number++) count += fcntl(number, F_GETFD) >= 0;
  must_hold("no-other-descriptor", count == 0);
  count = 0;
  for (char **each = environ; *each; each++) count++;
  must_hold("two-variables", count == 2);
  must_hold("own-session", getpid() == syscall(SYS_getpid));
  int file = open("mine", O_CREAT | O_RDWR, 0600);
  must_hold("scratch-is-writable", file >= 0 && write(file, "x", 1) == 1 && unlink("mine") == 0);
  close(file);
  file = open("/usr/lib", O_RDONLY | O_DIRECTORY);
  must_hold("libraries-are-readable", file >= 0);
  close(file);
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (count > 1 && !strcmp(arguments[1], "wait")) {
    printf("%d\n", (int)getpid());
    for (;;) pause();
  }
  if (count > 1 && !strcmp(arguments[1], "threads")) {
    pthread_t thread;
    int made = 0;
    while (made < 30 && pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0) made++;
    printf("%d\n", made);
    return 0;
  }
  if (count > 1 && !strcmp(arguments[1], "spin"))
    for (volatile int number = 0;; number++) {}
  if (count > 1) {
    make_fatal_call(arguments[1]);
    printf("%s POSSIBLE\n", arguments[1]);
    return 0;
  }
  process();
  probe_files();
  probe_network();
  probe_kernel();
  limits();
  printf("done holds\n");
  _exit(0);
}
