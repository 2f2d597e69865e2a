#include "store_sqlite/ledger_verify.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/append.h"
#include "base/time_text.h"
#include "store_sqlite/ledger_books.h"
#include "store_sqlite/ledger_names.h"
#include "store_sqlite/ledger_pieces.h"
#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {
namespace {

using metering::Totals;
using store::SubjectDrift;
using store::VerifyReport;

// A kept sum or a counted one.
struct Sum {
  Totals totals;
  std::int64_t method = 0;
  std::int64_t first_seq = 0;
  std::int64_t last_seq = 0;
  friend bool operator==(const Sum&, const Sum&) = default;

  void add(const Sum& other) {
    totals += other.totals;
    method = std::max(method, other.method);
    first_seq = first_seq == 0 ? other.first_seq : std::min(first_seq, other.first_seq);
    last_seq = std::max(last_seq, other.last_seq);
  }
};
using SumKey = std::tuple<std::int64_t, std::int64_t, std::int64_t>;  // at, subject, price
using Sums = std::map<SumKey, Sum>;

std::int64_t token_drift(const Totals& kept, const Totals& counted) {
  return std::llabs(kept.prompt - counted.prompt) + std::llabs(kept.generated - counted.generated);
}

class Verifier {
 public:
  Verifier(Database& database, const metering::EnergyMeter& energy, const store::VerifyPace& pace)
      : database_(database), energy_(energy), pace_(pace) {}

  Result<VerifyReport> run() && {
    TRY_VOID(begin());
    for (const std::int64_t day : days_)
      TRY_VOID(verify_day(day));
    TRY_VOID(compare_dropped_days());
    TRY_VOID(compare_balances());
    return std::move(report_);
  }

 private:
  Result<void> begin() {
    TRY(days_, days_with_rows(database_));
    std::ranges::reverse(days_);
    report_.partitions = static_cast<std::int64_t>(days_.size());
    TRY(seq_, read_mark(database_, kDroppedSeq));
    for (std::size_t i = 0; i < kSpans.size(); ++i) {
      TRY(const std::int64_t kept_from, read_mark(database_, kSpans[i].table));
      kept_from_[i] = kept_from;
    }
    TRY(Statement subject, database_.prepare("SELECT no FROM subject"));
    for (;;) {
      TRY(const bool there, subject.step());
      if (!there) break;
      subjects_.insert(subject.integer(0));
    }
    TRY(Statement carried, database_.prepare("SELECT subject, " + sums_list() + " FROM carried"));
    for (;;) {
      TRY(const bool there, carried.step());
      if (!there) return {};
      carried_[carried.integer(0)] = read_totals(carried, 1);
    }
  }

