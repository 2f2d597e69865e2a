#include "store_sqlite/ledger_reports.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/append.h"
#include "base/time_text.h"
#include "store_sqlite/ledger_pieces.h"
#include "store_sqlite/ledger_requests.h"
#include "store_sqlite/ledger_rows.h"
#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {
namespace {

using store::SinceQuery;
using store::UsageQuery;
using store::UsageRow;
using store::UsageSince;
using store::UsageSum;
using GroupBy = UsageQuery::GroupBy;

// Whose rows: parameters ?1 to ?7. Where `subject` is joined.
constexpr const char* kFilter =
    " (?1 IS NULL OR subject.tenant = (SELECT no FROM tenant WHERE id = ?1))"
    " AND (?2 IS NULL OR subject.project = ?2) AND (?3 IS NULL OR subject.key = ?3)"
    " AND (?4 IS NULL OR subject.model = ?4) AND (?5 IS NULL OR subject.user = ?5)"
    " AND (?6 IS NULL OR subject.cost_centre = ?6) AND (?7 IS NULL OR subject.engine = ?7)";
constexpr int kFilterEnd = 8;  // the first parameter after it

struct Filter {
  std::optional<TenantId> tenant;
  std::optional<ProjectId> project;
  std::optional<std::string> key;
  std::optional<std::string> model;
  std::optional<std::string> user;
  std::optional<std::string> cost_centre;
  std::optional<std::string> engine;
  // What cannot be met by any row.
  bool is_impossible = false;

  void bind(Statement& statement) const {
    statement.bind_all(tenant, project, key, model, user, cost_centre, engine);
  }
};

Filter filter_of(const UsageQuery& query) {
  Filter filter{.project = query.project,
                .model = query.model,
                .user = query.user,
                .cost_centre = query.cost_centre,
                .engine = query.engine};
  if (!query.all_tenants) filter.tenant = query.tenant;
  if (query.key) filter.key = std::string(query.key->text());
  return filter;
}

// What rows are grouped by: an expression of ours, never of a request. `row` has the column `at`.
const char* group_expression(GroupBy by) {
  switch (by) {
    case GroupBy::none:
      return "''";
    case GroupBy::model:
      return "subject.model";
    case GroupBy::key:
      return "subject.key";
    case GroupBy::project:
      return "subject.project";
    case GroupBy::day:
    case GroupBy::month:  // days are put together later
      return "row.at / 86400000000";
    case GroupBy::user:
      return "subject.user";
    case GroupBy::cost_centre:
      return "subject.cost_centre";
    case GroupBy::engine:
      return "subject.engine";
    case GroupBy::revision:
      return "subject.revision";
    case GroupBy::price:
      return "(SELECT id FROM price WHERE no = row.price)";
    case GroupBy::tenant:
      return "tenant.id";
  }
  return "''";
}

std::string group_text(GroupBy by, const Statement& row) {
  switch (by) {
    case GroupBy::tenant:
    case GroupBy::project:
      return row.ulid(0).text();
    case GroupBy::day:
      return to_rfc3339(begin_of_day(row.integer(0))).substr(0, 10);
    case GroupBy::month:
      return to_rfc3339(begin_of_day(row.integer(0))).substr(0, 7);
    default:
      return std::string(row.text(0));
  }
}

using OnRow = std::function<void(const Statement& row)>;

Result<void> for_each(Statement& statement, const OnRow& use) {
  for (;;) {
    TRY(const bool there, statement.step());
    if (!there) return {};
    use(statement);
  }
}

// Columns: the group, tenant.id, currency, kSums..., energy_method, first_seq, last_seq, part.
constexpr int kTenantColumn = 1;
constexpr int kCurrencyColumn = 2;
constexpr int kSumsColumn = 3;
constexpr int kAfterSums = kSumsColumn + static_cast<int>(kSums.size());

// A period, whole or in parts: multiples of a length.
struct Period {
  WallTime from;
  WallTime until;
  std::optional<std::chrono::microseconds> parts_of = std::nullopt;

