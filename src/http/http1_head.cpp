#include "http/http1_head.h"

#include <llhttp.h>

#include <algorithm>
#include <cstring>
#include <utility>

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

}  // namespace

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

namespace {

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

// "HTTP/1.1 200 text": what llhttp lets through and we do not.
bool is_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.0 ")) return false;
  return std::ranges::none_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7F;
  });
}

// `text` lies in a head of ours, which is writable; llhttp only lends it as const.
void lower_case(std::string_view text) {
  for (const char& c : text)
    if (c >= 'A' && c <= 'Z') const_cast<char&>(c) = static_cast<char>(c + ('a' - 'A'));
}

// One run of llhttp over a complete head that puts the fields into `fields` as views, their names
// made lower case.
class FieldCollector {
 public:
  FieldCollector(llhttp_type_t type, Fields& fields) : fields_(fields) {
    llhttp_init(&parser_, type, &settings());
    parser_.data = this;
    fields_.clear();
    fields_.reserve(kUsualFields);
  }

  // `head` must be exactly one well-formed head.
  Checked<> run(std::string& head, std::size_t begin) {
    const char* const first = head.data() + begin;
    const llhttp_errno_t error = llhttp_execute(&parser_, first, head.size() - begin);
    const bool is_whole = error == HPE_PAUSED && complete_ &&
                          llhttp_get_error_pos(&parser_) == head.data() + head.size();
    return is_whole ? Checked<>() : refuse(why(error));
  }

 private:
  static std::string_view why(llhttp_errno_t error) {
    switch (error) {
      case HPE_UNEXPECTED_CONTENT_LENGTH:
        return "There are several Content-Length headers.";
      case HPE_INVALID_CONTENT_LENGTH:
        return "The Content-Length is invalid or stands beside a Transfer-Encoding.";
      case HPE_INVALID_TRANSFER_ENCODING:
        return "The Transfer-Encoding is invalid or stands beside a Content-Length.";
      default:
        return "A header line is malformed.";
    }
  }
  static FieldCollector& self(llhttp_t* parser) {
    return *static_cast<FieldCollector*>(parser->data);
  }
  // A span may come in pieces, which lie one behind the other in the head.
  static void extend(std::string_view& span, const char* at, std::size_t size) {
    const char* const begin = span.data() == nullptr ? at : span.data();
    span = {begin, static_cast<std::size_t>(at + size - begin)};
  }
  static constexpr std::size_t kUsualFields = 16;
  void finish_field() {
    lower_case(name_);
    fields_.add(name_, trim(value_));
    name_ = {};
    value_ = {};
  }

  static llhttp_settings_t make_settings() {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
      extend(self(parser).name_, at, size);
      return 0;
    };
    settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
      extend(self(parser).value_, at, size);
      return 0;
    };
    settings.on_header_value_complete = [](llhttp_t* parser) {
      self(parser).finish_field();
      return 0;
    };
    // Framing is decided by us, from all fields together: stop before llhttp does.
    settings.on_headers_complete = [](llhttp_t* parser) -> int {
      self(parser).complete_ = true;
      return HPE_PAUSED;
    };
    return settings;
  }
  static const llhttp_settings_t& settings() {
    static const llhttp_settings_t settings = make_settings();
    return settings;
  }

  llhttp_t parser_{};
  Fields& fields_;
  std::string_view name_;
  std::string_view value_;
  bool complete_ = false;
};

}  // namespace

Checked<bool> HeadReader::feed(std::string_view& input, const HeadBounds& bounds) {
  if (bytes_.empty()) bytes_.reserve(std::min<std::size_t>(input.size(), kKeptBytes / 2));
  std::size_t checked = 0;  // bytes of whole lines at the front of `input`, not in bytes_ yet
  while (true) {
    const std::size_t lf = input.find('\n', checked);
    const std::size_t end = lf == std::string_view::npos ? input.size() : lf + 1;
    const std::size_t room = bounds.bytes_max - bytes_.size();
    const bool is_too_long = end > room;
    if (lf == std::string_view::npos || is_too_long) {
      bytes_.append(input.substr(0, room));
      const std::string_view begun = std::string_view(bytes_).substr(line_begin_);
      if (auto fine = check_line_begin(begun, bounds); !fine) return std::unexpected(fine.error());
      if (is_too_long)
        return refuse(431, Code::request_header_fields_too_large, "The header is too large.");
      input = {};
      return false;
    }
    const bool began_earlier = bytes_.size() > line_begin_;
    std::string_view line = input.substr(checked, end - checked);
    if (began_earlier) line = std::string_view(bytes_.append(line)).substr(line_begin_);
    const bool ends_head = lines_ > 0 && line == "\r\n";
    if (auto fine = check_line(line, bounds); !fine) {
      if (!began_earlier) bytes_.append(input.substr(0, end));
      input.remove_prefix(checked);
      return std::unexpected(fine.error());
    }
    line_begin_ += static_cast<std::uint32_t>(line.size());
    checked = end;
    if (began_earlier) input.remove_prefix(std::exchange(checked, 0));
    if (!ends_head) continue;
    bytes_.append(input.substr(0, checked));
    input.remove_prefix(checked);
    return true;
  }
}

