#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "tenancy/records.h"

namespace sovmesh::store {

// Whole answers of tenants that want it, kept for whoever repeats an Idempotency-Key. What is lost
// of it costs a client his answer, never a second engine call: the ledger alone says what is over.
// Any thread; blocks on the disk.
class ReplayStore {
 public:
  virtual ~ReplayStore() = default;
  // An error: it is not kept. Makes room by forgetting the tenant's oldest answers.
  virtual Result<void> keep(TenantId tenant, RequestId request, const tenancy::ReplayPolicy& policy,
                            std::string_view answer) = 0;
  // Nothing: it was never kept, is too old, had to make room, or is damaged.
  virtual std::optional<std::string> find(TenantId tenant, RequestId request) = 0;
  // Erases what is too old, and all of tenants that are not among these.
  virtual void retain(const std::set<TenantId>& tenants) = 0;
};

}  // namespace sovmesh::store
