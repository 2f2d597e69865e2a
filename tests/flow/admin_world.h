#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/admin_api.h"
#include "control/rollout_json.h"
#include "control/rollouts.h"
#include "limits/local_limiter.h"
#include "rt/sim/sim.h"
#include "store_sqlite/open.h"
#include "tests/support/fake_engine.h"
#include "tests/support/memory_ledger.h"

namespace sovmesh::control {

// The admin API on a store on a simulated disk, with one engine, "tiny".
class AdminWorld : public testing::Test {
 protected:
  Result<AdminReply> call(std::string method, std::string path, std::string body = {},
                          std::optional<std::string> if_match = {}) {
    const auto question = std::min(path.find('?'), path.size());
    return api_.call({.method = std::move(method),
                      .path = "/api/v1/" + path.substr(0, question),
                      .query = path.substr(std::min(question + 1, path.size())),
                      .if_match = std::move(if_match),
                      .body = std::move(body),
                      .caller = access::Caller::machine_owner()});
  }
  std::string ok(std::string method, std::string path, std::string body = {}) {
    const auto reply = call(std::move(method), std::move(path), std::move(body));
    EXPECT_TRUE(reply) << reply.error().message();
    return reply ? reply->body : "";
  }
  std::optional<Code> refusal(std::string method, std::string path, std::string body = {},
                              std::optional<std::string> if_match = {}) {
    const auto reply =
        call(std::move(method), std::move(path), std::move(body), std::move(if_match));
    if (reply) return std::nullopt;
    return reply.error().code();
  }
  static std::string member(const std::string& json, const std::string& name) {
    const std::string start = "\"" + name + "\":\"";
    const auto at = json.find(start);
    if (at == json.npos) return "";
    return json.substr(at + start.size(), json.find('"', at + start.size()) - at - start.size());
  }

  rt::sim::SimWorld world_{1};
  store_sqlite::SimDisk disk_{1};
  std::unique_ptr<store::ControlStore> store_ =
      *store_sqlite::open_control_store(disk_, "control.db", world_.clock());
  MemoryLedger ledger_;
  identity::Authenticator authenticator_{{{1, Secret("pepper")}}, {}};
  DirectoryPublisher publisher_{*store_, authenticator_, world_.clock(), world_.random()};
  bool works(const std::string& text) {
    const identity::Credentials shown{.api_key = text};
    return authenticator_.identify(publisher_.directory().get(), shown, world_.clock().wall_now())
        .has_value();
  }
  static Result<void> check_engine(const store::EngineRecord& record) {
    if (record.url.starts_with("http")) return {};
    return client_error(Code::invalid_value, "want a URL", "url");
  }

  // Stands for the tree of the pool.
  static Result<void> check_pool(const config::Pool& pool) {
    for (const config::Member& member : pool.members)
      if (member.weight.is_zero()) return client_error(Code::invalid_value, "want more", "weight");
    return {};
  }

  limits::LocalLimiter limiter_;
  int limits_changes_ = 0;
  std::vector<config::Pool> shared_;  // as whoever shares by pools goes by them
  // As a gateway keeps itself up to date.
  RecordedChanges changes_{
      {*store_, publisher_, nullptr, [this](const RecordedChanges::State& next) -> Result<void> {
         ++limits_changes_;
         shared_ = *next.pools;
         return limiter_.configure(*next.limits, world_.clock().wall_now());
       }}};
  std::vector<std::shared_ptr<engine::Engine>> engines_{std::make_shared<FakeEngine>("tiny", 4)};
  std::vector<std::chrono::seconds> graces_;  // of engines that were stopped
  std::size_t in_flight_ = 0;                 // on each engine
  rollout::Readiness readiness_{.ready = true, .why = {}};
  std::vector<rollout::Rollout> told_;  // of what rollouts did by themselves
  std::vector<std::string> happened_;   // to them, as a webhook is told
  Rollouts rollouts_{{*store_, publisher_.directory(), world_.clock(),
                      [this](const catalog::Model&) { return readiness_; },
                      [this](const rollout::Rollout& moved) { told_.push_back(moved); },
                      [this](const rollout::Rollout& one, std::string_view what) {
                        happened_.push_back(rollout_event(one, what));
                      }}};
  AdminApi api_{
      {*store_,
       ledger_,
       publisher_,
       changes_,
       authenticator_,
       world_.clock(),
       world_.random(),
       [this] { return engines_; },
       [] { return std::vector<std::string>(); },
       check_engine,
       [this](const std::vector<store::EngineRecord>& records) {
         engines_.resize(1);
         for (const store::EngineRecord& record : records)
           engines_.push_back(std::make_shared<FakeEngine>(record.name, 64));
       },
       [this](WallTime now, std::size_t max) { return limiter_.status(now, max); },
       nullptr,
       {},
       &rollouts_,
       [] {
         return std::vector<PoolPart>{
             {.pool = "gpu", .level = "pool", .guaranteed = 2, .used = 1.25, .waiting = 3},
             {.pool = "gpu", .path = "aurora", .level = "tenant", .weight = 3},
             {.pool = "", .level = "pool"}};
       },
       check_pool,
       {},
       {},
       {.memory_kib = 64, .passes = 1},
       {world_.clock()},
       {},
       {},
       nullptr,
       {},
       {[this](const auto& engine, std::chrono::seconds grace) {
          graces_.push_back(grace);
          engine->take_out_of_service();
        },
        [](const auto& engine) { engine->put_in_service(); },
        [this](const engine::Engine&) { return in_flight_; }}}};
};

}  // namespace sovmesh::control
