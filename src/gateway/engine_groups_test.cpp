#include "gateway/engine_groups.h"

#include <gmock/gmock.h>

namespace sovmesh::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EngineGroups, EnginesWithoutAModelInCommonAreApart) {
  EXPECT_THAT(engine_groups({{"b"}, {"a"}, {"b"}}),
              ElementsAre(EngineGroup{"a"}, EngineGroup{"b"}));
  EXPECT_THAT(engine_groups({}), IsEmpty());
  EXPECT_THAT(engine_groups({{}, {"a", "a"}, {}}), ElementsAre(EngineGroup{"a"}));
}

TEST(EngineGroups, AChainOfModelsConnectsItsEnds) {
  EXPECT_THAT(engine_groups({{"d", "c"}, {"x"}, {"a", "b"}, {"y", "x"}, {"c", "b"}}),
              ElementsAre(EngineGroup{"a", "b", "c", "d"}, EngineGroup{"x", "y"}));
}

TEST(EngineGroups, LongChainsTakeNoTime) {
  std::vector<std::vector<std::string>> models;
  EngineGroup all;
  for (int i = 10'000; i < 30'000; ++i) {
    models.push_back({"e" + std::to_string(i + 1), "e" + std::to_string(i)});
    all.push_back("e" + std::to_string(i));
  }
  all.push_back("e30000");
  EXPECT_THAT(engine_groups(models), ElementsAre(all));
}

}  // namespace
}  // namespace sovmesh::gateway
