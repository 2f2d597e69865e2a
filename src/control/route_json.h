#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "control/json_text.h"

namespace sovmesh::control {

// A route as JSON, member by member what the configuration file has, by the same table.

// What a text is to say: all of a route, or what changes of one. Then what is not said stays, a
// list or a section is replaced as a whole, and null takes it back.
enum class RouteText : std::uint8_t { whole, change };
// An error of the caller with the member as its param: "versions[1].weight".
Result<void> read_route(std::string_view json, RouteText says, config::Route& route);

// Its members. `shares`: of each version's requests now, told beside them; empty: not told.
void add_route(JsonText& json, const config::Route& route,
               const std::vector<std::string>& shares = {});
std::string route_json(const config::Route& route);

}  // namespace sovmesh::control
