#include <gmock/gmock.h>

#include <memory>

#include "base/time_text.h"
#include "control/key_maker.h"
#include "tenancy/key_format.h"
#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using testing::HasSubstr;
using testing::Not;

using AdminApiTest = AdminWorld;

TEST_F(AdminApiTest, AKeyWorksAsSoonAsItsCreationIsAnsweredAndEndsWhenRevoked) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string made = ok("POST", "keys", R"({"tenant":"aurora","owner":"ann"})");
  const std::string text = member(made, "key");
  const std::string bearer = "Bearer " + text;
  const identity::Credentials shown{.authorization = bearer};
  const WallTime now = world_.clock().wall_now();
  EXPECT_TRUE(authenticator_.identify(publisher_.directory().get(), shown, now));

  const std::string id = member(made, "id");
  EXPECT_THAT(ok("GET", "keys/" + id), Not(HasSubstr(text)));  // shown once
  EXPECT_NE(member(ok("POST", "keys/" + id + "/revoke"), "revoked_at"), "");
  EXPECT_FALSE(
      authenticator_.identify(publisher_.directory().get(), shown, now + std::chrono::seconds(1)));
}

TEST_F(AdminApiTest, BodiesAreReadStrictly) {
  EXPECT_EQ(refusal("POST", "tenants", "{"), Code::invalid_json);
  EXPECT_EQ(refusal("POST", "tenants", "[]"), Code::invalid_type);
  EXPECT_EQ(refusal("POST", "tenants", "{}"), Code::missing_required_parameter);
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":7})"), Code::invalid_type);
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"aurora","colour":"red"})"),
            Code::unsupported_parameter);
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"aurora","slug":"boreal"})"),
            Code::duplicate_key);
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"aurora","hosts":null})"), Code::invalid_type);
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"aurora","hosts":["A.example"]})"),
            Code::invalid_value);
  EXPECT_EQ(refusal("GET", "tenants?colour=red"), Code::unsupported_parameter);
  EXPECT_EQ(refusal("GET", "tenants?limit=1&limit=2"), Code::invalid_value);
  EXPECT_EQ(refusal("GET", "tenants?after="), Code::invalid_value);
  EXPECT_EQ(refusal("GET", "tenants/aurora"), Code::not_found);
}

TEST_F(AdminApiTest, NamesInUrlsHaveABound) {
  std::string fits;
  for (std::size_t i = 0; i < AdminApi::kUrlTextMax; ++i)
    fits += "%C3%A6";
  EXPECT_EQ(refusal("GET", "tenants/" + fits), Code::not_found);
  EXPECT_EQ(refusal("GET", "tenants/a" + fits), Code::string_above_max_length);
  EXPECT_TRUE(call("GET", "tenants?after=" + fits));
  EXPECT_EQ(refusal("GET", "tenants?after=a" + fits), Code::string_above_max_length);
}

TEST_F(AdminApiTest, AWrongMethodIsToldTheRightOnes) {
  EXPECT_EQ(call("PUT", "tenants").error().allow(), "GET, HEAD, POST");
  EXPECT_EQ(call("POST", "usage").error().allow(), "GET, HEAD");
  EXPECT_EQ(call("OPTIONS", "tenants/aurora").error().allow(), "GET, HEAD, PUT, PATCH, DELETE");
  EXPECT_EQ(call("GET", "ledger/verify").error().allow(), "POST");
  EXPECT_EQ(call("PATCH", "engines/tiny", "{}").error().allow(), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(call("DELETE", "keys/a/rotate").error().allow(), "POST");
}

TEST_F(AdminApiTest, APathThatIsNotServedIsUnknownWhateverTheMethod) {
  for (const char* path : {"", "tenant", "tenants/", "tenants/aurora/more", "keys/a/rotated",
                           "request", "statements/aurora", "ledger", "pools/gpu/members"})
    for (const char* method : {"GET", "POST", "DELETE"})
      EXPECT_EQ(refusal(method, path), Code::unknown_url) << method << " " << path;
}

TEST_F(AdminApiTest, AChangeOfAnOlderRevisionIsRefused) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string old = call("GET", "tenants/aurora")->etag;
  EXPECT_TRUE(call("PATCH", "tenants/aurora", R"({"suspended":true})", old));
  EXPECT_EQ(refusal("PATCH", "tenants/aurora", R"({"suspended":false})", old),
            Code::precondition_failed);
  EXPECT_EQ(refusal("DELETE", "tenants/aurora", "", old), Code::precondition_failed);
  EXPECT_EQ(call("DELETE", "tenants/aurora")->status, 204);
  EXPECT_EQ(refusal("GET", "tenants/aurora"), Code::not_found);
}

