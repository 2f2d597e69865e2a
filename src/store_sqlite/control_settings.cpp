#include "store_sqlite/control_sqlite.h"

// What tenants have set: one document each, so statements of their own.
namespace sovmesh::store_sqlite {

Result<std::vector<store::SettingsRecord>> read_settings(Database& database) {
  TRY(Statement row, database.prepare("SELECT tenant, document, revision, created_at, updated_at"
                                      " FROM tenant_settings ORDER BY tenant"));
  std::vector<store::SettingsRecord> found;
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) return found;
    found.push_back({.tenant = {row.ulid(0)},
                     .document = std::string(row.text(1)),
                     .meta = {.revision = row.integer(2),
                              .created_at = row.time(3),
                              .updated_at = row.time(4),
                              .ownership = {}}});
  }
}

Result<store::SettingsRecord> ControlTables::put_settings(const store::SettingsRecord& settings) {
  return with([&](Database& database) -> Result<store::SettingsRecord> {
    TRY(Transaction transaction, Transaction::begin(database));
    store::SettingsRecord now = settings;
    now.meta = {.revision = settings.meta.revision + 1,
                .created_at = clock_.wall_now(),
                .updated_at = clock_.wall_now(),
                .ownership = {}};
    if (settings.meta.revision > 0) {
      TRY(const std::int64_t created,
          database.number("SELECT created_at FROM tenant_settings WHERE tenant = ?",
                          settings.tenant));
      now.meta.created_at = WallTime(std::chrono::microseconds(created));
      TRY_VOID(
          database.run("UPDATE tenant_settings SET document = ?, revision = ?, updated_at = ?"
                       " WHERE tenant = ? AND revision = ?",
                       now.document, now.meta.revision, now.meta.updated_at, now.tenant,
                       settings.meta.revision));
    } else {
      const Result<void> inserted = database.run(
          "INSERT INTO tenant_settings VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", now.tenant,
          now.document, now.meta.revision, now.meta.created_at, now.meta.updated_at);
      if (!inserted && database.trouble() == Trouble::constraint)
        return client_error(Code::not_found, "there is no such tenant");
      TRY_VOID(inserted);
    }
    if (database.changed_rows() == 0)
      return client_error(Code::precondition_failed,
                          "the settings have changed meanwhile; read them again");
    TRY_VOID(database.execute("UPDATE state SET version = version + 1"));
    TRY_VOID(transaction.commit());
    return now;
  });
}

}  // namespace sovmesh::store_sqlite
