#include <gmock/gmock.h>

#include <memory>

#include "base/time_text.h"
#include "tenancy/key_format.h"
#include "tests/flow/admin_world.h"

// Limits, prices, currencies and cost centres of the admin API.
namespace sovmesh::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class AdminLimitsTest : public AdminWorld {
 protected:
  AdminLimitsTest() {
    ok("POST", "tenants", R"({"slug":"aurora","time_zone":"Europe/Copenhagen","currency":"DKK"})");
    ok("POST", "projects", R"({"tenant":"aurora","slug":"web"})");
    key_ = member(ok("POST", "keys", R"({"tenant":"aurora","owner":"ann"})"), "id");
  }
  std::string made(const std::string& body) { return ok("POST", "limits", body); }
  limits::Subject who() const {
    const store::ControlData data = *store_->load();
    const auto& key = data.keys.front();
    return {.key = key.id, .user = "ann", .project = key.project, .tenant = key.tenant};
  }
  bool runs(std::int64_t output_tokens) {
    auto held = limiter_.reserve(who(), {.output_tokens = output_tokens}, now());
    if (!held) return false;
    held->settle({.output_tokens = output_tokens}, now());
    return true;
  }
  WallTime now() const { return world_.clock().wall_now(); }

  std::string key_;
};

TEST_F(AdminLimitsTest, ALimitCountsAsSoonAsItsCreationIsAnswered) {
  EXPECT_TRUE(runs(1'000));
  const auto reply =
      call("POST", "limits",
           R"({"tenant":"aurora","measure":"output_tokens","window":"day","amount":100})");
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->etag, "\"1\"");
  EXPECT_TRUE(runs(100));
  EXPECT_FALSE(runs(1));
  const std::string path = "limits/" + member(reply->body, "id");
  EXPECT_THAT(ok("GET", path), HasSubstr(R"("used":100,"reserved":0)"));
  ok("PATCH", path, R"({"amount":150})");
  EXPECT_TRUE(runs(50)) << "a change keeps what was used";
  EXPECT_FALSE(runs(1));
  ok("PATCH", path, R"({"shadow":true})");
  EXPECT_TRUE(runs(1));
  EXPECT_EQ(call("DELETE", path)->status, 204);
  EXPECT_EQ(refusal("GET", path), Code::not_found);
  EXPECT_TRUE(runs(1'000'000));
}

TEST_F(AdminLimitsTest, PoolsShowWhatTheirPartsUse) {
  const std::string all = ok("GET", "pools");
  EXPECT_THAT(all, HasSubstr(R"({"pool":"gpu","part":"","level":"pool","guaranteed":"2",)"
                             R"("weight":"1","used":"1.25","borrowed":"0","lent":"0",)"
                             R"("history":"0","waiting":3,"running":0,"borrowing_limit":null,)"
                             R"("lending_limit":null,"concurrency_max":null,)"
                             R"("user_concurrency_max":null,"managed_by":null})"));
  EXPECT_THAT(all, HasSubstr(R"({"pool":"gpu","part":"aurora","level":"tenant")"));
  EXPECT_THAT(ok("GET", "pools?pool=cpu"), HasSubstr(R"("data":[])"));
  EXPECT_EQ(call("POST", "pools").error().allow(), "GET, HEAD");
}

TEST_F(AdminLimitsTest, TheAnswerToAWriteSaysWhatIsUsed) {
  const std::string body =
      R"({"tenant":"aurora","measure":"output_tokens","window":"day","amount":100})";
  const std::string path = "limits/" + member(made(body), "id");
  EXPECT_TRUE(runs(40));
  EXPECT_THAT(ok("PATCH", path, R"({"name":"cap"})"),
              AllOf(HasSubstr(R"("name":"cap")"), HasSubstr(R"("used":40,)")));
  ok("DELETE", path);
  EXPECT_THAT(ok("PUT", "limits", body), HasSubstr(R"("used":40,)")) << "it is counted again";
  EXPECT_THAT(ok("PUT", "limits",
                 R"({"tenant":"aurora","measure":"output_tokens","window":"day","amount":60})"),
              HasSubstr(R"("used":40,)"));
}

TEST_F(AdminLimitsTest, ALimitOnWhatThereIsNotIsRefusedAndSaysWhatThereIs) {
  const auto refused = [&](const std::string& whose) {
    const auto reply =
        call("PUT", "limits", "{" + whose + R"("measure":"requests","window":"day","amount":1})");
    EXPECT_FALSE(reply) << reply->body;
    return reply ? "" : reply.error().message() + " (" + reply.error().param() + ")";
  };
  ok("POST", "models", R"({"name":"small","engine":"tiny"})");
  EXPECT_EQ(refused(R"("tenant":"aurora","model":"smal",)"),
            "there is no model or route 'smal'; there are: small (model)");
  EXPECT_EQ(refused(R"("tenant":"auroa",)"), "there is no tenant 'auroa'; there are: aurora ()");
  EXPECT_EQ(refused(R"("tenant":"aurora","project":"wb",)"),
            "there is no project of tenant 'aurora' named 'wb'; there are: default, web (project)");
  EXPECT_EQ(refused(R"("pool":"gpu",)"), "there is no pool 'gpu' (pool)");
  EXPECT_THAT(refused(R"("key":"nosuch",)"), HasSubstr("there are: " + key_));
  ok("POST", "routes", R"({"name":"chat","versions":[{"model":"small","weight":1}]})");
  const std::string body =
      R"({"tenant":"aurora","measure":"requests","window":"day","model":"chat","amount":)";
  ok("PUT", "limits", body + "1}");
  ok("DELETE", "routes/chat");
  ok("PUT", "limits", body + "2}");
}

TEST_F(AdminLimitsTest, ALimitIsShownWholeWithItsWindow) {
  world_.run_for(std::chrono::hours(24));
  ok("POST", "models", R"({"name":"org/m","engine":"tiny"})");
  const std::string shown =
      made(R"({"tenant":"aurora","project":"web","measure":"total_tokens","window":"day",)"
           R"("amount":1000,"model":"org/m"})");
  EXPECT_THAT(shown, HasSubstr(R"("name":"project:aurora/web total_tokens/day for org/m",)"
                               R"("scope":"project","tenant":"aurora","project":"web","user":null,)"
                               R"("key":null,"pool":null,"measure":"total_tokens","window":"day",)"
                               R"("rolling":false,"amount":1000,"currency":null,"shadow":false,)"
                               R"("model":"org/m","in_force":true,"used":0,"reserved":0,)"));
  const TimeZone::Period day = TimeZone::find("Europe/Copenhagen")->day(now());
  EXPECT_EQ(member(shown, "window_start"), to_rfc3339(day.begin));
  EXPECT_EQ(member(shown, "reset_at"), to_rfc3339(day.end));
  EXPECT_EQ(member(shown, "managed_by"), "api");
}

TEST_F(AdminLimitsTest, MoneyAndGpuTimeAreExactTexts) {
  EXPECT_THAT(
      made(R"({"tenant":"aurora","measure":"money","window":"month","amount":"250.000001"})"),
      HasSubstr(R"("amount":"250.000001","currency":"DKK")"));
  EXPECT_THAT(made(R"({"tenant":"aurora","measure":"money","window":"day","amount":7})"),
              HasSubstr(R"("amount":"7.00","currency":"DKK")"));
  EXPECT_THAT(
      made(R"({"key":")" + key_ + R"(","measure":"gpu_seconds","window":"hour","amount":"0.5"})"),
      AllOf(HasSubstr(R"("amount":"0.5","currency":null)"),
            HasSubstr(R"("used":"0","reserved":"0")")));
  EXPECT_EQ(refusal("POST", "limits",
                    R"({"tenant":"aurora","measure":"money","window":"hour","amount":2.5})"),
            Code::invalid_type)
      << "a double is not exact";
}

TEST_F(AdminLimitsTest, EachUserHasABalanceOfHisOwn) {
  const std::string path =
      "limits/" +
      member(made(R"({"tenant":"aurora","user":"*","measure":"output_tokens","window":"day",)"
                  R"("amount":100})"),
             "id");
  EXPECT_THAT(ok("GET", path), HasSubstr(R"("used":null,"reserved":null,"window_start":null,)"
                                         R"("reset_at":null,"balances":[])"));
  EXPECT_TRUE(runs(40));
  EXPECT_THAT(ok("GET", path),
              HasSubstr(R"("balances":[{"scope":"user:ann","used":40,"reserved":0,)"));
}

TEST_F(AdminLimitsTest, WhatMakesNoSenseIsRefusedWithItsField) {
  struct Case {
    const char* body;
    Code code;
    const char* param;
  };
  const std::string right = R"("measure":"requests","window":"day","amount":1)";
  for (
      const Case& one : std::initializer_list<Case>{
          {R"({"measure":"requests","window":"day","amount":1})", Code::missing_required_parameter,
           "tenant"},
          {R"({"tenant":"nobody","measure":"requests","window":"day","amount":1})", Code::not_found,
           ""},
          {R"({"tenant":"aurora","project":"none","measure":"requests","window":"day","amount":1})",
           Code::not_found, "project"},
          {R"({"tenant":"aurora","project":"web","user":"ann","measure":"requests",)"
           R"("window":"day","amount":1})",
           Code::invalid_value, ""},
          {R"({"pool":"gpus","measure":"requests","window":"day","amount":1})", Code::not_found,
           "pool"},
          {R"({"pool":"gpus","tenant":"aurora","measure":"requests","window":"day","amount":1})",
           Code::invalid_value, "pool"},
          {R"({"key":"nosuchnosuch","measure":"requests","window":"day","amount":1})",
           Code::not_found, ""},
          {R"({"tenant":"aurora","window":"day","amount":1})", Code::missing_required_parameter,
           "measure"},
          {R"({"tenant":"aurora","measure":"words","window":"day","amount":1})",
           Code::invalid_value, "measure"},
          {R"({"tenant":"aurora","measure":"requests","window":"year","amount":1})",
           Code::invalid_value, "window"},
          {R"({"tenant":"aurora","measure":"requests","window":"none","amount":1})",
           Code::invalid_value, "window"},
          {R"({"tenant":"aurora","measure":"requests","amount":1})", Code::invalid_value, "window"},
          {R"({"tenant":"aurora","measure":"concurrency","window":"day","amount":1})",
           Code::invalid_value, "window"},
          {R"({"tenant":"aurora","measure":"requests","window":"month","rolling":true,)"
           R"("amount":1})",
           Code::invalid_value, "alignment"},
          {R"({"tenant":"aurora","measure":"requests","window":"day"})",
           Code::missing_required_parameter, "amount"},
          {R"({"tenant":"aurora","measure":"requests","window":"day","amount":0})",
           Code::invalid_value, "amount"},
          {R"({"tenant":"aurora","measure":"requests","window":"day","amount":"1.5"})",
           Code::invalid_value, "amount"},
          {R"({"tenant":"aurora","measure":"requests","window":"day","amount":-1})",
           Code::invalid_value, "amount"},
          {R"({"tenant":"aurora","measure":"requests","window":"day","amount":1,"model":"a b"})",
           Code::invalid_value, ""},
          {R"({"tenant":"aurora","measure":"requests","window":"day","amount":1,"burst":3})",
           Code::unsupported_parameter, "burst"}}) {
    const auto reply = call("POST", "limits", one.body);
    ASSERT_FALSE(reply) << one.body;
    EXPECT_EQ(reply.error().code(), one.code) << one.body << reply.error().message();
    EXPECT_EQ(reply.error().param(), one.param) << one.body;
  }
  EXPECT_TRUE(store_->load()->limits.empty());
}

TEST_F(AdminLimitsTest, TheSameLimitIsMadeOnceOrPut) {
  const std::string body =
      R"({"tenant":"aurora","measure":"requests","window":"minute","amount":60})";
  const auto first = call("PUT", "limits", body);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->status, 201);
  EXPECT_EQ(refusal("POST", "limits", body), Code::conflict);
  const auto second = call(
      "PUT", "limits",
      R"({"tenant":"aurora","measure":"requests","window":"minute","amount":70,"shadow":true})");
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(second->status, 200);
  EXPECT_EQ(member(second->body, "id"), member(first->body, "id"));
  EXPECT_THAT(second->body, AllOf(HasSubstr(R"("amount":70)"), HasSubstr(R"("shadow":true)")));
  EXPECT_EQ(store_->load()->limits.size(), 1U);
  EXPECT_EQ(call("PATCH", "limits").error().allow(), "GET, HEAD, POST, PUT");
}

