#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// One step forward: SQL that turns schema version N-1 into N, where N is its place in the list.
struct Schema {
  const char* name;             // "ledger", "control": part of messages
  std::int32_t application_id;  // stored in the file's header: this is one of ours
  std::span<const char* const> steps;
  // What SQL cannot say: called in the step's transaction after its SQL, with the step's version.
  Result<void> (*code)(Database& database, int version) = nullptr;

  int version() const { return static_cast<int>(steps.size()); }
};

// Opens the database at `path`, checks it, and brings it to the newest schema.
//   - A file that exists is checked first (quick_check); a damaged one, one of somebody else, or
//   one
//     written by a newer release is refused with Code::data_dir_invalid and left as it is.
//   - A file that was here once (`path`.created says so) and is missing or empty now is refused
//   too:
//     an empty database would look like a fresh start.
//   - Before anything of an older schema is changed, a copy is made and checked:
//     backups/TIME-before-NAME-VERSION/ in the database's folder; without it, nothing is changed.
//     The newest kBackupsKept of a database are kept.
// Each step is one transaction: a crash leaves the old version or the new one.
Result<Database> open_migrated(Disk& disk, const std::string& path, const Schema& schema,
                               bool auto_checkpoint, WallTime now);

inline constexpr std::size_t kBackupsKept = 3;

}  // namespace sovmesh::store_sqlite
