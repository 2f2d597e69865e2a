#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>
#include <utility>

#include "rt/real.h"
#include "tests/contract/post_loop.h"
#include "tests/contract/sqlite_place.h"
#include "tests/support/result_matchers.h"

// A child works on a ledger and reports each acknowledgement; SIGKILL ends it in mid-work.
namespace sovmesh::store_sqlite {
namespace {

using metering::Finish;
using store::OpenRow;

const TenantId kTenant{Ulid::from_bytes({1, 2, 3})};

Result<std::unique_ptr<store::Ledger>> boot(const DataDir& dir, const Clock& clock) {
  LedgerOptions options;
  options.reserve_bytes = 1 << 20;
  options.log_pages_soft = 20;
  options.log_pages_hard = 60;
  return open_ledger(real_disk(), dir.ledger_db(), clock, make_thread_runner(clock), options);
}

rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                         std::optional<Result<OpenRow>>& out) {
  out.emplace(co_await ledger.open(std::move(intent), loop));
}

// What the child tells: one letter and the id, in one write (atomic below PIPE_BUF).
void tell(int pipe, char what, const RequestId& id) {
  std::string line(1, what);
  line += id.value.text();
  if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(3);
}

// Opens, checkpoints, settles with 100 tokens and flushes, until killed.
[[noreturn]] void work(const std::string& path, int pipe) {
  const auto clock = rt::make_system_clock();
  const auto random = rt::make_system_random();
  const auto dir = DataDir::open(path);
  if (!dir) ::_exit(1);
  auto ledger = boot(*dir, *clock);
  if (!ledger) ::_exit(2);
  PostLoop loop(*clock);
  UlidSource ids(*clock, *random);
  for (;;) {
    const RequestId id{ids.next()};
    std::optional<Result<OpenRow>> result;
    auto task = open_into(**ledger,
                          {.request = id,
                           .tenant = kTenant,
                           .key = *KeyId::parse("abcdefghijkl"),
                           .model = "tiny",
                           .opened_at = clock->wall_now()},
                          loop, result);
    task.start();
    if (!loop.run_until([&] { return result.has_value(); }) || !*result) ::_exit(4);
    tell(pipe, 'O', id);
    (*result)->checkpoint({.prompt = 1, .generated = 10, .delivered = 10});
    if (!(*ledger)->flush()) ::_exit(5);
    tell(pipe, 'C', id);
    std::move(**result).settle({.counts = {.prompt = 1, .generated = 100, .delivered = 100}});
    if (!(*ledger)->flush()) ::_exit(6);
    tell(pipe, 'S', id);
  }
}

class LedgerKillTest : public testing::Test {
 protected:
  // Adds what one child said before it was killed after about `lines` lines.
  void run_child(int lines) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      work(folder_.path(), pipe[1]);
    }
    ::close(pipe[1]);
    for (int i = 0; i < lines && read_line(pipe[0]); ++i) {
    }
    ::kill(child, SIGKILL);
    while (read_line(pipe[0])) {
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
  }
  bool read_line(int pipe) {
    std::array<char, 27> line{};
    for (std::size_t got = 0; got < line.size();) {
      const ssize_t bytes = ::read(pipe, line.data() + got, line.size() - got);
      if (bytes <= 0) return false;
      got += static_cast<std::size_t>(bytes);
    }
    said_[std::string(line.data() + 1, 26)] = line[0];
    return true;
  }
  void check() {
    const auto clock = rt::make_system_clock();
    const auto dir = DataDir::open(folder_.path());
    ASSERT_THAT(dir, Succeeds());
    const auto ledger = boot(*dir, *clock);
    ASSERT_THAT(ledger, Succeeds());
    const auto rows = (*ledger)->rows({.tenant = kTenant}, 1'000'000);
    ASSERT_THAT(rows, Succeeds());
    std::map<std::string, metering::Settlement> found;
    for (const store::UsageRow& row : *rows) {
      EXPECT_FALSE(row.open);
      EXPECT_TRUE(found.emplace(row.request.value.text(), row.settlement).second);
    }
    for (const auto& [id, last] : said_) {
      ASSERT_TRUE(found.contains(id)) << "an acknowledged intent is lost";
      const std::int64_t generated = found.at(id).counts.generated;
      if (last == 'S') EXPECT_EQ(generated, 100);
      if (last == 'C') EXPECT_TRUE(generated == 10 || generated == 100) << generated;
      if (generated != 100) EXPECT_EQ(found.at(id).finish, Finish::recovered);
    }
  }

  TempFolder folder_;
  std::map<std::string, char> said_;  // by request: the last acknowledgement
};

TEST_F(LedgerKillTest, AcknowledgedRecordsSurviveSigkill) {
  for (int round = 0; round < 12; ++round) {
    run_child(20 + round * 7);
    check();
    if (HasFailure()) return;
  }
  EXPECT_GT(said_.size(), 100U);
}

TEST_F(LedgerKillTest, AKilledProcessLeavesTheFolderFree) {
  run_child(3);
  EXPECT_THAT(DataDir::open(folder_.path()), Succeeds());
}

}  // namespace
}  // namespace sovmesh::store_sqlite
