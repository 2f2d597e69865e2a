#pragma once

#include <chrono>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// `sovmesh top`: what goes on, anew every `interval`, until q, Ctrl-C or a signal. Once, and as
// plain text, with `once` or where standard output is no terminal. Returns an exit code.
struct TopOptions {
  bool once = false;
  std::chrono::milliseconds interval{2'000};
};
int top(const AdminCli& cli, const TopOptions& options);

}  // namespace sovmesh::compose