  // The number of a row's part.
  std::string part() const {
    return parts_of ? "row.at / " + std::to_string(parts_of->count()) : std::string("0");
  }
  WallTime end_of(std::int64_t part) const {
    return parts_of ? std::min(until, WallTime((part + 1) * *parts_of)) : until;
  }
};

Result<void> sum_settled(Database& database, const Filter& filter, const Period& period,
                         std::string_view group, const OnRow& use) {
  TRY(const Pieces pieces, cut_period(database, period.from, period.until, kFilterEnd,
                                      period.parts_of.value_or(std::chrono::days(1))));
  if (pieces.sql.empty()) return {};
  std::string sql;
  append_all(sql, "SELECT ", group, ", tenant.id, subject.currency, ", sums_of_sums(),
             ", max(energy_method), min(first_seq), max(last_seq), ", period.part(),
             " AS part FROM (", pieces.sql,
             ") AS row JOIN subject ON subject.no = row.subject"
             " JOIN tenant ON tenant.no = subject.tenant WHERE",
             std::string_view(kFilter), " GROUP BY 1, 2, 3, part");
  TRY(Statement row, database.prepare(sql));
  filter.bind(row);
  pieces.bind(row, kFilterEnd);
  return for_each(row, use);
}

// Columns: the group, tenant.id, currency, count, part.
Result<void> count_open(Database& database, const Filter& filter, const Period& period,
                        std::string_view group, const OnRow& use) {
  std::string sql;
  append_all(sql, "SELECT ", group, ", tenant.id, subject.currency, count(*), ", period.part(),
             " AS part FROM (SELECT subject, price, opened_at AS at"
             " FROM open_row WHERE opened_at >= ?8 AND opened_at < ?9)"
             " AS row JOIN subject ON subject.no = row.subject"
             " JOIN tenant ON tenant.no = subject.tenant WHERE",
             std::string_view(kFilter), " GROUP BY 1, 2, 3, part");
  TRY(Statement row, database.prepare(sql));
  filter.bind(row);
  row.bind_from(kFilterEnd, period.from, period.until);
  return for_each(row, use);
}

void add_settled(UsageSum& sum, const Statement& row) {
  sum += read_totals(row, kSumsColumn);
  sum.energy_method =
      std::max(sum.energy_method, static_cast<metering::EnergyMethod>(row.integer(kAfterSums)));
  const std::int64_t first = row.integer(kAfterSums + 1);
  sum.first_seq = sum.first_seq == 0 ? first : std::min(sum.first_seq, first);
  sum.last_seq = std::max(sum.last_seq, row.integer(kAfterSums + 2));
}

Result<void> sum_interval(Database& database, const UsageQuery& query, WallTime from,
                          WallTime until, std::size_t interval, std::vector<UsageSum>& out) {
  const Filter filter = filter_of(query);
  const char* const group = group_expression(query.group_by);
  std::map<std::pair<std::string, std::string>, UsageSum> sums;  // by group and currency
  const auto sum_of = [&](const Statement& row) -> UsageSum& {
    const std::string name = group_text(query.group_by, row);
    UsageSum& sum = sums[{name, std::string(row.text(kCurrencyColumn))}];
    sum.group = name;
    sum.currency = row.text(kCurrencyColumn);
    sum.interval = interval;
    if (query.group_by == GroupBy::tenant) sum.tenant = {row.ulid(kTenantColumn)};
    return sum;
  };
  const Period period{from, until};
  TRY_VOID(sum_settled(database, filter, period, group,
                       [&](const Statement& row) { add_settled(sum_of(row), row); }));
  TRY_VOID(count_open(database, filter, period, group, [&](const Statement& row) {
    UsageSum& sum = sum_of(row);
    sum.open += row.integer(3);
    sum.requests += row.integer(3);
  }));
  for (auto& [name, sum] : sums)
    out.push_back(std::move(sum));
  return {};
}

Result<void> check_edges(const std::vector<WallTime>& edges) {
  if (edges.size() < 2 || edges.size() > UsageQuery::kEdgesMax)
    return client_error(Code::invalid_value, "want 2 to 1,100 edges", "edges");
  if (std::ranges::adjacent_find(edges, std::greater_equal<>()) != edges.end())
    return client_error(Code::invalid_value, "want edges that rise", "edges");
  return {};
}

Result<std::vector<UsageSum>> read_sums(Database& database, const UsageQuery& query) {
  TRY(const ReadSnapshot snapshot, ReadSnapshot::take(database));
  std::vector<UsageSum> sums;
  if (query.edges.empty()) {
    TRY_VOID(sum_interval(database, query, query.from.value_or(WallTime{}),
                          query.until.value_or(books_end()), 0, sums));
    return sums;
  }
  TRY_VOID(check_edges(query.edges));
  for (std::size_t i = 0; i + 1 < query.edges.size(); ++i)
    TRY_VOID(sum_interval(database, query, query.edges[i], query.edges[i + 1], i, sums));
  return sums;
}

// What SinceQuery groups by, and the filter for one of them.
const char* since_group(SinceQuery::By by) {
  switch (by) {
    case SinceQuery::By::tenant:
      return "''";
    case SinceQuery::By::project:
      return "subject.project";
    case SinceQuery::By::key:
      return "subject.key";
    case SinceQuery::By::user:
      return "subject.user";
    case SinceQuery::By::engine:
      return "subject.engine";
  }
  return "''";
}

Filter since_filter(const SinceQuery& query) {
  Filter filter{.tenant = query.tenant, .model = query.model};
  if (!query.subject) return filter;
  switch (query.by) {
    case SinceQuery::By::tenant:
      break;
    case SinceQuery::By::project:
      if (const auto id = Ulid::parse(*query.subject); id)
        filter.project = ProjectId{*id};
      else
        filter.is_impossible = true;
      break;
    case SinceQuery::By::key:
      filter.key = query.subject;
      break;
    case SinceQuery::By::user:
      filter.user = query.subject;
      break;
    case SinceQuery::By::engine:
      filter.engine = query.subject;
      break;
  }
  return filter;
}

Result<std::vector<UsageSince>> read_since(Database& database, const SinceQuery& query) {
  const Filter filter = since_filter(query);
  std::vector<UsageSince> found;
  if (filter.is_impossible) return found;
  TRY(const ReadSnapshot snapshot, ReadSnapshot::take(database));
  const Period period{query.from, query.until.value_or(books_end()), query.parts_of};
  std::map<std::tuple<TenantId, std::string, std::string, std::int64_t>, UsageSince> sums;
  const auto sum_of = [&](const Statement& row, int part_column) -> UsageSince& {
    const std::int64_t part = row.integer(part_column);
    const TenantId tenant{row.ulid(kTenantColumn)};
    std::string subject =
        query.by == SinceQuery::By::project ? row.ulid(0).text() : std::string(row.text(0));
    std::string currency(row.text(kCurrencyColumn));
    UsageSince& sum = sums[{tenant, subject, currency, part}];
    sum.tenant = tenant;
    sum.subject = std::move(subject);
    sum.currency = std::move(currency);
    sum.until = period.end_of(part);
    return sum;
  };
  const char* const group = since_group(query.by);
  TRY_VOID(sum_settled(database, filter, period, group, [&](const Statement& row) {
    sum_of(row, kAfterSums + 3).sums += read_totals(row, kSumsColumn);
  }));
  TRY_VOID(count_open(database, filter, period, group, [&](const Statement& row) {
    UsageSince& sum = sum_of(row, 4);
    sum.open += row.integer(3);
    sum.sums.requests += row.integer(3);
  }));
  for (auto& [place, sum] : sums)
    found.push_back(std::move(sum));
  return found;
}

class RowReader {
 public:
  RowReader(Database& database, const UsageQuery& query, std::size_t limit)
      : database_(database), query_(query), filter_(filter_of(query)), limit_(limit) {}

