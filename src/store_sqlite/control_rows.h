#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "access/records.h"
#include "catalog/records.h"
#include "store/control_store.h"
#include "store_sqlite/database.h"
#include "tenancy/records.h"

namespace sovmesh::store_sqlite {

// Text that is made while values are bound; it has to live until the statement has run.
using BoundText = std::deque<std::string>;

// Code::data_dir_invalid: the column holds no digest. `what` it should be, for the message.
Result<Digest> read_digest(const Statement& row, int column, std::string_view what);

// How one kind of object is kept: its table, its columns in the order of bind() and read(), the
// first of them its id, the last five its Meta.
template <class T>
struct Table;

template <>
struct Table<tenancy::Tenant> {
  static constexpr std::string_view kName = "tenant";
  static constexpr std::string_view kColumns =
      "id, slug, display_name, hosts, suspended, time_zone, currency";
  static std::string_view name_of(const tenancy::Tenant& row) { return row.slug.text(); }
  static void bind(Statement& statement, const tenancy::Tenant& row, BoundText& text);
  static Result<tenancy::Tenant> read(const Statement& row);
};
template <>
struct Table<tenancy::Project> {
  static constexpr std::string_view kName = "project";
  static constexpr std::string_view kColumns = "id, tenant, slug, display_name, cost_centre";
  static std::string_view name_of(const tenancy::Project& row) { return row.slug.text(); }
  static void bind(Statement& statement, const tenancy::Project& row, BoundText& text);
  static Result<tenancy::Project> read(const Statement& row);
};
template <>
struct Table<tenancy::Key> {
  static constexpr std::string_view kName = "key";
  static constexpr std::string_view kColumns =
      "id, tenant, project, display_name, scopes, models, owner, expires_at, revoked_at, pepper_id,"
      " hmac, last_four, previous_pepper_id, previous_hmac, previous_until, max_priority,"
      " labels";
  static std::string_view name_of(const tenancy::Key& row) { return row.id.text(); }
  static void bind(Statement& statement, const tenancy::Key& row, BoundText& text);
  static Result<tenancy::Key> read(const Statement& row);
};
template <>
struct Table<catalog::Model> {
  static constexpr std::string_view kName = "model";
  static constexpr std::string_view kColumns =
      "id, name, engine, engine_model, adapter, owned_by, chat, completions, embeddings,"
      " for_all_tenants, tenants, context_tokens, output_tokens_max, choices_max, extra_fields,"
      " reject_unknown_fields, first_token_timeout_ms, stall_timeout_ms, total_timeout_ms,"
      " commit_after_ms, engines, artifact";
  static std::string_view name_of(const catalog::Model& row) { return row.name.text(); }
  static void bind(Statement& statement, const catalog::Model& row, BoundText& text);
  static Result<catalog::Model> read(const Statement& row);
};
template <>
struct Table<store::EngineRecord> {
  static constexpr std::string_view kName = "engine";
  static constexpr std::string_view kColumns = "id, name, dialect, url, slots";
  static std::string_view name_of(const store::EngineRecord& row) { return row.name; }
  static void bind(Statement& statement, const store::EngineRecord& row, BoundText& text);
  static Result<store::EngineRecord> read(const Statement& row);
};
template <>
struct Table<store::LimitRecord> {
  static constexpr std::string_view kName = "usage_limit";
  static constexpr std::string_view kKind = "limit";
  static constexpr std::string_view kColumns =
      "id, name, scope, tenant, project, key, holder, measure, period, alignment, amount, shadow,"
      " model";
  static std::string name_of(const store::LimitRecord& row);
  static void bind(Statement& statement, const store::LimitRecord& row, BoundText& text);
  static Result<store::LimitRecord> read(const Statement& row);
};
template <>
struct Table<store::PoolMemberRecord> {
  static constexpr std::string_view kName = "pool_member";
  static constexpr std::string_view kKind = "pool member";
  static constexpr std::string_view kColumns =
      "id, pool, tenant, project, cohort, guaranteed, borrowing_limit, lending_limit, weight,"
      " concurrency_max, user_concurrency_max";
  static std::string_view name_of(const store::PoolMemberRecord& row) { return row.pool; }
  static void bind(Statement& statement, const store::PoolMemberRecord& row, BoundText& text);
  static Result<store::PoolMemberRecord> read(const Statement& row);
};
template <>
struct Table<store::ArtifactRecord> {
  static constexpr std::string_view kName = "artifact";
  static constexpr std::string_view kColumns =
      "id, name, stage, for_all_tenants, tenants, retires_at, format, digest, bytes, architecture,"
      " quantisation, parameters, context_tokens, licence, origin, owner, labels";
  static std::string_view name_of(const store::ArtifactRecord& row) { return row.name.text(); }
  static void bind(Statement& statement, const store::ArtifactRecord& row, BoundText& text);
  static Result<store::ArtifactRecord> read(const Statement& row);
};
template <>
struct Table<store::TestRunRecord> {
  static constexpr std::string_view kName = "test_run";
  static constexpr std::string_view kKind = "test run";
  static constexpr std::string_view kColumns =
      "id, artifact, test_set, model, passed, failed, results";
  static std::string_view name_of(const store::TestRunRecord& row) { return row.set; }
  static void bind(Statement& statement, const store::TestRunRecord& row, BoundText& text);
  static Result<store::TestRunRecord> read(const Statement& row);
};
template <>
struct Table<store::WebhookRecord> {
  static constexpr std::string_view kName = "webhook";
  static constexpr std::string_view kColumns =
      "id, tenant, name, url, events, enabled, pepper_id, secret";
  static std::string_view name_of(const store::WebhookRecord& row) { return row.name; }
  static void bind(Statement& statement, const store::WebhookRecord& row, BoundText& text);
  static Result<store::WebhookRecord> read(const Statement& row);
};
template <>
struct Table<access::User> {
  static constexpr std::string_view kName = "user";
  static constexpr std::string_view kColumns =
      "id, login, display_name, password_hash, disabled, kind";
  static std::string_view name_of(const access::User& row) { return row.login; }
  static void bind(Statement& statement, const access::User& row, BoundText& text);
  static Result<access::User> read(const Statement& row);
};
template <>
struct Table<access::Membership> {
  static constexpr std::string_view kName = "membership";
  static constexpr std::string_view kColumns = "id, user, tenant, role";
  static std::string_view name_of(const access::Membership& row) {
    return access::name(row.grant.role());
  }
  static void bind(Statement& statement, const access::Membership& row, BoundText& text);
  static Result<access::Membership> read(const Statement& row);
};

// What messages call a kind of object.
template <class T>
constexpr std::string_view kind_of() {
  if constexpr (requires { Table<T>::kKind; }) {
    return Table<T>::kKind;
  } else {
    return Table<T>::kName;
  }
}

// The same for every kind; a Model keeps these fields in itself.
tenancy::Meta meta_of(const catalog::Model& model);
void set_meta(catalog::Model& model, tenancy::Meta meta);
template <class T>
const tenancy::Meta& meta_of(const T& row) {
  return row.meta;
}
template <class T>
void set_meta(T& row, tenancy::Meta meta) {
  row.meta = std::move(meta);
}
constexpr std::string_view kMetaColumns = "revision, created_at, updated_at, managed_by, source";
constexpr int kMetaColumnCount = 5;

void bind_meta(Statement& statement, int first, const tenancy::Meta& meta);
tenancy::Meta read_meta(const Statement& row, int first);

}  // namespace sovmesh::store_sqlite
