#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace sovmesh::control {

// What goes on at this moment: rates and times of the last seconds, and what is running.
struct LiveFigures {
  double requests_per_s = 0;
  double output_tokens_per_s = 0;
  double errors_per_s = 0;
  std::optional<double> first_token_p50_ms = {};
  std::optional<double> first_token_p95_ms = {};
  std::int64_t running = 0;  // requests on engines
  std::int64_t waiting = 0;  // for one
};

struct LiveView {
  WallTime at{};
  std::int64_t window_s = 0;  // that rates and times are of
  LiveFigures all;            // of those that the view is of
  struct Engine {
    std::string name;
    std::string state;
    std::string condition;                // how requests see it; empty: nobody looks
    std::optional<std::int64_t> running;  // by its own word
    std::optional<std::int64_t> waiting;
    std::int64_t slots = 0;
  };
  std::vector<Engine> engines;
  struct Pool {
    std::string name;  // empty: that of the engines in no pool
    double used = 0;   // GPUs, over the last whole minute
    double borrowed = 0;
    std::int64_t running = 0;
    std::int64_t waiting = 0;
  };
  std::vector<Pool> pools;
  struct Tenant {
    std::string slug;
    LiveFigures figures;
    double borrowed = 0;  // GPUs of others, and what others have of its own
    double lent = 0;
  };
  std::vector<Tenant> tenants;  // the busiest ones first
};

constexpr std::size_t kLiveTenantsMax = 50;

// `whose`: of these tenants alone, without engines and pools. Null: of everybody. Any thread.
using ReadLive = std::function<LiveView(const std::set<TenantId>* whose)>;

// One object on one line. What a tenant's people see has no `engines` and `pools`.
std::string live_json(const LiveView& view, bool has_engines, bool has_pools);

}  // namespace sovmesh::control
