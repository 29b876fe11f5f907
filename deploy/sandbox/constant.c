// Makes a run of componentize-py the same as any other: it takes a snapshot of a Python that has started, which holds random
// numbers, times, and what it has seen of its files. Preloaded into it (LD_PRELOAD), this answers with constants: clocks and random
// numbers by the functions of the C library, times and numbers of files by a filter of system calls, as they are asked for past it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// 2026-01-01 00:00:00 UTC.
#define SECONDS 1767225600
// The sixth argument of system calls that are made here, which the filter lets through.
#define OWN 0x43414452
#define FILES_MAX 65536
#define PATHS_MAX 4096
#define LISTINGS_MAX 256
#define LISTING_BYTES_MAX (4 << 20)

ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
  (void)flags;
  memset(bytes, 7, count);
  return (ssize_t)count;
}

int getentropy(void *bytes, size_t count) {
  memset(bytes, 7, count);
  return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  // Clocks that wait for something have to go on.
  static int64_t ticks;
  int64_t now = clock == CLOCK_REALTIME ? 0 : __atomic_add_fetch(&ticks, 1000, __ATOMIC_RELAXED);
  time->tv_sec = (clock == CLOCK_REALTIME ? SECONDS : 1000) + now / 1000000000;
  time->tv_nsec = now % 1000000000;
  return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  *time = (struct timeval){.tv_sec = SECONDS};
  return 0;
}

time_t time(time_t *seconds) {
  if (seconds) *seconds = SECONDS;
  return SECONDS;
}

static const char *below;
static int lock;

static void hold(void) {
  while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) { }
}

static void release(void) { __atomic_store_n(&lock, 0, __ATOMIC_RELEASE); }

// Files below the folder CONSTANT_FOLDER, which are those that the guest sees, are numbered in the order in which they are first
// seen: by their paths, as a file system uses its numbers again. Others do not count, for they are another Python's elsewhere.
static uint64_t number(int folder, const char *name, int flags) {
  static struct { uint64_t hash; char *path; } known[FILES_MAX];
  static uint64_t count;
  char link[32], path[PATHS_MAX];
  int file = folder, opened = -1;
  if (name && *name) {
    file = opened = (int)syscall(SYS_openat, folder, name, O_PATH | O_CLOEXEC | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0);
    if (opened < 0) return 0;
  }
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (opened >= 0) close(opened);
  if (length < 0) return 0;
  path[length] = 0;
  uint64_t hash = 5381, place = 0;
  for (const char *byte = path; *byte; byte++) hash = hash * 33 + (uint8_t)*byte;
  if (!below || strncmp(path, below, strlen(below)) != 0) return hash;
  hold();
  while (place < count && (known[place].hash != hash || strcmp(known[place].path, path) != 0)) place++;
  if (place == FILES_MAX) _exit(98);
  if (place == count) {
    known[place].hash = hash;
    known[place].path = strdup(path);
    if (!known[place].path) _exit(98);
    count++;
  }
  release();
  return place + 1;
}

static void blur(struct stat *seen, int folder, const char *name, int flags) {
  seen->st_ino = number(folder, name, flags);
  seen->st_dev = 1;
  seen->st_atim = seen->st_mtim = seen->st_ctim = (struct timespec){.tv_sec = SECONDS};
  seen->st_blksize = 4096;
  // What a file system says of a folder's size is its own.
  if (S_ISDIR(seen->st_mode)) seen->st_size = 4096;
  if (S_ISDIR(seen->st_mode)) seen->st_nlink = 2;
  seen->st_blocks = (seen->st_size + 511) / 512;
}

static void blur_extended(struct statx *seen, int folder, const char *name, int flags) {
  seen->stx_ino = number(folder, name, flags);
  seen->stx_dev_major = 0;
  seen->stx_dev_minor = 1;
  seen->stx_atime = seen->stx_mtime = seen->stx_ctime = seen->stx_btime = (struct statx_timestamp){.tv_sec = SECONDS};
  seen->stx_blksize = 4096;
  if (S_ISDIR(seen->stx_mode)) seen->stx_size = 4096;
  if (S_ISDIR(seen->stx_mode)) seen->stx_nlink = 2;
  seen->stx_blocks = (seen->stx_size + 511) / 512;
}

struct entry {
  uint64_t file;
  int64_t next;
  uint16_t length;
  uint8_t kind;
  char name[];
};

// Folders that are being listed, in the order of names: that of a file system is its own.
static struct listing { int folder, count, place; struct entry **entries; char *bytes; } listings[LISTINGS_MAX];

static int by_name(const void *left, const void *right) {
  return strcmp((*(struct entry *const *)left)->name, (*(struct entry *const *)right)->name);
}

