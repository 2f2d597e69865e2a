#pragma once

#include <string>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// `sovmesh rollout status ROUTE`: where it stands, what has happened, what speaks for and against
// the candidate, and the comparison of both versions as table and chart. An exit code.
int rollout_status(const AdminCli& cli, const std::string& route);
// `sovmesh route compare ROUTE`: requests and their copies at the mirror, side by side.
int route_compare(const AdminCli& cli, const std::string& route);

}  // namespace sovmesh::compose
