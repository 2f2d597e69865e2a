#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::store_sqlite {

// Writes `pseudonym` in place of a user's name in ledger.db, beside a working ledger, and leaves
// the name nowhere in the file or its write-ahead log. Rows and sums stay as they are: they name
// subjects by number. Says how many subjects there were. Doing it again is harmless, and goes on
// where an attempt failed. Code::dependency_unavailable when the ledger was too busy for `wait`.
Result<std::int64_t> erase_user(Disk& disk, const Clock& clock, const std::string& path,
                                TenantId tenant, const std::string& user,
                                const std::string& pseudonym, std::chrono::milliseconds wait);

}  // namespace sovmesh::store_sqlite
