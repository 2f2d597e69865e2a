#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::store_sqlite {

// What a settled request of the ledger asked for, as a simulation needs it. The texts are valid
// during the call only.
struct RecordedRequest {
  TenantId tenant;
  WallTime opened_at{};
  std::string_view model;
  std::string_view user;
  std::int64_t prompt = 0;  // tokens
  std::int64_t cached = 0;  // of these
  std::int64_t generated = 0;
  std::int64_t output_max = 0;
};

// Reads the settled requests of the ledger.db at `path` that were opened in [from, until), oldest
// day first. One snapshot on a connection of its own: the server may be at work, or not. Writes
// nothing. Code::data_dir_invalid when the file is not a ledger of this release's schema; an error
// of `take` ends it.
Result<void> read_requests(Disk& disk, const std::string& path, std::optional<WallTime> from,
                           std::optional<WallTime> until,
                           const std::function<Result<void>(const RecordedRequest&)>& take);

// The slug of each tenant in the control.db at `path`; writes nothing.
Result<void> read_tenant_names(
    Disk& disk, const std::string& path,
    const std::function<void(TenantId tenant, std::string_view slug)>& take);

}  // namespace sovmesh::store_sqlite
