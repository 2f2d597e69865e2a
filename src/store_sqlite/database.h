#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "store_sqlite/vfs.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sovmesh::store_sqlite {

class Database;

// Bytes, as opposed to text, among the values of a statement.
using Blob = std::span<const unsigned char>;

// A prepared statement. Values are bound from 1, columns read from 0. Text and bytes that are bound
// must stay alive until the statement has been stepped and reset. Must not outlive its Database.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  template <class... Values>
  void bind_all(const Values&... values) {
    bind_from(1, values...);
  }
  template <class... Values>
  void bind_from(int index, const Values&... values) {
    (bind(index++, values), ...);
  }
  template <std::integral T>
  void bind(int index, T value) {
    bind_integer(index, static_cast<std::int64_t>(value));
  }
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const char* text) { bind(index, std::string_view(text)); }
  void bind(int index, Blob bytes);
  void bind(int index, const Ulid& id) { bind(index, Blob(id.bytes())); }
  template <class Tag>
  void bind(int index, const Id<Tag>& id) {
    bind(index, id.value);
  }
  void bind(int index, const KeyId& id) { bind(index, id.text()); }
  void bind(int index, WallTime time) { bind_integer(index, time.time_since_epoch().count()); }
  void bind(int index, std::nullopt_t);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    value ? bind(index, *value) : bind(index, std::nullopt);
  }

  // True when a row is there to be read, false at the end.
  Result<bool> step();
  // For statements without rows: one step, then ready for the next values.
  Result<void> run();
  void reset();

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  // valid until the next step
  Blob blob(int column) const;              // valid until the next step
  WallTime time(int column) const { return WallTime(std::chrono::microseconds(integer(column))); }
  // A ULID column; nil when it is something else (then the file was tampered with).
  Ulid ulid(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  void bind_integer(int index, std::int64_t value);
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// How an operation on a database went wrong, for callers that must tell a full disk from a broken
// one.
enum class Trouble : std::uint8_t { none, busy, full, constraint, corrupt, io, other };

// One connection: a sync at every commit, foreign keys checked. One thread at a time.
class Database {
 public:
  struct Options {
    bool create = true;
    bool read_only = false;
    // How long a locked database is waited for.
    std::chrono::milliseconds busy_timeout{2000};
  };
  static Result<Database> open(Disk& disk, const std::string& path, const Options& options);

  // Turns the write-ahead log on (the file remembers it). `auto_checkpoint`: copies the log back by
  // itself at commits; else the owner calls checkpoint().
  Result<void> use_write_ahead_log(bool auto_checkpoint);

  // One statement or several, without values.
  Result<void> execute(const char* sql);
  Result<Statement> prepare(std::string_view sql) const;
  template <class... Values>
  Result<void> run(std::string_view sql, const Values&... values) {
    TRY(Statement statement, prepare(sql));
    statement.bind_all(values...);
    return statement.run();
  }
  // The first column of the first row as a number; 0 when there is no row.
  template <class... Values>
  Result<std::int64_t> number(std::string_view sql, const Values&... values) {
    TRY(Statement statement, prepare(sql));
    statement.bind_all(values...);
    TRY(const bool row, statement.step());
    return row ? statement.integer(0) : 0;
  }

  std::int64_t changed_rows() const;  // by the last INSERT, UPDATE or DELETE
  bool in_transaction() const;
  Trouble trouble() const;  // of the last operation on this connection
  // Walks the whole file; Code::data_dir_invalid with what was found.
  Result<void> quick_check();
  // Copies the log back into the database as far as readers allow. Says how many pages are left.
  Result<int> checkpoint();
  // Copies all of it back and leaves the log empty; false while a reader is in the way.
  Result<bool> empty_log();
  // Whether these bytes stand in the file or its log, also where nothing points to any more.
  Result<bool> files_contain(std::string_view bytes);
  // Pages in the log after the last commit of this connection.
  int log_pages() const { return *log_pages_; }
  // A consistent copy, written to an absent file and checked.
  Result<void> back_up_to(Disk& disk, const std::string& path);
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  Database() = default;
  std::unique_ptr<sqlite3, Close> connection_;
  std::unique_ptr<int> log_pages_ = std::make_unique<int>(0);  // SQLite writes it through a pointer
  std::string path_;
};

// BEGIN IMMEDIATE ... COMMIT, or a savepoint when there is a transaction already; rolls back when
// it goes out of scope uncommitted.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept
      : database_(std::exchange(other.database_, nullptr)), is_inner_(other.is_inner_) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  Transaction(Database& database, bool is_inner) : database_(&database), is_inner_(is_inner) {}
  Database* database_;
  bool is_inner_;
};

}  // namespace sovmesh::store_sqlite
