#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "rt/sim/world.h"
#include "store/control_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/result_matchers.h"

// What every ControlStore does. An adapter includes this once and instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, ControlStoreSuite, testing::Values(make_my_place));
namespace sovmesh::store {

// Where a store keeps its data; opening it again finds what was written.
class ControlPlace {
 public:
  virtual ~ControlPlace() = default;
  virtual Result<std::unique_ptr<ControlStore>> open(const Clock& clock) = 0;
};
using MakeControlPlace = std::function<std::unique_ptr<ControlPlace>()>;

class ControlStoreSuite : public testing::TestWithParam<MakeControlPlace> {
 protected:
  ControlStoreSuite() : place_(GetParam()()) { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = place_->open(clock_);
    if (!opened) throw std::runtime_error(opened.error().message());
    store_ = *std::move(opened);
  }
  ControlData load() { return *store_->load(); }

  tenancy::Tenant tenant(const std::string& slug) {
    return {.id = {ids_.next()}, .slug = *TenantSlug::parse(slug), .display_name = "T " + slug};
  }
  tenancy::Project project(TenantId owner, const std::string& slug) {
    return {.id = {ids_.next()}, .tenant = owner, .slug = *ProjectSlug::parse(slug)};
  }
  tenancy::Key key(const tenancy::Project& owner, const std::string& id) {
    return {.id = *KeyId::parse(id), .tenant = owner.tenant, .project = owner.id};
  }
  catalog::Model model(const std::string& name) {
    return {.id = {ids_.next()}, .name = *ModelName::parse(name)};
  }
  LimitRecord limit(LimitHolder holder) {
    return {.id = {ids_.next()},
            .holder = std::move(holder),
            .measure = limits::Measure::output_tokens,
            .window = limits::Window::day,
            .amount = 1'000};
  }

  ManualClock clock_;
  rt::sim::SeededRandom random_{1};
  UlidSource ids_{clock_, random_};
  std::unique_ptr<ControlPlace> place_;
  std::unique_ptr<ControlStore> store_;
};

inline void expect_same(const tenancy::Meta& a, const tenancy::Meta& b) {
  EXPECT_EQ(a.revision, b.revision);
  EXPECT_EQ(a.created_at, b.created_at);
  EXPECT_EQ(a.updated_at, b.updated_at);
  EXPECT_EQ(a.ownership, b.ownership);
}

TEST_P(ControlStoreSuite, StartsEmpty) {
  const ControlData data = load();
  EXPECT_TRUE(data.tenants.empty());
  EXPECT_TRUE(data.models.empty());
}

TEST_P(ControlStoreSuite, KeepsWhatATenantHasSet) {
  const auto made = store_->create(tenant("aurora"));
  ASSERT_THAT(made, Succeeds());
  EXPECT_TRUE(load().settings.empty());
  const auto first =
      store_->put_settings({.tenant = made->id, .document = R"({"a":"\u00e9"})", .meta = {}});
  ASSERT_THAT(first, Succeeds());
  EXPECT_EQ(first->meta.revision, 1);
  // Somebody else was first.
  EXPECT_THAT(store_->put_settings({.tenant = made->id, .document = "{}", .meta = {}}),
              FailsWith(Code::precondition_failed));
  const std::int64_t version = load().version;
  clock_.advance(std::chrono::seconds(5));
  SettingsRecord next = *first;
  next.document = R"({"b":1})";
  const auto second = store_->put_settings(next);
  ASSERT_THAT(second, Succeeds());
  EXPECT_EQ(second->meta.revision, 2);
  EXPECT_EQ(second->meta.created_at, first->meta.created_at);
  EXPECT_GT(second->meta.updated_at, first->meta.updated_at);
  EXPECT_THAT(store_->put_settings(next), FailsWith(Code::precondition_failed));
  EXPECT_GT(load().version, version);
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.settings.size(), 1U);
  EXPECT_EQ(data.settings[0].tenant, made->id);
  EXPECT_EQ(data.settings[0].document, R"({"b":1})");
  expect_same(data.settings[0].meta, second->meta);
}

TEST_P(ControlStoreSuite, SettingsGoWithTheirTenant) {
  const auto made = store_->create(tenant("aurora"));
  ASSERT_THAT(made, Succeeds());
  ASSERT_THAT(store_->put_settings({.tenant = made->id, .document = "{}", .meta = {}}), Succeeds());
  ASSERT_THAT(store_->remove(made->id, 1), Succeeds());
  EXPECT_TRUE(load().settings.empty());
  EXPECT_THAT(store_->put_settings({.tenant = made->id, .document = "{}", .meta = {}}),
              FailsWith(Code::not_found));
}

TEST_P(ControlStoreSuite, KeepsEveryFieldOfATenantAcrossARestart) {
  tenancy::Tenant wanted = tenant("aurora");
  wanted.hosts = {"ai.aurora.example", "b.example"};
  wanted.suspended = true;
  wanted.time_zone = "Europe/Copenhagen";
  wanted.currency = "DKK";
  wanted.meta.ownership = {.by = tenancy::Ownership::By::file, .source = "config.yaml:7"};
  const auto created = store_->create(wanted);
  ASSERT_THAT(created, Succeeds());
  EXPECT_EQ(created->meta.revision, 1);
  EXPECT_EQ(created->meta.created_at, clock_.wall_now());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.tenants.size(), 1U);
  const tenancy::Tenant& kept = data.tenants[0];
  EXPECT_EQ(kept.id, wanted.id);
  EXPECT_EQ(kept.slug, wanted.slug);
  EXPECT_EQ(kept.display_name, wanted.display_name);
  EXPECT_EQ(kept.hosts, wanted.hosts);
  EXPECT_TRUE(kept.suspended);
  EXPECT_EQ(kept.time_zone, "Europe/Copenhagen");
  EXPECT_EQ(kept.currency, "DKK");
  expect_same(kept.meta, created->meta);
  EXPECT_EQ(kept.meta.ownership, wanted.meta.ownership);
}

