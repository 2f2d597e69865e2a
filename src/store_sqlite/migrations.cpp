#include "store_sqlite/migrations.h"

namespace sovmesh::store_sqlite {
namespace {

std::string marker_of(const std::string& path) { return path + ".created"; }

std::unexpected<Error> lost(const std::string& path) {
  return our_error(Code::data_dir_invalid,
                   path +
                       " is missing or empty, but it was created before. Put a backup in its "
                       "place (with its -wal file, if there is one); to start again with an "
                       "empty one, delete " +
                       marker_of(path) + " and what is left of the old database.");
}

Result<void> mark_created(Disk& disk, const std::string& path) {
  return disk.write_file(marker_of(path),
                         "The database beside this file was created and holds data. If it is ever "
                         "missing,\nrestore a backup instead of starting with an empty one.\n");
}

Result<void> check_owner(Database& database, const Schema& schema, std::int64_t version) {
  TRY(const std::int64_t owner, database.number("PRAGMA application_id"));
  TRY(const std::int64_t tables, database.number("SELECT count(*) FROM sqlite_schema"));
  if (version == 0 && owner == 0 && tables == 0) return {};
  if (owner != schema.application_id)
    return our_error(Code::data_dir_invalid, database.path() + " is not a " + schema.name +
                                                 " database of Sovereign Mesh. Move it away.");
  if (version > schema.version())
    return our_error(Code::data_dir_invalid,
                     database.path() + " has schema " + std::to_string(version) +
                         ", written by a newer release; this one knows up to " +
                         std::to_string(schema.version()) +
                         ". Install the newer release again, or restore the backup made before "
                         "the upgrade.");
  return {};
}

Result<void> back_up(Disk& disk, Database& database, std::int64_t version) {
  const std::string path = database.path() + ".backup-v" + std::to_string(version);
  TRY_VOID(disk.remove(path));
  TRY_VOID(database.back_up_to(disk, path));
  // A backup that cannot be read back is none. Checked on its own connection, as a restore would.
  TRY(Database copy, Database::open(disk, path, {.create = false}));
  return copy.quick_check();
}

Result<void> apply(Database& database, const Schema& schema, int version) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY_VOID(database.execute(schema.steps[static_cast<std::size_t>(version - 1)]));
  if (schema.code != nullptr) TRY_VOID(schema.code(database, version));
  // Pragmas take no bound values; both numbers are ours.
  const std::string stamp = "PRAGMA application_id=" + std::to_string(schema.application_id) +
                            "; PRAGMA user_version=" + std::to_string(version);
  TRY_VOID(database.execute(stamp.c_str()));
  return transaction.commit();
}

Error in_database(Error error, const std::string& path) {
  if (error.code() == Code::data_dir_invalid && error.message().contains(path)) return error;
  return std::move(error).in_context("opening " + path);
}

Result<Database> open_checked(Disk& disk, const std::string& path, const Schema& schema,
                              bool auto_checkpoint) {
  TRY(const bool was_here, disk.exists(marker_of(path)));
  TRY(const bool is_here, disk.exists(path));
  if (was_here && !is_here) return lost(path);
  TRY(Database database, Database::open(disk, path, {}));
  TRY_VOID(database.quick_check());
  TRY(const std::int64_t found, database.number("PRAGMA user_version"));
  TRY_VOID(check_owner(database, schema, found));
  if (was_here && found == 0) return lost(path);
  TRY_VOID(database.use_write_ahead_log(auto_checkpoint));
  for (int version = static_cast<int>(found) + 1; version <= schema.version(); ++version) {
    if (found > 0) TRY_VOID(back_up(disk, database, version - 1));
    TRY_VOID(apply(database, schema, version));
  }
  // The tables stand in the file itself from now on, not only in the log beside it.
  if (found < schema.version()) TRY_VOID(database.checkpoint());
  if (!was_here) TRY_VOID(mark_created(disk, path));
  return database;
}

}  // namespace

Result<Database> open_migrated(Disk& disk, const std::string& path, const Schema& schema,
                               bool auto_checkpoint) {
  auto database = open_checked(disk, path, schema, auto_checkpoint);
  if (!database) return fail(in_database(std::move(database).error(), path));
  return database;
}

}  // namespace sovmesh::store_sqlite
