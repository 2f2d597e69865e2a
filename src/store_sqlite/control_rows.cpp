#include "store_sqlite/control_rows.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace sovmesh::store_sqlite {
namespace {

using Texts = std::vector<std::string>;
using std::chrono::milliseconds;

std::unexpected<Error> meaningless(std::string_view what) {
  return our_error(Code::data_dir_invalid, "control.db holds a " + std::string(what) +
                                               " that cannot be read; restore a backup or tell us");
}

template <class Items>
const std::string& list_text(BoundText& text, const Items& items) {
  nlohmann::json list = nlohmann::json::array();
  for (const std::string_view item : items)
    list.push_back(std::string(item));
  return text.emplace_back(list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Result<Texts> read_list(const Statement& row, int column) {
  const auto list = nlohmann::json::parse(row.text(column), nullptr, false);
  if (!list.is_array()) return meaningless("list");
  Texts items;
  for (const auto& item : list) {
    if (!item.is_string()) return meaningless("list");
    items.push_back(item.get<std::string>());
  }
  return items;
}

template <class T>
Result<T> parsed(Result<T> value, std::string_view what) {
  if (!value) return meaningless(what);
  return value;
}

const std::string& tenants_text(BoundText& text, const std::set<TenantId>& tenants) {
  Texts ids;
  for (const TenantId& tenant : tenants)
    ids.push_back(tenant.value.text());
  return list_text(text, ids);
}

Result<std::set<TenantId>> read_tenants(const Statement& row, int column) {
  TRY(const Texts texts, read_list(row, column));
  std::set<TenantId> tenants;
  for (const std::string& text : texts) {
    TRY(const Ulid id, parsed(Ulid::parse(text), "tenant id"));
    tenants.insert({id});
  }
  return tenants;
}

std::optional<std::string> optional_text(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return std::string(row.text(column));
}
std::optional<WallTime> optional_time(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.time(column);
}

Texts scope_names(const tenancy::Key& key) {
  Texts names;
  for (std::size_t i = 0; i < tenancy::kScopes; ++i)
    if (key.scopes.test(i)) names.emplace_back(name(static_cast<tenancy::Scope>(i)));
  return names;
}

Result<void> read_scopes(const Statement& row, int column, tenancy::Key& key) {
  TRY(const Texts names, read_list(row, column));
  for (const std::string& text : names) {
    const auto scope = tenancy::parse_scope(text);
    if (!scope) return meaningless("scope");
    key.scopes.set(static_cast<std::size_t>(*scope));
  }
  return {};
}

Result<std::optional<std::set<ModelName>>> read_models(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  TRY(const Texts names, read_list(row, column));
  std::set<ModelName> models;
  for (const std::string& text : names) {
    TRY(ModelName model, parsed(ModelName::parse(text), "model name"));
    models.insert(std::move(model));
  }
  return models;
}

// A JSON object of texts.
std::string labels_text(const std::map<std::string, std::string>& labels) {
  return nlohmann::json(labels).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::map<std::string, std::string>> parse_labels(std::string_view text) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return meaningless("label of a key");
  std::map<std::string, std::string> labels;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string()) return meaningless("label of a key");
    labels.emplace(name, value.get<std::string>());
  }
  return labels;
}

}  // namespace

