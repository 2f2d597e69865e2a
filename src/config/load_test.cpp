#include "config/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "config/values.h"

namespace sovmesh::config {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kGood = R"(server:
  listen: ["127.0.0.1:0"]
  workers: 2
  drain_time: 5m
engines:
  - name: local
    kind: managed
    model_file: /models/m.gguf
    adapter_files: [/models/a.gguf]
  - name: far
    kind: remote
    dialect: vllm
    url: https://engine.example/v1
    api_key: env:FAR_KEY
models:
  - name: small
    engine: local
    commit_after: never
  - name: pirate
    engine: local
    adapter: 0
    tenants: [aurora]
  - name: large
    engine: far
    engine_model: meta/Large
tenants:
  - name: aurora
    hosts: [aurora.example]
    keys:
      - name: app
        secret: env:AURORA_KEY
)";

class LoadTest : public testing::Test {
 protected:
  Loaded load(std::string_view yaml) {
    return load_text(yaml, [this](std::string_view name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      if (it == environment_.end()) return std::nullopt;
      return it->second;
    });
  }
  // The findings of a text that must be refused.
  std::string refusal(std::string_view yaml) {
    const Loaded loaded = load(yaml);
    EXPECT_FALSE(loaded.config);
    return to_text(loaded.findings);
  }
  std::map<std::string, std::string, std::less<>> environment_{{"FAR_KEY", "far secret"},
                                                               {"AURORA_KEY", "sm-key"}};
};

TEST_F(LoadTest, ReadsWhatIsWritten) {
  const Loaded loaded = load(kGood);
  ASSERT_TRUE(loaded.config) << to_text(loaded.findings);
  const Config& config = *loaded.config;
  EXPECT_EQ(config.server.workers, 2);
  EXPECT_EQ(config.server.drain_time, 5min);
  EXPECT_TRUE(config.engines[0].managed);
  EXPECT_EQ(config.engines[1].api_key.reveal(), "far secret");
  EXPECT_EQ(config.models[0].commit_after, std::nullopt);
  EXPECT_EQ(config.models[1].adapter, 0);
  EXPECT_EQ(config.models[2].engine_model, "meta/Large");
  EXPECT_EQ(config.tenants[0].keys[0].secret.reveal(), "sm-key");
  EXPECT_EQ(config.tenants[0].position.text(), "config.yaml:27:5");
}

TEST_F(LoadTest, AnUnknownSettingIsAnErrorWithPlaceAndHint) {
  EXPECT_EQ(
      refusal("server:\n  listen: [\"127.0.0.1:0\"]\n  wrokers: 2\n"),
      "config.yaml:3:3: error: unknown setting 'wrokers' in server; did you mean 'workers'?\n");
}

TEST_F(LoadTest, WhoLooksForAPlaceInARouteIsToldHowToNameOne) {
  for (const char* route : {"versions: [{model: a}], fallbacks: [{model: b, site: north}]",
                            "versions: [{model: a}], fallbacks: [{engine: gpu-2}]",
                            "versions: [{model: a, region: se}]"})
    EXPECT_THAT(refusal(std::string("routes: [{name: r, ") + route + "}]\n"),
                HasSubstr("give each engine or site a model of its own"))
        << route;
}

TEST_F(LoadTest, ReportsEveryFinding) {
  const std::string text =
      refusal("server:\n  workers: many\n  tls: 3\n  drain_time: 5\nlgo: {}\n");
  EXPECT_THAT(text, HasSubstr("config.yaml:2:12: error: workers: want a whole number, not 'many'"));
  EXPECT_THAT(text, HasSubstr("config.yaml:3:8: error: tls: want a mapping"));
  EXPECT_THAT(text, HasSubstr("config.yaml:4:15: error: drain_time: want a duration"));
  EXPECT_THAT(text, HasSubstr("config.yaml:5:1: error: unknown setting 'lgo' in the file"));
}

TEST_F(LoadTest, DuplicateSettingsAreErrors) {
  EXPECT_THAT(refusal("log:\n  path: a\n  path: b\n"),
              HasSubstr("config.yaml:3:3: error: 'path' stands twice in log (first in line 2)"));
}

TEST_F(LoadTest, ValuesOutOfBoundsAreErrors) {
  EXPECT_THAT(refusal("server: {workers: 257}\n"), HasSubstr("from 0 to 256, not 257"));
  EXPECT_THAT(refusal("log: {level: loud}\n"),
              HasSubstr("is not one of debug, info, warning, error"));
}

