// What tenants have set for their own requests, through the admin API and in the file.
#include <gmock/gmock.h>

#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPlace = "tenants/aurora/settings";

class AdminSettingsTest : public AdminWorld {
 protected:
  AdminSettingsTest() {
    ok("POST", "tenants", R"({"slug":"aurora"})");
    ok("POST", "tenants", R"({"slug":"borealis"})");
    ok("POST", "models", R"({"name":"shared","engine":"tiny"})");
    ok("POST", "models", R"({"name":"ours","engine":"tiny","tenants":["aurora"]})");
    ok("POST", "models", R"({"name":"theirs","engine":"tiny","tenants":["borealis"]})");
  }
  const identity::TenantSettings* in_force(std::string_view tenant = "aurora") {
    directory_ = publisher_.directory().get();
    return directory_->tenant_by_slug(tenant)->settings.get();
  }
  std::string param(std::string method, std::string body) {
    const auto reply = call(std::move(method), kPlace, std::move(body));
    return reply ? "" : reply.error().param();
  }

  std::shared_ptr<const identity::Directory> directory_;
};

TEST_F(AdminSettingsTest, AreThereBeforeAnybodySetAny) {
  const auto reply = call("GET", kPlace);
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->etag, "\"0\"");
  EXPECT_THAT(reply->body,
              AllOf(HasSubstr(R"({"tenant":"aurora","models":null,"defaults":{},"maximums":{},)"
                              R"("on_excess":"refuse","system_prompts":[],"disclaimer":null,)"),
                    HasSubstr(R"("bounds":{"models":["ours","shared"],)"),
                    HasSubstr(R"("revision":0)"), HasSubstr(R"("managed_by":"api")")));
  EXPECT_EQ(in_force(), nullptr);
}

TEST_F(AdminSettingsTest, TakeEffectAtOnceAndStay) {
  const auto made = call("PUT", kPlace,
                         R"({"models":["ours"],"defaults":{"temperature":0.2},)"
                         R"("disclaimer":{"text":"(m\u00e5skine)\n"}})");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->status, 200);
  EXPECT_EQ(made->etag, "\"1\"");
  ASSERT_NE(in_force(), nullptr);
  EXPECT_EQ(in_force()->set.models->size(), 1U);
  EXPECT_EQ(in_force()->ending, "(m\xc3\xa5skine)\\n");
  EXPECT_EQ(in_force("borealis"), nullptr);
  EXPECT_EQ(call("GET", kPlace)->body, made->body);

  const auto same = call("PUT", kPlace,
                         R"({"models":["ours"],"defaults":{"temperature":0.2},)"
                         R"("disclaimer":{"text":"(m\u00e5skine)\n"}})");
  EXPECT_EQ(same->etag, made->etag) << "nothing has changed";
  const auto changed = call("PATCH", kPlace, R"({"disclaimer":null})", made->etag);
  ASSERT_TRUE(changed) << changed.error().message();
  EXPECT_EQ(changed->etag, "\"2\"");
  EXPECT_EQ(in_force()->ending, "");
  EXPECT_EQ(in_force()->set.models->size(), 1U);
  EXPECT_EQ(refusal("PATCH", kPlace, R"({"models":null})", made->etag), Code::precondition_failed);
  ok("PUT", kPlace, "{}");
  EXPECT_EQ(in_force(), nullptr);
  ok("DELETE", "tenants/aurora");
  EXPECT_EQ(refusal("GET", kPlace), Code::not_found);
}

