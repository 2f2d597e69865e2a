#pragma once

#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "gateway/dispatcher.h"

namespace sovmesh::compose {

// The pools of a configuration as the dispatcher wants them. An error names the line that is wrong.
Result<std::vector<gateway::PoolSettings>> pool_settings(const std::vector<config::Pool>& pools);

// Whether the admin API may make a pool so: the same check, as an error of its caller.
Result<void> check_pool(const config::Pool& pool);

}  // namespace sovmesh::compose
