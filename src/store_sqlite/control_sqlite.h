#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/guarded.h"
#include "store/control_store.h"
#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// The control plane's objects in SQLite: one connection, one caller at a time, one transaction a
// call. Revisions and times are the store's: what a caller puts there on create() is ignored.
class ControlSqlite : public store::ControlStore {
 public:
  ControlSqlite(Database database, const Clock& clock)
      : database_(std::move(database)), clock_(clock) {}

  Result<store::ControlData> load() override;

  Result<tenancy::Tenant> create(tenancy::Tenant tenant) override;
  Result<tenancy::Tenant> update(const tenancy::Tenant& tenant) override;
  Result<void> remove(TenantId id, std::int64_t revision) override;
  Result<tenancy::Project> create(tenancy::Project project) override;
  Result<tenancy::Project> update(const tenancy::Project& project) override;
  Result<void> remove(ProjectId id, std::int64_t revision) override;
  Result<tenancy::Key> create(tenancy::Key key) override;
  Result<tenancy::Key> update(const tenancy::Key& key) override;
  Result<void> remove(const KeyId& id, std::int64_t revision) override;
  Result<catalog::Model> create(catalog::Model model) override;
  Result<catalog::Model> update(const catalog::Model& model) override;
  Result<void> remove(ModelId id, std::int64_t revision) override;
  Result<store::EngineRecord> create(store::EngineRecord engine) override;
  Result<store::EngineRecord> update(const store::EngineRecord& engine) override;
  Result<void> remove(EngineId id, std::int64_t revision) override;
  Result<store::LimitRecord> create(store::LimitRecord limit) override;
  Result<store::LimitRecord> update(const store::LimitRecord& limit) override;
  Result<void> remove(store::LimitId id, std::int64_t revision) override;

  Result<std::optional<std::string>> get_value(const std::string& name) override;
  Result<void> put_value(const std::string& name, const std::string& value) override;
  Result<void> remove_value(const std::string& name) override;

 private:
  template <class T>
  Result<T> insert(T row);
  template <class T>
  Result<T> change(T row);
  template <class T, class Id>
  Result<void> erase(const Id& id, std::int64_t revision);

  Guarded<Database> database_;
  const Clock& clock_;
};

}  // namespace sovmesh::store_sqlite
