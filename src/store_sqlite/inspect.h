#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store_sqlite/vfs.h"

// A look at a database that may be in use, for `sovmesh doctor`: nothing in it is changed.
namespace sovmesh::store_sqlite {

struct Inspection {
  std::int64_t version = 0;            // of its schema
  std::int64_t newest_version = 0;     // that this release knows
  std::optional<WallTime> newest_row;  // of the ledger: when its last request was booked
};

// Code::data_dir_invalid for a file that cannot be opened, is damaged (every page is read), or is
// not ours.
Result<Inspection> inspect_control(Disk& disk, const std::string& path);
Result<Inspection> inspect_ledger(Disk& disk, const std::string& path);

}  // namespace sovmesh::store_sqlite
