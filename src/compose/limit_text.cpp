#include "compose/limit_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/decimal.h"

namespace sovmesh::compose {
namespace {

constexpr int kWidth = 10;
constexpr double kPercentMax = 9'999;

// For the eye only: amounts themselves are never floating point.
std::optional<double> number(std::string_view text) {
  const auto decimal = parse_decimal(text);
  if (!decimal) return std::nullopt;
  return static_cast<double>(decimal->whole) + static_cast<double>(decimal->millionths) / 1e6;
}

// Something is never shown as nothing, and not quite all never as all.
int cells(double part, double amount) {
  if (part <= 0) return 0;
  if (part >= amount) return kWidth;
  return std::clamp(static_cast<int>(part / amount * kWidth), 1, kWidth - 1);
}

}  // namespace

std::string use_bar(std::string_view used, std::string_view reserved, std::string_view amount) {
  const auto used_number = number(used);
  const auto reserved_number = number(reserved);
  const auto all = number(amount);
  if (!used_number || !reserved_number || !all || *all <= 0) return {};
  const double taken = *used_number + *reserved_number;
  const int marks = cells(taken, *all);
  const int of_used = std::min(cells(*used_number, *all), marks);
  double percent = std::min(taken / *all * 100, kPercentMax);
  if (taken < *all) percent = std::min(percent, 99.0);
  return fmt::format("[{}{}{}] {:3}%", std::string(static_cast<std::size_t>(of_used), '#'),
                     std::string(static_cast<std::size_t>(marks - of_used), '+'),
                     std::string(static_cast<std::size_t>(kWidth - marks), '.'),
                     static_cast<int>(percent));
}

std::string short_time(std::string_view time) {
  const auto point = time.find('.');
  if (point == std::string_view::npos || !time.ends_with('Z')) return std::string(time);
  return std::string(time.substr(0, point)) + "Z";
}

}  // namespace sovmesh::compose
