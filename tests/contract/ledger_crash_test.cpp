#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <utility>
#include <vector>

#include "tests/contract/ledger_crash_run.h"

// Power goes at random points of random work; kills of streams.
namespace sovmesh::store_sqlite {
namespace {

// Streams at several speeds, and a kill at any moment: what each client had got is in the books but
// for 64 tokens.
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
  struct Stream {
    Known known;
    RequestId id;
    double per_ms = 0;
    double made = 0;
    std::int64_t delivered = 0;
    std::int64_t end = 0;
    Instant last_checkpoint;
    bool is_saving = false;
    rt::Task<void> saving;
    OpenRow& row() { return **known.result; }
  };

  void boot() {
    auto opened = open_ledger(disk_, kPath, world_.clock(), make_pool_runner(world_.loop(), pool_),
                              {.reserve_bytes = 20'000});
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
    }
  }

  // As the relay does it.
  void advance(Stream& stream) {
    stream.made += stream.per_ms;
    if (stream.is_saving) return;
    const std::int64_t made = std::min(static_cast<std::int64_t>(stream.made), stream.end);
    const Counts counts{.prompt = 5, .generated = made, .delivered = stream.delivered};
    const auto since_last = world_.now() - stream.last_checkpoint;
    if (made - stream.row().durable() > OpenRow::kUnsavedMax) {
      stream.is_saving = true;
      stream.saving = save(stream, counts);
      stream.saving.start();
      return;
    }
    stream.delivered = made;
    if (made == stream.end) {
      std::move(stream.row()).settle({.counts = counts, .finish = Finish::stop});
    } else if (stream.row().wants_checkpoint(made, since_last)) {
      stream.row().checkpoint(counts, store::Haste::now);
      stream.last_checkpoint = world_.now();
    } else if (since_last >= milliseconds(250)) {
      stream.row().checkpoint(counts);
      stream.last_checkpoint = world_.now();
    }
  }
  rt::Task<void> save(Stream& stream, Counts counts) {
    const rt::Until until{rt::Deadline::never(), nullptr};
    const Result<void> saved = co_await stream.row().save(counts, world_.loop(), until);
    if (saved && disk_.powered()) stream.delivered = counts.generated;
    stream.last_checkpoint = world_.now();
    stream.is_saving = false;
  }

  void check() {
    const auto rows = ledger_->rows({.tenant = tenant_}, 100);
    ASSERT_THAT(rows, Succeeds());
    ASSERT_EQ(rows->size(), streams_.size());
    for (const Stream& stream : streams_) {
      const auto row = std::ranges::find(*rows, stream.id, &UsageRow::request);
      ASSERT_NE(row, rows->end());
      const std::int64_t billed = row->settlement.counts.generated;
      EXPECT_LE(billed, static_cast<std::int64_t>(stream.made));
      EXPECT_GE(billed, stream.delivered - OpenRow::kUnsavedMax)
          << stream.per_ms << " tokens a millisecond";
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

constexpr std::uint64_t kKilled = 200;

TEST(LedgerCrash, AKillLosesAStreamNoMoreThanItsBound) {
  for (std::uint64_t seed = 1; seed <= kKilled; ++seed) {
    SCOPED_TRACE(seed);
    KilledStreams run(seed);
    run.run();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(LedgerCrash, NoAcknowledgedRecordIsLostAndNoneIsDoubled) {
  const std::uint64_t kSeeds = static_cast<std::uint64_t>(sweep_points(300));
  const SweepPart part = sweep_part();
  std::size_t acknowledged = 0;
  std::uint64_t done = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (!part.has(seed)) continue;
    SCOPED_TRACE(seed);
    CrashRun run(seed);
    run.run();
    ASSERT_FALSE(HasFailure());
    acknowledged += run.acknowledged();
    ++done;
  }
  // A run that acknowledges next to nothing would prove next to nothing.
  EXPECT_GT(acknowledged, done * 5);
  std::printf("    %llu seeds of three lives, %zu acknowledged\n",
              static_cast<unsigned long long>(done), acknowledged);
}

}  // namespace
}  // namespace sovmesh::store_sqlite
