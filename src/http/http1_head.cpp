#include "http/http1_head.h"

#include <algorithm>
#include <span>

#include "base/bytes.h"
#include "http/field_rules.h"

namespace sovmesh::http {

namespace {

std::unexpected<Refusal> refuse(int status, Code code, std::string_view message) {
  return std::unexpected(Refusal{.status = status, .code = code, .message = message});
}
std::unexpected<Refusal> refuse(std::string_view message) {
  return refuse(400, Code::invalid_request, message);
}

constexpr std::string_view kMethods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                         "PATCH", "DELETE", "OPTIONS"};
constexpr std::size_t kMethodBytesMax = 32;
// Method, two spaces, version and CRLF: what a request line has beside its target, at most.
constexpr std::size_t kLineExtraMax = kMethodBytesMax + 12;

Checked<Version> parse_version(std::string_view text) {
  if (text == "HTTP/1.1") return Version::http_1_1;
  if (text == "HTTP/1.0") return Version::http_1_0;
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  const bool well_formed = text.size() == 8 && text.starts_with("HTTP/") && digit(5) &&
                           text[6] == '.' && digit(7) && text[5] != '0';
  if (!well_formed) return refuse("The request line is malformed.");
  return refuse(505, Code::invalid_request, "This HTTP version is not supported.");
}

Checked<> check_method(std::string_view method) {
  if (method.size() > kMethodBytesMax || !is_token(method))
    return refuse("The request line is malformed.");
  if (std::ranges::find(kMethods, method) == std::end(kMethods))
    return refuse(405, Code::method_not_supported, "This method is not supported.");
  return {};
}

Checked<> check_target(std::string_view target, std::string_view method) {
  // No address of ours is empty or holds bytes beyond ASCII; nothing may guess what they mean.
  if (target.empty()) return refuse(404, Code::unknown_url, "The URL is empty.");
  bool beyond_ascii = false;
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F) return refuse("The URL holds a forbidden character.");
    beyond_ascii |= byte > 0x7F;
  }
  if (beyond_ascii)
    return refuse(404, Code::unknown_url, "The URL holds characters that are not ASCII.");
  const bool good_form = target.front() == '/' || target.starts_with("http://") ||
                         target.starts_with("https://") || (target == "*" && method == "OPTIONS");
  if (!good_form) return refuse("The request target has no valid form.");
  return {};
}

// `line` without CRLF; `at` is where it begins in the head's bytes.
Checked<RequestLine> parse_request_line(std::string_view line, std::size_t at,
                                        const HeadBounds& bounds) {
  const std::size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos) return refuse("The request line is malformed.");
  const std::string_view method = line.substr(0, method_end);
  if (auto checked = check_method(method); !checked) return std::unexpected(checked.error());
  const std::size_t target_end = line.rfind(' ');
  if (target_end == method_end) return refuse("The request line is malformed.");
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  if (target.size() > bounds.target_bytes_max)
    return refuse(414, Code::invalid_request, "The URL is too long.");
  const auto version = parse_version(line.substr(target_end + 1));
  if (!version) return std::unexpected(version.error());
  if (auto checked = check_target(target, method); !checked)
    return std::unexpected(checked.error());
  return RequestLine{.method_begin = static_cast<std::uint32_t>(at),
                     .method_size = static_cast<std::uint32_t>(method.size()),
                     .target_begin = static_cast<std::uint32_t>(at + method_end + 1),
                     .target_size = static_cast<std::uint32_t>(target.size()),
                     .version = *version};
}

// "HTTP/1.1 200 text"; the text, and the space before it, may be missing.
bool is_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.0 ")) return false;
  const std::string_view code = line.substr(9, 3);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (code.size() != 3 || !std::ranges::all_of(code, is_digit) || code.front() == '0') return false;
  return line.size() == 12 || (line[12] == ' ' && is_field_text(line.substr(13)));
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// How much of `input` to take for a head: to its first empty line, so that the body behind it is
// not copied. Only a guess; a head that began earlier may end before.
std::size_t likely_head_size(std::string_view input) {
  std::size_t lf = input.find('\n');
  while (lf != std::string_view::npos) {
    if (input.substr(lf + 1, 2) == "\r\n") return lf + 3;
    lf = input.find('\n', lf + 1);
  }
  return input.size();
}

