#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "rt/real.h"

namespace sovmesh::rt {
namespace {

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
  }
};

void fill_from_kernel(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    // Without randomness no key can be made and nothing may go on; the call cannot fail on a kernel
    // that has it, once the pool is initialised.
    if (got < 0 && errno != EINTR) std::abort();
    if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
  }
}

// Bytes fetched in advance, so that an id costs no system call. Each byte is wiped when it is given
// out: a later look at our memory tells nothing about ids and keys made before.
class Reserve {
 public:
  static constexpr std::size_t kBytes = 512;
  void take(std::span<unsigned char> out) {
    if (kBytes - used_ < out.size()) {
      fill_from_kernel(bytes_);
      used_ = 0;
    }
    std::memcpy(out.data(), bytes_.data() + used_, out.size());
    std::memset(bytes_.data() + used_, 0, out.size());
    used_ += out.size();
  }

 private:
  std::array<unsigned char, kBytes> bytes_{};
  std::size_t used_ = kBytes;
};

class SystemRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    thread_local Reserve reserve;
    if (out.size() <= Reserve::kBytes / 8)
      reserve.take(out);
    else
      fill_from_kernel(out);
  }
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() { return std::make_unique<SystemClock>(); }
std::unique_ptr<Random> make_system_random() { return std::make_unique<SystemRandom>(); }

}  // namespace sovmesh::rt
