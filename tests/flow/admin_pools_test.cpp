// Shares of pools through the admin API.
#include <gmock/gmock.h>

#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using testing::HasSubstr;

class AdminPoolsTest : public AdminWorld {
 protected:
  AdminPoolsTest() {
    config_.tenants = {{.name = "aurora"}, {.name = "boreal"}};
    config_.engines = {{.name = "tiny"}};
    config_.pools = {{.name = "gpu", .engines = {"tiny"}, .capacity = Decimal{.whole = 2}}};
    config_.pools[0].cohorts.resize(1);
    config_.pools[0].cohorts[0].name = "east";
    config::Member member;
    member.tenant = "boreal";
    member.position = {.file = "sovmesh.yaml", .line = 7, .column = 9};
    config_.pools[0].members = {member};
    apply();
  }
  void apply() {
    const auto applied = changes_.make(
        "config.apply",
        [&](const auto& agree) -> Result<void> {
          TRY_VOID(publisher_.apply(config_, agree));
          return {};
        },
        [](store::ControlStore&) { return std::optional<store::AdminEntry>(); });
    EXPECT_TRUE(applied) << applied.error().message();
  }
  const config::Member* shared(const std::string& tenant) const {
    for (const config::Pool& pool : shared_)
      for (const config::Member& member : pool.members)
        if (member.tenant == tenant) return &member;
    return nullptr;
  }

  config::Config config_;
};

TEST_F(AdminPoolsTest, AShareIsInForceAtOnceAndOverARestart) {
  const auto made = call("POST", "pools/gpu/set",
                         R"({"tenant":"aurora","guaranteed":"0.5","weight":3,"cohort":"east"})");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->status, 201);
  EXPECT_THAT(made->body,
              HasSubstr(R"({"pool":"gpu","tenant":"aurora","project":null,"cohort":"east",)"
                        R"("guaranteed":"0.5","borrowing_limit":null,"lending_limit":null,)"
                        R"("weight":"3","concurrency_max":null)"));
  ASSERT_NE(shared("aurora"), nullptr);
  EXPECT_EQ(to_text(shared("aurora")->guaranteed), "0.5");
  ok("POST", "pools/gpu/set",
     R"({"tenant":"aurora","borrowing_limit":"1.5","lending_limit":0,"concurrency_max":4})");
  EXPECT_EQ(to_text(shared("aurora")->weight), "3") << "what is not said stays";
  EXPECT_EQ(to_text(*shared("aurora")->borrowing_limit), "1.5");
  ok("POST", "pools/gpu/set",
     R"({"tenant":"aurora","borrowing_limit":null,"cohort":null,"concurrency_max":null})");
  EXPECT_FALSE(shared("aurora")->borrowing_limit);
  EXPECT_TRUE(shared("aurora")->lending_limit->is_zero());

  store_.reset();
  store_ = *store_sqlite::open_control_store(disk_, "control.db", world_.clock());
  DirectoryPublisher again(*store_, authenticator_, world_.clock(), world_.random());
  ASSERT_TRUE(again.apply(config_));
  const auto pools = again.state().pools;
  ASSERT_EQ(pools->at(0).members.size(), 2U);
  EXPECT_EQ(pools->at(0).members[1].tenant, "aurora");
  EXPECT_EQ(to_text(pools->at(0).members[1].weight), "3");
}

TEST_F(AdminPoolsTest, WhatIsWrongChangesNothing) {
  ok("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":3})");
  const auto old = call("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":2})")->etag;
  const auto refuse = [&](const char* body) { return refusal("POST", "pools/gpu/set", body); };
  EXPECT_EQ(refuse(R"({"tenant":"aurora","weight":0})"), Code::invalid_value) << "the file's check";
  EXPECT_EQ(refuse(R"({"tenant":"nobody","weight":1})"), Code::not_found);
  EXPECT_EQ(refuse(R"({"tenant":"aurora","project":"none"})"), Code::not_found);
  EXPECT_EQ(refuse(R"({"tenant":"aurora","project":"default","cohort":"east"})"),
            Code::invalid_value);
  EXPECT_EQ(refuse(R"({"tenant":"aurora","guaranteed":-1})"), Code::invalid_value);
  EXPECT_EQ(refuse(R"({"tenant":"aurora","weigth":1})"), Code::unsupported_parameter);
  EXPECT_EQ(refuse(R"({"tenant":"aurora"})"), Code::missing_required_parameter);
  EXPECT_EQ(refusal("POST", "pools/none/set", R"({"tenant":"aurora"})"), Code::not_found);
  EXPECT_EQ(refusal("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":5})", R"("1")"),
            Code::precondition_failed);
  EXPECT_EQ(call("PUT", "pools/gpu/set").error().allow(), "POST");
  EXPECT_EQ(to_text(shared("aurora")->weight), "2");
  EXPECT_TRUE(call("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":5})", old));
}

