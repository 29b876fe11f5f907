// Linux interfaces that Swift's Glibc module leaves out, and wrappers for variadic C functions.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static inline int cadre_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL, 0);
  return flags < 0 ? flags : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/// Names the calling thread (15 characters at most).
static inline void cadre_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Declared here because the header hides it without _GNU_SOURCE.
extern int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);

/// Accepts a connection as a non-blocking, close-on-exec descriptor; -1 and errno otherwise.
static inline int cadre_accept(int fd) { return accept4(fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC); }
