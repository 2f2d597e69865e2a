#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "sim/des/policy.h"

namespace sovmesh::des {

// First come, first served.
class Fcfs final : public Order {
 public:
  void push(RequestNumber request, Instant now, std::vector<RequestNumber>& refused) override;
  std::optional<Placed> next(Placer& placer, Instant now) override;
  std::size_t waiting() const override { return queue_.size(); }

 private:
  std::deque<RequestNumber> queue_;
};

// One request of each tenant in turn, whatever it costs.
class RoundRobinOrder final : public Order {
 public:
  explicit RoundRobinOrder(const Workload& workload)
      : workload_(workload), queues_(workload.tenants.size()) {}
  void push(RequestNumber request, Instant now, std::vector<RequestNumber>& refused) override;
  std::optional<Placed> next(Placer& placer, Instant now) override;
  std::size_t waiting() const override { return waiting_; }

 private:
  const Workload& workload_;
  std::vector<std::deque<RequestNumber>> queues_;
  std::deque<std::uint32_t> turn_;  // tenants with something waiting
  std::size_t waiting_ = 0;
};

// Virtual token counters whose output is charged when a request is over. A tenant that comes back
// starts where the lowest of the others is, or where the last one left.
class CompletionCharged final : public Order {
 public:
  CompletionCharged(const Workload& workload, const fairness::CostRates& rates,
                    std::vector<double> weights);
  void push(RequestNumber request, Instant now, std::vector<RequestNumber>& refused) override;
  std::optional<Placed> next(Placer& placer, Instant now) override;
  void on_done(RequestNumber request, std::int64_t output_tokens, Instant now) override;
  std::size_t waiting() const override { return waiting_; }
  double counter(std::uint32_t tenant) const { return counters_[tenant]; }

 private:
  void charge(std::uint32_t tenant, double cost);

  const Workload& workload_;
  fairness::CostRates rates_;
  std::vector<double> weights_;
  std::vector<double> counters_;
  std::vector<std::deque<RequestNumber>> queues_;
  std::set<std::pair<double, std::uint32_t>> active_;  // (counter, tenant) of those that wait
  double last_left_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace sovmesh::des