  Result<std::vector<UsageRow>> read() && {
    TRY_VOID(read_open());
    TRY(const std::vector<std::int64_t> days, days_with_rows(database_));
    for (const std::int64_t day : days) {
      if (rows_.size() >= limit_) break;
      if (begin_of_day(day) >= until() || begin_of_day(day + 1) <= from()) continue;
      TRY_VOID(read_day(day));
    }
    return std::move(rows_);
  }

 private:
  WallTime from() const { return query_.from.value_or(WallTime{}); }
  WallTime until() const { return query_.until.value_or(books_end()); }

  Result<void> read_open() {
    if (query_.before_seq) return {};
    std::string sql(kOpenRowColumns);
    append_all(sql, " FROM open_row", std::string_view(kRowJoin), std::string_view(kFilter),
               " AND row.opened_at >= ?8 AND row.opened_at < ?9 AND (?10 IS NULL OR row.rid = ?10)"
               " ORDER BY row.no DESC LIMIT ?11");
    TRY(Statement row, database_.prepare(sql));
    filter_.bind(row);
    row.bind_from(kFilterEnd, from(), until(), query_.request, room());
    return take(row);
  }

  // A tenant has rows in few places of a busy day: the kept sums know where.
  Result<void> read_day(std::int64_t day) {
    TRY(auto ranges, ranges_of("by_quarter", day));
    if (ranges.empty()) {
      TRY(ranges, ranges_of("by_day", day));
    }
    std::string sql(kClosedRowColumns);
    append_all(sql, " FROM ", partition_name(day), std::string_view(kRowJoin),
               std::string_view(kFilter),
               " AND row.terminal = 1 AND row.seq BETWEEN ?8 AND ?9 AND row.booked_at >= ?10"
               " AND row.booked_at < ?11 AND (?12 IS NULL OR row.rid = ?12)"
               " ORDER BY row.seq DESC LIMIT ?13");
    TRY(Statement row, database_.prepare(sql));
    for (const auto& [first, last] : ranges) {
      if (room() == 0) break;
      const std::int64_t end = query_.before_seq ? std::min(last, *query_.before_seq - 1) : last;
      if (first > end) continue;
      filter_.bind(row);
      row.bind_from(kFilterEnd, first, end, from(), until(), query_.request, room());
      TRY_VOID(take(row));
      row.reset();
    }
    return {};
  }

