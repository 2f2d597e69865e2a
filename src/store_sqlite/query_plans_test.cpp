#include <gmock/gmock.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"

// No question of the admin API or of a report may read a table that grows from end to end: every
// statement that the readers run is seen as it is prepared, and explained.
namespace sovmesh::store_sqlite {
namespace {

using testing::IsEmpty;

// Tables, or statements that begin so, of which a scan is no harm, and why.
const std::map<std::string, std::string> kMayScan{
    {"partition", "one row for each day that is kept: 400"},
    {"mark", "a handful of names"},
    {"price", "one row for each price there was, written by hand"},
    {"tenant", "written by hand: thousands at most"},
    {"open_row", "what is in flight now: bounded by the slots of engines and queues"},
    {"tenant_settings", "one row of a tenant that has set something; read by load()"},
    {"model", "written by hand, or listed by engines"},
    {"model_engine", "the same"},
    {"model_tenant", "the same"},
    {"engine", "at most 64"},
    {"artifact", "files of models: registered by hand"},
    {"tenant_settings", "one row for each tenant that has any"},
    {"sqlite_schema", "the tables themselves"},
    {"state", "one row"},
    {"webhook", "at most 500"},
    {"user", "people: written by hand"},
    {"membership", "the same"},
};
// Statements of load(): all of it is the data path's directory, and is read once after a change.
constexpr std::array<std::string_view, 4> kOfLoad{"key", "project", "usage_limit", "pool_member"};

struct Seen {
  std::set<std::string> statements;
};
Seen* seen = nullptr;

int note_statement(unsigned, void*, void* statement, void*) {
  const char* const sql = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
  if (seen != nullptr && sql != nullptr) seen->statements.insert(sql);
  return 0;
}

int watch_connection(sqlite3* connection, const char**, const void*) {
  return sqlite3_trace_v2(connection, SQLITE_TRACE_STMT, note_statement, nullptr);
}

// What is scanned by a statement, by its plan.
std::vector<std::string> scans_of(Database& database, const std::string& sql) {
  std::vector<std::string> scans;
  auto plan = database.prepare("EXPLAIN QUERY PLAN " + sql);
  EXPECT_THAT(plan, Succeeds()) << sql;
  while (plan && *plan->step()) {
    const std::string line(plan->text(3));
    if (line.starts_with("SCAN ")) scans.push_back(line.substr(5));
  }
  return scans;
}

// The name of the table behind an alias: "row" of "FROM usage_20300101 AS row".
std::string table_of(const std::string& scan, const std::string& sql) {
  std::string name = scan.substr(0, scan.find(' '));
  const std::string alias = " AS " + name;
  for (auto at = sql.find(alias); at != std::string::npos; at = sql.find(alias, at + 1)) {
    const auto begin = sql.rfind(' ', at - 1);
    // A sum of several tables: each has a line of its own.
    if (sql[at - 1] == ')') return "(";
    return sql.substr(begin + 1, at - begin - 1);
  }
  return name;
}

bool may_scan(const std::string& table, const std::string& sql) {
  if (table.starts_with("(") || table == "CONSTANT" || table.starts_with("SUBQUERY")) return true;
  if (kMayScan.contains(table)) return true;
  return std::ranges::find(kOfLoad, table) != kOfLoad.end() &&
         sql.ends_with(" FROM " + table + " ORDER BY id");
}

std::vector<std::string> harmful_scans(Database& database, const std::set<std::string>& all) {
  std::vector<std::string> found;
  for (const std::string& sql : all) {
    if (!sql.starts_with("SELECT")) continue;
    for (const std::string& scan : scans_of(database, sql)) {
      const std::string table = table_of(scan, sql);
      if (!may_scan(table, sql)) found.push_back(scan + "  of  " + sql);
    }
  }
  return found;
}

class QueryPlans : public testing::Test {
 protected:
  QueryPlans() {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch_connection));  // NOLINT
  }
  ~QueryPlans() override {
    seen = nullptr;
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(watch_connection));  // NOLINT
  }
  void watch() { seen = &seen_; }
  Database open_file(const char* path) {
    seen = nullptr;
    auto opened = Database::open(disk_, path, {.create = false, .read_only = true});
    if (!opened) throw std::runtime_error(opened.error().message());
    return *std::move(opened);
  }

  rt::sim::SimWorld world_{1};
  SimDisk disk_{1};
  UlidSource ids_{world_.clock(), world_.random()};
  Seen seen_;
};

rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                         std::vector<store::OpenRow>& out) {
  Result<store::OpenRow> row = co_await ledger.open(std::move(intent), loop);
  if (row) out.push_back(*std::move(row));
}

