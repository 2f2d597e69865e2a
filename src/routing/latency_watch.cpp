#include "routing/latency_watch.h"

#include <algorithm>

namespace sovmesh::routing {

void LatencyWatch::observe(EndpointIndex host, double seconds, double prompt_tokens) {
  if (!(seconds > 0) || !(prompt_tokens > 0)) return;
  if (host >= hosts_.size()) hosts_.resize(std::size_t{host} + 1);
  double& mean = hosts_[host].mean;
  const double seen = seconds / prompt_tokens;
  mean = mean == 0 ? seen : mean + kWeight * (seen - mean);
}

void LatencyWatch::on_interval() {
  std::vector<double> means;
  for (const Host& host : hosts_)
    if (host.mean > 0) means.push_back(host.mean);
  if (means.size() < kHostsMin) {
    for (Host& host : hosts_)
      host.slow = 0;
    return;
  }
  // The lower of two in the middle: of an even number half may be slow.
  const auto middle = means.begin() + static_cast<std::ptrdiff_t>((means.size() - 1) / 2);
  std::ranges::nth_element(means, middle);
  for (Host& host : hosts_)
    host.slow = host.mean > kFactor * *middle ? host.slow + 1 : 0;
}

void LatencyWatch::forget(EndpointIndex host) {
  if (host < hosts_.size()) hosts_[host] = {};
}

double LatencyWatch::weight(EndpointIndex host) const {
  return host < hosts_.size() && hosts_[host].slow >= kIntervals ? 0.5 : 1;
}

}  // namespace sovmesh::routing
