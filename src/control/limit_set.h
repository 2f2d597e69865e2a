#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/result.h"
#include "config/config.h"
#include "limits/limit.h"
#include "metering/price.h"
#include "store/control_store.h"

// Between what file and API say of limits and prices and what the data path counts by. Pure.
namespace sovmesh::control {

// Engines of the file's pools, with their pool. An engine is in at most one.
using PoolOfEngine = std::map<std::string, std::string, std::less<>>;
PoolOfEngine pool_of_engine(const std::vector<config::Pool>& pools);

// All limits in force, each with a name of its own: the one it was given, or one made of whom it is
// for and what it counts ("project:aurora/web total_tokens/day"). Limits of pools that the file
// does not have are left out. Code::config_invalid when this machine does not know a tenant's time
// zone.
Result<std::vector<limits::Limit>> limits_of(const store::ControlData& data,
                                             const std::vector<config::Pool>& pools);
using LimitsById = std::map<store::LimitId, limits::Limit>;
Result<LimitsById> limits_by_id(const store::ControlData& data,
                                const std::function<bool(std::string_view)>& has_pool);
// The one of `record`, with the name that it has unless another one has it already.
Result<limits::Limit> limit_of(const store::LimitRecord& record, const store::ControlData& data);

// The same limit: another amount, name or shadow makes no other one of it.
bool is_same(const store::LimitRecord& a, const store::LimitRecord& b);

// The file's prices. Code::config_invalid with the place of one that makes no sense.
Result<metering::PriceBook> price_book_of(const std::vector<config::Price>& prices);

// Measures as file and API call them: "money" and "gpu_seconds" are given in whole units with
// decimals and counted in millionths.
std::string_view measure_word(limits::Measure measure);
std::optional<limits::Measure> parse_measure_word(std::string_view text);
bool has_decimals(limits::Measure measure);
// What is counted. Code::invalid_value when the measure has no decimals or it is not within
// 1..limits::kAmountMax.
Result<std::int64_t> amount_of(limits::Measure measure, const Decimal& amount);
// "60", "250.00", "0.5".
std::string amount_text(limits::Measure measure, std::int64_t amount);

}  // namespace sovmesh::control
