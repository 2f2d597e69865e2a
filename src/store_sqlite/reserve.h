#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::store_sqlite {

// The file beside a ledger that keeps room for it.
inline std::string reserve_path(const std::string& ledger) { return ledger + ".reserve"; }

// What a start on a full disk has of the reserve.
struct Loan {
  std::int64_t bytes = 0;            // from when the ledger is open: its writer's
  std::atomic<bool> is_over{false};  // the start is done: the writer takes back what it did not use
};

// Gives as much of what the ledger has kept of the disk free as is wanting to `room` bytes, before
// anything is opened. How much that was.
Result<std::int64_t> lend_reserve(Disk& disk, const std::string& ledger, std::int64_t room);

// As much of `lent` bytes as nobody has used goes back into the reserve; only a little stays free.
// Its size then.
inline constexpr std::int64_t kLeftFree = std::int64_t{256} << 10;
std::int64_t take_back(Disk& disk, const std::string& reserve, std::int64_t lent);

}  // namespace sovmesh::store_sqlite