TEST_F(AdminLimitsTest, AChangeOfAnOlderRevisionIsRefused) {
  const auto made = call("POST", "limits",
                         R"({"tenant":"aurora","measure":"requests","window":"day","amount":1})");
  const std::string path = "limits/" + member(made->body, "id");
  EXPECT_TRUE(call("PATCH", path, R"({"amount":2})", made->etag));
  EXPECT_EQ(refusal("PATCH", path, R"({"amount":3})", made->etag), Code::precondition_failed);
  EXPECT_EQ(refusal("DELETE", path, "", made->etag), Code::precondition_failed);
  EXPECT_EQ(refusal("PATCH", path, R"({"window":"hour"})"), Code::unsupported_parameter);
  EXPECT_EQ(refusal("PATCH", path, R"({"amount":0})"), Code::invalid_value);
  EXPECT_THAT(ok("GET", path), HasSubstr(R"("amount":2)"));
}

TEST_F(AdminLimitsTest, NamesAreLabels) {
  const std::string one =
      made(R"({"tenant":"aurora","measure":"requests","window":"day","amount":1,"name":"daily"})");
  EXPECT_EQ(member(one, "name"), "daily");
  EXPECT_EQ(member(ok("GET", "limits/daily"), "id"), member(one, "id"));
  EXPECT_EQ(refusal("POST", "limits",
                    R"({"tenant":"aurora","measure":"requests","window":"hour","amount":1,)"
                    R"("name":"daily"})"),
            Code::conflict);
  EXPECT_EQ(member(ok("PATCH", "limits/" + member(one, "id"), R"({"name":null})"), "name"),
            "tenant:aurora requests/day");
  EXPECT_EQ(member(ok("GET", "limits/tenant%3Aaurora%20requests%2Fday"), "id"), member(one, "id"));
  EXPECT_EQ(refusal("GET", "limits/daily"), Code::not_found);
}

