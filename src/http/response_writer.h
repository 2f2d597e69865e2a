#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/head.h"

namespace sovmesh::http {

// The reason phrase of a status, "" for those we never send.
std::string_view reason_phrase(int status);

// False for a field that would break the head (a CR or LF from elsewhere): it is left out.
bool is_sendable_value(std::string_view value);

// How the answer's body is delimited, as its head says it.
struct ResponseFraming {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
  bool close = false;  // says "connection: close"
};

// Appends a complete HTTP/1.1 head with its empty line.
void append_response_head(std::string& out, const ResponseHead& head,
                          const ResponseFraming& framing, std::string_view date);

}  // namespace sovmesh::http
