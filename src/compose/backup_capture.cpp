#include "compose/backup_capture.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "audit_files/files.h"
#include "audit_files/journal.h"
#include "audit_files/pending.h"
#include "backup/pack.h"
#include "base/bytes.h"
#include "ledgerlog/checkpoint.h"

// The audit log's writer, its signer and the key ring go on while we read. Their files are replaced
// by renames and grow at their ends, so files that are the same before and after are of one
// instant, and one at which a crash could have happened: that is what the log is made to start
// from.
namespace sovmesh::compose {
namespace {

constexpr std::string_view kPending = "audit/pending";

// What shows that a file was changed.
struct Stamp {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

bool is_temporary(const std::string& name) {
  return name.ends_with(".new") || name.ends_with(".part");
}

Result<std::vector<std::string>> paths_in(const std::string& data_dir, std::string_view folder) {
  TRY(const auto names, audit_files::real_files().list(fmt::format("{}/{}", data_dir, folder)));
  std::vector<std::string> paths;
  for (const std::string& name : names) {
    std::string path = fmt::format("{}/{}", folder, name);
    if (!is_temporary(name) && backup::is_packed_path(path)) paths.push_back(std::move(path));
  }
  return paths;
}

// In the order of reading: an entry is in the pending files before the checkpoint covers it, and
// the keys that made it are in the ring before the entry is anywhere.
Result<std::vector<std::string>> small_paths(const std::string& data_dir) {
  std::vector<std::string> paths{
      "audit/checkpoint", "audit/origin",       "audit/keys",       "admin.token", "epoch",
      "restored",         "control.db.created", "ledger.db.created"};
  TRY(const auto secrets, paths_in(data_dir, "secrets"));
  paths.insert(paths.end(), secrets.begin(), secrets.end());
  return paths;
}

std::vector<Stamp> stamps_of(const std::string& data_dir, const std::vector<std::string>& paths) {
  std::vector<Stamp> out;
  for (const std::string& path : paths) {
    struct stat found{};
    Stamp stamp{.path = path};
    if (::lstat((data_dir + "/" + path).c_str(), &found) == 0)
      stamp = {
          .path = path,
          .device = found.st_dev,
          .inode = found.st_ino,
          .size = found.st_size,
          .changed_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
    out.push_back(std::move(stamp));
  }
  return out;
}

// Only whole records: the last one may be half written.
Result<std::optional<std::string>> read_journal(const std::string& path) {
  TRY(auto bytes, audit_files::real_files().read(path));
  if (!bytes) return std::nullopt;
  std::uint64_t end = 0;
  TRY_VOID(audit_files::Journal::parse(*bytes, path, &end));
  bytes->resize(end);
  return bytes;
}

struct Pending {
  std::vector<std::pair<std::string, std::string>> files;
};

Result<Pending> read_pending(const std::string& data_dir) {
  Pending out;
  TRY(const auto paths, paths_in(data_dir, kPending));
  for (const std::string& path : paths) {
    // One that is gone is covered by a newer checkpoint, and then this attempt does not count.
    TRY(auto bytes, read_journal(data_dir + "/" + path));
    if (bytes) out.files.emplace_back(path, *std::move(bytes));
  }
  return out;
}

Result<void> note_audit(Captured& out, const std::string& checkpoint, const Pending& pending) {
  const auto parsed = ledgerlog::parse_signed_checkpoint(checkpoint);
  if (!parsed)
    return our_error(Code::data_dir_invalid,
                     "the audit log's checkpoint is damaged: " + parsed.error().message());
  out.audit = true;
  out.audit_size = parsed->checkpoint.size;
  out.audit_root = to_base64(parsed->checkpoint.root);
  std::vector<std::string_view> journals;
  for (const auto& [path, bytes] : pending.files)
    journals.emplace_back(bytes);
  TRY(out.audit_pending, count_pending(journals, out.audit_size));
  return {};
}

// Nothing when something changed meanwhile.
Result<std::optional<Captured>> try_capture(const std::string& data_dir) {
  TRY(const auto paths, small_paths(data_dir));
  const auto before = stamps_of(data_dir, paths);
  TRY(Pending pending, read_pending(data_dir));
  Captured out;
  std::string checkpoint;
  for (const std::string& path : paths) {
    TRY(auto bytes, audit_files::real_files().read(data_dir + "/" + path));
    if (!bytes) continue;
    if (path == "audit/checkpoint") checkpoint = *bytes;
    out.files.emplace_back(path, *std::move(bytes));
  }
  TRY(const auto paths_after, small_paths(data_dir));
  if (paths_after != paths || stamps_of(data_dir, paths) != before) return std::nullopt;
  if (!checkpoint.empty()) TRY_VOID(note_audit(out, checkpoint, pending));
  for (auto& file : pending.files)
    out.files.push_back(std::move(file));
  return out;
}

}  // namespace

Result<Captured> capture_files(const std::string& data_dir, const Clock& clock, Instant until) {
  do {
    TRY(auto captured, try_capture(data_dir));
    if (captured) return *std::move(captured);
  } while (clock.now() < until);
  return our_error(Code::timed_out, "the audit log is too busy");
}

Result<std::uint64_t> count_pending(const std::vector<std::string_view>& journals,
                                    std::uint64_t size) {
  std::uint64_t next = size;
  for (const std::string_view bytes : journals) {
    TRY(const auto records, audit_files::Journal::parse(bytes, std::string(kPending)));
    for (const std::string& record : records) {
      TRY(const auto commit, audit_files::parse_pending(record));
      if (commit.first > next)
        return our_error(
            Code::data_dir_invalid,
            fmt::format("audit log: entries {} to {} are missing", next, commit.first - 1));
      next = std::max(next, commit.first + commit.entries.size());
    }
  }
  return next - size;
}

}  // namespace sovmesh::compose
