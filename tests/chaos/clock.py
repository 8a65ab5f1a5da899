"""A process with another time of day: a library that stands between it and the C library."""

import subprocess
from pathlib import Path
from shutil import which

__all__ = ["TEN_YEARS", "environment", "lacking"]

TEN_YEARS = 10 * 365 * 24 * 3600

#: Only the time of day moves; what is left to a deadline is measured by another clock.
SOURCE = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) {
  const char *text = getenv("JOBFERRY_TEST_CLOCK");
  return text ? atol(text) : 0;
}
int clock_gettime(clockid_t which, struct timespec *found) {
  int failed = syscall(SYS_clock_gettime, which, found);
  if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) found->tv_sec += shift();
  return failed;
}
int gettimeofday(struct timeval *found, void *zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  found->tv_sec = now.tv_sec;
  found->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *found) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (found) *found = now.tv_sec;
  return now.tv_sec;
}
"""


def lacking() -> str | None:
    """Why clocks can't be set wrong here, if they can't."""
    return None if which("cc") else "no C compiler"


def environment(folder: Path, seconds: int) -> dict[str, str]:
    """What makes a process believe that it is so much later."""
    library = folder / "clock.so"
    if not library.exists():
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), "-x", "c", "-"]
        subprocess.run(command, input=SOURCE.encode(), check=True)
    return {"LD_PRELOAD": str(library), "JOBFERRY_TEST_CLOCK": str(seconds)}
