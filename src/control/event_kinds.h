#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::control {

// What Event::kind can be: THE list. docs/api.md says when.
std::span<const std::string_view> event_kinds();
bool is_event_kind(std::string_view kind);

// Whether a kind fits "engine.state", "engine.*" or "*".
bool fits_pattern(std::string_view kind, std::string_view pattern);

constexpr std::size_t kEventPatternsMax = 32;  // of one webhook
// Sorted, each once. Code::invalid_value (`events`) for none, too many, or one that no kind fits;
// the message lists the kinds.
Result<std::vector<std::string>> event_patterns(std::vector<std::string> patterns);

}  // namespace sovmesh::control
