#include "config/yaml_tree.h"

#include <gmock/gmock.h>

#include <string>

namespace sovmesh::config {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  std::vector<Finding> findings;
  EXPECT_TRUE(read_yaml("a.yaml", text, findings).empty());
  return to_text(findings);
}

TEST(YamlTree, KeepsPlacesAndTellsTextsFromPlainValues) {
  std::vector<Finding> findings;
  const auto documents = read_yaml(
      "a.yaml", "kind: model\nspec:\n  n: 8\n  text: \"8\"\n  no: ~\n---\n- a\n", findings);
  ASSERT_TRUE(findings.empty()) << to_text(findings);
  ASSERT_EQ(documents.size(), 2U);
  const YamlNode* spec = documents[0].find("spec");
  ASSERT_NE(spec, nullptr);
  EXPECT_FALSE(spec->find("n")->is_quoted);
  EXPECT_TRUE(spec->find("text")->is_quoted);
  EXPECT_EQ(spec->find("text")->text, "8");
  EXPECT_TRUE(spec->find("no")->is_null());
  EXPECT_EQ(spec->find("n")->position.text(), "a.yaml:3:6");
  EXPECT_EQ(spec->find("absent"), nullptr);
  EXPECT_TRUE(documents[1].is_list());
}

TEST(YamlTree, LeavesEmptyDocumentsOut) {
  std::vector<Finding> findings;
  EXPECT_TRUE(read_yaml("a.yaml", "# nothing\n---\n---\n# still\n", findings).empty());
  EXPECT_TRUE(findings.empty()) << to_text(findings);
}

TEST(YamlTree, PutsAliasesIn) {
  std::vector<Finding> findings;
  const auto documents = read_yaml("a.yaml", "a: &x [1, 2]\nb: *x\n", findings);
  ASSERT_EQ(documents.size(), 1U) << to_text(findings);
  EXPECT_EQ(documents[0].find("b")->values.size(), 2U);
}

TEST(YamlTree, RefusesWithThePlace) {
  EXPECT_THAT(error_of("a: 1\nb: 2\na: 3\n"),
              HasSubstr("a.yaml:3:1: error: 'a' stands twice (first in line 1)"));
  EXPECT_THAT(error_of("a: [1\nb: 2\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of("a: \xff\n"), HasSubstr("a.yaml:1:1: error: this line is not UTF-8"));
  EXPECT_THAT(error_of("a: !!binary aGk=\n"), HasSubstr("the tag"));
  EXPECT_THAT(error_of(",x"), HasSubstr("not valid YAML"));
}

TEST(YamlTree, RefusesWhatIsTooDeepAndWhatGrowsTooLarge) {
  EXPECT_THAT(error_of(std::string(kYamlDepthMax + 1, '[') + std::string(kYamlDepthMax + 1, ']')),
              HasSubstr("levels are too many"));
  std::string laughs = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 8; ++i) {
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j)
      laughs += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    laughs += "]\n";
  }
  EXPECT_THAT(error_of(laughs), HasSubstr("too many for one file"));
}

}  // namespace
}  // namespace sovmesh::config