TEST_F(AdminLimitsTest, AListIsOfOneTenantOrOfAll) {
  ok("POST", "tenants", R"({"slug":"boreal"})");
  made(R"({"tenant":"aurora","measure":"requests","window":"day","amount":1})");
  made(R"({"key":")" + key_ + R"(","measure":"concurrency","amount":2})");
  made(R"({"tenant":"boreal","measure":"requests","window":"day","amount":3})");
  EXPECT_THAT(ok("GET", "limits?tenant=aurora"),
              AllOf(HasSubstr(R"("tenant":"aurora")"), HasSubstr(R"("window":null)"),
                    Not(HasSubstr("boreal"))));
  EXPECT_THAT(ok("GET", "limits"), HasSubstr("boreal"));
  EXPECT_THAT(ok("GET", "limits?limit=2"), HasSubstr(R"("has_more":true)"));
  EXPECT_EQ(refusal("GET", "limits?tenant=nobody"), Code::not_found);
  EXPECT_EQ(refusal("GET", "limits?colour=red"), Code::unsupported_parameter);
}

TEST_F(AdminLimitsTest, LimitsGoWithTheirKeyProjectAndTenant) {
  made(R"({"key":")" + key_ + R"(","measure":"concurrency","amount":2})");
  made(R"({"tenant":"aurora","project":"web","measure":"requests","window":"day","amount":1})");
  EXPECT_EQ(publisher_.limits()->size(), 2U);
  ok("DELETE", "keys/" + key_);
  EXPECT_EQ(publisher_.limits()->size(), 1U);
  ok("DELETE", "tenants/aurora");
  EXPECT_EQ(publisher_.limits()->size(), 0U);
}

