#pragma once

#include <string>

#include "compose/contexts.h"

namespace sovmesh::compose {

// `sovmesh login URL`: asks the server who we are there, keeps the place, and makes it the current
// one. Returns an exit code.
struct LoginOptions {
  std::string url;
  std::string name;        // of the context; empty: made of the host
  std::string token_file;  // "-": standard input; empty: asks, or signs in by `login`
  std::string login;       // a user's: a session by the password
  std::string password_file;
  std::string ca_file;
  bool may_be_clear = false;
  bool replace = false;  // a context of this name that is of another server or user
};
int login(const LoginOptions& options);

int context_list(bool json);
int context_use(const std::string& name);
// Forgets it; a session there ends.
int context_remove(const std::string& name);

}  // namespace sovmesh::compose
