#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "routing/endpoint_set.h"

namespace sovmesh::routing {

// Finds requests that break engines: one body that fails on two different endpoints is not sent
// again for kQuarantine, for that tenant. Then the failures are the request's, not the endpoints'.
// Bounded: the oldest entry goes.
class PoisonList {
 public:
  static constexpr std::chrono::minutes kQuarantine{10};
  static constexpr std::chrono::minutes kRemember{10};  // one failure, until a second
  static constexpr std::size_t kEntriesMax = 16'384;

  explicit PoisonList(std::size_t entries_max = kEntriesMax) : entries_max_(entries_max) {}

  enum class Verdict : std::uint8_t {
    unknown,  // its first failure, or again on the same endpoint
    poison,   // do not retry; do not charge the endpoint
  };
  struct Failed {
    Verdict verdict = Verdict::unknown;
    // The endpoint that was charged for the first failure and should be forgiven. Once.
    std::optional<EndpointIndex> forgive;
  };
  // `body`: digest of the request as it was sent.
  Failed on_failure(TenantId tenant, const Digest& body, EndpointIndex endpoint, Instant now);
  // It worked somewhere: whatever failed before was not its fault.
  void on_success(TenantId tenant, const Digest& body);
  // Until when it is refused; nothing when it may run.
  std::optional<Instant> quarantined(TenantId tenant, const Digest& body, Instant now) const;
  std::size_t size() const { return entries_.size(); }
  std::size_t lines() const { return order_.size(); }

 private:
  struct Key {
    TenantId tenant;
    Digest body{};
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct Entry {
    EndpointIndex endpoint = 0;
    bool poison = false;
    Instant until{};
    std::uint64_t number = 0;  // of its line in order_
  };
  struct Line {
    Key key;
    std::uint64_t number = 0;
  };
  void renew(const Key& key, Entry& entry, Instant until);
  bool is_void(const Line& line) const;
  void make_room(Instant now);

  std::size_t entries_max_;
  std::unordered_map<Key, Entry, KeyHash> entries_;
  // By `until`. A line whose number is not its entry's any more is void; at most twice
  // entries_max_.
  std::deque<Line> order_;
  std::uint64_t last_number_ = 0;
};

}  // namespace sovmesh::routing
