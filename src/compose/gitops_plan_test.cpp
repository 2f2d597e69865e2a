#include "compose/gitops_plan.h"

#include <gmock/gmock.h>

#include "compose/gitops_calls.h"
#include "compose/gitops_live.h"

namespace sovmesh::compose::gitops {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class GitopsPlan : public testing::Test {
 protected:
  // As the server has it: from a document.
  void there(const std::string& text) {
    for (const Document& one : read(text)) {
      Live live;
      static_cast<Object&>(live) = one;
      live.id = "id-" + std::to_string(live_.size());
      live.etag = "\"3\"";
      live_.emplace(live.key(), live);
    }
  }
  std::vector<Document> read(const std::string& text) {
    auto documents = read_documents("a.yaml", text, findings_);
    EXPECT_TRUE(findings_.empty()) << config::to_text(findings_);
    return documents;
  }
  std::vector<std::string> lines_of(const std::string& text) {
    documents_ = read(text);
    steps_ = plan(documents_, live_, options_, findings_);
    std::vector<std::string> lines;
    for (const Step& step : steps_) {
      std::string line = step_text(step);
      if (!line.empty()) lines.push_back(line.substr(0, line.find('\n')));
    }
    return lines;
  }
  std::string errors() const { return config::to_text(findings_); }

  LiveByKey live_;
  PlanOptions options_;
  std::vector<config::Finding> findings_;
  std::vector<Document> documents_;
  std::vector<Step> steps_;
};

constexpr const char* kModel = "kind: model\nname: m\nspec: {engines: [e]}\n";
constexpr const char* kEngine = "kind: engine\nname: e\nspec: {url: http://e/v1}\n";
constexpr const char* kTenant = "kind: tenant\nname: acme\n";
constexpr const char* kBreak = "---\n";

TEST_F(GitopsPlan, MakesWhatOthersNameFirst) {
  EXPECT_THAT(
      lines_of(std::string("kind: limit\ntenant: acme\nmeasure: requests\nspec: {amount: 1}\n") +
               kBreak + kModel + kBreak + kEngine + kBreak + kTenant),
      ElementsAre("+ tenant acme", "+ engine e", "+ model m", "+ limit acme/requests"));
  EXPECT_FALSE(steps_[0].has_to_wait);
  EXPECT_TRUE(steps_[2].has_to_wait);
}

TEST_F(GitopsPlan, PutsRoutesBehindThoseThatTheyFallBackTo) {
  const auto route = [](const std::string& name, const std::string& back) {
    return "kind: route\nname: " + name + "\nspec: {versions: [{model: m, weight: 1}]" +
           (back.empty() ? "" : ", fallbacks: [{route: " + back + "}]") + "}\n";
  };
  EXPECT_THAT(lines_of(route("a", "b") + kBreak + route("b", "c") + kBreak + route("c", "")),
              ElementsAre("+ route c", "+ route b", "+ route a"));
}

TEST_F(GitopsPlan, SaysWhatDiffersAndLeavesTheRest) {
  there(std::string(kTenant) + kBreak + "kind: tenant\nname: other\nspec: {currency: DKK}\n");
  EXPECT_THAT(lines_of(std::string(kTenant) + kBreak + "kind: tenant\nname: other\n"),
              ElementsAre("~ tenant other"));
  EXPECT_THAT(step_text(steps_[1]), HasSubstr("    currency: DKK -> EUR\n"));
}

TEST_F(GitopsPlan, RemovesOnlyKindsThatTheDocumentsHave) {
  there(std::string(kTenant) + kBreak + "kind: tenant\nname: old\n" + kBreak + kEngine + kBreak +
        kModel + kBreak + "kind: model\nname: old\nspec: {engines: [e]}\n");
  options_.prune = true;
  EXPECT_THAT(lines_of(kTenant), ElementsAre("- tenant old"));
  EXPECT_THAT(lines_of(std::string(kTenant) + kBreak + kModel),
              ElementsAre("- model old", "- tenant old"));
}

TEST_F(GitopsPlan, AWebhookThatIsMissingIsMadeOnlyForWhoAsked) {
  const std::string hooks =
      "kind: webhook\ntenant: acme\nname: pager\nspec: {url: https://h/a, events: [key.*]}\n---\n"
      "kind: webhook\nname: pager\nspec: {url: https://h/b, events: [\"*\"], enabled: false}\n";
  there(kTenant);
  EXPECT_THAT(lines_of(hooks),
              ElementsAre("? webhook pager: is not there; --create-keys makes a new one with "
                          "another secret",
                          "? webhook acme/pager: is not there; --create-keys makes a new one with "
                          "another secret"));
  options_.create_keys = true;
  EXPECT_THAT(lines_of(hooks), ElementsAre("+ webhook pager", "+ webhook acme/pager"));
  const auto calls = calls_of(steps_.back(), live_, nullptr);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].method + " " + calls[0].target, "POST /api/v1/webhooks");
  EXPECT_EQ(
      Json::parse(calls[0].body),
      Json::parse(R"({"tenant":"acme","name":"pager","url":"https://h/a","events":["key.*"]})"));
}

TEST_F(GitopsPlan, AWebhookIsChangedByItsIdAndNotForTheOrderOfItsEvents) {
  there("kind: webhook\nname: pager\nspec: {url: https://h/b, events: [disk.full, key.*]}\n");
  EXPECT_THAT(lines_of("kind: webhook\nname: pager\nspec: {url: https://h/b, events: [key.*, "
                       "disk.full]}\n"),
              ElementsAre());
  EXPECT_THAT(lines_of("kind: webhook\nname: pager\nspec: {url: https://h/c, events: [key.*, "
                       "disk.full]}\n"),
              ElementsAre("~ webhook pager"));
  const auto calls = calls_of(steps_.front(), live_, nullptr);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].method + " " + calls[0].target, "PATCH /api/v1/webhooks/id-0");
  EXPECT_EQ(calls[0].body, R"({"url":"https://h/c"})");
}

