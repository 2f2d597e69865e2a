#include "store_sqlite/inspect.h"

#include <fmt/format.h>

#include <chrono>

#include "store_sqlite/control_schema.h"
#include "store_sqlite/database.h"
#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/migrations.h"

namespace sovmesh::store_sqlite {
namespace {

constexpr Database::Options kReader{.create = false, .read_only = true};

// SQLite takes the WAL beside an empty file for somebody else's and deletes it: such a file is not
// opened.
Result<void> check_size(Disk& disk, const std::string& path) {
  TRY(const bool has_bytes, disk.exists(path));
  if (has_bytes) return {};
  TRY(const std::int64_t wal, disk.size(path + "-wal"));
  if (wal == 0) return our_error(Code::data_dir_invalid, fmt::format("'{}' is empty", path));
  return our_error(
      Code::data_dir_invalid,
      fmt::format("'{}' is empty; its WAL has {} bytes: keep both, restore a backup", path, wal));
}

Result<Inspection> inspect(Database& database, const Schema& schema) {
  TRY_VOID(database.quick_check());
  TRY(const std::int64_t owner, database.number("PRAGMA application_id"));
  if (owner != schema.application_id)
    return our_error(Code::data_dir_invalid,
                     database.path() + " is no " + schema.name + " database of ours");
  Inspection found{.newest_version = schema.version(), .newest_row = {}};
  TRY(found.version, database.number("PRAGMA user_version"));
  return found;
}

// Of the last row of the last day that has one.
Result<std::optional<WallTime>> newest_row(Database& database) {
  TRY(Statement days, database.prepare("SELECT day FROM partition ORDER BY day DESC"));
  for (;;) {
    TRY(const bool is_there, days.step());
    if (!is_there) return std::nullopt;
    const std::string table = partition_name(days.integer(0));
    TRY(Statement row,
        database.prepare("SELECT booked_at FROM " + table + " ORDER BY seq DESC LIMIT 1"));
    TRY(const bool has_row, row.step());
    if (has_row) return WallTime(std::chrono::microseconds(row.integer(0)));
  }
}

}  // namespace

Result<Inspection> inspect_control(Disk& disk, const std::string& path) {
  TRY_VOID(check_size(disk, path));
  TRY(Database database, Database::open(disk, path, kReader));
  return inspect(database, control_schema());
}

Result<Inspection> inspect_ledger(Disk& disk, const std::string& path) {
  TRY_VOID(check_size(disk, path));
  TRY(Database database, Database::open(disk, path, kReader));
  TRY(Inspection found, inspect(database, ledger_schema()));
  if (found.version == found.newest_version) {
    TRY(found.newest_row, newest_row(database));
  }
  return found;
}

}  // namespace sovmesh::store_sqlite
