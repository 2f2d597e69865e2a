#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "rt/sim/blocking.h"
#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"

// Random work on a ledger that ends at any moment, and a model that knows what was acknowledged:
// afterwards the ledger is compared with it. The numbers of invariants are those of docs/ledger.md.
namespace sovmesh::store_sqlite {

using metering::Counts;
using metering::Finish;
using metering::Source;
using std::chrono::milliseconds;
using store::OpenRow;
using store::UsageRow;

inline constexpr const char* kPath = "/data/ledger.db";

// How much of a sweep to run: SM_SWEEP_POINTS, or `usual` for a daily test. `make sweep` sets it.
inline std::uint64_t sweep_points(std::uint64_t usual) {
  const char* text = std::getenv("SM_SWEEP_POINTS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

// The part of a sweep that this process does, so that several may share it: SM_SWEEP_PART=2/8 is
// every eighth point from the third on.
struct SweepPart {
  std::uint64_t part = 0;
  std::uint64_t of = 1;
  bool has(std::uint64_t point) const { return point % of == part; }
};
inline SweepPart sweep_part() {
  SweepPart out;
  const char* text = std::getenv("SM_SWEEP_PART");
  if (text == nullptr) return out;
  char* end = nullptr;
  out.part = std::strtoull(text, &end, 10);
  out.of = *end == '/' ? std::strtoull(end + 1, nullptr, 10) : 0;
  if (out.part >= out.of) throw std::invalid_argument("SM_SWEEP_PART: want PART/OF, as 0/8");
  return out;
}

// What the model knows about one request.
struct Known {
  rt::Task<void> task;
  std::optional<Result<OpenRow>> result;
  bool open_acknowledged = false;
  // Everything a crash may bring back, oldest first; what was flushed cannot be older than `floor`.
  std::vector<Counts> checkpoints{Counts{}};
  std::size_t floor = 0;
  std::optional<metering::Settlement> settled;
  bool voided = false;
  bool end_acknowledged = false;
  // What the first boot after the crash found; from then on it is history.
  bool past = false;
  std::optional<Counts> history;
  std::int64_t cost = 0;
  std::shared_ptr<const metering::Price> price;
  std::optional<metering::Idempotency> key;
  // Amended to another price: that is what it is once that is acknowledged, or else it may be.
  rt::Task<void> amending;
  std::optional<Result<void>> amended;
  std::optional<std::shared_ptr<const metering::Price>> next_price;
  metering::Intent intent{};
  bool is_amending() const { return next_price && !amended; }
};

inline rt::Task<void> amend_into(metering::Intent intent, rt::Loop& loop, Known& known) {
  const rt::Until until{rt::Deadline::never(), nullptr};
  known.amended.emplace(co_await (*known.result)->amend(std::move(intent), loop, until));
  if (!*known.amended) co_return;
  known.price = *std::exchange(known.next_price, std::nullopt);
  known.checkpoints = {Counts{}};
  known.floor = 0;
}

inline rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                                Known& known) {
  known.result.emplace(co_await ledger.open(std::move(intent), loop));
  known.open_acknowledged = known.result->has_value();
}

inline std::vector<std::shared_ptr<const metering::Price>> crash_prices() {
  std::vector<std::shared_ptr<const metering::Price>> prices{nullptr};
  for (const std::int64_t output : {3, 7'000'001})
    prices.push_back(*metering::Price::make({.model = "tiny",
                                             .currency = "EUR",
                                             .call = 1,
                                             .input = 333'333,
                                             .output = output,
                                             .output_ns = 700'001,
                                             .milliwatts = 100'000}));
  return prices;
}

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : world_(seed), disk_(seed) {}

  // Three lives, each ended by a power cut, some with a bad disk.
  void run() {
    for (int life = 0; life < 3 && !testing::Test::HasFailure(); ++life) {
      disk_.lose_power_after(1 + below(150));
      if (boot()) {
        arm_a_fault();
        live(400);
      }
      disk_.power_loss();
      crash();
      ASSERT_TRUE(boot()) << "after the crash";
      check();
      ledger_.reset();
    }
  }

  // One life on a disk that has been used, and whatever `arm` does to it.
  void run_on(SimDisk& base, int steps, const std::function<void(SimDisk&)>& arm) {
    disk_.copy_from(base);
    // Days after what is there: there are days to drop.
    world_.jump_wall(std::chrono::days(6) + std::chrono::minutes(world_.chaos().below(2'000)));
    const auto calls = disk_.calls();
    const auto writes = disk_.writes();
    const auto syncs = disk_.syncs();
    arm(disk_);
    if (boot()) live(steps);
    calls_ = disk_.calls() - calls;
    writes_ = disk_.writes() - writes;
    syncs_ = disk_.syncs() - syncs;
    crash();
    ASSERT_TRUE(boot()) << "after the crash";
    check();
    if (testing::Test::HasFailure()) return;
    // And it goes on as if nothing had been.
    live(steps / 4);
    crash();
    ASSERT_TRUE(boot()) << "after a clean life";
    check();
    ledger_.reset();
  }

  // What has happened in all lives.
  struct Seen {
    std::uint64_t days_made = 0;
    std::uint64_t days_dropped = 0;
    std::uint64_t keys = 0;
    std::uint64_t recovered = 0;
    std::uint64_t priced = 0;
    std::uint64_t amended = 0;
    std::uint64_t clock_jumps = 0;
    Seen& operator+=(const Seen& other) {
      days_made += other.days_made;
      days_dropped += other.days_dropped;
      keys += other.keys;
      recovered += other.recovered;
      priced += other.priced;
      amended += other.amended;
      clock_jumps += other.clock_jumps;
      return *this;
    }
  };
  const Seen& seen() const { return seen_; }
  std::size_t acknowledged() const { return acknowledged_; }
  // What run_on() did to its disk before it ended.
  std::uint64_t first_life_calls() const { return calls_; }
  std::uint64_t first_life_writes() const { return writes_; }
  std::uint64_t first_life_syncs() const { return syncs_; }
  std::function<void()> before_crash = [] {};  // mends what the test has broken

 private:
  std::uint32_t below(std::uint32_t bound) { return world_.chaos().below(bound); }

  bool boot() {
    auto runner = std::make_unique<ManualRunner>();
    runner_ = runner.get();
    LedgerOptions options;
    options.reserve_bytes = 20'000;
    options.log_pages_soft = 8;
    options.log_pages_hard = 20;
    options.retention = {.rows = std::chrono::days(2),
                         .quarters = std::chrono::days(3),
                         .minutes = std::chrono::days(1),
                         .every = std::chrono::seconds(1)};
    auto opened = open_ledger(disk_, kPath, world_.clock(), std::move(runner), options);
    if (!opened) return false;
    ledger_ = *std::move(opened);
    seen_.recovered += ledger_->stats().recovered;
    return true;
  }

  void live(int steps) {
    bool jumped = false;
    for (int step = 0; step < steps && disk_.powered(); ++step) {
      switch (below(12)) {
        case 0:
        case 1:
        case 2:
          open_one();
          break;
        case 3:
          checkpoint_one();
          break;
        case 4:
        case 5:
          close_one();
          break;
        case 6:
          flush();
          break;
        case 8:
          amend_one();
          break;
        case 7:
          // At most a day ahead in one life: what it writes is not dropped before it is checked.
          if (below(4) == 0) world_.jump_wall(-std::chrono::minutes(below(300)));
          if (!std::exchange(jumped, jumped || below(6) == 0) && jumped)
            world_.jump_wall(std::chrono::hours(below(24)));
          break;
        default:
          world_.run_for(milliseconds(below(40)));
          runner_->step();
          world_.run_for(milliseconds(0));
      }
    }
  }

  void arm_a_fault() {
    switch (below(6)) {
      case 0:
        disk_.fail_sync(1 + below(20), EIO);
        break;
      case 1:
        disk_.fail_write(1 + below(100), EIO);
        break;
      case 2:
        disk_.fail_write(1 + below(100), ENOSPC, 1 + below(5));
        break;
      case 3:
        disk_.set_capacity(disk_.used() + below(60'000));
        break;
      default:
        break;
    }
  }

  void open_one() {
    const RequestId id{ids_.next()};
    Known& known = known_[id];
    known.price = prices_[below(static_cast<std::uint32_t>(prices_.size()))];
    metering::Intent intent{.request = id,
                            .tenant = tenant_,
                            .key = *KeyId::parse("abcdefghijkl"),
                            .model = below(2) == 0 ? "tiny" : "big",
                            .opened_at = world_.clock().wall_now(),
                            .price = known.price};
    if (below(4) == 0) claim(intent, known);
    known.intent = intent;
    known.task = open_into(*ledger_, std::move(intent), world_.loop(), known);
    known.task.start();
  }

  // Every claimed key is a new one, so only its own request may have it.
  void claim(metering::Intent& intent, Known& known) {
    metering::Idempotency key;
    key.key[0] = 1;
    std::ranges::copy(intent.request.value.bytes(), key.key.begin() + 8);
    const auto claimed = ledger_->claim(tenant_, key, intent.request);
    ASSERT_THAT(claimed, Succeeds());
    ASSERT_EQ(claimed->state, store::ClaimResult::State::claimed);
    intent.idempotency = key;
    known.key = key;
    ++seen_.keys;
  }

  // A request that is open and whose owner is here to do something with it.
  Known* pick() {
    std::vector<Known*> open;
    for (auto& [id, known] : known_)
      if (known.result && *known.result && (*known.result)->is_open() && !known.is_amending())
        open.push_back(&known);
    return open.empty() ? nullptr : open[below(static_cast<std::uint32_t>(open.size()))];
  }

  void checkpoint_one() {
    Known* known = pick();
    if (known == nullptr || known->next_price) return;
    Counts counts = known->checkpoints.back();
    counts.prompt = 5;
    counts.generated += 1 + below(64);
    counts.delivered = counts.generated;
    known->checkpoints.push_back(counts);
    (*known->result)->checkpoint(counts);
  }

  // Its owner does nothing with it until that has ended.
  void amend_one() {
    Known* known = pick();
    if (known == nullptr || known->next_price) return;  // failed before: it can only be closed
    known->next_price = prices_[below(static_cast<std::uint32_t>(prices_.size()))];
    metering::Intent intent = known->intent;
    intent.price = *known->next_price;
    intent.model_revision = "spare@2";
    known->amended.reset();
    known->amending = amend_into(std::move(intent), world_.loop(), *known);
    known->amending.start();
    ++seen_.amended;
  }

  void close_one() {
    Known* known = pick();
    if (known == nullptr) return;
    if (below(5) == 0) {
      known->voided = true;
      std::move(**known->result).void_unused();
      return;
    }
    metering::Settlement end{.counts = known->checkpoints.back(), .finish = Finish::stop};
    end.counts.generated += below(64);
    end.counts.source = Source::engine_final;
    known->settled = end;
    std::move(**known->result).settle(end);
  }

  void flush() {
    const auto flushed = ledger_->flush();
    world_.run_for(milliseconds(0));
    if (!flushed) return;
    for (auto& [id, known] : known_) {
      if (!known.open_acknowledged || known.past) continue;
      if (!known.next_price) known.floor = known.checkpoints.size() - 1;
      if (known.settled || known.voided) known.end_acknowledged = true;
    }
  }

  // The process is gone. What its memory still says reaches no disk.
  void crash() {
    before_crash();
    if (ledger_ != nullptr) {
      seen_.days_dropped += ledger_->stats().partitions_dropped;
      seen_.clock_jumps += ledger_->stats().clock_jumps;
    }
    disk_.fail_sync(0, 0);
    disk_.fail_write(0, 0);
    if (disk_.powered()) disk_.kill_now();
    for (auto& [id, known] : known_)
      if (known.result && *known.result && (*known.result)->is_open())
        std::move(**known.result).settle({});
    ledger_.reset();
    world_.run_for(milliseconds(10));
    for (auto& [id, known] : known_) {
      known.task = {};
      known.amending = {};
    }
    disk_.power_on();
    disk_.set_capacity(INT64_MAX);
  }

  void check() {
    const auto report = ledger_->verify();
    ASSERT_THAT(report, Succeeds());
    EXPECT_TRUE(report->clean()) << report->drift_tokens << " tokens, " << report->mispriced
                                 << " rows of a wrong price, " << report->rollup_drifts << " sums, "
                                 << report->broken_rows << " broken rows";
    const auto rows = ledger_->rows({.tenant = tenant_}, 100'000);
    ASSERT_THAT(rows, Succeeds());
    std::map<RequestId, const UsageRow*> found;
    for (const UsageRow& row : *rows) {
      EXPECT_TRUE(found.emplace(row.request, &row).second) << "two terminal records";
      EXPECT_FALSE(row.open);
    }
    metering::Totals total;
    for (auto& [id, known] : known_) {
      const auto row = found.find(id);
      check_one(known, row == found.end() ? nullptr : row->second);
      if (!known.history) continue;
      ++total.requests;
      total.generated += known.history->generated;
      total.delivered += known.history->delivered;
      total.cost_micro += known.cost;
    }
    const auto sums = ledger_->sum({.tenant = tenant_});
    ASSERT_THAT(sums, Succeeds());
    metering::Totals sum;
    for (const store::UsageSum& one : *sums)  // priced and unpriced ones
      sum += one;
    EXPECT_EQ(sum.requests, total.requests);
    EXPECT_EQ(sum.generated, total.generated);
    EXPECT_EQ(sum.delivered, total.delivered);
    EXPECT_EQ(sum.cost_micro, total.cost_micro);
  }

  void check_one(Known& known, const UsageRow* row) {
    std::optional<Counts> counts;
    if (row != nullptr) counts = row->settlement.counts;
    if (known.past) {
      if (row == nullptr) return;  // retention may have dropped its day; sums are checked
      EXPECT_EQ(counts, known.history) << "what is written stays as it is";
      EXPECT_EQ(row->charge.cost_micro, known.cost);
      return;
    }
    known.past = true;
    known.history = counts;
    if (row != nullptr) check_charge(known, *row);
    check_key(known, row);
    if (!known.open_acknowledged) {
      // Durable or not, nothing was delivered, so nothing may be billed.
      if (row == nullptr) return;
      EXPECT_EQ(counts->generated, 0);
      EXPECT_EQ(row->charge.cost_micro, 0);
      return;
    }
    ++acknowledged_;
    if (known.end_acknowledged) {
      if (known.voided) {
        EXPECT_EQ(row, nullptr);
        return;
      }
      ASSERT_NE(row, nullptr) << "an acknowledged settlement is lost";
      EXPECT_EQ(*counts, known.settled->counts);
      return;
    }
    if (row == nullptr) {
      EXPECT_TRUE(known.voided) << "an acknowledged intent is lost";
      return;
    }
    if (known.settled && row->settlement.finish == known.settled->finish) {
      EXPECT_EQ(*counts, known.settled->counts);
      return;
    }
    EXPECT_EQ(row->settlement.finish, Finish::recovered);
    const auto same = [&](const Counts& one) {
      return one.generated == counts->generated && one.delivered == counts->delivered;
    };
    if (known.next_price && counts->generated == 0) return;  // amended, and nobody heard of it
    EXPECT_TRUE(std::any_of(known.checkpoints.begin() + static_cast<std::ptrdiff_t>(known.floor),
                            known.checkpoints.end(), same))
        << "billed neither the flushed checkpoint nor a later one";
  }

  // I4: by the price of the intent, and never more than the client got costs.
  void check_charge(Known& known, const UsageRow& row) {
    known.cost = row.charge.cost_micro;
    if (known.cost > 0) ++seen_.priced;
    days_.insert(std::chrono::floor<std::chrono::days>(row.booked_at));
    seen_.days_made = days_.size();
    const auto id_of = [](const auto& price) { return price != nullptr ? price->id() : ""; };
    if (known.next_price && row.price_version == id_of(*known.next_price))
      known.price = *known.next_price;
    EXPECT_EQ(row.price_version, id_of(known.price));
    const metering::Usage usage{.counts = row.settlement.counts, .finish = row.settlement.finish};
    EXPECT_EQ(row.charge, metering::charge_of(known.price.get(), usage, metering::power_model()));
    const Counts& last = known.settled ? known.settled->counts : known.checkpoints.back();
    EXPECT_LE(row.settlement.counts.generated, last.generated) << "over-billed";
  }

  // I8: a key is its request's when an engine may have been asked, whatever came of it.
  void check_key(const Known& known, const UsageRow* row) {
    if (!known.key) return;
    const RequestId other{ids_.next()};
    const auto claimed = ledger_->claim(tenant_, *known.key, other);
    ASSERT_THAT(claimed, Succeeds());
    const bool is_kept = row != nullptr && !row->voided;
    EXPECT_EQ(claimed->state,
              is_kept ? store::ClaimResult::State::finished : store::ClaimResult::State::claimed);
    if (is_kept) EXPECT_EQ(claimed->settlement.counts.generated, row->settlement.counts.generated);
    ledger_->unclaim(tenant_, *known.key, other);
  }

  rt::sim::SimWorld world_;
  SimDisk disk_;
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  std::vector<std::shared_ptr<const metering::Price>> prices_ = crash_prices();
  std::map<RequestId, Known> known_;
  std::unique_ptr<store::Ledger> ledger_;
  ManualRunner* runner_ = nullptr;
  std::size_t acknowledged_ = 0;
  Seen seen_;
  std::set<std::chrono::sys_days> days_;
  std::uint64_t calls_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;
};

}  // namespace sovmesh::store_sqlite
