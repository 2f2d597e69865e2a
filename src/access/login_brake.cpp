#include "access/login_brake.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sovmesh::access {

std::chrono::seconds LoginBrake::begin(std::string_view login, std::string_view address,
                                       Instant now) {
  const auto wait = std::max(wait_of(names_, login, now), wait_of(addresses_, address, now));
  if (wait > std::chrono::seconds(0)) return wait;
  if (!make_room(names_, login, now) || !make_room(addresses_, address, now)) return kFullWait;
  fail(names_[std::string(login)], kFreeOfName, kNameWaitMax, now);
  fail(addresses_[std::string(address)], kFreeOfAddress, kAddressWaitMax, now);
  return std::chrono::seconds(0);
}

// Of the address only this try is taken back: somebody with one account must not buy himself tries
// at others.
void LoginBrake::succeeded(std::string_view login, std::string_view address) {
  if (const auto name = names_.find(login); name != names_.end()) names_.erase(name);
  const auto from = addresses_.find(address);
  if (from == addresses_.end()) return;
  from->second.failures = std::max(0, from->second.failures - 1);
  from->second.next = from->second.last;
}

std::chrono::seconds LoginBrake::wait_of(const Entries& entries, std::string_view key,
                                         Instant now) {
  const auto found = entries.find(key);
  if (found == entries.end() || found->second.next <= now) return std::chrono::seconds(0);
  return std::chrono::ceil<std::chrono::seconds>(found->second.next - now);
}

void LoginBrake::fail(Entry& entry, int free, std::chrono::seconds wait_max, Instant now) {
  if (now - entry.last >= kForgottenAfter) entry = {};
  ++entry.failures;
  entry.last = now;
  const int over = std::clamp(entry.failures - free, 0, 16);
  if (over == 0) return;
  entry.next = now + std::min(std::chrono::seconds(1LL << (over - 1)), wait_max);
}

// Whether `key` has a place, or could have one. What is forgotten goes first, then a tenth of those
// that need not wait: who failed least, and of them who was quiet longest.
bool LoginBrake::make_room(Entries& entries, std::string_view key, Instant now) {
  if (entries.size() < kEntriesMax || entries.contains(key)) return true;
  std::erase_if(entries, [&](const auto& one) { return now - one.second.last >= kForgottenAfter; });
  if (entries.size() < kEntriesMax) return true;
  std::vector<Entries::iterator> idle;
  for (auto it = entries.begin(); it != entries.end(); ++it)
    if (it->second.next <= now) idle.push_back(it);
  const auto worth = [](Entries::iterator it) {
    return std::pair(it->second.failures, it->second.last);
  };
  const auto end =
      idle.begin() + static_cast<std::ptrdiff_t>(std::min(idle.size(), kEntriesMax / 10));
  std::ranges::nth_element(idle, end, {}, worth);
  for (auto it = idle.begin(); it != end; ++it)
    entries.erase(*it);
  return entries.size() < kEntriesMax;
}

}  // namespace sovmesh::access
