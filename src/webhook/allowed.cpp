#include "webhook/allowed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sovmesh::webhook {
namespace {

constexpr const char* kParam = "url";
constexpr std::size_t kUrlMax = 500;  // bytes

bool is_within(const http::Url& url, const http::Url& place) {
  if (url.is_tls != place.is_tls || url.host != place.host || url.port != place.port) return false;
  std::string_view rest = url.path;
  if (!rest.starts_with(place.path)) return false;
  rest.remove_prefix(place.path.size());
  return rest.empty() || rest.starts_with('/');  // "/hooks" has nothing to do with "/hooks-other"
}

std::string text_of(const http::Url& url) {
  const bool is_v6 = url.host.contains(':');
  const bool is_usual = url.port == (url.is_tls ? 443 : 80);
  return fmt::format("{}://{}{}{}{}{}", url.is_tls ? "https" : "http", is_v6 ? "[" : "", url.host,
                     is_v6 ? "]" : "", is_usual ? "" : fmt::format(":{}", url.port),
                     url.path.empty() ? "/" : url.path);
}

}  // namespace

Result<Allowed> Allowed::make(const std::vector<std::string>& places) {
  Allowed allowed;
  for (const std::string& place : places) {
    TRY(http::Url url, http::parse_url(place, ""));
    if (!url.unix_path.empty())
      return our_error(Code::config_invalid, "webhooks.allowed: want https://HOST or http://HOST");
    allowed.places_.push_back(std::move(url));
  }
  return allowed;
}

bool Allowed::has_https() const { return std::ranges::any_of(places_, &http::Url::is_tls); }

Result<std::string> Allowed::take(std::string_view text) const {
  if (places_.empty())
    return client_error(Code::conflict,
                        "no webhook can be made here: webhooks.allowed of the configuration file "
                        "names no place that one may call",
                        kParam);
  if (text.size() > kUrlMax)
    return client_error(Code::invalid_value, fmt::format("want at most {} bytes", kUrlMax), kParam);
  const auto url = http::parse_url(text, "");
  if (!url) return client_error(Code::invalid_value, url.error().message(), kParam);
  const bool is_allowed =
      url->unix_path.empty() &&
      std::ranges::any_of(places_, [&](const auto& place) { return is_within(*url, place); });
  if (is_allowed) return text_of(*url);
  return client_error(Code::invalid_value,
                      "this is none of the places that webhooks.allowed of the configuration file "
                      "names",
                      kParam);
}

}  // namespace sovmesh::webhook
