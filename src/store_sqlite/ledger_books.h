#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "metering/price.h"
#include "metering/usage.h"
#include "store_sqlite/database.h"
#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/row_insert.h"

namespace sovmesh::store_sqlite {

// A terminal record as it goes into the books: who and what by their numbers.
struct BookRow {
  RequestId request;
  std::int64_t subject = 0;
  std::int64_t price = 0;  // 0: unpriced
  std::int64_t boot = 0;
  WallTime opened_at{};
  std::chrono::microseconds took{};      // by the gateway's clock; may be anything
  std::chrono::microseconds open_for{};  // by ours, for prices by time
  std::int64_t prompt_estimate = 0;
  std::int64_t output_max = 0;
  std::int64_t reserved = 0;
  std::int64_t characters = 0;
  Terminal terminal = Terminal::settled;
  metering::Counts counts;
  metering::Finish finish = metering::Finish::stop;
  bool drift = false;
  metering::Charge charge;
};

// What is charged for a row, and the figures it follows from: counts cut to what can be, and
// nothing but tokens for what was not served.
void charge_row(BookRow& row, const metering::Price* price, const metering::EnergyMeter& meter);

// Writes terminal records, and moves every kept sum with them: all in the caller's transaction, so
// a sum and its rows are always of one age. Belongs to the writer.
//
// Time in the books is the moment of writing, one for all rows of a transaction, and it never goes
// back: a period that has ended stays as it is, whatever happens to the clock.
class LedgerBooks {
 public:
  static constexpr std::chrono::seconds kJumpMin{5};  // back by less is the usual adjustment

  // Finds the place where the books end.
  Result<void> prepare(Database& database);
  // Takes over what is the time now.
  WallTime book_time(WallTime now);
  Result<void> write(std::span<const BookRow> rows, WallTime booked_at);
  // After the transaction of write(), with its outcome.
  void committed();
  void rolled_back();

  // Whether a request has its terminal record. Looks into the days since its id was made, and into
  // the last one; leaves out `except`.
  Result<bool> holds(RequestId request, std::int64_t except = -1);
  // The same for a record that is written on that day, whose unique index sees to its own rows: an
  // id that was made on that day cannot have an earlier record. Others are requests over midnight.
  Result<bool> held_before(RequestId request, WallTime booked_at);

  std::int64_t last_seq() const { return seq_; }
  WallTime last_time() const { return last_time_; }
  const std::vector<std::int64_t>& days() const { return days_; }  // that have a table, sorted
  void dropped(std::int64_t day);
  std::uint64_t clock_jumps() const { return clock_jumps_; }
  std::uint64_t unpriced() const { return unpriced_; }
  std::uint64_t drifted() const { return drifted_; }

 private:
  // Rows of one subject and price.
  struct Group {
    std::int64_t subject = 0;
    std::int64_t price = 0;
    metering::Totals sums;
    metering::EnergyMethod method{};
    std::int64_t first_seq = 0;
    std::int64_t last_seq = 0;
  };

  Result<void> open_day(std::int64_t day);
  Result<void> write_rows(std::span<const BookRow> rows, WallTime booked_at);
  void group(std::span<const BookRow> rows);
  Result<void> write_sums(WallTime booked_at);
  Result<bool> is_in(std::int64_t day, RequestId request);
  Result<void> find_end();

  Database* database_ = nullptr;
  RowInsert insert_row_;  // into the table of day_
  std::int64_t day_ = -1;
  RowInsert add_balance_;
  std::array<RowInsert, kSpans.size()> add_span_;
  Statement look_;  // for a request, in the table of look_day_
  std::int64_t look_day_ = -1;

  std::vector<std::int64_t> days_;
  std::int64_t seq_ = 0;      // of the last row
  std::int64_t written_ = 0;  // rows of the running transaction
  bool day_is_new_ = false;   // its table is made by the running transaction
  WallTime last_time_{};
  bool clock_is_behind_ = false;
  std::vector<std::pair<const BookRow*, std::int64_t>> order_;  // scratch: settled rows, their seq
  std::vector<Group> groups_;                                   // scratch

  std::atomic<std::uint64_t> clock_jumps_{0};
  std::atomic<std::uint64_t> unpriced_{0};
  std::atomic<std::uint64_t> drifted_{0};
};

}  // namespace sovmesh::store_sqlite
