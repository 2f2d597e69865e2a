#pragma once

#include "compose/admin_cli.h"

namespace CLI {
class App;
}

namespace sovmesh {

// How a command finds the running server, and --json, which means `json_help` to it; null: it has
// none.
void add_connection(CLI::App& command, compose::AdminCli& cli, const char* json_help);
// --output table|json|yaml, beside --json.
void add_output(CLI::App& command, compose::AdminCli& cli);

}  // namespace sovmesh
