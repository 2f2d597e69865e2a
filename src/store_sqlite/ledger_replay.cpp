#include "store_sqlite/ledger_replay.h"

#include <ranges>
#include <vector>

#include "base/append.h"
#include "store_sqlite/database.h"
#include "store_sqlite/ledger_pieces.h"
#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {
namespace {

Result<void> read_day(Database& database, std::int64_t day, WallTime from, WallTime until,
                      const std::function<Result<void>(const RecordedRequest&)>& take) {
  std::string sql =
      "SELECT tenant.id, row.opened_at, subject.model, subject.user, row.prompt, row.cached,"
      " row.generated, row.output_max FROM ";
  append_all(sql, partition_name(day),
             " AS row JOIN subject ON subject.no = row.subject JOIN tenant ON tenant.no ="
             " subject.tenant WHERE row.terminal = 1 AND row.opened_at >= ?1 AND row.opened_at < ?2"
             " ORDER BY row.seq");
  TRY(Statement row, database.prepare(sql));
  row.bind_all(from, until);
  while (true) {
    TRY(const bool there, row.step());
    if (!there) return {};
    TRY_VOID(take({.tenant = {row.ulid(0)},
                   .opened_at = row.time(1),
                   .model = row.text(2),
                   .user = row.text(3),
                   .prompt = row.integer(4),
                   .cached = row.integer(5),
                   .generated = row.integer(6),
                   .output_max = row.integer(7)}));
  }
}

}  // namespace

Result<void> read_requests(Disk& disk, const std::string& path, std::optional<WallTime> from,
                           std::optional<WallTime> until,
                           const std::function<Result<void>(const RecordedRequest&)>& take) {
  TRY(Database database, Database::open(disk, path, {.create = false, .read_only = true}));
  TRY_VOID(check_ledger_schema(database));
  TRY_VOID(database.execute("BEGIN"));  // one snapshot; the connection goes with it
  TRY(const std::vector<std::int64_t> days, days_with_rows(database));
  for (const std::int64_t day : std::views::reverse(days))
    TRY_VOID(read_day(database, day, from.value_or(WallTime{}), until.value_or(books_end()), take));
  return {};
}

Result<void> read_tenant_names(
    Disk& disk, const std::string& path,
    const std::function<void(TenantId tenant, std::string_view slug)>& take) {
  TRY(Database database, Database::open(disk, path, {.create = false, .read_only = true}));
  TRY(Statement row, database.prepare("SELECT id, slug FROM tenant"));
  while (true) {
    TRY(const bool there, row.step());
    if (!there) return {};
    take({row.ulid(0)}, row.text(1));
  }
}

}  // namespace sovmesh::store_sqlite
