#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"

namespace sovmesh::gateway {

// What happened in the last seconds, in all and of each tenant: for people who look on. Any thread;
// a short lock for each request that ends and each checkpoint of a stream.
class LiveCounts {
 public:
  static constexpr std::int64_t kWindow = 10;        // whole seconds, that of now is not among them
  static constexpr std::size_t kTenantsMax = 4'096;  // with figures of their own
  static constexpr std::size_t kSamplesMax = 128;    // times to first token of one, the newest
  static constexpr std::size_t kAllSamplesMax = 1'024;  // of all together

  // Output tokens, as they come.
  void note_tokens(TenantId tenant, std::int64_t tokens, Instant now);
  struct Ended {
    TenantId tenant;
    bool failed = false;  // and not by the client's fault
    std::optional<std::chrono::nanoseconds> first_token;
  };
  void note_end(const Ended& ended, Instant now);

  struct Figures {
    double requests_per_s = 0;
    double output_tokens_per_s = 0;
    double errors_per_s = 0;
    std::optional<double> first_token_p50_ms;  // nothing: no answer began
    std::optional<double> first_token_p95_ms;
  };
  struct OfTenant {
    TenantId tenant;
    Figures figures;
  };
  // `whose`: of these together. Null: of everybody.
  Figures read(Instant now, const std::set<TenantId>* whose = nullptr);
  // Those that had something, the one with most requests first; at most `max`.
  std::vector<OfTenant> busiest(Instant now, std::size_t max,
                                const std::set<TenantId>* whose = nullptr);

 private:
  struct Second {
    std::int64_t at = -1;
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
    std::int64_t errors = 0;
  };
  struct Sample {
    std::int64_t at = 0;
    double ms = 0;
  };
  struct Series {
    std::array<Second, kWindow + 1> seconds;
    std::vector<Sample> samples;  // a ring once it is full
    std::size_t next_sample = 0;
    std::int64_t last = 0;  // second in which something happened

    Second& at(std::int64_t second);
    void add_sample(const Sample& sample, std::size_t max);
  };
  struct State {
    Series all;
    std::unordered_map<TenantId, Series> tenants;
  };
  // Sums over a window.
  class Sum;
  static Series* series_of(State& state, TenantId tenant, std::int64_t second);

  Guarded<State> state_;
};

}  // namespace sovmesh::gateway
