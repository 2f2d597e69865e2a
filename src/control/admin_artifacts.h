#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "control/admin_call.h"
#include "store/control_store.h"

namespace sovmesh::control {

// The artifacts of the admin API: files of models at their versions, how far each has come, and
// what tests of it gave. Part of AdminApi, called in its turn.
class AdminArtifacts {
 public:
  struct Parts {
    const Clock& clock;
    // Whether its files are where imports put them. Empty: nobody looks.
    std::function<Result<void>(const store::ArtifactRecord&)> has_files = {};
    // The engine of the configuration that loads its files; empty: none does.
    std::function<std::string(const store::ArtifactRecord&)> engine_of = {};
    // Removes the files that this digest names; nobody needs them any more. Empty: nothing does.
    std::function<void(const store::ArtifactRecord&)> drop_files = {};
  };
  static constexpr std::size_t kArtifactsMax = 1'000;

  explicit AdminArtifacts(Parts parts) : parts_(std::move(parts)) {}
  Result<AdminReply> call(AdminRequest& request);

 private:
  Result<AdminReply> create(AdminRequest& request);
  Result<AdminReply> show(AdminRequest& request, const store::ArtifactRecord& artifact,
                          const store::ControlData& data, int status) const;
  Result<AdminReply> change(AdminRequest& request, store::ArtifactRecord artifact);
  Result<AdminReply> remove(AdminRequest& request, const store::ArtifactRecord& artifact,
                            const store::ControlData& data);
  Result<AdminReply> move(AdminRequest& request, store::ArtifactRecord artifact);
  Result<AdminReply> add_test(AdminRequest& request, const store::ArtifactRecord& artifact);

  Parts parts_;
};

}  // namespace sovmesh::control