TEST_F(AdminLimitsTest, ZoneAndCurrencyOfATenantChangeLive) {
  const std::string path =
      "limits/" +
      member(made(R"({"tenant":"aurora","measure":"requests","window":"day","amount":1})"), "id");
  EXPECT_THAT(ok("GET", "tenants/aurora"),
              HasSubstr(R"("time_zone":"Europe/Copenhagen","currency":"DKK")"));
  ok("PATCH", "tenants/aurora", R"({"time_zone":"UTC"})");
  EXPECT_EQ(publisher_.limits()->front().zone, TimeZone::utc());
  EXPECT_EQ(member(ok("GET", path), "reset_at"), to_rfc3339(TimeZone::utc().day(now()).end));
  ok("PATCH", "tenants/aurora", R"({"currency":"EUR"})");
  EXPECT_EQ(refusal("PATCH", "tenants/aurora", R"({"time_zone":"Copenhagen"})"),
            Code::invalid_value);
  EXPECT_EQ(refusal("PATCH", "tenants/aurora", R"({"currency":"kr"})"), Code::invalid_value);
  made(R"({"tenant":"aurora","measure":"money","window":"day","amount":1})");
  EXPECT_EQ(refusal("PATCH", "tenants/aurora", R"({"currency":"DKK"})"), Code::conflict)
      << "1 EUR is not 1 DKK";
  ok("PATCH", "tenants/aurora", R"({"currency":"EUR"})");
  const auto directory = publisher_.directory().get();
  EXPECT_EQ(directory->tenant_by_slug("aurora")->record.currency, "EUR");
}