TEST_F(AdminApiTest, AChangeOfNothingIsNone) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const auto key = call("POST", "keys", R"({"tenant":"aurora"})");
  const auto project = call("POST", "projects", R"({"tenant":"aurora","slug":"web"})");
  ok("POST", "models", R"({"name":"m","engine":"tiny"})");
  for (const std::string& path :
       {std::string("tenants/aurora"), std::string("models/m"), "keys/" + member(key->body, "id"),
        "projects/" + member(project->body, "id")}) {
    const auto before = call("GET", path);
    for (const char* nothing : {"{}", ""}) {
      const auto after = call("PATCH", path, nothing, before->etag);
      ASSERT_TRUE(after) << path;
      EXPECT_EQ(after->etag, before->etag);
      EXPECT_EQ(after->body, before->body);
    }
    EXPECT_EQ(refusal("PATCH", path, "{}", R"("7")"), Code::precondition_failed);
  }
}

TEST_F(AdminApiTest, WhatTheFileDeclaresIsReadOnlyAndSaysWhere) {
  config::Config config;
  config.tenants.push_back({.name = "boreal"});
  config.tenants.front().position = {.file = "sovmesh.yaml", .line = 12, .column = 5};
  ASSERT_TRUE(publisher_.apply(config));
  const auto refused = call("DELETE", "tenants/boreal");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::conflict);
  EXPECT_THAT(refused.error().message(), HasSubstr("sovmesh.yaml:12:5"));
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"boreal"})"), Code::conflict);
}

// Also some seconds after a start, when a file that is very new is read once more.
TEST_F(AdminApiTest, AFileThatIsReadAgainChangesNothing) {
  const auto key = tenancy::generate_key(world_.random());
  config::Config config;
  config.engines = {{.name = "tiny"}};
  config::Tenant tenant{.name = "boreal"};
  tenant.hosts = {"b.example"};
  tenant.projects = {{.name = "web", .cost_centre = "7"}};
  config::Key of_web{.name = "app", .project = "web"};
  of_web.secret = Secret(std::string(key.text.reveal()));
  of_web.scopes = {"inference"};
  of_web.expires_at = "2199-01-31T00:00:00Z";
  of_web.labels = {{"tier", "gold"}};
  tenant.keys = {of_web};
  config::Limit limit;
  limit.measure = "requests";
  limit.window = "day";
  limit.amount = {.whole = 5};
  tenant.limits = {limit};
  config.tenants = {tenant};
  config.models = {{.name = "m", .engine = "tiny"}};
  ASSERT_TRUE(publisher_.apply(config));
  const auto all = [&] {
    std::string text;
    for (const char* kind : {"tenants", "projects", "keys", "limits", "models"})
      text += ok("GET", kind);
    return text;
  };
  const std::string before = all();
  EXPECT_THAT(before, HasSubstr(R"("tier":"gold")"));
  world_.run_for(std::chrono::seconds(5));
  ASSERT_TRUE(publisher_.apply(config));
  EXPECT_EQ(all(), before) << "revisions and times, too";
  config.tenants[0].position = {.file = "sovmesh.yaml", .line = 90, .column = 5};
  config.models[0].position = {.file = "sovmesh.yaml", .line = 99, .column = 5};
  ASSERT_TRUE(publisher_.apply(config));
  const auto moved = store_->load();
  EXPECT_EQ(moved->tenants.front().meta.revision, 1) << "it only stands on another line";
  EXPECT_EQ(moved->tenants.front().meta.ownership.source, "sovmesh.yaml:90:5");
  EXPECT_EQ(moved->models.front().revision, 1);
  EXPECT_EQ(moved->models.front().source, "sovmesh.yaml:99:5");
  config.tenants[0].display_name = "Boreal";
  ASSERT_TRUE(publisher_.apply(config));
  const auto changed = store_->load();
  EXPECT_EQ(changed->tenants.front().meta.revision, 2);
  EXPECT_EQ(changed->projects.front().meta.revision, 1);
}

