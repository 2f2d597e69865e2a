#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sovmesh {

// A number that is not negative, exact to a millionth: money, prices, seconds. Never floating
// point. Invariant: 0 <= whole, 0 <= millionths < 1'000'000.
struct Decimal {
  std::int64_t whole = 0;
  std::int32_t millionths = 0;

  static constexpr std::int64_t kMicro = 1'000'000;
  // As a count of millionths; nothing when that is too large.
  std::optional<std::int64_t> micro() const;
  bool is_zero() const { return whole == 0 && millionths == 0; }
  friend auto operator<=>(const Decimal&, const Decimal&) = default;
};

// "250", "250.00", "0.000001": digits, perhaps a point and 1 to 6 digits; no sign, no exponent, no
// leading zeros. Errors (Code::invalid_value) say what is wanted.
Result<Decimal> parse_decimal(std::string_view text);
// The shortest text of it: "250", "0.5".
std::string to_text(const Decimal& decimal);
// A count of millionths, negative ones too: "-0.25". `places`: at least so many behind the point.
std::string micro_text(std::int64_t micro, int places = 0);

}  // namespace sovmesh
