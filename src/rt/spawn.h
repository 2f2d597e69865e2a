#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "rt/fd.h"
#include "rt/process.h"

namespace sovmesh::rt {

struct Spawned {
  pid_t pid = -1;
  Fd output;  // read end of standard output and error, non-blocking
};

// fork and exec; returns when the program runs, or says which step failed. Any thread.
Result<Spawned> fork_and_exec(const ProcessSpec& spec, std::chrono::milliseconds start_max);

}  // namespace sovmesh::rt
