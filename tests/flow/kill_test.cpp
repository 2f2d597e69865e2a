// The whole gateway, with its real ledger on a simulated disk, is killed at a seeded moment of a
// mixed workload: with the power, or alone. It starts again on the same disk, and then the books
// must be right (the numbers of invariants are those of docs/ledger.md). Killed means that nothing
// reaches the disk any more; what the dead process still says to its clients is not looked at.

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/passing_ledger.h"
#include "store_sqlite/open.h"
#include "tests/flow/gateway_world.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using metering::Finish;
using store_sqlite::SimDisk;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr const char* kPath = "/data/ledger.db";

// Kill points: SM_KILL_POINTS, or those of a daily test.
std::uint64_t kill_points() {
  const char* text = std::getenv("SM_KILL_POINTS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 300;
}

// What a ledger that is wrong does. The checks have to find each of them.
enum class Defect : std::uint8_t {
  none,
  drops_settles,
  charges_twice,
  forgets_progress,
  forgets_amendments
};

// Hands everything on, with a defect.
class DefectLedger : public store::PassingLedger {
 public:
  DefectLedger(std::unique_ptr<store::Ledger> inner, Defect defect)
      : PassingLedger(std::move(inner)), defect_(defect) {}
  // Rows that were never settled: a ledger that drops them has nobody to ask.
  ~DefectLedger() override { settle_rest(); }

 protected:
  void checkpoint(RequestId request, const metering::Counts& counts, Haste haste) override {
    if (defect_ != Defect::forgets_progress) PassingLedger::checkpoint(request, counts, haste);
  }
  rt::Task<Result<void>> amend(metering::Intent intent, rt::Loop& loop, rt::Until until) override {
    if (defect_ == Defect::forgets_amendments) co_return Result<void>();
    co_return co_await PassingLedger::amend(std::move(intent), loop, until);
  }
  rt::Task<Result<void>> save(RequestId request, metering::Counts counts, rt::Loop& loop,
                              rt::Until until) override {
    if (defect_ == Defect::forgets_progress) co_return Result<void>();
    co_return co_await PassingLedger::save(request, counts, loop, until);
  }
  void settle(RequestId request, const metering::Settlement& settlement, Haste haste) override {
    if (defect_ == Defect::drops_settles) return;
    metering::Settlement booked = settlement;
    if (defect_ == Defect::charges_twice) booked.counts.generated *= 2;
    PassingLedger::settle(request, booked, haste);
  }

 private:
  Defect defect_;
};

// A gateway whose ledger is on this disk.
std::unique_ptr<GatewayWorld> start_on(SimDisk& disk,
                                       std::unique_ptr<rt::sim::SimBlockingPool>& pool,
                                       std::uint64_t seed, int slots, Defect defect) {
  const auto make = [&](rt::sim::SimWorld& world) -> std::unique_ptr<store::Ledger> {
    pool = std::make_unique<rt::sim::SimBlockingPool>(world, 1, 64);
    pool->set_delay(50us, 1ms);
    auto opened = store_sqlite::open_ledger(disk, kPath, world.clock(),
                                            store_sqlite::make_pool_runner(world.loop(), *pool),
                                            {.reserve_bytes = 20'000});
    EXPECT_THAT(opened, Succeeds());
    if (defect == Defect::none) return *std::move(opened);
    return std::make_unique<DefectLedger>(*std::move(opened), defect);
  };
  return std::make_unique<GatewayWorld>(seed, sim::EngineSimOptions{.record_max = 200}, slots,
                                        http::ServerLimits{}, make);
}

// A client's request and what came of it until the kill.
struct Sent {
  int number = 0;
  std::string tenant;
  std::string body;
  std::string idempotency_key;  // empty: none
  std::unique_ptr<Client> client;
  bool hung_up = false;
  Answer answer;                // as heard one step before the kill
  std::optional<Instant> done;  // when its answer was complete

  std::string marker() const { return "request-" + std::to_string(number) + "-of-the-mix"; }
  // Tokens that the client has got.
  std::int64_t heard() const {
    if (answer.status != 200) return 0;
    if (answer.head.find("text/event-stream") != std::string::npos)
      return static_cast<std::int64_t>(answer.count(R"("delta":{"content":")"));
    const std::size_t at = answer.body.find(R"("completion_tokens":)");
    return at == std::string::npos || !answer.complete ? 0 : std::atoll(&answer.body[at + 20]);
  }
  // As hexadecimal digits; empty: no head came.
  std::string id() const {
    constexpr std::string_view kField = "x-sm-request-id: req_";
    const std::size_t at = answer.head.find(kField);
    return at == std::string::npos ? std::string() : answer.head.substr(at + kField.size(), 32);
  }
};

// What all runs have met, so that a sweep that reaches nothing is seen.
struct Met {
  std::uint64_t kills = 0;
  std::uint64_t recovered = 0;
  std::uint64_t exact = 0;      // settled long enough before the kill
  std::uint64_t streaming = 0;  // killed while a client was getting tokens
  std::uint64_t retried = 0;    // idempotent ones, after the restart
  std::uint64_t refused = 0;    // of them: had been charged
  std::uint64_t moved = 0;      // of whom clients had tokens of a fallback
  std::int64_t lost = 0;        // most tokens of one stream
};

class KilledGateway {
 public:
  KilledGateway(std::uint64_t seed, Met& met, Defect defect = Defect::none)
      : seed_(seed), met_(met), defect_(defect), disk_(seed) {}

  void run() {
    {
      auto life = start(seed_);
      make_mix(*life);
      kill_in(*life);
      // What the dead process goes on to read is not looked at: its engine ends with it.
      life->engine_sim.stop();
      life->world.run_for(5ms);
      generated_ = life->engine_sim.requests();
      for (Sent& sent : sent_)
        sent.client.reset();
    }
    ++met_.kills;
    disk_.power_on();
    auto life = start(seed_ + 1'000'000);
    life->world.jump_wall(1min);
    check_books(*life);
    check_limits(*life);
    check_retries(*life);
    EXPECT_TRUE(life->books().verify()->clean()) << "after more requests";
  }

 private:
  // One that has ended this long before has its settlement on the disk: settle_delay and a commit.
  static constexpr auto kDurableAfter = 150ms;

  std::unique_ptr<GatewayWorld> start(std::uint64_t seed) {
    auto life = start_on(disk_, pool_, seed, 16, defect_);
    life->set_prices(
        {{.model = "chat", .currency = "EUR", .call = 3, .input = 700'000, .output = 5'000'001},
         {.model = "script", .currency = "EUR", .call = 9, .output = 90'000'000}});
    // Its version's engine fails, so that "chat" answers.
    catalog::Route route{.name = named("moving"),
                         .versions = {{.model = named("script"), .weight = 1}}};
    route.fallbacks = {{.name = named("chat")}};
    life->set_route(route);
    life->scripted.script = {.parts = {"HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n{}"}};
    return life;
  }
  static ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

  void make_mix(GatewayWorld& life) {
    Random& dice = life.world.chaos();
    const auto below = [&dice](std::uint32_t bound) { return dice.below(bound); };
    constexpr std::array<std::string_view, 6> kFaults{
        "die-after=9", "eof-after=70", "die-before", "error-after=30", "no-usage", "split=7"};
    for (int i = 0; i < 12; ++i) {
      Sent& sent = sent_.emplace_back();
      sent.number = i;
      sent.tenant = below(3) == 0 ? "borealis" : "aurora";
      const bool streams = below(3) != 0;
      const std::array<int, 6> rates{20, 200, 1'000, 4'000, 20'000, 0};  // 0: as fast as possible
      const int rate = rates[below(rates.size())];
      std::string wish = "tokens=" + std::to_string(1 + below(600));
      if (rate > 0) wish += ",rate=" + std::to_string(rate);
      if (below(4) == 0) wish += "," + std::string(kFaults[below(kFaults.size())]);
      if (below(4) == 0) sent.idempotency_key = "key-" + std::to_string(i);
      sent.body = chat_body("[[sim:" + wish + "]] " + sent.marker(),
                            streams ? kStream : std::string_view(), i % 4 == 1 ? "moving" : "chat");
    }
  }

  static std::string fields(const Sent& sent) {
    return sent.idempotency_key.empty() ? "" : "idempotency-key: " + sent.idempotency_key + "\r\n";
  }

  // Sends one after the other, some of which hang up, until the kill: at a moment, or amid a call
  // of the ledger to its disk.
  void kill_in(GatewayWorld& life) {
    Random& dice = life.world.chaos();
    const auto end = dice.below(2) == 0 ? SimDisk::End::kill : SimDisk::End::power_loss;
    std::uint32_t moment = 20 + dice.below(1'500);
    if (dice.below(2) == 0) {
      disk_.end_at_call(1 + dice.below(1'200), end);
      moment = 5'000;
    }
    std::vector<Instant> due;
    for (std::size_t i = 0; i < sent_.size(); ++i)
      due.push_back(life.world.now() + std::chrono::milliseconds(dice.below(700)));
    const Instant last = life.world.now() + std::chrono::milliseconds(moment);
    while (life.world.now() < last && disk_.powered()) {
      for (std::size_t i = 0; i < sent_.size() && disk_.powered(); ++i) {
        if (!sent_[i].client && life.world.now() >= due[i]) send(life, sent_[i]);
      }
      if (!disk_.powered()) break;
      for (Sent& sent : sent_)
        hear(life, sent);
      if (dice.below(60) == 0) hang_up_one(dice);
      life.world.run_for(1ms);
    }
    killed_ = life.world.now();
    if (!disk_.powered()) return;
    if (end == SimDisk::End::kill) {
      disk_.kill_now();
    } else {
      disk_.power_loss();
    }
  }
  void send(GatewayWorld& life, Sent& sent) {
    sent.client = std::make_unique<Client>(life);
    sent.client->post(kChat, sent.body, sent.tenant, fields(sent));
  }
  static void hear(GatewayWorld& life, Sent& sent) {
    if (!sent.client || sent.hung_up || sent.done) return;
    sent.client->pump();
    sent.answer = sent.client->parsed();
    if (sent.answer.complete) sent.done = life.world.now();
  }
  void hang_up_one(Random& dice) {
    Sent& sent = sent_[dice.below(static_cast<std::uint32_t>(sent_.size()))];
    if (!sent.client || sent.hung_up || sent.done) return;
    sent.client->hang_up();
    sent.hung_up = true;
  }

  // Of all engine calls that this request led to.
  std::int64_t generated(const Sent& sent) const {
    std::int64_t most = 0;
    for (const sim::SimRequest& asked : generated_)
      if (asked.body.find(sent.marker()) != std::string::npos) most += asked.generated_tokens;
    return most;
  }

  void check_books(GatewayWorld& life) {
    store::Ledger& books = life.books();
    const auto report = books.verify();  // I4, I5, I7
    ASSERT_THAT(report, Succeeds());
    EXPECT_TRUE(report->clean()) << report->drift_tokens << " tokens, " << report->mispriced
                                 << " mispriced, " << report->rollup_drifts << " sums";
    const auto found = books.rows({.all_tenants = true}, 1'000);
    ASSERT_THAT(found, Succeeds());
    std::int64_t billed = 0;
    for (const store::UsageRow& row : *found) {
      EXPECT_FALSE(row.open) << "I3";
      EXPECT_TRUE(rows_.emplace(row.request.value.hex(), row).second) << "I2: two terminal records";
      if (const auto price = books.price(row.price_version); price && *price)
        priced_models_[row.price_version] = (*price)->terms().model;
      billed += row.settlement.counts.generated;
      met_.recovered += row.is_recovered() ? 1 : 0;
    }
    std::int64_t made = 0;
    for (const Sent& sent : sent_) {
      made += generated(sent);
      check_one(sent);
    }
    EXPECT_LE(billed, made) << "more than the engine has generated is billed";
  }

  void check_one(const Sent& sent) {
    SCOPED_TRACE(sent.marker());
    const std::int64_t heard = sent.heard();
    const auto row = rows_.find(sent.id());
    if (heard > 0) {
      ASSERT_NE(row, rows_.end()) << "I1: " << heard << " tokens were delivered without a row";
    }
    if (row == rows_.end()) return;
    if (heard > 0) {
      EXPECT_EQ(row->second.engine, "engine") << "I10";
      EXPECT_EQ(priced_models_[row->second.price_version], "chat") << "I10";
      if (row->second.model == "moving") ++met_.moved;
    }
    const metering::Counts& counts = row->second.settlement.counts;
    const std::int64_t made = generated(sent);
    EXPECT_LE(counts.generated, made) << "over-billed";
    EXPECT_LE(heard - counts.generated, store::OpenRow::kUnsavedMax) << "under-billed";
    met_.lost = std::max(met_.lost, heard - counts.generated);
    if (heard > 0 && !sent.done && !sent.hung_up) ++met_.streaming;
    if (!sent.done || *sent.done + kDurableAfter > killed_) return;
    EXPECT_FALSE(row->second.is_recovered()) << "a settlement that must be durable is lost";
    const std::int64_t owed = sent.answer.status == 200 ? made : 0;
    EXPECT_EQ(counts.generated, owed) << "on a clean path engine and ledger agree";
    ++met_.exact;
  }

  // What the ledger tells a limiter that starts is what its rows say: all that was charged counts.
  void check_limits(GatewayWorld& life) {
    for (const std::string_view tenant : {"aurora", "borealis"}) {
      std::int64_t requests = 0;
      std::int64_t tokens = 0;
      for (const auto& [id, row] : rows_) {
        if (row.tenant != GatewayWorld::tenant_id(tenant)) continue;
        ++requests;
        tokens += row.settlement.counts.generated;
      }
      const auto used = life.books().usage_since({.tenant = GatewayWorld::tenant_id(tenant)});
      ASSERT_THAT(used, Succeeds());
      metering::Totals sum;
      for (const store::UsageSince& one : *used)
        sum += one.sums;
      EXPECT_EQ(sum.requests, requests);
      EXPECT_EQ(sum.generated, tokens);
    }
  }

  // I8: what was charged never runs again; what was not can be retried.
  void check_retries(GatewayWorld& life) {
    for (const Sent& sent : sent_) {
      if (sent.idempotency_key.empty() || sent.answer.status == 0) continue;
      SCOPED_TRACE(sent.marker());
      ++met_.retried;
      const auto row = rows_.find(sent.id());
      const auto asked = life.engine_sim.counts().requests;
      Client client(life);
      client.post(kChat, sent.body, sent.tenant, fields(sent));
      const Answer again = client.answer();
      EXPECT_TRUE(again.complete);
      const bool charged = row != rows_.end() && row->second.charge.cost_micro > 0;
      if (charged || sent.heard() > 0) {
        EXPECT_EQ(again.status, 400) << again.body;
        EXPECT_TRUE(again.has("idempotency_replay_unavailable")) << again.body;
        EXPECT_EQ(life.engine_sim.counts().requests, asked) << "a second engine call";
        ++met_.refused;
      }
    }
  }

  std::uint64_t seed_;
  Met& met_;
  Defect defect_;
  SimDisk disk_;
  std::unique_ptr<rt::sim::SimBlockingPool> pool_;
  std::vector<Sent> sent_;
  std::deque<sim::SimRequest> generated_;
  std::map<std::string, store::UsageRow> rows_;       // by id, as hexadecimal digits
  std::map<std::string, std::string> priced_models_;  // by price version
  Instant killed_;
};

TEST(KilledGateway, HasItsBooksRightAfterTheRestart) {  // I1 to I10
  Met met;
  const std::uint64_t points = kill_points();
  for (std::uint64_t seed = 1; seed <= points && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    KilledGateway(seed, met).run();
  }
  EXPECT_EQ(met.kills, points);
  EXPECT_GT(met.recovered, points / 2);
  EXPECT_GT(met.exact, points);
  EXPECT_GT(met.streaming, points / 4);
  EXPECT_GT(met.retried, points / 2);
  EXPECT_GT(met.refused, points / 8);
  EXPECT_GT(met.moved, points / 8);
  std::printf(
      "    %llu kills: %llu rows recovered, %llu exact, %llu clients amid a stream, "
      "%llu retries of which %llu had been charged; most tokens lost %lld\n",
      static_cast<unsigned long long>(met.kills), static_cast<unsigned long long>(met.recovered),
      static_cast<unsigned long long>(met.exact), static_cast<unsigned long long>(met.streaming),
      static_cast<unsigned long long>(met.retried), static_cast<unsigned long long>(met.refused),
      static_cast<long long>(met.lost));
}

// Killed while one of two batch requests waits to begin again, or runs for the second time.
TEST(KilledGateway, BillsNothingOfWhatWasMadeInVain) {
  constexpr auto kCommit = 60ms;
  int waited = 0, ran_again = 0;
  for (std::uint64_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SimDisk disk(seed);
    std::unique_ptr<rt::sim::SimBlockingPool> pool;
    std::array<std::int64_t, 2> made_last{};
    {
      auto life = start_on(disk, pool, seed, 2, Defect::none);
      life->set_members({{.name = "borealis", .nominal = 2}});
      std::vector<std::unique_ptr<Client>> clients;
      const auto ask = [&](const std::string& text, std::string_view tenant,
                           std::string_view fields) {
        clients.push_back(std::make_unique<Client>(*life));
        clients.back()->post(kChat, chat_body(text), tenant, fields);
      };
      for (const std::string name : {"first", "second"})
        ask("[[sim:rate=100,tokens=2000]] " + name, "aurora", "x-sm-priority: batch\r\n");
      life->world.run_for(5s);
      ask("[[sim:rate=100,tokens=200]] owner", "borealis", "");
      const auto gave_way = [&] {
        return life->dispatcher().pools().front().report.gave_way_total[2] > 0;
      };
      EXPECT_TRUE(life->world.run_until(gave_way, 5s));
      life->world.run_for(kCommit + std::chrono::milliseconds(life->world.chaos().below(8'000)));
      disk.kill_now();
      std::set<std::uint64_t> in_vain;
      for (const sim::SimRequest& asked : life->engine_sim.requests())
        if (asked.outcome == sim::SimOutcome::cancelled) in_vain.insert(asked.id);
      EXPECT_EQ(in_vain.size(), 1U);
      life->engine_sim.stop();
      life->world.run_for(5ms);
      std::array<int, 2> calls{};
      for (const sim::SimRequest& asked : life->engine_sim.requests()) {
        if (asked.body.contains("owner")) continue;
        const std::size_t which = asked.body.contains("first") ? 0 : 1;
        made_last.at(which) = in_vain.contains(asked.id) ? 0 : asked.generated_tokens;
        ++calls.at(which);
      }
      (calls[0] + calls[1] == 2 ? waited : ran_again) += 1;
      for (auto& client : clients)
        client.reset();
    }
    disk.power_on();
    auto life = start_on(disk, pool, seed + 1'000'000, 2, Defect::none);
    const auto rows = life->books().rows({.all_tenants = true}, 10);
    ASSERT_THAT(rows, Succeeds());
    std::vector<std::int64_t> billed;
    for (const store::UsageRow& row : *rows)
      if (row.tenant == GatewayWorld::tenant_id("aurora"))
        billed.push_back(row.settlement.counts.generated);
    std::ranges::sort(billed);
    std::ranges::sort(made_last);
    ASSERT_EQ(billed.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_LE(billed[i], made_last.at(i));
    EXPECT_GT(billed[1], 500) << "the other one has run all the time";
  }
  EXPECT_GT(waited, 5);
  EXPECT_GT(ran_again, 5);
}

// Nothing but fast streams, and disks of different speed: the same bound, and the streams are still
// fast.
class KilledStreams {
 public:
  static constexpr int kStreams = 3;
  static constexpr int kTokens = 30'000;

  KilledStreams(std::uint64_t seed, std::chrono::milliseconds slowest)
      : seed_(seed), slowest_(slowest), disk_(seed) {}

  // The most that the books are short of one of the clients.
  std::int64_t run(int rate) {
    std::vector<Heard> heard(kStreams);
    {
      auto life = start(seed_);
      std::vector<std::unique_ptr<Client>> clients;
      for (Heard& one : heard) {
        const std::string wish = "[[sim:tokens=" + std::to_string(kTokens) +
                                 (rate > 0 ? ",rate=" + std::to_string(rate) : "") + "]]";
        one.client = std::make_unique<Client>(*life);
        one.client->post(kChat, chat_body(wish, kStream));
      }
      const std::uint32_t steps = 50 + life->world.chaos().below(400);
      for (std::uint32_t step = 0; step < steps; ++step) {
        life->world.run_for(1ms);
        for (Heard& one : heard)
          one.client->pump();
      }
      for (Heard& one : heard)
        one.answer = one.client->parsed();
      disk_.kill_now();
      life->engine_sim.stop();
      life->world.run_for(5ms);
      for (Heard& one : heard)
        one.client.reset();
      milliseconds_ = steps;
    }
    disk_.power_on();
    auto life = start(seed_ + 1'000'000);
    return most_lost(life->books(), heard);
  }
  std::int64_t delivered() const { return delivered_; }
  std::int64_t milliseconds() const { return milliseconds_; }

 private:
  struct Heard {
    std::unique_ptr<Client> client;
    Answer answer;
  };

  std::unique_ptr<GatewayWorld> start(std::uint64_t seed) {
    const auto make = [this](rt::sim::SimWorld& world) -> std::unique_ptr<store::Ledger> {
      pool_ = std::make_unique<rt::sim::SimBlockingPool>(world, 1, 64);
      pool_->set_delay(50us, slowest_);
      auto opened = store_sqlite::open_ledger(disk_, kPath, world.clock(),
                                              store_sqlite::make_pool_runner(world.loop(), *pool_),
                                              {.reserve_bytes = 20'000});
      EXPECT_THAT(opened, Succeeds());
      return *std::move(opened);
    };
    return std::make_unique<GatewayWorld>(seed, sim::EngineSimOptions{}, 16, http::ServerLimits{},
                                          make);
  }

  std::int64_t most_lost(store::Ledger& books, const std::vector<Heard>& heard) {
    const auto found = books.rows({.all_tenants = true}, 100);
    EXPECT_THAT(found, Succeeds());
    std::int64_t most = 0;
    for (const Heard& one : heard) {
      const auto tokens = static_cast<std::int64_t>(one.answer.count(R"("delta":{"content":")"));
      delivered_ += tokens;
      for (const store::UsageRow& row : *found) {
        if (!one.answer.head.contains("req_" + row.request.value.hex())) continue;
        most = std::max(most, tokens - row.settlement.counts.generated);
      }
    }
    return most;
  }

  std::uint64_t seed_;
  std::chrono::milliseconds slowest_;
  SimDisk disk_;
  std::unique_ptr<rt::sim::SimBlockingPool> pool_;
  std::int64_t delivered_ = 0;  // by all streams
  std::int64_t milliseconds_ = 0;
};

TEST(KilledGateway, LosesOfAStreamAtMostItsBoundAtAnyRate) {
  constexpr std::uint64_t kSeeds = 6;
  for (const int rate : {20, 100, 500, 2'000, 10'000, 0}) {
    for (const auto slowest : {1ms, 20ms}) {
      SCOPED_TRACE(testing::Message() << rate << " tokens/s, syncs of " << slowest.count());
      std::int64_t most = 0;
      std::int64_t delivered = 0;
      std::int64_t milliseconds = 0;
      for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        KilledStreams run(seed, slowest);
        most = std::max(most, run.run(rate));
        delivered += run.delivered();
        milliseconds += run.milliseconds() * KilledStreams::kStreams;
      }
      // And what comes in a quarter of a second, where that is less.
      const std::int64_t bound = store::OpenRow::kUnsavedMax;
      EXPECT_LE(most, rate > 0 ? std::min<std::int64_t>(bound, rate / 4 + 1) : bound);
      EXPECT_GT(most, 0) << "nothing was lost: the kills come too late";
      const auto per_second = static_cast<double>(delivered * 1'000 / milliseconds);
      if (rate > 0 && rate <= 2'000) {
        EXPECT_GT(per_second, 0.8 * rate) << "held back too much";
      }
      if (rate == 0 || rate > 2'000) EXPECT_GT(per_second, 2'000);
      std::printf("    %d tokens/s, syncs of up to %lld ms: %.0f delivered, %lld lost at most\n",
                  rate, static_cast<long long>(slowest.count()), per_second,
                  static_cast<long long>(most));
    }
  }
}

TEST(KilledGateway, EveryDefectOfItsLedgerIsFound) {
  for (const Defect defect : {Defect::drops_settles, Defect::charges_twice,
                              Defect::forgets_progress, Defect::forgets_amendments}) {
    testing::TestPartResultArray found;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &found);
      Met met;
      for (std::uint64_t seed = 1; seed <= 40 && found.size() == 0; ++seed)
        KilledGateway(seed, met, defect).run();
    }
    EXPECT_GT(found.size(), 0) << "defect " << static_cast<int>(defect);
  }
}

}  // namespace
}  // namespace sovmesh::flow
