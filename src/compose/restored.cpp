#include "compose/restored.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "audit_files/files.h"
#include "backup/files.h"
#include "base/bytes.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr std::string_view kAction = "backup.restore";
const std::string kEndedValue = "restore";           // whose sessions have been ended
const std::string kSetupTokenValue = "setup_token";  // as control::Logins has it

Result<RestoreNote> parse_note(const std::string& path, const std::string& text) {
  const json parsed = json::parse(text, nullptr, false);
  const auto member = [&](const char* name) {
    if (!parsed.is_object()) return std::string();
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  RestoreNote note{.epoch = parse_epoch(member("epoch")),
                   .archive = member("archive"),
                   .reason = member("reason")};
  if (note.epoch.restore.empty() || note.reason.empty())
    return our_error(Code::data_dir_invalid,
                     fmt::format("'{}' is damaged: it tells the audit log of a restore. Restore "
                                 "the backup once more into a new folder",
                                 path));
  return note;
}

// After a crash between the entry and the end of the note.
Result<bool> is_recorded(store::Audit& audit, const std::string& object) {
  store::AuditFilter filter;
  filter.action = std::string(kAction);
  filter.object = object;
  TRY(const auto page, audit.list(filter, 1));
  return !page.records.empty();
}

Result<void> end_what_came_back(store::ControlStore& control, const std::string& restore) {
  TRY(const auto ended, control.get_value(kEndedValue));
  if (ended == restore) return {};
  return control.atomically([&](store::ControlStore& store) -> Result<void> {
    TRY(const auto users, store.users());
    for (const access::User& user : users)
      TRY_VOID(store.end_sessions(user.id, std::nullopt));
    TRY_VOID(store.remove_value(kSetupTokenValue));
    return store.put_value(kEndedValue, restore);
  });
}

}  // namespace

std::string format_epoch(const Epoch& epoch) {
  return fmt::format("{} {}\n", epoch.number, epoch.restore);
}

Epoch parse_epoch(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  const auto space = std::min(line.find(' '), line.size());
  const auto number = parse_u64(line.substr(0, space));
  Epoch epoch;
  epoch.number = number.value_or(1);
  epoch.restore = std::string(trim(line.substr(space)));
  return epoch;
}

std::string format_restore_note(const RestoreNote& note) {
  const json out{
      {"epoch", format_epoch(note.epoch)}, {"archive", note.archive}, {"reason", note.reason}};
  return out.dump() + "\n";
}

std::string reason_in(std::string_view note) {
  const auto parsed = parse_note(std::string(kRestoredFile), std::string(note));
  return parsed ? parsed->reason : std::string();
}

Result<std::string> record_restore(const std::string& data_dir, store::Audit* audit,
                                   store::ControlStore& control) {
  const std::string path = fmt::format("{}/{}", data_dir, kRestoredFile);
  TRY(const auto text, audit_files::real_files().read(path));
  if (!text) return std::string();
  TRY(const RestoreNote note, parse_note(path, *text));
  TRY_VOID(end_what_came_back(control, note.epoch.restore));
  if (audit == nullptr) return note.reason;
  const std::string object = "restore/" + note.epoch.restore;
  TRY(const bool recorded, is_recorded(*audit, object));
  if (!recorded) {
    store::AdminEntry entry;
    entry.action = std::string(kAction);
    entry.object = object;
    entry.reason = note.reason;
    entry.count = note.epoch.number;
    TRY_VOID(audit->append(std::move(entry)));
  }
  TRY_VOID(audit_files::real_files().remove(path));
  TRY_VOID(backup::sync_folder(data_dir));
  return note.reason;
}

}  // namespace sovmesh::compose
