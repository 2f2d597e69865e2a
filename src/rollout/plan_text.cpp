#include "rollout/plan_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/time_text.h"

namespace sovmesh::rollout {
namespace {

constexpr std::string_view kStepForm = "want SHARE%:DURATION, as 5%:10m";
constexpr std::string_view kGateForm =
    "want MEASURE:TOLERANCE%[:OBJECTIVE], as error_rate:1%, error_rate:1%:5% or ttft:41%:p95<2s";

// "12.5%" in hundredths of a percent.
std::optional<int> hundredths(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto whole = parse_u64(text.substr(0, point));
  if (!whole || *whole > 100'000) return std::nullopt;
  if (point == text.size()) return static_cast<int>(*whole * 100);
  std::string part(text.substr(point + 1));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (part.empty() || part.size() > 2 || !std::ranges::all_of(part, is_digit)) return std::nullopt;
  part.resize(2, '0');
  return static_cast<int>(*whole * 100) + (part[0] - '0') * 10 + (part[1] - '0');
}

std::string percent_text(int in_hundredths) { return fmt::format("{:g}%", in_hundredths / 100.0); }

// Up to the next ':'.
std::string_view take_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

// "p95<2s"
std::optional<Objective> parse_time_objective(std::string_view text) {
  const std::size_t sign = text.find('<');
  if (!text.starts_with('p') || sign == text.npos) return std::nullopt;
  const auto quantile = hundredths(std::string(text.substr(1, sign - 1)) + "%");
  const auto time = parse_duration(text.substr(sign + 1));
  if (!quantile || !time) return std::nullopt;
  return Objective{.time_max = *time, .quantile = *quantile};
}

std::optional<Objective> parse_objective(Measure measure, std::string_view text) {
  if (!is_rate(measure)) return parse_time_objective(text);
  const auto rate = hundredths(text);
  if (!rate) return std::nullopt;
  return Objective{.rate_max = *rate};
}

std::unexpected<Error> wrong(std::string_view form, std::string_view text) {
  return client_error(Code::invalid_value, fmt::format("'{}': {}", text, form));
}

}  // namespace

Result<Step> parse_step(std::string_view text) {
  std::string_view rest = text;
  const auto share = hundredths(take_part(rest));
  const auto hold = parse_duration(rest);
  if (!share || !hold || hold->count() % 1'000 != 0) return wrong(kStepForm, text);
  return Step{.share = *share, .hold = std::chrono::duration_cast<std::chrono::seconds>(*hold)};
}

std::string to_text(const Step& step) {
  return fmt::format("{}:{}s", percent_text(step.share), step.hold.count());
}

Result<Gate> parse_gate(std::string_view text) {
  std::string_view rest = text;
  const auto measure = parse_measure(take_part(rest));
  const auto tolerance = hundredths(take_part(rest));
  if (!measure || !tolerance) return wrong(kGateForm, text);
  // Times are compared in whole percent.
  Gate gate{.measure = *measure, .tolerance = is_rate(*measure) ? *tolerance : *tolerance / 100};
  if (rest.empty()) return gate;
  gate.objective = parse_objective(*measure, rest);
  if (!gate.objective) return wrong(kGateForm, text);
  return gate;
}

std::string to_text(const Gate& gate) {
  const int scale = is_rate(gate.measure) ? 1 : 100;
  std::string text = fmt::format("{}:{}", name(gate.measure), percent_text(gate.tolerance * scale));
  if (!gate.objective) return text;
  if (is_rate(gate.measure)) return text + ":" + percent_text(gate.objective->rate_max);
  return fmt::format("{}:p{:g}<{}ms", text, gate.objective->quantile / 100.0,
                     gate.objective->time_max.count());
}

}  // namespace sovmesh::rollout
