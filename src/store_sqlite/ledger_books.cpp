#include "store_sqlite/ledger_books.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "base/append.h"

namespace sovmesh::store_sqlite {
namespace {

std::int64_t cut(std::int64_t count) {
  return std::clamp<std::int64_t>(count, 0, metering::kTokensMax);
}

metering::Totals totals_of(const BookRow& row) {
  return {.requests = 1,
          .prompt = row.counts.prompt,
          .cached = row.counts.cached,
          .generated = row.counts.generated,
          .reasoning = row.counts.reasoning,
          .delivered = row.counts.delivered,
          .characters = row.characters,
          .open_us = row.open_for.count(),
          .cost_micro = row.charge.cost_micro,
          .gse_us = row.charge.gse_us,
          .energy_mj = row.charge.energy.millijoules,
          .co2_ug = row.charge.energy.micrograms_co2,
          .unpriced = row.price == 0 ? 1 : 0,
          .drifted = row.drift ? 1 : 0,
          .recovered = row.finish == metering::Finish::recovered ? 1 : 0};
}

template <class... Before>
Result<void> add_sums(RowInsert& insert, const metering::Totals& sums, const Before&... before) {
  return insert.add(before..., sums.requests, sums.prompt, sums.cached, sums.generated,
                    sums.reasoning, sums.delivered, sums.characters, sums.open_us, sums.cost_micro,
                    sums.gse_us, sums.energy_mj, sums.co2_ug, sums.unpriced, sums.drifted,
                    sums.recovered);
}

}  // namespace

void charge_row(BookRow& row, const metering::Price* price, const metering::EnergyMeter& meter) {
  if (row.terminal == Terminal::voided) {
    row.counts = {};
    row.finish = metering::Finish::stop;
    row.drift = false;
    row.characters = 0;
    row.open_for = {};
    return;
  }
  metering::Counts& counts = row.counts;
  for (std::int64_t* count :
       {&counts.prompt, &counts.cached, &counts.generated, &counts.reasoning, &counts.delivered})
    *count = cut(*count);
  const metering::Usage usage{.counts = counts,
                              .finish = row.finish,
                              .characters = cut(row.characters),
                              .open_for = std::max(row.open_for, std::chrono::microseconds(0))};
  const bool served = metering::was_served(usage);
  row.characters = served ? usage.characters : 0;
  row.open_for = served ? usage.open_for : std::chrono::microseconds(0);
  row.charge = metering::charge_of(price, usage, meter);
}

Result<void> LedgerBooks::prepare(Database& database) {
  database_ = &database;
  std::string into;
  append_all(into, "INSERT INTO balance (subject, ", sums_list(), ")");
  TRY_VOID(add_balance_.prepare(database, into, kSums.size() + 1,
                                " ON CONFLICT (subject) DO UPDATE SET " + sums_added()));
  for (std::size_t i = 0; i < kSpans.size(); ++i) {
    into.clear();
    append_all(into, "INSERT INTO ", kSpans[i].table, " (at, subject, price, energy_method,",
               " first_seq, last_seq, ", sums_list(), ")");
    TRY_VOID(
        add_span_[i].prepare(database, into, kSums.size() + 6,
                             " ON CONFLICT (at, subject, price) DO UPDATE SET " + sums_added() +
                                 ", energy_method = max(energy_method, excluded.energy_method),"
                                 " last_seq = excluded.last_seq"));
  }
  return find_end();
}

Result<void> LedgerBooks::find_end() {
  TRY(Statement day, database_->prepare("SELECT day FROM partition ORDER BY day"));
  for (;;) {
    TRY(const bool there, day.step());
    if (!there) break;
    days_.push_back(day.integer(0));
  }
  if (days_.empty()) return {};
  TRY(Statement last,
      database_->prepare("SELECT seq, booked_at FROM " + partition_name(days_.back()) +
                         " ORDER BY seq DESC LIMIT 1"));
  TRY(const bool there, last.step());
  if (!there) return {};
  seq_ = last.integer(0);
  last_time_ = last.time(1);
  return {};
}

WallTime LedgerBooks::book_time(WallTime now) {
  const bool behind = now < last_time_ - kJumpMin;
  if (behind && !clock_is_behind_) ++clock_jumps_;
  clock_is_behind_ = behind;
  return std::max(now, last_time_);
}

Result<void> LedgerBooks::write(std::span<const BookRow> rows, WallTime booked_at) {
  if (rows.empty()) return {};
  TRY_VOID(open_day(day_of(booked_at)));
  TRY_VOID(write_rows(rows, booked_at));
  group(rows);
  TRY_VOID(write_sums(booked_at));
  written_ = static_cast<std::int64_t>(rows.size());
  last_time_ = std::max(last_time_, booked_at);
  return {};
}

Result<void> LedgerBooks::open_day(std::int64_t day) {
  if (day == day_) return {};
  if (!std::ranges::binary_search(days_, day)) {
    TRY_VOID(make_partition(*database_, day));
    days_.insert(std::ranges::upper_bound(days_, day), day);
    day_is_new_ = true;
  }
  TRY_VOID(insert_row_.prepare(*database_, "INSERT INTO " + partition_name(day), 27));
  day_ = day;
  return {};
}

Result<void> LedgerBooks::write_rows(std::span<const BookRow> rows, WallTime booked_at) {
  std::int64_t seq = seq_;
  insert_row_.begin(rows.size());
  for (const BookRow& row : rows)
    TRY_VOID(insert_row_.add(
        ++seq, row.request, row.subject, row.price, row.boot, row.opened_at, booked_at,
        row.took.count(), row.open_for.count(), row.prompt_estimate, row.output_max, row.reserved,
        row.characters, static_cast<int>(row.terminal), row.counts.prompt, row.counts.cached,
        row.counts.generated, row.counts.reasoning, row.counts.delivered,
        static_cast<int>(row.counts.source), static_cast<int>(row.finish), row.drift ? 1 : 0,
        row.charge.cost_micro, row.charge.gse_us, row.charge.energy.millijoules,
        row.charge.energy.micrograms_co2, static_cast<int>(row.charge.energy.method)));
  return {};
}

// A commit often holds many rows of few subjects: each sum is moved once.
void LedgerBooks::group(std::span<const BookRow> rows) {
  order_.clear();
  groups_.clear();
  std::int64_t seq = seq_;
  for (const BookRow& row : rows) {
    ++seq;
    if (row.terminal == Terminal::settled) order_.emplace_back(&row, seq);
  }
  std::ranges::sort(order_, {}, [](const auto& one) {
    return std::tuple(one.first->subject, one.first->price, one.second);
  });
  for (const auto& [row, place] : order_) {
    if (groups_.empty() || groups_.back().subject != row->subject ||
        groups_.back().price != row->price)
      groups_.push_back({.subject = row->subject, .price = row->price, .first_seq = place});
    Group& one = groups_.back();
    one.sums += totals_of(*row);
    one.method = std::max(one.method, row->charge.energy.method);
    one.last_seq = place;
  }
}

Result<void> LedgerBooks::write_sums(WallTime booked_at) {
  add_balance_.begin(groups_.size());
  for (const Group& one : groups_)
    TRY_VOID(add_sums(add_balance_, one.sums, one.subject));
  for (std::size_t i = 0; i < kSpans.size(); ++i) {
    const WallTime at = begin_of(kSpans[i], booked_at);
    add_span_[i].begin(groups_.size());
    for (const Group& one : groups_)
      TRY_VOID(add_sums(add_span_[i], one.sums, at, one.subject, one.price,
                        static_cast<int>(one.method), one.first_seq, one.last_seq));
  }
  return {};
}

void LedgerBooks::committed() {
  seq_ += std::exchange(written_, 0);
  day_is_new_ = false;
  for (const Group& one : groups_) {
    unpriced_ += static_cast<std::uint64_t>(one.sums.unpriced);
    drifted_ += static_cast<std::uint64_t>(one.sums.drifted);
  }
  groups_.clear();
}

void LedgerBooks::rolled_back() {
  written_ = 0;
  groups_.clear();
  if (std::exchange(day_is_new_, false)) dropped(day_);
  day_ = -1;
  look_day_ = -1;
  look_ = {};
}

Result<bool> LedgerBooks::is_in(std::int64_t day, RequestId request) {
  if (day != look_day_) {
    TRY(look_,
        database_->prepare("SELECT 1 FROM " + partition_name(day) + " WHERE rid = ? LIMIT 1"));
    look_day_ = day;
  }
  look_.bind_all(request);
  auto found = look_.step();
  look_.reset();
  return found;
}

Result<bool> LedgerBooks::holds(RequestId request, std::int64_t except) {
  const std::int64_t made = made_on(request);
  for (std::size_t i = days_.size(); i-- > 0;) {
    if (days_[i] < made && i + 1 < days_.size()) break;
    if (days_[i] == except) continue;
    TRY(const bool found, is_in(days_[i], request));
    if (found) return true;
  }
  return false;
}

Result<bool> LedgerBooks::held_before(RequestId request, WallTime booked_at) {
  const std::int64_t day = day_of(booked_at);
  if (made_on(request) == day) return false;
  return holds(request, day);
}

void LedgerBooks::dropped(std::int64_t day) {
  std::erase(days_, day);
  look_day_ = -1;
  look_ = {};
}

}  // namespace sovmesh::store_sqlite
