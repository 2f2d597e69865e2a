#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sovmesh::http {

// The numbers of the streams that an HTTP/2 client opened. They only grow (RFC 9113 5.1.1); one
// that was left out is closed for ever, which the framing library does not remember.
class StreamNumbers {
 public:
  // Ranges remembered; good clients leave out none, and the oldest is forgotten first.
  static constexpr std::size_t kGapsMax = 16;

  // A header block for `stream` begins. False: that stream was left out before.
  bool note(std::int32_t stream) {
    if (stream > last_) {
      if (stream > last_ + 2) add_gap({.first = last_ + 1, .last = stream - 1});
      last_ = stream;
      return true;
    }
    for (const Gap& gap : gaps_)
      if (stream >= gap.first && stream <= gap.last) return false;
    return true;
  }

 private:
  struct Gap {
    std::int32_t first;
    std::int32_t last;
  };
  void add_gap(Gap gap) {
    if (gaps_.size() == kGapsMax) gaps_.erase(gaps_.begin());
    gaps_.push_back(gap);
  }

  std::int32_t last_ = -1;  // the first one is 1
  std::vector<Gap> gaps_;
};

}  // namespace sovmesh::http