  Result<void> verify_day(std::int64_t day) {
    TRY(Statement row,
        database_.prepare("SELECT seq, rid, subject, price, booked_at, terminal, characters,"
                          " open_us, prompt, cached, generated, reasoning, delivered, finish,"
                          " drift, cost, gse, energy, co2, energy_method FROM " +
                          partition_name(day) + " ORDER BY seq"));
    Sums minutes;
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) break;
      TRY_VOID(verify_row(row, day, minutes));
    }
    row = {};
    Sums counted = std::move(minutes);
    for (std::size_t i = 0; i < kSpans.size(); ++i) {
      if (i > 0) counted = put_together(counted, kSpans[i]);
      TRY_VOID(compare_span(i, day, counted));
    }
    return {};
  }

  Result<void> verify_row(const Statement& row, std::int64_t day, Sums& minutes) {
    if (++report_.rows % store::kVerifyStepRows == 0) TRY_VOID(pace_());
    const std::int64_t seq = row.integer(0);
    const WallTime booked_at = row.time(4);
    const std::int64_t subject = row.integer(2);
    if (seq != seq_ + 1 || booked_at < time_ || day_of(booked_at) != day ||
        !subjects_.contains(subject))
      ++report_.broken_rows;
    TRY(const bool doubled, is_doubled({row.ulid(1)}, day));
    if (doubled) ++report_.broken_rows;
    seq_ = seq;
    time_ = std::max(time_, booked_at);
    if (report_.first_seq == 0) report_.first_seq = seq;
    report_.last_seq = seq;
    if (row.integer(5) != static_cast<int>(Terminal::settled)) return {};
    const std::int64_t price = row.integer(3);
    const Sum sum{.totals = {.requests = 1,
                             .prompt = row.integer(8),
                             .cached = row.integer(9),
                             .generated = row.integer(10),
                             .reasoning = row.integer(11),
                             .delivered = row.integer(12),
                             .characters = row.integer(6),
                             .open_us = row.integer(7),
                             .cost_micro = row.integer(15),
                             .gse_us = row.integer(16),
                             .energy_mj = row.integer(17),
                             .co2_ug = row.integer(18),
                             .unpriced = price == 0 ? 1 : 0,
                             .drifted = row.integer(14),
                             .recovered = row.integer(13) == kRecovered ? 1 : 0},
                  .method = row.integer(19),
                  .first_seq = seq,
                  .last_seq = seq};
    report_.totals += sum.totals;
    counted_[subject] += sum.totals;
    const std::int64_t minute = begin_of(kSpans[0], booked_at).time_since_epoch().count();
    minutes[{minute, subject, price}].add(sum);
    return verify_charge(row, price, sum);
  }

  Result<void> verify_charge(const Statement& row, std::int64_t price, const Sum& sum) {
    auto found = prices_.find(price);
    if (found == prices_.end()) {
      auto read = read_price(database_, price);
      if (!read) {
        ++report_.broken_rows;
        return {};
      }
      found = prices_.emplace(price, *std::move(read)).first;
    }
    const metering::Usage usage{.counts = {.prompt = sum.totals.prompt,
                                           .cached = sum.totals.cached,
                                           .generated = sum.totals.generated},
                                .finish = static_cast<metering::Finish>(row.integer(13)),
                                .characters = sum.totals.characters,
                                .open_for = std::chrono::microseconds(sum.totals.open_us)};
    const metering::Charge charge = metering::charge_of(found->second.get(), usage, energy_);
    const bool is_measured = sum.method == static_cast<int>(metering::EnergyMethod::measured);
    const bool right = charge.cost_micro == sum.totals.cost_micro &&
                       charge.gse_us == sum.totals.gse_us &&
                       (is_measured || (charge.energy.millijoules == sum.totals.energy_mj &&
                                        charge.energy.micrograms_co2 == sum.totals.co2_ug));
    if (right) return {};
    ++report_.mispriced;
    report_.mispriced_micro += std::llabs(charge.cost_micro - sum.totals.cost_micro);
    return {};
  }

  // Within a day a unique index sees to it. An id of that day cannot stand in another one, unless
  // that one finds it here.
  Result<bool> is_doubled(RequestId request, std::int64_t day) {
    if (made_on(request) == day) return false;
    for (const std::int64_t other : days_) {
      if (other == day) continue;
      auto look = looks_.find(other);
      if (look == looks_.end()) {
        TRY(Statement made,
            database_.prepare("SELECT 1 FROM " + partition_name(other) + " WHERE rid = ?"));
        look = looks_.emplace(other, std::move(made)).first;
      }
      look->second.bind_all(request);
      const auto found = look->second.step();
      look->second.reset();
      if (!found) return fail(found.error());
      if (*found) return true;
    }
    return false;
  }

  static Sums put_together(const Sums& parts, const Span& span) {
    Sums out;
    for (const auto& [key, sum] : parts) {
      const auto& [at, subject, price] = key;
      const std::int64_t begin = at / span.length.count() * span.length.count();
      out[{begin, subject, price}].add(sum);
    }
    return out;
  }

  Result<void> compare_span(std::size_t level, std::int64_t day, const Sums& counted) {
    const Span& span = kSpans[level];
    const std::int64_t begin = begin_of_day(day).time_since_epoch().count();
    const std::int64_t end = begin_of_day(day + 1).time_since_epoch().count();
    const std::int64_t from = std::max(begin, kept_from_[level]);
    std::string sql;
    append_all(sql, "SELECT at, subject, price, energy_method, first_seq, last_seq, ", sums_list(),
               " FROM ", span.table, " WHERE at >= ? AND at < ?");
    TRY(Statement row, database_.prepare(sql));
    row.bind_all(from, end);
    Sums missing(counted.lower_bound({from, INT64_MIN, INT64_MIN}), counted.end());
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) break;
      const SumKey key{row.integer(0), row.integer(1), row.integer(2)};
      const Sum kept{.totals = read_totals(row, 6),
                     .method = row.integer(3),
                     .first_seq = row.integer(4),
                     .last_seq = row.integer(5)};
      const auto found = missing.find(key);
      const Sum expected = found != missing.end() ? found->second : Sum{};
      if (found != missing.end()) missing.erase(found);
      if (++report_.sums % store::kVerifyStepRows == 0) TRY_VOID(pace_());
      if (kept != expected) TRY_VOID(note_rollup(span, key, kept, expected));
    }
    row = {};
    for (const auto& [key, expected] : missing)
      TRY_VOID(note_rollup(span, key, {}, expected));
    return {};
  }

  Result<void> note_rollup(const Span& span, const SumKey& key, const Sum& kept,
                           const Sum& expected) {
    ++report_.rollup_drifts;
    const WallTime at{std::chrono::microseconds(std::get<0>(key))};
    std::string where(span.table);
    append_all(where, " ", to_rfc3339(at));
    return note_drift(std::get<1>(key), std::move(where), kept.totals, expected.totals);
  }

  // The rows of dropped days are gone; their sums by day and what is carried must still agree.
  Result<void> compare_dropped_days() {
    TRY(Statement row,
        database_.prepare("SELECT subject, " + sums_of_sums() +
                          " FROM by_day WHERE at / 86400000000 NOT IN (SELECT day FROM partition)"
                          " GROUP BY subject"));
    std::unordered_map<std::int64_t, Totals> by_day;
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) break;
      by_day[row.integer(0)] = read_totals(row, 1);
    }
    row = {};
    for (const auto& [subject, carried] : carried_)
      by_day.try_emplace(subject);
    for (const auto& [subject, sum] : by_day) {
      const auto found = carried_.find(subject);
      const Totals carried = found != carried_.end() ? found->second : Totals{};
      ++report_.sums;
      if (carried == sum) continue;
      ++report_.rollup_drifts;
      TRY_VOID(note_drift(subject, "carried", carried, sum));
    }
    return {};
  }

  Result<void> compare_balances() {
    for (const auto& [subject, carried] : carried_)
      counted_[subject] += carried;
    TRY(Statement row, database_.prepare("SELECT subject, " + sums_list() + " FROM balance"));
    std::vector<std::pair<std::int64_t, Totals>> balances;
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) break;
      balances.emplace_back(row.integer(0), read_totals(row, 1));
    }
    row = {};
    report_.subjects = static_cast<std::int64_t>(balances.size());
    for (const auto& [subject, kept] : balances) {
      const auto found = counted_.find(subject);
      const Totals counted = found != counted_.end() ? found->second : Totals{};
      if (found != counted_.end()) counted_.erase(found);
      TRY_VOID(compare_balance(subject, kept, counted));
    }
    for (const auto& [subject, counted] : counted_)
      TRY_VOID(compare_balance(subject, {}, counted));
    return {};
  }

  Result<void> compare_balance(std::int64_t subject, const Totals& kept, const Totals& counted) {
    ++report_.sums;
    if (kept == counted) return {};
    report_.drift_tokens += token_drift(kept, counted);
    report_.drift_micro += std::llabs(kept.cost_micro - counted.cost_micro);
    return note_drift(subject, "balance", kept, counted);
  }

  Result<void> note_drift(std::int64_t subject, std::string where, const Totals& kept,
                          const Totals& counted) {
    if (report_.drifts.size() >= VerifyReport::kDriftsMax) return {};
    SubjectDrift& drift = report_.drifts.emplace_back();
    drift.where = std::move(where);
    drift.requests = kept.requests - counted.requests;
    drift.tokens = token_drift(kept, counted);
    drift.cost_micro = kept.cost_micro - counted.cost_micro;
    TRY(Statement row, database_.prepare("SELECT tenant.id, project, key, model, user, currency"
                                         " FROM subject JOIN tenant ON tenant.no = subject.tenant"
                                         " WHERE subject.no = ?"));
    row.bind_all(subject);
    TRY(const bool there, row.step());
    if (!there) return {};
    drift.tenant = {row.ulid(0)};
    drift.project = {row.ulid(1)};
    drift.key = row.text(2);
    drift.model = row.text(3);
    drift.user = row.text(4);
    drift.currency = row.text(5);
    return {};
  }

  static constexpr int kRecovered = static_cast<int>(metering::Finish::recovered);

  Database& database_;
  const metering::EnergyMeter& energy_;
  const store::VerifyPace& pace_;
  VerifyReport report_;
  std::vector<std::int64_t> days_;  // that have rows, oldest first
  std::array<std::int64_t, kSpans.size()> kept_from_{};
  std::unordered_set<std::int64_t> subjects_;
  std::unordered_map<std::int64_t, std::shared_ptr<const metering::Price>> prices_;
  std::unordered_map<std::int64_t, Totals> counted_;  // by subject
  std::unordered_map<std::int64_t, Totals> carried_;
  std::unordered_map<std::int64_t, Statement> looks_;  // for a request, by day
  std::int64_t seq_ = 0;                               // of the row before
  WallTime time_{};
};

}  // namespace

Result<store::VerifyReport> verify_ledger(Disk& disk, const std::string& path,
                                          const metering::EnergyMeter& energy,
                                          const store::VerifyPace& pace) {
  TRY(Database database, Database::open(disk, path, {.create = false, .read_only = true}));
  TRY_VOID(check_ledger_schema(database));
  TRY_VOID(database.execute("BEGIN"));  // one snapshot; the connection goes with it
  return verify_in(database, energy, pace);
}

Result<store::VerifyReport> verify_in(Database& database, const metering::EnergyMeter& energy,
                                      const store::VerifyPace& pace) {
  return Verifier(database, energy, pace).run();
}

}  // namespace sovmesh::store_sqlite
