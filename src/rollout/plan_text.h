#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "rollout/plan.h"

namespace sovmesh::rollout {

// The texts of a plan's parts, as the admin API and the command line have them. Errors say what is
// wanted.

// "5%:10m": the share and how long it holds.
Result<Step> parse_step(std::string_view text);
std::string to_text(const Step& step);

// "error_rate:1%", "ttft:41%": the measure and its tolerance (rates: points); with an objective
// behind it, "error_rate:1%:5%" (the highest rate) or "ttft:41%:p95<2s".
Result<Gate> parse_gate(std::string_view text);
std::string to_text(const Gate& gate);

}  // namespace sovmesh::rollout
