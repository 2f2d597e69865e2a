// Objects that are said as a whole, whether they are there or not; and lists of some of them.
#include <gmock/gmock.h>

#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using AdminPutTest = AdminWorld;

TEST_F(AdminPutTest, ATenantIsMadeThenReplacedAndTheSameAgainChangesNothing) {
  const std::string whole =
      R"({"slug":"aurora","display_name":"Aurora","hosts":["a.example"],"currency":"DKK"})";
  const auto made = call("PUT", "tenants/aurora", whole);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->status, 201);
  EXPECT_THAT(ok("GET", "projects?tenant=aurora"), HasSubstr(R"("slug":"default")"));
  const auto again = call("PUT", "tenants/aurora", whole);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(again->etag, made->etag);
  EXPECT_EQ(again->body, made->body);
  const auto less = call("PUT", "tenants/aurora", R"({"slug":"aurora"})", made->etag);
  ASSERT_TRUE(less) << less.error().message();
  EXPECT_THAT(less->body, AllOf(HasSubstr(R"("display_name":"aurora","hosts":[])"),
                                HasSubstr(R"("currency":"EUR")")))
      << "what is not said is as if it never had been";
  EXPECT_EQ(member(less->body, "id"), member(made->body, "id"));
  EXPECT_EQ(refusal("PUT", "tenants/aurora", whole, made->etag), Code::precondition_failed);
}

TEST_F(AdminPutTest, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(refusal("PUT", "tenants/aurora", R"({"slug":"boreal"})"), Code::invalid_value);
  EXPECT_EQ(refusal("PUT", "tenants/aurora", "{}"), Code::missing_required_parameter);
  EXPECT_EQ(refusal("PUT", "tenants/aurora", R"({"slug":"aurora"})", "*"),
            Code::precondition_failed);
  EXPECT_EQ(refusal("GET", "tenants/aurora"), Code::not_found);
  ok("PUT", "tenants/aurora", R"({"slug":"aurora","currency":"DKK"})");
  ok("PUT", "limits", R"({"tenant":"aurora","measure":"money","window":"month","amount":5})");
  EXPECT_EQ(refusal("PUT", "tenants/aurora", R"({"slug":"aurora"})"), Code::conflict)
      << "limits of money are in the old currency";
  EXPECT_EQ(refusal("POST", "tenants", R"({"slug":"aurora"})"), Code::conflict);
  config::Config config;
  config.tenants.push_back({.name = "boreal"});
  ASSERT_TRUE(publisher_.apply(config));
  EXPECT_EQ(refusal("PUT", "tenants/boreal", R"({"slug":"boreal"})"), Code::conflict);
}

TEST_F(AdminPutTest, AModelIsMadeThenReplaced) {
  const std::string whole = R"({"name":"org/m","engine":"tiny","owned_by":"us","choices_max":2})";
  const auto made = call("PUT", "models/org%2Fm", whole);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->status, 201);
  EXPECT_EQ(call("PUT", "models/org%2Fm", whole)->body, made->body);
  const auto less = call("PUT", "models/org%2Fm", R"({"name":"org/m","engine":"tiny"})");
  EXPECT_EQ(less->status, 200);
  EXPECT_THAT(less->body,
              AllOf(HasSubstr(R"("owned_by":"sovereign-mesh")"), HasSubstr(R"("choices_max":8)")));
  EXPECT_EQ(member(less->body, "id"), member(made->body, "id"));
  EXPECT_EQ(refusal("PUT", "models/other", whole), Code::invalid_value);
  EXPECT_EQ(refusal("POST", "models", whole), Code::conflict);
  EXPECT_THAT(ok("PUT", "models/org%2Fm?dry_run=true", whole), HasSubstr(R"("action":"change")"));
  EXPECT_THAT(ok("PUT", "models/n?dry_run=true", R"({"name":"n","engine":"tiny"})"),
              HasSubstr(R"("action":"create")"));
}

TEST_F(AdminPutTest, ARouteIsMadeWhereThereIsNone) {
  ok("PUT", "models/m", R"({"name":"m","engine":"tiny"})");
  const std::string whole = R"({"name":"r","versions":[{"model":"m","weight":1}]})";
  EXPECT_EQ(refusal("PUT", "routes/r", whole, "*"), Code::precondition_failed);
  EXPECT_EQ(refusal("PUT", "routes/other", whole), Code::invalid_value);
  EXPECT_EQ(call("PUT", "routes/r", whole)->status, 201);
  EXPECT_EQ(call("PUT", "routes/r", whole)->status, 200);
  EXPECT_EQ(refusal("PATCH", "routes/none", "{}"), Code::not_found);
}

TEST_F(AdminPutTest, TheSameLimitAgainKeepsItsRevision) {
  ok("PUT", "tenants/aurora", R"({"slug":"aurora"})");
  const std::string limit =
      R"({"tenant":"aurora","measure":"requests","window":"day","amount":5,"name":"cap"})";
  const auto made = call("PUT", "limits", limit);
  EXPECT_EQ(made->status, 201);
  const auto again = call("PUT", "limits", limit);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(again->etag, made->etag);
  EXPECT_EQ(again->body, made->body);
}

TEST_F(AdminPutTest, KeysAreListedByProjectAndOwner) {
  ok("PUT", "tenants/aurora", R"({"slug":"aurora"})");
  const std::string web =
      member(ok("POST", "projects", R"({"tenant":"aurora","slug":"web"})"), "id");
  ok("POST", "keys", R"({"tenant":"aurora","project":"web","owner":"ann","display_name":"one"})");
  ok("POST", "keys", R"({"tenant":"aurora","owner":"ann","display_name":"two"})");
  ok("POST", "keys", R"({"tenant":"aurora","project":"web","display_name":"three"})");
  EXPECT_THAT(ok("GET", "keys?project=" + web),
              AllOf(HasSubstr("one"), Not(HasSubstr("two")), HasSubstr("three")));
  EXPECT_THAT(ok("GET", "keys?owner=ann"),
              AllOf(HasSubstr("one"), HasSubstr("two"), Not(HasSubstr("three"))));
  EXPECT_THAT(ok("GET", "keys?owner=ann&tenant=aurora&project=" + web),
              AllOf(HasSubstr("one"), Not(HasSubstr("two")), Not(HasSubstr("three"))));
  EXPECT_EQ(refusal("GET", "keys?project=web"), Code::not_found);
}

}  // namespace
}  // namespace sovmesh::control
