#include "store_sqlite/control_sqlite.h"

#include <algorithm>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "store_sqlite/control_rows.h"

namespace sovmesh::store_sqlite {
namespace {

// SQL is put together from the constants of Table<T> alone; everything else is bound.
int column_count(std::string_view columns) {
  return static_cast<int>(std::ranges::count(columns, ',')) + 1;
}

template <class T>
std::string all_columns() {
  std::string columns(Table<T>::kColumns);
  return columns.append(", ").append(kMetaColumns);
}

template <class T>
std::string insert_sql() {
  const int count = column_count(Table<T>::kColumns) + kMetaColumnCount;
  std::string sql = "INSERT INTO " + std::string(Table<T>::kName) + " (" + all_columns<T>();
  sql += ") VALUES (?";
  for (int i = 1; i < count; ++i)
    sql += ", ?";
  return sql += ")";
}

// Values as in insert_sql(), then the revision that must still be there.
template <class T>
std::string update_sql() {
  const int count = column_count(Table<T>::kColumns) + kMetaColumnCount;
  std::string sql = "UPDATE " + std::string(Table<T>::kName) + " SET (" + all_columns<T>();
  sql += ") = (?";
  for (int i = 1; i < count; ++i)
    sql += ", ?";
  return sql += ") WHERE id = ?1 AND revision = ?" + std::to_string(count + 1);
}

template <class T>
std::string select_sql() {
  return "SELECT " + all_columns<T>() + " FROM " + std::string(Table<T>::kName);
}

template <class T>
Result<void> bind_and_run(Database& database, const std::string& sql, const T& row,
                          std::optional<std::int64_t> revision) {
  TRY(Statement statement, database.prepare(sql));
  BoundText text;
  const tenancy::Meta meta = meta_of(row);
  const int values = column_count(Table<T>::kColumns);
  Table<T>::bind(statement, row, text);
  bind_meta(statement, values + 1, meta);
  if (revision) statement.bind(values + kMetaColumnCount + 1, *revision);
  return statement.run();
}

template <class T>
Result<T> read_one(const Statement& row) {
  TRY(T object, Table<T>::read(row));
  set_meta(object, read_meta(row, column_count(Table<T>::kColumns)));
  return object;
}

// `where`: a constant, for one value.
template <class T, class... Values>
Result<std::vector<T>> read_some(Database& database, std::string_view where,
                                 const Values&... values) {
  TRY(Statement row, database.prepare(select_sql<T>().append(where).append(" ORDER BY id")));
  row.bind_all(values...);
  std::vector<T> rows;
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) return rows;
    TRY(T object, read_one<T>(row));
    rows.push_back(std::move(object));
  }
}

template <class T>
Result<std::vector<T>> read_all(Database& database) {
  return read_some<T>(database, "");
}

template <class T, class Value>
Result<std::optional<T>> find_one(Database& database, std::string_view where, const Value& value) {
  TRY(std::vector<T> found, read_some<T>(database, where, value));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::string named(std::string_view kind, std::string_view name) {
  return std::string(kind) + " '" + std::string(name) + "'";
}

// What a broken rule of the database means to the caller.
template <class T>
Error explain(const Database& database, Error error, const T& row) {
  if (database.trouble() != Trouble::constraint) return error;
  if (error.message().contains("FOREIGN KEY"))
    return {Code::not_found, Blame::client,
            named(kind_of<T>(), Table<T>::name_of(row)) +
                " belongs to a tenant, project, key or user that does not exist"};
  return {Code::conflict, Blame::client,
          "a " + named(kind_of<T>(), Table<T>::name_of(row)) + " exists already"};
}

// Why a statement that was to hit one row at one revision hit none.
template <class T, class Id>
Result<void> check_hit(Database& database, const Id& id) {
  if (database.changed_rows() > 0) return {};
  const std::string table(Table<T>::kName);
  TRY(const std::int64_t there,
      database.number("SELECT count(*) FROM " + table + " WHERE id = ?", id));
  const std::string kind(kind_of<T>());
  if (there == 0) return client_error(Code::not_found, "there is no such " + kind);
  return client_error(Code::precondition_failed,
                      "the " + kind + " has changed meanwhile; read it again");
}

Result<void> count_write(Database& database) {
  return database.execute("UPDATE state SET version = version + 1");
}

template <class T, class Id>
Result<void> delete_row(Database& database, const Id& id, std::int64_t revision) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY_VOID(
      database.run("DELETE FROM " + std::string(Table<T>::kName) + " WHERE id = ? AND revision = ?",
                   id, revision));
  TRY_VOID(check_hit<T>(database, id));
  TRY_VOID(count_write(database));
  return transaction.commit();
}

