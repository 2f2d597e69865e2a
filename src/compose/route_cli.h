#pragma once

#include <string>

#include "compose/admin_cli.h"
#include "compose/route_text.h"

namespace sovmesh::compose {

// `sovmesh route create|update`: by options, or all of it from a file.
struct RouteCommand {
  std::string name;  // may be empty where `from` says it
  std::string from;  // the YAML of one route as a configuration file has it; "-": standard input
  RouteWords words;
};
// Each prints the route as it is then, as YAML that `from` takes; an exit code.
int route_create(const AdminCli& cli, const RouteCommand& command);
int route_update(const AdminCli& cli, const RouteCommand& command);
int route_show(const AdminCli& cli, const std::string& name);

}  // namespace sovmesh::compose
