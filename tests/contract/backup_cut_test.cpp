#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "audit_files/audit_log.h"
#include "audit_files/signer.h"
#include "compose/backup.h"
#include "compose/restored.h"
#include "rt/real.h"
#include "store_sqlite/snapshot.h"
#include "tests/contract/post_loop.h"
#include "tests/contract/sqlite_place.h"
#include "tests/support/result_matchers.h"

// Backups while all stores are written to at once: each is of one instant.
namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;
using store_sqlite::Database;
using store_sqlite::real_disk;

constexpr int kBackups = 6;

std::unique_ptr<store::Audit> open_audit(const std::string& data_dir, const Clock& clock,
                                         Random& random) {
  auto& files = audit_files::real_files();
  fs::create_directories(data_dir + "/secrets");
  auto opened = audit_files::open_audit(
      files, clock, random,
      {.folder = data_dir + "/audit",
       .secrets = data_dir + "/secrets",
       .checkpoint_every = std::chrono::milliseconds(50)},
      [&](const audit_files::SignerPlace& place) -> Result<std::unique_ptr<audit_files::Signer>> {
        TRY(auto signer, audit_files::FileSigner::open(files, random, place));
        return std::make_unique<audit_files::FileSigner>(std::move(signer));
      },
      audit_files::WriterRuns::on_thread);
  EXPECT_THAT(opened, Succeeds());
  return *std::move(opened);
}

std::unique_ptr<store::ControlStore> open_control(const std::string& data_dir, const Clock& clock) {
  return *store_sqlite::open_control_store(real_disk(), data_dir + "/control.db", clock);
}

rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                         std::optional<Result<store::OpenRow>>& out) {
  out.emplace(co_await ledger.open(std::move(intent), loop));
}

// A server without its network: first the entry, then the tenant, then its requests.
class Busy {
 public:
  explicit Busy(const std::string& data_dir) : data_dir_(data_dir) {
    fs::create_directories(data_dir_ + "/secrets");
    std::ofstream(data_dir_ + "/admin.token") << "token\n";
    control_ = *store_sqlite::open_control_store(real_disk(), data_dir_ + "/control.db", *clock_);
    ledger_ =
        *store_sqlite::open_ledger(real_disk(), data_dir_ + "/ledger.db", *clock_,
                                   store_sqlite::make_thread_runner(*clock_), {.reserve_bytes = 0});
    audit_ = open_audit(data_dir_, *clock_, *random_);
  }
  ~Busy() { stop(); }
  void start() {
    threads_.emplace_back([this] { make_tenants(); });
    threads_.emplace_back([this] { make_notes(); });
  }
  void stop() {
    stopping_ = true;
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
  }
  int tenants() const { return tenants_; }
  void make_tenant() {
    const TenantId id{ids_.next()};
    const std::string slug = "tenant-" + std::to_string(tenants_.load());
    store::AdminEntry entry;
    entry.action = "tenant.create";
    entry.object = "tenant/" + slug;
    EXPECT_THAT(audit_->append(entry), Succeeds());
    EXPECT_THAT(control_->create(tenancy::Tenant{.id = id, .slug = *TenantSlug::parse(slug)}),
                Succeeds());
    ++tenants_;
    settle_one(id);
  }

 private:
  void make_tenants() {
    while (!stopping_)
      make_tenant();
  }
  void make_notes() {
    while (!stopping_) {
      store::RequestEntry entry;
      entry.request = {note_ids_.next()};
      entry.tenant = {entry.request.value};
      entry.user = "somebody-" + std::to_string(notes_++ % 100);
      entry.model = "tiny";
      entry.began = entry.ended = clock_->wall_now();
      audit_->note(entry);
      if (notes_ % 100 == 0) EXPECT_THAT(audit_->flush(std::chrono::seconds(30)), Succeeds());
    }
  }
  void settle_one(TenantId tenant) {
    std::optional<Result<store::OpenRow>> result;
    auto task = open_into(*ledger_,
                          {.request = {ids_.next()},
                           .tenant = tenant,
                           .key = *KeyId::parse("abcdefghijkl"),
                           .model = "tiny",
                           .opened_at = clock_->wall_now()},
                          loop_, result);
    task.start();
    ASSERT_TRUE(loop_.run_until([&] { return result.has_value(); }));
    ASSERT_THAT(*result, Succeeds());
    std::move(**result).settle({.counts = {.prompt = 1, .generated = 10, .delivered = 10}});
  }

