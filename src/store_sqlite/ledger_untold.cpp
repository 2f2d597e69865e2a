#include "store_sqlite/ledger_untold.h"

#include <algorithm>

#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {

Result<void> note_untold(Database& database, std::int64_t last_before, std::int64_t last) {
  TRY(std::int64_t first, read_mark(database, kUntoldFirst));
  TRY(const std::int64_t waiting, read_mark(database, kUntoldLast));
  if (waiting == 0) first = std::max({std::int64_t{1}, first, last_before - kUntoldMax + 1});
  if (last < first) return {};
  TRY_VOID(write_mark(database, kUntoldFirst, first));
  return write_mark(database, kUntoldLast, last);
}

Result<void> note_all_told(Database& database, std::int64_t last) {
  TRY(const std::int64_t waiting, read_mark(database, kUntoldLast));
  return waiting != 0 ? Result<void>() : write_mark(database, kUntoldFirst, last + 1);
}

Result<void> note_told(Database& database, std::int64_t seq) {
  TRY(const std::int64_t last, read_mark(database, kUntoldLast));
  TRY_VOID(write_mark(database, kUntoldFirst, seq + 1));
  return seq < last ? Result<void>() : write_mark(database, kUntoldLast, 0);
}

}  // namespace sovmesh::store_sqlite