TEST_F(AdminApiTest, TenantsThatLeaveTheFileAreNamed) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  config::Config config;
  config.tenants = {{.name = "boreal"}, {.name = "cirrus"}};
  const auto first = publisher_.apply(config);
  ASSERT_TRUE(first);
  EXPECT_THAT(first->removed_tenants, testing::IsEmpty());
  config.tenants.pop_back();
  const auto second = publisher_.apply(config);
  ASSERT_TRUE(second);
  EXPECT_THAT(second->removed_tenants, testing::ElementsAre("cirrus"));
}

TEST_F(AdminApiTest, AHostOfAnotherTenantIsRefusedBeforeItIsStored) {
  ok("POST", "tenants", R"({"slug":"aurora","hosts":["a.example"]})");
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"boreal","hosts":["a.example"]})"),
            Code::conflict);
  EXPECT_THAT(ok("GET", "tenants"), Not(HasSubstr("boreal")));
}

TEST_F(AdminApiTest, ModelsNeedAnEngineThatExists) {
  EXPECT_EQ(refusal("POST", "models", R"({"name":"org/m","engine":"none"})"), Code::invalid_value);
  ok("POST", "models", R"({"name":"org/m","engine":"tiny"})");
  EXPECT_EQ(member(ok("GET", "models/org%2Fm"), "engine"), "tiny");
}

TEST_F(AdminApiTest, AModelHasReplicasThatChangeAndOutliveARestart) {
  for (const char* name : {"gpu-1", "gpu-2"})
    ok("POST", "engines",
       R"({"name":")" + std::string(name) + R"(","url":"http://10.0.0.1:8000/v1"})");
  ok("POST", "models", R"({"name":"m","engines":["gpu-1","gpu-2"]})");
  EXPECT_THAT(ok("GET", "models/m"), HasSubstr(R"("engine":"gpu-1","engines":["gpu-1","gpu-2"])"));
  EXPECT_THAT(publisher_.directory().get()->models().all().front().engines,
              testing::ElementsAre("gpu-1", "gpu-2"));
  EXPECT_EQ(refusal("DELETE", "engines/gpu-2"), Code::conflict) << "a model needs it";
  ok("PATCH", "models/m", R"({"engines":["gpu-2","tiny","gpu-1"]})");
  store_.reset();
  store_ = *store_sqlite::open_control_store(disk_, "control.db", world_.clock());
  EXPECT_THAT(store_->load()->models.front().engines,
              testing::ElementsAre("gpu-2", "tiny", "gpu-1"));
}

TEST_F(AdminApiTest, ReplicasAreCheckedAsThoseOfTheFile) {
  config::Config config;
  config.engines = {{.name = "a", .managed = true, .context_tokens = 512}, {.name = "b"}};
  config.pools = {{.name = "gpus", .engines = {"a", "b"}}};
  ASSERT_TRUE(publisher_.apply(config));
  for (const char* name : {"a", "b"})
    engines_.push_back(std::make_shared<FakeEngine>(name, 4));
  const auto message = [&](const std::string& engines) {
    const auto reply = call("POST", "models", R"({"name":"m",)" + engines + "}");
    return reply ? "none" : reply.error().message();
  };
  EXPECT_THAT(message(R"("engines":["a","tiny"])"),
              HasSubstr("'a' and 'tiny' are not in one pool"));
  EXPECT_THAT(message(R"("engines":["a","none"])"),
              HasSubstr("there is no engine 'none'; there are: "));
  EXPECT_THAT(message(R"("engines":["a","a"])"), HasSubstr("stands twice"));
  EXPECT_THAT(message(R"("engines":[])"), HasSubstr("1 to 64"));
  EXPECT_THAT(message(R"("engine":"a","engines":["b"])"), HasSubstr("not both"));
  EXPECT_THAT(message(R"("chat":true)"), HasSubstr("want engine or engines"));
  EXPECT_THAT(message(R"("engines":["b","a"],"context_tokens":1000)"), HasSubstr("'a' has 512"));
  EXPECT_EQ(message(R"("engines":["b","a"])"), "none");
  ok("PATCH", "models/m", R"({"engine":"b"})");
  EXPECT_THAT(ok("GET", "models/m"), HasSubstr(R"("engines":["b"])"));
}

TEST_F(AdminApiTest, ARotatedKeyKeepsItsIdAndTheOldTextEndsAfterTheOverlap) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string made = ok("POST", "keys", R"({"tenant":"aurora"})");
  const std::string old = member(made, "key");
  const std::string path = "keys/" + member(made, "id");
  const std::string rotated = ok("POST", path + "/rotate", R"({"overlap":"24h"})");
  const std::string text = member(rotated, "key");
  EXPECT_EQ(member(rotated, "id"), member(made, "id"));
  EXPECT_EQ(text.substr(text.size() - 4), member(rotated, "last_four"));
  EXPECT_NE(text, old);
  EXPECT_TRUE(works(text) && works(old));
  EXPECT_THAT(ok("GET", path), Not(HasSubstr(text)));
  world_.run_for(std::chrono::hours(24));
  EXPECT_TRUE(works(text));
  EXPECT_FALSE(works(old));
  const std::string third = member(ok("POST", path + "/rotate"), "key");
  EXPECT_TRUE(works(third));
  EXPECT_FALSE(works(text)) << "no overlap";
}

