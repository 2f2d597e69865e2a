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

TEST_F(AdminPutTest, AProjectIsSaidByTenantAndName) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string whole = R"({"tenant":"aurora","slug":"web","cost_centre":"42"})";
  const auto made = call("PUT", "projects", whole);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->status, 201);
  const auto again = call("PUT", "projects", whole);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(again->body, made->body);
  const auto less = call("PUT", "projects", R"({"tenant":"aurora","slug":"web"})", made->etag);
  ASSERT_TRUE(less) << less.error().message();
  EXPECT_THAT(less->body, HasSubstr(R"("display_name":"web","cost_centre":"")"));
  EXPECT_EQ(member(less->body, "id"), member(made->body, "id"));
  EXPECT_EQ(refusal("PUT", "projects", whole, made->etag), Code::precondition_failed);
  EXPECT_EQ(refusal("PUT", "projects", R"({"tenant":"aurora","slug":"new"})", "*"),
            Code::precondition_failed);
  EXPECT_EQ(refusal("POST", "projects", whole), Code::conflict);
}

TEST_F(AdminPutTest, AnEngineIsReplacedWhileNoModelNeedsIt) {
  const std::string whole = R"({"name":"gpu","url":"http://a","slots":4})";
  const auto made = call("PUT", "engines/gpu", whole);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->status, 201);
  EXPECT_EQ(call("PUT", "engines/gpu", whole)->etag, made->etag);
  const auto moved = call("PUT", "engines/gpu", R"({"name":"gpu","url":"http://b"})");
  ASSERT_TRUE(moved) << moved.error().message();
  EXPECT_NE(moved->etag, made->etag);
  EXPECT_EQ(refusal("PUT", "engines/gpu", whole, made->etag), Code::precondition_failed);
  EXPECT_EQ(refusal("PUT", "engines/gpu", R"({"name":"other","url":"http://b"})"),
            Code::invalid_value);
  EXPECT_EQ(refusal("PUT", "engines/gpu", R"({"name":"gpu","url":"no"})"), Code::invalid_value);
  ok("POST", "models", R"({"name":"small","engine":"gpu"})");
  EXPECT_EQ(refusal("PUT", "engines/gpu", whole), Code::conflict) << "a model needs it as it is";
  EXPECT_EQ(call("PUT", "engines/gpu", R"({"name":"gpu","url":"http://b"})")->etag, moved->etag);
}

TEST_F(AdminPutTest, AKeyIsReplacedAndNotMade) {
  ok("POST", "tenants", R"({"slug":"aurora"})");
  const std::string made =
      ok("POST", "keys", R"({"tenant":"aurora","owner":"ann","labels":{"tier":"gold"}})");
  const std::string path = "keys/" + member(made, "id");
  const auto less = call("PUT", path, R"({"display_name":"bot","scopes":["inference"]})");
  ASSERT_TRUE(less) << less.error().message();
  EXPECT_THAT(less->body, AllOf(HasSubstr(R"("scopes":["inference"])"),
                                HasSubstr(R"("owner":null)"), HasSubstr(R"("labels":{})")));
  EXPECT_EQ(call("PUT", path, R"({"display_name":"bot","scopes":["inference"]})")->etag,
            less->etag);
  EXPECT_TRUE(works(member(made, "key"))) << "its text stays";
  EXPECT_EQ(refusal("PUT", "keys/abcdefghijkl", "{}"), Code::not_found);
  EXPECT_EQ(refusal("PUT", path, R"({"tenant":"other"})"), Code::unsupported_parameter);
}

TEST_F(AdminPutTest, ListsAreNarrowedByNameAndByWhoManages) {
  config::Config config;
  config.tenants.push_back({.name = "boreal"});
  ASSERT_TRUE(publisher_.apply(config));
  ok("POST", "tenants", R"({"slug":"aurora","display_name":"Northern Lights"})");
  EXPECT_THAT(ok("GET", "tenants?managed_by=file"),
              AllOf(HasSubstr("boreal"), Not(HasSubstr("aurora"))));
  EXPECT_THAT(ok("GET", "tenants?q=LIGHTS"), AllOf(HasSubstr("aurora"), Not(HasSubstr("boreal"))));
  EXPECT_THAT(ok("GET", "tenants?q=or&managed_by=api&limit=1"),
              AllOf(HasSubstr("aurora"), HasSubstr(R"("has_more":false)")));
  EXPECT_THAT(ok("GET", "engines?q=tin&managed_by=file"), HasSubstr("tiny"));
  for (const char* const list :
       {"tenants", "projects", "keys", "users", "models", "engines", "routes"}) {
    EXPECT_THAT(ok("GET", std::string(list) + "?q=nothing-has-this-name"),
                HasSubstr(R"("data":[])"))
        << list;
    EXPECT_EQ(refusal("GET", std::string(list) + "?managed_by=me"), Code::invalid_value) << list;
  }
  EXPECT_EQ(refusal("GET", "limits?q=x"), Code::unsupported_parameter);
}

}  // namespace
}  // namespace sovmesh::control