Result<Digest> read_digest(const Statement& row, int column, std::string_view what) {
  Digest digest{};
  const Blob bytes = row.blob(column);
  if (bytes.size() != digest.size()) return meaningless(what);
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

void Table<tenancy::Tenant>::bind(Statement& statement, const tenancy::Tenant& row,
                                  BoundText& text) {
  statement.bind_all(row.id, row.slug.text(), row.display_name, list_text(text, row.hosts),
                     row.suspended, row.time_zone, row.currency);
}

Result<tenancy::Tenant> Table<tenancy::Tenant>::read(const Statement& row) {
  TRY(TenantSlug slug, parsed(TenantSlug::parse(row.text(1)), "tenant name"));
  TRY(Texts hosts, read_list(row, 3));
  return tenancy::Tenant{.id = {row.ulid(0)},
                         .slug = std::move(slug),
                         .display_name = std::string(row.text(2)),
                         .hosts = std::move(hosts),
                         .suspended = row.integer(4) != 0,
                         .time_zone = std::string(row.text(5)),
                         .currency = std::string(row.text(6))};
}

void Table<tenancy::Project>::bind(Statement& statement, const tenancy::Project& row, BoundText&) {
  statement.bind_all(row.id, row.tenant, row.slug.text(), row.display_name, row.cost_centre);
}

Result<tenancy::Project> Table<tenancy::Project>::read(const Statement& row) {
  TRY(ProjectSlug slug, parsed(ProjectSlug::parse(row.text(2)), "project name"));
  return tenancy::Project{.id = {row.ulid(0)},
                          .tenant = {row.ulid(1)},
                          .slug = std::move(slug),
                          .display_name = std::string(row.text(3)),
                          .cost_centre = std::string(row.text(4))};
}

void Table<tenancy::Key>::bind(Statement& statement, const tenancy::Key& row, BoundText& text) {
  std::optional<std::string_view> models;
  if (row.models) {
    Texts names;
    for (const ModelName& model : *row.models)
      names.emplace_back(model.text());
    models = list_text(text, names);
  }
  std::optional<std::int32_t> previous_pepper;
  std::optional<Blob> previous_hmac;
  std::optional<WallTime> previous_until;
  if (row.previous) {
    previous_pepper = row.previous->pepper_id;
    previous_hmac = Blob(row.previous->hmac);
    previous_until = row.previous->until;
  }
  statement.bind_all(row.id, row.tenant, row.project, row.display_name,
                     list_text(text, scope_names(row)), models, row.owner, row.expires_at,
                     row.revoked_at, row.pepper_id, Blob(row.hmac), row.last_four, previous_pepper,
                     previous_hmac, previous_until, name(row.max_priority),
                     text.emplace_back(labels_text(row.labels)));
}

Result<tenancy::Key> Table<tenancy::Key>::read(const Statement& row) {
  TRY(const KeyId id, parsed(KeyId::parse(row.text(0)), "key id"));
  tenancy::Key key{.id = id, .tenant = {row.ulid(1)}, .project = {row.ulid(2)}};
  key.display_name = row.text(3);
  TRY_VOID(read_scopes(row, 4, key));
  TRY(key.models, read_models(row, 5));
  key.owner = optional_text(row, 6);
  key.expires_at = optional_time(row, 7);
  key.revoked_at = optional_time(row, 8);
  key.pepper_id = static_cast<std::int32_t>(row.integer(9));
  TRY(key.hmac, read_digest(row, 10, "key digest"));
  key.last_four = row.text(11);
  if (!row.is_null(12)) {
    TRY(const Digest before, read_digest(row, 13, "key digest"));
    key.previous = {.pepper_id = static_cast<std::int32_t>(row.integer(12)),
                    .hmac = before,
                    .until = row.time(14)};
  }
  const auto max_priority = parse_priority_class(row.text(15));
  if (!max_priority) return meaningless("class of priority");
  key.max_priority = *max_priority;
  TRY(key.labels, parse_labels(row.text(16)));
  return key;
}

void Table<catalog::Model>::bind(Statement& statement, const catalog::Model& row, BoundText& text) {
  std::optional<std::int64_t> commit_after;
  if (row.commit_after) commit_after = row.commit_after->count();
  statement.bind_all(
      row.id, row.name.text(), row.engine, row.engine_model, row.adapter, row.owned_by, row.chat,
      row.completions, row.embeddings, row.for_all_tenants, tenants_text(text, row.tenants),
      row.context_tokens, row.output_tokens_max, row.choices_max, list_text(text, row.extra_fields),
      row.reject_unknown_fields, row.first_token_timeout.count(), row.stall_timeout.count(),
      row.total_timeout.count(), commit_after, list_text(text, row.engines), row.artifact);
}

Result<catalog::Model> Table<catalog::Model>::read(const Statement& row) {
  TRY(ModelName name, parsed(ModelName::parse(row.text(1)), "model name"));
  catalog::Model model{.id = {row.ulid(0)}, .name = std::move(name)};
  model.engine = row.text(2);
  model.engine_model = row.text(3);
  if (!row.is_null(4)) model.adapter = static_cast<int>(row.integer(4));
  model.owned_by = row.text(5);
  model.chat = row.integer(6) != 0;
  model.completions = row.integer(7) != 0;
  model.embeddings = row.integer(8) != 0;
  model.for_all_tenants = row.integer(9) != 0;
  TRY(model.tenants, read_tenants(row, 10));
  model.context_tokens = row.integer(11);
  model.output_tokens_max = row.integer(12);
  model.choices_max = static_cast<int>(row.integer(13));
  TRY(const Texts extra_fields, read_list(row, 14));
  model.extra_fields = {extra_fields.begin(), extra_fields.end()};
  model.reject_unknown_fields = row.integer(15) != 0;
  model.first_token_timeout = milliseconds(row.integer(16));
  model.stall_timeout = milliseconds(row.integer(17));
  model.total_timeout = milliseconds(row.integer(18));
  model.commit_after.reset();
  if (!row.is_null(19)) model.commit_after = milliseconds(row.integer(19));
  TRY(model.engines, read_list(row, 20));
  model.artifact = row.text(21);
  return model;
}

void Table<store::EngineRecord>::bind(Statement& statement, const store::EngineRecord& row,
                                      BoundText&) {
  statement.bind_all(row.id, row.name, row.dialect, row.url, row.slots);
}

Result<store::EngineRecord> Table<store::EngineRecord>::read(const Statement& row) {
  return store::EngineRecord{.id = {row.ulid(0)},
                             .name = std::string(row.text(1)),
                             .dialect = std::string(row.text(2)),
                             .url = std::string(row.text(3)),
                             .slots = row.integer(4)};
}

std::string Table<store::LimitRecord>::name_of(const store::LimitRecord& row) {
  if (!row.name.empty()) return row.name;
  return limits::to_text(limits::Rate{.measure = row.measure, .window = row.window});
}

void Table<store::LimitRecord>::bind(Statement& statement, const store::LimitRecord& row,
                                     BoundText&) {
  const store::LimitHolder& holder = row.holder;
  // Bound bytes must stay where they are until the statement has run: no copies of the ids.
  const auto bind_unless_nil = [&](int index, const auto& id) {
    id.value.is_nil() ? statement.bind(index, std::nullopt) : statement.bind(index, id);
  };
  statement.bind_all(row.id, row.name, limits::name(holder.scope));
  bind_unless_nil(4, holder.tenant);
  bind_unless_nil(5, holder.project);
  statement.bind_from(6, holder.key, holder.name, limits::name(row.measure),
                      limits::name(row.window), limits::name(row.alignment), row.amount, row.shadow,
                      row.model);
}

Result<store::LimitRecord> Table<store::LimitRecord>::read(const Statement& row) {
  const auto scope = limits::parse_scope(row.text(2));
  const auto measure = limits::parse_measure(row.text(7));
  const auto window = limits::parse_window(row.text(8));
  const auto alignment = limits::parse_alignment(row.text(9));
  if (!scope || !measure || !window || !alignment) return meaningless("limit");
  store::LimitRecord limit{.id = {row.ulid(0)}, .name = std::string(row.text(1))};
  limit.holder.scope = *scope;
  if (!row.is_null(3)) limit.holder.tenant = {row.ulid(3)};
  if (!row.is_null(4)) limit.holder.project = {row.ulid(4)};
  if (!row.is_null(5)) {
    TRY(limit.holder.key, parsed(KeyId::parse(row.text(5)), "key id"));
  }
  limit.holder.name = row.text(6);
  limit.measure = *measure;
  limit.window = *window;
  limit.alignment = *alignment;
  limit.amount = row.integer(10);
  limit.shadow = row.integer(11) != 0;
  limit.model = row.text(12);
  return limit;
}

void Table<store::PoolMemberRecord>::bind(Statement& statement, const store::PoolMemberRecord& row,
                                          BoundText&) {
  statement.bind_all(row.id, row.pool, row.tenant);
  row.project.value.is_nil() ? statement.bind(4, std::nullopt) : statement.bind(4, row.project);
  statement.bind_from(5, row.cohort, row.guaranteed, row.borrowing_limit, row.lending_limit,
                      row.weight, row.concurrency_max, row.user_concurrency_max);
}

Result<store::PoolMemberRecord> Table<store::PoolMemberRecord>::read(const Statement& row) {
  const auto optional = [&](int column) -> std::optional<std::int64_t> {
    if (row.is_null(column)) return std::nullopt;
    return row.integer(column);
  };
  store::PoolMemberRecord member{
      .id = {row.ulid(0)}, .pool = std::string(row.text(1)), .tenant = {row.ulid(2)}};
  if (!row.is_null(3)) member.project = {row.ulid(3)};
  member.cohort = row.text(4);
  member.guaranteed = row.integer(5);
  member.borrowing_limit = optional(6);
  member.lending_limit = optional(7);
  member.weight = row.integer(8);
  member.concurrency_max = optional(9);
  member.user_concurrency_max = optional(10);
  return member;
}

void Table<store::ArtifactRecord>::bind(Statement& statement, const store::ArtifactRecord& row,
                                        BoundText& text) {
  statement.bind_all(
      row.id, row.name.text(), catalog::name(row.release.stage), row.release.for_all_tenants,
      tenants_text(text, row.release.tenants), row.release.retires_at, row.format, Blob(row.digest),
      row.bytes, row.architecture, row.quantisation, row.parameters, row.context_tokens,
      row.licence, row.origin, row.owner, text.emplace_back(labels_text(row.labels)));
}

Result<store::ArtifactRecord> Table<store::ArtifactRecord>::read(const Statement& row) {
  TRY(catalog::ArtifactName name,
      parsed(catalog::ArtifactName::parse(row.text(1)), "artifact name"));
  const auto stage = catalog::parse_artifact_stage(row.text(2));
  if (!stage) return meaningless("stage");
  store::ArtifactRecord artifact{.id = {row.ulid(0)}, .name = std::move(name)};
  artifact.release = {.stage = *stage, .for_all_tenants = row.integer(3) != 0};
  TRY(artifact.release.tenants, read_tenants(row, 4));
  artifact.release.retires_at = optional_time(row, 5);
  artifact.format = row.text(6);
  TRY(artifact.digest, read_digest(row, 7, "digest of an artifact"));
  artifact.bytes = row.integer(8);
  artifact.architecture = row.text(9);
  artifact.quantisation = row.text(10);
  artifact.parameters = row.integer(11);
  artifact.context_tokens = row.integer(12);
  artifact.licence = row.text(13);
  artifact.origin = row.text(14);
  artifact.owner = row.text(15);
  TRY(artifact.labels, parse_labels(row.text(16)));
  return artifact;
}

void Table<store::TestRunRecord>::bind(Statement& statement, const store::TestRunRecord& row,
                                       BoundText&) {
  statement.bind_all(row.id, row.artifact, row.set, row.model, row.passed, row.failed, row.results);
}

Result<store::TestRunRecord> Table<store::TestRunRecord>::read(const Statement& row) {
  return store::TestRunRecord{.id = {row.ulid(0)},
                              .artifact = {row.ulid(1)},
                              .set = std::string(row.text(2)),
                              .model = std::string(row.text(3)),
                              .passed = row.integer(4),
                              .failed = row.integer(5),
                              .results = std::string(row.text(6))};
}

void Table<store::WebhookRecord>::bind(Statement& statement, const store::WebhookRecord& row,
                                       BoundText& text) {
  const auto* const secret = reinterpret_cast<const unsigned char*>(row.secret.data());
  statement.bind_all(row.id, row.tenant, row.name, row.url, list_text(text, row.events),
                     row.enabled, row.pepper_id, Blob(secret, row.secret.size()));
}

Result<store::WebhookRecord> Table<store::WebhookRecord>::read(const Statement& row) {
  store::WebhookRecord webhook{.id = {row.ulid(0)}};
  if (!row.is_null(1)) webhook.tenant = {row.ulid(1)};
  webhook.name = row.text(2);
  webhook.url = row.text(3);
  TRY(webhook.events, read_list(row, 4));
  webhook.enabled = row.integer(5) != 0;
  webhook.pepper_id = static_cast<std::int32_t>(row.integer(6));
  const Blob secret = row.blob(7);
  webhook.secret.assign(secret.begin(), secret.end());
  return webhook;
}

void Table<access::User>::bind(Statement& statement, const access::User& row, BoundText&) {
  statement.bind_all(row.id, row.login, row.display_name, row.password_hash, row.disabled,
                     access::name(row.kind));
}

Result<access::User> Table<access::User>::read(const Statement& row) {
  const auto kind = access::parse_user_kind(row.text(5));
  if (!kind) return meaningless("kind of user");
  return access::User{.id = {row.ulid(0)},
                      .login = std::string(row.text(1)),
                      .display_name = std::string(row.text(2)),
                      .password_hash = std::string(row.text(3)),
                      .disabled = row.integer(4) != 0,
                      .kind = *kind};
}

void Table<access::Membership>::bind(Statement& statement, const access::Membership& row,
                                     BoundText&) {
  statement.bind_all(row.id, row.user, row.grant.tenant(), access::name(row.grant.role()));
}

Result<access::Membership> Table<access::Membership>::read(const Statement& row) {
  const auto role = access::parse_role(row.text(3));
  if (!role) return meaningless("role");
  std::optional<TenantId> tenant;
  if (!row.is_null(2)) tenant = {row.ulid(2)};
  TRY(const access::Grant grant, parsed(access::Grant::make(*role, tenant), "membership"));
  return access::Membership{.id = {row.ulid(0)}, .user = {row.ulid(1)}, .grant = grant};
}

tenancy::Meta meta_of(const catalog::Model& model) {
  using By = tenancy::Ownership::By;
  return {.revision = model.revision,
          .created_at = model.created_at,
          .updated_at = model.updated_at,
          .ownership = {.by = model.from_file ? By::file : By::api, .source = model.source}};
}

void set_meta(catalog::Model& model, tenancy::Meta meta) {
  model.revision = meta.revision;
  model.created_at = meta.created_at;
  model.updated_at = meta.updated_at;
  model.from_file = meta.ownership.by == tenancy::Ownership::By::file;
  model.source = std::move(meta.ownership.source);
}

void bind_meta(Statement& statement, int first, const tenancy::Meta& meta) {
  statement.bind(first, meta.revision);
  statement.bind(first + 1, meta.created_at);
  statement.bind(first + 2, meta.updated_at);
  statement.bind(first + 3, static_cast<int>(meta.ownership.by));
  statement.bind(first + 4, meta.ownership.source);
}

tenancy::Meta read_meta(const Statement& row, int first) {
  using By = tenancy::Ownership::By;
  return {.revision = row.integer(first),
          .created_at = row.time(first + 1),
          .updated_at = row.time(first + 2),
          .ownership = {.by = row.integer(first + 3) == 0 ? By::api : By::file,
                        .source = std::string(row.text(first + 4))}};
}

}  // namespace sovmesh::store_sqlite
