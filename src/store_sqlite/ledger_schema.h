#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "metering/usage.h"
#include "store_sqlite/database.h"
#include "store_sqlite/migrations.h"

namespace sovmesh::store_sqlite {

// The tables of ledger.db. docs/ledger.md shows them to operators.
const Schema& ledger_schema();
// Code::data_dir_invalid when the database is not a ledger of this release's schema.
Result<void> check_ledger_schema(Database& database);

// What a closed row ended with.
enum class Terminal : int { settled = 1, voided = 2 };

// Columns that hold sums, in the order of metering::Totals.
inline constexpr std::array<std::string_view, 15> kSums{
    "requests", "prompt", "cached", "generated", "reasoning", "delivered", "characters", "open_us",
    "cost",     "gse",    "energy", "co2",       "unpriced",  "drifted",   "recovered"};

// The kept sums over time. A quarter of an hour, because every time zone's offset is a multiple of
// it: four of them are an hour, and any zone's day, month and year are made of them.
struct Span {
  std::string_view table;
  std::chrono::microseconds length;
};
inline constexpr std::array<Span, 3> kSpans{Span{"by_minute", std::chrono::minutes(1)},
                                            Span{"by_quarter", std::chrono::minutes(15)},
                                            Span{"by_day", std::chrono::hours(24)}};

constexpr std::int64_t day_of(WallTime time) {
  return std::chrono::floor<std::chrono::days>(time.time_since_epoch()).count();
}
constexpr WallTime begin_of_day(std::int64_t day) { return WallTime(std::chrono::days(day)); }
constexpr WallTime begin_of(const Span& span, WallTime time) {
  return WallTime(time.time_since_epoch() / span.length * span.length);  // never before 1970
}

// "usage_20261125": the rows that were settled on that day of UTC.
std::string partition_name(std::int64_t day);
Result<void> make_partition(Database& database, std::int64_t day);

// The day on which an id was made.
std::int64_t made_on(RequestId request);

// Marks: how far something has come. Nothing of a table of kSpans before the mark of its name is
// kept.
inline constexpr std::string_view kDroppedSeq = "dropped_seq";  // the last of the dropped rows
// The first row that nobody may have been told of, and the last one that somebody has to be told of
// now; 0: there is none.
inline constexpr std::string_view kUntoldFirst = "untold_first";
inline constexpr std::string_view kUntoldLast = "untold_last";
Result<std::int64_t> read_mark(Database& database, std::string_view name);  // 0: there is none
Result<void> write_mark(Database& database, std::string_view name, std::int64_t value);

// Pieces of SQL, all of them ours.
const std::string& sums_list();     // "requests, prompt, ..."
const std::string& sums_of_sums();  // "sum(requests), ..."
const std::string& sums_added();    // "requests = requests + excluded.requests, ..."
const std::string& sums_of_row();   // the same columns from one row of a partition
const std::string& sums_of_rows();  // and from a group of them
// Adds up a partition by subject, into `balance` or `carried`.
std::string add_to_sums_sql(std::string_view table, std::int64_t day);
// kSums from `column` on.
metering::Totals read_totals(const Statement& row, int column);

}  // namespace sovmesh::store_sqlite
