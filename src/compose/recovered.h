#pragma once

#include <cstddef>

#include "base/result.h"
#include "store/audit.h"
#include "store/ledger.h"

namespace sovmesh::compose {

inline constexpr std::size_t kRecoveredAtOnce = 1'000;  // entries

// Gives each request that a crash recovered its entry in the audit log, with what its row still
// knows, and returns how many. The two are on different files, so the ledger keeps in mind whom
// nobody has been told of, until the entries are durable; the log passes over those that it has. So
// it may end anywhere and be done again. Blocks; one at a time.
Result<std::size_t> enter_recovered(store::Ledger& ledger, store::Audit& audit);

}  // namespace sovmesh::compose
