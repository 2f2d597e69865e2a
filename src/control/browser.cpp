#include "control/browser.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kCookie = "sm_session";

std::unexpected<Error> foreign_page() {
  return client_error(Code::insufficient_permissions,
                      "this request comes from a page of another site");
}

// "https://mesh.example:8443". Without a port there it is that of the scheme, and so it is in Host.
struct Place {
  std::string_view host;  // empty: it is no origin
  std::string_view port;
  std::string_view usual_port;
};
Place place_of(std::string_view origin) {
  Place out;
  for (const auto& [scheme, port] : {std::pair("https://", "443"), std::pair("http://", "80")}) {
    if (!origin.starts_with(scheme)) continue;
    out.host = origin.substr(std::string_view(scheme).size());
    out.usual_port = out.port = port;
  }
  if (out.host.contains('@')) return {};  // an origin has no user
  const auto colon = out.host.rfind(':');
  if (colon == out.host.npos || out.host.find(']', colon) != out.host.npos) return out;
  out.port = out.host.substr(colon + 1);
  out.host = out.host.substr(0, colon);
  return out;
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
  const Place page = place_of(*origin);
  const std::string_view our_port = head.port.empty() ? page.usual_port : head.port;
  const bool is_ours =
      !page.host.empty() && equals_ignore_case(page.host, head.host) && page.port == our_port;
  return is_ours ? Result<void>() : foreign_page();
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
