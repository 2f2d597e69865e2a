#pragma once

#include <semaphore.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#include "base/clock.h"

namespace sovmesh::rt {

// A counting semaphore with a deadline. POSIX, because a std::counting_semaphore of libstdc++ 12
// can miss a release.
class Semaphore {
 public:
  Semaphore() { ::sem_init(&semaphore_, 0, 0); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  ~Semaphore() { ::sem_destroy(&semaphore_); }

  void release() { ::sem_post(&semaphore_); }
  void acquire() {
    while (::sem_wait(&semaphore_) != 0 && errno == EINTR) {
    }
  }
  // False when `deadline` (of the real monotonic clock) passed first.
  bool acquire_until(Instant deadline) {
    const auto since = deadline.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const std::timespec when{.tv_sec = seconds.count(), .tv_nsec = (since - seconds).count()};
    int result = 0;
    do {
      result = ::sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &when);
    } while (result != 0 && errno == EINTR);
    return result == 0;
  }

 private:
  sem_t semaphore_{};
};

}  // namespace sovmesh::rt