TEST_F(AdminLimitsTest, AProjectHasACostCentre) {
  const std::string path =
      "projects/" +
      member(ok("POST", "projects", R"({"tenant":"aurora","slug":"shop","cost_centre":"4711"})"),
             "id");
  EXPECT_EQ(member(ok("GET", path), "cost_centre"), "4711");
  EXPECT_EQ(member(ok("PATCH", path, R"({"cost_centre":"4712"})"), "cost_centre"), "4712");
  EXPECT_EQ(member(ok("PATCH", path, R"({"display_name":"Shop"})"), "cost_centre"), "4712");
  EXPECT_EQ(refusal("PATCH", path, R"({"cost_centre":")" + std::string(65, 'x') + "\"}"),
            Code::invalid_value);
  EXPECT_THAT(ok("PATCH", path, R"({"cost_centre":null})"), HasSubstr(R"("cost_centre":"")"));
}

class FileLimitsTest : public AdminWorld {
 protected:
  FileLimitsTest() {
    tenant_.name = "boreal";
    tenant_.time_zone = "Europe/Oslo";
    tenant_.currency = "NOK";
    tenant_.limits.push_back(limit("requests", "day", 5));
    tenant_.projects.push_back({.name = "web", .cost_centre = "77"});
    tenant_.projects[0].limits.push_back(limit("money", "month", 250));
    tenant_.users.push_back({.name = "ann"});
    tenant_.users[0].limits.push_back(limit("total_tokens", "hour", 1'000));
    tenant_.keys.push_back({.name = "app", .project = "web"});
    tenant_.keys[0].secret = tenancy::generate_key(world_.random()).text;
    tenant_.keys[0].limits.push_back(limit("concurrency", {}, 2));
    config_.tenants.push_back(tenant_);
    config_.engines.push_back({.name = "tiny"});
    config_.models.push_back({.name = "small", .engine = "tiny"});
    config_.pools.push_back({.name = "cpus", .engines = {"tiny"}});
    config_.pools[0].limits.push_back(limit("requests", "second", 9));
    config_.prices.push_back(
        {.model = "small",
         .currency = "NOK",
         .label = "standard",
         .input = {.whole = 1, .millionths = 500'000},
         .gse = config::GseRates{.prompt_us = {.whole = 12}, .output_us = {.whole = 9}}});
    config_.prices.push_back({.model = "small", .currency = "NOK", .from = "2099-01-01"});
    apply();
  }
  static config::Limit limit(std::string measure, std::optional<std::string> window,
                             std::int64_t amount) {
    return {.measure = std::move(measure),
            .window = std::move(window),
            .amount = {.whole = amount},
            .position = {.file = "sovmesh.yaml", .line = 9, .column = 3}};
  }
  void apply() {
    const auto applied = publisher_.apply(config_);
    ASSERT_TRUE(applied) << applied.error().message();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const limits::Limit& limit : *publisher_.limits())
      out.push_back(limit.name);
    std::ranges::sort(out);
    return out;
  }

  config::Tenant tenant_;
  config::Config config_;
};

TEST_F(FileLimitsTest, WhatTheFileSaysIsInForceAndKeepsItsIds) {
  const std::string key(store_->load()->keys[0].id.text());
  EXPECT_THAT(names(),
              testing::ElementsAre("key:" + key + " concurrency", "pool:cpus requests/second",
                                   "project:boreal/web money/month", "tenant:boreal requests/day",
                                   "user:boreal/ann total_tokens/hour"));
  EXPECT_EQ(publisher_.directory().get()->pool_of("tiny"), "cpus");
  EXPECT_EQ(publisher_.directory().get()->pool_of("other"), "");
  const auto before = store_->load()->limits;
  config_.tenants[0].limits[0].amount = {.whole = 6};
  apply();
  const auto after = store_->load()->limits;
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i)
    EXPECT_EQ(after[i].id, before[i].id);
  config_.tenants[0].limits.clear();
  config_.pools.clear();
  apply();
  EXPECT_THAT(names(), testing::SizeIs(3));
  EXPECT_EQ(store_->load()->limits.size(), 3U);
}

TEST_F(FileLimitsTest, LimitsOfTheFileAreReadOnlyAndSayWhere) {
  const std::string id = store_->load()->limits[0].id.value.text();
  for (const char* method : {"PATCH", "DELETE"}) {
    const auto refused = call(method, "limits/" + id);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::conflict);
    EXPECT_THAT(refused.error().message(), HasSubstr("sovmesh.yaml:9:3"));
  }
  const std::string same = R"({"tenant":"boreal","measure":"requests","window":"day","amount":1})";
  for (const char* method : {"POST", "PUT"}) {
    const auto refused = call(method, "limits", same);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), HasSubstr("sovmesh.yaml:9:3"));
  }
  EXPECT_EQ(member(ok("GET", "limits/" + id), "managed_by"), "file");
}

