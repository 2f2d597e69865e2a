#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sovmesh::control {

// How a request came to its engines.
struct Placing {
  struct Part {
    std::string_view name;  // of a cost
    double micros = 0;
  };
  struct Engine {
    std::string name;
    std::string_view verdict;       // "taken", "dearer", "full", "out", "not_ready"
    std::optional<double> cost_us;  // none: it had no room
    std::vector<Part> parts;        // of the cost, those that are not 0
    std::int64_t cached_tokens = 0;
  };
  struct Attempt {
    std::string version;
    std::string why;      // that version; empty: it was called by its name
    std::string engine;   // empty: it got none
    std::string outcome;  // "ok" or an error's code; empty: it is at work
    std::string_view
        rule;          // "at_once", "guaranteed", "borrowed", "held", "late"; empty: it got none
    std::string pool;  // empty: that of the engines in no pool
    std::chrono::nanoseconds waited{0};
    std::uint64_t tenant_before = 0, pool_before = 0;  // requests that waited when it came
    std::vector<Engine> engines;
  };
  std::string version;  // of the last attempt
  std::string_view priority;
  std::vector<Attempt> attempts;
};

// "scheduling" of an explanation.
std::string placing_json(const Placing& placing);
// Its lines, without a title.
std::string placing_text(const Placing& placing);

}  // namespace sovmesh::control
