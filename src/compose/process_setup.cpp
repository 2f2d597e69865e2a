#include <fmt/format.h>

#include <cstdio>

#include "compose/process.h"
#include "control/logins.h"

// How a server gets its first administrator.
namespace sovmesh::compose {

// Where nobody can sign in over the network, nobody needs it: 'sovmesh user setup-token' is there.
Result<void> Process::show_setup_token() {
  if (options_.config.server.admin_listen.empty()) return {};
  TRY(const std::optional<Secret> token, admin_->logins().first_setup_token());
  if (!token) return {};
  fmt::print(stderr,
             "sovmesh: nobody can sign in yet. This token makes the first administrator, once, "
             "within {} hours (POST /api/v1/setup on the admin listener, docs/access.md). It is "
             "shown this once: only its digest is kept.\n\n    {}\n\n",
             control::Logins::kSetupTokenLife.count(), token->reveal());
  std::fflush(stderr);
  return {};
}

}  // namespace sovmesh::compose
