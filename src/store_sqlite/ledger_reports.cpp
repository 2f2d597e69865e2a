#include "store_sqlite/ledger_reports.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/time_text.h"

namespace sovmesh::store_sqlite {
namespace {

using store::UsageQuery;
using store::UsageRow;
using store::UsageSum;

// One row a request, settled or open, of one tenant (?1) in [?2, ?3), as the queries below see it.
constexpr const char* kRows =
    "(SELECT rid, opened_at, subject, 0 AS open, prompt, cached, generated, reasoning, delivered,"
    " source, finish, drift, settled_at FROM usage"
    " WHERE tenant = (SELECT no FROM tenant WHERE id = ?1) AND opened_at >= ?2 AND opened_at < ?3"
    " AND terminal = 1"
    " UNION ALL"
    " SELECT rid, opened_at, subject, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM open_row"
    " WHERE tenant = (SELECT no FROM tenant WHERE id = ?1) AND opened_at >= ?2 AND opened_at < ?3)"
    " AS row JOIN subject ON subject.no = row.subject"
    " WHERE (?4 IS NULL OR subject.project = ?4) AND (?5 IS NULL OR subject.key = ?5)"
    " AND (?6 IS NULL OR subject.model = ?6)";

void bind_query(Statement& statement, const UsageQuery& query) {
  statement.bind_all(query.tenant, query.from.value_or(WallTime::min()),
                     query.until.value_or(WallTime::max()), query.project, query.key, query.model);
}

// What rows are grouped by: an expression of ours, never of a request.
const char* group_expression(UsageQuery::GroupBy by) {
  switch (by) {
    case UsageQuery::GroupBy::model:
      return "subject.model";
    case UsageQuery::GroupBy::key:
      return "subject.key";
    case UsageQuery::GroupBy::project:
      return "subject.project";
    case UsageQuery::GroupBy::day:
      return "row.opened_at / 86400000000";
    case UsageQuery::GroupBy::none:
      break;
  }
  return "NULL";
}

std::string group_text(UsageQuery::GroupBy by, const Statement& row) {
  switch (by) {
    case UsageQuery::GroupBy::none:
      return {};
    case UsageQuery::GroupBy::project:
      return row.ulid(0).text();
    case UsageQuery::GroupBy::day:
      return to_rfc3339(WallTime(std::chrono::days(row.integer(0)))).substr(0, 10);
    case UsageQuery::GroupBy::model:
    case UsageQuery::GroupBy::key:
      break;
  }
  return std::string(row.text(0));
}

// A number that is out of range was not written by us.
template <class Enum>
Result<Enum> read_enum(const Statement& row, int column, Enum last) {
  const std::int64_t value = row.integer(column);
  if (value < 0 || value > static_cast<std::int64_t>(last))
    return our_error(Code::data_dir_invalid, "ledger.db holds a value of no meaning");
  return static_cast<Enum>(value);
}

Result<UsageRow> read_row(const Statement& row, TenantId tenant) {
  TRY(const KeyId key, KeyId::parse(row.text(4)));
  UsageRow out{.request = {row.ulid(0)}, .tenant = tenant, .project = {row.ulid(3)}, .key = key};
  out.opened_at = row.time(1);
  out.open = row.integer(2) != 0;
  out.model = row.text(5);
  TRY(out.operation, read_enum(row, 6, metering::Operation::embeddings));
  out.streamed = row.integer(7) != 0;
  metering::Settlement& end = out.settlement;
  end.counts = {.prompt = row.integer(8),
                .cached = row.integer(9),
                .generated = row.integer(10),
                .reasoning = row.integer(11),
                .delivered = row.integer(12)};
  TRY(end.counts.source, read_enum(row, 13, metering::Source::recovered));
  TRY(end.finish, read_enum(row, 14, metering::Finish::drained));
  end.drift = row.integer(15) != 0;
  end.settled_at = row.time(16);
  return out;
}

Result<std::vector<UsageSum>> read_sums(Database& database, const UsageQuery& query) {
  const std::string group = group_expression(query.group_by);
  TRY(Statement row, database.prepare("SELECT " + group +
                                      ", count(*), sum(open), sum(prompt), sum(cached),"
                                      " sum(generated), sum(delivered) FROM " +
                                      kRows + " GROUP BY " + group + " ORDER BY " + group));
  bind_query(row, query);
  std::vector<UsageSum> sums;
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) return sums;
    sums.push_back({.group = group_text(query.group_by, row),
                    .requests = row.integer(1),
                    .open = row.integer(2),
                    .prompt = row.integer(3),
                    .cached = row.integer(4),
                    .generated = row.integer(5),
                    .delivered = row.integer(6)});
  }
}

Result<std::vector<UsageRow>> read_rows(Database& database, const UsageQuery& query,
                                        std::size_t limit) {
  TRY(Statement row,
      database.prepare(std::string("SELECT rid, opened_at, open, subject.project, subject.key,"
                                   " subject.model, subject.operation, subject.streamed, prompt,"
                                   " cached, generated, reasoning, delivered, source, finish,"
                                   " drift, settled_at FROM ") +
                       kRows + " ORDER BY opened_at DESC, rid DESC LIMIT ?7"));
  bind_query(row, query);
  row.bind(7, std::min<std::size_t>(limit, INT64_MAX));
  std::vector<UsageRow> rows;
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) return rows;
    TRY(UsageRow one, read_row(row, query.tenant));
    rows.push_back(std::move(one));
  }
}

}  // namespace

Result<std::vector<UsageSum>> LedgerReports::sum(const UsageQuery& query) {
  return database_.with([&](Database& database) { return read_sums(database, query); });
}

Result<std::vector<UsageRow>> LedgerReports::rows(const UsageQuery& query, std::size_t limit) {
  return database_.with([&](Database& database) { return read_rows(database, query, limit); });
}

}  // namespace sovmesh::store_sqlite
