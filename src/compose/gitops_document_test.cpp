#include "compose/gitops_document.h"

#include <gmock/gmock.h>

#include <set>

#include "catalog/records.h"
#include "control/admin_objects.h"

namespace sovmesh::compose::gitops {
namespace {

using testing::HasSubstr;

std::vector<Document> read(const std::string& text) {
  std::vector<config::Finding> findings;
  auto documents = read_documents("a.yaml", text, findings);
  EXPECT_TRUE(findings.empty()) << config::to_text(findings);
  return documents;
}
std::string errors_of(const std::string& text) {
  std::vector<config::Finding> findings;
  (void)read_documents("a.yaml", text, findings);
  return config::to_text(findings);
}

TEST(GitopsDocument, IsReadAsItIsWritten) {
  for (const std::string text :
       {"kind: tenant\nname: aurora\nspec:\n  display_name: \"8\"\n  hosts: [a.example]\n",
        "kind: key\ntenant: aurora\nproject: default\nname: \"\"\nspec:\n  labels:\n    tier: "
        "gold\n",
        "kind: membership\nuser: ann@x\nrole: auditor\n",
        "kind: limit\ntenant: aurora\nmeasure: money\nwindow: month\nrolling: true\nspec:\n"
        "  amount: \"250.00\"\n"}) {
    const auto documents = read(text);
    ASSERT_EQ(documents.size(), 1U);
    EXPECT_EQ(document_text(documents.front()), text);
  }
}

TEST(GitopsDocument, SaysWhoElseManagesIt) {
  const auto documents =
      read("kind: tenant\nname: aurora\nmanaged_by: file\nsource: mesh.yaml:3:5\n");
  EXPECT_EQ(documents.front().managed_by, "file");
  EXPECT_EQ(documents.front().source, "mesh.yaml:3:5");
}

TEST(GitopsDocument, NamesThePlaceOfWhatIsWrong) {
  EXPECT_THAT(errors_of("name: x\n"), HasSubstr("a.yaml:1:1: error: a document needs 'kind'"));
  EXPECT_THAT(errors_of("kind: tenand\n"),
              HasSubstr("a.yaml:1:7: error: there is no kind 'tenand'; "
                        "did you mean 'tenant'?"));
  EXPECT_THAT(errors_of("kind: project\nname: x\n"), HasSubstr("a project needs 'tenant'"));
  EXPECT_THAT(errors_of("kind: tenant\nname: x\nspec:\n  dispay_name: X\n"),
              HasSubstr("a.yaml:4:3: error: unknown member 'dispay_name' in the spec of a tenant; "
                        "did you mean 'display_name'?"));
  EXPECT_THAT(errors_of("kind: tenant\nname: x\nspec:\n  suspended: maybe\n"),
              HasSubstr("a.yaml:4:14: error: suspended: want true or false"));
  EXPECT_THAT(errors_of("kind: tenant\nname: x\nspec: []\n"), HasSubstr("spec: want a mapping"));
  EXPECT_THAT(errors_of("- a\n"), HasSubstr("want a document with kind"));
}

TEST(GitopsDocument, ReadsRoutesAsTheApiDoes) {
  EXPECT_THAT(
      errors_of("kind: route\nname: r\nspec:\n  versions:\n    - model: a\n      wait: 1\n"),
      HasSubstr("a.yaml:6:13: error: 'versions[0].wait': unknown"));
  EXPECT_THAT(errors_of("kind: route\nname: r\nspec:\n  versions:\n    - weight: 1\n"),
              HasSubstr("versions[0].model"));
}

TEST(GitopsDocument, KnowsWhomALimitIsFor) {
  EXPECT_THAT(errors_of("kind: limit\nmeasure: requests\nspec: {amount: 1}\n"),
              HasSubstr("a limit is for a tenant"));
  EXPECT_THAT(
      errors_of(
          "kind: limit\ntenant: a\nuser: x\nproject: b\nmeasure: requests\nspec: {amount: 1}\n"),
      HasSubstr("one project, one user or one key"));
  EXPECT_THAT(errors_of("kind: limit\ntenant: a\nkey: x\nmeasure: requests\nspec: {amount: 1}\n"),
              HasSubstr("want PROJECT/NAME"));
  EXPECT_THAT(errors_of("kind: limit\ntenant: a\nmeasure: requests\n"),
              HasSubstr("needs 'amount'"));
}

TEST(GitopsDocument, FindsOneThatStandsTwice) {
  const auto documents = read("kind: user\nname: ann\n---\nkind: user\nname: ann\n");
  std::vector<config::Finding> findings;
  check_twice(documents, findings);
  EXPECT_THAT(config::to_text(findings),
              HasSubstr("a.yaml:4:1: error: the user ann stands twice (first a.yaml:1:1)"));
}

TEST(GitopsDocument, TheSameInAnotherFormIsNoChange) {
  const auto a = read(
      "kind: share\npool: g\ntenant: x\nspec: {guaranteed: 0.50, weight: 1}\n---\n"
      "kind: model\nname: m\nspec: {engines: [a, b], stall_timeout: 15s}\n---\n"
      "kind: key\ntenant: t\nproject: p\nname: k\nspec: {expires_at: 2027-01-31T12:00:00Z}\n");
  const auto b = read(
      "kind: share\npool: g\ntenant: x\nspec: {guaranteed: \"0.5\"}\n---\n"
      "kind: model\nname: m\nspec: {engines: [b, a], engine_model: m, stall_timeout: "
      "15000ms}\n---\n"
      "kind: key\ntenant: t\nproject: p\nname: k\n"
      "spec: {expires_at: 2027-01-31T12:00:00.000000Z, labels: {}}\n");
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(changes_between(a[i], b[i]).empty()) << a[i].title();
}

TEST(GitopsDocument, WhatIsNotSaidIsAsUsual) {
  const auto live = read("kind: tenant\nname: x\nspec: {currency: DKK, display_name: X}\n");
  const auto wanted = read("kind: tenant\nname: x\nspec: {display_name: X}\n");
  const auto changes = changes_between(live.front(), wanted.front());
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].member, "currency");
  EXPECT_EQ(changes[0].before, "DKK");
  EXPECT_EQ(changes[0].after, "EUR");
}

