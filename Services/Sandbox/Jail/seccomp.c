// The list of allowed system calls. Everything else is an error of the caller (EPERM); what only an attack asks for ends
// the process. Calls with a wide meaning are allowed for the arguments that are needed.
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSTRUCTIONS_MAX 600
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
static const long for_python[] = {SYS_sysinfo, SYS_dup, SYS_dup3, SYS_pipe2, SYS_pselect6,
#if defined(__x86_64__)
                                  SYS_dup2, SYS_pipe,
#endif
};

// What nothing here ever asks for. A process that does has been taken over.
static const long fatal[] = {
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_userfaultfd, SYS_perf_event_open,
    SYS_init_module, SYS_finit_module, SYS_kexec_load, SYS_open_by_handle_at,
};

int jail_restrict_calls(const struct plan *plan, const char *path) {
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
  allow(common, sizeof common / sizeof common[0]);
  if (plan->profile == PROFILE_COMPILE) allow(for_compiler, sizeof for_compiler / sizeof for_compiler[0]);
  if (plan->profile == PROFILE_PYTHON) allow(for_python, sizeof for_python / sizeof for_python[0]);
  for (size_t index = 0; index < sizeof fatal / sizeof fatal[0]; index++) on(fatal[index], SECCOMP_RET_KILL_PROCESS);
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
