#include "access/call_rate.h"

#include <algorithm>
#include <vector>

namespace sovmesh::access {

std::chrono::microseconds CallRate::take(std::string_view caller, Instant now) {
  using std::chrono::microseconds;
  if (bounds_.per_second <= 0) return microseconds(0);
  const auto one = microseconds(std::chrono::seconds(1)) / bounds_.per_second;
  auto bucket = full_at_.find(caller);
  const Instant full_at = bucket == full_at_.end() ? now : std::max(bucket->second, now);
  // One call more must leave it no emptier than empty.
  const auto missing = full_at - now + one - one * bounds_.burst;
  if (missing > Instant::duration(0)) return std::chrono::ceil<microseconds>(missing);
  if (bucket == full_at_.end()) {
    if (full_at_.size() >= kEntriesMax) make_room(now);
    bucket = full_at_.emplace(caller, full_at).first;
  }
  bucket->second = full_at + one;
  return microseconds(0);
}

// Full buckets say nothing. Then the fullest tenth goes: whoever is near his bound stays known.
void CallRate::make_room(Instant now) {
  std::erase_if(full_at_, [&](const auto& one) { return one.second <= now; });
  if (full_at_.size() < kEntriesMax) return;
  std::vector<Instant> times;
  for (const auto& [caller, full_at] : full_at_)
    times.push_back(full_at);
  const auto tenth = times.begin() + kEntriesMax / 10;
  std::ranges::nth_element(times, tenth);
  std::erase_if(full_at_, [&](const auto& one) { return one.second <= *tenth; });
}

}  // namespace sovmesh::access