// What the fields of a head say about its framing and its target.
struct FieldFacts {
  std::string_view host;
  std::string_view content_length;
  unsigned hosts = 0;
  unsigned content_lengths = 0;
  unsigned expects = 0;
  bool expects_continue = false;
  bool has_lookalike = false;
  TransferEncoding encoding;
  ConnectionOptions connection;

  // False: this field ends here and is no business of handlers.
  bool add(std::string_view name, std::string_view value) {
    has_lookalike |= looks_like_framing(name);
    if (name == "host") {
      host = value;
      ++hosts;
      return false;
    }
    if (!is_connection_field(name)) return true;
    if (name == "content-length") {
      content_length = value;
      ++content_lengths;
    } else if (name == "transfer-encoding") {
      encoding.add(value);
    } else if (name == "connection") {
      connection.add(value);
    } else if (name == "expect") {
      ++expects;
      expects_continue = equals_ignore_case(value, "100-continue");
    }
    return false;
  }
};

}  // namespace

Checked<bool> HeadReader::feed(std::string_view& input, const HeadBounds& bounds) {
  const std::size_t room = bounds.bytes_max - bytes_.size();
  const std::size_t wanted = likely_head_size(input);
  const std::size_t taken = std::min(wanted, room);
  if (bytes_.empty()) bytes_.reserve(std::min(taken, kKeptBytes / 2));
  bytes_.append(input.substr(0, taken));
  const bool is_cut = taken < wanted;
  input.remove_prefix(taken);
  while (true) {
    const std::size_t lf = bytes_.find('\n', std::max(line_begin_, searched_));
    if (lf == std::string::npos) break;
    const std::span<char> line(bytes_.data() + line_begin_, lf + 1 - line_begin_);
    const bool ends_head = is_started_ && std::string_view(line.data(), line.size()) == "\r\n";
    if (ends_head) {
      input = {input.data() - (bytes_.size() - lf - 1), input.size() + bytes_.size() - lf - 1};
      bytes_.resize(lf + 1);
      return true;
    }
    if (auto checked = check_line(line, bounds); !checked) return std::unexpected(checked.error());
    line_begin_ = lf + 1;
  }
  searched_ = bytes_.size();
  if (auto checked = check_line_begin(std::string_view(bytes_).substr(line_begin_), bounds);
      !checked)
    return std::unexpected(checked.error());
  if (is_cut) return refuse(431, Code::request_header_fields_too_large, "The header is too large.");
  return false;
}

void HeadReader::clear() {
  bytes_.clear();
  if (bytes_.capacity() > kKeptBytes) bytes_.shrink_to_fit();
  fields_.clear();
  first_line_ = 0;
  line_begin_ = 0;
  searched_ = 0;
  is_started_ = false;
}

// `line` with its LF; never the empty line that ends a head.
Checked<> HeadReader::check_line(std::span<char> line, const HeadBounds& bounds) {
  const std::string_view whole(line.data(), line.size());
  if (!is_started_) {
    if (auto checked = check_line_begin(whole, bounds); !checked) return checked;
  }
  if (!whole.ends_with("\r\n")) return refuse("A header line does not end with CRLF.");
  const std::string_view text = whole.substr(0, whole.size() - 2);
  if (is_started_) {
    if (fields_.size() == bounds.fields_max)
      return refuse(431, Code::request_header_fields_too_large, "There are too many headers.");
    return add_field(line.first(text.size()));
  }
  // One empty line before a request is forgiven: old clients end a body with it (RFC 9112 2.2).
  if (text.empty() && first_line_ == 0 && kind_ == Kind::request) {
    first_line_ = 2;
    return {};
  }
  if (kind_ == Kind::request) {
    auto parsed = parse_request_line(text, line_begin_, bounds);
    if (!parsed) return std::unexpected(parsed.error());
    request_line_ = *parsed;
  } else if (!is_status_line(text)) {
    return refuse("The status line is malformed.");
  }
  is_started_ = true;
  return {};
}

