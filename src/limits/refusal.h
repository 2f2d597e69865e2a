#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "limits/limit.h"

namespace sovmesh::limits {

// Why a request may not run, in numbers: made under the lock, put into words outside.
struct Refusal {
  std::string scope;  // "tenant:aurora"
  Scope kind = Scope::tenant;
  Measure measure = Measure::requests;
  Window window = Window::minute;
  std::int64_t amount = 0;
  std::int64_t taken = 0;  // used and reserved
  std::int64_t wanted = 0;
  std::optional<WallTime> free_at;  // nothing: nobody knows
  bool unpriced = false;            // nobody knows what of the limit it would take
  bool full = false;                // nothing is wrong with the request: there is no room in memory

  // More than the limit has when nobody uses it.
  bool never_fits() const { return wanted > amount; }
  // A budget: its 429 must not be retried.
  bool is_quota() const;
  // Of two limits that both refuse, the one to tell: after it, the other is no obstacle.
  bool outranks(const Refusal& other) const;
};

Error to_error(const Refusal& refusal, std::string_view model, WallTime now);

}  // namespace sovmesh::limits
