#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "rollout/report.h"
#include "rollout/rollout.h"

namespace sovmesh::control {

// A rollout as the store keeps it: everything.
std::string rollout_json(const rollout::Rollout& rollout);
Result<rollout::Rollout> parse_rollout(std::string_view text);

// The rows of a comparison.
std::string report_json(const rollout::Report& report);

// The routes that have one.
std::string index_json(std::span<const ModelName> routes);
std::vector<ModelName> names_of_index(std::string_view text);  // of a text of ours

// What is told of something that happened to it just now: `what` is "started", "step", "paused",
// "resumed", "promoted", "aborted" or "rolled_back".
std::string rollout_event(const rollout::Rollout& rollout, std::string_view what);

// As the admin API shows it. `reason`: what the last look came to. With `details` also gates,
// evidence, events, and the comparison of both versions.
std::string shown_rollout(const rollout::Rollout& rollout, std::string_view reason, bool details);

}  // namespace sovmesh::control
