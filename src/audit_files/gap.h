#pragma once

#include <cstdint>
#include <string>

#include "base/hash.h"
#include "base/ids.h"

namespace sovmesh::audit_files {

// Requests that got no entry. `hash` goes on for ever: SHA-256(hash before | request id), from 32
// zeros at the start of the process.
struct Gap {
  std::uint64_t count = 0;  // not yet told to the log
  Digest start{};           // hash before them
  Digest hash{};            // hash after them

  void add(RequestId request) {
    std::string link(reinterpret_cast<const char*>(hash.data()), hash.size());
    const auto& id = request.value.bytes();
    link.append(reinterpret_cast<const char*>(id.data()), id.size());
    hash = sha256(link);
    ++count;
  }
  // The log has been told of `part`, which this was when it was copied.
  void told(const Gap& part) {
    count -= part.count;
    start = part.hash;
  }
};

}  // namespace sovmesh::audit_files
