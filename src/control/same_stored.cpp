#include "control/same_stored.h"

#include <tuple>

// Each names every member, so that none can be forgotten.
namespace sovmesh::control {
namespace {

auto said(const tenancy::Tenant& tenant) {
  const auto& [id, slug, display_name, hosts, suspended, time_zone, currency, meta] = tenant;
  return std::tie(id, slug, display_name, hosts, suspended, time_zone, currency, meta.ownership.by);
}

auto said(const tenancy::Project& project) {
  const auto& [id, tenant, slug, display_name, cost_centre, meta] = project;
  return std::tie(id, tenant, slug, display_name, cost_centre, meta.ownership.by);
}

auto said(const tenancy::Key& key) {
  const auto& [id, tenant, project, display_name, scopes, models, owner, max_priority, labels,
               expires_at, revoked_at, pepper_id, hmac, last_four, previous, meta] = key;
  return std::tie(id, tenant, project, display_name, scopes, models, owner, max_priority, labels,
                  expires_at, revoked_at, pepper_id, hmac, last_four, previous, meta.ownership.by);
}

auto said(const store::LimitRecord& limit) {
  const auto& [id, name, holder, measure, window, alignment, amount, shadow, model, meta] = limit;
  return std::tie(id, name, holder, measure, window, alignment, amount, shadow, model,
                  meta.ownership.by);
}

auto said(const catalog::Model& model) {
  const auto& [id, name, engine, engines, engine_model, adapter, owned_by, artifact, chat,
               completions, embeddings, for_all, tenants, context, output_max, choices_max, extra,
               reject, first_token, stall, total, commit_after, revision, created_at, updated_at,
               from_file, source, discovered, notice] = model;
  return std::tie(id, name, engine, engines, engine_model, adapter, owned_by, artifact, chat,
                  completions, embeddings, for_all, tenants, context, output_max, choices_max,
                  extra, reject, first_token, stall, total, commit_after, from_file, discovered,
                  notice);
}

}  // namespace

bool is_stored(const tenancy::Tenant& a, const tenancy::Tenant& b) { return said(a) == said(b); }
bool is_stored(const tenancy::Project& a, const tenancy::Project& b) { return said(a) == said(b); }
bool is_stored(const tenancy::Key& a, const tenancy::Key& b) { return said(a) == said(b); }
bool is_stored(const store::LimitRecord& a, const store::LimitRecord& b) {
  return said(a) == said(b);
}
bool is_stored(const catalog::Model& a, const catalog::Model& b) { return said(a) == said(b); }

}  // namespace sovmesh::control
