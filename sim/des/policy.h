#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "fairness/cost.h"
#include "fairness/pool_tree.h"
#include "routing/targets.h"
#include "sim/des/engine_model.h"
#include "sim/des/workload.h"

namespace sovmesh::des {

using EndpointNumber = std::uint16_t;

// What a router knows about the pool without asking an engine. `engines` is for those that follow
// the engines' KV events, which the simulator delivers without loss and at once.
struct PoolContext {
  const Workload& workload;
  const EngineSpec& engine;
  const std::vector<EngineModel>& engines;
  std::uint64_t seed = 0;
  std::optional<routing::Targets> targets = {};  // what ours is told of the SLO
};

// Which engine a request goes to. Every call comes in order of time.
class Chooser {
 public:
  virtual ~Chooser() = default;
  // Chooses and books; nothing when all have enough and the request had better wait in the queue.
  virtual std::optional<EndpointNumber> choose(RequestNumber request, Instant now) = 0;
  // How good `choose` would be for it now, higher is better; nothing: it would give nothing. Keeps
  // no trace.
  virtual std::optional<double> gain(RequestNumber, Instant) { return 0; }
  // Keep a place free for a request that others went past; until it is chosen for, or dropped.
  virtual void hold(RequestNumber, Instant) {}
  // Whether it is too late for its target, and would be in the way of others wherever it fits.
  virtual bool is_in_the_way(RequestNumber, Instant) { return false; }
  virtual void drop_hold(RequestNumber) {}

  // What it knows of a request will be needed soon: it may lie far away in memory.
  virtual void prefetch(RequestNumber) const {}
  virtual void on_first_token(RequestNumber, Instant) {}
  virtual void on_token(RequestNumber, std::int64_t /*tokens*/, Instant) {}
  virtual void on_done(RequestNumber, bool /*failed*/, Instant) {}
  virtual bool wants_scrapes() const { return false; }
  virtual void on_scrape(EndpointNumber, const EngineReport&, Instant /*taken_at*/, Instant) {}
  virtual void on_health(EndpointNumber, bool /*up*/) {}
};

// Leads from the queue to the chooser.
class Placer {
 public:
  virtual ~Placer() = default;
  virtual std::optional<EndpointNumber> place(RequestNumber request) = 0;
  virtual std::optional<double> gain(RequestNumber request) = 0;
  virtual void hold(RequestNumber request) = 0;
  virtual bool is_in_the_way(RequestNumber) { return false; }
  virtual void drop_hold(RequestNumber request) = 0;
};

struct Placed {
  RequestNumber request = 0;
  EndpointNumber endpoint = 0;
};

// What the tenants' queue promises and what it saw; nothing for orders that promise nothing.
struct FairnessBound {
  double u_us = 0;  // GPU-microseconds by weight
  double q_us = 0;
  double gap_max_us = 0;  // as the queue itself counts it
};

// Who goes next.
class Order {
 public:
  virtual ~Order() = default;
  // Appends those to `refused` that do not wait any more because of it: perhaps itself.
  virtual void push(RequestNumber request, Instant now, std::vector<RequestNumber>& refused) = 0;
  virtual std::optional<Placed> next(Placer& placer, Instant now) = 0;
  virtual void prefetch(RequestNumber) const {}  // as Chooser::prefetch()
  virtual void on_token(RequestNumber, std::int64_t /*tokens*/, Instant) {}
  virtual void on_done(RequestNumber, std::int64_t /*output_tokens*/, Instant) {}
  virtual std::size_t waiting() const = 0;
  // When to ask again although nothing happened; Instant::max(): never.
  virtual Instant next_wake() const { return Instant::max(); }
  virtual std::optional<FairnessBound> bound() const { return {}; }
};

// GPU time by which tenants' service is measured and charged.
fairness::CostRates cost_rates(const EngineSpec& engine);

// How tenants share, for orders that care. Tenants that are not named have weight 1 and no
// guarantee.
struct TenantShare {
  std::string tenant;
  double weight = 1;
  double nominal = 0;  // GSE/s, as the limits
  std::optional<double> borrowing_limit = {};
  std::optional<double> lending_limit = {};
  std::string cohort = {};  // its path; empty: none
};
struct Shares {
  std::vector<TenantShare> tenants;
  std::vector<fairness::NodeSpec> cohorts;
};

// "CHOOSER" or "CHOOSER+ORDER"; "ours" is "ect+fair". Without an order requests go on at once.
struct PolicyName {
  std::string chooser;
  std::string order = "fcfs";
  std::string text() const;
};
Result<PolicyName> parse_policy(std::string_view text);
// All names, one line each with what it does: for --help.
std::string policy_help();
// The anchors that endpoint choice is compared with.
std::vector<std::string> anchor_names();

std::unique_ptr<Chooser> make_chooser(std::string_view name, const PoolContext& pool);
Result<std::unique_ptr<Order>> make_order(std::string_view name, const PoolContext& pool,
                                          const Shares& shares);

}  // namespace sovmesh::des