TEST_P(ControlStoreSuite, KeepsEveryFieldOfProjectAndKey) {
  const auto owner = store_->create(tenant("aurora"));
  tenancy::Project wanted_home = project(owner->id, "web-shop");
  wanted_home.cost_centre = "4711 \"A\"";
  const auto home = store_->create(wanted_home);
  ASSERT_THAT(home, Succeeds());
  tenancy::Key wanted = key(*home, "abcdefghijkl");
  wanted.display_name = "CI \"quoted\" \xC3\xA6\n";
  wanted.scopes.set(0);
  wanted.scopes.set(2);
  wanted.models = std::set{*ModelName::parse("tiny"), *ModelName::parse("org/big:1")};
  wanted.owner = "ann@example.org";
  wanted.max_priority = PriorityClass::agent;
  wanted.labels = {{"tier", "gold \"1\" \xC3\xA6"}, {"channel", "preview"}};
  wanted.expires_at = clock_.wall_now() + std::chrono::hours(1);
  wanted.revoked_at = clock_.wall_now() + std::chrono::hours(2);
  wanted.pepper_id = 3;
  wanted.hmac.fill(0xA7);
  wanted.last_four = "x9Zq";
  wanted.previous = {.pepper_id = 2, .until = clock_.wall_now() + std::chrono::hours(3)};
  wanted.previous->hmac.fill(0x5C);
  ASSERT_THAT(store_->create(wanted), Succeeds());
  tenancy::Key plain = key(*home, "AAAAAAAAAAAA");
  ASSERT_THAT(store_->create(plain), Succeeds());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.projects.size(), 1U);
  EXPECT_EQ(data.projects[0].tenant, owner->id);
  EXPECT_EQ(data.projects[0].slug.text(), "web-shop");
  EXPECT_EQ(data.projects[0].cost_centre, "4711 \"A\"");
  ASSERT_EQ(data.keys.size(), 2U);
  const tenancy::Key& kept = data.keys[0].id == wanted.id ? data.keys[0] : data.keys[1];
  const tenancy::Key& other = data.keys[0].id == wanted.id ? data.keys[1] : data.keys[0];
  EXPECT_EQ(kept.tenant, wanted.tenant);
  EXPECT_EQ(kept.project, wanted.project);
  EXPECT_EQ(kept.display_name, wanted.display_name);
  EXPECT_EQ(kept.scopes, wanted.scopes);
  EXPECT_EQ(kept.models, wanted.models);
  EXPECT_EQ(kept.owner, wanted.owner);
  EXPECT_EQ(kept.max_priority, PriorityClass::agent);
  EXPECT_EQ(kept.labels, wanted.labels);
  EXPECT_TRUE(other.labels.empty());
  EXPECT_EQ(other.max_priority, PriorityClass::interactive);
  EXPECT_EQ(kept.expires_at, wanted.expires_at);
  EXPECT_EQ(kept.revoked_at, wanted.revoked_at);
  EXPECT_EQ(kept.pepper_id, wanted.pepper_id);
  EXPECT_EQ(kept.hmac, wanted.hmac);
  EXPECT_EQ(kept.last_four, wanted.last_four);
  EXPECT_EQ(kept.previous, wanted.previous);
  EXPECT_EQ(other.previous, std::nullopt);
  EXPECT_EQ(other.models, std::nullopt) << "every model is not the same as none";
  EXPECT_EQ(other.owner, std::nullopt);
  EXPECT_EQ(other.expires_at, std::nullopt);
  EXPECT_EQ(other.revoked_at, std::nullopt);
}

TEST_P(ControlStoreSuite, AKeyWithoutAnyModelStaysOne) {
  const auto owner = store_->create(tenant("aurora"));
  const auto home = store_->create(project(owner->id, "default"));
  tenancy::Key wanted = key(*home, "abcdefghijkl");
  wanted.models.emplace();
  ASSERT_THAT(store_->create(wanted), Succeeds());
  const auto data = load();
  ASSERT_TRUE(data.keys[0].models);
  EXPECT_TRUE(data.keys[0].models->empty());
}

