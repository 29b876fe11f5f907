// Linux interfaces that Swift's Glibc module leaves out, and wrappers for variadic C functions.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <grp.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

static inline int cadre_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL, 0);
  return flags < 0 ? flags : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static inline int cadre_set_blocking(int fd) {
  int flags = fcntl(fd, F_GETFL, 0);
  return flags < 0 ? flags : fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
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
extern int pipe2(int fds[2], int flags);
extern int dup3(int from, int to, int flags);

/// Accepts a connection as a non-blocking, close-on-exec descriptor; -1 and errno otherwise.
static inline int cadre_accept(int fd) { return accept4(fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC); }

/// Bytes that were passed to the kernel and that the peer has not acknowledged; -1 when that is not known.
static inline int cadre_unacknowledged(int fd) {
  int count = 0;
  return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : -1;
}

/// A limit of a resource (setrlimit).
struct cadre_limit {
  int resource;
  unsigned long long value;
};

/// What a program is started with.
struct cadre_program {
  const char *path;
  char *const *arguments;
  char *const *environment;
  const char *folder;
  /// Both outputs of the program; the input is empty.
  int output;
  uid_t user;
  gid_t group;
  int changes_user;
  /// The signal that it gets when this process dies; 0 for none.
  int dies_with_parent;
  const struct cadre_limit *limits;
  int limit_count;
  /// A descriptor that the program gets as number 3; -1 for none.
  int control;
};

static inline void cadre_spawn_failed(int report) {
  int reason = errno;
  (void)!write(report, &reason, sizeof reason);
  _exit(127);
}

/// The child's side of `cadre_spawn`. Only async-signal-safe calls follow the fork. `report` takes errno when the program
/// cannot be started, and is closed by the kernel when it was.
static inline void cadre_run_program(const struct cadre_program *program, pid_t parent, int report) {
  setpgid(0, 0);
  // A signal that the parent ignores or blocks is not the program's concern.
  for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (input < 0) cadre_spawn_failed(report);
  // Away from the numbers that are given to the program.
  int high_report = fcntl(report, F_DUPFD_CLOEXEC, 4);
  int high_output = fcntl(program->output, F_DUPFD_CLOEXEC, 4);
  int high_input = fcntl(input, F_DUPFD_CLOEXEC, 4);
  int has_control = program->control >= 0;
  int high_control = has_control ? fcntl(program->control, F_DUPFD_CLOEXEC, 5) : -1;
  if (high_report < 0 || high_output < 0 || high_input < 0 || (has_control && high_control < 0))
    cadre_spawn_failed(report);
  // Once more, so that the places below are free of what is still needed.
  if ((high_report = fcntl(high_report, F_DUPFD_CLOEXEC, 5)) < 0) cadre_spawn_failed(report);
  if (dup2(high_input, 0) < 0 || dup2(high_output, 1) < 0 || dup2(high_output, 2) < 0 ||
      (has_control && dup2(high_control, 3) < 0) || dup3(high_report, 3 + has_control, O_CLOEXEC) < 0)
    cadre_spawn_failed(high_report);
  report = 3 + has_control;
  unsigned first = (unsigned)report + 1;
  if (syscall(SYS_close_range, first, ~0U, 0U) != 0) {
    // Older than the call: whatever could be open.
    struct rlimit files;
    int most = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 1048576 ? (int)files.rlim_cur : 1048576;
    for (int fd = (int)first; fd < most; fd++) close(fd);
  }
  if (program->folder && chdir(program->folder) != 0) cadre_spawn_failed(report);
  for (int index = 0; index < program->limit_count; index++) {
    struct rlimit limit = {program->limits[index].value, program->limits[index].value};
    if (setrlimit(program->limits[index].resource, &limit) != 0) cadre_spawn_failed(report);
  }
  if (program->changes_user &&
      (setgroups(0, 0) != 0 || setgid(program->group) != 0 || setuid(program->user) != 0))
    cadre_spawn_failed(report);
  if (program->dies_with_parent) {
    prctl(PR_SET_PDEATHSIG, program->dies_with_parent, 0, 0, 0);
    if (getppid() != parent) _exit(127);
  }
  execve(program->path, program->arguments, program->environment);
  cadre_spawn_failed(report);
}

/// Starts a program in a process group of its own, without any descriptor of this process but its output. Returns the
/// process id once the program runs, or -1 and errno.
static inline pid_t cadre_spawn(const struct cadre_program *program) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -1;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) cadre_run_program(program, parent, report[1]);
  int reason = child < 0 ? errno : 0;
  close(report[1]);
  if (child > 0) {
    ssize_t count;
    do {
      count = read(report[0], &reason, sizeof reason);
    } while (count < 0 && errno == EINTR);
    if (count == (ssize_t)sizeof reason) {
      while (waitpid(child, 0, 0) < 0 && errno == EINTR) {
      }
      child = -1;
    }
  }
  close(report[0]);
  if (child < 0) errno = reason;
  return child;
}

/// A descriptor that becomes readable when a process ends; -1 and errno when the kernel has none.
static inline int cadre_process_descriptor(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

/// Whether a child has ended, without reaping it.
static inline int cadre_has_ended(pid_t process) {
  siginfo_t info;
  info.si_pid = 0;
  return waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == process;
}

static inline int cadre_exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// What a child has used.
struct cadre_usage {
  /// Time on a processor, in microseconds.
  unsigned long long user_us;
  unsigned long long system_us;
  /// The most that was resident, in bytes.
  unsigned long long resident_bytes_max;
};

/// Reaps a child that has ended; its id, 0 while it runs, or -1. (`wait4` is hidden without _DEFAULT_SOURCE.)
static inline pid_t cadre_reap(pid_t process, int *status, struct cadre_usage *usage) {
  struct rusage used;
  pid_t got = (pid_t)syscall(SYS_wait4, process, status, WNOHANG, &used);
  if (got == process) {
    usage->user_us = (unsigned long long)used.ru_utime.tv_sec * 1000000 + (unsigned long long)used.ru_utime.tv_usec;
    usage->system_us = (unsigned long long)used.ru_stime.tv_sec * 1000000 + (unsigned long long)used.ru_stime.tv_usec;
    usage->resident_bytes_max = (unsigned long long)used.ru_maxrss * 1024;
  }
  return got;
}

/// The signal that has killed a child; 0 when it has left by itself.
static inline int cadre_exit_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

/// A pair of connected stream sockets, closed at exec; the first does not block.
static inline int cadre_socket_pair(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  return cadre_set_nonblocking(ends[0]);
}

/// Opens a path below a folder: no symbolic link is followed, nothing outside is reached, nothing is waited for.
static inline int cadre_open_beneath(int folder, const char *path, unsigned long long flags, unsigned long long mode) {
  struct open_how how = {
      .flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
      .mode = mode,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };
  return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/// Time of a process on processors, in microseconds; -1 when it is not known.
static inline long long cadre_processor_microseconds(pid_t process) {
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return -1;
  return (long long)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}
