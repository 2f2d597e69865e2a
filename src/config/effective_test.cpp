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

}  // namespace
}  // namespace sovmesh::config