// field-line = token ":" OWS value OWS (RFC 9112 section 5). No space before the colon, no folded
// line (it begins with a space, which is no token), no control byte in the value.
Checked<> HeadReader::add_field(std::span<char> line) {
  char* const first = line.data();  // plain pointers: this loop sees every byte of every head
  char* const last = first + line.size();
  char* colon = first;
  for (; colon != last; ++colon) {
    const char lower = lower_token_char(*colon);
    if (lower == 0) break;
    *colon = lower;
  }
  if (colon == first || colon == last || *colon != ':')
    return refuse("A header line is malformed.");
  const char* begin = colon + 1;
  const char* end = last;
  while (begin != end && is_blank(*begin))
    ++begin;
  while (begin != end && is_blank(end[-1]))
    --end;
  if (!is_field_text({begin, end})) return refuse("A header value holds a forbidden character.");
  const std::size_t at = line_begin_;
  fields_.push_back(
      {.name_begin = static_cast<std::uint32_t>(at),
       .name_size = static_cast<std::uint32_t>(colon - first),
       .value_begin = static_cast<std::uint32_t>(at) + static_cast<std::uint32_t>(begin - first),
       .value_size = static_cast<std::uint32_t>(end - begin)});
  return {};
}

// Of the first line, finished or not: junk (a TLS handshake, another protocol) is refused without
// waiting for its end.
Checked<> HeadReader::check_line_begin(std::string_view line, const HeadBounds& bounds) const {
  if (is_started_ || line == "\r" || line == "\r\n" || line.empty()) return {};
  if (kind_ == Kind::response)
    return std::string_view("HTTP/1.").starts_with(line.substr(0, 7))
               ? Checked<>()
               : refuse("The status line is malformed.");
  const std::string_view method = line.substr(0, line.find(' '));
  if (method.size() > kMethodBytesMax || !is_token(method))
    return refuse("The request line is malformed.");
  if (line.size() > bounds.target_bytes_max + kLineExtraMax)
    return refuse(414, Code::invalid_request, "The URL is too long.");
  return {};
}

namespace {

FieldFacts gather(const HeadReader& reader, Fields& fields) {
  FieldFacts facts;
  const std::string_view bytes = reader.bytes();
  fields.clear();
  for (const HeadReader::FieldPlace& place : reader.fields()) {
    const std::string_view name = bytes.substr(place.name_begin, place.name_size);
    const std::string_view value = bytes.substr(place.value_begin, place.value_size);
    if (facts.add(name, value)) fields.add(name, value);
  }
  return facts;
}

// Content-Length and Transfer-Encoding, as strict for answers as for requests: any doubt about
// where a message ends is how one message becomes two.
Checked<Framing> frame(const FieldFacts& facts, Version version) {
  Framing framing;
  framing.keep_alive = version == Version::http_1_1 && !facts.connection.close;
  if (facts.has_lookalike) return refuse("A header only looks like a framing header.");
  if (facts.encoding.present() && facts.content_lengths > 0)
    return refuse("Content-Length and Transfer-Encoding exclude each other.");
  if (facts.encoding.present()) {
    if (version == Version::http_1_0)
      return refuse("Transfer-Encoding has no meaning in HTTP/1.0.");
    const Coding coding = facts.encoding.coding();
    if (coding == Coding::bad) return refuse("The Transfer-Encoding is invalid.");
    if (coding == Coding::unsupported)
      return refuse(501, Code::invalid_request, "Only the transfer encoding chunked is supported.");
    framing.kind = Framing::Kind::chunked;
  } else if (facts.content_lengths > 0) {
    const auto length = parse_content_length(facts.content_length);
    if (facts.content_lengths > 1 || !length) return refuse("The Content-Length is invalid.");
    framing.kind = *length > 0 ? Framing::Kind::length : Framing::Kind::none;
    framing.length = *length;
  }
  return framing;
}

// `part` is a view of `bytes`.
void lower_case(std::string& bytes, std::string_view part) {
  if (part.empty()) return;
  const auto begin = static_cast<std::size_t>(part.data() - bytes.data());
  for (std::size_t i = begin; i < begin + part.size(); ++i)
    if (bytes[i] >= 'A' && bytes[i] <= 'Z') bytes[i] = static_cast<char>(bytes[i] | 0x20);
}

std::string_view effective_port(const Authority& authority, bool https) {
  if (!authority.port.empty()) return authority.port;
  return https ? "443" : "80";
}

// Splits the target; an absolute form must name the same place as Host does.
Checked<> set_target(std::string_view target, const std::optional<Authority>& host,
                     RequestHead& head) {
  if (target.starts_with("http")) {
    const bool https = target.starts_with("https");
    target.remove_prefix(https ? 8 : 7);
    const std::size_t authority_size = std::min(target.find_first_of("/?#"), target.size());
    const auto authority = parse_authority(target.substr(0, authority_size));
    const bool same = authority && host && equals_ignore_case(authority->host, host->host) &&
                      effective_port(*authority, https) == effective_port(*host, https);
    if (!same) return refuse("The URL names another host than the Host header.");
    target.remove_prefix(authority_size);
    if (target.empty()) target = "/";
    if (target.front() != '/') return refuse("The request target has no valid form.");
  }
  const std::size_t question = target.find('?');
  head.path = target.substr(0, question);
  head.query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return {};
}

Checked<> set_host_and_target(std::string_view target, const FieldFacts& facts, RequestHead& head) {
  std::optional<Authority> host;
  if (facts.hosts > 1 || (facts.hosts == 0 && head.version == Version::http_1_1))
    return refuse("A request must have exactly one Host header.");
  if (facts.hosts == 1) {
    host = parse_authority(facts.host);
    if (!host) return refuse("The Host header is invalid.");
    head.host = host->host;
  }
  return set_target(target, host, head);
}

}  // namespace

