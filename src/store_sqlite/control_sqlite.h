#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "store/control_store.h"
#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// The control plane's objects in SQLite, one transaction a call, on a connection that subclasses
// give. Revisions and times are the store's: what a caller puts there on create() is ignored.
class ControlTables : public store::ControlStore {
 public:
  explicit ControlTables(const Clock& clock) : clock_(clock) {}

  Result<store::ControlData> load() override;
  Result<void> atomically(const std::function<Result<void>(ControlStore&)>& work) override;

  Result<tenancy::Tenant> create(tenancy::Tenant tenant) override;
  Result<tenancy::Tenant> update(const tenancy::Tenant& tenant) override;
  Result<void> remove(TenantId id, std::int64_t revision) override;
  Result<std::optional<TenantId>> removed_tenant(const std::string& slug) override;
  Result<tenancy::Project> create(tenancy::Project project) override;
  Result<tenancy::Project> update(const tenancy::Project& project) override;
  Result<void> remove(ProjectId id, std::int64_t revision) override;
  Result<tenancy::Key> create(tenancy::Key key) override;
  Result<tenancy::Key> update(const tenancy::Key& key) override;
  Result<void> remove(const KeyId& id, std::int64_t revision) override;
  Result<catalog::Model> create(catalog::Model model) override;
  Result<catalog::Model> update(const catalog::Model& model) override;
  Result<void> remove(ModelId id, std::int64_t revision) override;
  Result<void> note_source(const tenancy::Tenant& tenant) override;
  Result<void> note_source(const tenancy::Project& project) override;
  Result<void> note_source(const tenancy::Key& key) override;
  Result<void> note_source(const catalog::Model& model) override;
  Result<void> note_source(const store::LimitRecord& limit) override;
  Result<store::EngineRecord> create(store::EngineRecord engine) override;
  Result<store::EngineRecord> update(const store::EngineRecord& engine) override;
  Result<void> remove(EngineId id, std::int64_t revision) override;
  Result<store::LimitRecord> create(store::LimitRecord limit) override;
  Result<store::LimitRecord> update(const store::LimitRecord& limit) override;
  Result<void> remove(store::LimitId id, std::int64_t revision) override;
  Result<store::PoolMemberRecord> create(store::PoolMemberRecord member) override;
  Result<store::PoolMemberRecord> update(const store::PoolMemberRecord& member) override;
  Result<void> remove(store::PoolMemberId id, std::int64_t revision) override;
  // control_settings.cpp
  Result<store::SettingsRecord> put_settings(const store::SettingsRecord& settings) override;

  Result<store::ArtifactRecord> create(store::ArtifactRecord artifact) override;
  Result<store::ArtifactRecord> update(const store::ArtifactRecord& artifact) override;
  Result<void> remove(store::ArtifactId id, std::int64_t revision) override;
  Result<store::TestRunRecord> create(store::TestRunRecord run) override;
  Result<std::vector<store::TestRunRecord>> test_runs(store::ArtifactId artifact) override;

  Result<store::WebhookRecord> create(store::WebhookRecord webhook) override;
  Result<store::WebhookRecord> update(const store::WebhookRecord& webhook) override;
  Result<void> remove(store::WebhookId id, std::int64_t revision) override;

  Result<std::vector<access::User>> users() override;
  Result<std::optional<access::User>> user(access::UserId id) override;
  Result<std::optional<access::User>> user_named(const std::string& login) override;
  Result<access::User> create(access::User user) override;
  Result<access::User> update(const access::User& user) override;
  Result<void> remove(access::UserId id, std::int64_t revision) override;
  Result<std::vector<access::Membership>> memberships() override;
  Result<std::vector<access::Membership>> memberships_of(access::UserId user) override;
  Result<access::Membership> create(access::Membership membership) override;
  Result<void> remove(access::MembershipId id, std::int64_t revision) override;
  // control_tokens.cpp
  Result<void> add_token(const access::Token& token) override;
  Result<std::optional<access::Token>> token(const access::TokenId& id) override;
  Result<std::vector<access::Token>> tokens_of(access::UserId user) override;
  Result<void> use_token(const access::TokenId& id, WallTime now) override;
  Result<void> remove_token(access::UserId user, const access::TokenId& id) override;
  Result<std::int64_t> remove_tokens(access::UserId user, bool but_by_platform) override;
  // control_sessions.cpp
  Result<void> begin_session(const access::Session& session) override;
  Result<std::optional<access::Session>> session_of(const Digest& proof) override;
  Result<std::vector<access::Session>> sessions_of(access::UserId user) override;
  Result<void> see_session(access::SessionId id, WallTime now) override;
  Result<void> end_session(access::UserId user, access::SessionId id) override;
  Result<std::int64_t> end_sessions(access::UserId user,
                                    std::optional<access::SessionId> but) override;

  Result<std::optional<std::string>> get_value(const std::string& name) override;
  Result<void> put_value(const std::string& name, const std::string& value) override;
  Result<void> remove_value(const std::string& name) override;
  Result<Bytes> overwrite_removed(const std::string& name) override;

 private:
  // Calls `work` once, with nobody else on the connection.
  virtual void use(const std::function<void(Database&)>& work) = 0;
  template <class F>
  auto with(F&& work) {
    std::optional<std::invoke_result_t<F, Database&>> result;
    use([&](Database& database) { result.emplace(std::invoke(work, database)); });
    return *std::move(result);
  }
  template <class T>
  Result<T> insert(T row);
  template <class T>
  Result<T> change(T row);
  template <class T>
  Result<void> set_source(const T& row);
  template <class T, class Id>
  Result<void> erase(const Id& id, std::int64_t revision);

  const Clock& clock_;
};

// control_settings.cpp
Result<std::vector<store::SettingsRecord>> read_settings(Database& database);

// One connection, one caller at a time.
class ControlSqlite final : public ControlTables {
 public:
  ControlSqlite(Database database, const Clock& clock)
      : ControlTables(clock), database_(std::move(database)) {}

  // Read anew only when something has been written since.
  Result<store::ControlData> load() override;

 private:
  void use(const std::function<void(Database&)>& work) override { database_.with(work); }

  Guarded<Database> database_;
  Guarded<std::optional<store::ControlData>> loaded_;
};

}  // namespace sovmesh::store_sqlite
