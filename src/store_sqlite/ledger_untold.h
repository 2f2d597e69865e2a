#pragma once

#include <cstdint>

#include "base/result.h"
#include "store_sqlite/database.h"

// Which rows somebody has still to be told of (store::Ledger::untold()).
namespace sovmesh::store_sqlite {

// Rows of which somebody was told and may not have written it down yet: more than any queue of such
// news holds.
inline constexpr std::int64_t kUntoldMax = 20'000;

// At a start: the rows behind `last_before`, up to `last`, have been recovered now. Of a run that
// did not end by itself its last rows may be untold, too; those of a run before may still wait.
Result<void> note_untold(Database& database, std::int64_t last_before, std::int64_t last);
// At the end of a run that ends by itself: the next one need not look.
Result<void> note_all_told(Database& database, std::int64_t last);
// Somebody has been told of all that wait up to this row.
Result<void> note_told(Database& database, std::int64_t seq);

}  // namespace sovmesh::store_sqlite
