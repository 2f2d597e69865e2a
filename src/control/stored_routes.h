#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/route.h"
#include "config/config.h"
#include "store/control_store.h"
#include "tenancy/records.h"

namespace sovmesh::control {

// A route that the admin API made. Tenants of its grey channel are ids: one that is gone and comes
// back under its name takes no part.
struct RouteRecord {
  config::Route route;
  tenancy::Meta meta;
};
constexpr std::size_t kStoredRoutesMax = 256;

// Each is one of the store's values, beside the list of their names.
Result<std::vector<RouteRecord>> stored_routes(store::ControlStore& store);
Result<void> store_route(store::ControlStore& store, const RouteRecord& record);
Result<void> remove_stored_route(store::ControlStore& store, const std::string& name);

// As requests go by them; tenants that are not among these take no part in grey channels.
Result<std::vector<catalog::Route>> api_routes(store::ControlStore& store,
                                               const std::vector<tenancy::Tenant>& tenants);

}  // namespace sovmesh::control
