// Requests that end, their rows and their entries, on two disks that lose their power, or the
// process that writes them, at the same moment.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit_files/audit_log.h"
#include "compose/recovered.h"
#include "ledgerlog/entry.h"
#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::compose {
namespace {

using store_sqlite::SimDisk;

class TwoDisks {
 public:
  explicit TwoDisks(std::uint64_t seed) : world_(seed), disk_(seed), log_(seed) {}

  void start() {
    auto runner = std::make_unique<store_sqlite::ManualRunner>();
    runner_ = runner.get();
    auto opened = store_sqlite::open_ledger(disk_, "/data/ledger.db", world_.clock(),
                                            std::move(runner), {.reserve_bytes = 20'000});
    if (!opened) return;  // it dies again
    ledger_ = *std::move(opened);
    if (log_.open()) (void)enter_recovered(*ledger_, log_.log.get());
  }
  // A few requests at a time, for so many turns or until the end comes.
  void work(std::uint32_t turns) {
    for (std::uint32_t turn = 0; turn < turns && is_alive(); ++turn) {
      begin(1 + dice().below(4));
      step();
      end_some();
      step();
    }
  }
  void end_in(std::uint64_t calls, SimDisk::End end) {
    if (dice().below(2) == 0)
      disk_.end_at_call(calls, end);
    else
      log_.files.lose_power_after(calls / 4 + 1);
  }
  void die(SimDisk::End end) {
    const bool keeps_writes = end == SimDisk::End::kill;
    keeps_writes ? disk_.kill_now() : disk_.power_loss();
    if (!keeps_writes) log_.files.power_loss();
    for (auto& request : running_)
      if (request->row && *request->row) std::move(**request->row).settle({});
    running_.clear();
    ledger_.reset();
    log_.files.lose_power_after(1);  // nothing reaches it as it ends
    log_.log.reset();
    log_.files.lose_power_after(audit_files::SimFiles::kForever);
    log_.files.power_on();
    disk_.power_on();
  }
  // How many entries each row has, and each entry without a row one of its own.
  std::map<std::string, int> entries_of_rows() {
    std::map<std::string, int> all;
    for (const store::UsageRow& row : *ledger_->rows({.all_tenants = true}, 10'000))
      all.emplace("req_" + row.request.value.hex(), 0);
    for (std::uint64_t i = 0; i < log_.log->stats().size; ++i) {
      const auto entry = ledgerlog::parse_entry(log_.log->entry(i)->bytes);
      if (const auto* one = std::get_if<ledgerlog::RequestEntry>(&entry->body)) ++all[one->rid];
    }
    return all;
  }
  Random& dice() { return world_.random(); }

 private:
  struct Running {
    store::RequestEntry entry;
    std::optional<Result<store::OpenRow>> row;
    rt::Task<void> task;
  };
  static rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                                  std::optional<Result<store::OpenRow>>& out) {
    out.emplace(co_await ledger.open(std::move(intent), loop));
  }
  bool is_alive() const { return disk_.powered() && log_.files.powered(); }

  void begin(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      auto& request = *running_.emplace_back(std::make_unique<Running>());
      request.entry = log_.request("alice");
      metering::Intent intent{.request = request.entry.request,
                              .tenant = log_.tenant,
                              .project = {},
                              .key = *KeyId::parse("abcdefghijkl"),
                              .model = "tiny",
                              .engine = "local",
                              .opened_at = log_.clock.wall_now()};
      request.task = open_into(*ledger_, std::move(intent), world_.loop(), request.row);
      request.task.start();
    }
  }
  void end_some() {
    std::erase_if(running_, [this](const std::unique_ptr<Running>& request) {
      if (!request->row || !*request->row || dice().below(3) == 0 || !is_alive()) return false;
      request->entry.settled = request->entry.request;
      std::move(**request->row).settle({.counts = {.prompt = 5, .generated = 7}});
      log_.log->note(request->entry);
      return true;
    });
  }
  void step() {
    const std::chrono::milliseconds pause(1 + dice().below(60));
    world_.run_for(pause);
    log_.clock.advance(pause);
    if (is_alive()) runner_->step();
    world_.run_for(std::chrono::microseconds(0));
    if (is_alive()) static_cast<audit_files::AuditLog&>(*log_.log).step();
  }

  rt::sim::SimWorld world_;
  SimDisk disk_;
  audit_files::TestLog log_;
  std::unique_ptr<store::Ledger> ledger_;
  store_sqlite::ManualRunner* runner_ = nullptr;
  std::vector<std::unique_ptr<Running>> running_;
};

TEST(RecoveredAfterPowerLoss, EachSettledRequestHasOneEntry) {
  std::size_t rows = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    TwoDisks two(seed);
    two.start();
    for (int life = 0; life < 3; ++life) {
      const auto end = two.dice().below(2) == 0 ? SimDisk::End::kill : SimDisk::End::power_loss;
      if (two.dice().below(2) == 0) two.end_in(1 + two.dice().below(400), end);
      two.work(1 + two.dice().below(40));
      two.die(end);
      if (two.dice().below(3) == 0) {  // and again while it starts
        two.end_in(1 + two.dice().below(200), end);
        two.start();
        two.die(end);
      }
      two.start();
    }
    const auto entries = two.entries_of_rows();
    rows += entries.size();
    for (const auto& [request, count] : entries)
      ASSERT_EQ(count, 1) << request << ", seed " << seed;
    two.die(SimDisk::End::kill);
  }
  EXPECT_GT(rows, 1'000U);
}

}  // namespace
}  // namespace sovmesh::compose
