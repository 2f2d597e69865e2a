#include "control/file_routes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/load.h"
#include "control/directory_publisher.h"
#include "tests/support/manual_clock.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::control {
namespace {

using testing::HasSubstr;

constexpr std::string_view kBase =
    R"(engines: [{name: far, kind: remote, url: "http://127.0.0.1:9/v1"}]
models:
  - {name: llama-70b-v1, engine: far}
  - {name: llama-70b-v2, engine: far}
  - {name: llama-70b-v3, engine: far}
  - {name: llama-8b, engine: far}
tenants:
  - {name: aurora}
)";

// What the file and then the publisher say of it; empty: it is good.
std::string problem(const std::string& yaml) {
  const auto no_environment = [](std::string_view) -> std::optional<std::string> { return {}; };
  const config::Loaded loaded = config::load_text(yaml, no_environment);
  if (!loaded.config) return config::to_text(loaded.findings);
  const ManualClock clock;
  SeededRandom random(7);
  const auto checked = check_declared(*loaded.config, clock, random);
  return checked ? "" : std::string(checked.error().message());
}
std::string problem_of_routes(std::string_view routes) {
  return problem(std::string(kBase) + "routes:\n" + std::string(routes));
}

TEST(FileRoutes, AreTakenAsTheyAreWritten) {
  const auto no_environment = [](std::string_view) -> std::optional<std::string> { return {}; };
  const config::Loaded loaded = config::load_text(R"(routes:
  - name: llama
    sticky: user
    versions:
      - {model: llama-70b-v1, weight: 90}
      - {model: llama-70b-v2, weight: 10, stage: canary}
      - {model: llama-dark, stage: experiment}
    grey: {name: preview, version: llama-70b-v2, tenants: [aurora]}
    conditions:
      - {name: beta, version: llama-70b-v2, headers: [{name: x-app, value: beta}]}
    mirror: {version: llama-dark, share: 2.5, in_flight_max: 2}
    fallbacks: [{model: llama-8b}, {route: reserve}]
    timeouts:
      {connect: 1s, first_token: 5s, first_token_per_1000: 500ms, inter_token: 2s, total: 1m}
  - name: reserve
    versions: [{model: llama-8b, weight: 1}]
)",
                                                  no_environment);
  ASSERT_TRUE(loaded.config) << config::to_text(loaded.findings);
  const TenantId aurora{Ulid()};
  const auto named = [&](const std::string&) -> Result<TenantId> { return aurora; };
  const auto routes = routes_of(loaded.config->routes, named, models_of(loaded.config->routes));
  ASSERT_TRUE(routes) << routes.error().message();
  const catalog::Route& route = routes->front();
  EXPECT_EQ(route.sticky, catalog::StickyBy::user);
  EXPECT_EQ(route.versions[1].weight, 10);
  EXPECT_EQ(route.versions[1].stage, catalog::Stage::canary);
  EXPECT_EQ(route.stable().model.text(), "llama-70b-v1");
  EXPECT_TRUE(route.grey->tenants.contains(aurora));
  EXPECT_EQ(route.conditions[0].all[0].name, "x-app");
  EXPECT_EQ(route.mirror->share, 250);
  EXPECT_EQ(route.mirror->in_flight_max, 2);
  EXPECT_EQ(route.timeouts.connect, std::chrono::seconds(1));
  EXPECT_EQ(route.fallbacks[1].kind, catalog::Fallback::Kind::route);
  EXPECT_EQ(route.timeouts.first_token_per_1000, std::chrono::milliseconds(500));
  EXPECT_TRUE(route.from_file);
  EXPECT_THAT(route.source, HasSubstr(":2:"));
}

TEST(FileRoutes, MistakesAreToldWithTheirPlace) {
  EXPECT_EQ(problem_of_routes("  - {name: a, versions: [{model: llama-8b, weight: 1}]}\n"), "");
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"  - {name: a, versions: [{model: llama-8b}]}\n",
       "10:15: error: route 'a': versions: all weights are 0"},
      {"  - name: a\n    versions:\n      - {model: llama-8b, weight: 1}\n"
       "      - {model: llama-70b-v1, weight: 1}\n",
       "11:5: error: route 'a': versions: want exactly one version with the stage stable"},
      {"  - name: llama-8b\n    versions: [{model: llama-70b-v1, weight: 1}]\n",
       "10:5: error: route 'llama-8b': name: would hide the model llama-8b"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}]\n"
       "    fallbacks: [{route: b}]\n  - name: b\n"
       "    versions: [{model: llama-8b, weight: 1}]\n    fallbacks: [{route: a}]\n",
       "12:5: error: route 'a': fallbacks: lead back: a > b > a"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}]\n"
       "    conditions: [{name: c, version: llama-8b, headers: [{name: cookie, value: x}]}]\n",
       "carries credentials"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}]\n"
       "    fallbacks: [{model: llama-70b-v1, route: b}]\n",
       "12:17: error: a fallback needs 'model' or 'route', and not both"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1, wieght: 2}]\n",
       "unknown setting 'wieght' in version; did you mean 'weight'?"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}]\n"
       "    mirror: {version: llama-70b-v1, share: 5}\n",
       "12:5: error: route 'a': mirror.version: llama-70b-v1 is not a version of this route"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}]\n"
       "    mirror: {version: llama-8b, share: 5}\n",
       "12:5: error: route 'a': mirror.version: llama-8b has a weight, so it would be compared "
       "with "
       "itself"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}, {model: llama-70b-v1, stage: "
       "canary}]\n"
       "    mirror: {version: llama-70b-v1, share: 0}\n",
       "12:5: error: route 'a': mirror.share: want more than 0"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}, {model: llama-70b-v1, stage: "
       "canary}]\n"
       "    mirror: {version: llama-70b-v1, share: 101}\n",
       "12:13: error: the share of a mirror is percent, up to 100, with at most 2 decimals; not "
       "101"},
      {"  - name: a\n    versions: [{model: llama-8b, weight: 1}, {model: llama-70b-v1, stage: "
       "canary}]\n"
       "    mirror: {version: llama-70b-v1, share: 5, in_flight_max: 0}\n",
       "12:"},
      {"  - {name: a, versions: [{model: llama-8b, weight: 1}]}\n"
       "  - {name: a, versions: [{model: llama-8b, weight: 1}]}\n",
       "11:5: error: route 'a' stands twice; first at"}};
  for (const auto& [routes, message] : cases)
    EXPECT_THAT(problem_of_routes(routes), HasSubstr(message)) << routes;
}

