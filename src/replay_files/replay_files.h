#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/random.h"
#include "base/seal.h"
#include "base/secret.h"
#include "store/replay.h"

namespace sovmesh::replay_files {

// A folder with one folder for each tenant and one file for each answer:
//
//   TENANT/REQUEST   until (8 bytes, big-endian microseconds since 1970) | sealed answer
//
// Each tenant's answers are sealed with a key of its own, derived from `secret`, and bound to
// tenant, request and time. Nothing is synced: an answer that a power cut takes is only not kept.
class ReplayFiles : public store::ReplayStore {
 public:
  static constexpr std::size_t kAnswersMax = 10'000;  // of one tenant

  // Makes the folder (0700) or looks through it: what is too old or no answer of ours is deleted.
  static Result<std::unique_ptr<ReplayFiles>> open(std::string folder, const Secret& secret,
                                                   const Clock& clock, Random& random);

  Result<void> keep(TenantId tenant, RequestId request, const tenancy::ReplayPolicy& policy,
                    std::string_view answer) override;
  std::optional<std::string> find(TenantId tenant, RequestId request) override;
  void retain(const std::set<TenantId>& tenants) override;

 private:
  struct Answer {
    RequestId request;
    WallTime until{};
    std::int64_t bytes = 0;  // of its file
  };
  // Of one tenant, the oldest first.
  struct Shelf {
    std::vector<Answer> answers;
    std::int64_t bytes = 0;
  };
  using Shelves = std::map<TenantId, Shelf>;

  ReplayFiles(std::string folder, const Secret& secret, const Clock& clock, Random& random)
      : folder_(std::move(folder)),
        secret_(SecretBytes::copy_of(secret.reveal())),
        clock_(clock),
        random_(random) {}
  Result<void> look_through();
  void look_through_tenant(const std::string& name, Shelves& shelves) const;
  std::string folder_of(TenantId tenant) const { return folder_ + "/" + tenant.value.text(); }
  std::string path_of(TenantId tenant, RequestId request) const {
    return folder_of(tenant) + "/" + request.value.text();
  }
  SecretBytes key_of(TenantId tenant) const;
  template <class Gone>
  void forget(TenantId tenant, Shelf& shelf, const Gone& is_gone) const;
  bool write(TenantId tenant, RequestId request, std::string_view bytes) const;

  const std::string folder_;
  const SecretBytes secret_;
  const Clock& clock_;
  Random& random_;
  Guarded<Shelves> shelves_;
};

}  // namespace sovmesh::replay_files