Result<store::ControlData> read_everything(Database& database) {
  // A transaction, so that all tables are of the same moment.
  TRY(Transaction transaction, Transaction::begin(database));
  store::ControlData data;
  TRY(data.tenants, read_all<tenancy::Tenant>(database));
  TRY(data.projects, read_all<tenancy::Project>(database));
  TRY(data.keys, read_all<tenancy::Key>(database));
  TRY(data.models, read_all<catalog::Model>(database));
  TRY(data.engines, read_all<store::EngineRecord>(database));
  TRY(data.limits, read_all<store::LimitRecord>(database));
  TRY(data.pool_members, read_all<store::PoolMemberRecord>(database));
  TRY(data.artifacts, read_all<store::ArtifactRecord>(database));
  TRY(data.settings, read_settings(database));
  TRY(data.webhooks, read_all<store::WebhookRecord>(database));
  TRY(data.version, database.number("SELECT version FROM state"));
  return data;
}

// What atomically() gives out: its caller has the connection, and a transaction on it.
class InTransaction final : public ControlTables {
 public:
  InTransaction(Database& database, const Clock& clock)
      : ControlTables(clock), database_(database) {}

 private:
  void use(const std::function<void(Database&)>& work) override { work(database_); }

  Database& database_;
};

}  // namespace

Result<void> ControlTables::atomically(const std::function<Result<void>(ControlStore&)>& work) {
  return with([&](Database& database) -> Result<void> {
    TRY(Transaction transaction, Transaction::begin(database));
    InTransaction store(database, clock_);
    TRY_VOID(work(store));
    return transaction.commit();
  });
}

Result<store::ControlData> ControlTables::load() { return with(read_everything); }

// Each write counts the version on, in its own transaction; inside of one nothing is remembered.
Result<store::ControlData> ControlSqlite::load() {
  std::optional<Result<std::int64_t>> version;
  database_.with(
      [&](Database& database) { version = database.number("SELECT version FROM state"); });
  TRY(const std::int64_t now, *std::move(version));
  std::optional<store::ControlData> known;
  loaded_.with([&](auto& loaded) {
    if (loaded && loaded->version == now) known = loaded;
  });
  if (known) return *std::move(known);
  TRY(store::ControlData data, ControlTables::load());
  loaded_.with([&](auto& loaded) {
    if (!loaded || loaded->version < data.version) loaded = data;
  });
  return data;
}

template <class T>
Result<T> ControlTables::insert(T row) {
  tenancy::Meta meta = meta_of(row);
  meta.revision = 1;
  meta.created_at = meta.updated_at = clock_.wall_now();
  set_meta(row, std::move(meta));
  return with([&](Database& database) -> Result<T> {
    TRY(Transaction transaction, Transaction::begin(database));
    auto inserted = bind_and_run(database, insert_sql<T>(), row, std::nullopt);
    if (!inserted) return fail(explain(database, std::move(inserted).error(), row));
    TRY_VOID(count_write(database));
    TRY_VOID(transaction.commit());
    return std::move(row);
  });
}

