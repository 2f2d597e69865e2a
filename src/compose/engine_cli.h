#pragma once

#include <string>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// `sovmesh engine log`: prints the lines, and to standard error how many are withheld. `query` of
// the call may be empty. An exit code.
int engine_log(const AdminCli& cli, const std::string& name, const std::string& query);

}  // namespace sovmesh::compose
