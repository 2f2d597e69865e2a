// The ledger's disk fails while requests run, and the next start settles what it could not write:
// the gateway, its real ledger and its real audit log, on simulated disks.

#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>

#include "store_sqlite/open.h"
#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr const char* kPath = "/data/ledger.db";

ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

class BrokenLedger : public testing::Test {
 protected:
  BrokenLedger() {
    audit_.options.has_all = has_all_;
    EXPECT_THAT(audit_.open(), Succeeds());
  }

  std::unique_ptr<GatewayWorld> start() {
    const auto make = [this](rt::sim::SimWorld& world) -> std::unique_ptr<store::Ledger> {
      pool_ = std::make_unique<rt::sim::SimBlockingPool>(world, 1, 64);
      pool_->set_delay(50us, 1ms);
      store_sqlite::LedgerOptions options;
      options.reserve_bytes = 20'000;
      options.is_all_told = [has_all = has_all_] { return has_all->load(); };
      if (asks_the_log_)
        options.ended = [this](const std::vector<RequestId>& requests) {
          return audit_.log->ended(requests).value();
        };
      auto opened =
          store_sqlite::open_ledger(disk_, kPath, world.clock(),
                                    store_sqlite::make_pool_runner(world.loop(), *pool_), options);
      EXPECT_THAT(opened, Succeeds());
      return *std::move(opened);
    };
    auto life =
        std::make_unique<GatewayWorld>(5, sim::EngineSimOptions{}, 16, http::ServerLimits{}, make);
    life->set_audit({.log = audit_.log.get()});
    return life;
  }
  // An engine takes the prompt and breaks off; by then the disk is broken, so no other one may
  // answer.
  void refuse_one_whose_prompt_is_on_the_disk() {
    const auto life = start();
    life->scripted_engine->dialect_ = llmapi::Dialect::vllm;
    life->scripted.script = {
        .parts = {std::string(kStreamHead)}, .end = Script::End::fin, .pause = 400ms};
    catalog::Route route{.name = named("assistant"),
                         .versions = {{.model = named("script"), .weight = 1}}};
    route.fallbacks = {{.name = named("chat")}};
    life->set_route(route);
    Client client(*life);
    client.post(kChat, chat_body("five words are in it", kStream, "assistant"));
    life->world.run_for(300ms);
    disk_.fail_sync(1, EIO, store_sqlite::SimDisk::kForever);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.has("metering_unavailable")) << answer.body;
    EXPECT_TRUE(life->settle(1s));
    EXPECT_THAT(audit_.log->flush(1s), Succeeds());
  }
  void answer_one(GatewayWorld& life) {
    Client client(life);
    client.post(kChat, chat_body("hello"));
    EXPECT_EQ(client.answer().status, 200);
    EXPECT_TRUE(life.settle(1s));
  }
  // As the process ends: the log before the ledger.
  void stop(std::unique_ptr<GatewayWorld> life) {
    life->set_audit({});
    audit_.log.reset();
    life.reset();
  }
  // What the next start charges for it.
  metering::Counts charged() {
    disk_.fail_sync(0, 0);
    const auto life = start();
    EXPECT_EQ(life->books().stats().recovered, 1U);
    const auto rows = life->books().rows({.all_tenants = true}, 10);
    EXPECT_TRUE(rows && rows->size() == 1);
    EXPECT_TRUE(life->books().verify()->clean());
    return rows->front().settlement.counts;
  }

  std::shared_ptr<std::atomic<bool>> has_all_ = std::make_shared<std::atomic<bool>>(false);
  audit_files::TestLog audit_;
  store_sqlite::SimDisk disk_{5};
  std::unique_ptr<rt::sim::SimBlockingPool> pool_;
  bool asks_the_log_ = true;
};

TEST_F(BrokenLedger, WhoGotAnErrorAndNoTokenOwesNothingAfterTheRestart) {
  refuse_one_whose_prompt_is_on_the_disk();
  EXPECT_EQ(charged(), (metering::Counts{.source = metering::Source::recovered}));
}

// Without the log's entry there is the last checkpoint.
TEST_F(BrokenLedger, WithoutTheLogACheckpointStands) {
  asks_the_log_ = false;
  refuse_one_whose_prompt_is_on_the_disk();
  EXPECT_EQ(charged().prompt, 4);
}

TEST_F(BrokenLedger, AfterACleanStopTheNextStartHasNothingToTellTheLog) {
  auto life = start();
  answer_one(*life);
  stop(std::move(life));
  ASSERT_THAT(audit_.open(), Succeeds());
  life = start();
  EXPECT_TRUE(life->books().untold(10)->empty());
}

// The log's disk failed, and the gateway served on; it ends by itself, but not with everything
// said.
TEST_F(BrokenLedger, WhatTheLogCouldNotWriteBeforeACleanStopIsThereForTheNextStart) {
  auto life = start();
  answer_one(*life);
  EXPECT_THAT(audit_.log->flush(1s), Succeeds());
  audit_.files.fail_write(1, Code::io_error, audit_files::SimFiles::kForever);
  answer_one(*life);
  EXPECT_FALSE(audit_.log->flush(1s));
  stop(std::move(life));
  audit_.files.fail_write(0, Code::io_error, 0);
  ASSERT_THAT(audit_.open(), Succeeds());
  life = start();
  const auto untold = life->books().untold(10);
  ASSERT_TRUE(untold);
  ASSERT_FALSE(untold->empty());
  const RequestId lost = untold->back().request;
  EXPECT_TRUE(audit_.log->ended({lost})->empty()) << "the log has no entry of it";
  EXPECT_EQ(untold->back().settlement.finish, metering::Finish::stop);
  EXPECT_THAT(life->books().told(untold->back().seq), Succeeds());
  stop(std::move(life));
  ASSERT_THAT(audit_.open(), Succeeds());
  life = start();
  EXPECT_TRUE(life->books().untold(10)->empty()) << "once is enough";
}

}  // namespace
}  // namespace sovmesh::flow
