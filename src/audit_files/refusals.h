#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace sovmesh::audit_files {

// How many requests were refused, by why: at most kReasonsMax, the rest is "other".
class RefusalCounts {
 public:
  static constexpr std::size_t kReasonsMax = 16;
  void add(std::string_view why, std::uint64_t count = 1);
  void add(const RefusalCounts& other);
  std::uint64_t total() const;
  std::string text() const;  // "insufficient_quota 40, queue_full 3"

 private:
  std::map<std::string, std::uint64_t, std::less<>> by_reason_;
};

// Refused requests that one entry stands for.
struct RefusedSum {
  // Of one key; of keys beyond Refusals::kKeysMax; of nobody that is known; or of all, while the
  // disk was full.
  enum class Whose : std::uint8_t { key, other_keys, strangers, all };
  Whose whose = Whose::key;
  std::optional<TenantId> tenant;  // of a key
  std::optional<KeyId> key;
  RefusalCounts counts;
};

// Which refused requests are entries of their own: of each key the first ones of a minute. The
// others are counted, and an entry for each key says how many when the minute is over; so what a
// client can make us write is bounded. Plain arithmetic; time comes in.
class Refusals {
 public:
  static constexpr std::uint64_t kOwnMax = 60;     // of a key in a minute
  static constexpr std::size_t kKeysMax = 10'000;  // told apart in a minute
  static constexpr std::chrono::seconds kWindow{60};

  // False: it has been counted, and gets no entry.
  bool admit(TenantId tenant, KeyId key, std::string_view why, Instant now);
  // A request of nobody that is known.
  void count_stranger(std::string_view why, Instant now);
  // On: nothing is admitted and nothing is due, until there is room on the disk again.
  void hold(bool on) { holds_ = on; }

  bool holds() const { return holds_; }
  // What was counted while it was on and is not told yet.
  std::uint64_t held_total() const { return held_total_; }
  RefusalCounts held() const;

  // When something is next due; nothing: never, as things are.
  std::optional<Instant> due_at() const;
  // The first sums of what is due, at most `most`. They stay until they are told().
  std::vector<RefusedSum> due(Instant now, std::size_t most);
  void told(std::size_t count);
  // Everything that was counted is due now.
  void close();
  // Everything becomes one sum that is due now: for a disk that has hardly any room.
  void fold();

 private:
  struct OfKey {
    TenantId tenant;
    std::uint64_t own = 0;  // that were entries
    RefusalCounts counts;   // of the others
  };
  void go_on(Instant now);
  void hold_one(std::string_view why);
  using Whose = RefusedSum::Whose;
  void put(Whose whose, RefusalCounts& counts);

  std::optional<Instant> ends_;  // of the minute; nothing: none was refused yet
  std::unordered_map<KeyId, OfKey> keys_;
  RefusalCounts other_keys_;
  RefusalCounts strangers_;
  RefusalCounts held_;
  std::uint64_t held_total_ = 0;  // of these and of those in due_ that are of all
  bool holds_ = false;
  bool has_counted_ = false;     // something in this minute
  std::vector<RefusedSum> due_;  // of one minute; more come only when it is empty, or at the end
};

}  // namespace sovmesh::audit_files
