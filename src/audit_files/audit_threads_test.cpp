// The audit log as it runs: real files, a writer's thread and a signer's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "audit_files/audit_log.h"
#include "rt/real.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::audit_files {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// The real files, with syncs that hang while the gate is closed.
class HangingFiles : public Files {
 public:
  Result<std::optional<std::string>> read(const std::string& path) override {
    return files_.read(path);
  }
  Result<std::unique_ptr<File>> open(const std::string& path) override {
    TRY(auto file, files_.open(path));
    return std::make_unique<Open>(std::move(file), *this);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Result<void> remove(const std::string& path) override { return files_.remove(path); }
  Result<void> make_folder(const std::string& path) override { return files_.make_folder(path); }
  Result<void> remove_folder(const std::string& path) override {
    return files_.remove_folder(path);
  }
  Result<void> sync_folder(const std::string& path) override { return files_.sync_folder(path); }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return files_.list(path);
  }
  Result<std::uint64_t> free_bytes(const std::string& folder) override {
    return files_.free_bytes(folder);
  }

  std::atomic<bool> closed = false;
  rt::Semaphore hangs;  // somebody stands at the gate
  rt::Semaphore gate;

 private:
  class Open : public File {
   public:
    Open(std::unique_ptr<File> file, HangingFiles& all) : file_(std::move(file)), all_(all) {}
    std::uint64_t size() const override { return file_->size(); }
    Result<void> append(std::string_view bytes) override { return file_->append(bytes); }
    Result<void> truncate(std::uint64_t size) override { return file_->truncate(size); }
    Result<void> overwrite(std::uint64_t at, std::string_view bytes) override {
      return file_->overwrite(at, bytes);
    }
    Result<void> sync() override {
      if (all_.closed.exchange(false)) {
        all_.hangs.release();
        all_.gate.acquire();
      }
      return file_->sync();
    }
    void uncache() override { file_->uncache(); }
    Result<void> wipe() override { return file_->wipe(); }

   private:
    std::unique_ptr<File> file_;
    HangingFiles& all_;
  };
  Files& files_ = real_files();
};

TEST(AuditLogThreadTest, AnEntryThatComesTooLateIsTakenBackOrCorrected) {
  const std::string root = testing::TempDir() + "audit_log_late_" + std::to_string(::getpid());
  HangingFiles files;
  ASSERT_THAT(files.make_folder(root), Succeeds());
  ASSERT_THAT(files.make_folder(root + "/secrets"), Succeeds());
  const auto clock = rt::make_system_clock();
  TestRandom random(7);
  const Options options{
      .folder = root + "/audit", .secrets = root + "/secrets", .order_max = milliseconds(1)};
  const MakeSigner make = [&](const SignerPlace& place) -> Result<std::unique_ptr<Signer>> {
    TRY(FileSigner signer, FileSigner::open(real_files(), random, place));
    return std::make_unique<FileSigner>(std::move(signer));
  };
  const auto log = open_audit(files, *clock, random, options, make, WriterRuns::on_thread);
  ASSERT_THAT(log, Succeeds());
  ASSERT_THAT((*log)->flush(seconds(30)), Succeeds());
  files.closed = true;
  Result<store::AuditReceipt> begun = store::AuditReceipt{};
  // On a busy machine it may be taken back before the writer has begun: then it is tried again.
  std::thread caller([&] {
    do
      begun = (*log)->append(TestLog::admin("key:begun"));
    while (files.closed);
  });
  files.hangs.acquire();
  EXPECT_THAT((*log)->append(TestLog::admin("key:waiting")),
              FailsWith(Code::dependency_unavailable));
  caller.join();
  EXPECT_THAT(begun, FailsWith(Code::dependency_unavailable));
  files.gate.release();
  ASSERT_THAT((*log)->flush(seconds(30)), Succeeds());
  const auto records = (*log)->list({.action = "key.create"}, 10)->records;
  ASSERT_EQ(records.size(), 2U) << "nothing of the one that had not begun";
  EXPECT_THAT(records[1].bytes, HasSubstr(R"("outcome":"ok")"));
  EXPECT_THAT(records[0].bytes, HasSubstr(R"("outcome":"failed")"));
  EXPECT_THAT(records[0].bytes,
              HasSubstr("entry " + std::to_string(records[1].index) + " came late"));
  EXPECT_THAT(records[0].bytes, HasSubstr("key:begun"));
}

