#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "catalog/records.h"
#include "gateway/record.h"
#include "store/audit.h"

namespace sovmesh::gateway {

// Whether and how requests are entered in the audit log (docs/audit.md).
struct AuditPolicy {
  store::Audit* log = nullptr;  // null: there is none
  bool fail_closed = false;     // no request runs while the log takes no entries
  std::string site;
  std::string jurisdiction;
  // What the configuration says of engines, by their name, and what is known of their files.
  struct Engine {
    std::string site;                   // empty: as above
    std::string jurisdiction;           // empty: as above
    std::string pool;                   // empty: none
    std::string model_digest;           // hex; empty: not known (yet)
    std::vector<std::string> adapters;  // with each of them: another digest
  };
  std::map<std::string, Engine, std::less<>> engines;
  std::map<std::string, std::string, std::less<>> model_digests;  // of the file, by public name

  // Told of a key that this worker sees for the first time; false: to be told again.
  std::function<bool(const tenancy::Key&)> first_use;

  std::string_view model_digest(std::string_view engine, const catalog::Model& model) const;
  std::string_view pool_of(std::string_view engine) const;
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

  static constexpr std::size_t kKeysMax = 100'000;  // remembered; beyond, all are forgotten
  void note_use(const tenancy::Key& key, const AuditPolicy& policy);

  std::vector<Place> places_;
  std::unordered_set<KeyId> used_keys_;
};

}  // namespace sovmesh::gateway
