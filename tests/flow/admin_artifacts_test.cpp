// Artifacts: their stages, their tests, and who may call the models that serve them.
#include <gmock/gmock.h>

#include "base/time_text.h"
#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class AdminArtifactsTest : public AdminWorld {
 protected:
  static std::string artifact(const std::string& version) {
    return R"({"name":"tiny","version":")" + version + R"(","format":"gguf","bytes":7,"digest":")" +
           std::string(64, 'a') + R"("})";
  }
  void make() {
    ok("PUT", "tenants/aurora", R"({"slug":"aurora"})");
    ok("PUT", "tenants/boreal", R"({"slug":"boreal"})");
    ok("POST", "artifacts", artifact("1"));
    ok("PUT", "models/m", R"({"name":"m","engine":"tiny","artifact":"tiny@1"})");
  }
  std::string move(const std::string& body) { return ok("POST", "artifacts/tiny@1/move", body); }
  std::optional<Code> refused_move(const std::string& body) {
    return refusal("POST", "artifacts/tiny@1/move", body);
  }
  // Of the data path.
  bool may_call(const std::string& tenant) {
    const auto directory = publisher_.directory().get();
    const auto data = store_->load();
    for (const tenancy::Tenant& one : data->tenants) {
      if (one.slug.text() != tenant) continue;
      for (const catalog::Model* model : directory->models().visible(one.id, nullptr))
        if (model->name.text() == "m") return true;
    }
    return false;
  }
  std::string passed() {
    return R"({"set":"s","model":"m","results":[{"name":"a","passed":true}]})";
  }
};

TEST_F(AdminArtifactsTest, TheStageSaysWhoMayCallTheModel) {
  make();
  EXPECT_FALSE(may_call("aurora"));
  move(R"({"stage":"testing","tenants":["aurora"]})");
  EXPECT_TRUE(may_call("aurora"));
  EXPECT_FALSE(may_call("boreal"));
  ok("POST", "artifacts/tiny@1/tests", passed());
  move(R"({"stage":"released","tenants":null})");
  EXPECT_TRUE(may_call("boreal"));
  move(R"({"stage":"deprecated","retires_at":"2199-01-01T00:00:00Z"})");
  EXPECT_TRUE(may_call("boreal")) << "those it was released to are told, not shut out";
  EXPECT_EQ(refused_move(R"({"stage":"retired"})"), Code::conflict);
  move(R"({"stage":"released"})");
  EXPECT_TRUE(may_call("boreal"));
}

TEST_F(AdminArtifactsTest, WhoCallsWhatIsDeprecatedIsTold) {
  make();
  const auto notice = [&] { return publisher_.directory().get()->models().all().front().notice; };
  move(R"({"stage":"testing","tenants":["aurora"]})");
  move(R"({"stage":"released","tenants":null,"without_test":"x"})");
  EXPECT_FALSE(notice());
  const WallTime since = world_.clock().wall_now();
  move(R"({"stage":"deprecated","retires_at":"2199-01-01T00:00:00Z"})");
  ASSERT_TRUE(notice());
  EXPECT_EQ(notice()->since, since);
  EXPECT_EQ(notice()->ends_at, parse_rfc3339("2199-01-01T00:00:00Z"));
  world_.run_for(std::chrono::seconds(5));
  ok("PATCH", "artifacts/tiny@1", R"({"owner":"them"})");
  EXPECT_EQ(notice()->since, since) << "another change makes it no later";
  move(R"({"stage":"released"})");
  EXPECT_FALSE(notice());
  move(R"({"stage":"deprecated","retires_at":"2199-01-01T00:00:00Z"})");
  EXPECT_EQ(notice()->since, world_.clock().wall_now());
}

TEST_F(AdminArtifactsTest, NobodyCallsWhatIsRetired) {
  make();
  move(R"({"stage":"testing","tenants":null})");
  EXPECT_TRUE(may_call("aurora"));
  move(R"({"stage":"retired"})");
  EXPECT_FALSE(may_call("aurora"));
  EXPECT_EQ(refused_move(R"({"stage":"released","tenants":null})"), Code::conflict);
  EXPECT_EQ(refusal("DELETE", "artifacts/tiny@1"), Code::conflict) << "a model serves it";
  ok("PATCH", "models/m", R"({"artifact":null})");
  EXPECT_TRUE(may_call("aurora"));
  ok("DELETE", "artifacts/tiny@1");
}

TEST_F(AdminArtifactsTest, AReleaseWantsATestThatPassed) {
  make();
  move(R"({"stage":"testing","tenants":["aurora"]})");
  const std::string release = R"({"stage":"released","tenants":["aurora"]})";
  EXPECT_EQ(refused_move(release), Code::conflict);
  ok("POST", "artifacts/tiny@1/tests", passed());
  const std::string failed = R"({"set":"s","model":"m","results":[{"name":"a","passed":true},)"
                             R"({"name":"b","passed":false}]})";
  ok("POST", "artifacts/tiny@1/tests", failed);
  EXPECT_EQ(refused_move(release), Code::conflict) << "the latest one counts";
  EXPECT_EQ(refused_move(R"({"stage":"released","tenants":null,"without_test":""})"),
            Code::invalid_value);
  EXPECT_THAT(move(R"({"stage":"released","tenants":null,"without_test":"tested elsewhere"})"),
              HasSubstr(R"("stage":"released","tenants":null)"));
}