TEST_F(AdminPoolsTest, AStoredShareThatLendsMoreThanItHasLendsWhatItHas) {
  const store::ControlData data = *store_->load();
  ASSERT_TRUE(store_->create(store::PoolMemberRecord{.id = {Ulid()},
                                                     .pool = "gpu",
                                                     .tenant = data.tenants.front().id,
                                                     .project = {},
                                                     .cohort = "",
                                                     .guaranteed = 500'000,
                                                     .borrowing_limit = {},
                                                     .lending_limit = 2'000'000}));
  apply();
  const config::Member* stored = shared(std::string(data.tenants.front().slug.text()));
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(to_text(*stored->lending_limit), "0.5");
}

TEST_F(AdminPoolsTest, WhatTheFileDeclaresIsTheFiles) {
  for (const char* verb : {"set", "remove"}) {
    const auto refused = call("POST", std::string("pools/gpu/") + verb, R"({"tenant":"boreal"})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::conflict);
    EXPECT_THAT(refused.error().message(), HasSubstr("tenant 'boreal' in pool 'gpu'"));
    EXPECT_THAT(refused.error().message(), HasSubstr("sovmesh.yaml:7:9"));
  }
  ok("POST", "pools/gpu/set", R"({"tenant":"boreal","project":"default","concurrency_max":2})");
  ok("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":3})");
  config_.pools[0].members.push_back(config_.pools[0].members[0]);
  config_.pools[0].members[1].tenant = "aurora";
  const auto refused = publisher_.apply(config_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("member 'aurora' exists already"));
}

TEST_F(AdminPoolsTest, AShareThatIsRemovedLeavesTheDefaults) {
  ok("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":3})");
  EXPECT_EQ(call("POST", "pools/gpu/remove", R"({"tenant":"aurora"})")->status, 204);
  EXPECT_EQ(shared("aurora"), nullptr);
  EXPECT_EQ(refusal("POST", "pools/gpu/remove", R"({"tenant":"aurora"})"), Code::not_found);
}

TEST_F(AdminPoolsTest, SharesOfAPoolThatIsGoneWait) {
  ok("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":3})");
  const std::vector<config::Pool> before = std::exchange(config_.pools, {});
  apply();
  EXPECT_EQ(shared("aurora"), nullptr);
  EXPECT_EQ(refusal("GET", "pools/gpu"), Code::not_found);
  config_.pools = before;
  apply();
  EXPECT_NE(shared("aurora"), nullptr);
}

TEST_F(AdminPoolsTest, APoolShowsItsPartsAndWhoManagesThem) {
  ok("POST", "pools/gpu/set",
     R"({"tenant":"aurora","weight":3,"guaranteed":"0.5","lending_limit":"0.25"})");
  const std::string shown = ok("GET", "pools/gpu");
  EXPECT_THAT(shown, HasSubstr(R"({"name":"gpu","engines":["tiny"],"capacity":"2","cohorts":[{)"
                               R"("name":"east","cohort":null,)"));
  EXPECT_THAT(shown, HasSubstr(R"("part":"aurora")"));
  EXPECT_THAT(shown, HasSubstr(R"("lending_limit":"0.25","concurrency_max":null,)"
                               R"("user_concurrency_max":null,"managed_by":"api"})"));
  EXPECT_THAT(ok("GET", "pools?pool=gpu"), HasSubstr(R"("managed_by":"api"})"));
}

}  // namespace
}  // namespace sovmesh::control
