#pragma once

#include <memory>
#include <string_view>

#include "sim/des/anchor.h"

namespace sovmesh::des {

// Constants of the anchors, as published. The comparison uses them in the setting that does best.
namespace llmd {
constexpr double kQueueWeight = 2;
constexpr double kKvWeight = 2;
constexpr double kPrefixWeight = 3;
constexpr double kStickyShare = 0.8;           // prefix-cache-affinity filter: kept from here on
constexpr double kStickyPenaltyS = 18;         // unless the wait there is this much longer
constexpr double kPrefillTokensPerS = 15'928;  // how it turns tokens into time
}  // namespace llmd
namespace sglang {
constexpr double kCacheThreshold = 0.5;
constexpr std::int64_t kBalanceAbs = 32;  // requests
constexpr double kBalanceRel = 1.1;
constexpr std::size_t kNodesMax = 1 << 20;
}  // namespace sglang
namespace smg {
constexpr double kKvWeight = 0.15;  // seconds at half full
}  // namespace smg

// Null when there is no anchor of the name.
std::unique_ptr<Chooser> make_anchor(std::string_view name, const PoolContext& pool);

}  // namespace sovmesh::des
