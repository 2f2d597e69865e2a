#pragma once

#include <string>

#include "base/result.h"
#include "compose/admin_cli.h"

namespace sovmesh::compose {

// The first line of `file`, "-" for standard input. Empty: asks for it twice at the terminal, where
// it is not shown.
Result<std::string> read_password(const std::string& file);
// Asks once, for something that is there already (`what`: "Password"); where there is no terminal
// it is the first line of standard input.
Result<std::string> read_secret_line(const std::string& file, const char* what);

// `sovmesh user revoke`: takes the role back that the user has there. `tenant`: empty for a role on
// the platform. Returns an exit code.
int revoke_role(const AdminCli& cli, const std::string& user, const std::string& role,
                const std::string& tenant);

}  // namespace sovmesh::compose
