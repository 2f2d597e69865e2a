#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sovmesh::control {

// What one stream of server-sent events tells, for one caller as he was when it was made.
struct AdminFeed {
  enum class Kind : std::uint8_t { live, events };
  Kind kind = Kind::live;
  // What is new, as events of the protocol; empty: nothing. `seen`: how far the reader is, moved.
  // Never blocks.
  std::function<std::string(std::int64_t& seen)> next;
  std::int64_t seen = 0;

  // How often to ask.
  std::chrono::milliseconds every() const {
    return std::chrono::milliseconds(kind == Kind::live ? 1'000 : 250);
  }
};

std::string_view name(AdminFeed::Kind kind);

}  // namespace sovmesh::control
