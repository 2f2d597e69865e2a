#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "catalog/route.h"
#include "rollout/report.h"

namespace sovmesh::control {

// What came of the copies of a route's requests.
struct MirrorView {
  ModelName version;
  // By how they ended, or why they were not made.
  std::vector<std::pair<std::string_view, std::uint64_t>> outcomes;
  rollout::Report report;  // of the requests and their copies, which are the candidate
};

// Of a route that has one, as it is set up, with what came of it; null: nothing yet.
std::string comparison_json(const catalog::Mirror& mirror, const MirrorView* seen);

}  // namespace sovmesh::control