template <class T>
Result<T> ControlTables::change(T row) {
  tenancy::Meta meta = meta_of(row);
  const std::int64_t seen = meta.revision++;
  meta.updated_at = clock_.wall_now();
  return with([&](Database& database) -> Result<T> {
    TRY(Transaction transaction, Transaction::begin(database));
    TRY(const std::int64_t created,
        database.number("SELECT created_at FROM " + std::string(Table<T>::kName) + " WHERE id = ?",
                        row.id));
    meta.created_at = WallTime(std::chrono::microseconds(created));
    set_meta(row, std::move(meta));
    auto updated = bind_and_run(database, update_sql<T>(), row, seen);
    if (!updated) return fail(explain(database, std::move(updated).error(), row));
    TRY_VOID(check_hit<T>(database, row.id));
    TRY_VOID(count_write(database));
    TRY_VOID(transaction.commit());
    return std::move(row);
  });
}

template <class T, class Id>
Result<void> ControlTables::erase(const Id& id, std::int64_t revision) {
  return with([&](Database& database) { return delete_row<T>(database, id, revision); });
}

Result<tenancy::Tenant> ControlTables::create(tenancy::Tenant tenant) {
  return insert(std::move(tenant));
}
Result<tenancy::Tenant> ControlTables::update(const tenancy::Tenant& tenant) {
  return change(tenant);
}
// Its entries and rows stay, so its name must go on to lead to its id.
Result<void> ControlTables::remove(TenantId id, std::int64_t revision) {
  return with([&](Database& database) -> Result<void> {
    TRY(Transaction transaction, Transaction::begin(database));
    TRY_VOID(
        database.run("INSERT INTO value SELECT 'removed_tenant/' || slug, id FROM tenant"
                     " WHERE id = ? ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                     id));
    TRY_VOID(delete_row<tenancy::Tenant>(database, id, revision));
    return transaction.commit();
  });
}
Result<std::optional<TenantId>> ControlTables::removed_tenant(const std::string& slug) {
  return with([&](Database& database) -> Result<std::optional<TenantId>> {
    TRY(Statement row,
        database.prepare("SELECT value FROM value WHERE name = 'removed_tenant/' || ?"));
    row.bind(1, slug);
    TRY(const bool there, row.step());
    return there ? std::optional(TenantId{row.ulid(0)}) : std::nullopt;
  });
}
Result<tenancy::Project> ControlTables::create(tenancy::Project project) {
  return insert(std::move(project));
}
Result<tenancy::Project> ControlTables::update(const tenancy::Project& project) {
  return change(project);
}
Result<void> ControlTables::remove(ProjectId id, std::int64_t revision) {
  return erase<tenancy::Project>(id, revision);
}
Result<tenancy::Key> ControlTables::create(tenancy::Key key) { return insert(std::move(key)); }
Result<tenancy::Key> ControlTables::update(const tenancy::Key& key) { return change(key); }
Result<void> ControlTables::remove(const KeyId& id, std::int64_t revision) {
  return erase<tenancy::Key>(id, revision);
}
Result<catalog::Model> ControlTables::create(catalog::Model model) {
  return insert(std::move(model));
}
Result<catalog::Model> ControlTables::update(const catalog::Model& model) { return change(model); }
Result<void> ControlTables::remove(ModelId id, std::int64_t revision) {
  return erase<catalog::Model>(id, revision);
}

template <class T>
Result<void> ControlTables::set_source(const T& row) {
  return with([&](Database& database) -> Result<void> {
    TRY(Transaction transaction, Transaction::begin(database));
    TRY_VOID(database.run("UPDATE " + std::string(Table<T>::kName) + " SET source = ? WHERE id = ?",
                          meta_of(row).ownership.source, row.id));
    TRY_VOID(check_hit<T>(database, row.id));
    TRY_VOID(count_write(database));
    return transaction.commit();
  });
}
Result<void> ControlTables::note_source(const tenancy::Tenant& tenant) {
  return set_source(tenant);
}
Result<void> ControlTables::note_source(const tenancy::Project& project) {
  return set_source(project);
}
Result<void> ControlTables::note_source(const tenancy::Key& key) { return set_source(key); }
Result<void> ControlTables::note_source(const catalog::Model& model) { return set_source(model); }
Result<void> ControlTables::note_source(const store::LimitRecord& limit) {
  return set_source(limit);
}

Result<store::EngineRecord> ControlTables::create(store::EngineRecord engine) {
  return insert(std::move(engine));
}
Result<store::EngineRecord> ControlTables::update(const store::EngineRecord& engine) {
  return change(engine);
}
Result<void> ControlTables::remove(EngineId id, std::int64_t revision) {
  return erase<store::EngineRecord>(id, revision);
}

Result<store::LimitRecord> ControlTables::create(store::LimitRecord limit) {
  return insert(std::move(limit));
}
Result<store::LimitRecord> ControlTables::update(const store::LimitRecord& limit) {
  return change(limit);
}
Result<void> ControlTables::remove(store::LimitId id, std::int64_t revision) {
  return erase<store::LimitRecord>(id, revision);
}

Result<store::PoolMemberRecord> ControlTables::create(store::PoolMemberRecord member) {
  return insert(std::move(member));
}
Result<store::PoolMemberRecord> ControlTables::update(const store::PoolMemberRecord& member) {
  return change(member);
}
Result<void> ControlTables::remove(store::PoolMemberId id, std::int64_t revision) {
  return erase<store::PoolMemberRecord>(id, revision);
}

Result<store::ArtifactRecord> ControlTables::create(store::ArtifactRecord artifact) {
  return insert(std::move(artifact));
}
Result<store::ArtifactRecord> ControlTables::update(const store::ArtifactRecord& artifact) {
  return change(artifact);
}
Result<void> ControlTables::remove(store::ArtifactId id, std::int64_t revision) {
  return erase<store::ArtifactRecord>(id, revision);
}
Result<store::WebhookRecord> ControlTables::create(store::WebhookRecord webhook) {
  return with([&](Database& database) -> Result<store::WebhookRecord> {
    using store::WebhookRecord;
    TRY(Transaction transaction, Transaction::begin(database));
    TRY(const std::int64_t all, database.number("SELECT count(*) FROM webhook"));
    TRY(const std::int64_t of_owner,
        database.number("SELECT count(*) FROM webhook WHERE tenant IS ?", webhook.tenant));
    if (std::cmp_greater_equal(of_owner, WebhookRecord::kPerOwnerMax))
      return client_error(Code::conflict,
                          (webhook.tenant ? "the tenant has " : "the platform has ") +
                              std::to_string(WebhookRecord::kPerOwnerMax) +
                              " webhooks already: delete one first");
    if (std::cmp_greater_equal(all, WebhookRecord::kMax))
      return client_error(Code::conflict, "there are " + std::to_string(WebhookRecord::kMax) +
                                              " webhooks already: delete one first");
    InTransaction store(database, clock_);
    TRY(WebhookRecord made, store.insert(std::move(webhook)));
    TRY_VOID(transaction.commit());
    return made;
  });
}
Result<store::WebhookRecord> ControlTables::update(const store::WebhookRecord& webhook) {
  return change(webhook);
}
Result<void> ControlTables::remove(store::WebhookId id, std::int64_t revision) {
  return erase<store::WebhookRecord>(id, revision);
}
Result<store::TestRunRecord> ControlTables::create(store::TestRunRecord run) {
  return with([&](Database& database) -> Result<store::TestRunRecord> {
    TRY(Transaction transaction, Transaction::begin(database));
    InTransaction store(database, clock_);
    TRY(store::TestRunRecord made, store.insert(std::move(run)));
    TRY_VOID(
        database.run("DELETE FROM test_run WHERE artifact = ?1 AND id NOT IN (SELECT id FROM"
                     " test_run WHERE artifact = ?1 ORDER BY id DESC LIMIT ?2)",
                     made.artifact, store::TestRunRecord::kPerArtifactMax));
    TRY_VOID(transaction.commit());
    return made;
  });
}
Result<std::vector<store::TestRunRecord>> ControlTables::test_runs(store::ArtifactId artifact) {
  return with([&](Database& database) {
    return read_some<store::TestRunRecord>(database, " WHERE artifact = ?", artifact);
  });
}

Result<std::vector<access::User>> ControlTables::users() { return with(read_all<access::User>); }
Result<std::optional<access::User>> ControlTables::user(access::UserId id) {
  return with(
      [&](Database& database) { return find_one<access::User>(database, " WHERE id = ?", id); });
}
Result<std::optional<access::User>> ControlTables::user_named(const std::string& login) {
  return with([&](Database& database) {
    return find_one<access::User>(database, " WHERE login = ?", login);
  });
}
Result<access::User> ControlTables::create(access::User user) { return insert(std::move(user)); }
Result<access::User> ControlTables::update(const access::User& user) { return change(user); }
Result<void> ControlTables::remove(access::UserId id, std::int64_t revision) {
  return erase<access::User>(id, revision);
}

Result<std::vector<access::Membership>> ControlTables::memberships() {
  return with(read_all<access::Membership>);
}
Result<std::vector<access::Membership>> ControlTables::memberships_of(access::UserId user) {
  return with([&](Database& database) {
    return read_some<access::Membership>(database, " WHERE user = ?", user);
  });
}
Result<access::Membership> ControlTables::create(access::Membership membership) {
  return insert(std::move(membership));
}
Result<void> ControlTables::remove(access::MembershipId id, std::int64_t revision) {
  return erase<access::Membership>(id, revision);
}

Result<std::optional<std::string>> ControlTables::get_value(const std::string& name) {
  return with([&](Database& database) -> Result<std::optional<std::string>> {
    TRY(Statement row, database.prepare("SELECT value FROM value WHERE name = ?"));
    row.bind(1, name);
    TRY(const bool there, row.step());
    if (!there) return std::nullopt;
    const Blob bytes = row.blob(0);
    return std::string(bytes.begin(), bytes.end());
  });
}

Result<void> ControlTables::put_value(const std::string& name, const std::string& value) {
  return with([&](Database& database) -> Result<void> {
    const Blob bytes(reinterpret_cast<const unsigned char*>(value.data()), value.size());
    TRY(Transaction transaction, Transaction::begin(database));
    TRY_VOID(
        database.run("INSERT INTO value VALUES (?1, ?2)"
                     " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                     name, bytes));
    TRY_VOID(count_write(database));
    return transaction.commit();
  });
}

Result<void> ControlTables::remove_value(const std::string& name) {
  return with([&](Database& database) -> Result<void> {
    TRY(Transaction transaction, Transaction::begin(database));
    TRY_VOID(database.run("DELETE FROM value WHERE name = ?", name));
    TRY_VOID(count_write(database));
    return transaction.commit();
  });
}

// Pages may hold copies of what was on them before they were divided, so the file is written anew.
Result<store::ControlStore::Bytes> ControlTables::overwrite_removed(const std::string& name) {
  return with([&](Database& database) -> Result<Bytes> {
    Bytes bytes;
    TRY(bytes.were_there, database.files_contain(name));
    TRY_VOID(database.execute("PRAGMA temp_store=MEMORY; VACUUM"));
    TRY(const bool emptied, database.empty_log());
    TRY(bytes.are_there, database.files_contain(name));
    if (emptied) return bytes;
    return fail(Error(Code::dependency_unavailable, Blame::us,
                      "somebody reads control.db, whose log still has what was removed: try again")
                    .with_retry_after(std::chrono::seconds(2)));
  });
}

}  // namespace sovmesh::store_sqlite
