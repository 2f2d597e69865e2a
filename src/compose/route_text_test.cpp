#include "compose/route_text.h"

#include <gmock/gmock.h>

#include "config/load.h"
#include "control/route_json.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::compose {
namespace {

using testing::HasSubstr;

std::optional<std::string> no_environment(std::string_view) { return std::nullopt; }

std::string json_of(const config::LoadedRoute& loaded) {
  EXPECT_TRUE(loaded.route) << config::to_text(loaded.findings);
  return loaded.route ? control::route_json(*loaded.route) : "";
}

TEST(RouteText, OptionsBecomeWhatTheFileWouldHave) {
  const RouteWords words{.versions = {"llama:v1=90", "llama:v2=10", "old=0:experiment"},
                         .sticky = "user",
                         .headers = {"x-app: beta=1=llama:v2"},
                         .grey = "preview=llama:v2",
                         .grey_tenants = {"aurora"},
                         .mirror = "old=2.5",
                         .fallbacks = {"small", "route:reserve"}};
  const auto members = route_members(words);
  ASSERT_THAT(members, Succeeds());
  EXPECT_EQ(*members, R"("versions":[{"model":"llama:v1","weight":90,"stage":"stable"},)"
                      R"({"model":"llama:v2","weight":10,"stage":"canary"},)"
                      R"({"model":"old","weight":0,"stage":"experiment"}],"sticky":"user",)"
                      R"("grey":{"name":"preview","version":"llama:v2","tenants":["aurora"]},)"
                      R"("mirror":{"version":"old","share":2.5},)"
                      R"("conditions":[{"name":"header-1","version":"llama:v2",)"
                      R"("headers":[{"name":"x-app","value":"beta=1"}]}],)"
                      R"("fallbacks":[{"model":"small"},{"route":"reserve"}])");
}

TEST(RouteText, NoneTakesBackAndWhatIsNotSaidStays) {
  EXPECT_EQ(*route_members({.versions = {}, .sticky = "tenant"}), R"("sticky":"tenant")");
  EXPECT_EQ(*route_members({.headers = {"none"}, .grey = "none", .fallbacks = {"none"}}),
            R"("grey":null,"conditions":[],"fallbacks":[])");
}

TEST(RouteText, ConditionsByLabelComeBehindThoseByHeader) {
  EXPECT_EQ(
      *route_members({.headers = {"x-app:b=v2"}, .key_labels = {"tier:gold=v3"}}),
      R"("conditions":[{"name":"header-1","version":"v2",)"
      R"("headers":[{"name":"x-app","value":"b"}]},)"
      R"({"name":"key-label-1","version":"v3","key_labels":[{"name":"tier","value":"gold"}]}])");
  EXPECT_EQ(*route_members({.headers = {"none"}, .key_labels = {"none"}}), R"("conditions":[])");
}

TEST(RouteText, AnOptionThatCannotBeReadIsNamed) {
  const auto message = [](const RouteWords& words) {
    const auto members = route_members(words);
    EXPECT_THAT(members, FailsWith(Code::invalid_value));
    return members ? "" : members.error().message();
  };
  EXPECT_THAT(message({.versions = {"llama"}}), HasSubstr("--version 'llama': want MODEL=WEIGHT"));
  EXPECT_THAT(message({.versions = {"llama=much"}}), HasSubstr("--version"));
  EXPECT_THAT(message({.headers = {"x-app=llama"}}), HasSubstr("want NAME:VALUE=MODEL"));
  EXPECT_THAT(message({.grey = "preview=llama"}), HasSubstr("--grey-tenant"));
  EXPECT_THAT(message({.mirror = "old=much"}),
              HasSubstr("--mirror 'old=much': want MODEL=PERCENT"));
  EXPECT_THAT(message({.grey_tenants = {"aurora"}}), HasSubstr("needs --grey"));
}

// As the admin API answers, and as a file has it: the same route, whatever stands in it.
TEST(RouteText, WhatIsShownIsReadBack) {
  constexpr std::string_view kRoute =
      R"({"name":"llama",)"
      R"("versions":[{"model":"a:1","stage":"stable","weight":90},)"
      R"({"model":"null","stage":"canary","weight":10},)"
      R"({"model":"next","stage":"experiment","weight":0}],)"
      R"("sticky":"user","grey":{"name":"preview","version":"a:1",)"
      R"("tenants":["aurora","borealis"]},"conditions":[{"name":"c",)"
      R"("version":"a:1","headers":[{"name":"x-app",)"
      R"("value":"${HOME}: \"a\", # {b} \\ \u00e9"}]}],)"
      R"("mirror":{"version":"next","share":2.5,"in_flight_max":7,"prompt_bytes_max":1000},)"
      R"("fallbacks":[{"model":"b"},{"route":"r"}],"timeouts":)"
      R"({"connect":"300ms","first_token":"1500ms","first_token_per_1000":"0s",)"
      R"("inter_token":null,"total":"60s"}})";
  config::Route route;
  ASSERT_THAT(control::read_route(kRoute, control::RouteText::whole, route), Succeeds());
  control::JsonText answer;
  control::add_route(answer, route, {"90%", "10%", "0%"});
  answer.flag("rollout", true).text("managed_by", "api").number("revision", 3);
  const std::string yaml = route_yaml(answer.end());
  EXPECT_THAT(yaml, HasSubstr("# of the admin API, revision 3\n# a rollout has a hand in it"));
  EXPECT_THAT(yaml, HasSubstr("weight: 90}  # 90% now\n"));
  EXPECT_THAT(yaml, HasSubstr("mirror: {version: next, share: 2.5, "));
  const auto back = config::load_route("shown", yaml, no_environment);
  EXPECT_EQ(json_of(back), control::route_json(route)) << yaml;
  std::string item = "- " + yaml.substr(yaml.find("name:"));
  for (std::size_t at = item.find('\n'); at + 1 < item.size(); at = item.find('\n', at + 1))
    item.insert(at + 1, "  ");
  EXPECT_EQ(json_of(config::load_route("item", item, no_environment)), control::route_json(route));
}

TEST(RouteText, AFileThatIsNoRouteIsToldWithItsPlace) {
  const auto told = [](std::string_view yaml) {
    return config::to_text(config::load_route("r.yaml", yaml, no_environment).findings);
  };
  EXPECT_THAT(told("name: a\nversions:\n  - {model: b, wieght: 1}\n"),
              HasSubstr("r.yaml:3:16: error: unknown setting 'wieght' in version; did you mean"));
  EXPECT_THAT(told("versions: []\n"), HasSubstr("route needs 'name'"));
  EXPECT_THAT(told("- name: a\n- name: b\n"), HasSubstr("want one route"));
  EXPECT_THAT(told(""), HasSubstr("want one route"));
  EXPECT_THAT(told("name: [\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(told("name: a\n---\nname: b\n"), HasSubstr("a second YAML document"));
}

}  // namespace
}  // namespace sovmesh::compose
