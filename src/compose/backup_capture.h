#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sovmesh::compose {

// The small files of a data folder as of one instant: secrets, tokens, the audit log's head. The
// caller keeps both databases locked meanwhile, so nothing is done that the log does not hold yet.
struct Captured {
  std::vector<std::pair<std::string, std::string>> files;  // path in the data folder, bytes
  bool audit = false;                                      // there is a log with a checkpoint
  std::uint64_t audit_size = 0;                            // of its checkpoint
  std::string audit_root;                                  // base64
  std::uint64_t audit_pending = 0;                         // durable entries behind it
};

// Code::timed_out when the files would not hold still until then: try again.
Result<Captured> capture_files(const std::string& data_dir, const Clock& clock, Instant until);

// How many entries the pending files hold from `size` on, one after the other; an error when there
// is a gap, or damage.
Result<std::uint64_t> count_pending(const std::vector<std::string_view>& journals,
                                    std::uint64_t size);

}  // namespace sovmesh::compose
