#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sovmesh::engine_remote {

// Where an engine's API is: "http://host:port/v1", "https://...", "unix:/path".
struct EngineUrl {
  bool is_tls = false;
  std::string host;  // lower case; a name or an IP literal without brackets; empty for unix
  std::uint16_t port = 0;
  std::string unix_path;
  std::string base_path;  // "/v1" when the URL has no path; never ends with '/'
};

// Strict: no user information (keys belong into their own setting), no query, no fragment, no
// escapes, no numbers that only look like an address. Code::config_invalid; the message never
// repeats the URL, which may hold a password after all.
Result<EngineUrl> parse_engine_url(std::string_view text);

}  // namespace sovmesh::engine_remote
