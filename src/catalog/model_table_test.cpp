#include "catalog/model_table.h"

#include <gmock/gmock.h>

namespace sovmesh::catalog {
namespace {

TenantId tenant(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return {Ulid::from_bytes(bytes)};
}

Model model(std::string_view name, std::set<TenantId> tenants = {}) {
  Model out{.id = {}, .name = *ModelName::parse(name)};
  out.for_all_tenants = tenants.empty();
  out.tenants = std::move(tenants);
  return out;
}

class ModelTableTest : public testing::Test {
 protected:
  std::vector<Model> models() {
    std::vector<Model> all;
    all.push_back(model("shared"));
    all.push_back(model("private", {tenant(1)}));
    all.push_back(model("both", {tenant(1), tenant(2)}));
    return all;
  }
  ModelTable table_{models()};
};

TEST_F(ModelTableTest, TenantsSeeWhatIsTheirs) {
  EXPECT_NE(table_.find("private", tenant(1), nullptr), nullptr);
  EXPECT_EQ(table_.find("private", tenant(2), nullptr), nullptr);
  EXPECT_NE(table_.find("both", tenant(2), nullptr), nullptr);
  EXPECT_NE(table_.find("shared", tenant(3), nullptr), nullptr);
  EXPECT_EQ(table_.find("unknown", tenant(1), nullptr), nullptr);
  EXPECT_EQ(table_.find("nobody", tenant(1), nullptr), nullptr);
}

TEST_F(ModelTableTest, AKeyOnlyNarrows) {
  const std::set<ModelName> only{*ModelName::parse("private")};
  EXPECT_EQ(table_.find("shared", tenant(1), &only), nullptr);
  EXPECT_NE(table_.find("private", tenant(1), &only), nullptr);
  EXPECT_EQ(table_.find("private", tenant(2), &only), nullptr);
}

class RouteTableTest : public ModelTableTest {
 protected:
  static Route route(std::string_view name, std::vector<std::string_view> versions) {
    Route out{.name = *ModelName::parse(name)};
    for (const std::string_view version : versions) {
      out.versions.push_back({.model = *ModelName::parse(version),
                              .weight = 1,
                              .stage = out.versions.empty() ? Stage::stable : Stage::canary});
    }
    return out;
  }
  static ModelName named(std::string_view name) { return *ModelName::parse(name); }
};

TEST_F(RouteTableTest, ARouteIsForWhoeverMayUseAVersion) {
  const ModelTable table(models(), {route("r", {"private", "both"})});
  for (const auto n : {std::uint8_t{1}, std::uint8_t{2}}) {
    const Model* const listed = table.find("r", tenant(n), nullptr);
    ASSERT_NE(listed, nullptr);
    EXPECT_EQ(table.route_behind(*listed), table.route(named("r")));
  }
  EXPECT_EQ(table.find("r", tenant(3), nullptr), nullptr);
  EXPECT_EQ(table.route_behind(*table.find("shared", tenant(3), nullptr)), nullptr);
}

TEST_F(RouteTableTest, ARouteStandsInFrontOfAModelOfItsName) {
  const ModelTable table(models(), {route("shared", {"shared", "both"})});
  EXPECT_NE(table.route_behind(*table.find("shared", tenant(3), nullptr)), nullptr);
  EXPECT_EQ(table.model(named("shared"))->name.text(), "shared");
  EXPECT_EQ(table.visible(tenant(1), nullptr).size(), 3U);
}

TEST_F(RouteTableTest, WhoMayUseAVersionIsAskedOfTenantAndKey) {
  const ModelTable table(models(), {route("r", {"private", "shared"})});
  const std::set<ModelName> the_route{named("r")};
  const std::set<ModelName> other{named("both")};
  EXPECT_TRUE(table.may_answer(named("private"), tenant(1), nullptr));
  EXPECT_FALSE(table.may_answer(named("private"), tenant(2), nullptr));
  EXPECT_TRUE(table.may_answer(named("private"), tenant(1), &the_route));
  EXPECT_FALSE(table.may_answer(named("both"), tenant(1), &the_route));
  EXPECT_FALSE(table.may_answer(named("shared"), tenant(1), &other));
  EXPECT_FALSE(table.may_answer(named("gone"), tenant(1), nullptr));
}

TEST_F(RouteTableTest, WhatIsListedPromisesWhatEveryVersionAllows) {
  std::vector<Model> all = models();
  all[0].context_tokens = 8'000;
  all[2].context_tokens = 2'000;
  const ModelTable table(all, {route("r", {"shared", "private", "both"})});
  EXPECT_EQ(table.find("r", tenant(1), nullptr)->context_tokens, 2'000);
}

TEST_F(ModelTableTest, ListsByName) {
  std::vector<std::string> names;
  for (const Model* m : table_.visible(tenant(1), nullptr))
    names.emplace_back(m->name.text());
  EXPECT_THAT(names, testing::ElementsAre("both", "private", "shared"));
}

}  // namespace
}  // namespace sovmesh::catalog