TEST_F(AdminApiTest, ARotationIsRefusedWhereItMakesNoSense) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string made = ok("POST", "keys", R"({"tenant":"aurora"})");
  const std::string path = "keys/" + member(made, "id");
  for (const char* overlap : {"31d", "-1h", "soon", ""}) {
    EXPECT_EQ(refusal("POST", path + "/rotate", R"({"overlap":")" + std::string(overlap) + "\"}"),
              Code::invalid_value);
  }
  EXPECT_EQ(refusal("POST", path + "/rotate", "", "\"7\""), Code::precondition_failed);
  EXPECT_TRUE(works(member(made, "key"))) << "refusals change nothing";
  ok("POST", path + "/revoke");
  EXPECT_EQ(refusal("POST", path + "/rotate"), Code::conflict);
}

TEST_F(AdminApiTest, AChangeOfAKeySetsWhatItNamesAndNullTakesItBack) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const auto made = call("POST", "keys", R"({"tenant":"aurora","owner":"ann"})");
  const std::string path = "keys/" + member(made->body, "id");
  const auto changed = call("PATCH", path,
                            R"({"display_name":"ci","scopes":["inference"],"models":["m"],)"
                            R"("expires_at":"2099-01-01T00:00:00Z"})",
                            made->etag);
  ASSERT_TRUE(changed);
  EXPECT_THAT(changed->body, HasSubstr(R"("scopes":["inference"],"models":["m"],"owner":"ann")"));
  EXPECT_EQ(refusal("PATCH", path, R"({"owner":"bob"})", made->etag), Code::precondition_failed);
  EXPECT_THAT(ok("PATCH", path, R"({"owner":null,"models":null,"expires_at":null})"),
              HasSubstr(R"("models":null,"owner":null)"));
  EXPECT_EQ(refusal("PATCH", path, R"({"expires_at":"soon"})"), Code::invalid_value);
  EXPECT_THAT(made->body, HasSubstr(R"("max_priority":"interactive")"));
  EXPECT_THAT(ok("PATCH", path, R"({"max_priority":"batch"})"),
              HasSubstr(R"("max_priority":"batch")"));
  EXPECT_EQ(refusal("PATCH", path, R"({"max_priority":"urgent"})"), Code::invalid_value);
  EXPECT_EQ(refusal("PATCH", path, R"({"tenant":"other"})"), Code::unsupported_parameter);
  EXPECT_TRUE(works(member(made->body, "key")));
}

