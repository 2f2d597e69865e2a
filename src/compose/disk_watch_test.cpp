#include "compose/disk_watch.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/fake_audit.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_ledger.h"

namespace sovmesh::compose {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Lines : observe::LogSink {
  void write(std::string&& line) override { all.push_back(std::move(line)); }
  std::uint64_t dropped() const override { return 0; }
  std::vector<std::string> all;
};

TEST(DiskWatchTest, AFullDiskIsSaidOnceAndSoIsItsEnd) {
  MemoryLedger ledger;
  FakeAudit audit;
  Lines lines;
  ManualClock clock;
  const observe::Log log(lines, clock, observe::Level::debug);
  DiskWatch watch(ledger, &audit, log);
  EXPECT_EQ(watch.look(), std::nullopt);
  EXPECT_THAT(lines.all, IsEmpty());
  ledger.disk_full = true;
  EXPECT_EQ(watch.look(), true);
  EXPECT_EQ(watch.look(), std::nullopt);
  EXPECT_THAT(lines.all, ElementsAre(HasSubstr("the disk of the data folder is full")));
  EXPECT_TRUE(audit.holds_refusals);
  ledger.disk_full = false;
  EXPECT_EQ(watch.look(), false);
  EXPECT_EQ(watch.look(), std::nullopt);
  EXPECT_FALSE(audit.holds_refusals);
  ASSERT_EQ(lines.all.size(), 2U);
  EXPECT_THAT(lines.all[1], HasSubstr("over: there is room"));
}

}  // namespace
}  // namespace sovmesh::compose