TEST_F(FileLimitsTest, TheFileDoesNotTakeWhatTheApiMade) {
  ok("POST", "limits", R"({"tenant":"boreal","measure":"requests","window":"month","amount":1})");
  config_.tenants[0].limits.push_back(limit("requests", "month", 2));
  const auto refused = publisher_.apply(config_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(),
              HasSubstr("sovmesh.yaml:9:3: error: limit 'requests' exists already"));
  EXPECT_THAT(names(), testing::SizeIs(6)) << "nothing has changed";
}

TEST_F(FileLimitsTest, ALimitWithoutMeaningIsAnErrorOfTheFile) {
  config_.tenants[0].limits.push_back(limit("concurrency", "day", 2));
  const auto refused = publisher_.apply(config_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::config_invalid);
  EXPECT_THAT(refused.error().message(), HasSubstr("sovmesh.yaml:9:3: error: limit: window"));
  EXPECT_THAT(check_declared(config_, world_.clock(), world_.random()).error().message(),
              HasSubstr("sovmesh.yaml:9:3: error: limit: window"));
}

TEST_F(FileLimitsTest, AnApiLimitOfAPoolCountsWhileThePoolIsThere) {
  const std::string id = member(
      ok("POST", "limits", R"({"pool":"cpus","measure":"requests","window":"hour","amount":1})"),
      "id");
  EXPECT_THAT(names(), testing::Contains("pool:cpus requests/hour"));
  EXPECT_EQ(
      refusal("POST", "limits", R"({"pool":"cpus","measure":"money","window":"day","amount":1})"),
      Code::invalid_value);
  config_.pools.clear();
  apply();
  EXPECT_THAT(names(), Not(testing::Contains("pool:cpus requests/hour")));
  EXPECT_THAT(ok("GET", "limits/" + id), HasSubstr(R"("in_force":false,"used":null)"));
}

TEST_F(FileLimitsTest, PricesShowTheirVersions) {
  const std::string all = ok("GET", "prices");
  const auto book = publisher_.prices().get();
  ASSERT_EQ(book->all().size(), 2U);
  const std::string id = book->all()[0]->id();
  EXPECT_THAT(all, HasSubstr(R"({"id":")" + id +
                             R"(","model":"small","currency":"NOK","label":"standard",)"
                             R"("from":null,"in_force":true,"per_call":"0.00","input":"1.50",)"));
  EXPECT_THAT(all, HasSubstr(R"("gse":{"prompt_us":"12","cached_us":"0","output_us":"9"},)"
                             R"("energy":null)"));
  EXPECT_THAT(all, HasSubstr(R"("from":"2099-01-01T00:00:00.000000Z","in_force":false)"));
  EXPECT_EQ(member(ok("GET", "prices/" + id), "id"), id);
  EXPECT_THAT(ok("GET", "prices?model=other"), HasSubstr(R"("data":[])"));
  EXPECT_EQ(refusal("GET", "prices/p-000000000000"), Code::not_found);
  EXPECT_EQ(call("POST", "prices").error().allow(), "GET, HEAD");
  config_.prices.clear();
  apply();
  EXPECT_THAT(ok("GET", "prices"), HasSubstr(R"("data":[])"));
}

}  // namespace
}  // namespace sovmesh::control
