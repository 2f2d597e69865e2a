#include "compose/backup_notes.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

#include "audit_files/files.h"
#include "base/bytes.h"
#include "compose/admin_cli.h"

namespace sovmesh::compose {
namespace {

constexpr int kOk = 200;
constexpr int kNoAuditLog = 404;

std::string notes_file(const std::string& data_dir) { return data_dir + "/backups.made"; }

// "2027-01-31T12:00:00Z 4711": when, and the last row of the ledger that is in it.
Result<void> leave_note(const std::string& data_dir, const backup::Manifest& manifest) {
  TRY(const auto file, audit_files::real_files().open(notes_file(data_dir)));
  TRY_VOID(file->append(fmt::format("{} {}\n", manifest.created_at, manifest.cut.ledger_seq)));
  TRY_VOID(file->sync());
  return audit_files::real_files().sync_folder(data_dir);
}

}  // namespace

Result<void> note_backup(const std::string& data_dir, const backup::Manifest& manifest) {
  const std::string body =
      nlohmann::json{{"created_at", manifest.created_at}, {"ledger_seq", manifest.cut.ledger_seq}}
          .dump();
  const AdminCli cli{.data_dir = data_dir, .address = {}, .token_file = {}};
  const auto answer = admin_ask(cli, "POST", "/api/v1/audit/backup", body);
  if (!answer) return leave_note(data_dir, manifest);  // nobody is there
  if (answer->status == kOk || answer->status == kNoAuditLog) return {};
  return our_error(
      Code::dependency_unavailable,
      fmt::format("the server cannot enter the backup in its audit log (status {}): no "
                  "archive was made",
                  answer->status));
}

Result<void> record_backups(const std::string& data_dir, store::Audit* audit) {
  auto& files = audit_files::real_files();
  TRY(const auto notes, files.read(notes_file(data_dir)));
  if (!notes) return {};
  std::string_view rest = *notes;
  while (audit != nullptr && !rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto space = std::min(line.find(' '), line.size());
    store::AdminEntry entry;
    entry.action = "backup.create";
    entry.object = "backup/" + std::string(line.substr(0, space));
    entry.reason = fmt::format("while no server ran; up to ledger row{}", line.substr(space));
    TRY_VOID(audit->append(std::move(entry)));
  }
  return files.remove(notes_file(data_dir));
}

}  // namespace sovmesh::compose
