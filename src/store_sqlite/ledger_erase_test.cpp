#include "store_sqlite/ledger_erase.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "rt/real.h"
#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::store_sqlite {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

const std::string kName = "Annika.Lindqvist@example.org";
const std::string kPseudonym = "erased-0123456789abcdef";

rt::Task<void> keep(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                    std::optional<Result<store::OpenRow>>& out) {
  out.emplace(co_await ledger.open(std::move(intent), loop));
}

// A ledger on the machine's disk, so that its bytes can be looked at.
class LedgerEraseTest : public testing::Test {
 protected:
  LedgerEraseTest() {
    std::filesystem::create_directories(folder_);
    boot();
  }
  ~LedgerEraseTest() override {
    ledger_.reset();
    std::filesystem::remove_all(folder_);
  }
  void boot() {
    ledger_.reset();
    auto runner = std::make_unique<ManualRunner>();
    runner_ = runner.get();
    auto opened =
        open_ledger(real_disk(), path_, world_.clock(), std::move(runner), {.reserve_bytes = 0});
    ASSERT_THAT(opened, Succeeds());
    ledger_ = *std::move(opened);
    runner_->step();
  }
  void serve(const std::string& user, const std::string& model) {
    metering::Intent intent{.request = {ids_.next()},
                            .tenant = tenant_,
                            .project = {},
                            .key = *KeyId::parse("abcdefghijkl"),
                            .model = model,
                            .engine = "local",
                            .opened_at = world_.clock().wall_now()};
    intent.user = user;
    std::optional<Result<store::OpenRow>> row;
    rt::Task<void> task = keep(*ledger_, std::move(intent), world_.loop(), row);
    task.start();
    world_.run_for(milliseconds(10));
    runner_->step();
    world_.run_for(std::chrono::microseconds(0));
    ASSERT_THAT(*row, Succeeds());
    std::move(**row).settle({.counts = {.prompt = 3, .generated = 5}});
  }
  Result<std::int64_t> erase(milliseconds wait = milliseconds(5'000)) {
    return erase_user(real_disk(), *clock_, path_, tenant_, kName, kPseudonym, wait);
  }
  std::string bytes() {
    std::string all;
    for (const std::string& file : {path_, path_ + "-wal"}) {
      std::ifstream in(file, std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
  std::int64_t requests_of(const std::string& user) {
    store::UsageQuery query{.tenant = tenant_};
    query.user = user;
    std::int64_t requests = 0;
    for (const store::UsageSum& sum : *ledger_->sum(query))
      requests += sum.requests;
    return requests;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("sm_erase_" + std::to_string(::getpid()));
  const std::string path_ = (folder_ / "ledger.db").string();
  std::unique_ptr<Clock> clock_ = rt::make_system_clock();
  rt::sim::SimWorld world_{1};
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  std::unique_ptr<store::Ledger> ledger_;
  ManualRunner* runner_ = nullptr;
};

// Enough subjects for pages of table and index to be divided many times.
TEST_F(LedgerEraseTest, ANameIsNowhereAndTheBooksStayTheSame) {
  for (int i = 0; i < 400; ++i) {
    serve("user-" + std::to_string(i * 7919 % 400), "model-" + std::to_string(i % 3));
    if (i % 8 == 0) serve(kName, "model-" + std::to_string(i));
  }
  ASSERT_THAT(ledger_->flush(), Succeeds());
  ASSERT_THAT(bytes(), HasSubstr(kName));
  const auto before = *ledger_->sum({.tenant = tenant_});
  EXPECT_THAT(erase(), HasValue(50));
  EXPECT_THAT(bytes(), Not(HasSubstr("Lindqvist")));
  EXPECT_THAT(bytes(), HasSubstr("user-399")) << "others keep theirs";
  EXPECT_EQ(requests_of(kName), 0);
  EXPECT_EQ(requests_of(kPseudonym), 50);
  const auto after = *ledger_->sum({.tenant = tenant_});
  ASSERT_EQ(after.size(), before.size());
  EXPECT_EQ(after[0].requests, before[0].requests);
  EXPECT_EQ(after[0].generated, before[0].generated);
  // The writer goes on with what it remembers.
  serve("user-3", "model-0");
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const auto report = ledger_->verify();
  ASSERT_THAT(report, Succeeds());
  EXPECT_TRUE(report->clean());
  EXPECT_EQ(report->rows, 451);
  boot();
  EXPECT_THAT(bytes(), Not(HasSubstr("Lindqvist")));
  EXPECT_TRUE(ledger_->verify()->clean());
  EXPECT_THAT(erase(), HasValue(0));
}

TEST_F(LedgerEraseTest, ANameThatIsHeldInTheLogByAReaderGoesTheNextTime) {
  serve(kName, "tiny");
  ASSERT_THAT(ledger_->flush(), Succeeds());
  {
    auto reader = Database::open(real_disk(), path_, {.create = false, .read_only = true});
    ASSERT_THAT(reader, Succeeds());
    ASSERT_THAT(reader->execute("BEGIN"), Succeeds());
    ASSERT_THAT(reader->number("SELECT count(*) FROM subject"), HasValue(1));
    EXPECT_THAT(erase(milliseconds(1)), FailsWith(Code::dependency_unavailable));
    EXPECT_EQ(requests_of(kName), 0) << "written anew already";
  }
  EXPECT_THAT(erase(), HasValue(0));
  EXPECT_THAT(bytes(), Not(HasSubstr(kName)));
}

TEST_F(LedgerEraseTest, AnotherTenantsUserOfThatNameStays) {
  serve(kName, "tiny");
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_THAT(erase_user(real_disk(), *clock_, path_, TenantId{ids_.next()}, kName, kPseudonym,
                         milliseconds(5'000)),
              HasValue(0));
  EXPECT_EQ(requests_of(kName), 1);
}

}  // namespace
}  // namespace sovmesh::store_sqlite
