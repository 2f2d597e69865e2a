#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http1_head.h"

namespace sovmesh::http {

// Collects the header block of one HTTP/2 request in one piece of memory and checks what the
// framing library leaves to us.
class Http2Head {
 public:
  explicit Http2Head(const HeadBounds& bounds) : bounds_(bounds) {}

  // One decoded field. What exceeds the bounds is not kept; build() then refuses the request.
  void add(std::string_view name, std::string_view value);
  // Fills `head`, whose views live as long as this object. `has_body`: the stream goes on.
  Checked<> build(bool has_body, RequestHead& head);

 private:
  struct Place {
    std::uint32_t name_begin;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };
  struct Pseudo {
    std::optional<std::string_view> method;
    std::optional<std::string_view> path;
    std::optional<std::string_view> authority;
  };

  std::string_view name_of(const Place& place) const;
  std::string_view value_of(const Place& place) const;
  Checked<> read_fields(Pseudo& pseudo, RequestHead& head) const;
  Checked<> set_host(const Pseudo& pseudo, RequestHead& head) const;
  Checked<> set_target(std::string_view target, RequestHead& head) const;

  HeadBounds bounds_;
  std::string arena_;
  std::vector<Place> places_;
  std::size_t listed_bytes_ = 0;  // as RFC 9113 6.5.2 counts: 32 more for each field
  bool too_large_ = false;
  bool too_many_ = false;
};

}  // namespace sovmesh::http
