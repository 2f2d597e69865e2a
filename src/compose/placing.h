#pragma once

#include "control/placing.h"
#include "gateway/decisions.h"

namespace sovmesh::compose {

// What the gateway remembers of a request, as the admin API shows it.
control::Placing placing_of(const gateway::Decision& decision);

}  // namespace sovmesh::compose
