#pragma once

#include "base/result.h"
#include "store/ledger.h"
#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// Rows and sums that one page may cost; docs/usage.md says so to users. What is found by then is
// the page.
constexpr std::int64_t kRequestLooksMax = 10'000;

// A page of a list of requests, of one snapshot. By index only: rows by their place in the ledger,
// backwards from the cursor; where few subjects are wanted, their kept sums say where they are not.
Result<store::RequestPage> list_requests(Database& database, const store::RequestQuery& query);

}  // namespace sovmesh::store_sqlite