TEST_F(AdminApiTest, LabelsOfAKeyAreShownChangedAndInForce) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const auto made = call("POST", "keys", R"({"tenant":"aurora","labels":{"tier":"gold"}})");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_THAT(made->body, HasSubstr(R"("labels":{"tier":"gold"})"));
  const std::string id = member(made->body, "id");
  const std::string path = "keys/" + id;
  EXPECT_THAT(ok("PATCH", path, R"({"labels":{"team":"a b","channel":"preview"}})"),
              HasSubstr(R"("labels":{"channel":"preview","team":"a b"})"));
  EXPECT_THAT(ok("PATCH", path, R"({"owner":"ann"})"), HasSubstr(R"("team":"a b")"));
  EXPECT_THAT(ok("GET", path), HasSubstr(R"("team":"a b")"));
  EXPECT_EQ(publisher_.directory().get()->key(*KeyId::parse(id))->labels.size(), 2U);
  EXPECT_THAT(ok("PATCH", path, R"({"labels":null})"), HasSubstr(R"("labels":{})"));
  std::string many = R"({"labels":{)";
  for (int i = 0; i <= 16; ++i)
    many += (i > 0 ? "," : "") + std::string(R"("n)") + std::to_string(i) + R"(":"v")";
  EXPECT_EQ(refusal("PATCH", path, many + "}}"), Code::array_above_max_length);
  const std::vector<std::string> wrong{R"({"":"v"})", R"({"A":"v"})", R"({"a":""})",
                                       R"({"a":"x\ny"})",
                                       R"({"a":")" + std::string(65, 'x') + R"("})"};
  for (const std::string& labels : wrong)
    EXPECT_EQ(refusal("PATCH", path, R"({"labels":)" + labels + "}"), Code::invalid_value)
        << labels;
  EXPECT_EQ(refusal("PATCH", path, R"({"labels":{"a":1}})"), Code::invalid_type);
  EXPECT_EQ(refusal("PATCH", path, R"({"labels":["a"]})"), Code::invalid_type);
}

TEST_F(AdminApiTest, ProjectsAndModelsCanBeChanged) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const auto project = call("POST", "projects", R"({"tenant":"aurora","slug":"web"})");
  const std::string path = "projects/" + member(project->body, "id");
  EXPECT_EQ(member(ok("PATCH", path, R"({"display_name":"Web"})"), "display_name"), "Web");
  EXPECT_EQ(refusal("PATCH", path, "{}", project->etag), Code::precondition_failed);

  const auto model = call("POST", "models", R"({"name":"m","engine":"tiny","tenants":["aurora"]})");
  EXPECT_THAT(ok("PATCH", "models/m", R"({"tenants":null,"engine_model":"x","embeddings":true})"),
              HasSubstr(R"("embeddings":true,"tenants":null)"));
  EXPECT_EQ(member(ok("PATCH", "models/m", R"({"engine_model":null})"), "engine_model"), "m");
  EXPECT_EQ(refusal("PATCH", "models/m", "{}", model->etag), Code::precondition_failed);
  EXPECT_EQ(refusal("PATCH", "models/m", R"({"engine":"none"})"), Code::invalid_value);
  EXPECT_EQ(refusal("PATCH", "models/m", R"({"adapter":0})"), Code::integer_above_max_value);
  EXPECT_EQ(refusal("PATCH", "models/m", R"({"tenants":["nobody"]})"), Code::not_found);
  EXPECT_EQ(
      refusal("PATCH", "models/m", R"({"chat":false,"completions":false,"embeddings":false})"),
      Code::invalid_value);
}

TEST_F(AdminApiTest, AModelTakesWhatTheFileCouldSay) {
  const std::string settings =
      R"("choices_max":2,"extra_fields":["top_k"],"reject_unknown_fields":false,)"
      R"("first_token_timeout":"1500ms","stall_timeout":"9s","total_timeout":"60s",)"
      R"("commit_after":"never")";
  EXPECT_THAT(ok("POST", "models", R"({"name":"m","engine":"tiny",)" + settings + "}"),
              HasSubstr(settings));
  EXPECT_EQ(member(ok("PATCH", "models/m", R"({"commit_after":"3s"})"), "commit_after"), "3s");
  for (const char* body : {R"({"total_timeout":"0s"})", R"({"stall_timeout":"soon"})",
                           R"({"commit_after":"-1s"})", R"({"first_token_timeout":"never"})"})
    EXPECT_EQ(refusal("PATCH", "models/m", body), Code::invalid_value) << body;
  EXPECT_EQ(refusal("PATCH", "models/m", R"({"choices_max":0})"), Code::integer_below_min_value);
}