TEST_F(AdminArtifactsTest, AMoveSaysWhatItNeedsAndNothingElse) {
  make();
  EXPECT_EQ(refused_move(R"({"stage":"testing"})"), Code::missing_required_parameter)
      << "who is to test it";
  EXPECT_EQ(refused_move(R"({"stage":"testing","tenants":["nobody"]})"), Code::not_found);
  EXPECT_EQ(refused_move(R"({"stage":"finished","tenants":null})"), Code::invalid_value);
  EXPECT_EQ(
      refused_move(R"({"stage":"testing","tenants":null,"retires_at":"2199-01-01T00:00:00Z"})"),
      Code::invalid_value);
  EXPECT_EQ(refused_move(R"({"stage":"retired","tenants":null})"), Code::invalid_value);
  EXPECT_EQ(
      refusal("POST", "artifacts/tiny@1/move", R"({"stage":"testing","tenants":null})", "\"9\""),
      Code::precondition_failed);
  EXPECT_THAT(
      ok("POST", "artifacts/tiny@1/move?dry_run=true", R"({"stage":"testing","tenants":null})"),
      HasSubstr(R"("member":"stage","before":"draft","after":"testing")"));
  EXPECT_THAT(ok("GET", "artifacts/tiny@1"), HasSubstr(R"("stage":"draft")"));
}

TEST_F(AdminArtifactsTest, WhatIsImportedNeverChanges) {
  make();
  EXPECT_EQ(refusal("POST", "artifacts", artifact("1")), Code::conflict);
  EXPECT_EQ(refusal("PATCH", "artifacts/tiny@1", R"({"digest":"b"})"), Code::unsupported_parameter);
  EXPECT_THAT(ok("PATCH", "artifacts/tiny@1", R"({"owner":"ann","labels":{"team":"a"}})"),
              AllOf(HasSubstr(R"("owner":"ann")"), HasSubstr(R"("labels":{"team":"a"})")));
  EXPECT_EQ(refusal("POST", "artifacts",
                    R"({"name":"../x","version":"1","format":"gguf","bytes":7,"digest":")" +
                        std::string(64, 'a') + R"("})"),
            Code::invalid_value);
  EXPECT_EQ(refusal("POST", "artifacts",
                    R"({"name":"x","version":"1","format":"gguf","bytes":7,"digest":"../../etc"})"),
            Code::invalid_value);
  EXPECT_EQ(refusal("POST", "artifacts",
                    R"({"name":"x","version":"1","format":"pickle","bytes":7,"digest":")" +
                        std::string(64, 'a') + R"("})"),
            Code::invalid_value);
}

TEST_F(AdminArtifactsTest, AModelServesWhatThereIs) {
  EXPECT_EQ(refusal("PUT", "models/m", R"({"name":"m","engine":"tiny","artifact":"none@1"})"),
            Code::invalid_value);
  config::Config config;
  config.models.push_back({.name = "m", .engine = "tiny"});
  config.models.back().artifact = "none@1";
  const auto applied = publisher_.apply(config);
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error().message(), HasSubstr("'none@1', which has not been imported"));
  ok("POST", "artifacts", artifact("1"));
  config.models.back().artifact = "tiny@1";
  EXPECT_TRUE(publisher_.apply(config));
  EXPECT_THAT(ok("GET", "artifacts/tiny@1"), HasSubstr(R"("models":["m"])"));
}

TEST_F(AdminArtifactsTest, TestRunsAreReadStrictly) {
  make();
  const auto test = [&](const std::string& results) {
    return refusal("POST", "artifacts/tiny@1/tests",
                   R"({"set":"s","model":"m","results":)" + results + "}");
  };
  EXPECT_EQ(test("[]"), Code::invalid_value);
  EXPECT_EQ(test(R"([{"name":"a"}])"), Code::invalid_value);
  EXPECT_EQ(test(R"([{"name":"a","passed":true,"extra":1}])"), Code::invalid_value);
  EXPECT_EQ(test(R"([{"name":"a","passed":true,"ms":-1}])"), Code::invalid_value);
  EXPECT_EQ(test(R"("all")"), Code::invalid_value);
  EXPECT_EQ(refusal("POST", "artifacts/tiny@1/tests", R"({"set":"s","results":[]})"),
            Code::missing_required_parameter);
  EXPECT_THAT(ok("GET", "artifacts/tiny@1/tests"), HasSubstr(R"("data":[])"));
}

}  // namespace
}  // namespace sovmesh::control
