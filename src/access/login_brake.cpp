#include "access/login_brake.h"

#include <algorithm>
#include <vector>

namespace sovmesh::access {
namespace {

std::string key_of(std::string_view kind, std::string_view what) {
  return std::string(kind).append(" ").append(what);
}

std::chrono::seconds wait_of(Instant next, Instant now) {
  return next <= now ? std::chrono::seconds(0)
                     : std::chrono::ceil<std::chrono::seconds>(next - now);
}

}  // namespace

std::chrono::seconds LoginBrake::begin(std::string_view login, std::string_view address,
                                       Instant now) {
  if (entries_.size() + 2 > kEntriesMax) make_room(now);
  Entry& name = entry(key_of("name", login), now);
  Entry& from = entry(key_of("from", address), now);
  const auto wait = std::max(wait_of(name.next, now), wait_of(from.next, now));
  if (wait > std::chrono::seconds(0)) return wait;
  fail(name, kFreeOfName, kNameWaitMax, now);
  fail(from, kFreeOfAddress, kAddressWaitMax, now);
  return std::chrono::seconds(0);
}

// Of the address only this try is taken back: somebody with one account must not buy himself tries
// at others.
void LoginBrake::succeeded(std::string_view login, std::string_view address) {
  entries_.erase(key_of("name", login));
  const auto from = entries_.find(key_of("from", address));
  if (from == entries_.end()) return;
  from->second.failures = std::max(0, from->second.failures - 1);
  from->second.next = from->second.last;
}

LoginBrake::Entry& LoginBrake::entry(const std::string& name, Instant now) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) {
    if (now - found->second.last >= kForgottenAfter) found->second = {.last = now};
    return found->second;
  }
  return entries_.emplace(name, Entry{.last = now}).first->second;
}

void LoginBrake::fail(Entry& entry, int free, std::chrono::seconds wait_max, Instant now) {
  ++entry.failures;
  entry.last = now;
  const int over = std::clamp(entry.failures - free, 0, 16);
  if (over == 0) return;
  entry.next = now + std::min(std::chrono::seconds(1LL << (over - 1)), wait_max);
}

// What is forgotten goes first, then a tenth of the rest: those that were quiet longest.
void LoginBrake::make_room(Instant now) {
  std::erase_if(entries_,
                [&](const auto& one) { return now - one.second.last >= kForgottenAfter; });
  if (entries_.size() + 2 <= kEntriesMax) return;
  std::vector<Instant> times;
  times.reserve(entries_.size());
  for (const auto& [name, entry] : entries_)
    times.push_back(entry.last);
  const auto tenth = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10);
  std::ranges::nth_element(times, tenth);
  std::size_t left = times.size() / 10 + 2;
  std::erase_if(entries_, [&](const auto& one) {
    if (left == 0 || one.second.last > *tenth) return false;
    --left;
    return true;
  });
}

}  // namespace sovmesh::access
