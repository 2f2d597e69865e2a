#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "catalog/route.h"
#include "config/config.h"

namespace sovmesh::control {

// Whose slug it is; an error says that there is no such tenant.
using TenantNamed = std::function<Result<TenantId>(const std::string& slug)>;

// The file's routes, checked against each other and against the models that there are. Errors name
// the place in the file.
Result<std::vector<catalog::Route>> routes_of(const std::vector<config::Route>& specs,
                                              const TenantNamed& tenant_named,
                                              const std::set<ModelName>& models);
// One route by itself: an error names the member. It counts as the file's if it has a place there.
Result<catalog::Route> route_of(const config::Route& spec, const TenantNamed& tenant_named);
// The other way round.
using TenantName = std::function<std::string(TenantId)>;
config::Route spec_of(const catalog::Route& route, const TenantName& tenant_name);

// A route that the admin API makes or changes, beside all others and the models that there are. An
// error of the caller, with the member as its param.
Result<void> check_api_route(const catalog::Route& route, const std::vector<catalog::Route>& others,
                             const std::vector<catalog::Model>& models);
// The admin API's routes beside those of a file that is to be in force.
Result<void> check_beside(const std::vector<catalog::Route>& of_file,
                          const std::vector<catalog::Route>& of_api,
                          const std::set<ModelName>& models);

// Every model that the routes name: as versions, or to fall back to.
std::set<ModelName> models_of(const std::vector<config::Route>& specs);
std::set<ModelName> models_of(const std::vector<catalog::Route>& routes);

}  // namespace sovmesh::control
