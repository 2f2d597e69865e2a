#include "catalog/route.h"

#include "catalog/route_test_support.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::catalog {
namespace {

using namespace std::chrono_literals;

// What validate() complains about; empty when it does not.
std::string complaint(const Route& route) {
  const auto valid = validate(route);
  if (valid) return "";
  EXPECT_EQ(valid.error().code(), Code::config_invalid);
  return valid.error().param() + ": " + valid.error().message();
}

std::string complaint(const std::vector<Route>& routes, const std::set<ModelName>& models) {
  const auto valid = validate(routes, models);
  return valid ? "" : valid.error().param() + ": " + valid.error().message();
}

Route full() {
  Route route = two_versions(90, 10);
  route.versions.push_back({.model = model("dark"), .weight = 0, .stage = Stage::experiment});
  route.grey = GreyChannel{.name = "preview", .version = model("dark"), .tenants = {tenant(1)}};
  route.conditions.push_back(
      {.name = "beta", .all = {{.name = "x-beta", .value = "1"}}, .version = model("new")});
  route.mirror = Mirror{.version = model("dark"), .share = 500};
  route.fallbacks = {{.name = model("other")},
                     {.kind = Fallback::Kind::route, .name = model("spare")}};
  route.timeouts = {.connect = 1s, .first_token = 10s, .inter_token = 5s, .total = 60s};
  return route;
}

TEST(Route, IsValidWithEverything) { EXPECT_EQ(complaint(full()), ""); }

TEST(Route, NeedsVersionsWithSomeWeight) {
  Route route = two_versions(0, 0);
  EXPECT_EQ(complaint(route), "versions: all weights are 0: no version would answer");
  route = two_versions(-1, 2);
  EXPECT_EQ(complaint(route), "versions[0].weight: want 0 to 1000000");
  route = two_versions(1, kWeightMax + 1);
  EXPECT_EQ(complaint(route), "versions[1].weight: want 0 to 1000000");
  route.versions.clear();
  EXPECT_EQ(complaint(route), "versions: want 1 to 16 versions");
}

TEST(Route, NeedsEachVersionOnceAndOneThatIsStable) {
  Route route = two_versions(1, 1);
  route.versions[1].model = model("old");
  EXPECT_EQ(complaint(route), "versions[1].model: old is a version of this route already");
  route = two_versions(1, 1);
  route.versions[1].stage = Stage::stable;
  EXPECT_EQ(complaint(route),
            "versions: want exactly one version with the stage stable; there are 2");
  route.versions[0].stage = route.versions[1].stage = Stage::canary;
  EXPECT_EQ(complaint(route),
            "versions: want exactly one version with the stage stable; there are 0");
}

TEST(Route, HoldsAtMostItsBounds) {
  Route route = two_versions(1, 1);
  for (std::size_t i = route.versions.size(); i < kRouteVersionsMax; ++i)
    route.versions.push_back({.model = model("v" + std::to_string(i)), .stage = Stage::canary});
  EXPECT_EQ(complaint(route), "");
  route.versions.push_back({.model = model("one-more"), .stage = Stage::canary});
  EXPECT_EQ(complaint(route), "versions: want 1 to 16 versions");

  route = two_versions(1, 1);
  for (std::size_t i = 0; i <= kRouteConditionsMax; ++i)
    route.conditions.push_back({.name = "c" + std::to_string(i),
                                .all = {{.name = "x-a", .value = "1"}},
                                .version = model("old")});
  EXPECT_EQ(complaint(route), "conditions: want at most 32");
  route.conditions.pop_back();
  EXPECT_EQ(complaint(route), "");
  route.conditions[3].all.assign(kConditionMatchesMax + 1, {.name = "x-a", .value = "1"});
  EXPECT_EQ(complaint(route), "conditions[3].headers: want at most 8 headers and key_labels");

  route = two_versions(1, 1);
  for (std::size_t i = 0; i <= kRouteFallbacksMax; ++i)
    route.fallbacks.push_back({.name = model("f" + std::to_string(i))});
  EXPECT_EQ(complaint(route), "fallbacks: want at most 8");
}

TEST(Route, ConditionsNameVersionsAndNeverLookAtCredentials) {
  Route route = full();
  route.conditions[0].version = model("foreign");
  EXPECT_EQ(complaint(route), "conditions[0].version: foreign is not a version of this route");
  route = full();
  for (const char* header : {"authorization", "cookie", "x-api-key", "api-key"}) {
    route.conditions[0].all[0].name = header;
    EXPECT_EQ(complaint(route), "conditions[0].headers[0].name: " + std::string(header) +
                                    " carries credentials; routes may not look at it");
  }
  for (const char* header : {"X-Beta", "", "x beta", "x:"}) {
    route.conditions[0].all[0].name = header;
    EXPECT_EQ(complaint(route),
              "conditions[0].headers[0].name: want the name of a header, in lower "
              "case");
  }
  route = full();
  route.conditions.push_back(route.conditions[0]);
  EXPECT_EQ(complaint(route), "conditions[1].name: another condition has this name: beta");
  route.conditions[1].all.clear();
  route.conditions[1].name = "other";
  EXPECT_EQ(complaint(route),
            "conditions[1]: want headers, key_labels or a tenant: it would fit every request");
  route = full();
  route.conditions[0].all.push_back({.of = Match::Of::key_label, .name = "tier", .value = ""});
  EXPECT_EQ(complaint(route), "conditions[0].key_labels[0].value: want 1 to 256 characters");
  route.conditions[0].all = {};
  route.conditions[0].project = ProjectSlug::parse("research").value();
  route.conditions[0].all = full().conditions[0].all;
  EXPECT_EQ(complaint(route),
            "conditions[0].project: name its tenant, too: each has projects of its own");
  route = full();
  route.grey->version = model("foreign");
  EXPECT_EQ(complaint(route), "grey.version: foreign is not a version of this route");
  route = full();
  route.grey->name = "Pre View";
  EXPECT_EQ(complaint(route), "grey.name: want 1 to 64 characters of a-z, 0-9 and -");
}

TEST(Route, IsNeverMirroredOntoItself) {
  Route route = full();
  route.mirror->version = model("new");
  EXPECT_EQ(complaint(route),
            "mirror.version: new has a weight, so it would be compared with "
            "itself; give it the weight 0");
  route.mirror->version = model("foreign");
  EXPECT_EQ(complaint(route), "mirror.version: foreign is not a version of this route");
  for (const int share : {0, -1, kWholeShare + 1}) {
    route = full();
    route.mirror->share = share;
    EXPECT_EQ(complaint(route), "mirror.share: want more than 0 and at most all");
  }
  for (const int in_flight : {0, kMirrorInFlightMax + 1}) {
    route = full();
    route.mirror->in_flight_max = in_flight;
    EXPECT_EQ(complaint(route), "mirror.in_flight_max: want 1 to 1000");
  }
}

TEST(Route, RefusesTimesThatCouldNotTakeEffect) {
  Route route = full();
  route.timeouts.first_token = 61s;
  EXPECT_EQ(complaint(route),
            "timeouts.first_token: is longer than timeouts.total, so it would never be reached");
  route.timeouts.first_token.reset();
  route.timeouts.first_token_per_1000 = 1s;
  EXPECT_EQ(complaint(route),
            "timeouts.first_token_per_1000: adds to first_token, which is not set");
  route = full();
  route.timeouts.connect = 0s;
  EXPECT_EQ(complaint(route), "timeouts.connect: want more than 0 and at most 24 hours");
  route = full();
  route.retry.attempts_max = 4;
  EXPECT_EQ(complaint(route), "retry.attempts_max: want 1 to 3");
  route.retry = {.backoff_base = 300ms};
  EXPECT_EQ(complaint(route), "retry.backoff_base: want 0 to backoff_max");
}

TEST(Route, WaitsLongerForTheFirstTokenOfALongPrompt) {
  RouteTimeouts timeouts;
  EXPECT_EQ(first_token_timeout(timeouts, 1'000), std::nullopt);
  timeouts.first_token = 2s;
  timeouts.first_token_per_1000 = 500ms;
  EXPECT_EQ(first_token_timeout(timeouts, 0), 2s);
  EXPECT_EQ(first_token_timeout(timeouts, 500), 2'250ms);
  EXPECT_EQ(first_token_timeout(timeouts, 8'000), 6s);
  timeouts.total = 5s;
  EXPECT_EQ(first_token_timeout(timeouts, 8'000), 5s);
  timeouts.first_token_per_1000 = 24h;
  EXPECT_EQ(first_token_timeout(timeouts, std::numeric_limits<std::int64_t>::max()), 5s);
}

class RouteSetTest : public testing::Test {
 protected:
  // A route of one version that falls back to these routes.
  static Route route(std::string_view name, std::vector<std::string> to) {
    Route made{.name = model(name), .versions = {{.model = model("old"), .weight = 1}}};
    for (const std::string& next : to)
      made.fallbacks.push_back({.kind = Fallback::Kind::route, .name = model(next)});
    return made;
  }
  std::set<ModelName> models_{model("old"), model("new"), model("dark"), model("other")};
};

TEST_F(RouteSetTest, AcceptsRoutesThatFallBackToEachOtherWithoutACycle) {
  EXPECT_EQ(complaint({full(), route("spare", {}), route("a", {"chat", "spare"})}, models_), "");
  // Twice to the same one by two ways is no cycle.
  EXPECT_EQ(
      complaint({route("a", {"b", "c"}), route("b", {"d"}), route("c", {"d"}), route("d", {})},
                models_),
      "");
}

TEST_F(RouteSetTest, RefusesCyclesWithTheWayRound) {
  EXPECT_EQ(complaint({route("a", {"a"})}, models_),
            "routes[0].fallbacks[0]: the route would fall back to itself");
  EXPECT_EQ(complaint({route("a", {"b"}), route("b", {"c"}), route("c", {"b"})}, models_),
            "routes[0].fallbacks: lead back: a > b > c > b");
}

TEST_F(RouteSetTest, RefusesChainsThatAreTooLong) {
  std::vector<Route> routes{route("a", {"b"}), route("b", {"c"}), route("c", {"d"}),
                            route("d", {})};
  EXPECT_EQ(complaint(routes, models_), "");
  routes[3] = route("d", {"e"});
  routes.push_back(route("e", {}));
  EXPECT_EQ(complaint(routes, models_),
            "routes[0].fallbacks: lead through more than 4 routes: a > b > c > d > e");
}

TEST_F(RouteSetTest, RefusesNamesThatAreUnknownOrTaken) {
  EXPECT_EQ(complaint({full(), route("spare", {})}, {model("old"), model("new"), model("other")}),
            "routes[0].versions[2].model: there is no model dark");
  EXPECT_EQ(complaint({full()}, models_), "routes[0].fallbacks[1]: there is no route spare");
  models_.erase(model("other"));
  EXPECT_EQ(complaint({full(), route("spare", {})}, models_),
            "routes[0].fallbacks[0]: there is no model other");
  EXPECT_EQ(complaint({route("a", {}), route("a", {})}, models_),
            "routes[1].name: another route has this name: a");
  EXPECT_EQ(complaint({route("new", {})}, models_),
            "routes[0].name: would hide the model new; make it one of the route's versions or "
            "choose another name");
  EXPECT_EQ(complaint({route("old", {})}, models_), "");  // in front of its own version
  Route only = route("a", {});
  only.fallbacks = {{.name = model("old")}};
  EXPECT_EQ(complaint({only}, models_),
            "routes[0].fallbacks[0]: old is the only version, so it "
            "is what would have failed");
}

TEST(Route, NamesAndParsesItsWords) {
  for (const Stage stage : {Stage::stable, Stage::canary, Stage::experiment})
    EXPECT_EQ(parse_stage(name(stage)), stage);
  for (const StickyBy by : {StickyBy::tenant, StickyBy::user, StickyBy::session})
    EXPECT_EQ(parse_sticky_by(name(by)), by);
  EXPECT_EQ(parse_stage("Stable"), std::nullopt);
  EXPECT_EQ(parse_sticky_by(""), std::nullopt);
}

}  // namespace
}  // namespace sovmesh::catalog
