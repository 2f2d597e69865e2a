#include "http/url.h"

#include <sys/un.h>

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "rt/net.h"

namespace sovmesh::http {
namespace {

std::unexpected<Error> invalid(std::string_view what) {
  return our_error(Code::config_invalid, "URL: " + std::string(what));
}

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Takes `prefix` off the front.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

// "127.1", "0x7f.0.0.1" and "2130706433" are addresses to some resolvers: a name's last label must
// not look like a number.
bool looks_numeric(std::string_view label) {
  return label.starts_with("0x") ||
         std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host_name(std::string_view host) {
  if (host.size() > 253) return false;
  for (;;) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == host.npos) return !looks_numeric(label);
    host.remove_prefix(dot + 1);
  }
}

Result<std::string> parse_host(std::string_view text, bool bracketed) {
  const auto ip = rt::IpAddress::parse(text);
  if (bracketed) {
    if (!ip || text.find(':') == text.npos) return invalid("brackets need an IPv6 address");
    return ip->text();
  }
  if (ip && ip->is_v4()) return ip->text();
  std::string host = to_lower(text);
  if (!is_host_name(host)) return invalid("its host is neither a name nor an address");
  return host;
}

Result<std::uint16_t> parse_port(std::string_view digits) {
  const auto port = parse_u64(digits);
  if (!port || *port < 1 || *port > 65'535) return invalid("its port must be 1..65535");
  return static_cast<std::uint16_t>(*port);
}

// "" and "/" mean the usual one; a trailing '/' is dropped.
Result<std::string> parse_path(std::string_view path, std::string_view usual) {
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return std::string(usual);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '/') {
      const std::string_view segment = path.substr(i + 1, path.find('/', i + 1) - i - 1);
      if (segment.empty() || segment == "." || segment == "..")
        return invalid("its path has an empty or dotted segment");
    } else if (!is_alnum(c) && std::string_view("-._~").find(c) == std::string_view::npos) {
      return invalid("its path may hold letters, digits, '-', '.', '_', '~' and '/' only");
    }
  }
  return std::string(path);
}

Result<Url> parse_unix(std::string_view path, std::string_view usual_path) {
  if (!path.starts_with('/')) return invalid("unix: needs an absolute path");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return invalid("its socket path is too long");
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return invalid("its socket path has a control character");
  return Url{.unix_path = std::string(path), .path = std::string(usual_path)};
}

}  // namespace

Result<Url> parse_url(std::string_view text, std::string_view usual_path) {
  if (take(text, "unix:")) return parse_unix(text, usual_path);
  Url url;
  if (take(text, "https://"))
    url.is_tls = true;
  else if (!take(text, "http://"))
    return invalid("want http://HOST:PORT/PATH, https://... or unix:/PATH");
  if (text.find_first_of("@") != text.npos)
    return invalid("no user or password in it; set the key by api_key");
  if (text.find_first_of("?#") != text.npos) return invalid("no query and no fragment in it");

  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  const bool bracketed = authority.starts_with('[');
  const std::size_t host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == authority.npos) return invalid("']' is missing");
  const std::string_view host = authority.substr(bracketed, host_end - bracketed);
  TRY(url.host, parse_host(host, bracketed));

  std::string_view rest = host_end == authority.npos ? "" : authority.substr(host_end + bracketed);
  url.port = url.is_tls ? 443 : 80;
  if (!rest.empty()) {
    if (!take(rest, ":")) return invalid("its host is followed by something else than a port");
    TRY(url.port, parse_port(rest));
  }
  TRY(url.path, parse_path(text.substr(slash), usual_path));
  return url;
}

}  // namespace sovmesh::http
