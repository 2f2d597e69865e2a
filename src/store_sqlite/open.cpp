#include "store_sqlite/open.h"

#include <utility>

#include "store_sqlite/control_schema.h"
#include "store_sqlite/control_sqlite.h"
#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/ledger_sqlite.h"

namespace sovmesh::store_sqlite {

Result<std::unique_ptr<store::Ledger>> open_ledger(Disk& disk, const std::string& path,
                                                   const Clock& clock,
                                                   std::unique_ptr<LedgerRunner> runner,
                                                   const LedgerOptions& options) {
  TRY(Database database, open_migrated(disk, path, ledger_schema(), false, clock.wall_now()));
  auto mailbox = std::make_shared<Guarded<Mailbox>>();
  auto claims = std::make_shared<Guarded<Claims>>(options.claims);
  auto writer =
      std::make_unique<LedgerWriter>(disk, std::move(database), clock, options, mailbox, claims);
  TRY_VOID(writer->begin());
  TRY(Database reader, Database::open(disk, path, {.create = false, .read_only = true}));
  return std::make_unique<LedgerSqlite>(disk, std::move(writer), std::move(reader),
                                        std::move(runner), std::move(mailbox), std::move(claims),
                                        clock, options);
}

Result<std::unique_ptr<store::ControlStore>> open_control_store(Disk& disk, const std::string& path,
                                                                const Clock& clock) {
  TRY(Database database, open_migrated(disk, path, control_schema(), true, clock.wall_now()));
  TRY_VOID(database.execute("PRAGMA secure_delete=ON"));  // the names of people who have left
  return std::make_unique<ControlSqlite>(std::move(database), clock);
}

}  // namespace sovmesh::store_sqlite
