#define _GNU_SOURCE
#include "probe.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// A child must not go on with the probes.
static long forked(long result) {
  if (result == 0) _exit(1);
  return result;
}

static void processes(void) {
  must_fail("fork", forked(fork()));
  must_fail("clone-process", forked(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
  must_fail("clone-namespace", forked(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)));
  must_fail("clone-3", forked(syscall(SYS_clone3, 0, 0)));
  must_fail("signal-to-parent", kill(getppid(), 0));
  must_fail("signal-to-all", kill(-1, 0));
  must_fail("signal-to-1", kill(1, 0));
  must_fail("signal-to-thread-of-parent", syscall(SYS_tgkill, getppid(), getppid(), 0));
  must_fail("queue-signal", syscall(SYS_rt_sigqueueinfo, getppid(), 0, 0));
  must_fail("descriptor-of-process", syscall(SYS_pidfd_open, getppid(), 0));
  must_fail("descriptor-of-other", syscall(SYS_pidfd_getfd, 3, 0, 0));
  must_fail("parent-waits", syscall(SYS_waitid, P_ALL, 0, 0, WNOHANG | WEXITED, 0));
  must_fail("set-session", setsid());
  must_fail("set-group", setpgid(0, 0));
}

static void identity(void) {
  must_fail("set-user", setuid(0));
  must_fail("set-users", setresuid(0, 0, 0));
  must_fail("set-group-id", setgid(0));
  must_fail("set-groups", syscall(SYS_setgroups, 0, 0));
  must_fail("capabilities", syscall(SYS_capset, 0, 0));
  must_fail("unshare-user", unshare(CLONE_NEWUSER));
  must_fail("unshare-net", unshare(CLONE_NEWNET));
  must_fail("enter-namespace", setns(3, 0));
  struct rlimit more = {1 << 20, 1 << 20};
  must_fail("raise-limit", setrlimit(RLIMIT_NOFILE, &more));
  must_fail("raise-limit-of-parent", prlimit(getppid(), RLIMIT_CPU, &more, 0));
  must_fail("dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  must_fail("outlive-parent", prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
  must_fail("seccomp-again", prctl(PR_SET_SECCOMP, 1, 0, 0, 0));
  must_fail("personality", syscall(SYS_personality, 0x0040000));
}

static void kernel(void) {
  must_fail("io-uring", syscall(SYS_io_uring_setup, 1, 0));
  must_fail("memory-file", syscall(SYS_memfd_create, "a", 0));
  must_fail("secret-memory", syscall(447, 0));
  must_fail("keys", syscall(SYS_keyctl, 0, 0));
  must_fail("add-key", syscall(SYS_add_key, "user", "a", "b", 1, -1));
  must_fail("shared-memory", syscall(SYS_shmget, 0, 4096, 0600 | 01000));
  must_fail("message-queue", syscall(SYS_msgget, 0, 0600 | 01000));
  must_fail("posix-queue", syscall(SYS_mq_open, "a", O_CREAT | O_RDWR, 0600, 0));
  must_fail("semaphore", syscall(SYS_semget, 0, 1, 0600 | 01000));
  must_fail("real-time", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &(int){1}));
  must_fail("priority", setpriority(PRIO_PROCESS, 0, -5));
  must_fail("affinity", syscall(SYS_sched_setaffinity, 0, 8, &(long){1}));
  must_fail("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
  must_fail("set-time", syscall(SYS_settimeofday, 0, 0));
  must_fail("host-name", syscall(SYS_sethostname, "a", 1));
  must_fail("kernel-log", syscall(SYS_syslog, 3, 0, 0));
  must_fail("swap", syscall(SYS_swapoff, "/x"));
  must_fail("accounting", syscall(SYS_acct, 0));
  must_fail("fanotify", syscall(SYS_fanotify_init, 0, 0));
  must_fail("inotify", syscall(SYS_inotify_init1, 0));
  must_fail("timer-descriptor", syscall(SYS_timerfd_create, 0, 0));
  must_fail("watch-process", syscall(SYS_kcmp, getpid(), getppid(), 0, 0, 0));
  must_fail("migrate", syscall(SYS_migrate_pages, 0, 0, 0, 0));
  must_fail("lock-memory", syscall(SYS_mlockall, 1));
  must_fail("terminal-input", ioctl(0, TIOCSTI, "a"));
  must_fail("terminal-control", ioctl(0, TIOCSCTTY, 0));
  must_fail("landlock", syscall(444, 0, 0, 1));
  must_fail("splice", syscall(SYS_vmsplice, 1, 0, 0, 0));
  must_fail("shared-file-memory", syscall(SYS_remap_file_pages, 0, 0, 0, 0, 0));
}

void probe_kernel(void) {
  processes();
  identity();
  kernel();
}

void make_fatal_call(const char *name) {
  if (!strcmp(name, "ptrace")) ptrace(PTRACE_ATTACH, getppid(), 0, 0);
  if (!strcmp(name, "read-process")) syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0);
  if (!strcmp(name, "write-process")) syscall(SYS_process_vm_writev, getppid(), 0, 0, 0, 0, 0);
  if (!strcmp(name, "bpf")) syscall(SYS_bpf, 0, 0, 0);
  if (!strcmp(name, "userfaultfd")) syscall(SYS_userfaultfd, 0);
  if (!strcmp(name, "perf")) syscall(SYS_perf_event_open, 0, 0, 0, 0, 0);
  if (!strcmp(name, "module")) syscall(SYS_init_module, 0, 0, "");
  if (!strcmp(name, "kexec")) syscall(SYS_kexec_load, 0, 0, 0, 0);
  if (!strcmp(name, "file-handle")) syscall(SYS_open_by_handle_at, 3, 0, 0);
#if defined(__x86_64__)
  // Calls of the other two interfaces of this processor.
  if (!strcmp(name, "x32")) syscall(SYS_getpid | 0x40000000);
  if (!strcmp(name, "32-bit")) {
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result)::"memory");
  }
#endif
}