TEST_F(GitopsPlan, NeverRemovesWhatTheApiDoesNotManage) {
  there(
      "kind: tenant\nname: old\nmanaged_by: file\nsource: mesh.yaml:1:1\n---\n"
      "kind: tenant\nname: older\n");
  options_.prune = true;
  EXPECT_THAT(lines_of(kTenant), ElementsAre("+ tenant acme", "- tenant older"));
}

TEST_F(GitopsPlan, RefusesToChangeWhatTheFileDeclares) {
  there("kind: tenant\nname: acme\nmanaged_by: file\nsource: mesh.yaml:7:5\n");
  lines_of("kind: tenant\nname: acme\nspec:\n  currency: DKK\n");
  EXPECT_THAT(errors(), HasSubstr("a.yaml:4:13: error: the tenant acme is declared in the "
                                  "configuration file (mesh.yaml:7:5): change it there"));
}

TEST_F(GitopsPlan, LeavesWhatTheFileDeclaresWhenNothingDiffers) {
  there("kind: tenant\nname: acme\nmanaged_by: file\nsource: mesh.yaml:7:5\n");
  EXPECT_THAT(lines_of("kind: tenant\nname: acme\nmanaged_by: file\n"), ElementsAre());
  EXPECT_EQ(errors(), "");
}

TEST_F(GitopsPlan, DoesNotMakeWhatBelongsToAFile) {
  lines_of("kind: tenant\nname: acme\nmanaged_by: file\n");
  EXPECT_THAT(errors(), HasSubstr("a.yaml:3:13: error: the tenant acme is not there"));
}

TEST_F(GitopsPlan, RefusesToChangeAnEngine) {
  there(kEngine);
  lines_of("kind: engine\nname: e\nspec: {url: http://f/v1}\n");
  EXPECT_THAT(errors(), HasSubstr("the engine e cannot change ('url' is \"http://e/v1\" there)"));
}

constexpr const char* kKeyAndLimit =
    "kind: key\ntenant: acme\nproject: default\nname: bot\n---\n"
    "kind: limit\ntenant: acme\nkey: default/bot\nmeasure: requests\nspec: {amount: 1}\n";

TEST_F(GitopsPlan, MakesKeysOnlyWhenAsked) {
  const auto lines = lines_of(kKeyAndLimit);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("? key acme/default/bot"), HasSubstr("+ limit")));
  EXPECT_THAT(errors(), HasSubstr("a.yaml:8:6: error: the limit acme/default/bot/requests is for a "
                                  "key that is not there: --create-keys"));
  findings_.clear();
  options_.create_keys = true;
  EXPECT_THAT(lines_of(kKeyAndLimit),
              ElementsAre("+ key acme/default/bot", "+ limit acme/default/bot/requests"));
  EXPECT_EQ(errors(), "");
}

constexpr const char* kBot = "kind: key\ntenant: acme\nproject: default\nname: bot\n";
constexpr const char* kSecondBot = "kind: key\ntenant: acme\nproject: default\nname: bot#2\n";
constexpr const char* kOther = "kind: key\ntenant: acme\nproject: default\nname: other\n";

TEST_F(GitopsPlan, PrunesAKeyThatIsAloneWithItsName) {
  there(std::string(kBot) + kBreak + kOther);
  options_.prune = true;
  EXPECT_THAT(lines_of(kBot), ElementsAre("- key acme/default/other"));
  EXPECT_EQ(errors(), "");
}

TEST_F(GitopsPlan, PrunesNoKeyThatSharesItsName) {
  there(std::string(kBot) + kBreak + kSecondBot);
  for (auto& [key, one] : live_)
    one.shares_name = true;
  options_.prune = true;
  lines_of(kBot);
  EXPECT_THAT(errors(), HasSubstr("--prune: error: the key acme/default/bot#2 (id-1) is in no "
                                  "document, but keys of its project share a name"));
  EXPECT_THAT(errors(), HasSubstr("sovmesh key revoke id-1"));
  findings_.clear();
  options_.only_show = true;
  EXPECT_THAT(lines_of(kBot), ElementsAre("- key acme/default/bot#2")) << "it is shown";
  EXPECT_EQ(errors(), "");
}

