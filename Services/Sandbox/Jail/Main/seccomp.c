// The list of allowed system calls. Everything else is an error of the caller (EPERM); what only an attack asks for ends
// the process. Calls with a wide meaning are allowed for the arguments that are needed.
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSTRUCTIONS_MAX 900
#define X32_BIT 0x40000000u

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the jail knows x86_64 and aarch64"
#endif

static struct sock_filter code[INSTRUCTIONS_MAX];
static unsigned count;

static void add(uint16_t operation, uint8_t yes, uint8_t no, uint32_t value) {
  if (count < INSTRUCTIONS_MAX) code[count] = (struct sock_filter){operation, yes, no, value};
  count++;
}

static void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset); }
static void end(uint32_t action) { add(BPF_RET | BPF_K, 0, 0, action); }
static void load_number(void) { load(offsetof(struct seccomp_data, nr)); }
static size_t low(int argument) { return offsetof(struct seccomp_data, args) + 8 * (size_t)argument; }

// For one call: an action.
static void on(long number, uint32_t action) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)number);
  end(action);
}

static void allow(const long *numbers, size_t length) {
  for (size_t index = 0; index < length; index++) on(numbers[index], SECCOMP_RET_ALLOW);
}

#define DENY (SECCOMP_RET_ERRNO | EPERM)

// For one call: allowed when the 32 bits of an argument are one of the values, otherwise denied.
static void allow_values(long number, int argument, const uint32_t *values, uint8_t length) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(length + 3), (uint32_t)number);
  load(low(argument));
  for (uint8_t index = 0; index < length; index++)
    add(BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(length - index), 0, values[index]);
  end(DENY);
  end(SECCOMP_RET_ALLOW);
}

// For one call: allowed when all 64 bits of an argument are a value, otherwise denied.
static void allow_wide(long number, int argument, uint64_t value) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 6, (uint32_t)number);
  load(low(argument));
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, (uint32_t)value);
  load(low(argument) + 4);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)(value >> 32));
  end(SECCOMP_RET_ALLOW);
  end(DENY);
}

// For one call: allowed when a bit of the first argument is set.
static void allow_flag(long number, uint32_t bit) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)number);
  load(low(0));
  add(BPF_JMP | BPF_JSET | BPF_K, 0, 1, bit);
  end(SECCOMP_RET_ALLOW);
  end(DENY);
}

// For one call: denied when one of the bits of an argument is set, otherwise allowed.
static void deny_flags(long number, int argument, uint32_t bits) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)number);
  load(low(argument));
  add(BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
  end(DENY);
  end(SECCOMP_RET_ALLOW);
}

// For one call: allowed for streams of one of two families, by TCP where the family has several protocols. Landlock bounds
// the ports of TCP alone: SCTP and MPTCP, which are streams too, could reach every port.
static void allow_sockets(long number, uint32_t domain, uint32_t other_domain) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 11, (uint32_t)number);
  load(low(0));
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, domain);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 7, other_domain);
  load(low(2));
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, IPPROTO_TCP);
  load(low(1));
  // Without SOCK_CLOEXEC and SOCK_NONBLOCK.
  add(BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SOCK_STREAM);
  end(SECCOMP_RET_ALLOW);
  end(DENY);
}

// Mapping: no memory that is shared and belongs to no file, which no limit of a process counts.
static void deny_shared_memory(void) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 7, SYS_mmap);
  load(low(3));
  add(BPF_JMP | BPF_JSET | BPF_K, 0, 4, MAP_ANONYMOUS);
  add(BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf);
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, MAP_SHARED);
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 3 /* MAP_SHARED_VALIDATE */);
  end(DENY);
  end(SECCOMP_RET_ALLOW);
}

