#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"

namespace sovmesh::engine_process {

// Cuts what an engine writes into lines and keeps the last of them. An engine that answers requests
// may quote them, so that a muted tail only counts. The engine's loop feeds it; any thread may
// read.
class LogTail {
 public:
  static constexpr std::size_t kLinesMax = 200;
  static constexpr std::size_t kLineBytesMax = 2'048;  // the rest of a longer line is dropped
  static constexpr std::size_t kLoudLinesMax = 1'000;  // between two unmute(); more are counted

  using OnLine = std::function<void(std::string_view)>;
  explicit LogTail(OnLine on_line) : on_line_(std::move(on_line)) {}

  void feed(std::string_view bytes);
  // The end of the output: an unfinished line counts.
  void end();
  // A line of our own among the engine's, also while it is muted.
  void note(std::string_view text) { keep(std::string(text)); }
  void mute() { is_muted_ = true; }
  // Begins anew, with another life of the engine.
  void unmute();
  // How many lines were only counted since unmute(); any thread.
  std::uint64_t unheard() const { return unheard_.load(std::memory_order_relaxed); }

  std::vector<std::string> lines() const;
  std::string last() const;

 private:
  void keep(std::string line);

  OnLine on_line_;
  std::string open_;  // the line being written
  bool is_muted_ = false;
  std::atomic<std::uint64_t> unheard_ = 0;
  std::size_t loud_lines_ = 0;
  mutable Guarded<std::deque<std::string>> kept_;
};

}  // namespace sovmesh::engine_process
