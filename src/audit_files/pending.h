#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::audit_files {

// One commit, as a record of the pending file: index of the first entry (8, little endian), number
// of entries (4), and the entries as a bundle of tlog-tiles holds them.
std::string format_pending(std::uint64_t first, std::span<const std::string_view> entries);

struct PendingEntries {
  std::uint64_t first = 0;
  std::vector<std::string_view> entries;  // into the record
};
Result<PendingEntries> parse_pending(std::string_view record);

}  // namespace sovmesh::audit_files
