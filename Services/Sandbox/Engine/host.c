// What the host does for the worker itself: time, the ticker, a large stack, digests, the count of the scratch folder.
#define _GNU_SOURCE
#include "engine.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t cadre_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// The ticker. It sleeps to absolute times: relative sleeps of a busy machine add up.
#define TICK_NS 5000000

static pthread_mutex_t ticker_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ticker_wakes = PTHREAD_COND_INITIALIZER;
static cadre_engine *ticker_engine;
static int ticker_exists;

static void *tick(void *data) {
  int64_t next = 0;
  for (;;) {
    pthread_mutex_lock(&ticker_lock);
    if (!ticker_engine) next = 0;
    while (!ticker_engine) pthread_cond_wait(&ticker_wakes, &ticker_lock);
    cadre_engine *engine = ticker_engine;
    pthread_mutex_unlock(&ticker_lock);
    int64_t now = cadre_now_ns();
    if (next == 0 || next < now - 10 * TICK_NS) next = now;
    next += TICK_NS;
    struct timespec until = {next / 1000000000, next % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    engine->api.wasmtime_engine_increment_epoch(engine->engine);
  }
  return data;
}

void cadre_ticker_start(cadre_engine *engine) {
  pthread_mutex_lock(&ticker_lock);
  ticker_engine = engine;
  if (!ticker_exists) {
    pthread_t thread;
    ticker_exists = pthread_create(&thread, NULL, tick, NULL) == 0;
    if (ticker_exists) pthread_detach(thread);
  }
  pthread_cond_signal(&ticker_wakes);
  pthread_mutex_unlock(&ticker_lock);
  // Nothing would end a guest: better no worker than one without a clock.
  if (!ticker_exists) abort();
}

void cadre_ticker_stop(void) {
  pthread_mutex_lock(&ticker_lock);
  ticker_engine = NULL;
  pthread_mutex_unlock(&ticker_lock);
}

static volatile sig_atomic_t file_limit;

static void note_file_limit(int number) { file_limit = 1; }

void cadre_handle_signals(void) {
  // What a guest's output or file runs into is an error of a call, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, note_file_limit);
}

int cadre_take_file_limit(void) {
  int was = file_limit;
  file_limit = 0;
  return was;
}

struct call {
  void (*function)(void *);
  void *data;
};

static void *run_call(void *data) {
  struct call *call = data;
  call->function(call->data);
  return NULL;
}

int cadre_run_on_large_stack(void (*function)(void *), void *data) {
  pthread_attr_t attributes;
  pthread_t thread;
  struct call call = {function, data};
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 16u << 20);
  int reason = pthread_create(&thread, &attributes, run_call, &call);
  pthread_attr_destroy(&attributes);
  return reason == 0 ? pthread_join(thread, NULL) : reason;
}

// Only what checks whole files needs the library of the hash, so it is loaded then.
static int bytes_digest(const uint8_t *bytes, size_t count, char digest[65]) {
  static unsigned char *(*hash)(const unsigned char *, size_t, unsigned char *);
  if (!hash) {
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, "SHA256") : NULL;
    if (!found) {
      errno = ENOSYS;
      return 0;
    }
    memcpy(&hash, &found, sizeof found);
  }
  unsigned char sum[32];
  if (!hash(bytes, count, sum)) return 0;
  for (int index = 0; index < 32; index++) snprintf(digest + 2 * index, 3, "%02x", sum[index]);
  return 1;
}

int cadre_file_digest(const char *path, char digest[65]) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return 0;
  struct stat status;
  void *bytes = MAP_FAILED;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (bytes == MAP_FAILED) return 0;
  int is_done = bytes_digest(bytes, (size_t)status.st_size, digest);
  munmap(bytes, (size_t)status.st_size);
  return is_done;
}

int cadre_file_identity(const char *path, char identity[128]) {
  struct stat status;
  if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  snprintf(
      identity, 128, "%llu:%llu:%lld:%lld.%09ld", (unsigned long long)status.st_dev,
      (unsigned long long)status.st_ino, (long long)status.st_size, (long long)status.st_ctim.tv_sec,
      status.st_ctim.tv_nsec);
  return 1;
}

// More descriptors than the jail allows.
#define DESCRIPTORS_MAX 4096
// Deeper folders are not counted: the guest has used up its files before.
#define DEPTH_MAX 64

static void scan(int folder, int depth, int64_t bytes_max, int64_t files_max, int64_t *bytes, int64_t *files) {
  DIR *stream = fdopendir(folder);
  if (!stream) {
    close(folder);
    return;
  }
  for (struct dirent *entry; (entry = readdir(stream)) && *bytes <= bytes_max && *files <= files_max;) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    *files += 1;
    struct stat status;
    if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(status.st_mode)) *bytes += status.st_size;
    if (!S_ISDIR(status.st_mode)) continue;
    if (depth >= DEPTH_MAX) {
      *files = files_max + 1;
      break;
    }
    int inner = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner >= 0) scan(inner, depth + 1, bytes_max, files_max, bytes, files);
  }
  closedir(stream);
}

void cadre_scan_scratch(const char *path, int64_t bytes_max, int64_t files_max, int64_t *bytes, int64_t *files) {
  *bytes = 0;
  *files = 0;
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder >= 0) scan(folder, 0, bytes_max, files_max, bytes, files);
}

void cadre_scan_nameless(int64_t *bytes, int64_t *files) {
  *bytes = 0;
  *files = 0;
  // The kernel's list of descriptors is hidden by the jail, so each that there can be is looked at.
  int count = getdtablesize();
  for (int file = 3; file < count && file < DESCRIPTORS_MAX; file++) {
    struct stat status;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink > 0) continue;
    *bytes += status.st_size;
    *files += 1;
  }
}

// The arguments of the process. Swift reads them from /proc, which the jail hides; the C library passes them to
// constructors.
static int argument_count;
static char **arguments;

__attribute__((constructor)) static void keep_arguments(int count, char **values, char **environment) {
  argument_count = count;
  arguments = values;
}

int cadre_argument_count(void) { return argument_count; }

const char *cadre_argument(int index) {
  return index >= 0 && index < argument_count ? arguments[index] : NULL;
}
