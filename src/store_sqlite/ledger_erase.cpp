#include "store_sqlite/ledger_erase.h"

#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {
namespace {

// How long one attempt waits inside SQLite. Short: nobody else writes meanwhile.
constexpr std::chrono::milliseconds kAttempt{50};

std::unexpected<Error> too_busy(const char* what) {
  return fail(Error(Code::dependency_unavailable, Blame::us,
                    std::string("the ledger was too busy ") + what + ": try again")
                  .with_retry_after(std::chrono::seconds(2)));
}

Result<void> lock(Database& database, const Clock& clock, Instant until) {
  for (;;) {
    const auto begun = database.execute("BEGIN IMMEDIATE");
    if (begun || database.trouble() != Trouble::busy) return begun;
    if (clock.now() >= until) return too_busy("to forget a name");
  }
}

// Changing a name in its place could leave a copy of it where its page was once divided. So all
// pages of the table and its index are given up, which overwrites them, and written anew.
Result<void> write_anew(Database& database, TenantId tenant, const std::string& user,
                        const std::string& pseudonym) {
  TRY_VOID(database.execute("CREATE TEMP TABLE kept AS SELECT * FROM main.subject"));
  TRY_VOID(
      database.run("UPDATE kept SET user = ? WHERE user = ?"
                   " AND tenant = (SELECT no FROM main.tenant WHERE id = ?)",
                   pseudonym, user, tenant));
  return database.execute(
      "DELETE FROM main.subject; INSERT INTO main.subject SELECT * FROM kept ORDER BY no;"
      "DROP TABLE kept");
}

// What is in the write-ahead log goes into the file, and the log becomes empty.
Result<void> empty_log(Database& database, const Clock& clock, Instant until) {
  for (;;) {
    TRY(const bool emptied, database.empty_log());
    if (emptied) return {};
    if (clock.now() >= until) return too_busy("to empty its log, in which the name still is");
  }
}

}  // namespace

Result<std::int64_t> erase_user(Disk& disk, const Clock& clock, const std::string& path,
                                TenantId tenant, const std::string& user,
                                const std::string& pseudonym, std::chrono::milliseconds wait) {
  const Instant until = clock.now() + wait;
  TRY(Database database,
      Database::open(disk, path, {.create = false, .read_only = false, .busy_timeout = kAttempt}));
  TRY_VOID(database.execute("PRAGMA secure_delete=ON"));
  TRY_VOID(lock(database, clock, until));
  const auto write = [&]() -> Result<std::int64_t> {
    TRY(const std::int64_t subjects,
        database.number("SELECT count(*) FROM subject JOIN tenant ON tenant.no = subject.tenant"
                        " WHERE tenant.id = ? AND subject.user = ?",
                        tenant, user));
    if (subjects > 0) TRY_VOID(write_anew(database, tenant, user, pseudonym));
    TRY_VOID(database.execute("COMMIT"));
    return subjects;
  };
  const Result<std::int64_t> subjects = write();
  if (!subjects) {
    if (database.in_transaction()) (void)database.execute("ROLLBACK");
    return subjects;
  }
  TRY_VOID(empty_log(database, clock, until));
  return subjects;
}

}  // namespace sovmesh::store_sqlite
