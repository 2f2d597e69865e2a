#include "routing/poison.h"

#include <algorithm>
#include <cstring>

namespace sovmesh::routing {

std::size_t PoisonList::KeyHash::operator()(const Key& key) const noexcept {
  std::size_t body = 0;  // a digest: any part of it is a good hash
  std::memcpy(&body, key.body.data(), sizeof body);
  return body ^ std::hash<TenantId>{}(key.tenant);
}

void PoisonList::renew(const Key& key, Entry& entry, Instant until) {
  entry.until = until;
  entry.number = ++last_number_;
  order_.push_back({key, entry.number});
}

bool PoisonList::is_void(const Line& line) const {
  const auto entry = entries_.find(line.key);
  return entry == entries_.end() || entry->second.number != line.number;
}

// Drops void lines at the front, what has ended, and the oldest entry when there is no room for one
// more; all void lines when they are half.
void PoisonList::make_room(Instant now) {
  while (!order_.empty()) {
    const Line& oldest = order_.front();
    const bool gone = is_void(oldest);
    if (!gone && entries_.at(oldest.key).until > now && entries_.size() < entries_max_) break;
    if (!gone) entries_.erase(oldest.key);
    order_.pop_front();
  }
  if (order_.size() + 1 > 2 * entries_max_)
    std::erase_if(order_, [&](const Line& line) { return is_void(line); });
}

PoisonList::Failed PoisonList::on_failure(TenantId tenant, const Digest& body,
                                          EndpointIndex endpoint, Instant now) {
  const Key key{tenant, body};
  if (const auto known = entries_.find(key); known != entries_.end() && known->second.until > now) {
    Entry& entry = known->second;
    if (entry.poison) return {.verdict = Verdict::poison};
    if (entry.endpoint == endpoint) return {};
    entry.poison = true;
    renew(key, entry, now + kQuarantine);
    return {.verdict = Verdict::poison, .forgive = entry.endpoint};
  }
  make_room(now);
  Entry& entry = entries_[key];
  entry = {.endpoint = endpoint};
  renew(key, entry, now + kRemember);
  return {};
}

void PoisonList::on_success(TenantId tenant, const Digest& body) {
  const auto known = entries_.find({tenant, body});
  if (known != entries_.end() && !known->second.poison) entries_.erase(known);
}

std::optional<Instant> PoisonList::quarantined(TenantId tenant, const Digest& body,
                                               Instant now) const {
  const auto known = entries_.find({tenant, body});
  if (known == entries_.end() || !known->second.poison || known->second.until <= now)
    return std::nullopt;
  return known->second.until;
}

}  // namespace sovmesh::routing
