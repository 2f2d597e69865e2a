#include "store_sqlite/control_rows.h"
#include "store_sqlite/control_sqlite.h"

// The sessions of people: no objects with revisions, so they have statements of their own.
namespace sovmesh::store_sqlite {
namespace {

using access::Session;

constexpr std::string_view kSelect =
    "SELECT id, proof, user, created_at, seen_at, expires_at, user_agent, source FROM session ";

Result<Session> read_session(const Statement& row) {
  Session session{.id = {row.ulid(0)},
                  .user = {row.ulid(2)},
                  .created_at = row.time(3),
                  .seen_at = row.time(4),
                  .expires_at = row.time(5),
                  .user_agent = std::string(row.text(6)),
                  .source = std::string(row.text(7))};
  TRY(session.proof, read_digest(row, 1, "session"));
  return session;
}

template <class Value>
Result<std::vector<Session>> read_sessions(Database& database, std::string_view where,
                                           const Value& value) {
  TRY(Statement row, database.prepare(std::string(kSelect).append(where)));
  row.bind_all(value);
  std::vector<Session> found;
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) return found;
    TRY(Session session, read_session(row));
    found.push_back(std::move(session));
  }
}

}  // namespace

Result<void> ControlTables::begin_session(const Session& session) {
  return with([&](Database& database) -> Result<void> {
    TRY(Transaction transaction, Transaction::begin(database));
    const WallTime now = session.created_at;
    TRY_VOID(database.run("DELETE FROM session WHERE seen_at <= ?", now - Session::kIdleMax));
    TRY_VOID(database.run("DELETE FROM session WHERE expires_at <= ?", now));
    TRY_VOID(
        database.run("DELETE FROM session WHERE id IN (SELECT id FROM session WHERE user = ?"
                     " ORDER BY seen_at DESC, id DESC LIMIT -1 OFFSET ?)",
                     session.user, Session::kPerUserMax - 1));
    TRY_VOID(database.run("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", session.id,
                          Blob(session.proof), session.user, session.created_at, session.seen_at,
                          session.expires_at, session.user_agent, session.source));
    return transaction.commit();
  });
}

Result<std::optional<Session>> ControlTables::session_of(const Digest& proof) {
  return with([&](Database& database) -> Result<std::optional<Session>> {
    TRY(const std::vector<Session> found, read_sessions(database, "WHERE proof = ?", Blob(proof)));
    return found.empty() ? std::nullopt : std::optional(found.front());
  });
}

Result<std::vector<Session>> ControlTables::sessions_of(access::UserId user) {
  return with([&](Database& database) {
    return read_sessions(database, "WHERE user = ? ORDER BY id", user);
  });
}

Result<void> ControlTables::see_session(access::SessionId id, WallTime now) {
  return with([&](Database& database) {
    return database.run("UPDATE session SET seen_at = ? WHERE id = ?", now, id);
  });
}

Result<void> ControlTables::end_session(access::UserId user, access::SessionId id) {
  return with([&](Database& database) -> Result<void> {
    TRY_VOID(database.run("DELETE FROM session WHERE user = ? AND id = ?", user, id));
    if (database.changed_rows() > 0) return {};
    return client_error(Code::not_found, "there is no such session");
  });
}

Result<std::int64_t> ControlTables::end_sessions(access::UserId user,
                                                 std::optional<access::SessionId> but) {
  return with([&](Database& database) -> Result<std::int64_t> {
    TRY_VOID(database.run("DELETE FROM session WHERE user = ? AND id <> ?", user,
                          but.value_or(access::SessionId())));
    return database.changed_rows();
  });
}

}  // namespace sovmesh::store_sqlite
