#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/url.h"

namespace sovmesh::webhook {

// The places that a URL of a request may name: origins, each with or without the beginning of a
// path. Nothing of a request becomes a place that we call but what this takes. Immutable: any
// thread.
class Allowed {
 public:
  Allowed() = default;  // none
  // Each "https://HOST[:PORT][/PATH]", or http:// on this machine. Code::config_invalid.
  static Result<Allowed> make(const std::vector<std::string>& places);

  bool empty() const { return places_.empty(); }
  bool has_https() const;  // among them
  // The URL as it will be called. Its scheme, host and port are exactly those of a place, and its
  // path is the place's or goes on behind it with '/'. No user, query, fragment, escape, empty or
  // dotted segment. Code::conflict where no place is allowed, Code::invalid_value otherwise; `url`
  // is the parameter.
  Result<std::string> take(std::string_view url) const;

 private:
  std::vector<http::Url> places_;
};

}  // namespace sovmesh::webhook