TEST_F(AdminApiTest, NothingOfTheFileIsChangedHere) {
  config::Config config;
  const config::Position place{.file = "sovmesh.yaml", .line = 3, .column = 5};
  config.engines.push_back({.name = "tiny", .position = place});
  config.models.push_back({.name = "m", .engine = "tiny", .position = place});
  config.tenants.push_back({.name = "boreal", .position = place});
  const Secret text = tenancy::generate_key(world_.random()).text;
  config.tenants.front().keys.push_back({.name = "app", .secret = text, .position = place});
  ASSERT_TRUE(publisher_.apply(config));
  const store::ControlData data = *store_->load();
  const std::string key = "keys/" + std::string(data.keys[0].id.text());
  const std::string project = "projects/" + data.projects[0].id.value.text();
  struct Try {
    const char* method;
    std::string path;
  };
  for (const Try& one :
       {Try{"PATCH", "tenants/boreal"}, Try{"PATCH", project}, Try{"DELETE", project},
        Try{"PATCH", key}, Try{"DELETE", key}, Try{"POST", key + "/rotate"},
        Try{"POST", key + "/revoke"}, Try{"PATCH", "models/m"}, Try{"DELETE", "models/m"},
        Try{"DELETE", "engines/tiny"}}) {
    const auto refused = call(one.method, one.path);
    ASSERT_FALSE(refused) << one.path;
    EXPECT_EQ(refused.error().code(), Code::conflict) << one.path;
    EXPECT_THAT(refused.error().message(), HasSubstr("sovmesh.yaml:3:5")) << one.path;
  }
  EXPECT_EQ(refusal("POST", "engines", R"({"name":"tiny","url":"http://e/v1"})"), Code::conflict);
}

TEST_F(AdminApiTest, EnginesComeAndGoWhileItRuns) {
  const auto made =
      call("POST", "engines", R"({"name":"gpu-1","url":"http://e/v1","dialect":"vllm","slots":8})");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->status, 201);
  EXPECT_EQ(engines_.size(), 2U);
  EXPECT_THAT(ok("GET", "engines/gpu-1"),
              HasSubstr(R"("dialect":"vllm","url":"http://e/v1","slots":8)"));
  EXPECT_THAT(ok("GET", "engines"), HasSubstr(R"("state":)"));
  EXPECT_EQ(refusal("POST", "engines", R"({"name":"gpu-1","url":"http://e/v1"})"), Code::conflict);
  EXPECT_EQ(refusal("POST", "engines", R"({"name":"Gpu","url":"http://e/v1"})"),
            Code::invalid_value);
  EXPECT_EQ(refusal("POST", "engines", R"({"name":"x","url":"gopher://e"})"), Code::invalid_value);

  ok("POST", "models", R"({"name":"m","engine":"gpu-1"})");
  EXPECT_EQ(refusal("DELETE", "engines/gpu-1"), Code::conflict) << "a model needs it";
  ok("DELETE", "models/m");
  EXPECT_EQ(refusal("DELETE", "engines/gpu-1", "", "\"9\""), Code::precondition_failed);
  EXPECT_EQ(call("DELETE", "engines/gpu-1")->status, 204);
  EXPECT_EQ(engines_.size(), 1U);
  EXPECT_EQ(refusal("GET", "engines/gpu-1"), Code::not_found);
}

TEST_F(AdminApiTest, AnEngineOfFileAndApiIsAConfigurationError) {
  ok("POST", "engines", R"({"name":"gpu-1","url":"http://e/v1"})");
  config::Config config;
  config.engines.push_back(
      {.name = "gpu-1", .position = {.file = "f.yaml", .line = 2, .column = 3}});
  const auto refused = publisher_.apply(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::config_invalid);
  EXPECT_THAT(refused.error().message(), HasSubstr("f.yaml:2:3: error: engine 'gpu-1' exists"));
}

TEST_F(AdminApiTest, AFileThatDoesNotFitTheRestChangesNothing) {
  ok("POST", "tenants", R"({"slug":"aurora","hosts":["a.example"]})");
  config::Config config;
  config.tenants.push_back({.name = "boreal", .hosts = {"b.example"}});
  ASSERT_TRUE(publisher_.apply(config));
  const std::int64_t version = store_->load()->version;
  config.tenants.front().hosts = {"a.example"};
  config.tenants.push_back({.name = "third"});
  EXPECT_FALSE(publisher_.apply(config));
  EXPECT_EQ(store_->load()->version, version);
  EXPECT_THAT(ok("GET", "tenants"), Not(HasSubstr("third")));
}

TEST_F(AdminApiTest, EnginesHaveABound) {
  for (std::size_t i = 0; i < AdminApi::kEnginesMax; ++i)
    ok("POST", "engines", R"({"name":"e)" + std::to_string(i) + R"(","url":"http://e/v1"})");
  EXPECT_EQ(refusal("POST", "engines", R"({"name":"more","url":"http://e/v1"})"), Code::conflict);
}

class DiscoveryTest : public AdminApiTest {
 protected:
  DiscoveryTest() {
    config_.engines.push_back({.name = "near", .discover_models = true});
    config_.engines.push_back({.name = "far", .discover_models = true});
    config_.engines.push_back({.name = "tiny"});
    config_.tenants.push_back({.name = "aurora"});
    EXPECT_TRUE(publisher_.apply(config_));
  }
  std::string names() const {
    std::string out;
    for (const catalog::Model& model : publisher_.directory().get()->models().all())
      out += std::string(model.name.text()) + "@" + model.engine + " ";
    return out;
  }
  config::Config config_;
};

TEST_F(DiscoveryTest, WhatEnginesListIsOfferedAndSurvivesARestart) {
  ASSERT_TRUE(publisher_.discover("near", {{.name = "a", .context_tokens = 4096}, {.name = "b"}}));
  ASSERT_TRUE(publisher_.discover("far", {{.name = "b"}, {.name = "c"}}));
  ASSERT_TRUE(publisher_.discover("tiny", {{.name = "d"}}));  // does not discover
  EXPECT_EQ(names(), "a@near b@near c@far ");
  EXPECT_THAT(ok("GET", "models/a"), HasSubstr(R"("managed_by":"engine","source":"near")"));
  EXPECT_THAT(ok("GET", "models/a"), HasSubstr(R"("context_tokens":4096)"));
  EXPECT_EQ(refusal("DELETE", "models/a"), Code::conflict);

  DirectoryPublisher again(*store_, authenticator_, world_.clock(), world_.random());
  ASSERT_TRUE(again.apply(config_));
  EXPECT_EQ(again.discovered().size(), 3U);
  ASSERT_TRUE(publisher_.discover("near", {}));
  EXPECT_EQ(names(), "b@far c@far ");
}

TEST_F(DiscoveryTest, ADeclaredModelWinsOverADiscoveredOne) {
  ASSERT_TRUE(publisher_.discover("near", {{.name = "a"}}));
  ok("POST", "models", R"({"name":"a","engine":"tiny"})");
  EXPECT_EQ(names(), "a@tiny ");
  ok("DELETE", "models/a");
  EXPECT_EQ(names(), "a@near ");
}

TEST_F(DiscoveryTest, AListThatIsTheSameWritesNothing) {
  ASSERT_TRUE(publisher_.discover("near", {{.name = "a"}}));
  const std::int64_t version = store_->load()->version;
  world_.run_for(std::chrono::seconds(10));
  ASSERT_TRUE(publisher_.discover("near", {{.name = "a"}}));
  EXPECT_EQ(store_->load()->version, version);
}

TEST_F(AdminApiTest, AModelsContextIsAtMostItsManagedEngines) {
  config::Config config;
  config.engines.push_back({.name = "tiny", .managed = true, .context_tokens = 512});
  ASSERT_TRUE(publisher_.apply(config));
  EXPECT_EQ(refusal("POST", "models", R"({"name":"m","engine":"tiny","context_tokens":513})"),
            Code::integer_above_max_value);
  ok("POST", "models", R"({"name":"less","engine":"tiny","context_tokens":100})");
  ok("POST", "models", R"({"name":"same","engine":"tiny"})");
  const auto& models = publisher_.directory().get()->models().all();
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].context_tokens, 100);
  EXPECT_EQ(models[1].context_tokens, 512);
}

TEST_F(AdminApiTest, TheFirstKeyIsMadeOnceAndWorks) {
  config::Config config;
  config.tenants.push_back({.name = "default"});
  ASSERT_TRUE(publisher_.apply(config));
  const auto make = [&] {
    return make_first_key(*store_, authenticator_, world_.random(), "default");
  };
  const auto first = make();
  ASSERT_TRUE(first && *first);
  ASSERT_TRUE(publisher_.publish());
  const std::string bearer = "Bearer " + std::string((*first)->text.reveal());
  const identity::Credentials shown{.authorization = bearer};
  EXPECT_TRUE(
      authenticator_.identify(publisher_.directory().get(), shown, world_.clock().wall_now()));
  const auto second = make();
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
  ASSERT_TRUE(publisher_.apply(config)) << "a later start keeps it";
  EXPECT_EQ(store_->load()->keys.size(), 1U);
}

TEST_F(AdminApiTest, ListsComeInPages) {
  for (const std::string name : {"aaa", "bbb", "ccc"})
    ok("POST", "tenants", R"({"slug":")" + name + "\"}");
  const std::string first = ok("GET", "tenants?limit=2");
  EXPECT_THAT(first, HasSubstr(R"("has_more":true)"));
  const std::string second = ok("GET", "tenants?limit=2&after=" + member(first, "next"));
  EXPECT_THAT(second, HasSubstr("ccc"));
  EXPECT_THAT(second, HasSubstr(R"("has_more":false)"));
}

TEST_F(AdminApiTest, UsageNamesATenantThatExists) {
  EXPECT_THAT(ok("GET", "usage"), HasSubstr(R"("tenant":null)"));  // of all
  EXPECT_EQ(refusal("GET", "usage/forecast"), Code::missing_required_parameter);
  EXPECT_EQ(refusal("GET", "usage?tenant=nobody"), Code::not_found);
  ok("POST", "tenants", R"({"slug":"aurora"})");
  EXPECT_EQ(refusal("GET", "usage?tenant=aurora&by=colour"), Code::invalid_value);
  EXPECT_THAT(ok("GET", "usage?tenant=aurora&by=model"), HasSubstr(R"("data":[])"));
  EXPECT_EQ(ledger_.flushes, 4) << "a sum must see what has just been answered";
  EXPECT_EQ(refusal("GET", "usage?tenant=aurora&format=pdf"), Code::invalid_value);
  EXPECT_EQ(refusal("GET", "usage?tenant=aurora&chart=tokens&width=9999"), Code::invalid_value);
  EXPECT_EQ(refusal("GET", "usage?colour=red"), Code::unsupported_parameter);
  EXPECT_EQ(call("GET", "usage?tenant=aurora&format=csv")->content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(ok("GET", "usage?tenant=aurora&by=day&chart=tokens"), "No usage.\n");
  EXPECT_THAT(ok("GET", "usage/forecast?tenant=aurora"), HasSubstr(R"("too_little_data":true)"));
}

TEST_F(AdminApiTest, StatementsRequestsAndTheLedgersCheckHavePlacesOfTheirOwn) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string month = to_rfc3339(world_.clock().wall_now()).substr(0, 7);
  const std::string place = "statements/aurora/" + month;
  EXPECT_THAT(ok("GET", place), HasSubstr(R"("preliminary":true)"));
  EXPECT_EQ(call("GET", place + "?format=html")->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(call("GET", place)->etag, "");
  const std::string adjustment = R"({"id":"a","amount":"-2.5","reason":"late"})";
  EXPECT_EQ(call("POST", "statements/aurora/adjustments", adjustment)->status, 201);
  ok("POST", "statements/aurora/adjustments", adjustment);
  EXPECT_THAT(ok("GET", place), HasSubstr(R"("adjustments_micro":-2500000)"));
  EXPECT_EQ(refusal("POST", place), Code::method_not_supported);
  EXPECT_EQ(refusal("POST", "statements/aurora/adjustments", R"({"amount":"1"})"),
            Code::missing_required_parameter);
  EXPECT_EQ(refusal("GET", place + "?format=pdf"), Code::invalid_value);

  metering::Intent intent{.request = {Ulid::make(world_.clock().wall_now(), world_.random())}};
  const RequestId id = intent.request;
  intent.model = "plus";
  ledger_.records[id].intent = intent;
  EXPECT_THAT(ok("GET", "requests/req_" + id.value.hex()), HasSubstr(R"("state":"open")"));
  EXPECT_THAT(ok("GET", "requests/" + id.value.text() + "?format=text"), HasSubstr("plus"));
  EXPECT_EQ(refusal("GET", "requests/req_00000000000000000000000000000000"), Code::not_found);
  EXPECT_EQ(refusal("GET", "requests/abc"), Code::invalid_value);

  EXPECT_THAT(ok("POST", "ledger/verify"), HasSubstr(R"("clean":true)"));
  EXPECT_EQ(call("GET", "ledger/verify").error().allow(), "POST");
  EXPECT_EQ(refusal("POST", "ledger/repair"), Code::unknown_url);
}

}  // namespace
}  // namespace sovmesh::control
