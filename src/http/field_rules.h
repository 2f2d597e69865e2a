#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sovmesh::http {

// Small rules about field values that requests and responses share. Pure.

// RFC 9110 tchar: what method and field names consist of.
bool is_token_char(char c);
bool is_token(std::string_view text);

// "Content-Length": digits only, no sign, no list, no leading zero, below 2^63.
std::optional<std::uint64_t> parse_content_length(std::string_view value);

// Names that some parser may take for a framing field ("transfer_encoding", "content--length"):
// equal to one when everything but letters is left out, without being it.
bool looks_like_framing(std::string_view lower_name);

// A Host value or URI authority: host without port, in the same bytes. Nothing when it is not
// exactly one host name, IPv4 address or [IPv6] with an optional port.
struct Authority {
  std::string_view host;
  std::string_view port;  // empty when there is none
};
std::optional<Authority> parse_authority(std::string_view text);

// What a Transfer-Encoding, all its lines together, asks for.
enum class Coding : std::uint8_t {
  chunked,      // exactly that
  unsupported,  // well-formed, ends with the one "chunked", but has other codings or parameters
  bad,          // anything else
};
class TransferEncoding {
 public:
  void add(std::string_view value);  // one field line's value
  bool present() const { return lines_ > 0; }
  Coding coding() const;

 private:
  void add_element(std::string_view element);

  unsigned lines_ = 0;
  unsigned elements_ = 0;
  unsigned chunked_ = 0;
  bool last_is_chunked_ = false;
  bool has_parameters_ = false;
  bool bad_ = false;
};

// What a Connection field says, its tokens in any order.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  void add(std::string_view value);
};

// Fields that end at this connection and are no business of handlers.
bool is_connection_field(std::string_view lower_name);

}  // namespace sovmesh::http
