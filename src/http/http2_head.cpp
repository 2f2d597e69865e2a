#include "http/http2_head.h"

#include "base/bytes.h"
#include "http/field_rules.h"

namespace sovmesh::http {

namespace {

constexpr std::size_t kFieldOverhead = 32;
constexpr std::size_t kPseudoFieldsMax = 4;

std::unexpected<Refusal> refuse(int status, Code code, std::string_view message) {
  return std::unexpected(Refusal{.status = status, .code = code, .message = message});
}
std::unexpected<Refusal> refuse(std::string_view message) {
  return refuse(400, Code::invalid_request, message);
}
std::unexpected<Refusal> refuse_many() {
  return refuse(431, Code::request_header_fields_too_large, "There are too many headers.");
}

bool names_host(std::string_view name) { return name == ":authority" || name == "host"; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void Http2Head::add(std::string_view name, std::string_view value) {
  listed_bytes_ += name.size() + value.size() + kFieldOverhead;
  too_large_ = too_large_ || listed_bytes_ > bounds_.bytes_max;
  too_many_ = too_many_ || places_.size() == bounds_.fields_max + kPseudoFieldsMax;
  if (too_large_ || too_many_) return;
  places_.push_back({.name_begin = static_cast<std::uint32_t>(arena_.size()),
                     .name_size = static_cast<std::uint32_t>(name.size()),
                     .value_size = static_cast<std::uint32_t>(value.size())});
  arena_.append(name).append(value);
}

std::string_view Http2Head::name_of(const Place& place) const {
  return std::string_view(arena_).substr(place.name_begin, place.name_size);
}

std::string_view Http2Head::value_of(const Place& place) const {
  return std::string_view(arena_).substr(place.name_begin + place.name_size, place.value_size);
}

Checked<> Http2Head::build(bool has_body, RequestHead& head) {
  head.version = Version::http_2;
  head.has_body = has_body;
  if (too_many_) return refuse_many();
  if (too_large_)
    return refuse(431, Code::request_header_fields_too_large, "The header is too large.");
  // The host is made lower case in the arena, behind everything else: views come after it.
  for (const Place& place : places_)
    if (names_host(name_of(place))) {
      const std::size_t begin = place.name_begin + place.name_size;
      for (std::size_t i = 0; i < place.value_size; ++i)
        arena_[begin + i] = lower(arena_[begin + i]);
    }
  Pseudo pseudo;
  if (auto read = read_fields(pseudo, head); !read) return read;
  head.method = pseudo.method.value_or(std::string_view());
  if (auto checked = check_method(head.method); !checked) return checked;
  if (!pseudo.path) return refuse("A request must have a :path.");
  if (has_body && (head.method == "GET" || head.method == "HEAD"))
    return refuse("A GET or HEAD request must not have a body.");
  if (auto set = set_host(pseudo, head); !set) return set;
  if (auto set = set_target(*pseudo.path, head); !set) return set;
  head.fields.remove_if(
      [](const Field& field) { return field.name == "host" || is_connection_field(field.name); });
  return {};
}

Checked<> Http2Head::read_fields(Pseudo& pseudo, RequestHead& head) const {
  for (const Place& place : places_) {
    const std::string_view name = name_of(place);
    const std::string_view value = value_of(place);
    if (name == ":method") {
      pseudo.method = value;
    } else if (name == ":path") {
      pseudo.path = value;
    } else if (name == ":authority") {
      pseudo.authority = value;
    } else if (name.starts_with(':')) {
      continue;  // :scheme; a proxy in front may speak another one than we do
    } else if (looks_like_framing(name)) {
      return refuse("A header only looks like a framing header.");
    } else if (name == "content-length") {
      head.content_length = parse_content_length(value);
      if (!head.content_length) return refuse("The Content-Length is invalid.");
    } else if (name == "expect") {
      if (!equals_ignore_case(value, "100-continue"))
        return refuse(417, Code::invalid_request,
                      "Only the expectation 100-continue is supported.");
      head.expects_continue = head.has_body;
    } else {
      head.fields.add(name, value);
    }
  }
  if (head.fields.size() > bounds_.fields_max) return refuse_many();
  return {};
}

// A client that got its request over HTTP/1 may send Host instead of :authority (RFC 9113 8.3.1).
Checked<> Http2Head::set_host(const Pseudo& pseudo, RequestHead& head) const {
  const auto given = pseudo.authority ? pseudo.authority : head.fields.find("host");
  if (!given) return refuse("A request must have an :authority.");
  const auto authority = parse_authority(*given);
  if (!authority) return refuse("The :authority is invalid.");
  for (const Field& field : head.fields)
    if (field.name == "host" && field.value != *given)
      return refuse("The request names two hosts.");
  head.host = authority->host;
  head.port = authority->port;
  return {};
}

Checked<> Http2Head::set_target(std::string_view target, RequestHead& head) const {
  if (target.size() > bounds_.target_bytes_max)
    return refuse(414, Code::invalid_request, "The URL is too long.");
  if (auto checked = check_target(target, head.method); !checked) return checked;
  const bool is_absolute = !target.starts_with('/') && target != "*";
  if (is_absolute || target.contains('#')) return refuse("The request target has no valid form.");
  const std::size_t question = target.find('?');
  head.path = target.substr(0, question);
  head.query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return {};
}

}  // namespace sovmesh::http
