#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "catalog/records.h"
#include "config/config.h"
#include "engine/model_list.h"
#include "identity/authenticator.h"
#include "identity/directory.h"
#include "limits/limit.h"
#include "metering/price.h"
#include "store/control_store.h"

namespace sovmesh::control {

// What `DirectoryPublisher::apply` would refuse whatever the store holds. Tenants that only models
// name may be there.
Result<void> check_declared(const config::Config& config, const Clock& clock, Random& random);

// Keeps the data path's snapshots equal to what file and store declare. Objects of the file live in
// the store as well (marked as the file's), so that their ids and usage survive restarts. Every
// call blocks on the store: the blocking pool or start-up calls it, one at a time.
class DirectoryPublisher {
 public:
  DirectoryPublisher(store::ControlStore& store, const identity::Authenticator& authenticator,
                     const Clock& clock, Random& random);

  // Makes the file's tenants, projects, keys, limits, models and prices what `config` says:
  // creates, changes and removes them, then publishes. An object that exists through the API under
  // the same name is an error that names both (Code::config_invalid), and then nothing has been
  // changed.
  struct Applied {
    std::vector<std::string> removed_tenants;  // slugs of those that the file no longer has
  };
  Result<Applied> apply(const config::Config& config);
  // Publishes the store's present state; after every write through the API.
  Result<void> publish();
  // What an engine with discover_models lists becomes models of every tenant, kept over restarts.
  // Names that file or API declare, and names of engines that stand earlier in the file, win.
  // Engines that do not discover are ignored.
  Result<void> discover(const std::string& engine, std::vector<engine::ListedModel> listed);
  // The context of one request of an engine that we run; 0: another engine, which decides itself.
  std::int64_t engine_context(std::string_view engine) const;
  // Where the file declares this engine; nothing when it does not.
  std::optional<std::string> file_engine(std::string_view engine) const;
  // The discovered models that are in force.
  std::vector<catalog::Model> discovered() const;

  const Snapshot<identity::Directory>& directory() const { return directory_; }
  // The file's prices.
  const Snapshot<metering::PriceBook>& prices() const { return prices_; }
  // All limits in force: after apply(), publish() and discover() whoever counts by them asks again.
  std::shared_ptr<const std::vector<limits::Limit>> limits() const { return limits_.get(); }

 private:
  // An engine with discover_models, and its last list.
  struct Discovery {
    std::string engine;
    std::vector<engine::ListedModel> listed;
  };
  Result<Applied> apply_alone(const config::Config& config);
  Result<void> load_lists(const config::Config& config);
  Result<void> discover_alone(const std::string& engine, std::vector<engine::ListedModel> listed);
  void add_discovered(std::vector<catalog::Model>& models) const;
  void note_engines(const config::Config& config);
  void bound_contexts(std::vector<catalog::Model>& models) const;
  Result<void> publish_alone();
  Result<identity::DirectoryData::DigestKey> digest_key(TenantId tenant);

  store::ControlStore& store_;
  const identity::Authenticator& authenticator_;
  const Clock& clock_;
  Random& random_;
  Snapshot<identity::Directory> directory_;
  Snapshot<metering::PriceBook> prices_;
  Snapshot<std::vector<limits::Limit>> limits_;
  struct Turn {};
  Guarded<Turn> turn_;  // two writers must not publish in the wrong order
  struct FileEngine {
    std::string source;        // "file:line:column"
    std::int64_t context = 0;  // of one request, when we run it
  };
  using FileEngines = std::map<std::string, FileEngine, std::less<>>;
  mutable Guarded<FileEngines> file_engines_;
  std::vector<Discovery> discoveries_;  // in the file's order; whoever has the turn
  std::vector<config::Pool> pools_;     // of the file; whoever has the turn
  // Of the file's tenants, by slug; whoever has the turn.
  std::map<std::string, tenancy::ReplayPolicy, std::less<>> replays_;
};

}  // namespace sovmesh::control
