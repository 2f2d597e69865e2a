#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sovmesh::engine_process {

// What a process has in memory at this moment, the pages of files that it maps included, by its
// file `proc`/PID/status. Nothing when that cannot be read: the process has ended.
std::optional<std::int64_t> resident_bytes(int pid, const std::string& proc = "/proc");

}  // namespace sovmesh::engine_process
