#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/des/engine_model.h"
#include "sim/des/policy.h"
#include "sim/des/workload.h"

namespace sovmesh::des {

// What users were promised: first token within `first` + `per_input` for each token of the prompt,
// then no more than `per_output` a token on average.
struct Slo {
  double first_s = 2;
  double input_tokens_per_s = 8'000;
  double per_output_s = 0.06;
  bool met(double first_seconds, double per_output_seconds, std::int64_t input_tokens) const;
};

// How one request went. Seconds; negative: it did not come so far.
struct Record {
  float wait = -1;   // until it was sent to an engine
  float first = -1;  // until its first token
  float last = -1;   // until its last one
  std::uint32_t output = 0;
  bool failed = false;
  bool refused = false;
  bool left = false;  // its client hung up
  bool complete() const { return last >= 0 && !failed && !left; }
  double per_output() const {
    return output > 1 ? static_cast<double>(last - first) / (output - 1) : 0;
  }
};

struct Quantiles {
  double p50 = 0, p90 = 0, p95 = 0, p99 = 0;
};
// Nearest rank. Sorts its argument.
Quantiles quantiles(std::vector<float>& values);

struct TenantSummary {
  std::string name;
  std::uint64_t requests = 0;
  double goodput = 0;  // share of its requests within the SLO
  Quantiles wait, first;
  double gpu_s = 0;         // used, of the whole pool's
  double demand_gpu_s = 0;  // all its requests would have used
  double starved_s = 0;     // longest time with something waiting and nothing sent
};

struct Summary {
  std::uint64_t requests = 0, completed = 0, failed = 0, refused = 0, left = 0, unfinished = 0;
  double goodput = 0;  // share of all requests whose client stayed
  Quantiles first, per_output, total, wait;
  double hit_rate = 0;     // prompt tokens that came from a cache
  double utilisation = 0;  // busy time of the engines, until the last token
  double imbalance = 1;    // busiest engine by their mean
  std::uint64_t preemptions = 0, decisions = 0, steps = 0;
  std::int64_t wasted_tokens = 0;  // computed twice, or for nobody
  double gap_gpu_s = 0;  // largest change of the lead of one backlogged tenant over another
  std::optional<FairnessBound> bound;
  double jain = 1;  // of used / wanted
  double starved_s = 0;
  double simulated_s = 0;
  std::vector<TenantSummary> tenants;
};

// Follows who is served while others wait. Weighted service in GPU-microseconds.
class ServiceWatch {
 public:
  // The gap is measured between the first kWatched tenants.
  static constexpr std::size_t kWatched = 32;
  ServiceWatch(std::size_t tenants, std::vector<double> weights);

  void on_wait(std::uint32_t tenant, Instant now);
  void on_sent(std::uint32_t tenant, Instant now);
  void on_left_queue(std::uint32_t tenant, Instant now);  // waited, and will not be sent
  void on_service(std::uint32_t tenant, double gpu_us);

  double gap_us() const { return gap_; }
  double service_us(std::uint32_t tenant) const { return tenants_[tenant].service; }
  double starved_s(std::uint32_t tenant) const { return tenants_[tenant].starved; }

 private:
  struct Tenant {
    double weight = 1;
    double service = 0;  // not divided by the weight
    std::uint64_t waiting = 0;
    Instant since{};  // of the last time that it got something, or began to wait
    double starved = 0;
  };
  struct Pair {
    bool both = false;  // both wait
    double low = 0, high = 0;
  };
  void begin(std::uint32_t tenant);
  void end(std::uint32_t tenant);
  void widen(std::uint32_t tenant);
  double lead(std::size_t a, std::size_t b) const;
  Pair& pair(std::size_t a, std::size_t b) { return pairs_[a * watched_ + b]; }

  std::vector<Tenant> tenants_;
  std::size_t watched_;
  std::vector<Pair> pairs_;
  std::size_t waiting_ = 0;  // tenants, of the watched ones
  double gap_ = 0;
};

Summary summarise(const Workload& workload, const std::vector<Record>& records,
                  const std::vector<EngineModel>& engines, const ServiceWatch& watch,
                  const Slo& slo);

}  // namespace sovmesh::des