Checked<> parse_request_head(HeadReader& reader, RequestHead& head, Framing& framing) {
  std::string& bytes = reader.bytes();
  const RequestLine& line = reader.request_line();
  const FieldFacts facts = gather(reader, head.fields);
  const std::string_view all = bytes;
  head.method = all.substr(line.method_begin, line.method_size);
  head.version = line.version;
  head.host = {};
  const auto framed = frame(facts, line.version);
  if (!framed) return std::unexpected(framed.error());
  framing = *framed;
  const bool has_body = framing.kind != Framing::Kind::none;
  if (has_body && (head.method == "GET" || head.method == "HEAD"))
    return refuse("A GET or HEAD request must not have a body.");
  if (auto set = set_host_and_target(all.substr(line.target_begin, line.target_size), facts, head);
      !set)
    return set;
  lower_case(bytes, head.host);
  if (facts.expects > 1 || (facts.expects == 1 && !facts.expects_continue))
    return refuse(417, Code::invalid_request, "Only the expectation 100-continue is supported.");
  head.expects_continue = facts.expects_continue && has_body && line.version == Version::http_1_1;
  head.has_body = has_body;
  head.content_length = std::nullopt;
  if (facts.content_lengths > 0) head.content_length = framing.length;
  return {};
}

Checked<> parse_response_head(HeadReader& reader, bool to_head, ParsedResponse& response) {
  const std::string_view all = reader.bytes();
  const FieldFacts facts = gather(reader, *response.fields);
  response.status = (all[9] - '0') * 100 + (all[10] - '0') * 10 + (all[11] - '0');
  const Version version = all[7] == '1' ? Version::http_1_1 : Version::http_1_0;
  const auto framed = frame(facts, version);
  if (!framed) return std::unexpected(framed.error());
  response.framing = *framed;
  response.content_length = std::nullopt;
  if (facts.content_lengths > 0) response.content_length = framed->length;
  if ((response.status < 200 || response.status == 204) && framed->kind != Framing::Kind::none)
    return refuse("An answer that has no body announces one.");
  const bool bodiless =
      to_head || response.status < 200 || response.status == 204 || response.status == 304;
  if (bodiless) {
    response.framing.kind = Framing::Kind::none;
    response.framing.length = 0;
  } else if (facts.content_lengths == 0 && !facts.encoding.present()) {
    response.framing.kind = Framing::Kind::until_close;
    response.framing.keep_alive = false;
  }
  return {};
}

}  // namespace sovmesh::http
