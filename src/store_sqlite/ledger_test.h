#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "rt/sim/world.h"
#include "store_sqlite/ledger_writer.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::store_sqlite {

using metering::Finish;
using metering::Source;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using store::OpenRow;

inline constexpr const char* kPath = "/data/ledger.db";

inline rt::Task<void> keep(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                           rt::Until until, std::optional<Result<OpenRow>>& out) {
  out.emplace(co_await ledger.open(std::move(intent), loop, until));
}

// The writer stands still until a test lets it take a step.
class LedgerTest : public testing::Test {
 protected:
  struct Attempt {
    rt::Task<void> task;
    std::optional<Result<OpenRow>> result;
  };

  LedgerTest() { options_.reserve_bytes = 100'000; }
  ~LedgerTest() override {
    for (auto& attempt : attempts_)
      if (attempt->result && *attempt->result) std::move(**attempt->result).settle({});
  }

  void boot() {
    auto runner = std::make_unique<ManualRunner>();
    runner_ = runner.get();
    auto opened = open_ledger(disk_, kPath, world_.clock(), std::move(runner), options_);
    ASSERT_THAT(opened, Succeeds());
    ledger_ = *std::move(opened);
    runner_->step();
  }
  Attempt& open(rt::Until until = {rt::Deadline::never(), nullptr}) {
    return open({ids_.next()}, until);
  }
  Attempt& open(RequestId request, rt::Until until = {rt::Deadline::never(), nullptr}) {
    metering::Intent intent = intent_of(request);
    attempts_.push_back(std::make_unique<Attempt>());
    Attempt& attempt = *attempts_.back();
    attempt.task = keep(*ledger_, std::move(intent), world_.loop(), until, attempt.result);
    attempt.task.start();
    return attempt;
  }
  metering::Intent intent_of(RequestId request) {
    return {.request = request,
            .tenant = tenant_,
            .project = {},
            .key = *KeyId::parse("abcdefghijkl"),
            .model = "tiny",
            .engine = "local",
            .opened_at = world_.clock().wall_now()};
  }
  void deliver() { world_.run_for(microseconds(0)); }
  OpenRow opened() {
    Attempt& attempt = open();
    world_.run_for(milliseconds(10));
    runner_->step();
    deliver();
    OpenRow row = *std::move(*attempt.result);
    attempt.result.reset();
    return row;
  }
  std::vector<store::UsageRow> rows() { return *ledger_->rows({.tenant = tenant_}, 100); }

  rt::sim::SimWorld world_{1};
  SimDisk disk_{1};
  LedgerOptions options_;
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  std::vector<std::unique_ptr<Attempt>> attempts_;
  std::unique_ptr<store::Ledger> ledger_;
  ManualRunner* runner_ = nullptr;
};

inline rt::Task<void> save_into(OpenRow& row, metering::Counts counts, rt::Loop& loop,
                                rt::Until until, std::optional<Result<void>>& out) {
  out.emplace(co_await row.save(counts, loop, until));
}

}  // namespace sovmesh::store_sqlite
