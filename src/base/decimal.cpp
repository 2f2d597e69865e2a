#include "base/decimal.h"

#include <fmt/format.h>

#include <limits>

#include "base/bytes.h"

namespace sovmesh {
namespace {

constexpr std::size_t kPlacesMax = 6;

std::unexpected<Error> not_decimal(std::string_view text) {
  return client_error(
      Code::invalid_value,
      fmt::format("want a number such as 250 or 0.25, with at most 6 decimals, not '{}'", text));
}

std::string with_places(std::uint64_t whole, std::uint64_t millionths, std::size_t places) {
  std::string fraction = fmt::format("{:06}", millionths);
  while (fraction.size() > places && fraction.back() == '0')
    fraction.pop_back();
  return fraction.empty() ? fmt::format("{}", whole) : fmt::format("{}.{}", whole, fraction);
}

}  // namespace

std::optional<std::int64_t> Decimal::micro() const {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (whole > kMost / kMicro || (whole == kMost / kMicro && millionths > kMost % kMicro))
    return std::nullopt;
  return whole * kMicro + millionths;
}

Result<Decimal> parse_decimal(std::string_view text) {
  const auto point = text.find('.');
  const auto whole = parse_u64(text.substr(0, point));
  if (!whole || *whole > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return not_decimal(text);
  Decimal out{.whole = static_cast<std::int64_t>(*whole)};
  if (point == std::string_view::npos) return out;
  const std::string_view fraction = text.substr(point + 1);
  if (fraction.empty() || fraction.size() > kPlacesMax) return not_decimal(text);
  for (std::size_t i = 0; i < kPlacesMax; ++i) {
    const char digit = i < fraction.size() ? fraction[i] : '0';
    if (digit < '0' || digit > '9') return not_decimal(text);
    out.millionths = out.millionths * 10 + (digit - '0');
  }
  return out;
}

std::string to_text(const Decimal& decimal) {
  return with_places(static_cast<std::uint64_t>(decimal.whole),
                     static_cast<std::uint64_t>(decimal.millionths), 0);
}

std::string micro_text(std::int64_t micro, int places) {
  // In unsigned numbers, so that the smallest one has an opposite.
  const auto bits = static_cast<std::uint64_t>(micro);
  const std::uint64_t size = micro < 0 ? 0 - bits : bits;
  constexpr auto kUnit = static_cast<std::uint64_t>(Decimal::kMicro);
  return (micro < 0 ? "-" : "") +
         with_places(size / kUnit, size % kUnit, static_cast<std::size_t>(places));
}

}  // namespace sovmesh
