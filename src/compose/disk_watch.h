#pragma once

#include <optional>

#include "observe/log.h"
#include "store/audit.h"
#include "store/ledger.h"

namespace sovmesh::compose {

// Looks whether the ledger's disk is full, and tells whom it concerns when that changes: the log,
// and the audit log, which leaves the rest of the disk to requests that run. One thread.
class DiskWatch {
 public:
  DiskWatch(store::Ledger& ledger, store::Audit* audit, const observe::Log& log)
      : ledger_(ledger), audit_(audit), log_(log) {}
  // Whether it is full now, when that is new.
  std::optional<bool> look();

 private:
  store::Ledger& ledger_;
  store::Audit* audit_;  // null: none
  const observe::Log& log_;
  bool was_full_ = false;
};

}  // namespace sovmesh::compose
