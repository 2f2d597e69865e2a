#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "audit_files/files.h"
#include "audit_files/folder_tiles.h"
#include "audit_files/key_ring.h"
#include "audit_files/signer.h"
#include "backup/files.h"
#include "base/bytes.h"
#include "base/time_text.h"
#include "compose/backup.h"
#include "compose/backup_capture.h"
#include "compose/restored.h"
#include "ledgerlog/verify.h"
#include "store_sqlite/control_schema.h"
#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/ledger_verify.h"
#include "store_sqlite/snapshot.h"

// Reads an archive back: nothing of it is used before all of it is checked.
namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReasonBytesMax = 1'000;
constexpr std::size_t kRestoreIdBytes = 8;

std::unexpected<Error> bad(std::string why) {
  return our_error(Code::data_dir_invalid, "the backup is bad: " + std::move(why));
}

Result<std::string> text_at(const std::string& path) {
  TRY(auto bytes, audit_files::real_files().read(path));
  if (!bytes) return bad(fmt::format("'{}' is missing", fs::path(path).filename().string()));
  return *std::move(bytes);
}

Result<std::uint64_t> pending_in(const std::string& folder, std::uint64_t size) {
  auto& files = audit_files::real_files();
  TRY(const auto names, files.list(folder + "/audit/pending"));
  std::vector<std::string> journals;
  for (const std::string& name : names) {
    TRY(journals.emplace_back(), text_at(folder + "/audit/pending/" + name));
  }
  return count_pending({journals.begin(), journals.end()}, size);
}

// The log, and that whoever opens it finds what it needs: its key, what was signed last, the ring.
Result<void> check_audit(const std::string& folder, const backup::Cut& cut, Random& random) {
  auto& files = audit_files::real_files();
  TRY(const std::string checkpoint, text_at(folder + "/audit/checkpoint"));
  TRY(const std::string keys_text, text_at(folder + "/audit/keys"));
  TRY(const auto keys, ledgerlog::LogKeys::parse(keys_text));
  audit_files::FolderTiles tiles(files, folder + "/audit");
  const auto report = ledgerlog::verify_log({.tiles = tiles,
                                             .checkpoint = checkpoint,
                                             .keys = keys,
                                             .origin = {},
                                             .older = {},
                                             .witnesses = {}});
  if (report.bad) return bad(fmt::format("audit log: {}: {}", report.bad->where, report.bad->what));
  if (report.size != cut.audit_size || to_base64(report.root) != cut.audit_root)
    return bad("the audit log's checkpoint is not that of the manifest");
  TRY(const std::uint64_t pending, pending_in(folder, report.size));
  if (pending != cut.audit_pending) return bad("the audit log's last entries are not all there");
  TRY(auto signer, audit_files::FileSigner::open(files, random,
                                                 {.key_file = folder + "/secrets/audit.key",
                                                  .state_file = folder + "/secrets/audit.signer",
                                                  .origin = report.origin,
                                                  .new_log = false}));
  TRY(const auto state, signer.state());
  if (state.size > report.size + pending)
    return bad("the audit log's key has signed more entries than there are");
  TRY(const auto ring, audit_files::KeyRing::open(files, folder + "/secrets", random));
  (void)ring;
  return {};
}

Result<void> check_databases(const std::string& folder, Backup::Verified& out) {
  auto& disk = store_sqlite::real_disk();
  const store_sqlite::SnapshotPaths paths{.control = folder + "/control.db",
                                          .ledger = folder + "/ledger.db"};
  TRY(const auto facts, store_sqlite::check_copies(disk, paths));
  const backup::Cut& cut = out.manifest.cut;
  if (facts.control_schema != cut.control_schema || facts.control_version != cut.control_version ||
      facts.ledger_schema != cut.ledger_schema || facts.ledger_seq != cut.ledger_seq ||
      facts.ledger_open != cut.ledger_open)
    return bad("its databases are not of the instant that the manifest names");
  out.sums_checked = facts.ledger_schema == store_sqlite::ledger_schema().version();
  if (!out.sums_checked) return {};
  TRY(const auto report, store_sqlite::verify_ledger(disk, paths.ledger));
  if (report.drift_tokens != 0 || report.drift_micro != 0 || report.rollup_drifts != 0 ||
      report.broken_rows != 0 || report.mispriced != 0)
    return bad(
        fmt::format("the ledger's sums are not those of its rows ({} tokens, {} millionths "
                    "of drift, {} sums, {} broken rows, {} mispriced)",
                    report.drift_tokens, report.drift_micro, report.rollup_drifts,
                    report.broken_rows, report.mispriced));
  out.requests = report.totals.requests;
  return {};
}

// SQLite leaves these where it has opened a copy; nothing was written into them.
void drop_side_files(const std::string& folder) {
  for (const char* name : {"control.db-wal", "control.db-shm", "ledger.db-wal", "ledger.db-shm"}) {
    std::error_code ignored;
    fs::remove(fs::path(folder) / name, ignored);
  }
}