// The first of two was to go, and somebody has revoked it meanwhile: the second one has its name.
TEST_F(GitopsPlan, PrunesNoKeyThatHasTakenAnothersPlace) {
  there(kBot);
  options_.prune = true;
  lines_of(kSecondBot);
  EXPECT_THAT(errors(), HasSubstr("the key acme/default/bot (id-0) is in no document"));
}

TEST_F(GitopsPlan, PrunesNoLimitOfAKeyThatSharesItsName) {
  there(std::string(kBot) + kBreak + kSecondBot + kBreak +
        "kind: limit\ntenant: acme\nkey: default/bot\nmeasure: requests\nspec: {amount: 1}\n");
  for (auto& [key, one] : live_)
    one.shares_name = one.kind == Kind::key;
  options_.prune = true;
  lines_of("kind: limit\ntenant: acme\nmeasure: requests\nspec: {amount: 1}\n");
  EXPECT_THAT(errors(), HasSubstr("the limit acme/default/bot/requests (id-2) is in no document"));
}

TEST_F(GitopsPlan, AsksForExactlyTheObjectThatWasLookedAt) {
  there("kind: project\ntenant: acme\nname: web\nspec: {cost_centre: \"7\"}\n");
  lines_of("kind: project\ntenant: acme\nname: web\n");
  const auto calls = calls_of(steps_.front(), live_);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].method + " " + calls[0].target, "PATCH /api/v1/projects/id-0");
  EXPECT_EQ(calls[0].if_match, "\"3\"");
  EXPECT_EQ(calls[0].body, R"({"cost_centre":null})");
}

TEST_F(GitopsPlan, ALimitOfAKeyNamesItsId) {
  there("kind: key\ntenant: acme\nproject: default\nname: bot\n");
  lines_of("kind: limit\ntenant: acme\nkey: default/bot\nmeasure: requests\nspec: {amount: 1}\n");
  const auto calls = calls_of(steps_.front(), live_);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(Json::parse(calls[0].body)["key"], "id-0");
  EXPECT_EQ(Json::parse(calls[0].body)["shadow"], false);
}

TEST_F(GitopsPlan, AUserIsMadeWithItsFirstRoleAndThenShut) {
  lines_of(
      "kind: user\nname: ann\nspec: {disabled: true}\n---\n"
      "kind: membership\nuser: ann\nrole: tenant-admin\ntenant: acme\n");
  const auto calls = calls_of(steps_.front(), live_, &documents_[1]);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].body, R"({"login":"ann","role":"tenant-admin","tenant":"acme"})");
  EXPECT_EQ(calls[1].method + " " + calls[1].target, "PATCH /api/v1/users/ann");
}

// What the admin API answers, as documents.
TEST(GitopsLive, NamesKeysAndLimitsByNames) {
  const std::map<std::string, std::string, std::less<>> rows{
      {"/api/v1/keys",
       R"([{"id":"k2","tenant":"t","project":"p","display_name":"bot","created_at":"2"},
           {"id":"k1","tenant":"t","project":"p","display_name":"bot","created_at":"1"},
           {"id":"k0","tenant":"t","project":"p","display_name":"bot","created_at":"0",
            "revoked_at":"1"}])"},
      {"/api/v1/limits",
       R"([{"id":"l","name":"key:k2 requests/day","scope":"key","tenant":"t","project":null,
            "user":null,"key":"k2","pool":null,"measure":"requests","window":"day","rolling":false,
            "amount":5,"shadow":false,"model":null,"revision":1,"managed_by":"api"}])"},
      {"/api/v1/pools",
       R"([{"pool":"g","part":"","level":"pool","managed_by":null},
           {"pool":"g","part":"east/t","level":"tenant","guaranteed":"1","weight":"1",
            "managed_by":"api"},
           {"pool":"g","part":"u","level":"tenant","weight":"1","managed_by":null}])"}};
  LiveReader reader([&](std::string_view path) -> Result<Json> {
    const auto found = rows.find(path);
    return Json::parse(found == rows.end() ? "[]" : found->second);
  });
  std::set<Kind> hidden;
  const auto live = reader.read_all(hidden);
  ASSERT_TRUE(live.has_value());
  std::vector<std::string> texts;
  for (const auto& [key, one] : *live)
    texts.push_back(one.title() + " " + one.spec.dump());
  EXPECT_THAT(texts, ElementsAre("key t/p/bot {}", "key t/p/bot#2 {}",
                                 R"(limit t/p/bot#2/requests/day {"amount":5,"shadow":false})",
                                 R"(share g/t {"guaranteed":"1","weight":"1","cohort":"east"})"));
}

TEST(GitopsLive, WhatTheCallerMayNotSeeIsHidden) {
  LiveReader reader([&](std::string_view path) -> Result<Json> {
    if (path == "/api/v1/engines") return client_error(Code::insufficient_permissions, "no");
    return Json::array();
  });
  std::set<Kind> hidden;
  ASSERT_TRUE(reader.read_all(hidden).has_value());
  EXPECT_THAT(hidden, ElementsAre(Kind::engine));
}

}  // namespace
}  // namespace sovmesh::compose::gitops