TEST_P(ControlStoreSuite, KeepsEveryFieldOfAModel) {
  using std::chrono::milliseconds;
  catalog::Model wanted = model("org/tiny:7b@2");
  wanted.engine = "local";
  wanted.engines = {"local", "spare"};
  wanted.engine_model = "tiny.gguf";
  wanted.adapter = 2;
  wanted.owned_by = "us";
  wanted.artifact = "tiny@1.0";
  wanted.chat = false;
  wanted.completions = false;
  wanted.embeddings = true;
  wanted.for_all_tenants = false;
  wanted.tenants = {{ids_.next()}, {ids_.next()}};
  wanted.context_tokens = 4096;
  wanted.output_tokens_max = 512;
  wanted.choices_max = 3;
  wanted.extra_fields = {"top_k", "with,comma", "with\"quote"};
  wanted.reject_unknown_fields = false;
  wanted.first_token_timeout = milliseconds(1);
  wanted.stall_timeout = milliseconds(2);
  wanted.total_timeout = milliseconds(3);
  wanted.commit_after.reset();
  wanted.from_file = true;
  wanted.source = "config.yaml:12";
  const auto created = store_->create(wanted);
  ASSERT_THAT(created, Succeeds());
  catalog::Model plain = model("plain");
  ASSERT_THAT(store_->create(plain), Succeeds());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.models.size(), 2U);
  const bool first = data.models[0].id == wanted.id;
  const catalog::Model& kept = data.models[first ? 0 : 1];
  const catalog::Model& other = data.models[first ? 1 : 0];
  EXPECT_EQ(kept.name, wanted.name);
  EXPECT_EQ(kept.engine, wanted.engine);
  EXPECT_EQ(kept.engines, wanted.engines);
  EXPECT_EQ(kept.engine_model, wanted.engine_model);
  EXPECT_EQ(kept.adapter, wanted.adapter);
  EXPECT_EQ(kept.owned_by, wanted.owned_by);
  EXPECT_EQ(kept.artifact, wanted.artifact);
  EXPECT_EQ(kept.chat, wanted.chat);
  EXPECT_EQ(kept.completions, wanted.completions);
  EXPECT_EQ(kept.embeddings, wanted.embeddings);
  EXPECT_EQ(kept.for_all_tenants, wanted.for_all_tenants);
  EXPECT_EQ(kept.tenants, wanted.tenants);
  EXPECT_EQ(kept.context_tokens, wanted.context_tokens);
  EXPECT_EQ(kept.output_tokens_max, wanted.output_tokens_max);
  EXPECT_EQ(kept.choices_max, wanted.choices_max);
  EXPECT_EQ(kept.extra_fields, wanted.extra_fields);
  EXPECT_EQ(kept.reject_unknown_fields, wanted.reject_unknown_fields);
  EXPECT_EQ(kept.first_token_timeout, wanted.first_token_timeout);
  EXPECT_EQ(kept.stall_timeout, wanted.stall_timeout);
  EXPECT_EQ(kept.total_timeout, wanted.total_timeout);
  EXPECT_EQ(kept.commit_after, std::nullopt);
  EXPECT_TRUE(kept.from_file);
  EXPECT_EQ(kept.source, wanted.source);
  EXPECT_EQ(kept.revision, 1);
  EXPECT_EQ(kept.created_at, created->created_at);
  EXPECT_THAT(other.engines, testing::IsEmpty());
  EXPECT_EQ(other.adapter, std::nullopt);
  EXPECT_EQ(other.commit_after, plain.commit_after);
  EXPECT_FALSE(other.from_file);
}

TEST_P(ControlStoreSuite, KeepsEveryFieldOfAnEngine) {
  const EngineRecord wanted{.id = {ids_.next()},
                            .name = "gpu-1",
                            .dialect = "vllm",
                            .url = "https://gpu-1.example:8000",
                            .slots = 16};
  ASSERT_THAT(store_->create(wanted), Succeeds());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.engines.size(), 1U);
  EXPECT_EQ(data.engines[0].id, wanted.id);
  EXPECT_EQ(data.engines[0].name, wanted.name);
  EXPECT_EQ(data.engines[0].dialect, wanted.dialect);
  EXPECT_EQ(data.engines[0].url, wanted.url);
  EXPECT_EQ(data.engines[0].slots, wanted.slots);
  EXPECT_EQ(data.engines[0].meta.ownership.by, tenancy::Ownership::By::api);
}

TEST_P(ControlStoreSuite, KeepsEveryFieldOfALimit) {
  const auto owner = store_->create(tenant("aurora"));
  LimitRecord wanted =
      limit({.scope = limits::Scope::user, .tenant = owner->id, .name = "ann@example.org"});
  wanted.name = "ann's tokens";
  wanted.measure = limits::Measure::money_micro;
  wanted.window = limits::Window::hour;
  wanted.alignment = limits::Alignment::rolling;
  wanted.amount = 1'000'000'000'000'000;
  wanted.shadow = true;
  wanted.model = "org/big:1";
  wanted.meta.ownership = {.by = tenancy::Ownership::By::file, .source = "config.yaml:9:3"};
  const auto created = store_->create(wanted);
  ASSERT_THAT(created, Succeeds());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.limits.size(), 1U);
  const LimitRecord& kept = data.limits[0];
  EXPECT_EQ(kept.id, wanted.id);
  EXPECT_EQ(kept.name, wanted.name);
  EXPECT_EQ(kept.holder, wanted.holder);
  EXPECT_EQ(kept.measure, wanted.measure);
  EXPECT_EQ(kept.window, wanted.window);
  EXPECT_EQ(kept.alignment, wanted.alignment);
  EXPECT_EQ(kept.amount, wanted.amount);
  EXPECT_TRUE(kept.shadow);
  EXPECT_EQ(kept.model, wanted.model);
  EXPECT_EQ(kept.meta.ownership, wanted.meta.ownership);
  expect_same(kept.meta, created->meta);
}

