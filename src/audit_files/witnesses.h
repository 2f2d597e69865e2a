#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit_files/files.h"
#include "base/guarded.h"
#include "base/result.h"
#include "ledgerlog/checkpoint.h"

namespace sovmesh::audit_files {

// The newest checkpoint that witnesses have cosigned: other machines that have seen the log grow
// and say so (C2SP tlog-cosignature). Any thread.
class Witnesses {
 public:
  Witnesses(Files& files, std::string folder, std::vector<std::string> keys)
      : files_(files),
        folder_(std::move(folder)),
        keys_(std::move(keys)),
        file_(folder_ + "/witnessed") {}
  // `size`: of the last checkpoint; a witness cannot have seen more.
  Result<void> add(std::string_view note, std::uint64_t size);

 private:
  Result<void> keep(const std::string& path, ledgerlog::SignedCheckpoint given);

  Files& files_;
  std::string folder_;
  std::vector<std::string> keys_;
  Guarded<std::string> file_;  // its path: one change at a time
};

}  // namespace sovmesh::audit_files