TEST_F(LoadTest, SecretsNeverStandInClear) {
  const std::string text =
      refusal("engines:\n  - {name: e, kind: remote, url: \"http://e/v1\", api_key: hunter2}\n");
  EXPECT_THAT(text, HasSubstr("write file:PATH or env:NAME"));
  EXPECT_THAT(text, testing::Not(HasSubstr("hunter2")));
}

TEST_F(LoadTest, InterpolatesPlainValues) {
  environment_["PORT"] = "7000";
  const Loaded loaded =
      load("server:\n  listen: [\"127.0.0.1:${PORT}\"]\n  workers: ${WORKERS:-3}\n");
  ASSERT_TRUE(loaded.config) << to_text(loaded.findings);
  EXPECT_EQ(loaded.config->server.listen[0], "127.0.0.1:7000");
  EXPECT_EQ(loaded.config->server.workers, 3);
  EXPECT_THAT(refusal("log: {path: \"${NOWHERE}\"}\n"), HasSubstr("'NOWHERE' is not set"));
}

TEST_F(LoadTest, ReferencesMustExist) {
  EXPECT_THAT(refusal("models:\n  - {name: m, engine: nothing}\n"),
              HasSubstr("config.yaml:2:5: error: model 'm' names the engine 'nothing'"));
}

TEST_F(LoadTest, ASettingWithoutEffectIsAnError) {
  EXPECT_THAT(refusal("engines:\n  - {name: e, kind: remote, url: \"http://e/v1\", threads: 2}\n"),
              HasSubstr("'threads' has no effect: the engine is remote"));
  EXPECT_THAT(
      refusal("engines:\n  - {name: e, kind: managed, model_file: /m, url: \"http://e\"}\n"),
      HasSubstr("'url' has no effect: the engine is managed"));
}

TEST_F(LoadTest, ASettingWithoutEffectIsAnErrorWithItsDefaultValueToo) {
  const std::string text = refusal(
      "engines:\n"
      "  - name: far\n"
      "    kind: remote\n"
      "    url: https://e.example/v1\n"
      "    embeddings: true\n"
      "    sandbox: true\n"
      "    threads: 1\n"
      "  - name: near\n"
      "    kind: managed\n"
      "    model_file: /m\n"
      "    dialect: openai\n"
      "    discover_models: false\n");
  for (const char* finding : {"config.yaml:5:5: error: 'embeddings' has no effect: the engine is r",
                              "config.yaml:6:5: error: 'sandbox' has no effect: the engine is rem",
                              "config.yaml:7:5: error: 'threads' has no effect: the engine is rem",
                              "config.yaml:11:5: error: 'dialect' has no effect: the engine is m",
                              "config.yaml:12:5: error: 'discover_models' has no effect: the eng"})
    EXPECT_THAT(text, HasSubstr(finding));
}

TEST_F(LoadTest, ABoundBehindAnotherOneIsAnError) {
  const auto model = [](std::string_view settings) {
    return "engines:\n  - {name: e, kind: remote, url: \"http://e/v1\"}\n"
           "models:\n  - name: m\n    engine: e\n" +
           std::string(settings);
  };
  for (const char* setting : {"first_token_timeout", "stall_timeout", "commit_after"}) {
    EXPECT_THAT(
        refusal(model("    total_timeout: 10s\n    " + std::string(setting) + ": 11s\n")),
        HasSubstr(fmt::format("config.yaml:7:5: error: '{}' has no effect: it is longer than "
                              "'total_timeout'",
                              setting)));
  }
  // Who shortens the whole need not repeat the parts.
  EXPECT_TRUE(load(model("    total_timeout: 1s\n")).config);
  EXPECT_TRUE(load(model("    total_timeout: 9s\n    commit_after: never\n")).config);
  EXPECT_THAT(refusal(model("    output_tokens_max: 101\n    context_tokens: 100\n")),
              HasSubstr("config.yaml:6:5: error: 'output_tokens_max' has no effect: it is larger "
                        "than 'context_tokens'"));
  EXPECT_TRUE(load(model("    output_tokens_max: 101\n")).config);
}

