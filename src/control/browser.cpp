#include "control/browser.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kCookie = "sm_session";

std::unexpected<Error> foreign_page() {
  return client_error(Code::insufficient_permissions,
                      "this request comes from a page of another site");
}

// "https://mesh.example:8443" to "mesh.example". An origin has no user: empty where one is.
std::string_view host_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  if (scheme == origin.npos) return {};
  std::string_view host = origin.substr(scheme + 3);
  if (host.contains('@')) return {};
  const auto port = host.rfind(':');
  if (port != host.npos && host.find(']', port) == host.npos) host = host.substr(0, port);
  return host;
}

}  // namespace

std::optional<std::string> session_cookie(const http::RequestHead& head) {
  std::optional<std::string> found;
  for (const auto& field : head.fields) {
    if (field.name != "cookie") continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      const std::string_view one = trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto equals = one.find('=');
      if (equals == one.npos || one.substr(0, equals) != kCookie) continue;
      if (found) return std::nullopt;
      found = std::string(one.substr(equals + 1));
    }
  }
  if (found && found->empty()) return std::nullopt;
  return found;
}

std::string cookie_text(std::string_view token, bool is_secure) {
  std::string text = std::string(kCookie).append("=").append(token);
  text += "; HttpOnly; SameSite=Strict; Path=/";
  if (token.empty()) text += "; Max-Age=0";
  if (is_secure) text += "; Secure";
  return text;
}

bool has_secure_page(const http::RequestHead& head) {
  return head.fields.find("origin").value_or("").starts_with("https://");
}

Result<void> check_site(const http::RequestHead& head) {
  if (const auto site = head.fields.find("sec-fetch-site");
      site && *site != "same-origin" && *site != "none")
    return foreign_page();
  if (head.fields.count("origin") > 1) return foreign_page();
  const auto origin = head.fields.find("origin");
  if (!origin) return {};
  const std::string_view host = host_of(*origin);
  if (host.empty() || !equals_ignore_case(host, head.host)) return foreign_page();
  return {};
}

Result<void> check_csrf(const http::RequestHead& head, std::string_view csrf_token) {
  if (head.method == "GET" || head.method == "HEAD") return {};
  const auto shown = head.fields.find("x-sm-csrf");
  if (shown && equal_digests(sha256(*shown), sha256(csrf_token))) return {};
  return client_error(Code::insufficient_permissions,
                      "a write wants the header x-sm-csrf with the session's csrf_token");
}

void add_strictness(http::ResponseHead& head, bool has_styles) {
  head.add("x-content-type-options", "nosniff");
  head.add("x-frame-options", "DENY");
  head.add("referrer-policy", "no-referrer");
  head.add("content-security-policy",
           has_styles
               ? "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action "
                 "'none'; frame-ancestors 'none'"
               : "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors "
                 "'none'");
}

}  // namespace sovmesh::control
