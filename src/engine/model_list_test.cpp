#include "engine/model_list.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::engine {
namespace {

using testing::ElementsAre;

TEST(ModelList, KeepsNamesAndContextsSortedAndOnce) {
  const auto list = parse_model_list(
      R"({"object":"list","data":[{"id":"org/b","created":17,"max_model_len":4096},)"
      R"({"id":"a","created":null},{"id":"org/b"}]})");
  ASSERT_THAT(list, Succeeds());
  EXPECT_THAT(*list, ElementsAre(ListedModel{.name = "a"}, ListedModel{"org/b", 4096, 17}));
}

TEST(ModelList, WhatCannotBeAModelIsLeftOut) {
  const auto list = parse_model_list(
      R"({"data":[{"id":"/models/file.gguf"},{"id":"two words"},{"id":7},{},[],"x",{"id":""},)"
      R"({"id":"fine","created":-5,"max_model_len":18446744073709551615}]})");
  ASSERT_THAT(list, Succeeds());
  EXPECT_THAT(*list, ElementsAre(ListedModel{.name = "fine"}));
}

TEST(ModelList, EndsAtItsBound) {
  std::vector<ListedModel> many;
  for (std::size_t i = 0; i < kListedModelsMax + 10; ++i)
    many.push_back({.name = "m" + std::to_string(i)});
  const auto list = parse_model_list(model_list_json(many));
  ASSERT_THAT(list, Succeeds());
  EXPECT_EQ(list->size(), kListedModelsMax);
}

TEST(ModelList, OtherAnswersAreRefused) {
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"data":{}})", "<html>"})
    EXPECT_THAT(parse_model_list(text), FailsWith(Code::upstream_invalid_response)) << text;
}

TEST(ModelList, ReadsItsOwnWriting) {
  const std::vector<ListedModel> models{{"a", 0, 0}, {"b/c", 2048, 1'700'000'000}};
  const auto again = parse_model_list(model_list_json(models));
  ASSERT_THAT(again, Succeeds());
  EXPECT_EQ(*again, models);
}

}  // namespace
}  // namespace sovmesh::engine
