#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/record.h"
#include "store/audit.h"

namespace sovmesh::gateway {

// Whether and how requests are entered in the audit log (docs/audit.md).
struct AuditPolicy {
  store::Audit* log = nullptr;  // null: there is none
  bool fail_closed = false;     // no request runs while the log takes no entries
  std::string site;
  std::string jurisdiction;

  bool refuses() const { return log != nullptr && fail_closed && !log->accepts(); }
};

// One worker's: turns what is known of a request that has ended into its entry.
class AuditNotes {
 public:
  void note(const RequestRecord& record, const AuditPolicy& policy, WallTime now);

 private:
  // Engines come and go rarely; when there are more than that, all are looked up again.
  static constexpr std::size_t kPlacesMax = 1'024;
  using Place =
      std::pair<std::weak_ptr<const engine::Engine>, std::shared_ptr<const store::AuditPlace>>;

  std::shared_ptr<const store::AuditPlace> place_of(
      const std::shared_ptr<const engine::Engine>& engine, const AuditPolicy& policy);

  std::vector<Place> places_;
};

}  // namespace sovmesh::gateway
