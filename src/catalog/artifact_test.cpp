#include "catalog/artifact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sovmesh::catalog {
namespace {

using testing::HasSubstr;

constexpr WallTime kNow{std::chrono::hours(1'000)};
const TenantId kAurora{Ulid::from_bytes({1})};
const TenantId kBorealis{Ulid::from_bytes({2})};

std::string refusal(const Release& now, const Move& move) {
  const auto moved = check_move(now, move);
  return moved ? "" : moved.error().message();
}

TEST(ArtifactName, HasTwoParts) {
  const auto name = ArtifactName::parse("assistant@1.2-rc1");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->model(), "assistant");
  EXPECT_EQ(name->version(), "1.2-rc1");
  EXPECT_EQ(name->text(), "assistant@1.2-rc1");
  for (const char* text : {"assistant", "@1", "a@", "a@b@c", "A@1", "../a@1", "a@.1", "a/b@1"})
    EXPECT_FALSE(ArtifactName::parse(text)) << text;
}

// Every pair of stages, against a list written by hand. What else a step wants is given.
TEST(Stages, OnlyTheseStepsAreTaken) {
  const std::vector<std::string> steps{
      "draft>testing",       "testing>draft",      "testing>released", "released>deprecated",
      "deprecated>released", "deprecated>retired", "draft>retired",    "testing>retired"};
  for (std::size_t from = 0; from < kArtifactStages; ++from) {
    for (std::size_t to = 0; to < kArtifactStages; ++to) {
      const Release now{.stage = static_cast<ArtifactStage>(from), .retires_at = kNow};
      const Move move{.to = static_cast<ArtifactStage>(to),
                      .is_tested = true,
                      .retires_at = kNow + std::chrono::hours(1),
                      .now = kNow};
      const std::string step = std::string(name(now.stage)) + ">" + std::string(name(move.to));
      EXPECT_EQ(check_move(now, move).has_value(), std::ranges::find(steps, step) != steps.end())
          << step;
    }
  }
}

TEST(Stages, AReleaseWantsATestThatPassedOrAReason) {
  const Release now{.stage = ArtifactStage::testing};
  EXPECT_THAT(refusal(now, {.to = ArtifactStage::released}), HasSubstr("test run"));
  EXPECT_EQ(refusal(now, {.to = ArtifactStage::released, .is_tested = true}), "");
  EXPECT_EQ(refusal(now, {.to = ArtifactStage::released, .waives_test = true}), "");
}

TEST(Stages, WhoUsesItIsToldInTime) {
  const Release now{.stage = ArtifactStage::released};
  EXPECT_THAT(refusal(now, {.to = ArtifactStage::retired, .now = kNow}),
              HasSubstr("deprecate it first"));
  EXPECT_THAT(refusal(now, {.to = ArtifactStage::deprecated, .now = kNow}),
              HasSubstr("want the day"));
  EXPECT_THAT(refusal(now, {.to = ArtifactStage::deprecated, .retires_at = kNow, .now = kNow}),
              HasSubstr("yet to come"));
  const Release told{.stage = ArtifactStage::deprecated, .retires_at = kNow};
  EXPECT_THAT(refusal(told, {.to = ArtifactStage::retired, .now = kNow - std::chrono::seconds(1)}),
              HasSubstr("later day"));
  EXPECT_EQ(refusal(told, {.to = ArtifactStage::retired, .now = kNow}), "");
}

TEST(Release, LetsInWhoIsOnBothLists) {
  const auto model_of = [](bool all, std::set<TenantId> tenants) {
    Model model{.id = {}, .name = *ModelName::parse("m")};
    model.for_all_tenants = all;
    model.tenants = std::move(tenants);
    return model;
  };
  Model everybody = model_of(true, {});
  bound(everybody, {.stage = ArtifactStage::released, .tenants = {kAurora}});
  EXPECT_FALSE(everybody.for_all_tenants);
  EXPECT_EQ(everybody.tenants, std::set{kAurora});

  Model some = model_of(false, {kAurora, kBorealis});
  bound(some, {.stage = ArtifactStage::testing, .tenants = {kBorealis}});
  EXPECT_EQ(some.tenants, std::set{kBorealis});

  Model all = model_of(true, {});
  bound(all, {.stage = ArtifactStage::deprecated, .for_all_tenants = true});
  EXPECT_TRUE(all.for_all_tenants);

  for (const ArtifactStage stage : {ArtifactStage::draft, ArtifactStage::retired}) {
    Model hidden = model_of(true, {});
    bound(hidden, {.stage = stage, .for_all_tenants = true, .tenants = {kAurora}});
    EXPECT_FALSE(hidden.for_all_tenants);
    EXPECT_TRUE(hidden.tenants.empty());
  }
}

}  // namespace
}  // namespace sovmesh::catalog
