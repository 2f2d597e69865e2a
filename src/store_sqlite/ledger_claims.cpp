#include "store_sqlite/ledger_claims.h"

namespace sovmesh::store_sqlite {

Result<store::ClaimResult> Claims::claim(TenantId tenant, const metering::Idempotency& key,
                                         RequestId request, WallTime now) {
  expire(now);
  const Place place{tenant, key.key};
  auto found = entries_.find(place);
  if (found != entries_.end() && found->second.at <= now - kKeep) {
    erase(found);
    found = entries_.end();
  }
  if (found != entries_.end()) {
    const Entry& earlier = found->second;
    using Answer = store::ClaimResult::State;
    if (!equal_digests(earlier.body, key.body))
      return store::ClaimResult{.state = Answer::reused, .request = earlier.request};
    if (earlier.state == State::finished)
      return store::ClaimResult{
          .state = Answer::finished, .request = earlier.request, .settlement = earlier.settlement};
    return store::ClaimResult{.state = Answer::in_progress, .request = earlier.request};
  }
  const auto mine = of_tenant_.find(tenant);
  if (mine != of_tenant_.end() && mine->second >= bounds_.per_tenant)
    return client_error(Code::queue_full,
                        "too many Idempotency-Keys of this tenant in the last 24 hours");
  if (entries_.size() >= bounds_.total)
    return our_error(Code::queue_full, "too many Idempotency-Keys in the last 24 hours");
  entries_.emplace(place, Entry{.body = key.body, .request = request, .at = now});
  by_age_.emplace(now, place);
  ++of_tenant_[tenant];
  return store::ClaimResult{};
}

void Claims::unclaim(TenantId tenant, const Digest& key, RequestId request) {
  const auto found = owned(tenant, key, request);
  if (found != entries_.end() && found->second.state == State::claimed) erase(found);
}

bool Claims::hand_over(TenantId tenant, const metering::Idempotency& key, RequestId request,
                       WallTime now) {
  const auto claimed = claim(tenant, key, request, now);
  if (!claimed) return false;
  const auto found = owned(tenant, key.key, request);
  if (found == entries_.end() || found->second.state != State::claimed) return false;
  found->second.state = State::at_work;
  return true;
}

void Claims::finish(TenantId tenant, const Digest& key, RequestId request,
                    const metering::Settlement& settlement) {
  const auto found = owned(tenant, key, request);
  if (found == entries_.end()) return;
  found->second.state = State::finished;
  found->second.settlement = settlement;
}

void Claims::free(TenantId tenant, const Digest& key, RequestId request) {
  const auto found = owned(tenant, key, request);
  if (found != entries_.end()) erase(found);
}

void Claims::restore(TenantId tenant, const metering::Idempotency& key, RequestId request,
                     WallTime at, const std::optional<metering::Settlement>& settlement) {
  const Place place{tenant, key.key};
  Entry entry{.body = key.body, .request = request, .at = at, .state = State::at_work};
  if (settlement) {
    entry.state = State::finished;
    entry.settlement = *settlement;
  }
  if (!entries_.emplace(place, entry).second) return;
  by_age_.emplace(at, place);
  ++of_tenant_[tenant];
}

void Claims::expire(WallTime now) {
  for (int i = 0; i < kExpireMax && !by_age_.empty(); ++i) {
    if (by_age_.begin()->first > now - kKeep) return;
    erase(entries_.find(by_age_.begin()->second));
  }
}

void Claims::erase(Entries::iterator at) {
  const auto [place, entry] = *at;
  by_age_.erase({entry.at, place});
  const auto count = of_tenant_.find(place.tenant);
  if (--count->second == 0) of_tenant_.erase(count);
  entries_.erase(at);
}

Claims::Entries::iterator Claims::owned(TenantId tenant, const Digest& key, RequestId request) {
  const auto found = entries_.find(Place{tenant, key});
  return found != entries_.end() && found->second.request == request ? found : entries_.end();
}

}  // namespace sovmesh::store_sqlite
