#pragma once

#include <memory>
#include <utility>

#include "base/guarded.h"
#include "base/result.h"
#include "rt/blocking.h"
#include "store/audit.h"
#include "store/control_store.h"
#include "tenancy/records.h"

namespace sovmesh::compose {

// Enters in the audit log that a key is used for the first time; the control store remembers it,
// so that a restart does not repeat it. Any worker.
class FirstUses : public std::enable_shared_from_this<FirstUses> {
 public:
  FirstUses(store::ControlStore& store, std::shared_ptr<store::Audit> audit, rt::BlockingPool& pool)
      : store_(store), audit_(std::move(audit)), pool_(pool), turn_() {}
  // Never waits. False when there is no room: ask again with the key's next request.
  bool note(const tenancy::Key& key);

 private:
  Result<void> record(KeyId key, TenantId tenant);

  struct Turn {};
  store::ControlStore& store_;
  std::shared_ptr<store::Audit> audit_;
  rt::BlockingPool& pool_;
  Guarded<Turn> turn_;  // two workers may see a key at the same time
};

}  // namespace sovmesh::compose
