#include "catalog/model_index.h"

#include <gmock/gmock.h>

#include <string>

namespace sovmesh::catalog {
namespace {

using testing::ElementsAre;

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

// Writes down each look-up.
class CountingIndex {
 public:
  explicit CountingIndex(std::span<const Model> models) : index_(models) {}
  Place by_name(std::string_view name) const {
    looked_up.emplace_back("name");
    return index_.by_name(name);
  }
  bool is_named(std::size_t row, std::string_view name) const { return index_.is_named(row, name); }
  bool tenant_may(std::size_t row, TenantId tenant) const {
    looked_up.emplace_back("tenant");
    return index_.tenant_may(row, tenant);
  }
  bool key_may(std::string_view name, const std::set<ModelName>* key_models) const {
    looked_up.emplace_back("key");
    return ModelIndex::key_may(name, key_models);
  }
  mutable std::vector<std::string> looked_up;

 private:
  ModelIndex index_;
};

class ModelIndexTest : public testing::Test {
 protected:
  std::vector<Model> models_{model("shared"), model("foreign", {tenant(2)}),
                             model("withheld", {tenant(1)}), model("own", {tenant(1)})};
  std::set<ModelName> key_models_{*ModelName::parse("own"), *ModelName::parse("shared")};
};

TEST_F(ModelIndexTest, EveryNameCostsTheSameLookUps) {
  const CountingIndex index(models_);
  for (const std::set<ModelName>* key_models :
       {&key_models_, static_cast<decltype(&key_models_)>(nullptr)}) {
    for (const std::string_view name : {"own", "shared", "foreign", "withheld", "unknown", ""}) {
      index.looked_up.clear();
      (void)permitted_row(index, name, tenant(1), key_models);
      EXPECT_THAT(index.looked_up, ElementsAre("name", "tenant", "key")) << name;
    }
  }
}

TEST_F(ModelIndexTest, OnlyWhatTenantAndKeyMayUseIsFound) {
  const ModelIndex index(models_);
  EXPECT_TRUE(permitted_row(index, "own", tenant(1), &key_models_));
  EXPECT_TRUE(permitted_row(index, "shared", tenant(1), &key_models_));
  EXPECT_TRUE(permitted_row(index, "withheld", tenant(1), nullptr));
  EXPECT_FALSE(permitted_row(index, "withheld", tenant(1), &key_models_));
  EXPECT_FALSE(permitted_row(index, "foreign", tenant(1), nullptr));
  EXPECT_FALSE(permitted_row(index, "own", tenant(3), nullptr));
}

TEST_F(ModelIndexTest, AnEmptyOneHasNothing) {
  const ModelIndex index({});
  for (const std::string_view name : {"", "x"})
    EXPECT_FALSE(permitted_row(index, name, tenant(1), nullptr));
}

TEST(ModelIndex, FindsEachOfManyAndNothingBesideThem) {
  std::vector<Model> models;
  models.reserve(1'001);
  for (int i = 0; i < 1'000; ++i)
    models.push_back(model("m" + std::to_string(i)));
  models.push_back(model(std::string(128, 'x')));
  const ModelIndex index(models);
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string name(models[i].name.text());
    const Place place = index.by_name(name);
    ASSERT_TRUE(place.has_hash) << name;
    EXPECT_EQ(index.model(place.row), i);
    for (const std::string& other : {"n" + name, name + "x", name + '\0', name.substr(0, 1)})
      EXPECT_FALSE(index.by_name(other).has_hash) << other;
  }
}

}  // namespace
}  // namespace sovmesh::catalog