  std::string data_dir_;
  std::unique_ptr<Clock> clock_ = rt::make_system_clock();
  std::unique_ptr<Random> random_ = rt::make_system_random();
  PostLoop loop_{*clock_};
  UlidSource ids_{*clock_, *random_};
  UlidSource note_ids_{*clock_, *random_};
  std::unique_ptr<store::ControlStore> control_;
  std::unique_ptr<store::Ledger> ledger_;
  std::unique_ptr<store::Audit> audit_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> tenants_{0};
  int notes_ = 0;
  std::vector<std::thread> threads_;
};

std::set<std::string> ids_in(const std::string& path, const char* sql) {
  auto database = Database::open(real_disk(), path, {.create = false, .read_only = true});
  EXPECT_THAT(database, Succeeds());
  auto row = database->prepare(sql);
  EXPECT_THAT(row, Succeeds());
  std::set<std::string> ids;
  while (*row->step())
    ids.insert(row->ulid(0).text());
  return ids;
}

// Ids of tenants in the ledger that the control store does not know: 0 at any one instant.
std::size_t strangers(const std::string& control, const std::string& ledger) {
  const auto known = ids_in(control, "SELECT id FROM tenant");
  std::size_t count = 0;
  for (const std::string& id : ids_in(ledger, "SELECT id FROM tenant"))
    count += known.contains(id) ? 0 : 1;
  return count;
}

class Silent : public BackupProgress {
 public:
  void step(const std::string&) override {}
};

class BackupCutTest : public testing::Test {
 protected:
  std::string at(const std::string& name) const { return folder_.path() + "/" + name; }

  store_sqlite::TempFolder folder_;
  std::unique_ptr<Clock> clock_ = rt::make_system_clock();
  std::unique_ptr<Random> random_ = rt::make_system_random();
  Silent silent_;
  Backup backup_{.clock = *clock_, .random = *random_, .progress = silent_};
  SecretBytes key_ = SecretBytes::copy_of("0123456789abcdef0123456789abcdef");
};

TEST_F(BackupCutTest, EveryBackupUnderLoadIsOfOneInstant) {
  Busy busy(at("data"));
  busy.start();
  std::int64_t before = -1;
  for (int i = 0; i < kBackups; ++i) {
    const std::string archive = at(std::to_string(i) + ".smb");
    const int tenants_before = busy.tenants();
    const auto made = backup_.create(at("data"), archive, false, key_);
    ASSERT_THAT(made, Succeeds());
    const int tenants_after = busy.tenants();
    const std::string restored = at("restored-" + std::to_string(i));
    const auto done = backup_.restore(archive, key_, restored);
    ASSERT_THAT(done, Succeeds());
    EXPECT_EQ(done->manifest.cut, made->cut);
    EXPECT_GE(made->cut.ledger_seq, before);
    before = made->cut.ledger_seq;

    EXPECT_EQ(strangers(restored + "/control.db", restored + "/ledger.db"), 0U);
    const auto tenants =
        static_cast<int>(ids_in(restored + "/control.db", "SELECT id FROM tenant").size());
    EXPECT_GE(tenants, tenants_before);
    EXPECT_LE(tenants, tenants_after + 1);  // one may be made and not yet counted
    // What was done is in the log; the log opens, and tells of the restore.
    const auto audit = open_audit(restored, *clock_, *random_);
    const std::string newest = "tenant/tenant-" + std::to_string(tenants - 1);
    const auto found = audit->list({.action = "tenant.create", .object = newest}, 1);
    ASSERT_THAT(found, Succeeds());
    EXPECT_EQ(tenants > 0 ? found->records.size() : 1U, 1U) << newest;
    const auto control = open_control(restored, *clock_);
    ASSERT_THAT(record_restore(restored, audit.get(), *control), Succeeds());
    const auto noted = audit->list({.action = "backup.restore"}, 2);
    ASSERT_THAT(noted, Succeeds());
    EXPECT_EQ(noted->records.size(), 1U);
  }
  busy.stop();
  EXPECT_GT(before, 0);
  EXPECT_FALSE(fs::exists(at("data/backup.work")));
}

