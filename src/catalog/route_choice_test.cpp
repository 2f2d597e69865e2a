#include "catalog/route_choice.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include "catalog/route_test_support.h"

namespace sovmesh::catalog {
namespace {

using testing::HasSubstr;
using testing::Not;

const MayUse kEverything = [](const ModelName&) { return true; };
MayUse all_but(std::string_view name) {
  return [name](const ModelName& model) { return model.text() != name; };
}

constexpr int kConversations = 20'000;

// Which version each of many conversations gets.
using Picked = std::vector<std::string>;
using Chooser = std::function<std::string(const Route&, const RouteFacts&, const Shift*)>;

std::string chosen(const Route& route, const RouteFacts& facts, const Shift* shift = nullptr,
                   const MayUse& may_use = kEverything) {
  const auto choice = choose(route, facts, may_use, shift);
  return choice ? std::string(route.versions[choice->version].model.text()) : "none";
}

Picked pick_all(
    const Route& route, const Shift* shift = nullptr,
    const Chooser& chooser = [](const Route& one, const RouteFacts& facts, const Shift* by) {
      return chosen(one, facts, by);
    }) {
  Picked picked;
  for (int i = 0; i < kConversations; ++i) {
    const std::string session = "s" + std::to_string(i);
    const RouteFacts facts{.tenant = tenant(static_cast<unsigned char>(i % 7)), .session = session};
    picked.push_back(chooser(route, facts, shift));
  }
  return picked;
}

double share_of(const Picked& picked, std::string_view version) {
  return static_cast<double>(std::ranges::count(picked, version)) / kConversations;
}

// How many conversations moved between the two, other than from `from` to `to`.
int moved_otherwise(const Picked& before, const Picked& after, std::string_view from,
                    std::string_view to) {
  int count = 0;
  for (int i = 0; i < kConversations; ++i) {
    const auto at = static_cast<std::size_t>(i);
    count += before[at] != after[at] && !(before[at] == from && after[at] == to);
  }
  return count;
}

// Walks a canary up by every percent and down again, as weights and as a rollout's shares. Returns
// how many conversations moved in the wrong direction or did not come back.
int wrong_moves(const Chooser& chooser) {
  int wrong = 0;
  const Picked at_rest = pick_all(two_versions(100, 0), nullptr, chooser);
  Picked before = at_rest;
  for (int percent = 5; percent <= 100; percent += 5) {
    Picked after = pick_all(two_versions(100 - percent, percent), nullptr, chooser);
    wrong += moved_otherwise(before, after, "old", "new");
    before = std::move(after);
  }
  for (int percent = 95; percent >= 0; percent -= 5) {
    Picked after = pick_all(two_versions(100 - percent, percent), nullptr, chooser);
    wrong += moved_otherwise(before, after, "new", "old");
    before = std::move(after);
  }
  for (int i = 0; i < kConversations; ++i)
    wrong += before[static_cast<std::size_t>(i)] != at_rest[static_cast<std::size_t>(i)];
  return wrong;
}

TEST(RouteChoice, ConversationsOnlyMoveIntoAVersionThatGrowsAndBackWhenItShrinks) {
  EXPECT_EQ(wrong_moves([](const Route& route, const RouteFacts& facts, const Shift* shift) {
              return chosen(route, facts, shift);
            }),
            0);
}

// A planted defect: the check above finds it.
TEST(RouteChoice, StickingByModuloWouldBeNoticed) {
  const Chooser by_modulo = [](const Route& route, const RouteFacts& facts, const Shift*) {
    const std::int64_t to_old = route.versions[0].weight;
    const std::int64_t to_new = route.versions[1].weight;
    const std::int64_t common = std::gcd(to_old, to_new);
    const auto places = static_cast<std::uint64_t>((to_old + to_new) / common);
    const std::uint64_t place = std::hash<std::string_view>{}(facts.session) % places;
    return std::string(place < static_cast<std::uint64_t>(to_new / common) ? "new" : "old");
  };
  EXPECT_GT(wrong_moves(by_modulo), kConversations / 10);
}

TEST(RouteChoice, FollowsTheWeights) {
  for (const int percent : {1, 5, 10, 25, 50, 90, 99}) {
    const Picked picked = pick_all(two_versions(100 - percent, percent));
    const double expected = percent / 100.0;
    // Five standard deviations.
    EXPECT_NEAR(share_of(picked, "new"), expected,
                5 * std::sqrt(expected * (1 - expected) / kConversations))
        << percent;
  }
}

TEST(RouteChoice, ARolloutTakesFromAllOtherVersionsAndLeavesThemAmongThemselves) {
  Route route = two_versions(60, 0);
  route.versions.push_back({.model = model("b"), .weight = 30, .stage = Stage::experiment});
  const Picked at_rest = pick_all(route);
  Picked before = at_rest;
  for (int share = 100; share <= kWholeShare; share += 900) {
    const Shift shift{.version = model("new"), .share = share};
    Picked after = pick_all(route, &shift);
    const double expected = share / 10'000.0;
    EXPECT_NEAR(share_of(after, "new"), expected,
                5 * std::sqrt(expected * (1 - expected) / kConversations));
    for (int i = 0; i < kConversations; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (before[at] != after[at]) EXPECT_EQ(after[at], "new");
    }
    before = std::move(after);
  }
  const Shift none{.version = model("new"), .share = 0};
  EXPECT_EQ(pick_all(route, &none), at_rest);
}

// For any two sets of weights: nobody moves to a version whose weight did not grow in proportion
// to the one that he leaves.
TEST(RouteChoice, NobodyMovesAgainstTheProportionsOfWeights) {
  std::mt19937_64 random(7);
  const auto weight = [&] { return static_cast<std::int64_t>(random() % 100 + 1); };
  for (int round = 0; round < 10; ++round) {
    Route route = two_versions(weight(), weight());
    for (const char* more : {"b", "c"})
      route.versions.push_back(
          {.model = model(more), .weight = weight(), .stage = Stage::experiment});
    Route changed = route;
    for (RouteVersion& version : changed.versions)
      version.weight = weight();
    const Picked before = pick_all(route);
    const Picked after = pick_all(changed);
    for (int i = 0; i < kConversations; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (before[at] == after[at]) continue;
      const ModelName from = model(before[at]);
      const ModelName to = model(after[at]);
      // changed(to) / route(to) > changed(from) / route(from)
      EXPECT_GT(changed.version(to)->weight * route.version(from)->weight,
                changed.version(from)->weight * route.version(to)->weight);
    }
  }
}

TEST(RouteChoice, TheOrderOfVersionsDoesNotMatter) {
  Route turned = two_versions(70, 30);
  std::swap(turned.versions[0], turned.versions[1]);
  EXPECT_EQ(pick_all(turned), pick_all(two_versions(70, 30)));
}

TEST(RouteChoice, RoutesAndTenantsDrawIndependently) {
  Route other = two_versions(50, 50);
  other.name = model("chat2");
  const Picked here = pick_all(two_versions(50, 50));
  const Picked there = pick_all(other);
  int same = 0;
  for (int i = 0; i < kConversations; ++i)
    same += here[static_cast<std::size_t>(i)] == there[static_cast<std::size_t>(i)];
  EXPECT_NEAR(same, kConversations / 2, 5 * std::sqrt(kConversations) / 2);

  int both_new = 0;
  for (int i = 0; i < kConversations; ++i) {
    const std::string session = std::to_string(i);
    both_new += chosen(other, {.tenant = tenant(1), .session = session}) == "new" &&
                chosen(other, {.tenant = tenant(2), .session = session}) == "new";
  }
  EXPECT_NEAR(both_new, kConversations / 4, 5 * std::sqrt(kConversations * 3) / 4);
}

// The very choices: hashing that changes would move conversations at an upgrade.
TEST(RouteChoice, IsTheSameInEveryRelease) {
  std::string picked;
  for (int i = 0; i < 40; ++i) {
    const std::string session = "conversation-" + std::to_string(i);
    picked += chosen(two_versions(50, 50), {.tenant = tenant(9), .session = session})[0];
  }
  EXPECT_EQ(picked, "oonnoonoonooonooonnnnnnonnnooonooonnnnno");
}

TEST(RouteChoice, SticksByTheNextWiderKeyWhereOneIsMissing) {
  Route route = two_versions(50, 50);
  const auto held = [&](const RouteFacts& facts) {
    return choose(route, facts, kEverything)->stuck_by;
  };
  EXPECT_EQ(held({.user = "ann", .session = "s"}), StickyBy::session);
  EXPECT_EQ(held({.user = "ann"}), StickyBy::user);
  EXPECT_EQ(held({}), StickyBy::tenant);
  route.sticky = StickyBy::user;
  EXPECT_EQ(held({.user = "ann", .session = "s"}), StickyBy::user);
  EXPECT_EQ(held({.session = "s"}), StickyBy::tenant);
  route.sticky = StickyBy::tenant;
  EXPECT_EQ(held({.user = "ann", .session = "s"}), StickyBy::tenant);
}

TEST(RouteChoice, CallersGetOnlyWhatTheyMayUse) {
  const Route route = two_versions(1, kWeightMax);
  EXPECT_EQ(chosen(route, {}), "new");
  EXPECT_EQ(chosen(route, {}, nullptr, all_but("new")), "old");
  const MayUse nothing = [](const ModelName&) { return false; };
  EXPECT_EQ(choose(route, {}, nothing), std::nullopt);
  // Nobody loses the route because a rollout ends with a version he may not use.
  const Shift whole{.version = model("new"), .share = kWholeShare};
  EXPECT_EQ(chosen(route, {}, &whole), "new");
  EXPECT_EQ(chosen(route, {}, &whole, all_but("new")), "old");
}

// Rollouts before this one: "new" was promoted, "b" was taken back.
TEST(RouteChoice, WhatRolloutsHaveComeToHoldsWhileTheNextOneGoesOn) {
  Route route = two_versions(90, 0);
  for (const char* more : {"b", "c"})
    route.versions.push_back({.model = model(more), .weight = 5, .stage = Stage::experiment});
  const std::vector<Outcome> before{{model("b"), false}, {model("new"), true}};
  Shift shift{.version = model("c"), .share = 0, .before = before};
  EXPECT_EQ(share_of(pick_all(route, &shift), "new"), 1);
  EXPECT_EQ(with_outcomes(route, before).stable().model, model("new"));
  shift.share = 2'500;
  EXPECT_NEAR(share_of(pick_all(route, &shift), "c"), 0.25, 0.02);
  EXPECT_NEAR(share_of(pick_all(route, &shift), "new"), 0.75, 0.02);
  // Who may not use what was promoted has what he had before it was, without "b".
  const MayUse not_new = all_but("new");
  const auto without =
      pick_all(route, &shift, [&](const Route& one, const RouteFacts& facts, const Shift* by) {
        return chosen(one, facts, by, not_new);
      });
  EXPECT_NEAR(share_of(without, "old"), 0.75, 0.02);
  EXPECT_EQ(share_of(without, "b"), 0);
  // Back to what was stable first.
  shift = {.version = model("old"), .share = kWholeShare, .before = before};
  EXPECT_EQ(share_of(pick_all(route, &shift), "old"), 1);
}

class GreyChannelTest : public testing::Test {
 protected:
  GreyChannelTest() {
    route_.grey = GreyChannel{.name = "preview", .version = model("new"), .tenants = {tenant(1)}};
    facts_ = {.tenant = tenant(1), .headers = headers_};
  }
  Route route_ = two_versions(1, 0);
  std::vector<NamedValue> headers_{{"x-sm-channel", "preview"}};
  std::vector<NamedValue> labels_{{"team", "a"}, {"channel", "preview"}};
  RouteFacts facts_;
};

TEST_F(GreyChannelTest, IsForRequestsOfTenantsThatOptedIn) {
  EXPECT_EQ(choose(route_, facts_, kEverything)->rule, Rule::grey_channel);
  EXPECT_EQ(chosen(route_, facts_), "new");
  facts_.tenant = tenant(2);
  EXPECT_EQ(chosen(route_, facts_), "old");
}

TEST_F(GreyChannelTest, IsForThoseWhoAskForIt) {
  facts_.headers = {};
  EXPECT_EQ(chosen(route_, facts_), "old");
  facts_.key_labels = labels_;
  EXPECT_EQ(chosen(route_, facts_), "old");
  route_.grey->key_label = Match{.of = Match::Of::key_label, .name = "channel", .value = "preview"};
  EXPECT_EQ(chosen(route_, facts_), "new");
  EXPECT_TRUE(choose(route_, facts_, kEverything)->by_label);
  facts_.tenant = tenant(2);
  EXPECT_EQ(chosen(route_, facts_), "old");
  facts_ = {.tenant = tenant(1), .headers = labels_};  // a header is no label
  EXPECT_EQ(chosen(route_, facts_), "old");
  headers_[0].value = "previews";
  facts_.headers = headers_;
  EXPECT_EQ(chosen(route_, facts_), "old");
}

TEST_F(GreyChannelTest, GivesNobodyWhatHeMayNotUse) {
  EXPECT_EQ(chosen(route_, facts_, nullptr, all_but("new")), "old");
}

TEST(RouteConditions, TheFirstThatFitsInEverythingCounts) {
  Route route = two_versions(1, 0);
  route.versions.push_back({.model = model("b"), .stage = Stage::experiment});
  route.conditions = {
      {.name = "both",
       .all = {{.name = "x-beta", .value = "1"},
               {.of = Match::Of::key_label, .name = "group", .value = "testers"}},
       .version = model("new")},
      {.name = "header", .all = {{.name = "x-beta", .value = "1"}}, .version = model("b")}};
  const std::vector<NamedValue> headers{{"x-beta", "0"}, {"x-beta", "1"}};
  const std::vector<NamedValue> labels{{"group", "testers"}, {"tier", "gold"}};
  const std::vector<NamedValue> label_as_header{{"group", "testers"}, {"x-beta", "1"}};
  EXPECT_EQ(chosen(route, {.headers = headers, .key_labels = labels}), "new");
  EXPECT_EQ(chosen(route, {.headers = headers}), "b");
  EXPECT_EQ(chosen(route, {.headers = label_as_header}), "b");  // a header is no label
  EXPECT_EQ(chosen(route, {.key_labels = labels}), "old");
  EXPECT_EQ(chosen(route, {.headers = headers, .key_labels = labels}, nullptr, all_but("new")),
            "b");
  const auto choice = choose(route, {.headers = headers}, kEverything);
  EXPECT_EQ(choice->rule, Rule::condition);
  EXPECT_EQ(choice->condition, 1U);
}

TEST(RouteConditions, AreForATenantAndItsProject) {
  Route route = two_versions(1, 0);
  route.conditions = {{.name = "lab",
                       .all = {},
                       .version = model("new"),
                       .tenant = tenant(1),
                       .project = ProjectSlug::parse("lab").value()}};
  EXPECT_EQ(chosen(route, {.tenant = tenant(1), .project = "lab"}), "new");
  EXPECT_EQ(chosen(route, {.tenant = tenant(1), .project = "default"}), "old");
  EXPECT_EQ(chosen(route, {.tenant = tenant(2), .project = "lab"}), "old");
  route.conditions[0].project.reset();
  EXPECT_EQ(chosen(route, {.tenant = tenant(1), .project = "default"}), "new");
  EXPECT_EQ(chosen(route, {.tenant = tenant(2), .project = "default"}), "old");
}

TEST(RouteMirror, CopiesItsShare) {
  Route route = two_versions(1, 0);
  route.mirror = Mirror{.version = model("new"), .share = 500};
  const Choice old{.version = 0};
  std::mt19937_64 random(3);
  int copies = 0;
  for (int i = 0; i < kConversations; ++i)
    copies += mirror_for(route, old, kEverything, random()) != nullptr;
  EXPECT_NEAR(copies, kConversations / 20, 5 * std::sqrt(kConversations / 20));
  route.mirror->share = kWholeShare;
  for (const std::uint64_t draw : {std::uint64_t{0}, ~std::uint64_t{0}})
    EXPECT_EQ(mirror_for(route, old, kEverything, draw), &*route.mirror);
  EXPECT_EQ(mirror_for(route, old, all_but("new"), 0), nullptr);
  // A rollout or a condition may have sent the request there already.
  EXPECT_EQ(mirror_for(route, Choice{.version = 1}, kEverything, 0), nullptr);
  route.mirror.reset();
  EXPECT_EQ(mirror_for(route, old, kEverything, 0), nullptr);
}

class FallbackTest : public testing::Test {
 protected:
  using Verdict = FallbackStep::Verdict;
  static Fallback to_model(std::string_view name) { return {.name = model(name)}; }
  static Fallback to_route(std::string_view name) {
    return {.kind = Fallback::Kind::route, .name = model(name)};
  }
  std::string steps(const MayUse& may_use = kEverything) {
    std::string text;
    for (const FallbackStep& step :
         fallbacks(route_, model("old"), {}, may_use, [this](const ModelName& name) {
           const auto found = std::ranges::find(others_, name, &Route::name);
           return RouteInForce{.route = found == others_.end() ? nullptr : &*found,
                               .shift = shift_ ? &*shift_ : nullptr};
         })) {
      text += text.empty() ? "" : " ";
      text += std::string(step.route.text()) + ":" + std::string(step.model.text());
      if (step.verdict == Verdict::not_permitted) text += "(not permitted)";
      if (step.verdict == Verdict::already_tried) text += "(tried)";
    }
    return text;
  }
  Route route_ = two_versions(1, 0);
  std::vector<Route> others_;
  std::optional<Shift> shift_;
};

TEST_F(FallbackTest, AreInOrderAndNeverTheSameTwice) {
  EXPECT_EQ(steps(), "");
  route_.fallbacks = {to_model("new"), to_model("old"), to_model("b"), to_model("new")};
  EXPECT_EQ(steps(), "chat:new chat:old(tried) chat:b chat:new(tried)");
}

TEST_F(FallbackTest, CheckTheCallersRightsForEach) {
  route_.fallbacks = {to_model("abroad"), to_model("b")};
  EXPECT_EQ(steps(all_but("abroad")), "chat:abroad(not permitted) chat:b");
}

TEST_F(FallbackTest, OfARouteAreItsVersionThenItsOwnFallbacks) {
  Route spare = two_versions(1, 0);
  spare.name = model("spare");
  spare.versions[0].model = model("s1");
  spare.versions[1].model = model("s2");
  spare.fallbacks = {to_model("last"), to_model("b")};
  others_ = {spare};
  route_.fallbacks = {to_model("b"), to_route("spare"), to_route("gone"), to_model("c")};
  EXPECT_EQ(steps(), "chat:b spare:s1 spare:last spare:b(tried) chat:c");
  shift_ = Shift{.version = model("s2"), .share = kWholeShare};  // a rollout of that route
  EXPECT_EQ(steps(), "chat:b spare:s2 spare:last spare:b(tried) chat:c");
  EXPECT_EQ(steps(all_but("s2")), "chat:b spare:s1 spare:last spare:b(tried) chat:c");
}

TEST_F(FallbackTest, EndEvenWhereRoutesLeadInACircle) {
  for (const auto& [name, next] : {std::pair("a", "b"), std::pair("b", "a")}) {
    Route made = two_versions(1, 0);
    made.name = model(name);
    made.versions[0].model = model(std::string(name) + "1");
    made.fallbacks = {to_route(next)};
    others_.push_back(made);
  }
  route_.fallbacks = {to_route("a")};
  EXPECT_EQ(steps(), "a:a1 b:b1 a:a1(tried)");
}

TEST_F(FallbackTest, AreAtMostEightInAll) {
  Route spare = two_versions(1, 0);
  spare.name = model("spare");
  for (int i = 0; i < 8; ++i) {
    spare.fallbacks.push_back(to_model("s" + std::to_string(i)));
    if (i < 7) route_.fallbacks.push_back(to_model("m" + std::to_string(i)));
  }
  route_.fallbacks.push_back(to_route("spare"));
  others_ = {spare};
  EXPECT_EQ(std::ranges::count(steps(), ':'), 8);
}

class RouteTextTest : public testing::Test {
 protected:
  RouteTextTest() {
    route_.versions.push_back({.model = model("secret"), .weight = 10, .stage = Stage::experiment});
    route_.conditions = {
        {.name = "beta", .all = {{.name = "x-beta", .value = "1"}}, .version = model("new")}};
    route_.grey = GreyChannel{.name = "preview", .version = model("new"), .tenants = {tenant(1)}};
  }
  Route route_ = two_versions(80, 10);
};

TEST_F(RouteTextTest, TellsATenantItsOwnRuleAndVersionOnly) {
  EXPECT_EQ(tenant_text(route_, {.version = 0, .stuck_by = StickyBy::session}),
            "chat sent this request to its version old: all requests of its conversation go "
            "there.\n");
  EXPECT_EQ(tenant_text(route_, {.version = 1, .rule = Rule::condition}),
            "chat sent this request to its version new: it fits the condition beta.\n");
  EXPECT_EQ(tenant_text(route_, {.version = 1, .rule = Rule::grey_channel}),
            "chat sent this request to its version new: it asked for the channel preview.\n");
  EXPECT_EQ(tenant_text(route_, {.version = 1, .rule = Rule::grey_channel, .by_label = true}),
            "chat sent this request to its version new: its key has the label of the channel "
            "preview.\n");
}

TEST_F(RouteTextTest, TheTenantsTextDependsOnNothingOfOthers) {
  const Choice choice{.version = 0, .stuck_by = StickyBy::user};
  Route changed = route_;
  changed.versions.erase(changed.versions.begin() + 1, changed.versions.end());
  changed.versions[0].weight = 7;
  changed.grey.reset();
  changed.conditions.clear();
  changed.fallbacks = {{.name = model("elsewhere")}};
  EXPECT_EQ(tenant_text(changed, choice), tenant_text(route_, choice));
}

TEST_F(RouteTextTest, TellsOperatorsEveryVersionsShareAndWhatWasPassedOver) {
  const Shift shift{.version = model("new"), .share = 1'000};
  EXPECT_EQ(operator_text(route_, {.version = 0, .stuck_by = StickyBy::tenant}, all_but("secret"),
                          &shift),
            "chat sent this request to its version old: all requests of its tenant go there.\n"
            "  > stable      80.00 %  old\n"
            "    canary      10.00 %  new  in a rollout\n"
            "    experiment  10.00 %  secret  not permitted\n");
}

}  // namespace
}  // namespace sovmesh::catalog