TEST_F(QueryPlans, ReadersOfTheLedgerUseIndexes) {
  constexpr const char* kPath = "/data/ledger.db";
  LedgerOptions options;
  options.reserve_bytes = 0;
  auto opened =
      open_ledger(disk_, kPath, world_.clock(), std::make_unique<ManualRunner>(), options);
  ASSERT_THAT(opened, Succeeds());
  store::Ledger& ledger = **opened;
  const TenantId tenant{ids_.next()};
  const ProjectId project{ids_.next()};
  const auto key = *KeyId::parse("abcdefghijkl");
  RequestId last{};
  for (int day = 0; day < 2; ++day) {
    last = {ids_.next()};
    std::vector<store::OpenRow> rows;
    auto task = open_into(ledger,
                          {.request = last,
                           .tenant = tenant,
                           .project = project,
                           .key = key,
                           .model = "tiny",
                           .opened_at = world_.clock().wall_now()},
                          world_.loop(), rows);
    task.start();
    ASSERT_THAT(ledger.flush(), Succeeds());
    world_.run_for(std::chrono::milliseconds(0));
    ASSERT_EQ(rows.size(), 1U);
    std::move(rows.front()).settle({});
    ASSERT_THAT(ledger.flush(), Succeeds());
    world_.jump_wall(std::chrono::days(1));
  }
  watch();
  using By = store::UsageQuery::GroupBy;
  const WallTime now = world_.clock().wall_now();
  for (const bool of_all : {true, false}) {
    for (int by = 0; by <= static_cast<int>(By::tenant); ++by) {
      store::UsageQuery query{.tenant = tenant,
                              .project = project,
                              .key = key,
                              .model = "tiny",
                              .from = now - std::chrono::days(3),
                              .until = now,
                              .group_by = static_cast<By>(by),
                              .user = "ann",
                              .cost_centre = "1",
                              .engine = "tiny",
                              .all_tenants = of_all};
      EXPECT_THAT(ledger.sum(query), Succeeds());
    }
    store::UsageQuery rows{.tenant = tenant, .all_tenants = of_all};
    EXPECT_THAT(ledger.rows(rows, 10), Succeeds());
    for (const auto status : {store::RequestStatus::open, store::RequestStatus::failed})
      EXPECT_THAT(ledger.requests({.tenant = of_all ? std::nullopt : std::optional(tenant),
                                   .project = project,
                                   .key = key,
                                   .model = "tiny",
                                   .status = status,
                                   .from = now - std::chrono::days(3),
                                   .until = now - std::chrono::minutes(1)}),
                  Succeeds());
    EXPECT_THAT(ledger.requests({.tenant = of_all ? std::nullopt : std::optional(tenant)}),
                Succeeds());
  }
  EXPECT_THAT(ledger.find(last), Succeeds());
  EXPECT_THAT(ledger.find({ids_.next()}), Succeeds());
  EXPECT_THAT(ledger.price("p-0123456789ab"), Succeeds());
  EXPECT_THAT(ledger.knows_user(tenant, "ann"), Succeeds());
  for (const auto by : {store::SinceQuery::By::tenant, store::SinceQuery::By::key})
    EXPECT_THAT(
        ledger.usage_since({.by = by, .from = now - std::chrono::hours(5), .tenant = tenant}),
        Succeeds());
  Database database = open_file(kPath);
  EXPECT_GT(seen_.statements.size(), 20U) << "nothing was looked at";
  EXPECT_THAT(harmful_scans(database, seen_.statements), IsEmpty());
}

TEST_F(QueryPlans, ReadersOfTheControlStoreUseIndexes) {
  constexpr const char* kPath = "control.db";
  auto opened = open_control_store(disk_, kPath, world_.clock());
  ASSERT_THAT(opened, Succeeds());
  store::ControlStore& store = **opened;
  watch();
  EXPECT_THAT(store.load(), Succeeds());
  const auto loaded = seen_.statements.size();
  seen_.statements.clear();
  EXPECT_THAT(store.load(), Succeeds());
  EXPECT_THAT(seen_.statements, testing::ElementsAre("SELECT version FROM state"))
      << "what has not changed is not read again";
  EXPECT_GT(loaded, 7U);
  EXPECT_THAT(store.create(tenancy::Tenant{.id = {ids_.next()},
                                           .slug = TenantSlug::parse("aurora").value()}),
              Succeeds());
  EXPECT_EQ(store.load()->tenants.size(), 1U);
  const access::UserId user{ids_.next()};
  EXPECT_THAT(store.user(user), Succeeds());
  EXPECT_THAT(store.user_named("ann"), Succeeds());
  EXPECT_THAT(store.memberships_of(user), Succeeds());
  EXPECT_THAT(store.session_of(Digest{}), Succeeds());
  EXPECT_THAT(store.sessions_of(user), Succeeds());
  EXPECT_THAT(store.get_value("name"), Succeeds());
  EXPECT_THAT(store.removed_tenant("aurora"), Succeeds());
  EXPECT_THAT(store.users(), Succeeds());
  EXPECT_THAT(store.memberships(), Succeeds());
  Database database = open_file(kPath);
  EXPECT_GT(seen_.statements.size(), 10U) << "nothing was looked at";
  EXPECT_THAT(harmful_scans(database, seen_.statements), IsEmpty());
}

// What the checks above are for.
TEST_F(QueryPlans, AScanOfWhatGrowsIsNoticed) {
  constexpr const char* kPath = "/data/ledger.db";
  LedgerOptions options;
  options.reserve_bytes = 0;
  auto opened =
      open_ledger(disk_, kPath, world_.clock(), std::make_unique<ManualRunner>(), options);
  ASSERT_THAT(opened, Succeeds());
  Database database = open_file(kPath);
  EXPECT_FALSE(
      harmful_scans(database, {"SELECT no FROM subject AS row WHERE row.model = 'tiny'"}).empty());
  EXPECT_FALSE(harmful_scans(database, {"SELECT requests FROM balance"}).empty());
}

}  // namespace
}  // namespace sovmesh::store_sqlite
