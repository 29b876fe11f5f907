// Frames to the supervisor: length (4 bytes, big-endian), kind, count of parts, length of the header (4), the header.
#include "jail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAME_JAILED = 1, FRAME_REFUSED = 2 };

static void put(unsigned char *place, size_t value) {
  for (int index = 0; index < 4; index++) place[index] = (unsigned char)(value >> (24 - 8 * index));
}

static void send(int control, unsigned char kind, const char *header) {
  unsigned char frame[1024];
  size_t count = strlen(header);
  if (count > sizeof frame - 10) return;
  put(frame, count + 6);
  frame[4] = kind;
  frame[5] = 0;
  put(frame + 6, count);
  memcpy(frame + 10, header, count);
  size_t done = 0;
  while (done < count + 10) {
    ssize_t written = write(control, frame + done, count + 10 - done);
    if (written <= 0) {
      if (written < 0 && errno == EINTR) continue;
      // Nobody is there to supervise.
      _exit(74);
    }
    done += (size_t)written;
  }
}

void jail_report(const struct plan *plan, const struct layers *layers) {
  char header[512], namespaces[64] = "";
  for (int index = 0; index < layers->namespace_count; index++) {
    strcat(namespaces, index ? ",\"" : "\"");
    strcat(namespaces, layers->namespaces[index]);
    strcat(namespaces, "\"");
  }
  snprintf(
      header, sizeof header,
      "{\"landlock\":%d,\"seccomp\":%s,\"uid\":%u,\"own_uid\":%s,\"no_capabilities\":%s,\"namespaces\":[%s]}",
      layers->landlock, layers->has_filter ? "true" : "false", (unsigned)getuid(),
      layers->has_own_user ? "true" : "false", layers->has_no_capabilities ? "true" : "false", namespaces);
  send(plan->control, FRAME_JAILED, header);
}

void jail_refuse(const struct plan *plan, const char *layer) {
  int reason = errno;
  char header[128];
  snprintf(header, sizeof header, "{\"layer\":\"%s\",\"errno\":%d}", layer, reason);
  send(plan->control, FRAME_REFUSED, header);
  _exit(77);
}
