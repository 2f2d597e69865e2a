// What refused requests may write: into an audit log, and on a disk that is full. The gateway, its
// real ledger and its real audit log, on simulated disks.

#include <gmock/gmock.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "ledgerlog/entry.h"
#include "store_sqlite/open.h"
#include "tests/flow/gateway_world.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using audit_files::Refusals;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr const char* kPath = "/data/ledger.db";

class AuditBounds : public testing::Test {
 protected:
  AuditBounds() { EXPECT_THAT(audit_.open(), Succeeds()); }
  store::Audit& log() { return *audit_.log; }
  void step() { static_cast<audit_files::AuditLog&>(log()).step(); }
  void next_minute() {
    audit_.clock.advance(61s);
    step();
  }
  // All that entries of an action stand for.
  std::uint64_t count_of(const std::string& action) {
    std::uint64_t count = 0;
    for (const auto& record : log().list({.action = action}, 1'000)->records) {
      const auto entry = ledgerlog::parse_entry(record.bytes);
      count += std::get<ledgerlog::AdminEntry>(entry->body).count;
    }
    return count;
  }
  void expect_good() {
    ASSERT_THAT(log().flush(1s), Succeeds());
    EXPECT_TRUE(audit_.verify().good());
  }

  audit_files::TestLog audit_;
};

int ask(GatewayWorld& gateway, std::string_view tenant = "aurora") {
  Client client(gateway);
  client.post(kChat, chat_body("x"), tenant);
  return client.answer().status;
}

TEST_F(AuditBounds, AKeyThatIsRefusedOnAndOnAndStrangersWriteFewEntries) {
  GatewayWorld gateway;
  gateway.set_audit({.log = &log()});
  gateway.limit(gateway.tenant_limit("aurora", limits::Measure::requests, limits::Window::day, 1));
  const std::uint64_t before = log().stats().size;
  EXPECT_EQ(ask(gateway), 200);
  for (int i = 0; i < 500; ++i)
    EXPECT_EQ(ask(gateway), 429);
  for (int i = 0; i < 100; ++i) {
    Client stranger(gateway);
    stranger.send("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    EXPECT_EQ(stranger.answer().status, 401);
  }
  EXPECT_EQ(ask(gateway, "borealis"), 200) << "another key";
  next_minute();
  expect_good();
  EXPECT_EQ(log().stats().size, before + 2 + Refusals::kOwnMax + 2);
  EXPECT_EQ(count_of("request.refused"), 500 - Refusals::kOwnMax);
  EXPECT_EQ(count_of("auth.refused"), 100U);
  const auto strangers = log().list({.action = "auth.refused"}, 2)->records;
  ASSERT_EQ(strangers.size(), 1U);
  EXPECT_THAT(strangers[0].bytes, testing::HasSubstr(R"("reason":"no_key 100")"));
}

class FullDisk : public AuditBounds {
 protected:
  static constexpr std::int64_t kReserve = 4 << 20;
  std::unique_ptr<GatewayWorld> start(std::uint64_t seed) {
    const auto make = [this](rt::sim::SimWorld& world) -> std::unique_ptr<store::Ledger> {
      pool_ = std::make_unique<rt::sim::SimBlockingPool>(world, 1, 64);
      pool_->set_delay(50us, 1ms);
      auto opened = store_sqlite::open_ledger(disk_, kPath, world.clock(),
                                              store_sqlite::make_pool_runner(world.loop(), *pool_),
                                              {.reserve_bytes = kReserve});
      EXPECT_THAT(opened, Succeeds());
      return *std::move(opened);
    };
    auto life = std::make_unique<GatewayWorld>(seed, sim::EngineSimOptions{}, 16,
                                               http::ServerLimits{}, make);
    life->set_audit({.log = &log()});
    return life;
  }
  // Whatever else writes to the disk takes every byte, and a commit finds no room.
  void fill(GatewayWorld& life) {
    disk_.set_capacity(disk_.used());
    disk_.fail_write(1, ENOSPC);
    life.world.run_for(25ms);
    disk_.set_capacity(disk_.used());
    ASSERT_TRUE(life.books().stats().disk_full);
    log().hold_refusals(true);  // as compose::DiskWatch does
  }
  static std::string stream(int tokens) {
    return chat_body("[[sim:rate=1000,tokens=" + std::to_string(tokens) + "]]", kStream);
  }
  static std::int64_t heard(const Answer& answer) {
    return static_cast<std::int64_t>(answer.count(R"("delta":{"content":")"));
  }

  store_sqlite::SimDisk disk_{3};
  std::unique_ptr<rt::sim::SimBlockingPool> pool_;
};

TEST_F(FullDisk, RunningRequestsEndInTheBooksAndRefusedOnesWriteNothing) {
  const auto life = start(3);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(*life));
    clients.back()->post(kChat, stream(3'000));
  }
  life->world.run_for(200ms);
  fill(*life);
  Client probe(*life);
  probe.get("/readyz");
  const Answer unready = probe.answer();
  EXPECT_EQ(unready.status, 503);
  EXPECT_EQ(unready.body, "not ready: the disk is full\n");
  const std::uint64_t before = log().stats().size;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(ask(*life), 503);
    disk_.set_capacity(disk_.used());
  }
  next_minute();
  EXPECT_EQ(log().stats().size, before) << "of refused ones";
  for (const auto& client : clients)
    EXPECT_EQ(heard(client->answer()), 3'000);
  life->world.run_for(500ms);
  EXPECT_TRUE(life->books().stats().disk_full);
  const auto rows = life->books().rows({.all_tenants = true}, 100);
  ASSERT_EQ(rows->size(), 4U);
  for (const store::UsageRow& row : *rows) {
    EXPECT_FALSE(row.open);
    EXPECT_EQ(row.settlement.counts.generated, 3'000);
  }
  disk_.set_capacity(INT64_MAX);
  life->world.run_for(500ms);
  EXPECT_FALSE(life->books().stats().disk_full);
  log().hold_refusals(false);
  EXPECT_EQ(ask(*life), 200) << "by itself";
  step();
  expect_good();
  EXPECT_EQ(count_of("request.refused"), 200U);
  EXPECT_EQ(log().stats().size, before + 4 + 1 + 1) << "those that ran, one sum, the last one";
}

TEST_F(FullDisk, AKillLosesNoMoreOfAStreamThanAtOtherTimes) {
  std::vector<std::int64_t> delivered;
  {
    const auto life = start(4);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<Client>(*life));
      clients.back()->post(kChat, stream(30'000));
    }
    life->world.run_for(200ms);
    fill(*life);
    for (int i = 0; i < 613; ++i) {
      life->world.run_for(1ms);
      disk_.set_capacity(disk_.used());
      for (const auto& client : clients)
        client->pump();
    }
    for (const auto& client : clients)
      delivered.push_back(heard(client->parsed()));
    disk_.kill_now();
    life->engine_sim.stop();
    life->world.run_for(5ms);
    clients.clear();
  }
  disk_.power_on();
  disk_.set_capacity(INT64_MAX);
  const auto life = start(5);
  EXPECT_TRUE(life->books().verify()->clean());
  const auto rows = life->books().rows({.all_tenants = true}, 100);
  ASSERT_EQ(rows->size(), delivered.size());
  std::int64_t made = 0;
  std::int64_t booked = 0;
  for (std::size_t i = 0; i < delivered.size(); ++i) {
    made += delivered[i];
    booked += (*rows)[i].settlement.counts.generated;
  }
  EXPECT_LE(made - booked, 4 * store::OpenRow::kUnsavedMax);
  EXPECT_GT(booked, 4 * 600);
}

}  // namespace
}  // namespace sovmesh::flow
