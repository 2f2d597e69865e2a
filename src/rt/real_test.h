#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "rt/epoll_loop.h"
#include "rt/net.h"
#include "rt/real.h"
#include "rt/real_network.h"
#include "rt/task.h"

namespace sovmesh::rt {

// For tests of the real adapters, and of nothing else: real sockets on the loopback, real time. No
// test sleeps; each drives its loop until something has happened, with a deadline far away.
class RealLoopTest : public ::testing::Test {
 protected:
  static constexpr std::chrono::seconds kFarAway{20};

  // False when `holds` did not become true in time.
  template <class Predicate>
  bool drive(Predicate holds) {
    const Instant latest = clock_->now() + kFarAway;
    while (!holds()) {
      if (clock_->now() >= latest) return false;
      loop_->turn(latest);
    }
    return true;
  }
  template <class T>
  T finish(Task<T> task) {
    task.start();
    if (!drive([&task] { return task.done(); })) {
      ADD_FAILURE() << "the task did not end in time";
      std::abort();  // its result does not exist
    }
    return task.result();
  }
  Until soon() { return {loop_->in(kFarAway), nullptr}; }

  std::unique_ptr<Clock> clock_ = make_system_clock();
  std::unique_ptr<EpollLoop> loop_ = std::move(EpollLoop::make(*clock_)).value();
  RealNetwork network_{*loop_};
};

inline IpEndpoint any_port(std::string_view address) {
  return {.ip = IpAddress::parse(address).value(), .port = 0};
}

// Descriptors of this process.
inline std::size_t open_fds() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "rt_test.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace sovmesh::rt
