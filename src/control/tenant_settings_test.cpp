#include "control/tenant_settings.h"

#include <gmock/gmock.h>

#include "config/load.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::control {
namespace {

using tenancy::Settings;
using testing::HasSubstr;

std::string refusal(std::string_view json) {
  const auto read = parse_settings(json);
  return read ? "" : std::string(name(read.error().code())) + " " + read.error().param();
}

constexpr std::string_view kAll =
    R"({"models":["a","org/b"],"defaults":{"max_tokens":64,"temperature":0.2},)"
    R"("maximums":{"temperature":0.7,"n":2},"on_excess":"clamp",)"
    R"("system_prompts":[{"name":"house","text":"Be brief. {{date}}","models":["a"],)"
    R"("projects":null,"mode":"default"}],"disclaimer":{"text":"\n-- made by a machine"}})";

TEST(TenantSettingsJson, IsReadAndWrittenTheSame) {
  const auto read = parse_settings(kAll);
  ASSERT_THAT(read, Succeeds());
  EXPECT_EQ(settings_json(*read), kAll);
  EXPECT_EQ(read->models->size(), 2U);
  EXPECT_EQ(read->system_prompts.at(0).mode, tenancy::SystemPrompt::Mode::if_missing);
  EXPECT_EQ(value_of(read->defaults, RequestParameter::temperature), 200'000);
  EXPECT_EQ(*parse_settings("{}"), Settings{});
  EXPECT_EQ(*parse_settings(settings_json({})), Settings{});
}

TEST(TenantSettingsJson, WhatIsWrongIsNamed) {
  EXPECT_EQ(refusal("[]"), "invalid_type ");
  EXPECT_EQ(refusal(R"({"model":[]})"), "unsupported_parameter model");
  EXPECT_EQ(refusal(R"({"models":"a"})"), "invalid_type models");
  EXPECT_EQ(refusal(R"({"models":["a","a"]})"), "invalid_value models");
  EXPECT_EQ(refusal(R"({"models":["a b\n"]})"), "invalid_value models");
  EXPECT_EQ(refusal(R"({"defaults":[]})"), "invalid_type defaults");
  EXPECT_EQ(refusal(R"({"defaults":{"seed":1}})"), "unsupported_parameter defaults.seed");
  EXPECT_EQ(refusal(R"({"defaults":{"n":2}})"), "unsupported_parameter defaults.n");
  EXPECT_EQ(refusal(R"({"defaults":{"temperature":"1"}})"), "invalid_type defaults.temperature");
  EXPECT_EQ(refusal(R"({"defaults":{"temperature":0.1234567}})"),
            "invalid_value defaults.temperature");
  EXPECT_EQ(refusal(R"({"maximums":{"max_tokens":1e300}})"), "invalid_value maximums.max_tokens");
  EXPECT_EQ(refusal(R"({"on_excess":"drop"})"), "invalid_value on_excess");
  EXPECT_EQ(refusal(R"({"system_prompts":[{"text":"x"}]})"),
            "missing_required_parameter system_prompts[0].name");
  EXPECT_EQ(refusal(R"({"system_prompts":[{"name":"a","text":"{{x}}"}]})"),
            "invalid_value system_prompts[0].text");
  EXPECT_EQ(refusal(R"({"system_prompts":[{"name":"a","text":"x","mode":"append"}]})"),
            "invalid_value system_prompts[0].mode");
  EXPECT_EQ(refusal(R"({"disclaimer":{"text":""}})"), "invalid_value disclaimer.text");
  EXPECT_EQ(refusal(R"({"disclaimer":"x"})"), "invalid_type disclaimer");
}

TEST(TenantSettingsJson, AChangeMergesAndNullTakesBack) {
  const Settings all = *parse_settings(kAll);
  const auto changed = [&](std::string_view json) {
    const auto done = change_settings(all, json);
    return done ? settings_json(*done) : done.error().param();
  };
  EXPECT_EQ(changed("{}"), kAll);
  const auto cooler = change_settings(all, R"({"maximums":{"temperature":0.5,"n":null}})");
  ASSERT_THAT(cooler, Succeeds());
  EXPECT_EQ(value_of(cooler->maximums, RequestParameter::temperature), 500'000);
  EXPECT_FALSE(value_of(cooler->maximums, RequestParameter::n));
  EXPECT_EQ(cooler->system_prompts, all.system_prompts);
  const auto bare =
      change_settings(all, R"({"models":null,"defaults":null,"maximums":null,"on_excess":null,)"
                           R"("system_prompts":null,"disclaimer":null})");
  ASSERT_THAT(bare, Succeeds());
  EXPECT_EQ(*bare, Settings{});
  EXPECT_EQ(changed(R"({"colour":null})"), "colour");
  EXPECT_EQ(changed(R"({"defaults":{"seed":null}})"), "defaults.seed");
  EXPECT_EQ(changed(R"({"defaults":{"temperature":0.9}})"), "defaults.temperature")
      << "more than the maximum that stays";
}

TEST(TenantSettingsJson, ModelsMustBeTheTenants) {
  const Settings all = *parse_settings(kAll);
  EXPECT_THAT(check_model_names(all, [](const std::string&) { return true; }), Succeeds());
  const auto no_b = check_model_names(all, [](const std::string& one) { return one != "org/b"; });
  ASSERT_FALSE(no_b);
  EXPECT_EQ(no_b.error().param(), "models");
}

TEST(TenantSettingsFile, SaysTheSameAsTheApi) {
  config::TenantSettings file;
  file.models = {"a", "org/b"};
  file.defaults =
      config::ParameterDefaults{.max_tokens = 64, .temperature = Decimal{.millionths = 200'000}};
  config::ParameterMaximums most;
  most.temperature = Decimal{.millionths = 700'000};
  most.n = 2;
  file.maximums = most;
  file.on_excess = "clamp";
  file.system_prompts = {{.name = "house",
                          .text = "Be brief. {{date}}",
                          .models = {{"a"}},
                          .projects = {},
                          .mode = "default"}};
  file.disclaimer = config::Disclaimer{.text = "\n-- made by a machine"};
  const auto read = settings_of(file);
  ASSERT_THAT(read, Succeeds());
  EXPECT_EQ(settings_json(*read), kAll);
  file.defaults->temperature = Decimal{.whole = 1};
  EXPECT_FALSE(settings_of(file)) << "a default beyond its maximum";
}

TEST(TenantSettingsFile, NamesThatStandTwiceAreToldWithTheirLine) {
  const auto problem = [](const std::string& settings) {
    const config::Loaded loaded = config::load_text(
        "tenants:\n  - name: aurora\n    settings:\n" + settings,
        [](std::string_view) -> std::optional<std::string> { return std::nullopt; });
    if (!loaded.config) return config::to_text(loaded.findings);
    const NamesToBe names{{}, {}, {}, {}, true};
    const auto read = file_settings_of(loaded.config->tenants.front(), {}, names, {});
    return read ? std::string() : std::string(read.error().message());
  };
  EXPECT_EQ(problem("      models: [a, b]\n"), "");
  EXPECT_THAT(problem("      models: [a, b, a]\n"),
              HasSubstr("config.yaml:4:7: error: settings of tenant 'aurora': 'models': 'a' stands "
                        "twice"));
  EXPECT_THAT(problem("      system_prompts:\n"
                      "        - {name: house, text: x}\n"
                      "        - {name: house, text: y}\n"),
              HasSubstr("config.yaml:6:11: error: settings of tenant 'aurora': "
                        "'system_prompts[1].name': another one has this name"));
  EXPECT_THAT(problem("      system_prompts:\n"
                      "        - {name: house, text: x, models: [a, a]}\n"),
              HasSubstr("config.yaml:5:11: error: settings of tenant 'aurora': "
                        "'system_prompts[0].models': 'a' stands twice"));
}

TEST(TenantSettingsJson, BoundsAreThoseOfTheSettings) {
  const auto prompt = [](std::size_t text_bytes, std::size_t models) {
    std::string names;
    for (std::size_t i = 0; i < models; ++i)
      names += (i == 0 ? "\"m" : ",\"m") + std::to_string(i) + "\"";
    return R"({"system_prompts":[{"name":"a","text":")" + std::string(text_bytes, 'x') +
           R"(","models":[)" + names + "]}]}";
  };
  EXPECT_EQ(refusal(prompt(Settings::kPromptBytesMax, 1)), "");
  EXPECT_EQ(refusal(prompt(Settings::kPromptBytesMax + 1, 1)),
            "string_above_max_length system_prompts[0].text");
  EXPECT_EQ(refusal(prompt(1, Settings::kPromptNamesMax + 1)),
            "array_above_max_length system_prompts[0].models");
  EXPECT_EQ(refusal(R"({"system_prompts":[{"name":"a","text":"x","models":["m","m"]}]})"),
            "invalid_value system_prompts[0].models");
  EXPECT_EQ(refusal(R"({"disclaimer":{"text":")" +
                    std::string(Settings::kDisclaimerBytesMax + 1, 'x') + "\"}}"),
            "string_above_max_length disclaimer.text");
}

}  // namespace
}  // namespace sovmesh::control
