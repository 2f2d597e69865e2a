#include "control/event_kinds.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace sovmesh::control {
namespace {

constexpr std::array<std::string_view, 26> kKinds{
    "audit.backup",     "audit.erase",     "audit.hold",          "audit.release",
    "audit.rotate-key", "audit.witnessed", "config.reload",       "disk.full",
    "disk.over",        "engine.ejected",  "engine.returned",     "engine.state",
    "key.create",       "key.delete",      "key.revoke",          "key.rotate",
    "key.update",       "limit.threshold", "rollout.aborted",     "rollout.paused",
    "rollout.promoted", "rollout.resumed", "rollout.rolled_back", "rollout.started",
    "rollout.step",     "webhook.test"};
static_assert(std::ranges::is_sorted(kKinds));

// "*", a kind, or what stands before ".*".
bool is_pattern(std::string_view text) {
  if (text == "*") return true;
  const auto star = text.find('*');
  return star == text.npos || (star + 1 == text.size() && text.ends_with(".*"));
}

std::unexpected<Error> wrong(std::string_view pattern) {
  return client_error(
      Code::invalid_value,
      fmt::format("'{}' fits no kind of event: want a kind, the beginning of one as engine.*, or "
                  "*; kinds: {}",
                  pattern, fmt::join(kKinds, ", ")),
      "events");
}

}  // namespace

std::span<const std::string_view> event_kinds() { return kKinds; }

bool is_event_kind(std::string_view kind) { return std::ranges::binary_search(kKinds, kind); }

bool fits_pattern(std::string_view kind, std::string_view pattern) {
  if (!pattern.ends_with('*')) return kind == pattern;
  return kind.starts_with(pattern.substr(0, pattern.size() - 1));
}

Result<std::vector<std::string>> event_patterns(std::vector<std::string> patterns) {
  if (patterns.empty() || patterns.size() > kEventPatternsMax)
    return client_error(Code::invalid_value,
                        fmt::format("want 1..{} kinds of events", kEventPatternsMax), "events");
  for (const std::string& pattern : patterns) {
    const bool fits = std::ranges::any_of(
        kKinds, [&](std::string_view kind) { return fits_pattern(kind, pattern); });
    if (!fits || !is_pattern(pattern)) return wrong(pattern.substr(0, 64));
  }
  std::ranges::sort(patterns);
  const auto twice = std::ranges::unique(patterns);
  patterns.erase(twice.begin(), twice.end());
  return patterns;
}

}  // namespace sovmesh::control
