#pragma once

#include <functional>
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
#include "control/tenant_settings.h"
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
  // What is published: by now, or when a change is agreed to.
  struct State {
    std::shared_ptr<const identity::Directory> directory;
    std::shared_ptr<const std::vector<limits::Limit>> limits;
    std::shared_ptr<const std::vector<config::Pool>> pools;  // with the API's members
    std::shared_ptr<const std::vector<store::WebhookRecord>> webhooks;
  };
  State state() const {
    return {.directory = directory_.get(),
            .limits = limits_.get(),
            .pools = pools_.get(),
            .webhooks = webhooks_.get()};
  }
  // Sees a change before it is made: what it does to the store that it is given belongs to the
  // change, and when it fails nothing has been changed.
  using Agree = std::function<Result<void>(store::ControlStore&, const State&)>;
  Result<Applied> apply(const config::Config& config, const Agree& agree = {});
  // Writes through the API: stored and published, or neither.
  using Work = std::function<Result<void>(store::ControlStore&)>;
  Result<void> change(const Work& work, const Agree& agree = {});
  // Publishes the store's present state.
  Result<void> publish() { return change({}); }
  // What an engine with discover_models lists becomes models of every tenant, kept over restarts.
  // Names that file or API declare, and names of engines that stand earlier in the file, win.
  // Engines that do not discover are ignored.
  Result<void> discover(const std::string& engine, std::vector<engine::ListedModel> listed);
  // The context of one request of an engine that we run; 0: another engine, which decides itself.
  std::int64_t engine_context(std::string_view engine) const;
  // Where the file declares this engine; nothing when it does not.
  std::optional<std::string> file_engine(std::string_view engine) const;
  // A pool as the file declares it, without what the API added; nothing when it does not.
  std::optional<config::Pool> file_pool(std::string_view name) const;
  // What the file has set for this tenant; nothing where it leaves that to the API.
  std::optional<FileSettings> file_settings(std::string_view tenant) const;
  // The discovered models that are in force.
  std::vector<catalog::Model> discovered() const;

  const Snapshot<identity::Directory>& directory() const { return directory_; }
  // The file's prices.
  const Snapshot<metering::PriceBook>& prices() const { return prices_; }
  // Of the store.
  const Snapshot<std::vector<store::WebhookRecord>>& webhooks() const { return webhooks_; }
  // All limits in force.
  std::shared_ptr<const std::vector<limits::Limit>> limits() const { return limits_.get(); }

 private:
  // An engine with discover_models, and its last list.
  struct Discovery {
    std::string engine;
    std::vector<engine::ListedModel> listed;
  };
  struct FileEngine {
    std::string source;        // "file:line:column"
    std::int64_t context = 0;  // of one request, when we run it
  };
  // What is published besides the store's objects.
  struct Declared {
    std::map<std::string, FileEngine, std::less<>> engines;             // of the file
    std::vector<Discovery> discoveries;                                 // in the file's order
    std::vector<config::Pool> pools;                                    // of the file
    std::vector<catalog::Route> routes;                                 // of the file
    std::map<std::string, tenancy::ReplayPolicy, std::less<>> replays;  // of its tenants, by slug
    AllFileSettings settings;
  };

  Result<Applied> apply_alone(const config::Config& config, const Agree& agree);
  Result<void> discover_alone(const std::string& engine, std::vector<engine::ListedModel> listed);
  Result<void> change_alone(Declared& declared, const Work& work, const Agree& agree);
  static Result<Declared> read_declared(const config::Config& config, store::ControlStore& store);
  static std::int64_t context_of(const Declared& declared, std::string_view engine);
  static void add_discovered(const Declared& declared, std::vector<catalog::Model>& models);
  static void bound_contexts(const Declared& declared, std::vector<catalog::Model>& models);
  Result<State> state_of(store::ControlStore& store, const Declared& declared);
  Result<identity::DirectoryData::DigestKey> digest_key(store::ControlStore& store,
                                                        TenantId tenant);

  store::ControlStore& store_;
  const identity::Authenticator& authenticator_;
  const Clock& clock_;
  Random& random_;
  Snapshot<identity::Directory> directory_;
  Snapshot<metering::PriceBook> prices_;
  Snapshot<std::vector<limits::Limit>> limits_;
  Snapshot<std::vector<config::Pool>> pools_;
  Snapshot<std::vector<store::WebhookRecord>> webhooks_;
  Snapshot<Declared> declared_;
  struct Turn {};
  Guarded<Turn> turn_;  // two writers must not publish in the wrong order
};

}  // namespace sovmesh::control