TEST_P(ControlStoreSuite, EveryKindOfHolderHasItsLimits) {
  const auto owner = store_->create(tenant("aurora"));
  const auto home = store_->create(project(owner->id, "default"));
  const auto secret = store_->create(key(*home, "abcdefghijkl"));
  const std::vector<LimitHolder> holders{
      {.scope = limits::Scope::tenant, .tenant = owner->id},
      {.scope = limits::Scope::project, .tenant = owner->id, .project = home->id},
      {.scope = limits::Scope::key, .tenant = owner->id, .key = secret->id},
      {.scope = limits::Scope::user, .tenant = owner->id, .name = "ann"},
      {.scope = limits::Scope::user, .tenant = owner->id, .name = "*"},
      {.scope = limits::Scope::pool, .name = "gpus"}};
  for (const LimitHolder& holder : holders)
    ASSERT_THAT(store_->create(limit(holder)), Succeeds());
  LimitRecord running = limit(holders[0]);
  running.measure = limits::Measure::concurrency;
  running.window = limits::Window::none;
  ASSERT_THAT(store_->create(running), Succeeds());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.limits.size(), holders.size() + 1);
  for (const LimitHolder& holder : holders)
    EXPECT_EQ(std::ranges::count(data.limits, holder, &LimitRecord::holder),
              holder == holders[0] ? 2 : 1);
}

TEST_P(ControlStoreSuite, TheSameLimitIsThereOnce) {
  const auto a = store_->create(tenant("aurora"));
  const auto b = store_->create(tenant("borealis"));
  const LimitRecord first = limit({.tenant = a->id});
  ASSERT_THAT(store_->create(first), Succeeds());
  LimitRecord again = limit({.tenant = a->id});
  again.amount = 7;
  again.name = "another";
  EXPECT_THAT(store_->create(again), FailsWith(Code::conflict));
  EXPECT_THAT(store_->create(limit({.tenant = b->id})), Succeeds());
  for (const auto change : std::initializer_list<void (*)(LimitRecord&)>{
           [](LimitRecord& l) { l.measure = limits::Measure::requests; },
           [](LimitRecord& l) { l.window = limits::Window::month; },
           [](LimitRecord& l) { l.alignment = limits::Alignment::rolling; },
           [](LimitRecord& l) { l.model = "tiny"; }}) {
    LimitRecord other = limit({.tenant = a->id});
    change(other);
    EXPECT_THAT(store_->create(other), Succeeds());
  }
}

TEST_P(ControlStoreSuite, LimitsGoWithWhomTheyAreFor) {
  const auto owner = store_->create(tenant("aurora"));
  const auto home = store_->create(project(owner->id, "default"));
  const auto other = store_->create(project(owner->id, "other"));
  const auto secret = store_->create(key(*home, "abcdefghijkl"));
  ASSERT_THAT(
      store_->create(limit({.scope = limits::Scope::key, .tenant = owner->id, .key = secret->id})),
      Succeeds());
  for (const auto& project : {home, other}) {
    ASSERT_THAT(
        store_->create(
            limit({.scope = limits::Scope::project, .tenant = owner->id, .project = project->id})),
        Succeeds());
  }
  ASSERT_THAT(store_->create(limit({.tenant = owner->id})), Succeeds());
  ASSERT_THAT(store_->create(limit({.scope = limits::Scope::pool, .name = "gpus"})), Succeeds());
  ASSERT_THAT(store_->remove(secret->id, 1), Succeeds());
  EXPECT_EQ(load().limits.size(), 4U);
  ASSERT_THAT(store_->remove(home->id, 1), Succeeds());
  EXPECT_EQ(load().limits.size(), 3U);
  ASSERT_THAT(store_->remove(owner->id, 1), Succeeds());
  const ControlData data = load();
  ASSERT_EQ(data.limits.size(), 1U);
  EXPECT_EQ(data.limits[0].holder.name, "gpus");
}

TEST_P(ControlStoreSuite, KeepsEveryFieldOfAPoolMember) {
  const auto owner = store_->create(tenant("aurora"));
  const auto home = store_->create(project(owner->id, "default"));
  const PoolMemberRecord wanted{.id = {ids_.next()},
                                .pool = "gpus",
                                .tenant = owner->id,
                                .project = home->id,
                                .cohort = "east",
                                .guaranteed = 1'500'000,
                                .borrowing_limit = 2'000'000,
                                .lending_limit = 0,
                                .weight = 3'000'000,
                                .concurrency_max = 4,
                                .user_concurrency_max = 2};
  const auto created = store_->create(wanted);
  ASSERT_THAT(created, Succeeds());
  const PoolMemberRecord plain{.id = {ids_.next()}, .pool = "gpus", .tenant = owner->id};
  ASSERT_THAT(store_->create(plain), Succeeds());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.pool_members.size(), 2U);
  const bool first = data.pool_members[0].id == wanted.id;
  const PoolMemberRecord& kept = data.pool_members[first ? 0 : 1];
  const PoolMemberRecord& other = data.pool_members[first ? 1 : 0];
  EXPECT_EQ(kept.pool, wanted.pool);
  EXPECT_EQ(kept.tenant, wanted.tenant);
  EXPECT_EQ(kept.project, wanted.project);
  EXPECT_EQ(kept.cohort, wanted.cohort);
  EXPECT_EQ(kept.guaranteed, wanted.guaranteed);
  EXPECT_EQ(kept.borrowing_limit, wanted.borrowing_limit);
  EXPECT_EQ(kept.lending_limit, wanted.lending_limit);
  EXPECT_EQ(kept.weight, wanted.weight);
  EXPECT_EQ(kept.concurrency_max, wanted.concurrency_max);
  EXPECT_EQ(kept.user_concurrency_max, wanted.user_concurrency_max);
  expect_same(kept.meta, created->meta);
  EXPECT_TRUE(other.project.value.is_nil());
  EXPECT_EQ(other.borrowing_limit, std::nullopt);
  EXPECT_EQ(other.lending_limit, std::nullopt);
  EXPECT_EQ(other.weight, 1'000'000);
}

