// Lets each fdatasync and fsync take SM_SYNC_US microseconds and leaves the disk out, so that a run is
// the same on every disk: for bench/run.
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

static struct timespec length;

__attribute__((constructor)) static void begin(void) {
  const char* text = getenv("SM_SYNC_US");
  const long microseconds = text ? atol(text) : 0;
  length.tv_sec = microseconds / 1000000;
  length.tv_nsec = microseconds % 1000000 * 1000;
}

static int take_so_long(void) {
  if (length.tv_sec > 0 || length.tv_nsec > 0) nanosleep(&length, NULL);
  return 0;
}

int fdatasync(int file) {
  (void)file;
  return take_so_long();
}
int fsync(int file) {
  (void)file;
  return take_so_long();
}
