#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rt/sim/world.h"
#include "store_sqlite/control_schema.h"
#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/open.h"
#include "tests/contract/sqlite_place.h"
#include "tests/support/result_matchers.h"
#include "tests/upgrade/fixture.h"

// Every data folder that a release has ever written is opened by this one, and nothing is missing.
namespace sovmesh::upgrade {
namespace {

namespace fs = std::filesystem;
using store_sqlite::Database;
using store_sqlite::real_disk;

std::vector<fs::path> fixtures() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::path(SM_SOURCE_DIR) / "tests/upgrade/data"))
    found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

std::int64_t schema_of(const std::string& path) {
  return *Database::open(real_disk(), path, {.create = false})->number("PRAGMA user_version");
}

class UpgradeTest : public testing::TestWithParam<fs::path> {
 protected:
  UpgradeTest() {
    for (const auto& file : fs::directory_iterator(GetParam()))
      fs::copy_file(file, fs::path(folder_.path()) / file.path().filename());
  }
  std::string control_db() const { return folder_.path() + "/control.db"; }
  std::string ledger_db() const { return folder_.path() + "/ledger.db"; }
  Result<std::unique_ptr<store::Ledger>> open_ledger() {
    return store_sqlite::open_ledger(real_disk(), ledger_db(), world_.clock(),
                                     std::make_unique<store_sqlite::ManualRunner>(),
                                     {.reserve_bytes = 0});
  }

  store_sqlite::TempFolder folder_;
  rt::sim::SimWorld world_{1};
};

constexpr std::array<unsigned char, 15> kLabels{'{', '"', 't', 'i', 'e', 'r', '"', ':',
                                                '"', 'g', 'o', 'l', 'd', '"', '}'};

TEST_P(UpgradeTest, ControlDataIsAllThere) {
  const std::int64_t schema = schema_of(control_db());
  // Labels of keys were values before schema 6, and no fixture has any.
  if (schema < 6)
    ASSERT_THAT(Database::open(real_disk(), control_db(), {.create = false})
                    ->run("INSERT INTO value VALUES ('key_labels/' || ?, ?)", kKey,
                          store_sqlite::Blob(kLabels)),
                Succeeds());
  const auto store = store_sqlite::open_control_store(real_disk(), control_db(), world_.clock());
  ASSERT_THAT(store, Succeeds());
  const auto data = (*store)->load();
  ASSERT_THAT(data, Succeeds());
  ASSERT_EQ(data->tenants.size(), 1U);
  EXPECT_EQ(data->tenants[0].id, kTenant);
  EXPECT_EQ(data->tenants[0].slug.text(), "aurora");
  EXPECT_EQ(data->tenants[0].hosts, std::vector<std::string>{"ai.aurora.example"});
  ASSERT_EQ(data->projects.size(), 1U);
  EXPECT_EQ(data->projects[0].id, kProject);
  EXPECT_EQ(data->tenants[0].time_zone, schema >= 3 ? "Europe/Copenhagen" : "UTC");
  EXPECT_EQ(data->tenants[0].currency, schema >= 3 ? "DKK" : "EUR");
  EXPECT_EQ(data->projects[0].cost_centre, schema >= 3 ? "4711" : "");
  ASSERT_EQ(data->limits.size(), schema >= 3 ? 1U : 0U);
  if (schema >= 3) {
    EXPECT_EQ(data->limits[0].id, kLimit);
    EXPECT_EQ(data->limits[0].holder.name, "ann");
    EXPECT_EQ(data->limits[0].amount, 250'000'000);
  }
  ASSERT_EQ(data->keys.size(), 1U);
  EXPECT_EQ(data->keys[0].id.text(), kKey);
  EXPECT_TRUE(data->keys[0].has(tenancy::Scope::inference));
  EXPECT_EQ(data->keys[0].max_priority,
            schema >= 4 ? PriorityClass::batch : PriorityClass::interactive);
  EXPECT_EQ(data->keys[0].models->size(), 1U);
  EXPECT_EQ(data->keys[0].hmac[31], 7);
  ASSERT_EQ(data->keys[0].previous.has_value(), schema >= 2);
  if (schema >= 2) EXPECT_EQ(data->keys[0].previous->hmac[31], 9);
  if (schema < 6) {
    EXPECT_EQ(data->keys[0].labels, (std::map<std::string, std::string>{{"tier", "gold"}}));
    EXPECT_THAT((*store)->get_value("key_labels/" + kKey), HasValue(std::nullopt));
  }
  ASSERT_EQ(data->models.size(), 1U);
  EXPECT_EQ(data->models[0].id, kModel);
  EXPECT_EQ(data->models[0].engine_model, "tiny.gguf");
  ASSERT_EQ(data->engines.size(), 1U);
  EXPECT_EQ(data->engines[0].url, "https://gpu-1.example");
  const auto memberships = (*store)->memberships();
  ASSERT_THAT(memberships, Succeeds());
  ASSERT_EQ(memberships->size(), schema >= 5 ? 1U : 0U);
  if (schema >= 5) {
    EXPECT_EQ(memberships->at(0).id, kMembership);
    EXPECT_EQ(memberships->at(0).grant.tenant(), kTenant);
    EXPECT_EQ((*(*store)->user(kUser))->login, "ann@aurora.example");
  }
  EXPECT_THAT((*store)->get_value(kValueName), HasValue(std::optional(kValue)));
  ASSERT_EQ(data->webhooks.size(), schema >= 7 ? 1U : 0U);
  if (schema >= 7) {
    EXPECT_EQ(data->webhooks[0].id, kWebhook);
    EXPECT_EQ(data->webhooks[0].tenant, kTenant);
    EXPECT_EQ(data->webhooks[0].secret, "sealed");
  }
}