TEST_P(ControlStoreSuite, APoolMemberIsThereOnceAndGoesWithItsTenantOrProject) {
  const auto owner = store_->create(tenant("aurora"));
  const auto home = store_->create(project(owner->id, "default"));
  const auto member = [&](ProjectId of, const std::string& pool) {
    return PoolMemberRecord{.id = {ids_.next()}, .pool = pool, .tenant = owner->id, .project = of};
  };
  ASSERT_THAT(store_->create(member({}, "gpus")), Succeeds());
  EXPECT_THAT(store_->create(member({}, "gpus")), FailsWith(Code::conflict));
  EXPECT_THAT(store_->create(member({}, "cpus")), Succeeds());
  EXPECT_THAT(store_->create(member(home->id, "gpus")), Succeeds());
  PoolMemberRecord stranger = member({}, "gpus");
  stranger.tenant = {ids_.next()};
  EXPECT_THAT(store_->create(stranger), FailsWith(Code::not_found));
  ASSERT_THAT(store_->remove(home->id, 1), Succeeds());
  EXPECT_EQ(load().pool_members.size(), 2U);
  ASSERT_THAT(store_->remove(owner->id, 1), Succeeds());
  EXPECT_EQ(load().pool_members.size(), 0U);
}

TEST_P(ControlStoreSuite, KeepsEveryFieldOfAnArtifactAndItsTestRuns) {
  const auto owner = store_->create(tenant("aurora"));
  ArtifactRecord wanted{.id = {ids_.next()}, .name = *catalog::ArtifactName::parse("tiny@1.0")};
  wanted.release = {.stage = catalog::ArtifactStage::deprecated,
                    .for_all_tenants = false,
                    .tenants = {owner->id},
                    .retires_at = WallTime(std::chrono::hours(7))};
  wanted.format = "gguf";
  wanted.digest = sha256("file");
  wanted.bytes = 4;
  wanted.architecture = "llama";
  wanted.quantisation = "Q8_0";
  wanted.parameters = 7;
  wanted.context_tokens = 2048;
  wanted.licence = "mit";
  wanted.origin = "made here";
  wanted.owner = "ann";
  wanted.labels = {{"team", "a"}};
  const auto created = store_->create(wanted);
  ASSERT_THAT(created, Succeeds());
  ArtifactRecord twin = wanted;
  twin.id = {ids_.next()};
  EXPECT_THAT(store_->create(twin), FailsWith(Code::conflict));
  for (std::size_t i = 0; i <= TestRunRecord::kPerArtifactMax; ++i) {
    const TestRunRecord run{.id = {ids_.next()},
                            .artifact = wanted.id,
                            .set = "set " + std::to_string(i),
                            .model = "m",
                            .passed = 1,
                            .failed = 2,
                            .results = "[]"};
    ASSERT_THAT(store_->create(run), Succeeds());
  }
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.artifacts.size(), 1U);
  const ArtifactRecord& kept = data.artifacts[0];
  EXPECT_EQ(kept.name, wanted.name);
  EXPECT_EQ(kept.release.stage, wanted.release.stage);
  EXPECT_EQ(kept.release.for_all_tenants, wanted.release.for_all_tenants);
  EXPECT_EQ(kept.release.tenants, wanted.release.tenants);
  EXPECT_EQ(kept.release.retires_at, wanted.release.retires_at);
  EXPECT_EQ(kept.format, wanted.format);
  EXPECT_EQ(kept.digest, wanted.digest);
  EXPECT_EQ(kept.bytes, wanted.bytes);
  EXPECT_EQ(kept.architecture, wanted.architecture);
  EXPECT_EQ(kept.quantisation, wanted.quantisation);
  EXPECT_EQ(kept.parameters, wanted.parameters);
  EXPECT_EQ(kept.context_tokens, wanted.context_tokens);
  EXPECT_EQ(kept.licence, wanted.licence);
  EXPECT_EQ(kept.origin, wanted.origin);
  EXPECT_EQ(kept.owner, wanted.owner);
  EXPECT_EQ(kept.labels, wanted.labels);
  expect_same(kept.meta, created->meta);
  const auto runs = store_->test_runs(wanted.id);
  ASSERT_THAT(runs, Succeeds());
  ASSERT_EQ(runs->size(), TestRunRecord::kPerArtifactMax)
      << "one too many took the oldest one's place";
  EXPECT_EQ(runs->front().set, "set 1");
  EXPECT_EQ(runs->back().failed, 2);
  EXPECT_FALSE(runs->back().is_good());
  ASSERT_THAT(store_->remove(wanted.id, 1), Succeeds());
  EXPECT_TRUE(store_->test_runs(wanted.id)->empty());
}

