#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "store_sqlite/database.h"
#include "store_sqlite/ledger_books.h"

namespace sovmesh::store_sqlite {

struct RetentionOptions {
  std::chrono::days rows{400};      // whole days of rows; also known as keep_days
  std::chrono::days quarters{400};  // roll-ups of a quarter of an hour
  std::chrono::days minutes{2};     // roll-ups of a minute
  // The next look after one that found nothing to do.
  std::chrono::seconds every{60};
};

// Takes away what has become too old, a step at a time. What a dropped table held stays in the
// balances, in the roll-ups by day, and in `carried`. Belongs to the writer, which calls it while
// nothing waits.
class LedgerRetention {
 public:
  explicit LedgerRetention(const RetentionOptions& options) : options_(options) {}

  bool is_due(Instant now) const { return now >= next_; }
  // One transaction at most. True: there is more to do.
  Result<bool> step(Database& database, LedgerBooks& books, WallTime now);
  // Until the next step.
  void rest(Instant now, bool more);
  std::uint64_t dropped() const { return dropped_; }

  static constexpr std::chrono::milliseconds kBetweenSteps{20};

 private:
  static constexpr std::int64_t kKeysAtOnce = 500;

  Result<bool> drop_day(Database& database, LedgerBooks& books, std::int64_t today);
  static Result<bool> thin(Database& database, const Span& span, WallTime keep_from);
  static Result<bool> expire_keys(Database& database, WallTime now);

  RetentionOptions options_;
  Instant next_{};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace sovmesh::store_sqlite
