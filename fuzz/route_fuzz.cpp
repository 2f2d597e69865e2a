// Any bytes as a route, as the admin API (JSON) and as a command (YAML) takes it: it is read or
// refused, and what was read is written so that it is read as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "config/load.h"
#include "control/route_json.h"

namespace {

namespace config = sovmesh::config;
namespace control = sovmesh::control;

void require(bool holds) {
  if (!holds) std::abort();
}

std::optional<std::string> environment(std::string_view) { return std::nullopt; }

void require_round_trip(const config::Route& route) {
  const std::string json = control::route_json(route);
  config::Route again;
  const auto read = control::read_route(json, control::RouteText::whole, again);
  // A file may have longer texts and lists than a request.
  if (read) require(control::route_json(again) == json);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  config::Route route;
  if (control::read_route(text, control::RouteText::whole, route)) {
    require_round_trip(route);
    config::Route changed = route;
    require(control::read_route(text, control::RouteText::change, changed).has_value());
    require(control::route_json(changed) == control::route_json(route));
  }
  const config::LoadedRoute loaded = config::load_route("route.yaml", text, environment);
  const bool has_error = std::ranges::any_of(loaded.findings, &config::Finding::is_error);
  require(loaded.route.has_value() == !has_error);
  if (loaded.route) require_round_trip(*loaded.route);
  return 0;
}
