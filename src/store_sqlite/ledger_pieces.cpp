#include "store_sqlite/ledger_pieces.h"

#include <algorithm>

#include "base/append.h"
#include "base/time_text.h"
#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {
namespace {

constexpr std::int64_t kLastDay = 3'000'000;  // in the year 10183

WallTime end_of(const Span& span, WallTime time) {
  const WallTime begin = begin_of(span, time);
  return begin == time ? time : begin + span.length;
}

std::string date_of(std::int64_t microseconds) {
  return to_rfc3339(WallTime(std::chrono::microseconds(microseconds))).substr(0, 10);
}

class Cutter {
 public:
  Cutter(Database& database, int first) : database_(database), next_(first) {}

  Result<void> begin() {
    TRY(days_, days_with_rows(database_));
    for (std::size_t level = 0; level < kSpans.size(); ++level) {
      TRY(const std::int64_t kept_from, read_mark(database_, kSpans[level].table));
      kept_from_[level] = WallTime(std::chrono::microseconds(kept_from));
    }
    return {};
  }

  // From the largest spans down; level 0 are minutes, below them single rows.
  Result<void> cut(WallTime from, WallTime until, std::size_t levels) {
    if (from >= until) return {};
    if (levels == 0) return take_rows(from, until);
    const Span& span = kSpans[levels - 1];
    const WallTime first = std::max(end_of(span, from), kept_from_[levels - 1]);
    const WallTime last = begin_of(span, until);
    if (first >= last) return cut(from, until, levels - 1);
    TRY_VOID(cut(from, first, levels - 1));
    take_span(span, first, last);
    return cut(last, until, levels - 1);
  }

  Pieces done() && { return std::move(pieces_); }

 private:
  void take_span(const Span& span, WallTime from, WallTime until) {
    add("SELECT subject, price, ", sums_list(), ", energy_method, first_seq, last_seq, at FROM ",
        span.table, " WHERE at >= ");
    add_value(from.time_since_epoch().count());
    pieces_.sql += " AND at < ";
    add_value(until.time_since_epoch().count());
  }

  Result<void> take_rows(WallTime from, WallTime until) {
    TRY_VOID(check_kept(from, until));
    for (const std::int64_t day : days_) {
      const WallTime first = std::max(from, begin_of_day(day));
      const WallTime last = std::min(until, begin_of_day(day + 1));
      if (first >= last) continue;
      TRY(const std::int64_t begin, first_seq_at(database_, day, first));
      TRY(const std::int64_t end, first_seq_at(database_, day, last));
      if (begin >= end) continue;
      add("SELECT subject, price, ", sums_of_row(),
          ", energy_method, seq AS first_seq, seq AS last_seq,"
          " booked_at AS at FROM ",
          partition_name(day), " WHERE terminal = 1 AND seq >= ");
      add_value(begin);
      pieces_.sql += " AND seq < ";
      add_value(end);
    }
    return {};
  }

  // A day whose rows are gone is there as a whole only (or in quarters).
  Result<void> check_kept(WallTime from, WallTime until) {
    TRY(Statement kept,
        database_.prepare("SELECT at FROM by_day WHERE at >= ? AND at < ? AND at / 86400000000"
                          " NOT IN (SELECT day FROM partition) ORDER BY at LIMIT 1"));
    kept.bind_all(begin_of_day(day_of(from)), until);
    TRY(const bool there, kept.step());
    if (!there) return {};
    return client_error(Code::invalid_value,
                        "the rows of " + date_of(kept.integer(0)) +
                            " are no longer kept, only sums: let the period begin and end with a"
                            " whole day of UTC",
                        "from");
  }

  template <class... Texts>
  void add(const Texts&... texts) {
    if (!pieces_.sql.empty()) pieces_.sql += " UNION ALL ";
    append_all(pieces_.sql, texts...);
  }
  void add_value(std::int64_t value) {
    append_all(pieces_.sql, "?", std::to_string(next_++));
    pieces_.values.push_back(value);
  }

  Database& database_;
  int next_;
  std::vector<std::int64_t> days_;
  std::array<WallTime, kSpans.size()> kept_from_{};
  Pieces pieces_;
};

}  // namespace

void Pieces::bind(Statement& statement, int first) const {
  for (const std::int64_t value : values)
    statement.bind(first++, value);
}

WallTime books_end() { return begin_of_day(kLastDay); }

Result<Pieces> cut_period(Database& database, WallTime from, WallTime until, int first,
                          std::chrono::microseconds longest) {
  Cutter cutter(database, first);
  TRY_VOID(cutter.begin());
  const auto levels =
      std::ranges::count_if(kSpans, [longest](const Span& span) { return span.length <= longest; });
  TRY_VOID(cutter.cut(std::clamp(from, WallTime{}, books_end()),
                      std::clamp(until, WallTime{}, books_end()),
                      static_cast<std::size_t>(levels)));
  return std::move(cutter).done();
}

// Booking time never falls from row to row, so halving finds it without an index.
Result<std::int64_t> first_seq_at(Database& database, std::int64_t day, WallTime time) {
  const std::string table = partition_name(day);
  TRY(std::int64_t low, database.number("SELECT min(seq) FROM " + table));
  TRY(const std::int64_t last, database.number("SELECT max(seq) FROM " + table));
  TRY(Statement look, database.prepare("SELECT seq, booked_at FROM " + table +
                                       " WHERE seq >= ? ORDER BY seq LIMIT 1"));
  std::int64_t high = last + 1;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    look.bind_all(middle);
    TRY(const bool there, look.step());
    const bool is_before = there && look.time(1) < time;
    look.reset();
    if (is_before)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

Result<std::vector<std::int64_t>> days_with_rows(Database& database) {
  std::vector<std::int64_t> days;
  TRY(Statement day, database.prepare("SELECT day FROM partition ORDER BY day DESC"));
  for (;;) {
    TRY(const bool there, day.step());
    if (!there) return days;
    days.push_back(day.integer(0));
  }
}

}  // namespace sovmesh::store_sqlite
