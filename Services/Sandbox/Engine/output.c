// What guests write: the beginning and the end are kept, the middle is counted.
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void cadre_sink_reset(struct cadre_sink *sink, int64_t kept, int64_t most) {
  cadre_sink_free(sink);
  size_t half = kept < 2 ? 1 : (size_t)kept / 2;
  *sink = (struct cadre_sink){.head_max = half, .tail_max = half, .total_max = most};
}

void cadre_sink_free(struct cadre_sink *sink) {
  free(sink->bytes);
  sink->bytes = NULL;
}

ssize_t cadre_sink_write(void *data, const unsigned char *bytes, size_t count) {
  struct cadre_sink *sink = data;
  int64_t left = sink->total_max - sink->total;
  if (left <= 0) return -EPIPE;
  if ((int64_t)count > left) count = (size_t)left;
  if (!sink->bytes) {
    sink->bytes = malloc(sink->head_max + sink->tail_max);
    if (!sink->bytes) return -ENOMEM;
  }
  sink->total += (int64_t)count;
  size_t written = count;
  size_t head = sink->head_max - sink->head_count;
  if (head > count) head = count;
  memcpy(sink->bytes + sink->head_count, bytes, head);
  sink->head_count += head;
  bytes += head;
  count -= head;
  // Only the last bytes of a long piece can stay.
  if (count > sink->tail_max) {
    bytes += count - sink->tail_max;
    count = sink->tail_max;
  }
  uint8_t *tail = sink->bytes + sink->head_max;
  size_t end = (sink->tail_start + sink->tail_count) % sink->tail_max;
  size_t first = sink->tail_max - end < count ? sink->tail_max - end : count;
  memcpy(tail + end, bytes, first);
  memcpy(tail, bytes + first, count - first);
  size_t over = sink->tail_count + count > sink->tail_max ? sink->tail_count + count - sink->tail_max : 0;
  sink->tail_start = (sink->tail_start + over) % sink->tail_max;
  sink->tail_count += count - over;
  return (ssize_t)written;
}

uint8_t *cadre_sink_copy(const struct cadre_sink *sink, struct cadre_output *output) {
  *output = (struct cadre_output){.total = sink->total};
  if (!sink->bytes) return NULL;
  uint8_t *copy = malloc(sink->head_count + sink->tail_count + 1);
  if (!copy) return NULL;
  memcpy(copy, sink->bytes, sink->head_count);
  const uint8_t *tail = sink->bytes + sink->head_max;
  size_t first = sink->tail_max - sink->tail_start < sink->tail_count ? sink->tail_max - sink->tail_start : sink->tail_count;
  memcpy(copy + sink->head_count, tail + sink->tail_start, first);
  memcpy(copy + sink->head_count + first, tail, sink->tail_count - first);
  output->bytes = copy;
  output->count = sink->head_count + sink->tail_count;
  // Without a gap there is no end of its own.
  output->head_count = (int64_t)output->count == sink->total ? output->count : sink->head_count;
  return copy;
}