// That the check above can fail: copies that are made one after the other.
TEST_F(BackupCutTest, SabotagedCopiesOfTwoInstantsAreNoticed) {
  Busy busy(at("data"));
  busy.make_tenant();
  auto control = Database::open(real_disk(), at("data/control.db"), {.create = false});
  ASSERT_THAT(control->back_up_to(real_disk(), at("control.db")), Succeeds());
  busy.make_tenant();
  auto ledger = Database::open(real_disk(), at("data/ledger.db"), {.create = false});
  ASSERT_THAT(ledger->back_up_to(real_disk(), at("ledger.db")), Succeeds());
  EXPECT_EQ(strangers(at("control.db"), at("ledger.db")), 1U);
}

// The entry is appended once, whatever happens between the entry and the end of the note.
TEST_F(BackupCutTest, ARestoreIsRecordedOnce) {
  {
    Busy busy(at("data"));
  }
  ASSERT_THAT(backup_.create(at("data"), at("a.smb"), false, key_), Succeeds());
  ASSERT_THAT(backup_.restore(at("a.smb"), key_, at("b")), Succeeds());
  const std::string note = at("b/restored");
  fs::copy_file(note, at("note"));
  const auto audit = open_audit(at("b"), *clock_, *random_);
  const auto control = open_control(at("b"), *clock_);
  const auto off = record_restore(at("b"), nullptr, *control);
  ASSERT_THAT(off, Succeeds());
  EXPECT_FALSE(off->empty());
  EXPECT_TRUE(fs::exists(note)) << "stays while the log is off";
  ASSERT_THAT(record_restore(at("b"), audit.get(), *control), Succeeds());
  EXPECT_FALSE(fs::exists(note));
  fs::copy_file(at("note"), note);  // killed before it was removed
  ASSERT_THAT(record_restore(at("b"), audit.get(), *control), Succeeds());
  EXPECT_EQ(audit->list({.action = "backup.restore"}, 10)->records.size(), 1U);
  EXPECT_EQ(*record_restore(at("b"), audit.get(), *control), "");
}

// Who signed out, and a setup token that was used after the backup, would be in again.
TEST_F(BackupCutTest, ARestoreEndsSessionsAndTheSetupTokenOnce) {
  {
    Busy busy(at("data"));
  }
  access::Session session{.id = {Ulid::make(clock_->wall_now(), *random_)},
                          .proof = Digest{1},
                          .user = {Ulid::make(clock_->wall_now(), *random_)},
                          .created_at = clock_->wall_now(),
                          .seen_at = clock_->wall_now(),
                          .expires_at = clock_->wall_now() + access::Session::kAgeMax};
  {
    const auto control = open_control(at("data"), *clock_);
    ASSERT_THAT(control->create(access::User{.id = session.user, .login = "ann"}), Succeeds());
    ASSERT_THAT(control->begin_session(session), Succeeds());
    ASSERT_THAT(control->put_value("setup_token", "digest"), Succeeds());
  }
  ASSERT_THAT(backup_.create(at("data"), at("a.smb"), false, key_), Succeeds());
  ASSERT_THAT(backup_.restore(at("a.smb"), key_, at("b")), Succeeds());
  const auto control = open_control(at("b"), *clock_);
  ASSERT_TRUE(*control->session_of(session.proof)) << "it is in the backup";
  ASSERT_THAT(record_restore(at("b"), nullptr, *control), Succeeds());
  EXPECT_FALSE(*control->session_of(session.proof));
  EXPECT_FALSE(*control->get_value("setup_token"));
  // While the audit log is off the note stays: who signs in anew stays in over the next starts.
  ASSERT_THAT(control->begin_session(session), Succeeds());
  ASSERT_THAT(record_restore(at("b"), nullptr, *control), Succeeds());
  EXPECT_TRUE(*control->session_of(session.proof));
}

}  // namespace
}  // namespace sovmesh::compose
