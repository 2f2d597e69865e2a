// Changes that are only tried.
#include <gmock/gmock.h>

#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using AdminDryRunTest = AdminWorld;

TEST_F(AdminDryRunTest, ItSaysWhatWouldBeAndChangesNothing) {
  const auto tried = call("POST", "tenants?dry_run=true", R"({"slug":"aurora"})");
  ASSERT_TRUE(tried) << tried.error().message();
  EXPECT_EQ(tried->status, 200);
  EXPECT_THAT(tried->body, HasSubstr(R"({"dry_run":true,"action":"create","status":201,)"
                                     R"("before":null,"after":{)"));
  EXPECT_EQ(refusal("GET", "tenants/aurora"), Code::not_found);
  EXPECT_EQ(limits_changes_, 0) << "nobody was told of it";
  EXPECT_THAT(ok("POST", "tenants?dry_run=false", R"({"slug":"aurora"})"), HasSubstr("aurora"));

  const auto change = call("PATCH", "tenants/aurora?dry_run=true", R"({"suspended":true})");
  EXPECT_THAT(
      change->body,
      AllOf(HasSubstr(R"("action":"change","status":200)"),
            HasSubstr(R"("changes":[{"member":"suspended","before":false,"after":true}]})")));
  const auto before = call("GET", "tenants/aurora");
  EXPECT_THAT(before->body, HasSubstr(R"("suspended":false)"));
  EXPECT_EQ(change->etag, before->etag) << "what If-Match must be when it is done";

  EXPECT_THAT(ok("PATCH", "tenants/aurora?dry_run=true", R"({"suspended":false})"),
              HasSubstr(R"("action":"none")"));
  EXPECT_THAT(ok("DELETE", "tenants/aurora?dry_run=true"),
              AllOf(HasSubstr(R"("action":"delete","status":204,"before":{)"),
                    HasSubstr(R"("after":null,"changes":[]})")));
  EXPECT_EQ(call("GET", "tenants/aurora")->body, before->body);
}

TEST_F(AdminDryRunTest, WhatWouldBeRefusedIsRefused) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  EXPECT_EQ(refusal("POST", "tenants?dry_run=true", R"({"slug":"aurora"})"), Code::conflict);
  EXPECT_EQ(refusal("POST", "tenants?dry_run=true", R"({"slug":"A"})"), Code::invalid_value);
  EXPECT_EQ(refusal("PATCH", "tenants/aurora?dry_run=true", "{}", R"("7")"),
            Code::precondition_failed);
  EXPECT_EQ(refusal("DELETE", "tenants/boreal?dry_run=true"), Code::not_found);
  EXPECT_EQ(refusal("DELETE", "tenants/aurora?dry_run=yes"), Code::invalid_value);
  EXPECT_EQ(refusal("GET", "tenants?dry_run=true"), Code::unsupported_parameter);
  EXPECT_EQ(refusal("POST", "ledger/verify?dry_run=true"), Code::unsupported_parameter);
}

TEST_F(AdminDryRunTest, AKeyThatNobodyWillHaveIsNotShown) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string tried = ok("POST", "keys?dry_run=true", R"({"tenant":"aurora"})");
  EXPECT_THAT(tried, AllOf(HasSubstr(R"("action":"create")"), Not(HasSubstr(R"("key":)"))));
  const std::string id = member(ok("POST", "keys", R"({"tenant":"aurora"})"), "id");
  EXPECT_THAT(ok("POST", "keys/" + id + "/rotate?dry_run=true"),
              AllOf(HasSubstr(R"("action":"change")"), Not(HasSubstr(R"("key":)"))));
  EXPECT_THAT(ok("POST", "keys/" + id + "/revoke?dry_run=true"),
              HasSubstr(R"({"member":"revoked_at","before":null,"after":")"));
  EXPECT_THAT(ok("GET", "keys/" + id), HasSubstr(R"("revoked_at":null)"));
}

TEST_F(AdminDryRunTest, LimitsEnginesModelsAndRoutesCanBeTried) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  ok("PUT", "limits", R"({"tenant":"aurora","measure":"requests","window":"day","amount":5})");
  const int before = limits_changes_;
  EXPECT_THAT(ok("PUT", "limits?dry_run=true",
                 R"({"tenant":"aurora","measure":"requests","window":"day","amount":6})"),
              HasSubstr(R"("action":"change","status":200)"));
  EXPECT_THAT(ok("PUT", "limits?dry_run=true",
                 R"({"tenant":"aurora","measure":"requests","window":"hour","amount":6})"),
              HasSubstr(R"("action":"create","status":201)"));
  EXPECT_EQ(limits_changes_, before);
  ok("POST", "engines?dry_run=true", R"({"name":"far","url":"http://far"})");
  EXPECT_EQ(engines_.size(), 1U);
  ok("POST", "models", R"({"name":"m","engine":"tiny"})");
  EXPECT_THAT(ok("PATCH", "models/m?dry_run=true", R"({"owned_by":"us"})"),
              HasSubstr(R"("changes":[{"member":"owned_by",)"));
  const std::string route = R"({"name":"r","versions":[{"model":"m","weight":1}]})";
  ok("POST", "routes?dry_run=true", route);
  EXPECT_EQ(refusal("GET", "routes/r"), Code::not_found);
  ok("POST", "routes", route);
  EXPECT_THAT(ok("DELETE", "routes/r?dry_run=true"), HasSubstr(R"("action":"delete")"));
  ok("GET", "routes/r");
}

TEST_F(AdminDryRunTest, AShareOfAPoolCanBeTried) {
  config::Config config;
  config.tenants = {{.name = "aurora"}};
  config.engines = {{.name = "tiny"}};
  config.pools = {{.name = "gpu", .engines = {"tiny"}, .capacity = Decimal{.whole = 2}}};
  ASSERT_TRUE(publisher_.apply(config));
  EXPECT_THAT(ok("POST", "pools/gpu/set?dry_run=true", R"({"tenant":"aurora","weight":3})"),
              HasSubstr(R"("action":"create","status":201,"before":null)"));
  EXPECT_EQ(refusal("POST", "pools/gpu/remove?dry_run=true", R"({"tenant":"aurora"})"),
            Code::not_found);
  ok("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":3})");
  EXPECT_THAT(ok("POST", "pools/gpu/set?dry_run=true", R"({"tenant":"aurora","weight":4})"),
              HasSubstr(R"("changes":[{"member":"weight","before":"3","after":"4"}])"));
  EXPECT_THAT(ok("POST", "pools/gpu/remove?dry_run=true", R"({"tenant":"aurora"})"),
              HasSubstr(R"("action":"delete","status":204,"before":{"pool":"gpu")"));
  ok("POST", "pools/gpu/remove", R"({"tenant":"aurora"})");
}

TEST_F(AdminDryRunTest, NoIfMatchFitsWhatIsNotThere) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"boreal"})", "*"), Code::precondition_failed);
  const std::string limit = R"({"tenant":"aurora","measure":"requests","window":"day","amount":5})";
  EXPECT_EQ(refusal("PUT", "limits", limit, R"("1")"), Code::precondition_failed);
  const auto made = call("PUT", "limits", limit);
  EXPECT_TRUE(call("PUT", "limits", limit, made->etag));
}

}  // namespace
}  // namespace sovmesh::control
