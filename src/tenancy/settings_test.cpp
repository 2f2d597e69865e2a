#include "tenancy/settings.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::tenancy {
namespace {

using testing::HasSubstr;

std::string refusal(const Settings& settings) {
  const Result<void> fits = check(settings);
  return fits ? "" : fits.error().param();
}

Settings with_prompt(SystemPrompt prompt) {
  Settings settings;
  settings.system_prompts.push_back(std::move(prompt));
  return settings;
}

Settings with(RequestParameter parameter, std::optional<std::int64_t> usual,
              std::optional<std::int64_t> most) {
  Settings settings;
  settings.defaults[static_cast<std::size_t>(parameter)] = usual;
  settings.maximums[static_cast<std::size_t>(parameter)] = most;
  return settings;
}

TEST(TenantSettings, NothingSetIsFine) {
  const Settings settings;
  EXPECT_THAT(check(settings), Succeeds());
  EXPECT_FALSE(settings.bounds_parameters());
  EXPECT_EQ(settings.prompt_for("m", "p"), nullptr);
}

TEST(TenantSettings, ValuesHaveTheRangesOfTheApi) {
  using enum RequestParameter;
  EXPECT_EQ(refusal(with(temperature, 2'000'000, {})), "");
  EXPECT_EQ(refusal(with(temperature, 2'000'001, {})), "defaults.temperature");
  EXPECT_EQ(refusal(with(top_p, {}, 1'100'000)), "maximums.top_p");
  EXPECT_EQ(refusal(with(max_tokens, 1'500'000, {})), "defaults.max_tokens");  // 1.5
  EXPECT_EQ(refusal(with(max_tokens, 0, {})), "defaults.max_tokens");
  EXPECT_EQ(refusal(with(n, {}, 2'000'000)), "");
  EXPECT_EQ(refusal(with(n, 2'000'000, {})), "defaults.n");
  EXPECT_EQ(refusal(with(presence_penalty, -1, {})), "defaults.presence_penalty");
  EXPECT_TRUE(with(temperature, {}, 0).bounds_parameters());
}

TEST(TenantSettings, ADefaultIsWithinItsMaximum) {
  using enum RequestParameter;
  EXPECT_EQ(refusal(with(temperature, 700'000, 700'000)), "");
  EXPECT_EQ(refusal(with(temperature, 700'001, 700'000)), "defaults.temperature");
}

TEST(TenantSettings, UnknownPlaceholdersAreRefused) {
  const auto of = [](std::string text) {
    return refusal(with_prompt({.name = "house", .text = std::move(text)}));
  };
  EXPECT_EQ(of("You work for {{tenant}} ({{project}}) on {{date}}."), "");
  EXPECT_EQ(of("a {\"b\":{\"c\":1}} d"), "");
  EXPECT_EQ(of("{{user}}"), "system_prompts[0].text");
  EXPECT_EQ(of("{{tenant"), "system_prompts[0].text");
  EXPECT_EQ(of("{{ tenant }}"), "system_prompts[0].text");
  EXPECT_EQ(of("{{{tenant}}}"), "system_prompts[0].text");
  EXPECT_EQ(of(""), "system_prompts[0].text");
}

TEST(TenantSettings, TextsAndListsAreBounded) {
  EXPECT_EQ(refusal(with_prompt({.name = "a", .text = std::string(16 << 10, 'x')})), "");
  EXPECT_EQ(refusal(with_prompt({.name = "a", .text = std::string((16 << 10) + 1, 'x')})),
            "system_prompts[0].text");
  EXPECT_EQ(refusal(with_prompt({.name = "a b", .text = "x"})), "system_prompts[0].name");
  EXPECT_EQ(refusal(with_prompt({.name = "a", .text = "\xff"})), "system_prompts[0].text");
  EXPECT_EQ(refusal(with_prompt({.name = "a", .text = "x", .models = std::vector<std::string>()})),
            "system_prompts[0].models");
  EXPECT_EQ(refusal(with_prompt({.name = "a", .text = "x", .models = {{"m", "n", "m"}}})),
            "system_prompts[0].models");
  EXPECT_EQ(
      refusal(with_prompt({.name = "a", .text = "x", .models = {}, .projects = {{"web", "web"}}})),
      "system_prompts[0].projects");
  Settings many;
  for (std::size_t i = 0; i <= Settings::kPromptsMax; ++i)
    many.system_prompts.push_back({.name = "p" + std::to_string(i), .text = "x"});
  EXPECT_EQ(refusal(many), "system_prompts");
  many.system_prompts.resize(2);
  many.system_prompts[1].name = "p0";
  EXPECT_EQ(refusal(many), "system_prompts[1].name");
  Settings wordy;
  wordy.disclaimer = std::string(Settings::kDisclaimerBytesMax + 1, 'x');
  EXPECT_EQ(refusal(wordy), "disclaimer.text");
}

TEST(TenantSettings, TheFirstPromptThatFitsIsTaken) {
  Settings settings;
  settings.system_prompts = {
      {.name = "web", .text = "1", .models = {{"a"}}, .projects = {{"web"}}},
      {.name = "a", .text = "2", .models = {{"a", "b"}}, .projects = {}},
      {.name = "rest", .text = "3", .models = {}, .projects = {{"web", "default"}}}};
  const auto text = [&](std::string_view model, std::string_view project) {
    const SystemPrompt* const found = settings.prompt_for(model, project);
    return found == nullptr ? "" : found->text;
  };
  EXPECT_EQ(text("a", "web"), "1");
  EXPECT_EQ(text("a", "default"), "2");
  EXPECT_EQ(text("b", "web"), "2");
  EXPECT_EQ(text("c", "web"), "3");
  EXPECT_EQ(text("c", "other"), "");
}

TEST(TenantSettings, PlaceholdersAreFilledIn) {
  const PromptFacts facts{
      .tenant = "aurora", .project = "web", .now = WallTime(std::chrono::hours(24 * 365))};
  EXPECT_EQ(render("{{tenant}}/{{project}} {{date}}{{date}}.", facts),
            "aurora/web 1971-01-011971-01-01.");
  EXPECT_EQ(render("plain }} {", facts), "plain }} {");
  // A name is not looked through again.
  EXPECT_EQ(render("{{tenant}}", {.tenant = "{{date}}", .project = "", .now = {}}), "{{date}}");
}

}  // namespace
}  // namespace sovmesh::tenancy
