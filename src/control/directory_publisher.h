#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "config/config.h"
#include "identity/authenticator.h"
#include "identity/directory.h"
#include "store/control_store.h"

namespace sovmesh::control {

// Keeps the data path's snapshot equal to what file and store declare. Objects of the file live in
// the store as well (marked as the file's), so that their ids and usage survive restarts. Every
// call blocks on the store: the blocking pool or start-up calls it, one at a time.
class DirectoryPublisher {
 public:
  DirectoryPublisher(store::ControlStore& store, const identity::Authenticator& authenticator,
                     const Clock& clock, Random& random);

  // Makes the file's tenants, projects, keys and models what `config` says: creates, changes and
  // removes them, then publishes. An object that exists through the API under the same name is an
  // error that names both (Code::config_invalid), and then nothing has been changed.
  Result<void> apply(const config::Config& config);
  // Publishes the store's present state; after every write through the API.
  Result<void> publish();

  const Snapshot<identity::Directory>& directory() const { return directory_; }

 private:
  Result<void> apply_alone(const config::Config& config);
  Result<void> publish_alone();
  Result<identity::DirectoryData::DigestKey> digest_key(TenantId tenant);

  store::ControlStore& store_;
  const identity::Authenticator& authenticator_;
  const Clock& clock_;
  Random& random_;
  Snapshot<identity::Directory> directory_;
  struct Turn {};
  Guarded<Turn> turn_;  // two writers must not publish in the wrong order
};

}  // namespace sovmesh::control
