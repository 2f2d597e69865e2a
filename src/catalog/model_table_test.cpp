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

TEST_F(ModelTableTest, ListsByName) {
  std::vector<std::string> names;
  for (const Model* m : table_.visible(tenant(1), nullptr))
    names.emplace_back(m->name.text());
  EXPECT_THAT(names, testing::ElementsAre("both", "private", "shared"));
}

}  // namespace
}  // namespace sovmesh::catalog