static void close_listing(struct listing *listing) {
  free(listing->entries);
  free(listing->bytes);
  *listing = (struct listing){0};
}

// Reads the whole folder, which is at its beginning.
static int open_listing(struct listing *listing, int folder) {
  struct listing made = {.folder = folder + 1, .bytes = malloc(LISTING_BYTES_MAX), .entries = calloc(FILES_MAX, sizeof(struct entry *))};
  long used = 0, got;
  if (!made.bytes || !made.entries) _exit(98);
  while ((got = syscall(SYS_getdents64, folder, made.bytes + used, LISTING_BYTES_MAX - used, 0L, 0L, (long)OWN)) > 0) used += got;
  if (got < 0) {
    close_listing(&made);
    return -1;
  }
  for (long place = 0; place < used; place += ((struct entry *)(made.bytes + place))->length) {
    if (made.count == FILES_MAX) _exit(98);
    made.entries[made.count++] = (struct entry *)(made.bytes + place);
  }
  qsort(made.entries, (size_t)made.count, sizeof *made.entries, by_name);
  *listing = made;
  return 0;
}

static long list(int folder, char *bytes, long count) {
  struct listing *listing = NULL, *unused = NULL;
  for (int place = 0; place < LISTINGS_MAX; place++) {
    if (listings[place].folder == folder + 1) listing = &listings[place];
    if (listings[place].folder == 0) unused = &listings[place];
  }
  if (lseek(folder, 0, SEEK_CUR) == 0) {
    // Another folder by the same number, or the same once more.
    if (listing) close_listing(listing); else listing = unused;
    if (!listing) _exit(98);
    if (open_listing(listing, folder) != 0) return -errno;
  } else if (!listing) return 0;
  long used = 0;
  while (listing->place < listing->count && used + listing->entries[listing->place]->length <= count) {
    struct entry *entry = (struct entry *)(bytes + used), *next = listing->entries[listing->place++];
    memcpy(entry, next, next->length);
    entry->file = 1;
    entry->next = listing->place;
    used += next->length;
  }
  if (used == 0) close_listing(listing);
  return used;
}

#if defined(__x86_64__)
#define ARGUMENT(context, place) \
  ((context)->uc_mcontext.gregs[(const int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8}[place]])
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ARGUMENT(context, place) ((context)->uc_mcontext.regs[place])
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#else
#error "not known here"
#endif

static void answer(int signal, siginfo_t *info, void *registers) {
  ucontext_t *context = registers;
  int saved = errno;
  long call = info->si_syscall, arguments[5];
  (void)signal;
  for (int place = 0; place < 5; place++) arguments[place] = (long)ARGUMENT(context, place);
  if (call == SYS_getdents64) {
    hold();
    RESULT(context) = list((int)arguments[0], (char *)arguments[1], arguments[2]);
    release();
    errno = saved;
    return;
  }
  long result = syscall(call, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], (long)OWN);
  if (result < 0) result = -errno;
  if (result == 0) {
    if (call == SYS_statx) blur_extended((struct statx *)arguments[4], (int)arguments[0], (const char *)arguments[1], (int)arguments[2]);
    if (call == SYS_newfstatat) blur((struct stat *)arguments[2], (int)arguments[0], (const char *)arguments[1], (int)arguments[3]);
    if (call == SYS_fstat) blur((struct stat *)arguments[1], (int)arguments[0], NULL, 0);
#if defined(__x86_64__)
    if (call == SYS_stat) blur((struct stat *)arguments[1], AT_FDCWD, (const char *)arguments[0], 0);
    if (call == SYS_lstat) blur((struct stat *)arguments[1], AT_FDCWD, (const char *)arguments[0], AT_SYMLINK_NOFOLLOW);
#endif
  }
  if (call == SYS_getrandom && result > 0) memset((void *)arguments[0], 7, (size_t)result);
  RESULT(context) = result;
  errno = saved;
}

__attribute__((constructor)) static void begin(void) {
  below = getenv("CONSTANT_FOLDER");
#define TRAP(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)
  struct sock_filter lines[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    TRAP(SYS_statx), TRAP(SYS_newfstatat), TRAP(SYS_fstat), TRAP(SYS_getrandom), TRAP(SYS_getdents64),
#if defined(__x86_64__)
    TRAP(SYS_stat), TRAP(SYS_lstat),
#endif
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof lines / sizeof *lines, lines};
  // Not on a stack of its own: the engine takes that away before the last system calls of a thread.
  struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
  if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
    perror("constant: no filter of system calls");
    _exit(97);
  }
}
