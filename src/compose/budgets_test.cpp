#include "compose/budgets.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "limits/window_usage.h"
#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"
#include "tests/support/row_ledger.h"

namespace sovmesh::compose {
namespace {

using limits::Alignment;
using limits::Measure;
using limits::Window;
using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr WallTime kMorning{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1) + 10h + 20min};

class BudgetsTest : public testing::Test {
 protected:
  BudgetsTest() {
    world_.jump_wall(kMorning - now());
    tenant_ = made(tenancy::Tenant{.slug = *TenantSlug::parse("aurora")}).id;
    other_ = made(tenancy::Tenant{.slug = *TenantSlug::parse("borealis")}).id;
  }
  template <class Object>
  Object made(Object object) {
    object.id = {ids_.next()};
    return store_->create(std::move(object)).value();
  }
  WallTime now() { return world_.clock().wall_now(); }
  store::LimitRecord add_limit(Window window, Alignment alignment, std::int64_t amount,
                               Measure measure = Measure::output_tokens) {
    store::LimitRecord limit{.holder = {.tenant = tenant_},
                             .measure = measure,
                             .window = window,
                             .alignment = alignment,
                             .amount = amount};
    limit = made(std::move(limit));
    EXPECT_THAT(publisher_.publish(), Succeeds());
    return limit;
  }
  limits::Subject who() const { return {.tenant = tenant_, .tenant_name = "aurora"}; }

