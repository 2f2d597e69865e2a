#include "store_sqlite/ledger_schema.h"

#include <array>
#include <chrono>
#include <vector>

#include "base/append.h"
#include "base/time_text.h"

namespace sovmesh::store_sqlite {
namespace {

// Why it looks like this:
//   - A request costs one row of about 100 bytes: what repeats (tenant, project, key, model...) is
//     stored once, as a subject.
//   - open_row holds what is in flight: small, always in memory, and after a crash exactly the rows
//     to recover. Settling moves a row to `usage`, which is only ever inserted into.
//   - usage is stored in the order in which reports read it, by tenant and time.
//   - Two terminal records of one request are impossible by usage_rid.
// Ids are the 16 bytes of ULIDs, times microseconds since 1970 (UTC), enumerations the numbers of
// metering/usage.h, which never change their meaning.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE boot (
  no         INTEGER PRIMARY KEY,
  started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tenant (
  no INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE subject (
  no        INTEGER PRIMARY KEY,
  tenant    INTEGER NOT NULL REFERENCES tenant (no),
  project   BLOB NOT NULL,
  key       TEXT NOT NULL,
  model     TEXT NOT NULL,
  engine    TEXT NOT NULL,
  operation INTEGER NOT NULL,
  streamed  INTEGER NOT NULL,
  UNIQUE (tenant, project, key, model, engine, operation, streamed)
) STRICT;

CREATE TABLE open_row (
  rid             BLOB NOT NULL PRIMARY KEY,
  tenant          INTEGER NOT NULL,
  subject         INTEGER NOT NULL,
  boot            INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  -- the last checkpoint
  prompt          INTEGER NOT NULL DEFAULT 0,
  cached          INTEGER NOT NULL DEFAULT 0,
  generated       INTEGER NOT NULL DEFAULT 0,
  reasoning       INTEGER NOT NULL DEFAULT 0,
  delivered       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
  tenant          INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  rid             BLOB NOT NULL,
  subject         INTEGER NOT NULL,
  boot            INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  terminal        INTEGER NOT NULL,  -- 1 settled, 2 void
  prompt          INTEGER NOT NULL,
  cached          INTEGER NOT NULL,
  generated       INTEGER NOT NULL,
  reasoning       INTEGER NOT NULL,
  delivered       INTEGER NOT NULL,
  source          INTEGER NOT NULL,
  finish          INTEGER NOT NULL,
  drift           INTEGER NOT NULL,
  settled_at      INTEGER NOT NULL,
  PRIMARY KEY (tenant, opened_at, rid)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX usage_rid ON usage (rid);
)sql";

// open_row is found by a number that only grows: rows are added at its end, and the writer knows
// the number of each row in flight. Looking rows up by request id took a good part of the writer's
// time.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE open_row_2 (
  no              INTEGER PRIMARY KEY,
  rid             BLOB NOT NULL,
  tenant          INTEGER NOT NULL,
  subject         INTEGER NOT NULL,
  boot            INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  -- the last checkpoint
  prompt          INTEGER NOT NULL DEFAULT 0,
  cached          INTEGER NOT NULL DEFAULT 0,
  generated       INTEGER NOT NULL DEFAULT 0,
  reasoning       INTEGER NOT NULL DEFAULT 0,
  delivered       INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO open_row_2 (rid, tenant, subject, boot, opened_at, prompt_estimate, output_max, prompt,
                        cached, generated, reasoning, delivered)
  SELECT rid, tenant, subject, boot, opened_at, prompt_estimate, output_max, prompt, cached,
         generated, reasoning, delivered FROM open_row;
DROP TABLE open_row;
ALTER TABLE open_row_2 RENAME TO open_row;
)sql";

// Schema 3: money, and rows that can be dropped a day at a time.
//   - A row is found by its place in the ledger, `seq`: it is added at the end of the day's table
//     and never changed. The days' tables are made by the writer (partition_sql()).
//   - balance and the roll-ups are kept sums, moved in the transaction that adds the rows. What
//     dropped tables held stays in `carried`, so that a balance can always be computed again.
//   - Prices are kept in full: a row names its version by number.
// Sums are the columns of kSums, in the order of metering::Totals.
constexpr const char* kVersion3 = R"sql(
CREATE TABLE price (
  no   INTEGER PRIMARY KEY,
  id   TEXT NOT NULL UNIQUE,
  text TEXT NOT NULL
) STRICT;

CREATE TABLE subject_3 (
  no          INTEGER PRIMARY KEY,
  tenant      INTEGER NOT NULL REFERENCES tenant (no),
  project     BLOB NOT NULL,
  key         TEXT NOT NULL,
  model       TEXT NOT NULL,
  engine      TEXT NOT NULL,
  operation   INTEGER NOT NULL,
  streamed    INTEGER NOT NULL,
  revision    TEXT NOT NULL,
  user        TEXT NOT NULL,
  cost_centre TEXT NOT NULL,
  currency    TEXT NOT NULL,
  UNIQUE (tenant, project, key, model, engine, operation, streamed, revision, user, cost_centre,
          currency)
) STRICT;
INSERT INTO subject_3
  SELECT no, tenant, project, key, model, engine, operation, streamed, '', '', '', '' FROM subject;
DROP TABLE subject;
ALTER TABLE subject_3 RENAME TO subject;

CREATE TABLE open_row_3 (
  no              INTEGER PRIMARY KEY,
  rid             BLOB NOT NULL,
  tenant          INTEGER NOT NULL,
  subject         INTEGER NOT NULL,
  price           INTEGER NOT NULL,  -- 0: none
  boot            INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  reserved        INTEGER NOT NULL,
  characters      INTEGER NOT NULL,
  idem            INTEGER NOT NULL,  -- 0: none
  -- the last checkpoint
  prompt          INTEGER NOT NULL DEFAULT 0,
  cached          INTEGER NOT NULL DEFAULT 0,
  generated       INTEGER NOT NULL DEFAULT 0,
  reasoning       INTEGER NOT NULL DEFAULT 0,
  delivered       INTEGER NOT NULL DEFAULT 0,
  open_us         INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO open_row_3
  SELECT no, rid, tenant, subject, 0, boot, opened_at, prompt_estimate, output_max, 0, 0, 0, prompt,
         cached, generated, reasoning, delivered, 0 FROM open_row;
DROP TABLE open_row;
ALTER TABLE open_row_3 RENAME TO open_row;

-- Idempotency-Keys of the last 24 hours. state: 1 at work, 2 finished, with how it ended.
CREATE TABLE idem (
  no        INTEGER PRIMARY KEY,
  tenant    BLOB NOT NULL,
  key       BLOB NOT NULL,
  body      BLOB NOT NULL,
  rid       BLOB NOT NULL,
  at        INTEGER NOT NULL,
  state     INTEGER NOT NULL,
  prompt    INTEGER NOT NULL DEFAULT 0,
  cached    INTEGER NOT NULL DEFAULT 0,
  generated INTEGER NOT NULL DEFAULT 0,
  reasoning INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  source    INTEGER NOT NULL DEFAULT 0,
  finish    INTEGER NOT NULL DEFAULT 0,
  UNIQUE (tenant, key)
) STRICT;

-- The days that have a table.
CREATE TABLE partition (day INTEGER PRIMARY KEY) STRICT;
-- How far retention has come.
CREATE TABLE mark (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// The sums, as columns of tables.
std::string sum_columns() {
  std::string sql;
  for (const std::string_view column : kSums)
    append_all(sql, "  ", column, " INTEGER NOT NULL,\n");
  return sql;
}

std::string rollup_sql(std::string_view table) {
  std::string sql;
  append_all(sql, "CREATE TABLE ", table,
             " (\n  at INTEGER NOT NULL,\n  subject INTEGER NOT NULL,\n"
             "  price INTEGER NOT NULL,\n",
             sum_columns(),
             "  energy_method INTEGER NOT NULL,\n  first_seq INTEGER NOT NULL,\n"
             "  last_seq INTEGER NOT NULL,\n"
             "  PRIMARY KEY (at, subject, price)\n) STRICT, WITHOUT ROWID;\n");
  return sql;
}

std::string subject_sums_sql(std::string_view table) {
  std::string columns = sum_columns();
  columns.resize(columns.size() - 2);  // the last comma
  std::string sql;
  append_all(sql, "CREATE TABLE ", table, " (\n  subject INTEGER PRIMARY KEY,\n", columns,
             "\n) STRICT;\n");
  return sql;
}

std::string sum_up_sql(const Span& span, std::int64_t day) {
  const std::string length = std::to_string(span.length.count());
  std::string sql;
  append_all(sql, "INSERT INTO ", span.table, " (at, subject, price, ", sums_list(),
             ", energy_method, first_seq, last_seq) SELECT booked_at / ", length, " * ", length,
             ", subject, price, ", sums_of_rows(), ", max(energy_method), min(seq), max(seq) FROM ",
             partition_name(day), " WHERE terminal = 1 GROUP BY 1, 2, 3");
  return sql;
}

// Rows of schema 2 move to the tables of their days, in the order in which they were settled.
Result<void> move_rows(Database& database) {
  TRY_VOID(database.execute(
      "CREATE TEMP TABLE old AS SELECT row_number() OVER (ORDER BY settled_at, opened_at, rid) AS"
      " seq, rid, max(settled_at, 0) AS booked_at FROM usage;"
      "CREATE UNIQUE INDEX temp.old_rid ON old (rid)"));
  std::vector<std::int64_t> days;
  {
    TRY(Statement day, database.prepare("SELECT DISTINCT booked_at / 86400000000 FROM old"));
    for (;;) {
      TRY(const bool there, day.step());
      if (!there) break;
      days.push_back(day.integer(0));
    }
  }
  for (const std::int64_t day : days) {
    TRY_VOID(make_partition(database, day));
    TRY_VOID(database.run(
        "INSERT INTO " + partition_name(day) +
            " SELECT seq, rid, subject, 0, boot, opened_at, booked_at, settled_at - opened_at, 0,"
            " prompt_estimate, output_max, 0, 0, terminal, prompt, cached, generated, reasoning,"
            " delivered, source, finish, drift, 0, 0, 0, 0, 0 FROM old JOIN usage USING (rid)"
            " WHERE booked_at / 86400000000 = ? ORDER BY seq",
        day));
    for (const Span& span : kSpans)
      TRY_VOID(database.run(sum_up_sql(span, day)));
    TRY_VOID(database.run(add_to_sums_sql("balance", day)));
  }
  return database.execute("DROP TABLE temp.old; DROP TABLE usage");
}

Result<void> to_version_3(Database& database) {
  std::string sql;
  for (const Span& span : kSpans)
    sql += rollup_sql(span.table);
  append_all(sql, subject_sums_sql("balance"), subject_sums_sql("carried"));
  TRY_VOID(database.execute(sql.c_str()));
  return move_rows(database);
}

Result<void> run_code(Database& database, int version) {
  if (version == 3) return to_version_3(database);
  return {};
}

constexpr std::array kSteps = {kVersion1, kVersion2, kVersion3};
constexpr Schema kSchema{"ledger", 0x534d4c31, kSteps, run_code};

}  // namespace

const Schema& ledger_schema() { return kSchema; }

Result<void> check_ledger_schema(Database& database) {
  TRY(const std::int64_t owner, database.number("PRAGMA application_id"));
  TRY(const std::int64_t version, database.number("PRAGMA user_version"));
  if (owner == ledger_schema().application_id && version == ledger_schema().version()) return {};
  return our_error(Code::data_dir_invalid,
                   database.path() +
                       " is not a ledger of this release: start the server once to "
                       "bring it up to date");
}

std::string partition_name(std::int64_t day) {
  std::string date = to_rfc3339(WallTime(std::chrono::days(day))).substr(0, 10);
  std::erase(date, '-');
  return "usage_" + date;
}

Result<void> make_partition(Database& database, std::int64_t day) {
  const std::string name = partition_name(day);
  std::string sql;
  append_all(sql, "CREATE TABLE ", name, R"sql( (
  seq             INTEGER PRIMARY KEY,
  rid             BLOB NOT NULL,
  subject         INTEGER NOT NULL,
  price           INTEGER NOT NULL,  -- 0: unpriced
  boot            INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  booked_at       INTEGER NOT NULL,
  took            INTEGER NOT NULL,  -- settled_at - opened_at, as the gateway's clock has it
  open_us         INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  reserved        INTEGER NOT NULL,
  characters      INTEGER NOT NULL,
  terminal        INTEGER NOT NULL,  -- 1 settled, 2 void
  prompt          INTEGER NOT NULL,
  cached          INTEGER NOT NULL,
  generated       INTEGER NOT NULL,
  reasoning       INTEGER NOT NULL,
  delivered       INTEGER NOT NULL,
  source          INTEGER NOT NULL,
  finish          INTEGER NOT NULL,
  drift           INTEGER NOT NULL,
  cost            INTEGER NOT NULL,
  gse             INTEGER NOT NULL,
  energy          INTEGER NOT NULL,
  co2             INTEGER NOT NULL,
  energy_method   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX )sql",
             name, "_rid ON ", name, " (rid);\nINSERT INTO partition VALUES (", std::to_string(day),
             ");\n");
  return database.execute(sql.c_str());
}

std::int64_t made_on(RequestId request) {
  std::int64_t milliseconds = 0;
  for (std::size_t i = 0; i < 6; ++i)
    milliseconds = milliseconds << 8 | request.value.bytes()[i];
  return milliseconds / 86'400'000;
}

Result<std::int64_t> read_mark(Database& database, std::string_view name) {
  return database.number("SELECT value FROM mark WHERE name = ?", name);
}

Result<void> write_mark(Database& database, std::string_view name, std::int64_t value) {
  return database.run("INSERT OR REPLACE INTO mark VALUES (?, ?)", name, value);
}

namespace {

template <class Piece>
std::string joined(Piece piece) {
  std::string out;
  for (const std::string_view column : kSums)
    append_all(out, out.empty() ? "" : ", ", piece(column));
  return out;
}

}  // namespace

const std::string& sums_list() {
  static const std::string list = joined([](std::string_view column) { return column; });
  return list;
}

const std::string& sums_of_sums() {
  static const std::string list =
      joined([](std::string_view column) { return "sum(" + std::string(column) + ")"; });
  return list;
}

const std::string& sums_added() {
  static const std::string list = joined([](std::string_view column) {
    std::string text;
    append_all(text, column, " = ", column, " + excluded.", column);
    return text;
  });
  return list;
}

const std::string& sums_of_row() {
  static const std::string list =
      "1 AS requests, prompt, cached, generated, reasoning, delivered, characters, open_us, cost,"
      " gse, energy, co2, price = 0 AS unpriced, drift AS drifted, finish = " +
      std::to_string(static_cast<int>(metering::Finish::recovered)) + " AS recovered";
  return list;
}

const std::string& sums_of_rows() {
  static const std::string list =
      "count(*), sum(prompt), sum(cached), sum(generated), sum(reasoning), sum(delivered),"
      " sum(characters), sum(open_us), sum(cost), sum(gse), sum(energy), sum(co2), sum(price = 0),"
      " sum(drift), sum(finish = " +
      std::to_string(static_cast<int>(metering::Finish::recovered)) + ")";
  return list;
}

std::string add_to_sums_sql(std::string_view table, std::int64_t day) {
  std::string sql;
  append_all(sql, "INSERT INTO ", table, " (subject, ", sums_list(), ") SELECT subject, ",
             sums_of_rows(), " FROM ", partition_name(day),
             " WHERE terminal = 1 GROUP BY subject ON CONFLICT (subject) DO UPDATE SET ",
             sums_added());
  return sql;
}

metering::Totals read_totals(const Statement& row, int column) {
  const auto next = [&] { return row.integer(column++); };
  metering::Totals sums;
  for (std::int64_t* field :
       {&sums.requests, &sums.prompt, &sums.cached, &sums.generated, &sums.reasoning,
        &sums.delivered, &sums.characters, &sums.open_us, &sums.cost_micro, &sums.gse_us,
        &sums.energy_mj, &sums.co2_ug, &sums.unpriced, &sums.drifted, &sums.recovered})
    *field = next();
  return sums;
}

}  // namespace sovmesh::store_sqlite
