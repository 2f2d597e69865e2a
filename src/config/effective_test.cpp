#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "config/load.h"

namespace sovmesh::config {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Config loaded(std::string_view yaml) {
  Loaded out = load_text(yaml, [](std::string_view name) -> std::optional<std::string> {
    if (name == "ENGINE_KEY") return "a-secret-that-nobody-sees";
    return std::nullopt;
  });
  EXPECT_TRUE(out.config) << to_text(out.findings);
  return *out.config;
}

constexpr std::string_view kYaml = R"(
server: {listen: ["127.0.0.1:9"], drain_time: 90s}
engines:
  - {name: gpu, kind: remote, url: "http://127.0.0.1:1/v1", api_key: "env:ENGINE_KEY"}
models: [{name: small, engine: gpu, commit_after: never}]
)";

TEST(EffectiveConfig, HasEverySettingAndDefaults) {
  const json shown = json::parse(effective_json(loaded(kYaml)));
  EXPECT_EQ(shown["server"]["listen"][0], "127.0.0.1:9");
  EXPECT_EQ(shown["server"]["drain_time"], "90s");
  EXPECT_EQ(shown["server"]["admin_rate"], 100) << "a default";
  EXPECT_EQ(shown["server"]["tls"], nullptr);
  EXPECT_EQ(shown["engines"][0]["kind"], "remote");
  EXPECT_EQ(shown["models"][0]["commit_after"], "never");
  EXPECT_EQ(shown["security"]["pepper"], nullptr);
}

TEST(EffectiveConfig, ShowsWhereASecretComesFromAndNothingOfIt) {
  const std::string text = effective_json(loaded(kYaml));
  EXPECT_THAT(text, HasSubstr(R"("api_key":"env:ENGINE_KEY")"));
  EXPECT_THAT(text, Not(HasSubstr("nobody-sees")));
  Config config = loaded(kYaml);
  config.engines[0].api_key = Secret("a-secret-that-nobody-sees");
  EXPECT_THAT(effective_json(config), HasSubstr(R"("api_key":"set")"));
}

TEST(EffectiveConfig, WhatWaitsForARestartIsAsItRuns) {
  Config next = loaded(kYaml);
  next.server.drain_time = std::chrono::seconds(5);
  next.models[0].owned_by = "us";
  const Config shown = in_force(next, loaded(kYaml), {"server"});
  EXPECT_EQ(shown.server.drain_time, std::chrono::seconds(90));
  EXPECT_EQ(shown.models[0].owned_by, "us");
}

constexpr std::string_view kPools = R"(
tenants: [{name: aurora}, {name: boreal}]
engines:
  - {name: one, kind: remote, url: "http://127.0.0.1:1/v1"}
  - {name: two, kind: remote, url: "http://127.0.0.1:2/v1"}
)";

Config with_pools(std::string_view pools) {
  return loaded(std::string(kPools) + "pools:\n" + std::string(pools));
}

TEST(EffectiveConfig, PoolsThatWaitForARestartAreAsTheyRun) {
  const Config running = with_pools(
      "  - {name: gpus, engines: [one], capacity: 1, members: [{tenant: aurora, guaranteed: "
      "1}]}\n");
  const Config next = with_pools(
      "  - {name: gpus, engines: [one, two], capacity: 2, members: [{tenant: boreal, guaranteed: "
      "2}]}\n");
  const Config shown = in_force(next, running, {"pools"});
  ASSERT_EQ(shown.pools.size(), 1U);
  EXPECT_THAT(shown.pools[0].engines, testing::ElementsAre("one")) << "needs a restart";
  EXPECT_EQ(shown.pools[0].capacity->whole, 2) << "changes live";
  ASSERT_EQ(shown.pools[0].members.size(), 1U);
  EXPECT_EQ(shown.pools[0].members[0].tenant, "boreal");
}

TEST(EffectiveConfig, APoolThatIsNewInTheFileIsNotInForce) {
  const Config running = with_pools("  - {name: gpus, engines: [one]}\n");
  const Config next = with_pools("  - {name: more, engines: [two]}\n");
  const Config shown = in_force(next, running, {"pools"});
  ASSERT_EQ(shown.pools.size(), 1U);
  EXPECT_EQ(shown.pools[0].name, "gpus") << "it runs until the restart";
}

TEST(EffectiveConfig, SharesThatTheApiSetAreShown) {
  Config config = with_pools("  - {name: gpus, engines: [one], capacity: 1}\n");
  std::vector<Pool> live = config.pools;
  Member share;
  share.tenant = "boreal";
  live[0].members.push_back(share);
  use_members(config, live);
  const json shown = json::parse(effective_json(config));
  EXPECT_EQ(shown["pools"][0]["members"][0]["tenant"], "boreal");
}

}  // namespace
}  // namespace sovmesh::config
