#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sovmesh {

// How urgent a request is, highest first. It keeps its class from arrival to the end.
enum class PriorityClass : std::uint8_t { interactive, agent, batch };
constexpr std::array kPriorityClasses = {PriorityClass::interactive, PriorityClass::agent,
                                         PriorityClass::batch};

constexpr std::string_view name(PriorityClass priority) {
  constexpr std::array<std::string_view, kPriorityClasses.size()> kNames = {"interactive", "agent",
                                                                            "batch"};
  return kNames[static_cast<std::size_t>(priority)];
}

constexpr std::optional<PriorityClass> parse_priority_class(std::string_view text) {
  for (const PriorityClass each : kPriorityClasses)
    if (name(each) == text) return each;
  return std::nullopt;
}

}  // namespace sovmesh
