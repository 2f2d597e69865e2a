#include "sim/des/orders.h"

#include <algorithm>
#include <utility>

namespace sovmesh::des {

void Fcfs::push(RequestNumber request, Instant, std::vector<RequestNumber>&) {
  queue_.push_back(request);
}

std::optional<Placed> Fcfs::next(Placer& placer, Instant) {
  if (queue_.empty()) return {};
  const RequestNumber request = queue_.front();
  const auto endpoint = placer.place(request);
  if (!endpoint) return {};
  queue_.pop_front();
  return Placed{.request = request, .endpoint = *endpoint};
}

void RoundRobinOrder::push(RequestNumber request, Instant, std::vector<RequestNumber>&) {
  const std::uint32_t tenant = workload_.arrivals[request].tenant;
  if (queues_[tenant].empty()) turn_.push_back(tenant);
  queues_[tenant].push_back(request);
  ++waiting_;
}

std::optional<Placed> RoundRobinOrder::next(Placer& placer, Instant) {
  if (turn_.empty()) return {};
  const std::uint32_t tenant = turn_.front();
  const RequestNumber request = queues_[tenant].front();
  const auto endpoint = placer.place(request);
  if (!endpoint) return {};
  queues_[tenant].pop_front();
  turn_.pop_front();
  if (!queues_[tenant].empty()) turn_.push_back(tenant);
  --waiting_;
  return Placed{.request = request, .endpoint = *endpoint};
}

CompletionCharged::CompletionCharged(const Workload& workload, const fairness::CostRates& rates,
                                     std::vector<double> weights)
    : workload_(workload),
      rates_(rates),
      weights_(std::move(weights)),
      counters_(workload.tenants.size()),
      queues_(workload.tenants.size()) {}

void CompletionCharged::charge(std::uint32_t tenant, double cost) {
  const bool waits = active_.erase({counters_[tenant], tenant}) > 0;
  counters_[tenant] += cost / weights_[tenant];
  if (waits) active_.insert({counters_[tenant], tenant});
}

void CompletionCharged::push(RequestNumber request, Instant, std::vector<RequestNumber>&) {
  const std::uint32_t tenant = workload_.arrivals[request].tenant;
  if (queues_[tenant].empty()) {
    const double floor = active_.empty() ? last_left_ : active_.begin()->first;
    counters_[tenant] = std::max(counters_[tenant], floor);
    active_.insert({counters_[tenant], tenant});
  }
  queues_[tenant].push_back(request);
  ++waiting_;
}

std::optional<Placed> CompletionCharged::next(Placer& placer, Instant) {
  if (active_.empty()) return {};
  const std::uint32_t tenant = active_.begin()->second;
  const RequestNumber request = queues_[tenant].front();
  const auto endpoint = placer.place(request);
  if (!endpoint) return {};
  queues_[tenant].pop_front();
  --waiting_;
  if (queues_[tenant].empty()) {
    active_.erase(active_.begin());
    last_left_ = counters_[tenant];
  }
  const Arrival& arrival = workload_.arrivals[request];
  charge(tenant, static_cast<double>(rates_.of(arrival.input_tokens - arrival.known_cached,
                                               arrival.known_cached, 0)));
  return Placed{.request = request, .endpoint = *endpoint};
}

void CompletionCharged::on_done(RequestNumber request, std::int64_t output_tokens, Instant) {
  charge(workload_.arrivals[request].tenant, rates_.output * static_cast<double>(output_tokens));
}

}  // namespace sovmesh::des