void HeadReader::clear() {
  bytes_.clear();
  if (bytes_.capacity() > kKeptBytes) bytes_.shrink_to_fit();
  first_line_ = 0;
  line_begin_ = 0;
  lines_ = 0;
}

Checked<> HeadReader::check_line(std::string_view line, const HeadBounds& bounds) {
  if (auto checked = check_line_begin(line, bounds); !checked) return checked;
  if (!line.ends_with("\r\n")) return refuse("A header line does not end with CRLF.");
  line.remove_suffix(2);
  if (lines_ > 0) {
    if (!line.empty() && ++lines_ > bounds.fields_max + 1)
      return refuse(431, Code::request_header_fields_too_large, "There are too many headers.");
    return {};
  }
  // One empty line before a request is forgiven: old clients end a body with it (RFC 9112 2.2).
  if (line.empty() && first_line_ == 0 && kind_ == Kind::request) {
    first_line_ = 2;
    return {};
  }
  if (kind_ == Kind::request) {
    auto parsed = parse_request_line(line, line_begin_, bounds);
    if (!parsed) return std::unexpected(parsed.error());
    request_line_ = *parsed;
  } else if (!is_status_line(line)) {
    return refuse("The status line is malformed.");
  }
  ++lines_;
  return {};
}

// Of the first line, finished or not: junk (a TLS handshake, another protocol) is refused without
// waiting for its end.
Checked<> HeadReader::check_line_begin(std::string_view line, const HeadBounds& bounds) const {
  if (lines_ > 0 || line == "\r" || line == "\r\n" || line.empty()) return {};
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

// What the fields of a head say about its framing and its target, gathered in one walk.
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

  void add(const Field& field) {
    has_lookalike |= looks_like_framing(field.name);
    if (field.name == "host") {
      host = field.value;
      ++hosts;
    } else if (field.name == "content-length") {
      content_length = field.value;
      ++content_lengths;
    } else if (field.name == "transfer-encoding") {
      encoding.add(field.value);
    } else if (field.name == "connection") {
      connection.add(field.value);
    } else if (field.name == "expect") {
      ++expects;
      expects_continue = equals_ignore_case(field.value, "100-continue");
    }
  }
};

FieldFacts gather(const Fields& fields) {
  FieldFacts facts;
  for (const Field& field : fields)
    facts.add(field);
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
    lower_case(host->host);
    head.host = host->host;
    head.port = host->port;
  }
  return set_target(target, host, head);
}

void keep_other_fields(Fields& fields) {
  fields.remove_if(
      [](const Field& field) { return field.name == "host" || is_connection_field(field.name); });
}

}  // namespace

Checked<> parse_request_head(HeadReader& reader, RequestHead& head, Framing& framing) {
  std::string& bytes = reader.bytes();
  const RequestLine& line = reader.request_line();
  const std::string_view all = bytes;
  // Known, also when the rest is refused.
  head.method = all.substr(line.method_begin, line.method_size);
  head.version = line.version;
  head.host = {};
  head.port = {};
  auto collected = FieldCollector(HTTP_REQUEST, head.fields).run(bytes, reader.begin());
  if (!collected) return collected;
  const FieldFacts facts = gather(head.fields);
  const auto framed = frame(facts, line.version);
  if (!framed) return std::unexpected(framed.error());
  framing = *framed;
  const bool has_body = framing.kind != Framing::Kind::none;
  if (has_body && (head.method == "GET" || head.method == "HEAD"))
    return refuse("A GET or HEAD request must not have a body.");
  if (auto set = set_host_and_target(all.substr(line.target_begin, line.target_size), facts, head);
      !set)
    return set;
  if (facts.expects > 1 || (facts.expects == 1 && !facts.expects_continue))
    return refuse(417, Code::invalid_request, "Only the expectation 100-continue is supported.");
  head.expects_continue = facts.expects_continue && has_body && line.version == Version::http_1_1;
  head.has_body = has_body;
  head.content_length = std::nullopt;
  if (facts.content_lengths > 0) head.content_length = framing.length;
  keep_other_fields(head.fields);
  return {};
}

Checked<> parse_response_head(HeadReader& reader, bool to_head, ParsedResponse& response) {
  std::string& bytes = reader.bytes();
  const std::string_view all = bytes;
  auto collected = FieldCollector(HTTP_RESPONSE, *response.fields).run(bytes, reader.begin());
  if (!collected) return collected;
  response.status = (all[9] - '0') * 100 + (all[10] - '0') * 10 + (all[11] - '0');
  const Version version = all[7] == '1' ? Version::http_1_1 : Version::http_1_0;
  const FieldFacts facts = gather(*response.fields);
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
  keep_other_fields(*response.fields);
  return {};
}

}  // namespace sovmesh::http