Result<void> check_members(const backup::Manifest& manifest) {
  std::set<std::string> names;
  for (const backup::PackedFile& file : manifest.files)
    names.insert(file.path);
  for (const char* name : {"control.db", "ledger.db", "admin.token"})
    if (!names.contains(name)) return bad(fmt::format("it has no {}", name));
  return {};
}

std::string restore_reason(const Backup::Verified& done, const std::string& at,
                           std::uint64_t old_epoch) {
  const backup::Cut& cut = done.manifest.cut;
  return fmt::format(
      "restored at {}: epoch {} ended, epoch {} begins; from the backup of {} (ledger row {}, "
      "control version {}, audit entries {}+{}), archive sha256 {}",
      at, old_epoch, done.epoch, done.manifest.created_at, cut.ledger_seq, cut.control_version,
      cut.audit_size, cut.audit_pending, done.digest);
}

// The rename that makes it a data folder.
Result<void> put_in_place(backup::WorkFolder& work, const std::string& data_dir) {
  if (::rename(work.path().c_str(), data_dir.c_str()) != 0) {
    const int error = errno;
    const char* hint = error == EBUSY || error == EXDEV
                           ? " (a mount point: give a folder below it as --data-dir)"
                           : "";
    return our_error(Code::io_error,
                     fmt::format("cannot rename '{}' to '{}': {}{}", work.path(), data_dir,
                                 std::strerror(error),  // NOLINT(concurrency-mt-unsafe)
                                 hint));
  }
  work.keep();
  return backup::sync_folder(fs::path(data_dir).parent_path().string());
}

}  // namespace

Result<Backup::Verified> Backup::unpack_and_check(const std::string& file, const SecretBytes& key,
                                                  const std::string& folder) {
  TRY(auto input, backup::InputFile::open(file));
  TRY(auto sealed, backup::SealedReader::open(key, input.source()));
  progress.step(fmt::format("reading the archive of {}, written by {}", sealed.header().created_at,
                            sealed.header().version));
  backup::FolderUnpacker unpacker(folder);
  Verified out;
  TRY(out.manifest, backup::unpack(sealed, unpacker));
  out.digest = to_hex(sealed.digest());
  TRY_VOID(check_members(out.manifest));
  progress.step("checking the databases");
  TRY_VOID(check_databases(folder, out));
  if (out.manifest.cut.audit) {
    progress.step("checking the audit log");
    TRY_VOID(check_audit(folder, out.manifest.cut, random));
  }
  return out;
}

Result<Backup::Verified> Backup::verify(const std::string& file, const SecretBytes& key,
                                        const std::string& scratch) {
  TRY(const auto work, backup::WorkFolder::make(scratch));
  return unpack_and_check(file, key, work.path());
}

Result<Backup::Verified> Backup::restore(const std::string& file, const SecretBytes& key,
                                         const std::string& wanted_dir) {
  fs::path path = fs::absolute(wanted_dir).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "dir/"
  const std::string data_dir = path.string();
  TRY(const bool empty, backup::is_absent_or_empty(data_dir));
  if (!empty)
    return our_error(Code::data_dir_invalid,
                     fmt::format("'{}' is not empty: a restore needs a new or an empty folder. "
                                 "Move the old one away (and keep it)",
                                 data_dir));
  const std::string beside =
      (path.parent_path() / fmt::format(".{}.restoring", path.filename().string())).string();
  TRY(auto work, backup::WorkFolder::make(beside));
  const std::string& folder = work.path();
  TRY(Verified done, unpack_and_check(file, key, folder));
  drop_side_files(folder);
  std::array<unsigned char, kRestoreIdBytes> id{};
  random.fill(id);
  done.restore_id = to_hex(id);
  done.epoch = done.manifest.epoch + 1;
  RestoreNote note{
      .epoch = {.number = done.epoch, .restore = done.restore_id},
      .archive = done.digest,
      .reason = restore_reason(done, to_rfc3339(clock.wall_now()), done.manifest.epoch)};
  // Of a restore that no server has written down yet: the log must tell of that one, too.
  if (const auto before = text_at(fmt::format("{}/{}", folder, kRestoredFile)))
    note.reason += "; not written down before: " + reason_in(*before);
  if (note.reason.size() > kReasonBytesMax) note.reason.resize(kReasonBytesMax);
  TRY_VOID(
      backup::write_durable(fmt::format("{}/{}", folder, kEpochFile), format_epoch(note.epoch)));
  TRY_VOID(backup::write_durable(fmt::format("{}/{}", folder, kRestoredFile),
                                 format_restore_note(note)));
  TRY_VOID(backup::sync_everything(folder));
  progress.step("putting the folder in place");
  TRY_VOID(put_in_place(work, data_dir));
  return done;
}

}  // namespace sovmesh::compose
