#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sovmesh::http {

// Where a server's API is: "http://host:port/v1", "https://...", "unix:/path".
struct Url {
  bool is_tls = false;
  std::string host;  // lower case; a name or an IP literal without brackets; empty for unix
  std::uint16_t port = 0;
  std::string unix_path;
  std::string path;  // never ends with '/'
};

// Strict: no user information (keys belong into their own setting), no query, no fragment, no
// escapes, no numbers that only look like an address. `usual_path` ("/v1", or empty) stands for a
// path that is absent or "/". Code::config_invalid; the message never
// repeats the URL, which may hold a password after all.
Result<Url> parse_url(std::string_view text, std::string_view usual_path);

}  // namespace sovmesh::http
