#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sovmesh {

// Numbers of a request for a model that somebody may have set for those who leave them out, or
// bounded.
enum class RequestParameter : std::uint8_t {
  max_tokens,
  temperature,
  top_p,
  presence_penalty,
  frequency_penalty,
  n,
};
constexpr std::size_t kRequestParameters = 6;

// A value for some of them, in millionths, so that it is exact.
using ParameterValues = std::array<std::optional<std::int64_t>, kRequestParameters>;
constexpr std::int64_t kParameterUnit = 1'000'000;

struct ParameterFacts {
  RequestParameter parameter;
  std::string_view name;  // of the API
  std::int64_t min, max;  // in millionths
  bool is_whole;          // no decimals
  bool has_default;       // may be set for who leaves it out
  // What leaving it out means in the API; nothing: no bound.
  std::optional<std::int64_t> usual;
};
constexpr std::array<ParameterFacts, kRequestParameters> kParameterFacts{{
    {RequestParameter::max_tokens, "max_tokens", kParameterUnit, 1'000'000'000 * kParameterUnit,
     true, true, std::nullopt},
    {RequestParameter::temperature, "temperature", 0, 2 * kParameterUnit, false, true,
     kParameterUnit},
    {RequestParameter::top_p, "top_p", 0, kParameterUnit, false, true, kParameterUnit},
    {RequestParameter::presence_penalty, "presence_penalty", 0, 2 * kParameterUnit, false, true, 0},
    {RequestParameter::frequency_penalty, "frequency_penalty", 0, 2 * kParameterUnit, false, true,
     0},
    // Who asks for one answer and gets three does not look at the others.
    {RequestParameter::n, "n", kParameterUnit, 128 * kParameterUnit, true, false, kParameterUnit},
}};

constexpr const ParameterFacts& facts_of(RequestParameter parameter) {
  return kParameterFacts[static_cast<std::size_t>(parameter)];
}
constexpr const std::optional<std::int64_t>& value_of(const ParameterValues& values,
                                                      RequestParameter parameter) {
  return values[static_cast<std::size_t>(parameter)];
}

}  // namespace sovmesh
