#pragma once

#include <span>
#include <vector>

#include "base/result.h"

namespace sovmesh::fairness {

// The two sliders of the board. alpha < beta: small members get more than they pay for.
struct SolidarityRule {
  double alpha = 0.5;  // 0..1: share of the pool  ~ size^alpha
  double beta = 0.8;   // 0..1: share of the cost  ~ size^beta
};

struct MemberSize {
  double size = 0;  // headcount or citizens, > 0
  // GSE/s of hardware that the member brought. It adds kContributedFactor times that to its
  // guarantee, before the rest of the pool is divided.
  double contributed = 0;
};
constexpr double kContributedFactor = 2;

struct MemberShare {
  double share = 0;    // of what is divided by size: 0..1, sums to 1
  double nominal = 0;  // guaranteed GSE/s: share of the divided part + what the contribution earns
  double fee = 0;      // of the budget, in the budget's unit; sums to the budget
  // The solidarity in one number: share of capacity minus share of cost, in points (-1..1).
  double solidarity = 0;
};

// Divides `capacity` (GSE/s, > 0, contributed hardware included) and `budget` (>= 0) among members.
// Sum of nominal = capacity, unless contributions alone earn more than there is: then they are
// scaled down to it. Code::config_invalid with the field as its param for what is out of range.
Result<std::vector<MemberShare>> divide(std::span<const MemberSize> members, double capacity,
                                        double budget, const SolidarityRule& rule);

}  // namespace sovmesh::fairness
