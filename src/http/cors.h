#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.h"

namespace sovmesh::http {

// Lets pages of listed origins call the handler behind it from a browser: answers their preflight
// requests itself and marks all other answers to them. Whoever sends no Origin, or one that is not
// listed, is served as before. Credentials of the browser (cookies) are never allowed: a key comes
// in a header that the page sets. One per worker, like the handler.
class CorsHandler : public Handler {
 public:
  // Origins as browsers send them, compared byte for byte.
  CorsHandler(Handler& inner, const std::vector<std::string>& origins);
  rt::Task<void> handle(Exchange& exchange) override;
  rt::Task<void> refuse(Exchange& exchange, int status, const Error& error) override {
    return inner_.refuse(exchange, status, error);
  }

  // A preflight request may ask for this many bytes of header names; more is not answered.
  static constexpr std::size_t kAskedBytesMax = std::size_t{4} * 1024;

 private:
  bool is_allowed(std::string_view origin) const { return origins_.contains(origin); }

  Handler& inner_;
  std::set<std::string, std::less<>> origins_;
};

}  // namespace sovmesh::http