TEST_F(LoadTest, LabelsOfAKeyAreBounded) {
  const std::string key =
      "tenants:\n  - name: aurora\n    keys:\n      - name: app\n        secret: env:AURORA_KEY\n";
  const Loaded good = load(key + "        labels: {tier: gold, team: 7}\n");
  ASSERT_TRUE(good.config) << to_text(good.findings);
  const auto& labels = good.config->tenants[0].keys[0].labels;
  EXPECT_EQ(labels, (std::map<std::string, std::string>{{"team", "7"}, {"tier", "gold"}}));
  std::string many = "        labels: {a: 1";
  for (int i = 0; i < 16; ++i)
    many += ", b" + std::to_string(i) + ": 1";
  for (const auto& [text, message] : std::map<std::string, std::string>{
           {"        labels: {Tier: gold}\n", "6:9: error: label 'Tier': want a name of 1 to 64"},
           {"        labels: {tier: ''}\n", "6:9: error: label 'tier': want a value of 1 to 64"},
           {"        labels: {a: x, a: y}\n", "6:24: error: labels: 'a' stands twice"},
           {"        labels: [gold]\n", "6:17: error: labels: want a mapping"},
           {many + "}\n", "6:9: error: key 'app' has 17 labels: want at most 16"}}) {
    const Loaded bad = load(key + text);
    EXPECT_FALSE(bad.config) << text;
    EXPECT_THAT(to_text(bad.findings), HasSubstr("config.yaml:" + message)) << text;
  }
}

TEST_F(LoadTest, AKeysHighestClassIsOneOfThree) {
  const std::string key =
      "tenants:\n  - name: aurora\n    keys:\n      - name: app\n        secret: env:AURORA_KEY\n";
  const Loaded good = load(key + "        max_priority: batch\n");
  ASSERT_TRUE(good.config) << to_text(good.findings);
  EXPECT_EQ(good.config->tenants[0].keys[0].max_priority, "batch");
  const Loaded bad = load(key + "        max_priority: urgent\n");
  EXPECT_FALSE(bad.config);
  EXPECT_NE(to_text(bad.findings)
                .find("config.yaml:6:9: error: max_priority: want interactive, "
                      "agent or batch, not 'urgent'"),
            std::string::npos)
      << to_text(bad.findings);
}

TEST_F(LoadTest, AKeyThatCanDoNothingIsAWarning) {
  const std::string engine = "engines:\n  - {name: e, kind: remote, url: \"http://e/v1\"";
  const std::string models = "models:\n  - {name: here, engine: e}\n";
  const std::string key =
      "tenants:\n  - name: aurora\n    keys:\n      - name: app\n        secret: env:AURORA_KEY\n";
  const auto warnings = [&](const std::string& yaml) {
    const Loaded loaded = load(yaml);
    EXPECT_TRUE(loaded.config) << to_text(loaded.findings);
    return to_text(loaded.findings);
  };
  EXPECT_EQ(warnings(engine + "}\n" + models + key + "        scopes: []\n"),
            "config.yaml:10:9: warning: key 'app' may do nothing: its scopes are empty\n");
  EXPECT_EQ(warnings(engine + "}\n" + models + key + "        models: [here, away]\n"),
            "config.yaml:10:9: warning: key 'app' names the model 'away', which this configuration "
            "does not declare\n");
  EXPECT_EQ(warnings(engine + ", discover_models: true}\n" + models + key +
                     "        models: [here, away]\n"),
            "");
}

TEST_F(LoadTest, AKeyThatHasExpiredIsAWarning) {
  const Loaded loaded = load(
      "tenants:\n  - name: aurora\n    keys:\n      - name: app\n        secret: env:AURORA_KEY\n"
      "        expires_at: 2027-01-31T00:00:00Z\n");
  ASSERT_TRUE(loaded.config) << to_text(loaded.findings);
  EXPECT_TRUE(loaded.findings.empty());
  const WallTime end = std::chrono::sys_days{2027y / 1 / 31};
  EXPECT_TRUE(check_dates(*loaded.config, end - 1s).empty());
  EXPECT_EQ(to_text(check_dates(*loaded.config, end)),
            "config.yaml:6:9: warning: key 'app' of 'aurora' has expired: it opens nothing\n");
}

TEST_F(LoadTest, AModelsContextMustFitItsManagedEngine) {
  EXPECT_TRUE(load("engines:\n  - {name: e, kind: remote, url: \"http://e/v1\"}\n"
                   "models:\n  - {name: m, engine: e, context_tokens: 4096}\n")
                  .config);
  EXPECT_THAT(
      refusal("engines:\n  - {name: e, kind: managed, model_file: /m, context_tokens: 512}\n"
              "models:\n  - {name: m, engine: e, context_tokens: 513}\n"),
      HasSubstr("config.yaml:4:26: error: 'context_tokens' has no effect: the engine has 512"));
}