  rt::sim::SimWorld world_{1};
  store_sqlite::SimDisk disk_{1};
  UlidSource ids_{world_.clock(), world_.random()};
  std::unique_ptr<store::ControlStore> store_ =
      *store_sqlite::open_control_store(disk_, "control.db", world_.clock());
  identity::Authenticator authenticator_{{{1, Secret("pepper")}}, {}};
  control::DirectoryPublisher publisher_{*store_, authenticator_, world_.clock(), world_.random()};
  TenantId tenant_;
  TenantId other_;
};

// ---- after a restart ----------------------------------------------------------------------------

class RestartedBudgets : public BudgetsTest {
 protected:
  RestartedBudgets() {
    ledger_ = store_sqlite::open_ledger(disk_, "ledger.db", world_.clock(),
                                        std::make_unique<store_sqlite::ManualRunner>(),
                                        {.reserve_bytes = 20'000})
                  .value();
  }
  static rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                                  std::optional<Result<store::OpenRow>>& out) {
    out.emplace(co_await ledger.open(std::move(intent), loop));
  }
  // One request, in the ledger and in a limiter that never stopped.
  void use(std::int64_t output, TenantId tenant, const std::string& engine = "local") {
    std::optional<Result<store::OpenRow>> row;
    auto task = open_into(*ledger_,
                          {.request = {ids_.next()},
                           .tenant = tenant,
                           .key = *KeyId::parse("abcdefghijkl"),
                           .model = "tiny",
                           .engine = engine,
                           .opened_at = now(),
                           .currency = "EUR"},
                          world_.loop(), row);
    task.start();
    EXPECT_THAT(ledger_->flush(), Succeeds());
    world_.run_for(0ms);
    std::move(**row).settle({.counts = {.generated = output}, .finish = metering::Finish::stop});
    EXPECT_THAT(ledger_->flush(), Succeeds());
    if (tenant == tenant_)
      running_.reserve(who(), {}, now())->settle({.output_tokens = output}, now());
  }

  std::unique_ptr<store::Ledger> ledger_;
  limits::LocalLimiter running_;
};

// What is left and when more is free differ from a limiter that never stopped by one roll-up of the
// ledger's (and one of the limiter's own parts) at most; and never too early.
TEST_F(RestartedBudgets, ARollingWindowForgetsWhatItWouldHaveForgotten) {
  struct Case {
    Window window;
    std::chrono::microseconds length;
    std::chrono::microseconds bucket;
  };
  for (const auto& [window, length, bucket] :
       {Case{Window::minute, 60s, 1s}, Case{Window::hour, 3'600s, 60s},
        Case{Window::day, 86'400s, 900s}}) {
    SCOPED_TRACE(limits::name(window));
    world_.jump_wall(25h);
    const auto slack = bucket + length / limits::WindowUsage::kParts + 1s;
    const auto limit = add_limit(window, Alignment::rolling, 1'000);
    ASSERT_THAT(running_.configure(*publisher_.limits(), now()), Succeeds());
    for (std::int64_t i = 1; i <= 12; ++i) {
      use(i, tenant_);
      use(7, other_);
      world_.jump_wall(length / 13);
    }
    Budgets restarted(publisher_, *ledger_, world_.clock());
    ASSERT_THAT(restarted.use(publisher_.state()), Succeeds());
    std::vector<std::int64_t> before;  // of the one that never stopped, at each step
    const auto step = length / 64;
    const auto late = slack / step + 1;
    for (std::int64_t i = 0; i <= 80; ++i) {
      const std::int64_t left = running_.status(who(), now()).at(0).used;
      before.push_back(left);
      const limits::Status status = restarted.limiter().status(who(), now()).at(0);
      EXPECT_GE(status.used, left) << "free too early at step " << i;
      EXPECT_LE(status.used, before[static_cast<std::size_t>(std::max<std::int64_t>(0, i - late))])
          << "free too late at step " << i;
      world_.jump_wall(step);
    }
    EXPECT_EQ(before.back(), 0);
    ASSERT_THAT(store_->remove(limit.id, limit.meta.revision), Succeeds());
  }
}

TEST_F(RestartedBudgets, APoolsLimitKnowsWhatAllTenantsUsedOnAllItsEngines) {
  config::Config config;
  config.pools.push_back({.name = "gpus", .engines = {"one", "two"}});
  for (const auto& [tenant, engine] :
       {std::pair(tenant_, "one"), std::pair(tenant_, "two"), std::pair(other_, "one")})
    use(10, tenant, engine);
  world_.run_for(1s);
  ASSERT_THAT(publisher_.apply(config), Succeeds());
  made(store::LimitRecord{.holder = {.scope = limits::Scope::pool, .name = "gpus"},
                          .measure = Measure::output_tokens,
                          .window = Window::day,
                          .amount = 100});
  ASSERT_THAT(publisher_.publish(), Succeeds());
  Budgets budgets(publisher_, *ledger_, world_.clock());
  ASSERT_THAT(budgets.use(publisher_.state()), Succeeds());
  EXPECT_EQ(budgets.limiter().status(now(), 10).at(0).used, 30);
}

// ---- a limit that is added ----------------------------------------------------------------------

// Tells what it is asked, or cannot; and what happens while it is asked.
class AskedLedger : public RowLedger {
 public:
  std::function<void()> when_asked = [] {};
  bool fails = false;
  std::vector<store::UsageSince> used;

  Result<std::vector<store::UsageSince>> usage_since(const store::SinceQuery&) override {
    when_asked();
    if (fails) return our_error(Code::io_error, "the disk is bad");
    return used;
  }
};

class AddedLimit : public BudgetsTest {
 protected:
  bool runs(std::int64_t output) {
    auto held = budgets_.limiter().reserve(who(), {.output_tokens = output}, now());
    if (!held) return false;
    held->settle({.output_tokens = output}, now());
    return true;
  }
  AskedLedger ledger_;
  Budgets budgets_{publisher_, ledger_, world_.clock()};
};

TEST_F(AddedLimit, IsInForceWithAllThatWasUsedBeforeAndMeanwhile) {
  ASSERT_THAT(budgets_.use(publisher_.state()), Succeeds());
  store::UsageSince used{.tenant = tenant_, .currency = "EUR", .until = now()};
  used.sums.generated = 80;
  ledger_.used = {used};
  int asked = 0;
  ledger_.when_asked = [&] {
    ++asked;
    EXPECT_TRUE(budgets_.limiter().status(now(), 10).empty()) << "in force before it is seeded";
    EXPECT_TRUE(runs(15)) << "as before the change";
  };
  add_limit(Window::day, Alignment::calendar, 100);
  ASSERT_THAT(budgets_.use(publisher_.state()), Succeeds());
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(budgets_.limiter().status(now(), 10).at(0).used, 95);
  EXPECT_FALSE(runs(6));
  EXPECT_TRUE(runs(5));
}

TEST_F(AddedLimit, IsRefusedWhileWhatWasUsedBeforeIsNotKnown) {
  add_limit(Window::day, Alignment::calendar, 1'000);
  ASSERT_THAT(budgets_.use(publisher_.state()), Succeeds());
  ledger_.fails = true;
  add_limit(Window::hour, Alignment::calendar, 10);
  const auto refused = budgets_.use(publisher_.state());
  EXPECT_THAT(refused, FailsWith(Code::metering_unavailable));
  EXPECT_THAT(refused.error().message(), HasSubstr("the disk is bad"));
  EXPECT_EQ(budgets_.limiter().status(now(), 10).size(), 1U) << "the old one";
  EXPECT_TRUE(runs(4));
  EXPECT_FALSE(runs(1'000)) << "the old one is in force";
  EXPECT_FALSE(budgets_.use(publisher_.state())) << "not forgotten by trying again";
  ledger_.fails = false;
  store::UsageSince meanwhile{.tenant = tenant_, .currency = "EUR", .until = now()};
  meanwhile.sums.generated = 4;
  ledger_.used = {meanwhile};
  ASSERT_THAT(budgets_.use(publisher_.state()), Succeeds());
  EXPECT_EQ(budgets_.limiter().status(now(), 10).size(), 2U);
  EXPECT_FALSE(runs(7)) << "what ran meanwhile counts";
  EXPECT_TRUE(runs(6));
}

TEST_F(AddedLimit, AChangedAmountWaitsForTheWholeChange) {
  store::LimitRecord old = add_limit(Window::day, Alignment::calendar, 100);
  ASSERT_THAT(budgets_.use(publisher_.state()), Succeeds());
  ledger_.fails = true;
  old.amount = 50;
  ASSERT_THAT(store_->update(old), Succeeds());
  add_limit(Window::hour, Alignment::calendar, 10);
  ASSERT_FALSE(budgets_.use(publisher_.state()));
  EXPECT_EQ(budgets_.limiter().status(now(), 10).at(0).amount, 100);
}

}  // namespace
}  // namespace sovmesh::compose
