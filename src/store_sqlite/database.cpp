#include "store_sqlite/database.h"

#include <sqlite3.h>

#include <algorithm>

namespace sovmesh::store_sqlite {
namespace {

Trouble trouble_of(int code) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return Trouble::none;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Trouble::busy;
    case SQLITE_FULL:
      return Trouble::full;
    case SQLITE_CONSTRAINT:
      return Trouble::constraint;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Trouble::corrupt;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return Trouble::io;
    default:
      return Trouble::other;
  }
}

// The index of the write-ahead log, which is scratch, finds no room to grow.
Trouble trouble_of(sqlite3* connection, int code) {
  if (sqlite3_extended_errcode(connection) == SQLITE_IOERR_SHMSIZE) return Trouble::full;
  return trouble_of(code);
}

Code code_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::busy:
    case Trouble::full:
      return Code::dependency_unavailable;
    case Trouble::constraint:
      return Code::conflict;
    case Trouble::corrupt:
      return Code::data_dir_invalid;
    case Trouble::io:
      return Code::io_error;
    case Trouble::none:
    case Trouble::other:
      break;
  }
  return Code::internal_error;
}

Error damaged(std::string_view path, std::string_view found) {
  return {Code::data_dir_invalid, Blame::us,
          std::string(path) + " is damaged: " + std::string(found) +
              ". Nothing was changed. Stop here, keep the file, and put a backup in its place (the "
              "newest in the folder backups/ beside it, or your own); see docs/backup.md."};
}

// SQLite's message never holds bound values, so it is safe to pass on.
Error error_of(sqlite3* connection, int code) {
  const char* path = sqlite3_db_filename(connection, "main");
  if (trouble_of(code) == Trouble::corrupt && path != nullptr)
    return damaged(path, sqlite3_errmsg(connection));
  std::string message = path != nullptr && *path != '\0' ? std::string(path) + ": " : "";
  message += sqlite3_errmsg(connection);
  const Trouble trouble = trouble_of(connection, code);
  if (trouble == Trouble::full) message += " (free some space; nothing was lost)";
  const Blame blame = trouble == Trouble::constraint ? Blame::client : Blame::us;
  return {code_of(trouble), blame, std::move(message)};
}

// Piece by piece, each with the end of the one before it.
Result<bool> contains(sqlite3_file& file, std::string_view bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  sqlite3_int64 size = 0;
  if (file.pMethods->xFileSize(&file, &size) != SQLITE_OK)
    return our_error(Code::data_dir_invalid, "a database file has no size");
  std::string seen;
  for (sqlite3_int64 at = 0; at < size; at += kPiece) {
    const auto length = std::min<sqlite3_int64>(kPiece, size - at);
    const std::size_t before = std::min(seen.size(), bytes.size() - 1);
    seen.erase(0, seen.size() - before);
    seen.resize(before + static_cast<std::size_t>(length));
    if (file.pMethods->xRead(&file, seen.data() + before, static_cast<int>(length), at) !=
        SQLITE_OK)
      return our_error(Code::data_dir_invalid, "a database file cannot be read");
    if (seen.contains(bytes)) return true;
  }
  return false;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::bind_integer(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
}
void Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL instead of the empty text.
  const char* data = text.data() != nullptr ? text.data() : "";
  sqlite3_bind_text64(statement_.get(), index, data, text.size(), nullptr, SQLITE_UTF8);
}
void Statement::bind(int index, Blob bytes) {
  if (bytes.empty()) {
    sqlite3_bind_zeroblob(statement_.get(), index, 0);
    return;
  }
  sqlite3_bind_blob64(statement_.get(), index, bytes.data(), bytes.size(), nullptr);
}
void Statement::bind(int index, std::nullopt_t) { sqlite3_bind_null(statement_.get(), index); }

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(error_of(sqlite3_db_handle(statement_.get()), code));
}

Result<void> Statement::run() {
  auto stepped = step();
  reset();
  if (!stepped) return fail(std::move(stepped).error());
  return {};
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}
std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
std::string_view Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(statement_.get(), column);
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(bytes)};
}
Blob Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const unsigned char*>(data), static_cast<std::size_t>(bytes)};
}
Ulid Statement::ulid(int column) const {
  const Blob bytes = blob(column);
  std::array<unsigned char, 16> value{};
  if (bytes.size() == value.size()) std::ranges::copy(bytes, value.begin());
  return Ulid::from_bytes(value);
}

void Database::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);  // _v2: a statement that outlives us must not leak the connection
}

