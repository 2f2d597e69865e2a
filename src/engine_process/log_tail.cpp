#include "engine_process/log_tail.h"

#include <algorithm>
#include <utility>

namespace sovmesh::engine_process {

void LogTail::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    open_.append(piece.substr(0, kLineBytesMax - std::min(open_.size(), kLineBytesMax)));
    if (newline == bytes.npos) return;
    end();
    bytes.remove_prefix(newline + 1);
  }
}

void LogTail::end() {
  if (open_.ends_with('\r')) open_.pop_back();
  if (open_.empty()) return;
  if (is_muted_ || loud_lines_ == kLoudLinesMax) {
    ++unheard_;
    open_.clear();
  } else {
    ++loud_lines_;
    keep(std::exchange(open_, {}));
  }
}

void LogTail::unmute() {
  open_.clear();
  is_muted_ = false;
  unheard_ = 0;
  loud_lines_ = 0;
}

void LogTail::keep(std::string line) {
  if (on_line_) on_line_(line);
  kept_.with([&line](std::deque<std::string>& kept) {
    if (kept.size() == kLinesMax) kept.pop_front();
    kept.push_back(std::move(line));
  });
}

std::vector<std::string> LogTail::lines() const {
  return kept_.with([](const std::deque<std::string>& kept) {
    return std::vector<std::string>(kept.begin(), kept.end());
  });
}

std::string LogTail::last() const {
  return kept_.with([](const std::deque<std::string>& kept) {
    return kept.empty() ? std::string() : kept.back();
  });
}

}  // namespace sovmesh::engine_process