TEST_P(ControlStoreSuite, ANameIsTakenWhileItsOwnerLives) {
  const auto first = store_->create(tenant("aurora"));
  ASSERT_THAT(first, Succeeds());
  EXPECT_THAT(store_->create(tenant("aurora")), FailsWith(Code::conflict));
  const auto other = store_->create(tenant("borealis"));
  tenancy::Tenant renamed = *other;
  renamed.slug = first->slug;
  EXPECT_THAT(store_->update(renamed), FailsWith(Code::conflict));
  ASSERT_THAT(store_->remove(first->id, first->meta.revision), Succeeds());
  EXPECT_THAT(store_->update(renamed), Succeeds());
}

TEST_P(ControlStoreSuite, ProjectNamesAreTheirTenantsOwn) {
  const auto a = store_->create(tenant("aurora"));
  const auto b = store_->create(tenant("borealis"));
  EXPECT_THAT(store_->create(project(a->id, "default")), Succeeds());
  EXPECT_THAT(store_->create(project(b->id, "default")), Succeeds());
  EXPECT_THAT(store_->create(project(a->id, "default")), FailsWith(Code::conflict));
}

TEST_P(ControlStoreSuite, ModelAndEngineNamesAndKeyIdsAreUnique) {
  ASSERT_THAT(store_->create(model("tiny")), Succeeds());
  EXPECT_THAT(store_->create(model("tiny")), FailsWith(Code::conflict));
  EXPECT_THAT(store_->create(model("Tiny")), Succeeds());
  ASSERT_THAT(store_->create(EngineRecord{.id = {ids_.next()}, .name = "gpu"}), Succeeds());
  EXPECT_THAT(store_->create(EngineRecord{.id = {ids_.next()}, .name = "gpu"}),
              FailsWith(Code::conflict));
  const auto owner = store_->create(tenant("aurora"));
  const auto home = store_->create(project(owner->id, "default"));
  ASSERT_THAT(store_->create(key(*home, "abcdefghijkl")), Succeeds());
  EXPECT_THAT(store_->create(key(*home, "abcdefghijkl")), FailsWith(Code::conflict));
}

TEST_P(ControlStoreSuite, ARemovedTenantsIdNeverReturns) {
  const auto created = store_->create(tenant("aurora"));
  ASSERT_THAT(store_->remove(created->id, 1), Succeeds());
  EXPECT_THAT(store_->create(*created), FailsWith(Code::conflict));
  reopen();
  EXPECT_THAT(store_->create(*created), FailsWith(Code::conflict));
  EXPECT_THAT(store_->create(tenant("aurora")), Succeeds());
}

TEST_P(ControlStoreSuite, TheNameOfARemovedTenantLeadsToItsId) {
  const auto first = store_->create(tenant("aurora"));
  EXPECT_EQ(*store_->removed_tenant("aurora"), std::nullopt) << "it lives";
  EXPECT_THAT(store_->remove(first->id, 7), FailsWith(Code::precondition_failed));
  EXPECT_EQ(*store_->removed_tenant("aurora"), std::nullopt) << "it lives still";
  ASSERT_THAT(store_->remove(first->id, 1), Succeeds());
  EXPECT_EQ(*store_->removed_tenant("aurora"), first->id);
  const auto second = store_->create(tenant("aurora"));
  ASSERT_THAT(store_->remove(second->id, 1), Succeeds());
  reopen();
  EXPECT_EQ(*store_->removed_tenant("aurora"), second->id) << "the last one";
  EXPECT_EQ(*store_->removed_tenant("borealis"), std::nullopt);
}

TEST_P(ControlStoreSuite, RemovingATenantTakesItsProjectsAndKeysAndNothingElse) {
  const auto a = store_->create(tenant("aurora"));
  const auto b = store_->create(tenant("borealis"));
  const auto pa = store_->create(project(a->id, "default"));
  const auto pb = store_->create(project(b->id, "default"));
  ASSERT_THAT(store_->create(key(*pa, "aaaaaaaaaaaa")), Succeeds());
  ASSERT_THAT(store_->create(key(*pb, "bbbbbbbbbbbb")), Succeeds());
  ASSERT_THAT(store_->remove(a->id, 1), Succeeds());
  const ControlData data = load();
  ASSERT_EQ(data.tenants.size(), 1U);
  EXPECT_EQ(data.tenants[0].id, b->id);
  ASSERT_EQ(data.projects.size(), 1U);
  EXPECT_EQ(data.projects[0].id, pb->id);
  ASSERT_EQ(data.keys.size(), 1U);
  EXPECT_EQ(data.keys[0].id.text(), "bbbbbbbbbbbb");
}