  // Places in the ledger between which the wanted rows of a day lie, newest first.
  Result<std::vector<std::pair<std::int64_t, std::int64_t>>> ranges_of(std::string_view table,
                                                                       std::int64_t day) {
    std::string sql;
    append_all(sql, "SELECT min(row.first_seq), max(row.last_seq) FROM ", table,
               std::string_view(kRowJoin), std::string_view(kFilter),
               " AND row.at >= ?8 AND row.at < ?9 GROUP BY row.at ORDER BY row.at DESC");
    TRY(Statement row, database_.prepare(sql));
    filter_.bind(row);
    row.bind_from(kFilterEnd, begin_of_day(day), begin_of_day(day + 1));
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
    TRY_VOID(for_each(
        row, [&](const Statement& one) { ranges.emplace_back(one.integer(0), one.integer(1)); }));
    return ranges;
  }

  Result<void> take(Statement& row) {
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) return {};
      TRY(UsageRow one, read_row(row));
      rows_.push_back(std::move(one));
    }
  }
  std::int64_t room() const {
    return static_cast<std::int64_t>(std::min<std::size_t>(limit_ - rows_.size(), INT64_MAX));
  }

  Database& database_;
  const UsageQuery& query_;
  Filter filter_;
  std::size_t limit_;
  std::vector<UsageRow> rows_;
};

Result<std::optional<UsageRow>> find_in(Database& database, const std::string& table,
                                        const char* columns, RequestId request) {
  std::string sql(columns);
  append_all(sql, " FROM ", table, std::string_view(kRowJoin), " row.rid = ?1");
  TRY(Statement row, database.prepare(sql));
  row.bind_all(request);
  TRY(const bool there, row.step());
  if (!there) return std::optional<UsageRow>();
  TRY(UsageRow one, read_row(row));
  return std::optional(std::move(one));
}

