#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "store/control_store.h"
#include "store/ledger.h"
#include "store_sqlite/data_dir.h"
#include "store_sqlite/ledger_runner.h"
#include "store_sqlite/ledger_writer.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::store_sqlite {

// Opens (or makes) the two databases of a data folder. Each refuses with Code::data_dir_invalid
// what it must not touch: a damaged file, one of a newer release, one that has gone missing. Hold
// the DataDir as long as they live.
//
// The ledger starts its writer on `runner`; open rows of earlier boots are settled before it
// returns.
Result<std::unique_ptr<store::Ledger>> open_ledger(Disk& disk, const std::string& path,
                                                   const Clock& clock,
                                                   std::unique_ptr<LedgerRunner> runner,
                                                   const LedgerOptions& options);
Result<std::unique_ptr<store::ControlStore>> open_control_store(Disk& disk, const std::string& path,
                                                                const Clock& clock);

}  // namespace sovmesh::store_sqlite
