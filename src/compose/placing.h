#pragma once

#include <optional>

#include "control/mirror_view.h"
#include "control/placing.h"
#include "gateway/decisions.h"
#include "gateway/mirror.h"

namespace sovmesh::compose {

// What the gateway remembers of a request, as the admin API shows it.
control::Placing placing_of(const gateway::Decision& decision);

// And of the copies of a route's requests.
std::optional<control::MirrorView> mirror_view_of(
    const std::optional<gateway::Mirrors::Comparison>& seen);

}  // namespace sovmesh::compose
