#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "metering/usage.h"
#include "store/ledger.h"

namespace sovmesh::store_sqlite {

// The Idempotency-Keys of the last 24 hours, in memory: which request answers for each. Plain
// values; time comes in as an argument.
//
//            claim()             hand_over()            settle, also after a kill
//   (free) ----------> claimed ---------------> at work ---------------------------> finished
//      ^                 | unclaim()              | void, refused
//      +-----------------+------------------------+          (all of them: free again after 24 h)
//
// What an engine was asked is finished, whatever came of it and whatever it was charged.
//
// `at work` and `finished` are in ledger.db too, written with the records of their request.
class Claims {
 public:
  static constexpr std::chrono::hours kKeep{24};
  struct Bounds {
    std::size_t total = 500'000;
    std::size_t per_tenant = 100'000;
  };
  explicit Claims(const Bounds& bounds) : bounds_(bounds) {}

  Result<store::ClaimResult> claim(TenantId tenant, const metering::Idempotency& key,
                                   RequestId request, WallTime now);
  void unclaim(TenantId tenant, const Digest& key, RequestId request);
  // The request's intent is on its way into the ledger. False: the key is another request's.
  bool hand_over(TenantId tenant, const metering::Idempotency& key, RequestId request,
                 WallTime now);
  void finish(TenantId tenant, const Digest& key, RequestId request,
              const metering::Settlement& settlement);
  // Whatever its state: the request came to nothing.
  void free(TenantId tenant, const Digest& key, RequestId request);
  // What ledger.db holds, at boot.
  void restore(TenantId tenant, const metering::Idempotency& key, RequestId request, WallTime at,
               const std::optional<metering::Settlement>& settlement);
  std::size_t size() const { return entries_.size(); }

 private:
  static constexpr int kExpireMax = 64;  // at once: other workers wait meanwhile
  enum class State : std::uint8_t { claimed, at_work, finished };
  struct Place {
    TenantId tenant;
    Digest key{};
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct PlaceHash {
    std::size_t operator()(const Place& place) const noexcept {
      std::size_t hash = 0;
      for (std::size_t i = 0; i < sizeof hash; ++i)
        hash = hash << 8 | place.key[i];  // a keyed digest: nobody can choose it
      return hash;
    }
  };
  struct Entry {
    Digest body{};
    RequestId request;
    WallTime at{};
    State state = State::claimed;
    metering::Settlement settlement;
  };
  using Entries = std::unordered_map<Place, Entry, PlaceHash>;

  void expire(WallTime now);
  void erase(Entries::iterator at);
  Entries::iterator owned(TenantId tenant, const Digest& key, RequestId request);

  Bounds bounds_;
  Entries entries_;
  std::set<std::pair<WallTime, Place>> by_age_;
  std::map<TenantId, std::size_t> of_tenant_;
};
using SharedClaims = std::shared_ptr<Guarded<Claims>>;

}  // namespace sovmesh::store_sqlite
