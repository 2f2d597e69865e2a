#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "fairness/pool.h"
#include "routing/picker.h"
#include "sim/des/policy.h"
#include "sim/des/random.h"

namespace sovmesh::des {

// routing::Picker as the gateway runs it: the same object, with priors of the rates instead of the
// engines' own.
class EctChooser final : public Chooser {
 public:
  explicit EctChooser(const PoolContext& pool);

  std::optional<EndpointNumber> choose(RequestNumber request, Instant now) override;
  std::optional<double> gain(RequestNumber request, Instant now) override;
  void hold(RequestNumber request, Instant now) override;
  bool is_in_the_way(RequestNumber request, Instant now) override;
  void drop_hold(RequestNumber request) override;
  void prefetch(RequestNumber request) const override { picker_.prefetch(sent_[request].ticket); }
  void on_first_token(RequestNumber request, Instant now) override;
  void on_token(RequestNumber request, std::int64_t tokens, Instant now) override;
  void on_done(RequestNumber request, bool failed, Instant now) override;
  bool wants_scrapes() const override { return true; }
  void on_scrape(EndpointNumber endpoint, const EngineReport& report, Instant taken_at,
                 Instant now) override;
  void on_health(EndpointNumber endpoint, bool up) override;

 private:
  // Blocks that are looked at by one call of Picker::clean, which comes every kCleanEvery.
  static constexpr std::size_t kCleanSteps = 4'096;
  static constexpr std::chrono::milliseconds kCleanEvery{100};

  struct Hold {
    RequestNumber request = 0;
    EndpointNumber endpoint = 0;
  };
  std::optional<EndpointNumber> cheapest(const routing::PickRequest& request, Instant now);
  routing::PickRequest pick_request(RequestNumber request, Instant now);
  const routing::EndpointSet* held_for_others(RequestNumber request);

  const Workload& workload_;
  SeededRandom random_;
  routing::CostSettings settings_;
  routing::Picker picker_;
  routing::Matches matches_;  // of gain()
  std::vector<float> costs_;
  std::vector<routing::EndpointId> endpoints_;
  struct Sent {
    routing::Ticket ticket;
    std::uint32_t generated = 0;
  };
  std::vector<Sent> sent_;           // by request
  std::vector<double> output_mean_;  // by tenant: what an answer is expected to be
  std::vector<Hold> holds_;
  routing::EndpointSet held_;
  std::optional<routing::Targets> targets_;
  Instant cleaned_at_{};
};

// fairness::Pool as the gateway runs it.
class FairOrder final : public Order {
 public:
  static Result<std::unique_ptr<FairOrder>> make(const PoolContext& pool, const Shares& shares);

  void push(RequestNumber request, Instant now, std::vector<RequestNumber>& refused) override;
  std::optional<Placed> next(Placer& placer, Instant now) override;
  void prefetch(RequestNumber request) const override { pool_.prefetch(tickets_[request]); }
  void on_token(RequestNumber request, std::int64_t tokens, Instant now) override;
  void on_done(RequestNumber request, std::int64_t output_tokens, Instant now) override;
  std::size_t waiting() const override { return waiting_; }
  Instant next_wake() const override { return pool_.next_wake(); }
  std::optional<FairnessBound> bound() const override;

 private:
  FairOrder(const PoolContext& pool, fairness::PoolTree tree, std::vector<fairness::NodeId> nodes,
            const fairness::Options& options);

  const Workload& workload_;
  fairness::CostRates rates_;
  std::optional<routing::Targets> targets_;
  std::vector<fairness::NodeId> nodes_;  // by tenant
  fairness::Pool pool_;
  std::vector<fairness::Ticket> tickets_;  // by request
  std::size_t waiting_ = 0;
};

}  // namespace sovmesh::des
