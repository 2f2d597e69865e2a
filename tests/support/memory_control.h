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
  Result<store::EngineRecord> create(store::EngineRecord) override { return no(); }
  Result<store::EngineRecord> update(const store::EngineRecord&) override { return no(); }
  Result<void> remove(EngineId, std::int64_t) override { return no(); }
  Result<store::LimitRecord> create(store::LimitRecord) override { return no(); }
  Result<store::LimitRecord> update(const store::LimitRecord&) override { return no(); }
  Result<void> remove(store::LimitId, std::int64_t) override { return no(); }
  Result<store::PoolMemberRecord> create(store::PoolMemberRecord) override { return no(); }
  Result<store::PoolMemberRecord> update(const store::PoolMemberRecord&) override { return no(); }
  Result<void> remove(store::PoolMemberId, std::int64_t) override { return no(); }

 private:
  static std::unexpected<Error> no() {
    return our_error(Code::internal_error, "this store does not change");
  }
};

}  // namespace sovmesh
