#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "audit_files/files.h"
#include "audit_files/journal.h"
#include "audit_files/key_ring.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"

namespace sovmesh::audit_files {

// What entries say besides, encrypted, beside the log: detail/TENANT/DAY, a journal of sealed
// texts. An entry names its text by the SHA-256 of the ciphertext, so one whose entry was never
// written is merely dead weight. store() and drop_before() are the writer's, find() is anybody's.
class Details {
 public:
  static constexpr std::size_t kOpenMax = 64;  // journals kept open

  Details(Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  // Durable on return: its hash.
  Result<Digest> store(const std::optional<TenantId>& tenant, Day day, std::string_view sealed);
  Result<std::optional<std::string>> find(const std::optional<TenantId>& tenant, Day day,
                                          std::string_view hash_hex) const;
  // Removes the days before `day`, except of tenants that are held.
  Result<void> drop_before(Day day,
                           const std::function<bool(const std::optional<TenantId>&)>& is_held);

 private:
  std::string folder_of(const std::optional<TenantId>& tenant) const;

  Files& files_;
  std::string folder_;
  std::map<std::string, Journal> open_;  // by path
};

}  // namespace sovmesh::audit_files