// Signs until it hangs.
class HangingSigner final : public Signer {
 public:
  struct Gate {
    std::atomic<bool> closed{false};
    rt::Semaphore hangs;
    rt::Semaphore opened;
  };
  HangingSigner(FileSigner signer, Gate& gate) : signer_(std::move(signer)), gate_(gate) {}
  Result<SignerState> state() override { return signer_.state(); }
  Result<std::string> sign(std::uint64_t size, const Digest& root,
                           const ledgerlog::Proof& consistency) override {
    if (gate_.closed.exchange(false)) {
      gate_.hangs.release();
      gate_.opened.acquire();
    }
    return signer_.sign(size, root, consistency);
  }
  Result<ledgerlog::KeyEntry> key_start() override { return signer_.key_start(); }
  Result<ledgerlog::KeyEntry> begin_rotation(std::uint64_t index) override {
    return signer_.begin_rotation(index);
  }
  Result<void> cancel_rotation() override { return signer_.cancel_rotation(); }

 private:
  FileSigner signer_;
  Gate& gate_;
};

TEST(AuditLogThreadTest, ASignerThatHangsHoldsUpNothingButCheckpoints) {
  const std::string root = testing::TempDir() + "audit_log_hangs_" + std::to_string(::getpid());
  Files& files = real_files();
  ASSERT_THAT(files.make_folder(root), Succeeds());
  ASSERT_THAT(files.make_folder(root + "/secrets"), Succeeds());
  const auto clock = rt::make_system_clock();
  TestRandom random(7);
  Options options{.folder = root + "/audit",
                  .secrets = root + "/secrets",
                  .checkpoint_every = std::chrono::hours(1),
                  .checkpoint_entries = 1'000'000};
  HangingSigner::Gate gate;
  const MakeSigner make = [&](const SignerPlace& place) -> Result<std::unique_ptr<Signer>> {
    TRY(FileSigner signer, FileSigner::open(files, random, place));
    return std::make_unique<HangingSigner>(std::move(signer), gate);
  };
  const auto log = open_audit(files, *clock, random, options, make, WriterRuns::on_thread);
  ASSERT_THAT(log, Succeeds());
  constexpr std::uint64_t kNotes = 4'000;  // more than a pending file holds
  for (std::uint64_t i = 0; i < kNotes; ++i)
    (*log)->note({});
  gate.closed = true;
  Result<void> flushed;
  std::thread caller([&] { flushed = (*log)->flush(seconds(60)); });
  gate.hangs.acquire();
  const std::uint64_t before = (*log)->stats().size;
  EXPECT_EQ(before, 2 + kNotes);
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT((*log)->append(TestLog::admin("key:meanwhile")), Succeeds());
  (*log)->note({});
  EXPECT_THAT((*log)->append(TestLog::admin("key:last")), Succeeds());
  EXPECT_EQ((*log)->stats().size, before + 22);
  EXPECT_EQ((*log)->stats().signed_size, 2U);
  EXPECT_THAT((*log)->flush(milliseconds(1)), FailsWith(Code::dependency_unavailable));
  EXPECT_THAT((*log)->rotate_key(TestLog::admin("log")), FailsWith(Code::dependency_unavailable));
  // A kill now loses nothing.
  std::filesystem::copy(root, root + "_killed", std::filesystem::copy_options::recursive);
  Options killed = options;
  killed.folder = root + "_killed/audit";
  killed.secrets = root + "_killed/secrets";
  {
    const auto after = open_audit(files, *clock, random, killed, make, WriterRuns::on_thread);
    ASSERT_THAT(after, Succeeds());
    EXPECT_EQ((*after)->list({.object = "key:*"}, 100)->records.size(), 21U);
    EXPECT_EQ((*after)->stats().signed_size, (*after)->stats().size);
  }
  gate.opened.release();
  caller.join();
  EXPECT_THAT(flushed, Succeeds());
  ASSERT_THAT((*log)->flush(seconds(30)), Succeeds());
  EXPECT_EQ((*log)->stats().signed_size, (*log)->stats().size);
  EXPECT_EQ(files.list(options.folder + "/pending")->size(), 1U) << "what is signed for is gone";
}