TEST_P(ControlStoreSuite, LabelsOfAKeyChangeAndGoWithIt) {
  const auto owner = store_->create(tenant("aurora"));
  const auto home = store_->create(project(owner->id, "default"));
  tenancy::Key wanted = key(*home, "abcdefghijkl");
  wanted.labels = {{"tier", "gold"}};
  const auto made = store_->create(wanted);
  ASSERT_THAT(made, Succeeds());
  EXPECT_EQ(made->labels, wanted.labels);
  wanted = load().keys.at(0);
  wanted.labels = {{"tier", "silver"}};
  ASSERT_THAT(store_->update(wanted), Succeeds());
  wanted = load().keys.at(0);
  EXPECT_EQ(wanted.labels.at("tier"), "silver");
  ASSERT_THAT(store_->remove(wanted.id, wanted.meta.revision), Succeeds());
  wanted.labels.clear();
  ASSERT_THAT(store_->create(wanted), Succeeds());
  EXPECT_TRUE(load().keys.at(0).labels.empty()) << "those of the key before";
}

TEST_P(ControlStoreSuite, RefusesWhatBelongsToNobody) {
  EXPECT_THAT(store_->create(project({ids_.next()}, "default")), FailsWith(Code::not_found));
  const auto a = store_->create(tenant("aurora"));
  const auto b = store_->create(tenant("borealis"));
  tenancy::Key crossed = key(*store_->create(project(a->id, "default")), "abcdefghijkl");
  crossed.tenant = b->id;
  EXPECT_THAT(store_->create(crossed), FailsWith(Code::not_found)) << "a project of another tenant";
  EXPECT_THAT(store_->create(limit({.tenant = {ids_.next()}})), FailsWith(Code::not_found));
  EXPECT_THAT(store_->create(limit(
                  {.scope = limits::Scope::project, .tenant = b->id, .project = crossed.project})),
              FailsWith(Code::not_found))
      << "a project of another tenant";
  EXPECT_THAT(
      store_->create(limit(
          {.scope = limits::Scope::key, .tenant = a->id, .key = *KeyId::parse("nosuchnosuch")})),
      FailsWith(Code::not_found));
}

TEST_P(ControlStoreSuite, WhereTheFileDeclaresAnObjectIsNoChangeOfIt) {
  const auto made = store_->create(tenant("aurora"));
  ASSERT_THAT(made, Succeeds());
  const std::int64_t version = load().version;
  clock_.advance(std::chrono::seconds(5));
  tenancy::Tenant moved = *made;
  moved.display_name = "nothing else is written";
  moved.meta.ownership.source = "sovmesh.yaml:90:5";
  ASSERT_THAT(store_->note_source(moved), Succeeds());
  reopen();
  const tenancy::Tenant now = load().tenants[0];
  EXPECT_EQ(now.meta.ownership.source, "sovmesh.yaml:90:5");
  EXPECT_EQ(now.meta.revision, 1);
  EXPECT_EQ(now.meta.updated_at, made->meta.updated_at);
  EXPECT_EQ(now.display_name, made->display_name);
  EXPECT_GT(load().version, version);
  ASSERT_THAT(store_->remove(made->id, 1), Succeeds());
  EXPECT_THAT(store_->note_source(moved), FailsWith(Code::not_found));
}

TEST_P(ControlStoreSuite, UpdatesNeedTheRevisionTheCallerSaw) {
  auto seen = store_->create(tenant("aurora"));
  ASSERT_THAT(seen, Succeeds());
  clock_.advance(std::chrono::seconds(5));
  tenancy::Tenant wanted = *seen;
  wanted.display_name = "changed";
  wanted.meta.created_at = {};  // not the caller's to change
  const auto updated = store_->update(wanted);
  ASSERT_THAT(updated, Succeeds());
  EXPECT_EQ(updated->meta.revision, 2);
  EXPECT_EQ(updated->meta.created_at, seen->meta.created_at);
  EXPECT_EQ(updated->meta.updated_at, clock_.wall_now());
  EXPECT_THAT(store_->update(*seen), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->remove(seen->id, 1), FailsWith(Code::precondition_failed));
  EXPECT_EQ(load().tenants[0].display_name, "changed");
  EXPECT_EQ(load().tenants[0].meta.created_at, seen->meta.created_at);
  EXPECT_THAT(store_->remove(seen->id, 2), Succeeds());
  EXPECT_THAT(store_->update(*updated), FailsWith(Code::not_found));
  EXPECT_THAT(store_->remove(seen->id, 2), FailsWith(Code::not_found));
}

