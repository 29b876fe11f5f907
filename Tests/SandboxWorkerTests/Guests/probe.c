// A guest of the tests: does what the first word of its input says.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static volatile int sink;

static int recurse(int depth) {
  volatile char frame[512];
  frame[0] = (char)depth;
  return recurse(depth + 1) + frame[0];
}

static int try_open(const char *path, int flags) {
  int file = open(path, flags, 0600);
  printf("%s %s\n", path, file >= 0 ? "OPEN" : "no");
  if (file >= 0) close(file);
  return file >= 0;
}

static int paths(void) {
  static const char *const outside[] = {
      "/etc/passwd", "/scratch/../etc/passwd", "/scratch/../../etc/passwd", "../etc/passwd", "/proc/self/environ",
      "/proc/self/mem", "/dev/mem", "/", "/scratch/..", "/scratch/a/../../etc/passwd", "//etc/passwd", "/tmp/x",
      "/scratch/link", "/scratch/link/", "/scratch/link/.", "/scratch/link//passwd", "/scratch/folder-link/passwd",
  };
  int count = 0;
  mkdir("/scratch/a", 0700);
  (void)!symlink("../../../../../../etc/passwd", "/scratch/link");
  (void)!symlink("/etc", "/scratch/folder-link");
  for (size_t index = 0; index < sizeof outside / sizeof outside[0]; index++) {
    count += try_open(outside[index], O_RDONLY);
    count += try_open(outside[index], O_WRONLY | O_CREAT);
  }
  count += rename("/scratch/a", "/scratch/../a") == 0;
  count += mkdir("/scratch/../b", 0700) == 0;
  count += unlink("/scratch/../etc/passwd") == 0;
  count += link("/etc/passwd", "/scratch/c") == 0;
  return count;
}

int main(void) {
  char word[32] = "";
  if (scanf("%31s", word) != 1) return 64;
  if (!strcmp(word, "hello")) return printf("hello\n") < 0;
  if (!strcmp(word, "exit")) return 7;
  if (!strcmp(word, "loop"))
    for (;;) sink++;
  if (!strcmp(word, "sleep")) return (int)sleep(1000000);
  if (!strcmp(word, "abort")) abort();
  if (!strcmp(word, "recurse")) return recurse(0);
  if (!strcmp(word, "memory")) {
    size_t total = 0;
    for (char *volatile block; (block = malloc(1 << 20)); total++) memset(block, 1, 1 << 20);
    printf("%zu\n", total);
    return 3;
  }
  if (!strcmp(word, "flood"))
    for (;;)
      if (printf("0123456789abcdef\n") < 0 || fflush(stdout) != 0) return 4;
  if (!strcmp(word, "paths")) return paths() == 0 ? 0 : 5;
  if (!strcmp(word, "environment")) return environ && environ[0] ? 5 : 0;
  if (!strcmp(word, "disk")) {
    static char bytes[65536];
    for (int number = 0;; number++) {
      char path[64];
      snprintf(path, sizeof path, "/scratch/%d", number);
      FILE *file = fopen(path, "wb");
      if (!file) return 6;
      for (int index = 0; index < 64; index++) fwrite(bytes, 1, sizeof bytes, file);
      fclose(file);
    }
  }
  if (!strcmp(word, "files"))
    for (int number = 0;; number++) {
      char path[64];
      snprintf(path, sizeof path, "/scratch/%d", number);
      int file = open(path, O_CREAT | O_WRONLY, 0600);
      if (file >= 0) close(file);
    }
  if (!strcmp(word, "random")) {
    static unsigned char bytes[1 << 20];
    unsigned sum = 0;
    for (int index = 0; index < 8; index++) {
      getentropy(bytes, 256);
      for (int place = 0; place < 256; place++) sum = sum * 31 + bytes[place];
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%u %lld\n", sum, (long long)now.tv_sec);
    return 0;
  }
  return 64;
}
