#include "store_sqlite/snapshot.h"

#include <algorithm>

#include "store_sqlite/control_schema.h"
#include "store_sqlite/ledger_pieces.h"
#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {
namespace {

// How long one attempt to lock waits inside SQLite. Short: a busy writer leaves small gaps.
constexpr std::chrono::milliseconds kPoll{1};

constexpr Database::Options kReader{.create = false, .read_only = true};
constexpr Database::Options kLocker{.create = false, .read_only = false, .busy_timeout = kPoll};

Result<bool> try_lock(Database& database, const Clock& clock, Instant until) {
  while (true) {
    const auto begun = database.execute("BEGIN IMMEDIATE");
    if (begun) return true;
    if (database.trouble() != Trouble::busy) return fail(begun.error());
    if (clock.now() >= until) return false;
  }
}

// A read transaction begins with the first read.
Result<void> begin_reading(Database& database) {
  TRY_VOID(database.execute("BEGIN"));
  TRY_VOID(database.number("SELECT count(*) FROM sqlite_schema"));
  return {};
}

// A lock, and whatever is open of the snapshot, goes when it did not become one.
class Held {
 public:
  explicit Held(Database& database) : database_(database) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (database_.in_transaction()) (void)database_.execute("ROLLBACK");
  }

 private:
  Database& database_;
};

Result<std::int64_t> schema_of(Database& database, const Schema& schema) {
  TRY(const std::int64_t owner, database.number("PRAGMA application_id"));
  TRY(const std::int64_t version, database.number("PRAGMA user_version"));
  if (owner != schema.application_id || version == 0)
    return our_error(Code::data_dir_invalid,
                     database.path() + " is not a " + schema.name + " database of Sovereign Mesh");
  if (version > schema.version())
    return our_error(Code::data_dir_invalid,
                     database.path() + " has schema " + std::to_string(version) +
                         ", written by a newer release; this one knows up to " +
                         std::to_string(schema.version()));
  return version;
}

Result<std::int64_t> last_seq(Database& ledger) {
  TRY(std::int64_t seq, read_mark(ledger, kDroppedSeq));
  TRY(const auto days, days_with_rows(ledger));
  for (const std::int64_t day : days) {
    TRY(const std::int64_t last, ledger.number("SELECT max(seq) FROM " + partition_name(day)));
    seq = std::max(seq, last);
  }
  return seq;
}

Result<SnapshotFacts> read_facts(Database& control, Database& ledger) {
  SnapshotFacts facts;
  TRY(facts.control_schema, schema_of(control, control_schema()));
  TRY(facts.ledger_schema, schema_of(ledger, ledger_schema()));
  TRY(facts.control_version, control.number("SELECT version FROM state"));
  TRY(facts.ledger_open, ledger.number("SELECT count(*) FROM open_row"));
  if (facts.ledger_schema == ledger_schema().version()) {
    TRY(facts.ledger_seq, last_seq(ledger));
  }
  return facts;
}

Result<void> check_references(Database& database) {
  TRY(Statement check, database.prepare("PRAGMA foreign_key_check"));
  TRY(const bool broken, check.step());
  if (!broken) return {};
  return our_error(Code::data_dir_invalid, database.path() + " is damaged: a row of table '" +
                                               std::string(check.text(0)) +
                                               "' refers to one that is not there");
}

}  // namespace

Result<Snapshot> Snapshot::take(Disk& disk, const Clock& clock, const SnapshotPaths& paths,
                                const Limits& limits,
                                const std::function<Result<void>(Instant until)>& at_cut) {
  const Instant deadline = clock.now() + limits.wait;
  TRY(Database control_lock, Database::open(disk, paths.control, kLocker));
  TRY(Database ledger_lock, Database::open(disk, paths.ledger, kLocker));
  TRY(Database control, Database::open(disk, paths.control, kReader));
  TRY(Database ledger, Database::open(disk, paths.ledger, kReader));
  Snapshot snapshot(std::move(control), std::move(ledger));
  do {
    // The ledger first: it is the busy one, and nobody has to stand still while we wait for it.
    TRY(const bool first, try_lock(ledger_lock, clock, deadline));
    if (!first) break;
    const Held ledger_held(ledger_lock);
    const Instant until = std::min(deadline, clock.now() + limits.hold);
    TRY(const bool second, try_lock(control_lock, clock, until));
    if (!second) continue;
    const Held control_held(control_lock);
    TRY_VOID(begin_reading(snapshot.control_));
    TRY_VOID(begin_reading(snapshot.ledger_));
    const auto done = at_cut(until);
    if (done) {
      TRY(snapshot.facts_, read_facts(snapshot.control_, snapshot.ledger_));
      return snapshot;
    }
    if (done.error().code() != Code::timed_out) return fail(done.error());
    TRY_VOID(snapshot.control_.execute("ROLLBACK"));
    TRY_VOID(snapshot.ledger_.execute("ROLLBACK"));
  } while (clock.now() < deadline);
  return our_error(Code::dependency_unavailable,
                   "the databases were too busy: there was no moment at which both could be "
                   "locked; try again");
}

Result<void> Snapshot::copy_control(Disk& disk, const std::string& path) {
  return control_.back_up_to(disk, path);
}

Result<void> Snapshot::copy_ledger(Disk& disk, const std::string& path) {
  return ledger_.back_up_to(disk, path);
}

Result<SnapshotFacts> check_copies(Disk& disk, const SnapshotPaths& paths) {
  TRY(Database control, Database::open(disk, paths.control, kReader));
  TRY(Database ledger, Database::open(disk, paths.ledger, kReader));
  for (Database* database : {&control, &ledger}) {
    TRY_VOID(database->quick_check());
    TRY_VOID(check_references(*database));
  }
  return read_facts(control, ledger);
}

}  // namespace sovmesh::store_sqlite
