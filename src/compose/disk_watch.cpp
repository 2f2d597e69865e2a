#include "compose/disk_watch.h"

namespace sovmesh::compose {

std::optional<bool> DiskWatch::look() {
  const bool is_full = ledger_.stats().disk_full;
  if (is_full == was_full_) return std::nullopt;
  was_full_ = is_full;
  if (audit_ != nullptr) audit_->hold_refusals(is_full);
  if (is_full)
    log_.say(observe::Level::error, "disk_full",
             "the disk of the data folder is full: new requests get 503 metering_unavailable, "
             "running ones are written into what the ledger has kept; make room, and it ends by "
             "itself");
  else
    log_.say(observe::Level::warning, "disk_full", "over: there is room, and requests are taken");
  return is_full;
}

}  // namespace sovmesh::compose
