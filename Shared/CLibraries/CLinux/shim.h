// Linux interfaces that Swift's Glibc module leaves out, and wrappers for variadic C functions.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <grp.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

static inline int cadre_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL, 0);
  return flags < 0 ? flags : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/// Keeps freed memory up to `top_bytes` at the end of each arena, and takes blocks below `block_bytes` from there: bodies
/// of some 100 KB would else be mapped, filled with zeros and given back again with every request.
static inline void cadre_keep_freed_memory(int top_bytes, int block_bytes) {
  mallopt(M_TRIM_THRESHOLD, top_bytes);
  mallopt(M_MMAP_THRESHOLD, block_bytes);
}

/// Names the calling thread (15 characters at most).
static inline void cadre_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Declared here because the header hides it without _GNU_SOURCE.
extern int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);

/// Accepts a connection as a non-blocking, close-on-exec descriptor; -1 and errno otherwise.
static inline int cadre_accept(int fd) { return accept4(fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC); }

/// Bytes that were handed to the kernel and that the peer has not acknowledged; -1 when that is not known.
static inline int cadre_unacknowledged(int fd) {
  int count = 0;
  return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : -1;
}

/// Starts a program in a process group of its own, with both outputs on `output`, optionally as another user, and so that it
/// gets SIGTERM when its parent dies. Returns the process id, or -1 and errno. Only async-signal-safe calls follow the fork.
static inline pid_t cadre_spawn(
    const char *path, char *const arguments[], char *const environment[], const char *folder, int output, uid_t user,
    gid_t group, int changes_user) {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child != 0) return child;
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  int input = open("/dev/null", O_RDONLY);
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  for (int fd = 3; fd < 256; fd++) close(fd);
  if (folder && chdir(folder) != 0) _exit(126);
  if (changes_user && (setgroups(0, 0) != 0 || setgid(group) != 0 || setuid(user) != 0)) _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (getppid() != parent) _exit(127);
  execve(path, arguments, environment);
  _exit(127);
}
static inline int cadre_exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