// The table's usual values are the ones that the API has.
TEST(GitopsDocument, UsualValuesAreTheApisOwn) {
  catalog::Model model{.id = {}, .name = *ModelName::parse("m")};
  model.engine = "e";
  model.engine_model = "m";
  const Json shown = Json::parse(control::to_json(model, store::ControlData{}));
  const auto documents = read("kind: model\nname: m\nspec: {engines: [e]}\n");
  const Json whole = whole_spec(documents.front());
  for (const auto& [name, value] : whole.items())
    EXPECT_EQ(value, shown.value(name, Json())) << name;
  std::set<std::string> members;
  for (const SpecMember& member : rules_of(Kind::model).spec)
    members.insert(std::string(member.name));
  for (const auto& [name, value] : shown.items()) {
    const std::set<std::string> others{"id",         "name",       "engine",    "revision",
                                       "created_at", "updated_at", "managed_by"};
    EXPECT_TRUE(members.contains(name) || others.contains(name)) << name;
  }
}

TEST(GitopsDocument, KnowsWhatItNames) {
  const auto documents = read(
      "kind: limit\ntenant: t\nkey: p/k/2\nmeasure: requests\nspec: {amount: 1}\n---\n"
      "kind: key\ntenant: t\nproject: p\nname: k/2\n");
  const auto references = references_of(documents[0]);
  EXPECT_THAT(references, testing::Contains(documents[1].key()));
}

}  // namespace
}  // namespace sovmesh::compose::gitops