Result<std::optional<UsageRow>> find_row(Database& database, RequestId request) {
  TRY(const ReadSnapshot snapshot, ReadSnapshot::take(database));
  TRY(auto open, find_in(database, "open_row", kOpenRowColumns, request));
  if (open) return open;
  TRY(const std::vector<std::int64_t> days, days_with_rows(database));
  for (const std::int64_t day : days) {
    TRY(auto closed, find_in(database, partition_name(day), kClosedRowColumns, request));
    if (closed) return closed;
  }
  return std::optional<UsageRow>();
}

// Oldest first.
Result<std::vector<UsageRow>> read_untold(Database& database, std::size_t limit) {
  TRY(const ReadSnapshot snapshot, ReadSnapshot::take(database));
  TRY(const std::int64_t first, read_mark(database, kUntoldFirst));
  TRY(const std::int64_t last, read_mark(database, kUntoldLast));
  std::vector<UsageRow> rows;
  if (last == 0) return rows;
  TRY(const std::vector<std::int64_t> days, days_with_rows(database));
  for (auto day = days.rbegin(); day != days.rend() && rows.size() < limit; ++day) {
    std::string sql(kClosedRowColumns);
    append_all(sql, " FROM ", partition_name(*day), std::string_view(kRowJoin),
               " row.seq BETWEEN ?1 AND ?2 ORDER BY row.seq LIMIT ?3");
    TRY(Statement row, database.prepare(sql));
    row.bind_all(first, last, static_cast<std::int64_t>(limit - rows.size()));
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) break;
      TRY(UsageRow one, read_row(row));
      rows.push_back(std::move(one));
    }
  }
  return rows;
}

}  // namespace

Result<std::vector<UsageSum>> LedgerReports::sum(const UsageQuery& query) {
  return database_.with([&](Database& database) { return read_sums(database, query); });
}

Result<std::vector<UsageSince>> LedgerReports::usage_since(const SinceQuery& query) {
  return database_.with([&](Database& database) { return read_since(database, query); });
}

Result<std::vector<UsageRow>> LedgerReports::rows(const UsageQuery& query, std::size_t limit) {
  return database_.with([&](Database& database) -> Result<std::vector<UsageRow>> {
    TRY(const ReadSnapshot snapshot, ReadSnapshot::take(database));
    return RowReader(database, query, limit).read();
  });
}

Result<store::RequestPage> LedgerReports::requests(const store::RequestQuery& query) {
  return database_.with([&](Database& database) { return list_requests(database, query); });
}

Result<std::optional<UsageRow>> LedgerReports::find(RequestId request) {
  return database_.with([&](Database& database) { return find_row(database, request); });
}

Result<std::vector<UsageRow>> LedgerReports::untold(std::size_t limit) {
  return database_.with([&](Database& database) { return read_untold(database, limit); });
}

Result<bool> LedgerReports::knows_user(TenantId tenant, const std::string& user) {
  return database_.with([&](Database& database) -> Result<bool> {
    TRY(const std::int64_t there,
        database.number("SELECT count(*) FROM subject JOIN tenant ON tenant.no = subject.tenant"
                        " WHERE tenant.id = ? AND subject.user = ?",
                        tenant, user));
    return there > 0;
  });
}

Result<std::shared_ptr<const metering::Price>> LedgerReports::price(const std::string& id) {
  using Found = std::shared_ptr<const metering::Price>;
  return database_.with([&](Database& database) -> Result<Found> {
    TRY(Statement row, database.prepare("SELECT text FROM price WHERE id = ?"));
    row.bind_all(id);
    TRY(const bool there, row.step());
    if (!there) return Found();
    return metering::Price::parse(row.text(0));
  });
}

}  // namespace sovmesh::store_sqlite
