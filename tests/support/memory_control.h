#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "store/control_store.h"

namespace sovmesh {

// A control store that holds what a test put into it, and named values. Its objects do not change.
class MemoryControl : public store::ControlStore {
 public:
  store::ControlData data;
  std::map<std::string, std::string> values;

  Result<store::ControlData> load() override { return data; }
  Result<void> atomically(const std::function<Result<void>(ControlStore&)>& work) override {
    return work(*this);
  }
  Result<std::optional<std::string>> get_value(const std::string& name) override {
    const auto found = values.find(name);
    if (found == values.end()) return std::optional<std::string>();
    return found->second;
  }
  Result<void> put_value(const std::string& name, const std::string& value) override {
    values[name] = value;
    return {};
  }
  Result<void> remove_value(const std::string& name) override {
    values.erase(name);
    return {};
  }

  Result<tenancy::Tenant> create(tenancy::Tenant) override { return no(); }
  Result<tenancy::Tenant> update(const tenancy::Tenant&) override { return no(); }
  Result<void> remove(TenantId, std::int64_t) override { return no(); }
  Result<std::optional<TenantId>> removed_tenant(const std::string&) override {
    return std::optional<TenantId>();
  }
  Result<Bytes> overwrite_removed(const std::string&) override { return Bytes(); }
  Result<tenancy::Project> create(tenancy::Project) override { return no(); }
  Result<tenancy::Project> update(const tenancy::Project&) override { return no(); }
  Result<void> remove(ProjectId, std::int64_t) override { return no(); }
  Result<tenancy::Key> create(tenancy::Key) override { return no(); }
  Result<tenancy::Key> update(const tenancy::Key&) override { return no(); }
  Result<void> remove(const KeyId&, std::int64_t) override { return no(); }
  Result<catalog::Model> create(catalog::Model) override { return no(); }
  Result<catalog::Model> update(const catalog::Model&) override { return no(); }
  Result<void> remove(ModelId, std::int64_t) override { return no(); }
  Result<void> note_source(const tenancy::Tenant&) override { return no(); }
  Result<void> note_source(const tenancy::Project&) override { return no(); }
  Result<void> note_source(const tenancy::Key&) override { return no(); }
  Result<void> note_source(const catalog::Model&) override { return no(); }
  Result<void> note_source(const store::LimitRecord&) override { return no(); }
  Result<store::EngineRecord> create(store::EngineRecord) override { return no(); }
  Result<store::EngineRecord> update(const store::EngineRecord&) override { return no(); }
  Result<void> remove(EngineId, std::int64_t) override { return no(); }
  Result<store::LimitRecord> create(store::LimitRecord) override { return no(); }
  Result<store::LimitRecord> update(const store::LimitRecord&) override { return no(); }
  Result<void> remove(store::LimitId, std::int64_t) override { return no(); }
  Result<store::PoolMemberRecord> create(store::PoolMemberRecord) override { return no(); }
  Result<store::PoolMemberRecord> update(const store::PoolMemberRecord&) override { return no(); }
  Result<void> remove(store::PoolMemberId, std::int64_t) override { return no(); }
  Result<store::ArtifactRecord> create(store::ArtifactRecord) override { return no(); }
  Result<store::ArtifactRecord> update(const store::ArtifactRecord&) override { return no(); }
  Result<void> remove(store::ArtifactId, std::int64_t) override { return no(); }
  Result<store::TestRunRecord> create(store::TestRunRecord) override { return no(); }
  Result<std::vector<store::TestRunRecord>> test_runs(store::ArtifactId) override {
    return std::vector<store::TestRunRecord>();
  }
  Result<store::WebhookRecord> create(store::WebhookRecord) override { return no(); }
  Result<store::WebhookRecord> update(const store::WebhookRecord&) override { return no(); }
  Result<void> remove(store::WebhookId, std::int64_t) override { return no(); }
  Result<store::SettingsRecord> put_settings(const store::SettingsRecord&) override { return no(); }
  // Nobody.
  Result<std::vector<access::User>> users() override { return std::vector<access::User>(); }
  Result<std::optional<access::User>> user(access::UserId) override {
    return std::optional<access::User>();
  }
  Result<std::optional<access::User>> user_named(const std::string&) override {
    return std::optional<access::User>();
  }
  Result<access::User> create(access::User) override { return no(); }
  Result<access::User> update(const access::User&) override { return no(); }
  Result<void> remove(access::UserId, std::int64_t) override { return no(); }
  Result<std::vector<access::Membership>> memberships() override {
    return std::vector<access::Membership>();
  }
  Result<std::vector<access::Membership>> memberships_of(access::UserId) override {
    return std::vector<access::Membership>();
  }
  Result<access::Membership> create(access::Membership) override { return no(); }
  Result<void> remove(access::MembershipId, std::int64_t) override { return no(); }
  Result<void> add_token(const access::Token&) override { return no(); }
  Result<std::optional<access::Token>> token(const access::TokenId&) override {
    return std::optional<access::Token>();
  }
  Result<std::vector<access::Token>> tokens_of(access::UserId) override {
    return std::vector<access::Token>();
  }
  Result<void> use_token(const access::TokenId&, WallTime) override { return no(); }
  Result<void> remove_token(access::UserId, const access::TokenId&) override { return no(); }
  Result<std::int64_t> remove_tokens(access::UserId, bool) override { return no(); }
  Result<void> begin_session(const access::Session&) override { return no(); }
  Result<std::optional<access::Session>> session_of(const Digest&) override {
    return std::optional<access::Session>();
  }
  Result<std::vector<access::Session>> sessions_of(access::UserId) override {
    return std::vector<access::Session>();
  }
  Result<void> see_session(access::SessionId, WallTime) override { return no(); }
  Result<void> end_session(access::UserId, access::SessionId) override { return no(); }
  Result<std::int64_t> end_sessions(access::UserId, std::optional<access::SessionId>) override {
    return no();
  }

 private:
  static std::unexpected<Error> no() {
    return our_error(Code::internal_error, "this store does not change");
  }
};

}  // namespace sovmesh
