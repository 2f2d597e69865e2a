#include "compose/yaml_text.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace sovmesh::compose {
namespace {

using json = nlohmann::ordered_json;

json read_back(const std::string& text) {
  std::vector<config::Finding> findings;
  const auto documents = config::read_yaml("a.yaml", text, findings);
  EXPECT_TRUE(findings.empty()) << config::to_text(findings) << text;
  return documents.empty() ? json() : json_of(documents.front());
}

TEST(YamlText, IsReadAsWhatWasWritten) {
  const json value = {
      {"plain", "aurora"},
      {"texts", {"30s",         "8",     "true",     "no",  "",     " a",         "a: b",
                 "# x",         "-",     "~",        "1e3", "0x1f", "2027-01-31", "12:30",
                 "line\nbreak", "\"q\"", "\xc3\xa6", "*",   "&a",   "!b",         "@c"}},
      {"numbers", {0, -5, 8, 0.5, 12345678901}},
      {"flags", {true, false, nullptr}},
      {"empty", {{"list", json::array()}, {"map", json::object()}}},
      {"objects", {{{"model", "a"}, {"weight", 90}}, {{"nested", {{{"x", "y"}}}}}}},
      {"lists", {{"a", "b"}, json::array()}},
      {"a name: with colon", 1}};
  EXPECT_EQ(read_back(yaml_text(value)), value) << yaml_text(value);
}

TEST(YamlText, LongListsStandBelowEachOther) {
  json long_list = json::array();
  for (int i = 0; i < 30; ++i)
    long_list.push_back("some-model-" + std::to_string(i));
  const std::string text = yaml_text({{"models", long_list}});
  EXPECT_THAT(text, testing::StartsWith("models:\n  - some-model-0\n"));
  EXPECT_EQ(read_back(text)["models"], long_list);
}

TEST(YamlText, ObjectsOfAListBeginBehindTheDash) {
  EXPECT_EQ(yaml_text({{"versions", {{{"model", "a"}, {"weight", 1}}}}}),
            "versions:\n  - model: a\n    weight: 1\n");
}

}  // namespace
}  // namespace sovmesh::compose