TEST_F(LoadTest, NamesUsedTwiceAreErrors) {
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n  - name: aurora\n"),
              HasSubstr("config.yaml:3:5: error: tenant 'aurora' stands twice; first at "
                        "config.yaml:2:5"));
}

TEST_F(LoadTest, AFileThatSaysNothingIsAnError) {
  for (const char* empty : {"", "# all of it is a comment\n", "---\n", "{}", "---\n...\n", "~"})
    EXPECT_THAT(refusal(empty), HasSubstr("config.yaml:1:1: error: the file is empty")) << empty;
}

TEST_F(LoadTest, ADrainTakesASecondAtLeast) {
  EXPECT_TRUE(load("server: {drain_time: 1s}\n").config);
  for (const char* less : {"0s", "999ms"}) {
    EXPECT_THAT(refusal("server: {drain_time: " + std::string(less) + "}\n"),
                HasSubstr("drain_time: want at least 1s, not "));
  }
}

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "load_test.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }
  static std::string findings(const std::string& path) {
    const Loaded loaded = config::load(path, [](std::string_view) { return std::nullopt; }, {});
    EXPECT_FALSE(loaded.config);
    return to_text(loaded.findings);
  }
  std::filesystem::path folder_;
};

TEST_F(FolderTest, AFolderIsNoConfiguration) {
  EXPECT_THAT(findings(folder_), HasSubstr("it is not a regular file"));
  EXPECT_THAT(findings("/dev/null"), HasSubstr("it is not a regular file"));
  EXPECT_THAT(findings(folder_ / "nothing"), HasSubstr("cannot read"));
}

TEST_F(FolderTest, AnEmptyIncludeIsAnErrorOfItsOwn) {
  std::ofstream(folder_ / "sovmesh.yaml") << "include: [tenants.yaml]\nlog: {level: info}\n";
  std::ofstream(folder_ / "tenants.yaml") << "\n";
  EXPECT_THAT(findings(folder_ / "sovmesh.yaml"),
              HasSubstr("tenants.yaml:1:1: error: the file is empty"));
}

TEST_F(LoadTest, BrokenYamlSaysWhere) {
  EXPECT_THAT(refusal("server: [\n"), HasSubstr("error: not valid YAML"));
}

TEST(CheckOrigin, WantsWhatBrowsersSend) {
  for (const char* good : {"https://app.example", "http://127.0.0.1:3000", "http://[::1]:8080",
                           "https://app.example:8443"})
    EXPECT_TRUE(check_origin(good)) << good;
  for (const char* bad : {"", "*", "null", "app.example", "https://", "https://app.example/",
                          "https://*.example", "https://App.example", "https://app.example:443",
                          "http://app.example:80", "https://app.example\r\nx: y", "ftp://x"})
    EXPECT_FALSE(check_origin(bad)) << bad;
}

TEST_F(LoadTest, OriginsThatNeverMatchAreErrors) {
  EXPECT_TRUE(load("server:\n  cors_origins: [\"https://app.example\"]\n").config);
  EXPECT_THAT(refusal("server:\n  cors_origins: [\"*\"]\n"), HasSubstr("cors_origins: '*': want"));
}

TEST_F(LoadTest, WhatNeedsARestartIsTold) {
  const auto parts = [this](std::string_view yaml) {
    const Loaded loaded = load(yaml);
    EXPECT_TRUE(loaded.config) << to_text(loaded.findings);
    return fixed_parts(loaded.config.value_or(Config{}));
  };
  const auto before = parts(kGood);
  EXPECT_EQ(parts("# moved\n" + std::string(kGood) + "  - name: borealis\n"), before);
  const auto changed = [&](std::string_view what, std::string_view with) {
    std::string yaml = kGood;
    yaml.replace(yaml.find(what), what.size(), with);
    std::string names;
    for (const auto& [name, digest] : parts(yaml))
      if (digest != before.at(name)) names += name + " ";
    return names;
  };
  EXPECT_EQ(changed("workers: 2", "workers: 3"), "server ");
  EXPECT_EQ(changed("engine.example", "other.example"), "engines ");
  EXPECT_EQ(changed("drain_time: 5m", "drain_time: 300s"), "");
  environment_["FAR_KEY"] = "another";
  EXPECT_EQ(changed("workers: 2", "workers: 2"), "engines ");
}

