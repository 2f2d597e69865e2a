#pragma once

#include <cstddef>

#include "base/result.h"
#include "store/audit.h"
#include "store/ledger.h"

namespace sovmesh::compose {

inline constexpr std::size_t kRecoveredAtOnce = 5'000;  // entries

// After a crash: gives each request that has a row and no entry in the audit log its entry, with
// what the row still knows, and returns how many rows were looked at. The two are on different
// files, so the ledger keeps in mind which rows may have none, until the entries are durable; the
// log passes over those that it has. So it may end anywhere and be done again. Without a log nobody
// is told, and they are forgotten. Blocks; one at a time.
Result<std::size_t> enter_recovered(store::Ledger& ledger, store::Audit* audit);

}  // namespace sovmesh::compose
