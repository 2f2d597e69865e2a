#pragma once

#include <string>

#include "metering/price.h"
#include "store/ledger.h"
#include "store_sqlite/database.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::store_sqlite {

// Computes every kept sum of the ledger.db at `path` from its rows again, and every row's charge
// from its price. Reads one snapshot on a connection of its own: the ledger may be at work, or not.
// Code::data_dir_invalid when the file is not a ledger of this release's schema.
Result<store::VerifyReport> verify_ledger(
    Disk& disk, const std::string& path,
    const metering::EnergyMeter& energy = metering::power_model(),
    const store::VerifyPace& pace = [] { return Result<void>(); });
// The same within the connection's running transaction.
Result<store::VerifyReport> verify_in(
    Database& database, const metering::EnergyMeter& energy,
    const store::VerifyPace& pace = [] { return Result<void>(); });

}  // namespace sovmesh::store_sqlite
