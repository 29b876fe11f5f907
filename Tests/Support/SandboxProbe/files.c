#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void must_not_open(const char *path, int flags) {
  char name[256];
  snprintf(name, sizeof name, "open-%d:%s", flags & (O_WRONLY | O_CREAT), path);
  int file = open(path, flags, 0600);
  must_fail(name, file);
  if (file >= 0) close(file);
}

static void links(void) {
  must_hold("a-link-can-be-made", symlinkat("/etc/passwd", AT_FDCWD, "absolute") == 0 &&
                                     symlinkat("../../../../etc/passwd", AT_FDCWD, "relative") == 0);
  (void)!symlinkat("/etc", AT_FDCWD, "folder");
  static const char *const paths[] = {"absolute", "relative", "folder/passwd", "absolute/", "absolute/.", "folder/../etc/passwd",
                                      "folder//passwd", "./relative"};
  for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++) must_not_open(paths[index], O_RDONLY);
  must_fail("hard-link-to-outside", linkat(AT_FDCWD, "/etc/passwd", AT_FDCWD, "hard", 0));
  must_fail("rename-to-outside", renameat2(AT_FDCWD, "absolute", AT_FDCWD, "/tmp/cadre-escaped", 0));
  must_fail("rename-upwards", renameat2(AT_FDCWD, "absolute", AT_FDCWD, "../cadre-escaped", 0));
  must_fail("folder-upwards", mkdirat(AT_FDCWD, "../cadre-escaped", 0700));
}

static void programs(void) {
  static char *const empty[] = {NULL};
  must_fail("exec-shell", execve("/bin/sh", empty, empty));
  must_fail("exec-loader", execve("/lib64/ld-linux-x86-64.so.2", empty, empty));
  must_fail("exec-self", execve("/proc/self/exe", empty, empty));
  int file = open("program", O_CREAT | O_RDWR, 0700);
  (void)!write(file, "#!/bin/sh\n", 10);
  close(file);
  must_fail("exec-of-a-written-file", execve("./program", empty, empty));
  must_fail("execveat", syscall(SYS_execveat, AT_FDCWD, "program", empty, empty, 0));
}

void probe_files(void) {
  static const char *const paths[] = {
      "/etc/passwd", "/etc/shadow", "/etc", "/", "/tmp", "/root", "/home", "/var", "/proc", "/proc/self/environ",
      "/proc/self/mem", "/proc/self/maps", "/proc/1/environ", "/proc/cpuinfo", "/sys", "/sys/kernel", "/dev/mem", "/dev/kmsg",
      "/dev/tty", "/dev/shm", "/dev/zero", "/run", "/usr/bin", "/bin/sh", "..", "../..", "../../etc/passwd",
      "/var/run/docker.sock", "/run/containerd/containerd.sock", "/boot",
  };
  for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++) must_not_open(paths[index], O_RDONLY);
  static const char *const written[] = {"/tmp/cadre-escaped", "/dev/shm/cadre-escaped", "/usr/lib/cadre-escaped",
                                        "/var/tmp/cadre-escaped", "/cadre-escaped", "../cadre-escaped"};
  for (size_t index = 0; index < sizeof written / sizeof written[0]; index++)
    must_not_open(written[index], O_WRONLY | O_CREAT);
  must_fail("open-path-and-follow", openat(open("/etc", O_PATH | O_DIRECTORY), "passwd", O_RDONLY));
  links();
  programs();
  must_fail("pipe-in-the-scratch-folder", mkfifo("pipe", 0600));
  must_fail("device-in-the-scratch-folder", mknod("device", S_IFCHR | 0600, makedev(1, 3)));
  must_fail("socket-in-the-scratch-folder", mknod("socket", S_IFSOCK | 0600, 0));
  must_fail("set-uid-bit", chmod("program", 04755));
  must_fail("change-of-owner", chown("program", 0, 0));
  must_fail("mount", mount("none", ".", "tmpfs", 0, NULL));
  must_fail("bind-mount", mount("/etc", ".", NULL, MS_BIND, NULL));
  must_fail("unmount", umount2("/", MNT_DETACH));
  must_fail("chroot", chroot("."));
  must_fail("pivot-root", syscall(SYS_pivot_root, ".", "."));
  must_fail("open-tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1u));
  must_fail("extended-attribute", syscall(SYS_setxattr, "program", "user.a", "b", 1, 0));
}