TEST(FromEnvironment, MakesAGatewayToOneEngine) {
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "OPENAI_BASE_URL") return "http://127.0.0.1:9/v1";
    if (name == "OPENAI_API_KEY") return "k";
    if (name == "SM_SERVER_WORKERS") return "3";
    return std::nullopt;
  };
  const Loaded loaded = from_environment(environment, {"SM_SERVER_WORKERS"});
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->engines[0].url, "http://127.0.0.1:9/v1");
  EXPECT_TRUE(loaded.config->engines[0].discover_models);
  EXPECT_EQ(loaded.config->tenants[0].name, "default");
  EXPECT_EQ(loaded.config->server.workers, 3);
}

TEST(FromEnvironment, AnEmptyUrlIsNone) {
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "OPENAI_BASE_URL") return "";
    return std::nullopt;
  };
  EXPECT_FALSE(from_environment(environment, {}).config);
}

TEST_F(LoadTest, ARemoteEngineMayDiscoverItsModels) {
  const char* yaml =
      "engines:\n  - name: far\n    kind: remote\n    url: http://127.0.0.1:9/v1\n"
      "    discover_models: true\n";
  EXPECT_TRUE(load(yaml).config);
  EXPECT_THAT(refusal("engines:\n  - name: near\n    kind: managed\n    model_file: /m.gguf\n"
                      "    discover_models: true\n"),
              HasSubstr("'discover_models' has no effect"));
}

TEST_F(LoadTest, ARemoteEnginesLoadIsReadUnlessItSaysOtherwise) {
  const std::string engine =
      "engines:\n  - name: far\n    kind: remote\n    url: http://127.0.0.1:9/v1\n";
  EXPECT_TRUE(load(engine + "    dialect: vllm\n").config->engines[0].read_load);
  EXPECT_FALSE(
      load(engine + "    dialect: vllm\n    read_load: false\n").config->engines[0].read_load);
  EXPECT_THAT(refusal(engine + "    read_load: false\n"),
              HasSubstr("config.yaml:5:5: error: 'read_load' has no effect: this dialect has no"));
  EXPECT_THAT(refusal("engines:\n  - name: near\n    kind: managed\n    model_file: /m.gguf\n"
                      "    read_load: true\n"),
              HasSubstr("'read_load' has no effect: the engine is managed"));
}

TEST_F(LoadTest, WhatCannotWorkIsRefused) {
  EXPECT_THAT(refusal("server: {workers: 1}\n---\nserver: {workers: 2}\n"),
              HasSubstr(":2:1: error: a second YAML document"));
  EXPECT_THAT(refusal("server: {workers: 1}\n,x"), HasSubstr(":2:1: error: "));
  for (const char* endless : {",i", "}", "server: {workers: 1}}", "]\n"})  // for yaml-cpp
    EXPECT_THAT(refusal(endless), HasSubstr("error: ")) << endless;
  EXPECT_THAT(refusal(",i"), HasSubstr(":1:1: error: not valid YAML"));
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    display_name: \"\xff\"\n"),
              HasSubstr(":3:1: error: this line is not UTF-8"));
  EXPECT_THAT(refusal("server:\n  head_time: 0s\n"), HasSubstr("want at least 1ms, not 0s"));
  EXPECT_THAT(refusal("server:\n  hosts: [\"*\", \"a.example:80\"]\n"),
              HasSubstr("without a port, not 'a.example:80'"));
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    hosts: [A.example]\n"),
              HasSubstr(":2:5: error: want a host name in lower case"));
  environment_["PEPPER"] = "pepper";
  EXPECT_THAT(refusal("security: {pepper: env:PEPPER}\n"),
              HasSubstr("pepper: want at least 32 characters, it has 6"));
}

TEST(FromEnvironment, AVariableThatSetsNothingIsAnError) {
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "OPENAI_BASE_URL") return "http://127.0.0.1:9/v1";
    return std::nullopt;
  };
  const Loaded loaded = from_environment(environment, {"SM_SERVER_WROKERS", "SM_OTHER"});
  EXPECT_FALSE(loaded.config);
  EXPECT_EQ(to_text(loaded.findings),
            "SM_SERVER_WROKERS: error: this environment variable sets nothing; did you mean "
            "SM_SERVER_WORKERS?\n");
}

TEST(Documents, NameEverySetting) {
  EXPECT_THAT(json_schema(), HasSubstr("\"drain_time\""));
  EXPECT_THAT(reference_markdown(), HasSubstr("| `drain_time` | duration from 1s | 300s |"));
}

}  // namespace
}  // namespace sovmesh::config
