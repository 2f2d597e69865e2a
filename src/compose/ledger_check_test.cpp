#include "compose/ledger_check.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time_text.h"
#include "rt/sim/world.h"
#include "store_sqlite/database.h"
#include "store_sqlite/open.h"
#include "tests/support/fake_audit.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::compose {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kPath = "/data/ledger.db";

class Lines : public observe::LogSink {
 public:
  void write(std::string&& line) override { all.push_back(std::move(line)); }
  std::uint64_t dropped() const override { return 0; }
  std::vector<std::string> all;
};

TEST(NextCheck, IsAtThreeInTheMorningOrAPartOfTheDayFromThere) {
  const auto next = [](const char* now, std::chrono::milliseconds every) {
    return to_rfc3339(next_check(parse_rfc3339(now).value(), every)).substr(0, 19);
  };
  EXPECT_EQ(next("2026-05-12T10:20:30Z", 24h), "2026-05-13T03:00:00");
  EXPECT_EQ(next("2026-05-12T02:59:59Z", 24h), "2026-05-12T03:00:00");
  EXPECT_EQ(next("2026-05-12T03:00:00Z", 24h), "2026-05-13T03:00:00");
  EXPECT_EQ(next("2026-05-12T10:20:30Z", 6h), "2026-05-12T15:00:00");
  EXPECT_EQ(next("1969-05-12T10:20:30Z", 6h), "1969-05-12T15:00:00");
  EXPECT_EQ(next("2026-05-12T10:20:30.5Z", 1s), "2026-05-12T10:20:31");
}

class LedgerCheckTest : public testing::Test {
 protected:
  LedgerCheckTest() {
    for (int i = 0; i < 20; ++i)
      serve(150);
  }
  static rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                                  std::optional<Result<store::OpenRow>>& out) {
    out.emplace(co_await ledger.open(std::move(intent), loop));
  }
  // So many requests in one commit.
  void serve(std::size_t count) {
    std::vector<std::optional<Result<store::OpenRow>>> rows(count);
    std::vector<rt::Task<void>> tasks;
    for (auto& row : rows) {
      tasks.push_back(open_into(*ledger_,
                                {.request = {ids_.next()},
                                 .tenant = tenant_,
                                 .key = *KeyId::parse("abcdefghijkl"),
                                 .model = "tiny",
                                 .opened_at = world_.clock().wall_now()},
                                world_.loop(), row));
      tasks.back().start();
    }
    ASSERT_THAT(ledger_->flush(), Succeeds());
    world_.run_for(0ms);
    for (auto& row : rows) {
      ASSERT_TRUE(row && *row) << "a writer was disturbed";
      std::move(**row).settle({.counts = {.generated = 7}, .finish = metering::Finish::stop});
    }
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  LedgerCheck::Parts parts() {
    return {*ledger_, world_.clock(), log_, &audit_, [this](Instant when) {
              rested_ += when - world_.clock().now();
              ++rests_;
              world_.run_for(when - world_.clock().now());
              meanwhile_();
            }};
  }

  rt::sim::SimWorld world_{1};
  store_sqlite::SimDisk disk_{1};
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  std::unique_ptr<store::Ledger> ledger_ =
      store_sqlite::open_ledger(disk_, kPath, world_.clock(),
                                std::make_unique<store_sqlite::ManualRunner>(),
                                {.reserve_bytes = 20'000})
          .value();
  Lines lines_;
  observe::Log log_{lines_, world_.clock(), observe::Level::debug};
  FakeAudit audit_;
  std::function<void()> meanwhile_ = [] {};
  Instant::duration rested_{0};
  int rests_ = 0;
};

TEST_F(LedgerCheckTest, WritersWorkOnWhileItReads) {
  meanwhile_ = [this] { serve(100); };
  LedgerCheck check(parts());
  const auto report = check.check();
  ASSERT_THAT(report, Succeeds());
  EXPECT_TRUE(report->clean());
  EXPECT_EQ(report->rows, 3'000) << "what came meanwhile is for the next time";
  EXPECT_GE(rests_, 2);
  EXPECT_GE(rested_, rests_ * LedgerCheck::kRestLeast);
  EXPECT_THAT(audit_.entries, IsEmpty());
  EXPECT_THAT(lines_.all.at(0), HasSubstr("3000 rows and"));
  EXPECT_EQ(ledger_->stats().verified, 1U);
  meanwhile_ = [] {};
  EXPECT_EQ(check.check()->rows, 3'000 + 100 * 2);
}

TEST_F(LedgerCheckTest, ADriftIsMeasuredLoggedAndInTheAuditLog) {
  ASSERT_THAT(store_sqlite::Database::open(disk_, kPath, {})
                  ->execute("UPDATE balance SET generated = generated + 5"),
              Succeeds());
  const auto report = LedgerCheck(parts()).check();
  ASSERT_THAT(report, Succeeds());
  EXPECT_FALSE(report->clean());
  EXPECT_EQ(ledger_->stats().drift_tokens, 5);
  EXPECT_THAT(lines_.all.at(0), HasSubstr(R"("level":"error")"));
  EXPECT_THAT(lines_.all.at(0), HasSubstr("drift of 5 tokens"));
  ASSERT_EQ(audit_.entries.size(), 1U);
  EXPECT_EQ(audit_.entries[0].admin->action, "ledger.drift");
  EXPECT_THAT(audit_.entries[0].admin->reason, HasSubstr("drift of 5 tokens"));
}

TEST_F(LedgerCheckTest, GivesUpAfterItsTime) {
  meanwhile_ = [this] { world_.run_for(LedgerCheck::kTimeMax); };
  EXPECT_THAT(LedgerCheck(parts()).check(), FailsWith(Code::overloaded));
  EXPECT_THAT(lines_.all.at(0), HasSubstr("not done within 60 minutes"));
  EXPECT_EQ(ledger_->stats().verified, 0U);
}

TEST_F(LedgerCheckTest, EndsWithTheServer) {
  std::unique_ptr<LedgerCheck> check;
  meanwhile_ = [&] { check->stop(); };
  check = std::make_unique<LedgerCheck>(parts());
  EXPECT_THAT(check->check(), FailsWith(Code::cancelled));
  EXPECT_EQ(rests_, 1);
  EXPECT_THAT(lines_.all, IsEmpty());
}

}  // namespace
}  // namespace sovmesh::compose