static const long common[] = {
    SYS_brk, SYS_clock_getres, SYS_clock_gettime, SYS_clock_nanosleep, SYS_close, SYS_epoll_create1, SYS_epoll_ctl,
    SYS_epoll_pwait, SYS_eventfd2, SYS_exit, SYS_exit_group, SYS_faccessat, SYS_faccessat2, SYS_fcntl, SYS_fdatasync,
    SYS_fstat, SYS_fstatfs, SYS_fsync, SYS_ftruncate, SYS_futex, SYS_getdents64, SYS_getegid, SYS_geteuid, SYS_getgid,
    SYS_getpid, SYS_getrandom, SYS_getrusage, SYS_gettid, SYS_getuid, SYS_getcwd, SYS_linkat, SYS_lseek, SYS_madvise,
    SYS_mkdirat, SYS_mmap, SYS_mprotect, SYS_mremap, SYS_munmap, SYS_nanosleep, SYS_newfstatat, SYS_openat, SYS_openat2,
    SYS_ppoll, SYS_pread64, SYS_preadv, SYS_pwrite64, SYS_pwritev, SYS_read, SYS_readlinkat, SYS_readv,
    SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sched_getaffinity,
    SYS_sched_yield, SYS_set_robust_list, SYS_set_tid_address, SYS_sigaltstack, SYS_statx, SYS_symlinkat, SYS_unlinkat,
    SYS_uname, SYS_utimensat, SYS_write, SYS_writev, SYS_renameat2, SYS_fadvise64, SYS_fallocate,
#if defined(__x86_64__)
    SYS_access, SYS_arch_prctl, SYS_epoll_wait, SYS_poll, SYS_readlink, SYS_time, SYS_stat, SYS_lstat, SYS_open,
    SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_rename, SYS_renameat, SYS_select,
#endif
};

static const long for_compiler[] = {SYS_memfd_create, SYS_sysinfo};
static const long for_python[] = {SYS_sysinfo, SYS_dup, SYS_dup3, SYS_pipe2, SYS_pselect6, SYS_sendfile, SYS_copy_file_range,
#if defined(__x86_64__)
                                  SYS_dup2, SYS_pipe,
#endif
};

// A program of any kind: processes in its own group, pipes, and sockets that lead to its own processes only. Watches of
// files are refused: Landlock does not see to them, and they would tell of every folder of the machine.
static const long for_program[] = {
    SYS_capget, SYS_chdir, SYS_close_range, SYS_copy_file_range, SYS_dup, SYS_dup3, SYS_epoll_pwait2, SYS_execve,
    SYS_fchdir, SYS_fchmod, SYS_flock, SYS_getgroups, SYS_getitimer, SYS_getpeername, SYS_getpgid, SYS_getppid,
    SYS_getpriority, SYS_getresgid, SYS_getresuid, SYS_getrlimit, SYS_getsid, SYS_getsockname, SYS_getsockopt,
    SYS_gettimeofday, SYS_inotify_init1, SYS_inotify_rm_watch, SYS_ioprio_get, SYS_membarrier,
    SYS_mincore, SYS_mlock, SYS_msync, SYS_munlock, SYS_pidfd_open, SYS_pipe2, SYS_preadv2, SYS_pselect6, SYS_pwritev2,
    SYS_recvfrom, SYS_recvmsg, SYS_rt_sigpending, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_sched_get_priority_max,
    SYS_sched_get_priority_min, SYS_sched_getparam, SYS_sched_getscheduler, SYS_sendfile, SYS_sendmsg, SYS_setitimer,
    SYS_setrlimit, SYS_setsockopt, SYS_shutdown, SYS_signalfd4, SYS_splice, SYS_statfs, SYS_sync_file_range, SYS_sysinfo,
    SYS_tee, SYS_timer_create, SYS_timer_delete, SYS_timer_getoverrun, SYS_timer_gettime, SYS_timer_settime,
    SYS_timerfd_create, SYS_timerfd_gettime, SYS_timerfd_settime, SYS_times, SYS_umask, SYS_wait4, SYS_waitid,
    SYS_getcpu,
#if defined(__x86_64__)
    SYS_alarm, SYS_creat, SYS_dup2, SYS_epoll_create, SYS_eventfd, SYS_fork, SYS_getdents, SYS_getpgrp, SYS_inotify_init,
    SYS_link, SYS_pause, SYS_pipe, SYS_signalfd, SYS_symlink, SYS_vfork,
#endif
};

// Where no other process has the user: who may be signalled, and what of a file may be changed, goes by the user.
static const long for_own_user[] = {
    SYS_fchmodat, SYS_truncate,
#if defined(__x86_64__)
    SYS_chmod, SYS_utime, SYS_utimes,
#endif
};
static const long signals[] = {SYS_kill, SYS_tkill, SYS_tgkill, SYS_pidfd_send_signal};

