#include "store_sqlite/ledger_retention.h"

#include <algorithm>
#include <string>

#include "store_sqlite/ledger_claims.h"

namespace sovmesh::store_sqlite {

Result<bool> LedgerRetention::step(Database& database, LedgerBooks& books, WallTime now) {
  // By the books' time, as all else in them: a clock that was set ahead by mistake drops nothing
  // until rows have been written by it.
  const WallTime today = std::min(now, books.last_time());
  TRY(const bool expired, expire_keys(database, now));
  if (expired) return true;
  TRY(const bool minutes, thin(database, kSpans[0], today - options_.minutes));
  if (minutes) return true;
  TRY(const bool quarters, thin(database, kSpans[1], today - options_.quarters));
  if (quarters) return true;
  return drop_day(database, books, day_of(today));
}

void LedgerRetention::rest(Instant now, bool more) {
  next_ = now + (more ? std::chrono::microseconds(kBetweenSteps) : options_.every);
}

// The table of the oldest day, whole. Never that of the newest day, where the books end.
Result<bool> LedgerRetention::drop_day(Database& database, LedgerBooks& books, std::int64_t today) {
  if (books.days().size() < 2) return false;
  const std::int64_t day = books.days().front();
  if (day >= today - options_.rows.count()) return false;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY_VOID(database.run(add_to_sums_sql("carried", day)));
  TRY(const std::int64_t last, database.number("SELECT max(seq) FROM " + partition_name(day)));
  TRY_VOID(write_mark(database, kDroppedSeq, last));
  TRY_VOID(database.run("DELETE FROM partition WHERE day = ?", day));
  TRY_VOID(database.execute(("DROP TABLE " + partition_name(day)).c_str()));
  TRY_VOID(transaction.commit());
  books.dropped(day);
  ++dropped_;
  return true;
}

// A few roll-ups at a time.
Result<bool> LedgerRetention::thin(Database& database, const Span& span, WallTime keep_from) {
  TRY(Statement oldest, database.prepare("SELECT min(at) FROM " + std::string(span.table)));
  TRY(const bool there, oldest.step());
  if (!there || oldest.is_null(0)) return false;
  const WallTime first{std::chrono::microseconds(oldest.integer(0))};
  oldest = {};
  const WallTime until = std::min(begin_of_day(day_of(keep_from)), first + span.length * 15);
  if (first >= until) return false;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY_VOID(write_mark(database, span.table, until.time_since_epoch().count()));
  TRY_VOID(database.run("DELETE FROM " + std::string(span.table) + " WHERE at < ?", until));
  TRY_VOID(transaction.commit());
  return true;
}

Result<bool> LedgerRetention::expire_keys(Database& database, WallTime now) {
  // They were added in the order of their numbers.
  TRY(Statement oldest, database.prepare("SELECT no, at FROM idem ORDER BY no LIMIT 1"));
  TRY(const bool there, oldest.step());
  if (!there || oldest.time(1) > now - Claims::kKeep) return false;
  const std::int64_t first = oldest.integer(0);
  oldest = {};
  TRY_VOID(database.run("DELETE FROM idem WHERE no < ? AND at <= ?", first + kKeysAtOnce,
                        now - Claims::kKeep));
  return database.changed_rows() > 0;
}

}  // namespace sovmesh::store_sqlite
