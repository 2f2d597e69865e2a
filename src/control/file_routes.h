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
// Every model that the routes name: as versions, or to fall back to.
std::set<ModelName> models_of(const std::vector<config::Route>& specs);

}  // namespace sovmesh::control
