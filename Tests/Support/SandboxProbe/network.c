#define _GNU_SOURCE
#include "probe.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void probe_network(void) {
  must_fail("tcp", socket(AF_INET, SOCK_STREAM, 0));
  must_fail("tcp-6", socket(AF_INET6, SOCK_STREAM, 0));
  must_fail("udp", socket(AF_INET, SOCK_DGRAM, 0));
  must_fail("unix", socket(AF_UNIX, SOCK_STREAM, 0));
  must_fail("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  must_fail("packet", socket(AF_PACKET, SOCK_RAW, 0));
  must_fail("netlink", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  must_fail("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
  must_fail("crypto-socket", socket(AF_ALG, SOCK_SEQPACKET, 0));
  int pair[2];
  must_fail("socket-pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  // The control descriptor is a socket: it must carry bytes and nothing else.
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(0xA9FEA9FE)}};
  must_fail("connect", connect(3, (struct sockaddr *)&address, sizeof address));
  must_fail("bind", bind(3, (struct sockaddr *)&address, sizeof address));
  must_fail("listen", listen(3, 1));
  must_fail("accept", accept(3, 0, 0));
  must_fail("send-to", sendto(3, "x", 1, 0, (struct sockaddr *)&address, sizeof address));
  struct msghdr message = {0};
  must_fail("send-descriptors", sendmsg(3, &message, 0));
  must_fail("take-descriptors", recvmsg(3, &message, 0));
  int one = 1;
  must_fail("socket-option", setsockopt(3, SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
}