TEST_P(ControlStoreSuite, EveryKindIsUpdatedAndRemovedByRevision) {
  const auto owner = store_->create(tenant("aurora"));
  auto home = store_->create(project(owner->id, "default"));
  auto secret = store_->create(key(*home, "abcdefghijkl"));
  auto tiny = store_->create(model("tiny"));
  auto gpu = store_->create(EngineRecord{.id = {ids_.next()}, .name = "gpu"});
  auto budget = store_->create(limit({.tenant = owner->id}));
  budget->amount = 2'000;
  home->display_name = "p";
  secret->revoked_at = clock_.wall_now();
  tiny->chat = false;
  gpu->url = "http://x";
  EXPECT_THAT(store_->update(*home), Succeeds());
  EXPECT_THAT(store_->update(*secret), Succeeds());
  EXPECT_THAT(store_->update(*tiny), Succeeds());
  EXPECT_THAT(store_->update(*gpu), Succeeds());
  EXPECT_THAT(store_->update(*budget), Succeeds());
  EXPECT_THAT(store_->update(*budget), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->update(*home), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->update(*secret), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->update(*tiny), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->update(*gpu), FailsWith(Code::precondition_failed));
  const ControlData data = load();
  EXPECT_EQ(data.projects[0].display_name, "p");
  EXPECT_EQ(data.keys[0].revoked_at, clock_.wall_now());
  EXPECT_FALSE(data.models[0].chat);
  EXPECT_EQ(data.engines[0].url, "http://x");
  EXPECT_EQ(data.limits[0].amount, 2'000);
  EXPECT_THAT(store_->remove(budget->id, 1), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->remove(budget->id, 2), Succeeds());
  EXPECT_THAT(store_->remove(budget->id, 2), FailsWith(Code::not_found));
  EXPECT_THAT(store_->remove(secret->id, 1), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->remove(secret->id, 2), Succeeds());
  EXPECT_THAT(store_->remove(home->id, 2), Succeeds());
  EXPECT_THAT(store_->remove(tiny->id, 2), Succeeds());
  EXPECT_THAT(store_->remove(gpu->id, 2), Succeeds());
  EXPECT_THAT(store_->remove(gpu->id, 2), FailsWith(Code::not_found));
}

TEST_P(ControlStoreSuite, TheVersionGrowsWithEveryWriteAndNothingElse) {
  const auto before = load().version;
  const auto created = store_->create(tenant("aurora"));
  const auto after = load().version;
  EXPECT_GT(after, before);
  EXPECT_THAT(store_->create(tenant("aurora")), FailsWith(Code::conflict));
  EXPECT_EQ(load().version, after);
  ASSERT_THAT(store_->remove(created->id, 1), Succeeds());
  EXPECT_GT(load().version, after);
  const auto last = load().version;
  reopen();
  EXPECT_EQ(load().version, last);
}

TEST_P(ControlStoreSuite, ValuesAreBytes) {
  const std::string bytes("\0\xff'; DROP TABLE tenant; --", 27);
  EXPECT_THAT(store_->get_value("pepper"), HasValue(std::nullopt));
  ASSERT_THAT(store_->put_value("pepper", "first"), Succeeds());
  ASSERT_THAT(store_->put_value("pepper", bytes), Succeeds());
  ASSERT_THAT(store_->put_value("empty", ""), Succeeds());
  reopen();
  EXPECT_THAT(store_->get_value("pepper"), HasValue(std::optional(bytes)));
  EXPECT_THAT(store_->get_value("empty"), HasValue(std::optional(std::string())));
  ASSERT_THAT(store_->remove_value("pepper"), Succeeds());
  EXPECT_THAT(store_->remove_value("pepper"), Succeeds());
  EXPECT_THAT(store_->get_value("pepper"), HasValue(std::nullopt));
}

TEST_P(ControlStoreSuite, WritesThatBelongTogetherAreAllMadeOrNone) {
  const auto refused = [](ControlStore&) -> Result<void> {
    return our_error(Code::dependency_unavailable, "no");
  };
  const auto work = [&](ControlStore& store, const std::string& slug) -> Result<void> {
    TRY(const auto made, store.create(tenant(slug)));
    TRY_VOID(store.create(project(made.id, "default")));
    // What fails within leaves the rest as it was, and can be gone on from.
    EXPECT_THAT(store.create(tenant(slug)), FailsWith(Code::conflict));
    EXPECT_THAT(store.remove(made.id, 99), FailsWith(Code::precondition_failed));
    EXPECT_EQ(store.load()->tenants.size(), 1U) << "it sees its own writes";
    return store.put_value("made", slug);
  };
  EXPECT_THAT(store_->atomically([&](ControlStore& store) -> Result<void> {
    TRY_VOID(work(store, "aurora"));
    return refused(store);
  }),
              FailsWith(Code::dependency_unavailable));
  EXPECT_TRUE(load().tenants.empty());
  EXPECT_THAT(store_->get_value("made"), HasValue(std::nullopt));
  ASSERT_THAT(store_->atomically([&](ControlStore& store) { return work(store, "borealis"); }),
              Succeeds());
  reopen();
  EXPECT_EQ(load().tenants.size(), 1U);
  EXPECT_EQ(load().projects.size(), 1U);
  EXPECT_THAT(store_->get_value("made"), HasValue(std::optional<std::string>("borealis")));
}

TEST_P(ControlStoreSuite, TextIsNeverSql) {
  const std::string nasty = "x'); DROP TABLE tenant; --\"\\%_";
  tenancy::Tenant wanted = tenant("aurora");
  wanted.display_name = nasty;
  wanted.hosts = {nasty};
  wanted.meta.ownership.source = nasty;
  ASSERT_THAT(store_->create(wanted), Succeeds());
  ASSERT_THAT(store_->put_value(nasty, nasty), Succeeds());
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.tenants.size(), 1U);
  EXPECT_EQ(data.tenants[0].display_name, nasty);
  EXPECT_EQ(data.tenants[0].hosts, std::vector{nasty});
  EXPECT_EQ(data.tenants[0].meta.ownership.source, nasty);
  EXPECT_THAT(store_->get_value(nasty), HasValue(std::optional(nasty)));
}

}  // namespace sovmesh::store
