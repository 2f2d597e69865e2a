#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "catalog/model_table.h"
#include "tenancy/records.h"
#include "tenancy/settings.h"

namespace sovmesh::identity {

// What a tenant has set for its own requests, as requests go by it.
struct TenantSettings {
  tenancy::Settings set;
  std::int64_t revision = 0;  // of the stored ones; of a file's 0
  std::string ending;         // the disclaimer as the inside of a JSON string

  static std::shared_ptr<const TenantSettings> make(tenancy::Settings set, std::int64_t revision);
};

// The input of a Directory: what file and store together declare.
struct DirectoryData {
  std::vector<tenancy::Tenant> tenants;
  std::vector<tenancy::Project> projects;
  std::vector<tenancy::Key> keys;
  std::vector<catalog::Model> models;
  std::vector<catalog::Route> routes;
  // Per tenant: the key of the digests in its log lines, and its id. Absent: digests are left out.
  struct DigestKey {
    std::string id;
    Secret key;
  };
  std::map<TenantId, DigestKey> digest_keys;
  std::map<TenantId, tenancy::ReplayPolicy> replays;
  std::map<TenantId, std::shared_ptr<const TenantSettings>> settings;  // of those that have any
  std::map<std::string, std::string, std::less<>> pool_of_engine;      // engines that share limits
  std::int64_t version = 0;
};

// What the data path knows about one tenant, beyond its record.
struct TenantEntry {
  tenancy::Tenant record;
  std::string digest_key_id;
  std::unique_ptr<const HmacKey> digest_key;  // null: no digests
  // Sent to engines that can salt their prefix cache: 32 hex characters, unguessable, per tenant.
  std::string cache_salt;
  std::optional<tenancy::ReplayPolicy> replay;     // nothing: its answers are not kept
  std::shared_ptr<const TenantSettings> settings;  // null: it has set nothing
};

// One immutable state of tenants, keys and models. Requests pin one; a database outage never
// changes a verdict because nothing here asks a database.
class Directory {
 public:
  static Result<std::shared_ptr<const Directory>> build(DirectoryData data);
  ~Directory();

  const TenantEntry* tenant(TenantId id) const;
  const TenantEntry* tenant_by_slug(std::string_view slug) const;
  const TenantEntry* tenant_by_host(std::string_view host) const;
  const tenancy::Project* project(ProjectId id) const;
  // Its models are those that its tenant's settings allow, too.
  const tenancy::Key* key(const KeyId& id) const;
  // Those that the key says itself, whatever the settings allow; null: all of its tenant's.
  const std::set<ModelName>* own_models(const tenancy::Key& key) const;
  const catalog::ModelTable& models() const;
  // The pool whose limits count for what runs on this engine; empty: none.
  std::string_view pool_of(std::string_view engine) const;
  bool has_pool(std::string_view name) const;
  std::int64_t version() const;
  std::vector<const TenantEntry*> tenants() const;

 private:
  struct Impl;
  explicit Directory(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace sovmesh::identity
