#include "store_sqlite/reserve.h"

#include <algorithm>

namespace sovmesh::store_sqlite {

Result<std::int64_t> lend_reserve(Disk& disk, const std::string& ledger, std::int64_t room) {
  const std::string reserve = reserve_path(ledger);
  TRY(const std::int64_t free, disk.free_bytes(reserve));
  TRY(const std::int64_t kept, disk.size(reserve));
  if (free >= room || kept == 0) return 0;
  const std::int64_t left = std::max<std::int64_t>(kept - (room - free), 0);
  TRY_VOID(left > 0 ? disk.shrink(reserve, left) : disk.remove(reserve));
  return kept - left;
}

std::int64_t take_back(Disk& disk, const std::string& reserve, std::int64_t lent) {
  const std::int64_t kept = disk.size(reserve).value_or(0);
  const std::int64_t back = std::min(lent, disk.free_bytes(reserve).value_or(0) - kLeftFree);
  if (back <= 0) return kept;
  if (disk.allocate(reserve, kept + back)) return kept + back;
  (void)(kept > 0 ? disk.shrink(reserve, kept) : disk.remove(reserve));
  return kept;
}

}  // namespace sovmesh::store_sqlite
