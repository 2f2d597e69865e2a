#include <algorithm>

#include "store_sqlite/control_sqlite.h"

// Access tokens: made and removed, never changed, so they have statements of their own.
namespace sovmesh::store_sqlite {
namespace {

using access::Token;

constexpr std::string_view kSelect =
    "SELECT id, user, name, pepper_id, hmac, last_four, by_platform, created_at, expires_at,"
    " used_at FROM access_token ";

std::unexpected<Error> meaningless() {
  return our_error(
      Code::data_dir_invalid,
      "control.db holds an access token that cannot be read; restore a backup or tell us");
}

std::optional<WallTime> optional_time(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.time(column);
}

Result<Token> read_token(const Statement& row) {
  const auto id = KeyId::parse(row.text(0));
  if (!id) return meaningless();
  Token token{.id = {*id},
              .user = {row.ulid(1)},
              .name = std::string(row.text(2)),
              .pepper_id = static_cast<std::int32_t>(row.integer(3)),
              .last_four = std::string(row.text(5)),
              .by_platform = row.integer(6) != 0,
              .created_at = row.time(7),
              .expires_at = optional_time(row, 8),
              .used_at = optional_time(row, 9)};
  const Blob hmac = row.blob(4);
  if (hmac.size() != token.hmac.size()) return meaningless();
  std::ranges::copy(hmac, token.hmac.begin());
  return token;
}

template <class Value>
Result<std::vector<Token>> read_tokens(Database& database, std::string_view where,
                                       const Value& value) {
  TRY(Statement row, database.prepare(std::string(kSelect).append(where)));
  row.bind_all(value);
  std::vector<Token> found;
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) return found;
    TRY(Token token, read_token(row));
    found.push_back(std::move(token));
  }
}

}  // namespace

Result<void> ControlTables::add_token(const Token& token) {
  return with([&](Database& database) -> Result<void> {
    TRY(Transaction transaction, Transaction::begin(database));
    TRY(const std::int64_t count,
        database.number("SELECT count(*) FROM access_token WHERE user = ?", token.user));
    if (std::cmp_greater_equal(count, Token::kPerUserMax))
      return client_error(Code::conflict, "the user has " + std::to_string(Token::kPerUserMax) +
                                              " tokens already: delete one first");
    auto added = database.run("INSERT INTO access_token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                              token.id.value, token.user, token.name, token.pepper_id,
                              Blob(token.hmac), token.last_four, token.by_platform,
                              token.created_at, token.expires_at, token.used_at);
    if (!added && database.trouble() == Trouble::constraint)
      return client_error(
          added.error().message().contains("FOREIGN KEY") ? Code::not_found : Code::conflict,
          "there is no such user, or it has a token of this name already");
    TRY_VOID(std::move(added));
    return transaction.commit();
  });
}

Result<std::optional<Token>> ControlTables::token(const access::TokenId& id) {
  return with([&](Database& database) -> Result<std::optional<Token>> {
    TRY(std::vector<Token> found, read_tokens(database, "WHERE id = ?", id.value));
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
  });
}

Result<std::vector<Token>> ControlTables::tokens_of(access::UserId user) {
  return with([&](Database& database) {
    return read_tokens(database, "WHERE user = ? ORDER BY id", user);
  });
}

Result<void> ControlTables::use_token(const access::TokenId& id, WallTime now) {
  return with([&](Database& database) {
    return database.run("UPDATE access_token SET used_at = ? WHERE id = ?", now, id.value);
  });
}

Result<void> ControlTables::remove_token(access::UserId user, const access::TokenId& id) {
  return with([&](Database& database) -> Result<void> {
    TRY_VOID(database.run("DELETE FROM access_token WHERE user = ? AND id = ?", user, id.value));
    if (database.changed_rows() > 0) return {};
    return client_error(Code::not_found, "there is no such token");
  });
}

Result<std::int64_t> ControlTables::remove_tokens(access::UserId user, bool but_by_platform) {
  return with([&](Database& database) -> Result<std::int64_t> {
    TRY_VOID(database.run("DELETE FROM access_token WHERE user = ? AND by_platform <= ?", user,
                          but_by_platform ? 0 : 1));
    return database.changed_rows();
  });
}

}  // namespace sovmesh::store_sqlite
