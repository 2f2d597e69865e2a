#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sovmesh::http {

// One header field; names are lower case. The views live as long as the head that holds them.
struct Field {
  std::string_view name;
  std::string_view value;
};

// Header fields in the order they came; repeated names stay apart.
class Fields {
 public:
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  // The first value of `name` (lower case).
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  void clear() { fields_.clear(); }
  template <class Predicate>
  void remove_if(Predicate predicate) {
    std::erase_if(fields_, predicate);
  }

 private:
  std::vector<Field> fields_;
};

enum class Version : std::uint8_t { http_1_0, http_1_1, http_2 };

// A request's head, checked: exactly one Host/:authority, a target in origin form ("/path?query";
// an absolute-form target has been split into authority and path; "*" only for OPTIONS), framing
// fields consumed. The views point into the connection's own buffer and live until the exchange
// ends.
struct RequestHead {
  std::string_view method;  // as sent, upper case: "GET"
  std::string_view path;    // begins with '/', still percent-encoded, without query
  std::string_view query;   // without '?'
  std::string_view host;    // lower case, without port
  Fields fields;            // without connection-specific ones
  Version version = Version::http_1_1;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;  // nothing: chunked, HTTP/2 without it, or no body
  bool has_body = false;
};

// A response's head as a handler gives it. Framing fields (content-length, transfer-encoding,
// connection, date) are the server's business and must not be in `fields`.
struct ResponseHead {
  int status = 200;
  std::vector<std::pair<std::string_view, std::string>>
      fields;  // names: string literals, lower case

  void add(std::string_view name, std::string value) {
    fields.emplace_back(name, std::move(value));
  }
};

}  // namespace sovmesh::http