Result<Database> Database::open(Disk& disk, const std::string& path, const Options& options) {
  if (options.create && !options.read_only) TRY_VOID(disk.create_private(path));
  Database database;
  database.path_ = path;
  sqlite3* connection = nullptr;
  // Each connection has one user at a time, so SQLite's own mutexes are not needed.
  const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, disk.vfs().zName);
  database.connection_.reset(connection);
  if (code != SQLITE_OK)
    return our_error(Code::data_dir_invalid,
                     "cannot open " + path + ": " +
                         (connection != nullptr ? sqlite3_errmsg(connection) : "out of memory"));
  sqlite3_busy_timeout(connection, static_cast<int>(options.busy_timeout.count()));
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  TRY_VOID(database.execute(
      "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON;"
      "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF;"));
  return database;
}

Result<void> Database::use_write_ahead_log(bool auto_checkpoint) {
  TRY(Statement mode, prepare("PRAGMA journal_mode=WAL"));
  TRY(const bool row, mode.step());
  if (!row || mode.text(0) != "wal")
    return our_error(Code::data_dir_invalid,
                     path_ + ": this file system does not take a write-ahead log; use a local one");
  if (auto_checkpoint) {
    sqlite3_wal_autocheckpoint(connection_.get(), 1000);
    return {};
  }
  const auto note = [](void* pages, sqlite3*, const char*, int in_log) {
    *static_cast<int*>(pages) = in_log;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(connection_.get(), note, log_pages_.get());
  return {};
}

Result<void> Database::execute(const char* sql) {
  const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error_of(connection_.get(), code));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(error_of(connection_.get(), code));
  return Statement(statement);
}

std::int64_t Database::changed_rows() const { return sqlite3_changes64(connection_.get()); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }
Trouble Database::trouble() const {
  return trouble_of(connection_.get(), sqlite3_errcode(connection_.get()));
}

Result<void> Database::quick_check() {
  TRY(Statement check, prepare("PRAGMA quick_check(1)"));
  const auto row = check.step();
  if (row && *row && check.text(0) == "ok") return {};
  if (!row) return fail(row.error());
  return fail(damaged(path_, check.text(0)));
}

Result<int> Database::checkpoint() {
  int in_log = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.get(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             &in_log, &copied);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
    return fail(error_of(connection_.get(), code));
  *log_pages_ = std::max(in_log - copied, 0);
  return *log_pages_;
}

Result<bool> Database::empty_log() {
  TRY(Statement checkpoint, prepare("PRAGMA wal_checkpoint(TRUNCATE)"));
  TRY(const bool row, checkpoint.step());
  return row && checkpoint.integer(0) == 0;
}

Result<bool> Database::files_contain(std::string_view bytes) {
  if (bytes.empty()) return false;
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    const int code = sqlite3_file_control(connection_.get(), "main", which, &file);
    if (code != SQLITE_OK) return fail(error_of(connection_.get(), code).in_context("search"));
    if (file == nullptr || file->pMethods == nullptr) continue;  // no log yet
    TRY(const bool found, contains(*file, bytes));
    if (found) return true;
  }
  return false;
}

Result<void> Database::back_up_to(Disk& disk, const std::string& path) {
  TRY_VOID(disk.create_private(path));
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                   disk.vfs().zName);
  const std::unique_ptr<sqlite3, Close> copy(raw);
  if (code != SQLITE_OK) return fail(error_of(raw, code).in_context("backup"));
  sqlite3_backup* backup = sqlite3_backup_init(raw, "main", connection_.get(), "main");
  if (backup == nullptr) return fail(error_of(raw, sqlite3_errcode(raw)).in_context("backup"));
  sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (finished != SQLITE_OK) return fail(error_of(raw, finished).in_context("backup"));
  return {};
}

Result<Transaction> Transaction::begin(Database& database) {
  const bool is_inner = database.in_transaction();
  TRY_VOID(database.execute(is_inner ? "SAVEPOINT inner_part" : "BEGIN IMMEDIATE"));
  return Transaction(database, is_inner);
}

Transaction::~Transaction() {
  // A failed commit may have rolled back by itself.
  if (database_ == nullptr || !database_->in_transaction()) return;
  if (is_inner_) (void)database_->execute("ROLLBACK TO inner_part");
  (void)database_->execute(is_inner_ ? "RELEASE inner_part" : "ROLLBACK");
}

Result<void> Transaction::commit() {
  TRY_VOID(database_->execute(is_inner_ ? "RELEASE inner_part" : "COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace sovmesh::store_sqlite
