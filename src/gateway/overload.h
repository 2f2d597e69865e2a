#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/guarded.h"
#include "routing/overload.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::gateway {

// What the process does because it is full, by the rungs of routing::OverloadLadder. One task feeds
// it; every worker asks it.
class Overload {
 public:
  // How full everything was just now; returns what follows. From one thread.
  routing::OverloadActions update(const routing::Pressures& pressures);

  // New requests get 503, but for health, metrics and the admin API, which have their own listeners
  // or paths.
  bool refuses_new() const { return refuses_new_.load(std::memory_order_relaxed); }
  // Nothing that may wait begins, and caches do not grow.
  bool sheds_batch() const { return sheds_batch_.load(std::memory_order_relaxed); }
  // A wait for an idle stream or client, shorter when memory or descriptors are short.
  std::chrono::milliseconds scaled(std::chrono::milliseconds usual) const {
    const double scale = timeout_scale_.load(std::memory_order_relaxed);
    return scale >= 1 ? usual : routing::scaled_timeout(usual, scale);
  }
  void count_refused() { refused_.fetch_add(1, std::memory_order_relaxed); }

  // For operators.
  struct Shown {
    routing::Pressures pressures;
    routing::OverloadActions actions;
  };
  Shown shown() const {
    return state_.with([](const State& state) { return state.shown; });
  }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct State {
    routing::OverloadLadder ladder;
    Shown shown;
  };
  mutable Guarded<State> state_;
  std::atomic<bool> refuses_new_{false};
  std::atomic<bool> sheds_batch_{false};
  std::atomic<double> timeout_scale_{1};
  std::atomic<std::uint64_t> refused_{0};
};

// Takes a sample every routing::kOverloadInterval until cancelled; `apply` gets what is to be done
// whenever that changes.
rt::Task<void> watch_overload(Overload& overload, rt::Loop& loop,
                              std::function<routing::Pressures()> sample,
                              std::function<void(const routing::OverloadActions&)> apply,
                              rt::Event& cancelled);

// How late a loop is: the 99th percentile of its last kSamples looks.
class LagMeter {
 public:
  static constexpr std::size_t kSamples = 100;
  static constexpr std::chrono::milliseconds kEvery{50};
  void note(std::chrono::nanoseconds late);
  std::chrono::nanoseconds p99() const;

 private:
  std::array<std::chrono::nanoseconds, kSamples> late_{};
  std::size_t next_ = 0;
};

}  // namespace sovmesh::gateway