// What is new since the folder was written works in it.
TEST_P(UpgradeTest, AWebhookCanBeMade) {
  const auto store = store_sqlite::open_control_store(real_disk(), control_db(), world_.clock());
  ASSERT_THAT(store, Succeeds());
  const store::WebhookRecord wanted{
      .id = {Ulid::from_bytes({1, 0x9a, 99})}, .tenant = kTenant, .name = "another"};
  EXPECT_THAT((*store)->create(wanted), Succeeds());
}

TEST_P(UpgradeTest, UsageIsAllThereAndTheOpenRowIsRecovered) {
  const std::int64_t schema = schema_of(ledger_db());
  const auto ledger = open_ledger();
  ASSERT_THAT(ledger, Succeeds());
  EXPECT_EQ((*ledger)->stats().recovered, 1U);
  const auto rows = (*ledger)->rows({.tenant = kTenant}, 10);
  ASSERT_THAT(rows, Succeeds());
  ASSERT_EQ(rows->size(), 2U);
  const store::UsageRow& left_open = rows->at(0);
  const store::UsageRow& settled = rows->at(1);
  EXPECT_EQ(settled.request, kSettled);
  EXPECT_EQ(settled.opened_at, kOpenedAt);
  EXPECT_EQ(settled.model, "tiny");
  EXPECT_EQ(settled.settlement.counts,
            (metering::Counts{.prompt = 10,
                              .cached = 2,
                              .generated = 30,
                              .reasoning = 5,
                              .delivered = 29,
                              .source = metering::Source::engine_final}));
  EXPECT_EQ(settled.settlement.finish, metering::Finish::length);
  EXPECT_TRUE(settled.settlement.drift);
  EXPECT_EQ(left_open.request, kLeftOpen);
  EXPECT_EQ(left_open.settlement.finish, metering::Finish::recovered);
  EXPECT_EQ(left_open.settlement.counts.generated, 12);
  // Money came with schema 3; what is older has no price, and says so.
  const bool has_price = schema >= 3;
  EXPECT_EQ(settled.is_priced(), has_price);
  EXPECT_EQ(settled.charge.cost_micro, has_price ? 5 + 8 + 1 + 90 : 0);
  EXPECT_EQ(left_open.charge.cost_micro, has_price ? 5 + 11 + 36 : 0);
  EXPECT_EQ(settled.user, has_price ? "ida" : "");
}