// A checkpoint that is due much later keeps no entry waiting.
TEST(AuditLogThreadTest, TheFirstRequestAfterASilenceWakesTheWriter) {
  const std::string root = testing::TempDir() + "audit_log_wake_" + std::to_string(::getpid());
  Files& files = real_files();
  ASSERT_THAT(files.make_folder(root), Succeeds());
  ASSERT_THAT(files.make_folder(root + "/secrets"), Succeeds());
  const auto clock = rt::make_system_clock();
  TestRandom random(7);
  const Options options{.folder = root + "/audit",
                        .secrets = root + "/secrets",
                        .checkpoint_every = std::chrono::hours(1)};
  const MakeSigner make = [&](const SignerPlace& place) -> Result<std::unique_ptr<Signer>> {
    TRY(FileSigner signer, FileSigner::open(files, random, place));
    return std::make_unique<FileSigner>(std::move(signer));
  };
  const auto log = open_audit(files, *clock, random, options, make, WriterRuns::on_thread);
  ASSERT_THAT(log, Succeeds());
  const auto first = (*log)->append(TestLog::admin("key:1"));  // a checkpoint is pending from here
  ASSERT_THAT(first, Succeeds());
  (*log)->note({});
  const Instant give_up = clock->now() + std::chrono::minutes(1);
  while ((*log)->stats().size < first->index + 2 && clock->now() < give_up)
    std::this_thread::yield();
  EXPECT_EQ((*log)->stats().size, first->index + 2);
}

// The real files and the real thread: many writers at once, every receipt another entry.
TEST(AuditLogThreadTest, ManyCallersShareOneWriter) {
  const std::string root = testing::TempDir() + "audit_log_thread_" + std::to_string(::getpid());
  Files& files = real_files();
  ASSERT_THAT(files.make_folder(root), Succeeds());
  ASSERT_THAT(files.make_folder(root + "/secrets"), Succeeds());
  const auto clock = rt::make_system_clock();
  TestRandom random(7);
  Options options{.folder = root + "/audit", .secrets = root + "/secrets"};
  const MakeSigner make = [&](const SignerPlace& place) -> Result<std::unique_ptr<Signer>> {
    TRY(FileSigner signer, FileSigner::open(files, random, place));
    return std::make_unique<FileSigner>(std::move(signer));
  };
  constexpr int kCallers = 8;
  constexpr int kEach = 50;
  std::uint64_t size = 0;
  {
    auto log = open_audit(files, *clock, random, options, make, WriterRuns::on_thread);
    ASSERT_THAT(log, Succeeds());
    Guarded<std::set<std::uint64_t>> indices;
    std::vector<std::thread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] {
        for (int j = 0; j < kEach; ++j) {
          (*log)->note({});
          const auto receipt = (*log)->append(TestLog::admin("key:1"));
          EXPECT_THAT(receipt, Succeeds());
          if (receipt) indices.with([&](auto& set) { set.insert(receipt->index); });
        }
      });
    }
    for (std::thread& caller : callers)
      caller.join();
    EXPECT_EQ(indices.with([](auto& set) { return set.size(); }), kCallers * kEach);
    ASSERT_THAT((*log)->flush(seconds(30)), Succeeds());
    EXPECT_EQ((*log)->stats().size, 2U + 2 * kCallers * kEach);
    EXPECT_LT((*log)->stats().commits, 2U + kCallers * kEach) << "commits are shared";
    size = (*log)->stats().size;
  }
  FolderTiles tiles(files, options.folder);
  const std::string checkpoint = **files.read(options.folder + "/checkpoint");
  const auto keys = ledgerlog::LogKeys::parse(**files.read(options.folder + "/keys"));
  const auto report = ledgerlog::verify_log({.tiles = tiles,
                                             .checkpoint = checkpoint,
                                             .keys = *keys,
                                             .origin = {},
                                             .older = {},
                                             .witnesses = {}});
  EXPECT_TRUE(report.good()) << (report.bad ? report.bad->what : "");
  EXPECT_EQ(report.size, size + 1) << "audit.stop";
}

}  // namespace
}  // namespace sovmesh::audit_files