TEST(FileRoutes, TheExamplesOfTheirPageAreGood) {
  std::ifstream file(std::filesystem::path(SM_SOURCE_DIR) / "docs/rollouts.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view kBegin = "```yaml\n";
  int examples = 0;
  for (std::size_t at = page.find(kBegin); at != page.npos; at = page.find(kBegin, at)) {
    at += kBegin.size();
    const std::string example = page.substr(at, page.find("```", at) - at);
    EXPECT_EQ(problem(std::string(kBase) + example), "") << example;
    ++examples;
  }
  EXPECT_GE(examples, 1);
}

TEST(FileRoutes, ConditionsNameLabelsOfKeysTenantsAndProjects) {
  const std::string base = "  - name: a\n    versions: [{model: llama-8b, weight: 1}]\n";
  const auto condition = [&](const std::string& of) {
    return problem_of_routes(base + "    conditions: [{name: c, version: llama-8b, " + of + "}]\n");
  };
  EXPECT_EQ(condition("key_labels: [{name: tier, value: gold}]"), "");
  EXPECT_EQ(condition("tenant: aurora, project: default"), "");
  EXPECT_EQ(condition("tenant: borealis"), "") << "may be of the admin API";
  EXPECT_THAT(condition("headers: []"),
              HasSubstr(":12:5: error: route 'a': conditions[0]: want headers, key_labels or a"));
  EXPECT_THAT(condition("project: default"),
              HasSubstr("12:5: error: route 'a': conditions[0]: want headers"));
  EXPECT_THAT(condition("project: lab, headers: [{name: x-a, value: '1'}]"),
              HasSubstr("12:5: error: route 'a': conditions[0].project: name its tenant, too"));
  EXPECT_THAT(condition("key_labels: [{name: Tier, value: gold}]"),
              HasSubstr("12:60: error: label 'Tier': want a name"));
  EXPECT_THAT(condition("tenant: 'a b'"), HasSubstr("12:18: error: "));
  EXPECT_THAT(problem_of_routes(base + "    grey: {name: preview, version: llama-8b, tenants: "
                                       "[aurora], key_label: {name: channel, value: ''}}\n"),
              HasSubstr(":12:76: error: label 'channel': want a value"));
}

TEST(FileRoutes, WhatCannotDoWhatTheVersionsCanIsRefused) {
  const auto with = [](std::string_view rest) {
    std::string text(kBase);
    text.insert(text.find("tenants:"),
                "  - {name: vectors, engine: far, chat: false, completions: false, embeddings: "
                "true}\n  - {name: talk, engine: far, completions: false}\n");
    return problem(text +
                   "routes:\n  - name: a\n    versions: [{model: llama-8b, weight: 1}, "
                   "{model: talk, stage: canary}]\n" +
                   std::string(rest));
  };
  EXPECT_THAT(with("    mirror: {version: talk, share: 5}\n"),
              HasSubstr(":14:13: error: the mirror 'talk' has no completions"));
  EXPECT_THAT(
      with("    fallbacks: [{model: llama-70b-v1}, {model: vectors}]\n"),
      HasSubstr(":14:40: error: the fallback 'vectors' can do nothing of what the versions"));
  EXPECT_EQ(with("    fallbacks: [{model: talk}]\n"), "");
}

// As a route whose name an engine has begun to list.
TEST(ApiRoutes, ARouteThatWasWrongBeforeHindersNoOtherOne) {
  const auto named = [](std::string_view name) { return ModelName::parse(name).value(); };
  const auto route = [&](std::string_view name) {
    return catalog::Route{.name = named(name), .versions = {{.model = named("a"), .weight = 1}}};
  };
  const std::vector<catalog::Model> models{{.name = named("a")}, {.name = named("listed")}};
  EXPECT_THAT(check_api_route(route("new"), {route("listed")}, models), Succeeds());
  const auto refused = check_api_route(route("listed"), {route("old")}, models);
  EXPECT_THAT(refused, FailsWith(Code::invalid_value));
  catalog::Route dangling = route("other");
  dangling.fallbacks = {{.kind = catalog::Fallback::Kind::route, .name = named("nobody")}};
  EXPECT_THAT(check_api_route(dangling, {route("listed")}, models), FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::control
