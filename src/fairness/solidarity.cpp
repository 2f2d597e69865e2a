#include "fairness/solidarity.h"

#include <cmath>
#include <string>

namespace sovmesh::fairness {
namespace {

constexpr double kSizeMax = 1e12;
constexpr double kCapacityMax = 1e6;  // GSE/s
constexpr double kBudgetMax = 1e15;

// False for NaN, too.
bool is_in(double value, double low, double high) { return value >= low && value <= high; }

Result<void> check(std::span<const MemberSize> members, double capacity, double budget,
                   const SolidarityRule& rule) {
  if (!is_in(rule.alpha, 0, 1)) return client_error(Code::config_invalid, "want 0..1", "alpha");
  if (!is_in(rule.beta, 0, 1)) return client_error(Code::config_invalid, "want 0..1", "beta");
  if (!is_in(capacity, 1e-6, kCapacityMax))
    return client_error(Code::config_invalid, "want more than 0 GSE/s", "capacity");
  if (!is_in(budget, 0, kBudgetMax))
    return client_error(Code::config_invalid, "want an amount that is not negative", "budget");
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string field = "members[" + std::to_string(i) + "].";
    if (!is_in(members[i].size, 1e-6, kSizeMax))
      return client_error(Code::config_invalid, "want a size above 0", field + "size");
    if (!is_in(members[i].contributed, 0, kCapacityMax))
      return client_error(Code::config_invalid, "want GSE/s, not negative", field + "contributed");
  }
  return {};
}

}  // namespace

Result<std::vector<MemberShare>> divide(std::span<const MemberSize> members, double capacity,
                                        double budget, const SolidarityRule& rule) {
  TRY_VOID(check(members, capacity, budget, rule));
  double shares = 0;
  double fees = 0;
  double earned = 0;
  for (const MemberSize& member : members) {
    shares += std::pow(member.size, rule.alpha);
    fees += std::pow(member.size, rule.beta);
    earned += kContributedFactor * member.contributed;
  }
  const double scale = earned > capacity ? capacity / earned : 1;
  const double divided = capacity - earned * scale;
  std::vector<MemberShare> out;
  out.reserve(members.size());
  for (const MemberSize& member : members) {
    const double share = std::pow(member.size, rule.alpha) / shares;
    const double fee = std::pow(member.size, rule.beta) / fees;
    const double nominal = share * divided + kContributedFactor * member.contributed * scale;
    out.push_back({.share = share,
                   .nominal = nominal,
                   .fee = fee * budget,
                   .solidarity = nominal / capacity - fee});
  }
  return out;
}

}  // namespace sovmesh::fairness