// What callers take for missing, and do without.
static const long attributes[] = {
    SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr, SYS_setxattr,
    SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
};

#define NAMESPACE_FLAGS 0x7e020080u
#define LIST(numbers) numbers, sizeof numbers / sizeof numbers[0]

// Before the common list: here some of its calls are allowed for less.
static void allow_program(const struct plan *plan, const struct layers *layers) {
  deny_shared_memory();
  deny_flags(SYS_clone, 0, NAMESPACE_FLAGS);
  // Local pairs only. Of datagrams one end could still send to any socket of the file system.
  allow_sockets(SYS_socketpair, AF_UNIX, AF_UNIX);
  if (plan->port_count > 0) {
    allow_sockets(SYS_socket, AF_INET, AF_INET6);
    on(SYS_connect, SECCOMP_RET_ALLOW);
  }
  // It would connect without a call that Landlock sees.
  deny_flags(SYS_sendmsg, 2, MSG_FASTOPEN);
  // Sending on a connection, not to an address.
  allow_wide(SYS_sendto, 4, 0);
  if (layers->has_own_user || layers->landlock >= LANDLOCK_SIGNALS) allow(LIST(signals));
  if (layers->has_own_user) allow(LIST(for_own_user));
  else on(SYS_utimensat, DENY);
  for (size_t index = 0; index < sizeof attributes / sizeof attributes[0]; index++)
    on(attributes[index], SECCOMP_RET_ERRNO | EOPNOTSUPP);
  on(452 /* fchmodat2 */, SECCOMP_RET_ERRNO | ENOSYS);
  allow(LIST(for_program));
}

// What nothing here ever asks for. A process that does has been taken over.
static const long fatal[] = {
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_userfaultfd, SYS_perf_event_open,
    SYS_init_module, SYS_finit_module, SYS_kexec_load, SYS_open_by_handle_at,
};

int jail_restrict_calls(const struct plan *plan, const struct layers *layers, const char *path) {
  static const uint32_t requests[] = {FIONREAD, FIOCLEX, FIONCLEX, FIONBIO, 0x5401 /* TCGETS */, 0x5413 /* TIOCGWINSZ */};
  static const uint32_t settings[] = {PR_SET_NAME, PR_GET_NAME, 0x53564d41 /* names of memory */};
  load(offsetof(struct seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
  end(SECCOMP_RET_KILL_PROCESS);
  load_number();
#if defined(__x86_64__)
  add(BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
  end(SECCOMP_RET_KILL_PROCESS);
#endif
  if (plan->profile == PROFILE_PROGRAM) allow_program(plan, layers);
  allow(LIST(common));
  if (plan->profile == PROFILE_COMPILE) allow(LIST(for_compiler));
  if (plan->profile == PROFILE_PYTHON) allow(LIST(for_python));
  // A program of any kind may ask whether it could; it gets an error like for the rest.
  for (size_t index = 0; plan->profile != PROFILE_PROGRAM && index < sizeof fatal / sizeof fatal[0]; index++)
    on(fatal[index], SECCOMP_RET_KILL_PROCESS);
  // Threads, no processes. The newer call passes its flags in memory, where a filter cannot see them: callers fall back.
  on(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  allow_flag(SYS_clone, CLONE_THREAD);
  // Only the exec below, which passes this very pointer.
  allow_wide(SYS_execve, 0, (uint64_t)(uintptr_t)path);
  // Reading limits, not setting them.
  allow_wide(SYS_prlimit64, 2, 0);
  // A signal to a thread of this process: abort.
  allow_wide(SYS_tgkill, 0, (uint64_t)getpid());
  allow_values(SYS_ioctl, 1, requests, sizeof requests / sizeof requests[0]);
  allow_values(SYS_prctl, 0, settings, sizeof settings / sizeof settings[0]);
  end(DENY);
  if (count > INSTRUCTIONS_MAX) {
    errno = E2BIG;
    return 0;
  }
  struct sock_fprog program = {(unsigned short)count, code};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &program) == 0;
}
