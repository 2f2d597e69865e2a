#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "limits/limit.h"
#include "limits/window_usage.h"

namespace sovmesh::limits {

// What usage is counted by. Amounts, names and shadow are not part of it, so they may change.
struct CounterId {
  ScopeKey scope;
  Measure measure = Measure::requests;
  Window window = Window::minute;
  Alignment alignment = Alignment::calendar;
  TimeZone zone;
  std::string model;  // empty: all
  friend bool operator==(const CounterId&, const CounterId&) = default;
};

struct CounterIdHash {
  std::size_t operator()(const CounterId& id) const noexcept {
    std::size_t h = std::hash<ScopeKey>{}(id.scope) * 31 + std::hash<std::string>{}(id.model);
    h = h * 31 + static_cast<std::size_t>(id.measure);
    h = h * 31 + static_cast<std::size_t>(id.window);
    return h * 31 + static_cast<std::size_t>(id.alignment);  // zones: rarely more than one
  }
};

// How far one limit's thresholds have been told.
struct Watch {
  std::string limit;
  std::int64_t amount = 0;
  WallTime window{};     // whose usage `told` is about
  std::size_t told = 0;  // thresholds, from the lowest
  WallTime told_at{};
};

// Far above every limit, and far from an overflow.
constexpr std::int64_t kTakenMax = 4'000'000'000'000'000'000;

// One balance, shared by all limits that count the same.
struct Counter {
  Counter(CounterId its_id, TenantId its_tenant, WallTime from)
      : id(std::move(its_id)),
        tenant(its_tenant),
        complete_from(from),
        usage(id.window, id.alignment, id.zone) {}

  std::int64_t taken() const {
    return std::min(usage.used(), kTakenMax) + std::min(reserved, kTakenMax);
  }

  CounterId id;
  TenantId tenant;         // whose it is; nil when that is not known, or it is a pool's
  std::string text;        // for people
  WallTime complete_from;  // what was used since then is all in here
  WindowUsage usage;
  std::int64_t reserved = 0;  // belongs to no window: counts in whichever is current
  std::vector<Watch> watches;
};

}  // namespace sovmesh::limits
