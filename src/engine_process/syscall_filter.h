#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"

namespace sovmesh::engine_process {

// The seccomp program for engines, ready to be loaded by a child. Default: kill the process. What
// programs merely try, and go on without, gets an error number instead.
Result<std::vector<sock_filter>> build_syscall_filter();

}  // namespace sovmesh::engine_process
