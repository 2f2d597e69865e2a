#include "store_sqlite/migrations.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time_text.h"

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

// A folder with this file in it is whole.
constexpr std::string_view kComplete = "complete";

struct BackupPlace {
  std::string all;     // DATA_DIR/backups
  std::string folder;  // in it
  std::string file;    // in that
};

BackupPlace backup_place(const std::string& path, const Schema& schema, WallTime now) {
  const auto slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
  std::string time = to_rfc3339(now).substr(0, 19);  // 2026-11-25T14:03:21
  std::erase(time, ':');
  std::string folder = time + "Z-before-" + schema.name + "-" + std::to_string(schema.version());
  std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
  return {.all = parent + "/backups", .folder = std::move(folder), .file = std::move(file)};
}

// Half ones, and whole ones that are too many. What cannot be removed is in nobody's way.
void drop_old_backups(Disk& disk, const BackupPlace& place, const Schema& schema) {
  const auto names = disk.list_folder(place.all);
  if (!names) return;
  std::vector<std::string> whole;
  for (const std::string& name : *names) {
    if (!name.contains(std::string("Z-before-") + schema.name + "-")) continue;
    const std::string folder = place.all + "/" + name;
    const auto complete = disk.exists(folder + "/" + std::string(kComplete));
    if (complete && !*complete) (void)disk.remove_folder(folder);
    if (complete && *complete) whole.push_back(name);
  }
  std::ranges::sort(whole, std::greater());
  for (std::size_t i = kBackupsKept; i < whole.size(); ++i)
    (void)disk.remove_folder(place.all + "/" + whole[i]);
}

Result<void> copy_and_check(Disk& disk, Database& database, const BackupPlace& place) {
  const std::string folder = place.all + "/" + place.folder;
  TRY_VOID(disk.make_folder(place.all));
  TRY_VOID(disk.remove_folder(folder));
  TRY_VOID(disk.make_folder(folder));
  const std::string path = folder + "/" + place.file;
  TRY_VOID(database.back_up_to(disk, path));
  {
    // A backup that cannot be read back is none. Checked on its own connection, as a restore would.
    TRY(Database copy, Database::open(disk, path, {.create = false}));
    TRY_VOID(copy.quick_check());
  }
  return disk.write_file(folder + "/" + std::string(kComplete),
                         "A whole copy, made before an upgrade changed the database.\n");
}

Result<void> back_up(Disk& disk, Database& database, const Schema& schema, WallTime now) {
  const BackupPlace place = backup_place(database.path(), schema, now);
  const std::string folder = place.all + "/" + place.folder;
  if (auto done = copy_and_check(disk, database, place); !done) {
    (void)disk.remove_folder(folder);
    return fail(Error(done.error().code(), Blame::us,
                      "the upgrade of " + database.path() + " to schema " +
                          std::to_string(schema.version()) +
                          " was not begun, because the copy before it failed (" + folder +
                          "): " + done.error().message() + ". Nothing was changed."));
  }
  drop_old_backups(disk, place, schema);
  return {};
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
                              bool auto_checkpoint, WallTime now) {
  TRY(const bool was_here, disk.exists(marker_of(path)));
  TRY(const bool is_here, disk.exists(path));
  if (was_here && !is_here) return lost(path);
  TRY(Database database, Database::open(disk, path, {}));
  TRY_VOID(database.quick_check());
  TRY(const std::int64_t found, database.number("PRAGMA user_version"));
  TRY_VOID(check_owner(database, schema, found));
  if (was_here && found == 0) return lost(path);
  TRY_VOID(database.use_write_ahead_log(auto_checkpoint));
  if (found > 0 && found < schema.version()) TRY_VOID(back_up(disk, database, schema, now));
  for (int version = static_cast<int>(found) + 1; version <= schema.version(); ++version)
    TRY_VOID(apply(database, schema, version));
  // The tables stand in the file itself from now on, not only in the log beside it.
  if (found < schema.version()) TRY_VOID(database.checkpoint());
  if (!was_here) TRY_VOID(mark_created(disk, path));
  return database;
}

}  // namespace

Result<Database> open_migrated(Disk& disk, const std::string& path, const Schema& schema,
                               bool auto_checkpoint, WallTime now) {
  auto database = open_checked(disk, path, schema, auto_checkpoint, now);
  if (!database) return fail(in_database(std::move(database).error(), path));
  return database;
}

}  // namespace sovmesh::store_sqlite
