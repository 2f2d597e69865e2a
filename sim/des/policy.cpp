#include "sim/des/policy.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/bytes.h"
#include "sim/des/baselines.h"
#include "sim/des/orders.h"
#include "sim/des/ours.h"

namespace sovmesh::des {
namespace {

struct Named {
  std::string_view name;
  std::string_view help;
};
constexpr std::array kAnchors = {
    Named{"round-robin", "one endpoint after the other"},
    Named{"least-in-flight", "fewest requests that were sent and are not done"},
    Named{"llm-d", "queue 2, KV cache 2, prefix 3, from scrapes"},
    Named{"llm-d-in-flight", "the same with a counter of its own in place of the scraped queue"},
    Named{"prefix-affinity", "where 80 % of the prompt is cached, then fewest prompt tokens"},
    Named{"cache-aware", "SGLang: last holder of the longest prefix, unless out of balance"},
    Named{"least-load", "SMG: time to work off queued tokens, and the KV cache"},
    Named{"dynamo", "prefill blocks and decode blocks, added"},
    Named{"lmetric", "prefill tokens times running requests"},
};
constexpr Named kEct{"ect", "ours: expected marginal completion time (routing::Picker)"};
constexpr std::array kOrders = {
    Named{"fcfs", "first come, first served"},
    Named{"rr", "one request of each tenant in turn"},
    Named{"vtc", "virtual token counters, output charged when a request is over"},
    Named{"fair", "ours: fairness::Pool, output charged while it streams"},
};

std::vector<std::string_view> names_of(auto first, const auto& list) {
  std::vector<std::string_view> names(first);
  for (const Named& each : list)
    names.push_back(each.name);
  return names;
}

std::vector<std::string_view> choosers() {
  return names_of(std::vector<std::string_view>{"ours", kEct.name}, kAnchors);
}

std::unexpected<Error> unknown(std::string_view what, std::string_view name,
                               const std::vector<std::string_view>& names) {
  std::string message = "unknown " + std::string(what) + " \"" + std::string(name) + "\"";
  if (const auto near = closest(name, names); !near.empty())
    return client_error(Code::invalid_value,
                        message + "; did you mean \"" + std::string(near) + "\"?");
  message += "; want one of";
  for (const std::string_view each : names)
    message += " " + std::string(each);
  return client_error(Code::invalid_value, message);
}

}  // namespace

fairness::CostRates cost_rates(const EngineSpec& engine) {
  constexpr double kBatch = 32;  // streams of the reference step
  return {.uncached_input = engine.prefill_us,
          .cached_input = engine.prefill_us / 10,
          .output = engine.base_us / kBatch + engine.decode_us};
}

std::string PolicyName::text() const {
  if (chooser == "ect" && order == "fair") return "ours";
  return order == "fcfs" ? chooser : chooser + "+" + order;
}

Result<PolicyName> parse_policy(std::string_view text) {
  if (text == "ours") return PolicyName{.chooser = "ect", .order = "fair"};
  const std::size_t plus = text.find('+');
  PolicyName policy{.chooser = std::string(text.substr(0, plus))};
  const auto known = choosers();
  if (policy.chooser == "ours" || std::ranges::find(known, policy.chooser) == known.end())
    return unknown("policy", policy.chooser, known);
  if (plus == text.npos) return policy;
  policy.order = text.substr(plus + 1);
  const auto orders = names_of(std::vector<std::string_view>{}, kOrders);
  if (std::ranges::find(orders, policy.order) == orders.end())
    return unknown("order", policy.order, orders);
  return policy;
}

std::string policy_help() {
  std::string out = "Policies, as CHOOSER or CHOOSER+ORDER:\n";
  const auto line = [&](const Named& each) {
    out += "  " + std::string(each.name) + std::string(18 - each.name.size(), ' ') +
           std::string(each.help) + "\n";
  };
  line({"ours", "ect+fair"});
  line(kEct);
  std::ranges::for_each(kAnchors, line);
  out += "Orders:\n";
  std::ranges::for_each(kOrders, line);
  return out;
}

std::vector<std::string> anchor_names() {
  std::vector<std::string> names;
  for (const Named& each : kAnchors)
    names.emplace_back(each.name);
  return names;
}

std::unique_ptr<Chooser> make_chooser(std::string_view name, const PoolContext& pool) {
  if (name == kEct.name) return std::make_unique<EctChooser>(pool);
  auto anchor = make_anchor(name, pool);
  assert(anchor != nullptr);  // parse_policy() let it through
  return anchor;
}

Result<std::unique_ptr<Order>> make_order(std::string_view name, const PoolContext& pool,
                                          const Shares& shares) {
  if (name == "fair") return FairOrder::make(pool, shares);
  if (name == "rr") return std::make_unique<RoundRobinOrder>(pool.workload);
  if (name != "vtc") return std::make_unique<Fcfs>();
  std::vector<double> weights;
  for (const std::string& tenant : pool.workload.tenants) {
    const auto found = std::ranges::find(shares.tenants, tenant, &TenantShare::tenant);
    weights.push_back(found == shares.tenants.end() ? 1 : found->weight);
  }
  return std::make_unique<CompletionCharged>(pool.workload, cost_rates(pool.engine),
                                             std::move(weights));
}

}  // namespace sovmesh::des
