#include "identity/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/bytes.h"

namespace sovmesh::identity {

struct Directory::Impl {
  Impl(std::vector<catalog::Model> m, std::vector<catalog::Route> r)
      : models(std::move(m), std::move(r)) {}
  std::unordered_map<TenantId, TenantEntry> tenants;
  std::unordered_map<std::string_view, const TenantEntry*> by_slug;  // views into the entries
  std::unordered_map<std::string_view, const TenantEntry*> by_host;
  std::unordered_map<ProjectId, tenancy::Project> projects;
  std::unordered_map<KeyId, tenancy::Key> keys;
  // What keys said that settings have narrowed.
  std::unordered_map<KeyId, std::optional<std::set<ModelName>>> own_models;
  catalog::ModelTable models;
  std::map<std::string, std::string, std::less<>> pool_of_engine;
  std::int64_t version = 0;
};

namespace {

// Derived, so that it needs no storage: unguessable as long as the tenant's digest key is.
std::string cache_salt_of(const DirectoryData::DigestKey& key) {
  const HmacKey hmac(key.key.reveal());
  const Digest digest = hmac.of("prefix cache salt");
  return to_hex(std::span(digest).first(16));
}

// Whatever asks which models a key may use asks by that what its tenant allows.
void narrow(std::optional<std::set<ModelName>>& models,
            const std::optional<std::set<ModelName>>& allowed) {
  if (!allowed) return;
  if (!models) models = allowed;
  std::erase_if(*models, [&](const ModelName& name) { return !allowed->contains(name); });
}

Result<void> index_tenant(const TenantEntry& entry,
                          std::unordered_map<std::string_view, const TenantEntry*>& by_slug,
                          std::unordered_map<std::string_view, const TenantEntry*>& by_host) {
  if (!by_slug.emplace(entry.record.slug.text(), &entry).second) {
    return our_error(Code::conflict,
                     fmt::format("two tenants are named '{}'", entry.record.slug.text()));
  }
  for (const std::string& host : entry.record.hosts) {
    if (!by_host.emplace(host, &entry).second) {
      return our_error(Code::conflict, fmt::format("two tenants claim the host '{}'", host));
    }
  }
  return {};
}

}  // namespace

std::shared_ptr<const TenantSettings> TenantSettings::make(tenancy::Settings set,
                                                           std::int64_t revision) {
  auto made = std::make_shared<TenantSettings>();
  append_json_escaped(made->ending, set.disclaimer);
  made->set = std::move(set);
  made->revision = revision;
  return made;
}

Directory::Directory(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Directory::~Directory() = default;

Result<std::shared_ptr<const Directory>> Directory::build(DirectoryData data) {
  auto impl = std::make_unique<Impl>(std::move(data.models), std::move(data.routes));
  impl->version = data.version;
  impl->pool_of_engine = std::move(data.pool_of_engine);
  for (tenancy::Tenant& tenant : data.tenants) {
    TenantEntry entry{.record = std::move(tenant)};
    const TenantId id = entry.record.id;
    if (const auto it = data.digest_keys.find(id); it != data.digest_keys.end()) {
      entry.digest_key_id = it->second.id;
      entry.digest_key = std::make_unique<const HmacKey>(it->second.key.reveal());
      entry.cache_salt = cache_salt_of(it->second);
    }
    if (const auto it = data.replays.find(id); it != data.replays.end()) entry.replay = it->second;
    if (const auto it = data.settings.find(id); it != data.settings.end())
      entry.settings = it->second;
    impl->tenants.emplace(id, std::move(entry));
  }
  for (const auto& [id, entry] : impl->tenants) {
    TRY_VOID(index_tenant(entry, impl->by_slug, impl->by_host));
  }
  for (tenancy::Project& project : data.projects) {
    const ProjectId id = project.id;
    impl->projects.emplace(id, std::move(project));
  }
  for (tenancy::Key& key : data.keys) {
    const KeyId id = key.id;
    if (!impl->tenants.contains(key.tenant) || !impl->projects.contains(key.project)) {
      return our_error(Code::internal_error,
                       fmt::format("key {} belongs to nothing that exists", id.text()));
    }
    if (const auto& settings = impl->tenants.at(key.tenant).settings;
        settings && settings->set.models) {
      impl->own_models.emplace(id, key.models);
      narrow(key.models, settings->set.models);
    }
    impl->keys.emplace(id, std::move(key));
  }
  return std::shared_ptr<const Directory>(new Directory(std::move(impl)));
}

namespace {
template <class Map, class K>
const auto* find_in(const Map& map, const K& key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}
}  // namespace

const TenantEntry* Directory::tenant(TenantId id) const { return find_in(impl_->tenants, id); }
const TenantEntry* Directory::tenant_by_slug(std::string_view slug) const {
  const auto* found = find_in(impl_->by_slug, slug);
  return found == nullptr ? nullptr : *found;
}
const TenantEntry* Directory::tenant_by_host(std::string_view host) const {
  const auto* found = find_in(impl_->by_host, host);
  return found == nullptr ? nullptr : *found;
}
const tenancy::Project* Directory::project(ProjectId id) const {
  return find_in(impl_->projects, id);
}
const tenancy::Key* Directory::key(const KeyId& id) const { return find_in(impl_->keys, id); }
const std::set<ModelName>* Directory::own_models(const tenancy::Key& key) const {
  const auto* const narrowed = find_in(impl_->own_models, key.id);
  const auto& own = narrowed == nullptr ? key.models : *narrowed;
  return own ? &*own : nullptr;
}
const catalog::ModelTable& Directory::models() const { return impl_->models; }
std::string_view Directory::pool_of(std::string_view engine) const {
  const std::string* pool = find_in(impl_->pool_of_engine, engine);
  return pool == nullptr ? std::string_view() : *pool;
}
bool Directory::has_pool(std::string_view name) const {
  return std::ranges::any_of(impl_->pool_of_engine,
                             [&](const auto& entry) { return entry.second == name; });
}
std::int64_t Directory::version() const { return impl_->version; }

std::vector<const TenantEntry*> Directory::tenants() const {
  std::vector<const TenantEntry*> out;
  for (const auto& [id, entry] : impl_->tenants)
    out.push_back(&entry);
  return out;
}

}  // namespace sovmesh::identity