TEST_P(UpgradeTest, SumsFollowFromTheRows) {
  const std::int64_t schema = schema_of(ledger_db());
  const auto ledger = open_ledger();
  ASSERT_THAT(ledger, Succeeds());
  const auto sums = (*ledger)->sum({.tenant = kTenant});
  ASSERT_THAT(sums, Succeeds());
  ASSERT_EQ(sums->size(), 1U);
  EXPECT_EQ(sums->at(0).requests, 2);
  EXPECT_EQ(sums->at(0).generated, 42);
  EXPECT_EQ(sums->at(0).unpriced, schema >= 3 ? 0 : 2);
  EXPECT_EQ(sums->at(0).drifted, 1);
  EXPECT_EQ(sums->at(0).recovered, 1);
  const auto report = (*ledger)->verify();
  ASSERT_THAT(report, Succeeds());
  EXPECT_TRUE(report->clean());
  EXPECT_EQ(report->rows, 2);
}

TEST_P(UpgradeTest, AnIdempotencyKeyIsStillKnown) {
  if (schema_of(ledger_db()) < 3) return;  // there were none
  const auto ledger = open_ledger();
  ASSERT_THAT(ledger, Succeeds());
  const auto claimed = (*ledger)->claim(kTenant, idempotency_key(), kSettled);
  ASSERT_THAT(claimed, Succeeds());
  EXPECT_EQ(claimed->state, store::ClaimResult::State::finished);
  EXPECT_EQ(claimed->request, kLeftOpen);
}

TEST_P(UpgradeTest, OpeningTwiceChangesNothingMore) {
  ASSERT_THAT(open_ledger(), Succeeds());
  const auto again = open_ledger();
  ASSERT_THAT(again, Succeeds());
  EXPECT_EQ((*again)->stats().recovered, 0U);
  EXPECT_EQ(schema_of(ledger_db()), store_sqlite::ledger_schema().version());
}

// What was there before is beside it, whole and unchanged.
TEST_P(UpgradeTest, ABackupIsMadeBeforeAnythingIsChanged) {
  const std::int64_t control = schema_of(control_db());
  const std::int64_t ledger = schema_of(ledger_db());
  ASSERT_THAT(open_ledger(), Succeeds());
  ASSERT_THAT(store_sqlite::open_control_store(real_disk(), control_db(), world_.clock()),
              Succeeds());
  const auto copy_of = [&](const std::string& name, const std::string& file) {
    std::vector<std::string> found;
    const fs::path backups = folder_.path() + "/backups";
    if (!fs::exists(backups)) return found;
    for (const auto& entry : fs::directory_iterator(backups))
      if (entry.path().filename().string().contains("Z-before-" + name + "-"))
        found.push_back((entry.path() / file).string());
    return found;
  };
  const auto controls = copy_of("control", "control.db");
  ASSERT_EQ(controls.size(), control < store_sqlite::control_schema().version() ? 1U : 0U);
  for (const std::string& path : controls)
    EXPECT_EQ(schema_of(path), control);
  const auto ledgers = copy_of("ledger", "ledger.db");
  ASSERT_EQ(ledgers.size(), ledger < store_sqlite::ledger_schema().version() ? 1U : 0U);
  for (const std::string& path : ledgers)
    EXPECT_EQ(schema_of(path), ledger);
}

std::string fixture_name(const testing::TestParamInfo<fs::path>& info) {
  return "Data" + info.param.filename().string();
}
INSTANTIATE_TEST_SUITE_P(Data, UpgradeTest, testing::ValuesIn(fixtures()), fixture_name);

// Whoever adds a migration commits a fixture of the schema before it, and of the new one.
TEST(UpgradeFixtures, EverySchemaHasOne) {
  std::set<std::int64_t> control;
  std::set<std::int64_t> ledger;
  for (const fs::path& fixture : fixtures()) {
    const store_sqlite::TempFolder copy;
    for (const auto& file : fs::directory_iterator(fixture))
      fs::copy_file(file, fs::path(copy.path()) / file.path().filename());
    control.insert(schema_of(copy.path() + "/control.db"));
    ledger.insert(schema_of(copy.path() + "/ledger.db"));
  }
  for (int version = 1; version <= store_sqlite::control_schema().version(); ++version)
    EXPECT_TRUE(control.contains(version)) << "control.db, schema " << version;
  for (int version = 1; version <= store_sqlite::ledger_schema().version(); ++version)
    EXPECT_TRUE(ledger.contains(version)) << "ledger.db, schema " << version;
}

}  // namespace
}  // namespace sovmesh::upgrade
