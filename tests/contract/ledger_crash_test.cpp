#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "rt/sim/blocking.h"
#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"

// Power goes at random points of random work, a thousand times over; afterwards the ledger is
// compared with a model that knows what was acknowledged.
namespace sovmesh::store_sqlite {
namespace {

using metering::Counts;
using metering::Finish;
using metering::Source;
using std::chrono::milliseconds;
using store::OpenRow;
using store::UsageRow;

constexpr const char* kPath = "/data/ledger.db";

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
};

rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                         Known& known) {
  known.result.emplace(co_await ledger.open(std::move(intent), loop));
  known.open_acknowledged = known.result->has_value();
}

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : world_(seed), disk_(seed) {}

  void run() {
    for (int life = 0; life < 3 && !testing::Test::HasFailure(); ++life) {
      disk_.lose_power_after(1 + below(150));
      if (boot()) live();
      crash();
      ASSERT_TRUE(boot()) << "after the crash";
      check();
      ledger_.reset();
    }
  }
  std::size_t acknowledged() const { return acknowledged_; }

 private:
  std::uint32_t below(std::uint32_t bound) { return world_.chaos().below(bound); }

  bool boot() {
    auto runner = std::make_unique<ManualRunner>();
    runner_ = runner.get();
    LedgerOptions options;
    options.reserve_bytes = 20'000;
    options.log_pages_soft = 8;
    options.log_pages_hard = 20;
    auto opened = open_ledger(disk_, kPath, world_.clock(), std::move(runner), options);
    if (opened) ledger_ = *std::move(opened);
    return opened.has_value();
  }

  void live() {
    arm_a_fault();
    for (int step = 0; step < 400 && disk_.powered(); ++step) {
      switch (below(10)) {
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
    metering::Intent intent{.request = id,
                            .tenant = tenant_,
                            .key = *KeyId::parse("abcdefghijkl"),
                            .model = below(2) == 0 ? "tiny" : "big",
                            .opened_at = world_.clock().wall_now()};
    Known& known = known_[id];
    known.task = open_into(*ledger_, std::move(intent), world_.loop(), known);
    known.task.start();
  }

  // A request that is open and whose owner is here to do something with it.
  Known* pick() {
    std::vector<Known*> open;
    for (auto& [id, known] : known_)
      if (known.result && *known.result && (*known.result)->is_open()) open.push_back(&known);
    return open.empty() ? nullptr : open[below(static_cast<std::uint32_t>(open.size()))];
  }

  void checkpoint_one() {
    Known* known = pick();
    if (known == nullptr) return;
    Counts counts = known->checkpoints.back();
    counts.prompt = 5;
    counts.generated += 1 + below(64);
    counts.delivered = counts.generated;
    known->checkpoints.push_back(counts);
    (*known->result)->checkpoint(counts);
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
      known.floor = known.checkpoints.size() - 1;
      if (known.settled || known.voided) known.end_acknowledged = true;
    }
  }

  void crash() {
    disk_.power_loss();
    for (auto& [id, known] : known_)
      if (known.result && *known.result && (*known.result)->is_open())
        std::move(**known.result).settle({});
    ledger_.reset();
    world_.run_for(milliseconds(10));
    for (auto& [id, known] : known_)
      known.task = {};
    disk_.power_on();
    disk_.set_capacity(INT64_MAX);
    disk_.fail_sync(0, 0);
    disk_.fail_write(0, 0);
  }

  void check() {
    const auto rows = ledger_->rows({.tenant = tenant_}, 100'000);
    ASSERT_THAT(rows, Succeeds());
    std::map<RequestId, const UsageRow*> found;
    store::UsageSum total;
    for (const UsageRow& row : *rows) {
      EXPECT_TRUE(found.emplace(row.request, &row).second) << "two terminal records";
      EXPECT_FALSE(row.open);
      ++total.requests;
      total.generated += row.settlement.counts.generated;
      total.delivered += row.settlement.counts.delivered;
    }
    for (auto& [id, known] : known_) {
      const auto row = found.find(id);
      check_one(known, row == found.end() ? nullptr : row->second);
    }
    const auto sums = ledger_->sum({.tenant = tenant_});
    ASSERT_THAT(sums, Succeeds());
    const store::UsageSum sum = sums->empty() ? store::UsageSum{} : sums->front();
    EXPECT_EQ(sum.requests, total.requests);
    EXPECT_EQ(sum.generated, total.generated);
    EXPECT_EQ(sum.delivered, total.delivered);
  }

  void check_one(Known& known, const UsageRow* row) {
    std::optional<Counts> counts;
    if (row != nullptr) counts = row->settlement.counts;
    if (known.past) {
      EXPECT_EQ(counts, known.history) << "what is written stays as it is";
      return;
    }
    known.past = true;
    known.history = counts;
    if (!known.open_acknowledged) {
      // Durable or not, nothing was delivered, so nothing may be billed.
      if (row != nullptr) EXPECT_EQ(counts->generated, 0);
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
    EXPECT_TRUE(std::any_of(known.checkpoints.begin() + static_cast<std::ptrdiff_t>(known.floor),
                            known.checkpoints.end(), same))
        << "billed neither the flushed checkpoint nor a later one";
  }

  rt::sim::SimWorld world_;
  SimDisk disk_;
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  std::map<RequestId, Known> known_;
  std::unique_ptr<store::Ledger> ledger_;
  ManualRunner* runner_ = nullptr;
  std::size_t acknowledged_ = 0;
};

// Streams at several speeds, and a kill at any moment: what each client had got is in the books but
// for 64 tokens and what was delivered during one commit.
class KilledStreams {
 public:
  explicit KilledStreams(std::uint64_t seed) : world_(seed), disk_(seed) {
    pool_.set_delay(std::chrono::microseconds(50), milliseconds(1));
  }

  void run() {
    boot();
    for (const double per_ms : {0.02, 0.3, 1.0, 7.0, 40.0})
      open_one(per_ms);
    const auto lifetime = 20 + world_.chaos().below(1'500);
    for (std::uint32_t ms = 0; ms < lifetime; ++ms)
      tick();
    disk_.power_loss();
    for (Stream& stream : streams_)
      if (stream.row().is_open()) std::move(stream.row()).settle({});
    ledger_.reset();
    world_.run_for(milliseconds(20));
    boot();
    check();
    ledger_.reset();
  }

 private:
  // A commit waits for the one before it and for the interval between two: 1 + 20 + 1 ms, and the
  // tick that this simulation has.
  static constexpr std::size_t kCommitTicks = 23;

  struct Stream {
    Known known;
    RequestId id;
    double per_ms = 0;
    double made = 0;
    std::int64_t delivered = 0;
    std::int64_t end = 0;
    Instant last_checkpoint;
    std::vector<std::int64_t> history;  // delivered after each tick
    OpenRow& row() { return **known.result; }
  };

  void boot() {
    auto opened =
        open_ledger(disk_, kPath, world_.clock(), make_pool_runner(world_.loop(), pool_), {});
    ASSERT_THAT(opened, Succeeds());
    ledger_ = *std::move(opened);
  }

  void open_one(double per_ms) {
    Stream& stream = streams_.emplace_back();
    stream.id = {ids_.next()};
    stream.per_ms = per_ms;
    stream.end = 50 + world_.chaos().below(20'000);
    metering::Intent intent{.request = stream.id,
                            .tenant = tenant_,
                            .key = *KeyId::parse("abcdefghijkl"),
                            .model = "tiny",
                            .opened_at = world_.clock().wall_now()};
    stream.known.task = open_into(*ledger_, std::move(intent), world_.loop(), stream.known);
    stream.known.task.start();
    ASSERT_TRUE(
        world_.run_until([&] { return stream.known.open_acknowledged; }, milliseconds(100)));
    stream.last_checkpoint = world_.now();
  }

  void tick() {
    world_.run_for(milliseconds(1));
    for (Stream& stream : streams_) {
      if (stream.row().is_open()) advance(stream);
      stream.history.push_back(stream.delivered);
    }
  }

  // As the relay does it.
  void advance(Stream& stream) {
    stream.made += stream.per_ms;
    stream.delivered = std::min(static_cast<std::int64_t>(stream.made), stream.end);
    const Counts counts{.prompt = 5, .generated = stream.delivered, .delivered = stream.delivered};
    if (stream.delivered == stream.end) {
      std::move(stream.row()).settle({.counts = counts, .finish = Finish::stop});
    } else if (stream.row().wants_checkpoint(stream.delivered) ||
               world_.now() - stream.last_checkpoint >= milliseconds(250)) {
      stream.row().checkpoint(counts);
      stream.last_checkpoint = world_.now();
    }
  }

  void check() {
    const auto rows = ledger_->rows({.tenant = tenant_}, 100);
    ASSERT_THAT(rows, Succeeds());
    ASSERT_EQ(rows->size(), streams_.size());
    for (const Stream& stream : streams_) {
      const auto row = std::ranges::find(*rows, stream.id, &UsageRow::request);
      ASSERT_NE(row, rows->end());
      const std::int64_t billed = row->settlement.counts.generated;
      EXPECT_LE(billed, stream.delivered);
      const std::size_t ticks = stream.history.size();
      const std::int64_t before =
          ticks > kCommitTicks ? stream.history[ticks - 1 - kCommitTicks] : 0;
      EXPECT_GE(billed, before - OpenRow::kUnsavedMax) << stream.per_ms << " tokens a millisecond";
    }
  }

  rt::sim::SimWorld world_;
  rt::sim::SimBlockingPool pool_{world_, 2, 64};
  SimDisk disk_;
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  std::deque<Stream> streams_;
  std::unique_ptr<store::Ledger> ledger_;
};

TEST(LedgerCrash, AKillLosesAStreamNoMoreThanItsBound) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    KilledStreams run(seed);
    run.run();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(LedgerCrash, NoAcknowledgedRecordIsLostAndNoneIsDoubled) {
  constexpr std::uint64_t kSeeds = 1'200;
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    CrashRun run(seed);
    run.run();
    ASSERT_FALSE(HasFailure());
    acknowledged += run.acknowledged();
  }
  // A run that acknowledges next to nothing would prove next to nothing.
  EXPECT_GT(acknowledged, kSeeds * 10);
}

}  // namespace
}  // namespace sovmesh::store_sqlite