TEST_F(AdminSettingsTest, WhatIsNotTheTenantsCannotBeNamed) {
  EXPECT_EQ(param("PATCH", R"({"models":["shared","theirs"]})"), "models");
  EXPECT_EQ(param("PATCH", R"({"models":["none"]})"), "models");
  EXPECT_EQ(param("PUT", R"({"system_prompts":[{"name":"a","text":"x","models":["theirs"]}]})"),
            "system_prompts[0].models");
  EXPECT_EQ(param("PUT", R"({"system_prompts":[{"name":"a","text":"x","projects":["web"]}]})"),
            "system_prompts[0].projects");
  EXPECT_EQ(param("PUT", R"({"system_prompts":[{"name":"a","text":"x","projects":["default"]}]})"),
            "");
  EXPECT_EQ(param("PUT", R"({"system_prompts":[{"name":"a","text":"{{user}}"}]})"),
            "system_prompts[0].text");
  EXPECT_EQ(refusal("POST", kPlace, "{}"), Code::method_not_supported);
  EXPECT_EQ(refusal("GET", "tenants/nobody/settings"), Code::not_found);
}

// An unrelated change is not refused for what was taken from the tenant meanwhile.
TEST_F(AdminSettingsTest, WhatIsThereMayStay) {
  ok("PATCH", kPlace, R"({"models":["ours","shared"]})");
  ok("DELETE", "models/ours");
  ok("PATCH", kPlace, R"({"defaults":{"top_p":0.5}})");
  EXPECT_EQ(param("PATCH", R"({"models":["ours","shared","theirs"]})"), "models");
  ok("PATCH", kPlace, R"({"models":["shared"]})");
  EXPECT_EQ(param("PATCH", R"({"models":["ours","shared"]})"), "models") << "it had gone";
}

TEST_F(AdminSettingsTest, AreTriedWithADryRun) {
  const auto tried =
      call("PATCH", "tenants/aurora/settings?dry_run=true", R"({"maximums":{"max_tokens":9}})");
  ASSERT_TRUE(tried) << tried.error().message();
  EXPECT_THAT(tried->body, AllOf(HasSubstr(R"("action":"change")"),
                                 HasSubstr(R"("changes":[{"member":"maximums","before":{},)"
                                           R"("after":{"max_tokens":9}}]})")));
  EXPECT_EQ(tried->etag, "\"0\"");
  EXPECT_EQ(in_force(), nullptr);
  EXPECT_THAT(ok("PUT", "tenants/aurora/settings?dry_run=true", "{}"),
              HasSubstr(R"("action":"none")"));
}

TEST_F(AdminSettingsTest, OfTheFileAreTheFiles) {
  config::Config config;
  config.tenants.push_back({.name = "cirrus"});
  ASSERT_TRUE(publisher_.apply(config));
  ok("PATCH", "tenants/cirrus/settings", R"({"disclaimer":{"text":"x"}})");
  ASSERT_NE(in_force("cirrus"), nullptr);

  config.tenants[0].settings.emplace();
  config.tenants[0].settings->models = {"shared"};
  config.tenants[0].settings->position = {.file = "c.yaml", .line = 3, .column = 5};
  const auto clash = publisher_.apply(config);
  ASSERT_FALSE(clash);
  EXPECT_THAT(clash.error().message(),
              AllOf(HasSubstr("c.yaml:3:5: error: settings of tenant"), HasSubstr("admin API")));
  ok("PUT", "tenants/cirrus/settings", "{}");
  ASSERT_TRUE(publisher_.apply(config));
  EXPECT_EQ(in_force("cirrus")->set.models->size(), 1U);
  const auto shown = call("GET", "tenants/cirrus/settings");
  EXPECT_THAT(shown->body, AllOf(HasSubstr(R"("models":["shared"])"),
                                 HasSubstr(R"("managed_by":"file","source":"c.yaml:3:5")")));
  const auto refused = call("PATCH", "tenants/cirrus/settings", "{}");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::conflict);
  EXPECT_THAT(refused.error().message(), HasSubstr("c.yaml:3:5"));

  config.tenants[0].settings->models = {"ours"};
  const auto foreign = publisher_.apply(config);
  ASSERT_FALSE(foreign) << "another tenant's model";
  EXPECT_THAT(foreign.error().message(), HasSubstr("'models': there is no model 'ours'"));
  config.tenants[0].settings.reset();
  ASSERT_TRUE(publisher_.apply(config));
  EXPECT_EQ(in_force("cirrus"), nullptr);
}

}  // namespace
}  // namespace sovmesh::control
