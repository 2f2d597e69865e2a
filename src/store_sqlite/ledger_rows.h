#pragma once

#include <utility>

#include "base/result.h"
#include "store/ledger.h"
#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// Everything of one snapshot: a commit between two statements must not show.
class ReadSnapshot {
 public:
  static Result<ReadSnapshot> take(Database& database) {
    TRY_VOID(database.execute("BEGIN"));
    return ReadSnapshot(database);
  }
  ReadSnapshot(ReadSnapshot&& other) noexcept
      : database_(std::exchange(other.database_, nullptr)) {}
  ReadSnapshot& operator=(ReadSnapshot&&) = delete;
  ~ReadSnapshot() {
    if (database_ != nullptr && database_->in_transaction()) (void)database_->execute("ROLLBACK");
  }

 private:
  explicit ReadSnapshot(Database& database) : database_(&database) {}
  Database* database_;
};

// The columns that read_row() wants, from a table of rows called `row`.
inline constexpr const char* kClosedRowColumns =
    "SELECT row.rid, row.opened_at, tenant.id, subject.project, subject.key, subject.model,"
    " subject.operation, subject.streamed, subject.engine, subject.revision, subject.user,"
    " subject.cost_centre, subject.currency, (SELECT id FROM price WHERE no = row.price), row.boot,"
    " row.prompt_estimate, row.output_max, row.reserved, row.characters,"
    " row.prompt, row.cached, row.generated, row.reasoning, row.delivered, row.source, row.finish,"
    " row.drift, row.took, row.open_us, row.cost, row.gse, row.energy, row.co2, row.energy_method,"
    " row.terminal, row.seq, row.booked_at";
// An open row has no figures yet but those of its last checkpoint.
inline constexpr const char* kOpenRowColumns =
    "SELECT row.rid, row.opened_at, tenant.id, subject.project, subject.key, subject.model,"
    " subject.operation, subject.streamed, subject.engine, subject.revision, subject.user,"
    " subject.cost_centre, subject.currency, (SELECT id FROM price WHERE no = row.price), row.boot,"
    " row.prompt_estimate, row.output_max, row.reserved, row.characters,"
    " row.prompt, row.cached, row.generated, row.reasoning, row.delivered,"
    " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0";
inline constexpr const char* kRowJoin =
    " AS row JOIN subject ON subject.no = row.subject JOIN tenant ON tenant.no = subject.tenant"
    " WHERE";

Result<store::UsageRow> read_row(const Statement& row);

}  // namespace sovmesh::store_sqlite
