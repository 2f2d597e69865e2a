#pragma once

#include <string>
#include <vector>

#include "compose/gitops_plan.h"

namespace sovmesh::compose::gitops {

// A request to the admin API.
struct Call {
  std::string method;
  std::string target;
  std::string body;
  std::string if_match;  // exactly the object that was looked at; empty: whatever it is
};

// What makes a step true, in order. `live`: for the ids of what it names. `first_role`: a new
// user's, without which a tenant's own people would not see whom they made; null: none.
std::vector<Call> calls_of(const Step& step, const LiveByKey& live,
                           const Document* first_role = nullptr);

}  // namespace sovmesh::compose::gitops
