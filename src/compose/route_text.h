#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace sovmesh::compose {

// What `sovmesh route create|update` was told of a route, option by option.
struct RouteWords {
  std::vector<std::string> versions;  // MODEL=WEIGHT or MODEL=WEIGHT:STAGE
  std::string sticky;
  std::vector<std::string> headers;     // NAME:VALUE=MODEL; "none" takes back, as in the next ones
  std::vector<std::string> key_labels;  // NAME:VALUE=MODEL, behind those by header
  std::string grey;                     // CHANNEL=MODEL
  std::vector<std::string> grey_tenants;
  std::string mirror;                  // MODEL=PERCENT
  std::vector<std::string> fallbacks;  // MODEL or route:ROUTE
  friend bool operator==(const RouteWords&, const RouteWords&) = default;
};

// Members of a JSON object, "versions":[...]; what was not said is not among them. Without a stage
// the first version is the stable one and the others are canaries. Code::invalid_value names the
// option.
Result<std::string> route_members(const RouteWords& words);

// What the admin API answers of a route as the YAML that a configuration file has, with what
// versions get now as comments.
std::string route_yaml(std::string_view answer);

}  // namespace sovmesh::compose
