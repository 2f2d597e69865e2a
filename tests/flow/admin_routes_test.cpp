// Routes through the admin API: made, changed and deleted while requests go by them.

#include <gmock/gmock.h>

#include "config/load.h"
#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kConfig = R"(engines:
  - {name: tiny, kind: remote, url: "http://127.0.0.1:9/v1"}
models:
  - {name: old, engine: tiny}
  - {name: new, engine: tiny}
tenants:
  - {name: aurora}
routes:
  - name: fixed
    versions: [{model: old, weight: 1}]
)";

constexpr const char* kChat =
    R"({"name":"chat","versions":[{"model":"old","weight":9},)"
    R"({"model":"new","weight":1,"stage":"canary"}],"sticky":"user",)"
    R"("grey":{"name":"preview","version":"new","tenants":["aurora"]},)"
    R"("conditions":[{"name":"beta","version":"new","headers":[{"name":"x-app","value":"b"}]}],)"
    R"("fallbacks":[{"model":"old"},{"route":"fixed"}],"timeouts":{"total":"90s"}})";

class AdminRoutesTest : public AdminWorld {
 protected:
  AdminRoutesTest() { EXPECT_EQ(applied(kConfig), ""); }

  // What is wrong with this file; empty: it is in force.
  std::string applied(std::string_view yaml) {
    const auto loaded =
        config::load_text(yaml, [](std::string_view) -> std::optional<std::string> { return {}; });
    if (!loaded.config) return config::to_text(loaded.findings);
    const auto done = publisher_.apply(*loaded.config);
    return done ? "" : std::string(done.error().message());
  }
  static std::string without(std::string_view part) {
    std::string text(kConfig);
    text.erase(text.find(part), part.size());
    return text;
  }
  const catalog::Route* route(const std::string& name) {
    seen_ = publisher_.directory().get();
    return seen_->models().route(*ModelName::parse(name));
  }
  std::vector<std::int64_t> weights(const std::string& name) {
    std::vector<std::int64_t> all;
    for (const catalog::RouteVersion& version : route(name)->versions)
      all.push_back(version.weight);
    return all;
  }
  Error error_of(std::string method, std::string path, std::string body = {}) {
    const auto reply = call(std::move(method), std::move(path), std::move(body));
    EXPECT_FALSE(reply);
    return reply ? Error(Code::internal_error, Blame::us, "it was done") : reply.error();
  }

  std::shared_ptr<const identity::Directory> seen_;
};

TEST_F(AdminRoutesTest, OneThatIsMadeIsInForceAtOnceAndOverARestart) {
  const auto made = call("POST", "routes", kChat);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->status, 201);
  EXPECT_EQ(made->etag, "\"1\"");
  EXPECT_THAT(made->body, HasSubstr(R"("versions":[{"model":"old","stage":"stable","weight":9,)"
                                    R"("share":"90%"},)"));
  ASSERT_NE(route("chat"), nullptr);
  EXPECT_FALSE(route("chat")->from_file);
  EXPECT_EQ(route("chat")->grey->tenants.size(), 1U);
  EXPECT_EQ(route("chat")->timeouts.total, std::chrono::seconds(90));
  const std::string shown = ok("GET", "routes/chat");
  EXPECT_EQ(shown, made->body);
  EXPECT_THAT(shown, HasSubstr(R"("tenants":["aurora"])"));
  EXPECT_THAT(shown, HasSubstr(R"("managed_by":"api"})"));

  store_.reset();
  store_ = *store_sqlite::open_control_store(disk_, "control.db", world_.clock());
  DirectoryPublisher again(*store_, authenticator_, world_.clock(), world_.random());
  const auto loaded =
      config::load_text(kConfig, [](std::string_view) -> std::optional<std::string> { return {}; });
  ASSERT_TRUE(again.apply(*loaded.config));
  const auto directory = again.directory().get();
  ASSERT_NE(directory->models().route(*ModelName::parse("chat")), nullptr);
  EXPECT_EQ(directory->models().route(*ModelName::parse("chat"))->conditions[0].name, "beta");
}

TEST_F(AdminRoutesTest, AChangeLeavesWhatItDoesNotName) {
  ok("POST", "routes", kChat);
  const std::string changed = ok("PATCH", "routes/chat", R"({"sticky":"tenant","grey":null})");
  EXPECT_THAT(changed, HasSubstr(R"("revision":2)"));
  EXPECT_EQ(route("chat")->sticky, catalog::StickyBy::tenant);
  EXPECT_FALSE(route("chat")->grey);
  EXPECT_THAT(weights("chat"), ElementsAre(9, 1));
  ok("PATCH", "routes/chat",
     R"({"versions":[{"model":"old","weight":5},{"model":"new","weight":5,"stage":"canary"}]})");
  EXPECT_THAT(weights("chat"), ElementsAre(5, 5));
  EXPECT_EQ(route("chat")->conditions.size(), 1U);
  ok("PUT", "routes/chat", R"({"name":"chat","versions":[{"model":"new","weight":1}]})");
  EXPECT_THAT(weights("chat"), ElementsAre(1));
  EXPECT_TRUE(route("chat")->conditions.empty());
  EXPECT_EQ(call("DELETE", "routes/chat")->status, 204);
  EXPECT_EQ(route("chat"), nullptr);
  EXPECT_EQ(refusal("DELETE", "routes/chat"), Code::not_found);
}

TEST_F(AdminRoutesTest, ASectionIsReplacedAsAWhole) {
  ok("POST", "routes", kChat);
  ok("PATCH", "routes/chat",
     R"({"versions":[{"model":"old","weight":1},)"
     R"({"model":"new","weight":0,"stage":"canary"}],"grey":null,"conditions":[],)"
     R"("mirror":{"version":"new","share":5,"in_flight_max":3}})");
  EXPECT_EQ(route("chat")->mirror->in_flight_max, 3);
  ok("PATCH", "routes/chat", R"({"mirror":{"version":"new","share":6}})");
  EXPECT_NE(route("chat")->mirror->in_flight_max, 3);
}

TEST_F(AdminRoutesTest, WhatIsWrongIsNamedAndChangesNothing) {
  ok("POST", "routes", kChat);
  const auto param = [&](const std::string& body) {
    const Error error = error_of("PATCH", "routes/chat", body);
    return std::string(name(error.code())) + " " + error.param();
  };
  EXPECT_EQ(param(R"({"versions":[{"model":"none","weight":1}],"grey":null,"conditions":[]})"),
            "invalid_value versions[0].model");
  EXPECT_EQ(param(R"({"versions":[{"model":"old","weight":-1}]})"),
            "integer_below_min_value versions[0].weight");
  EXPECT_EQ(param(R"({"versions":[{"model":"old","weight":"1"}]})"),
            "invalid_type versions[0].weight");
  EXPECT_EQ(param(R"({"versions":[{"weight":1}]})"),
            "missing_required_parameter versions[0].model");
  EXPECT_EQ(param(R"({"versions":[{"model":"a b","weight":1}]})"),
            "invalid_value versions[0].model");
  EXPECT_EQ(param(R"({"versions":null})"), "invalid_value versions");
  EXPECT_EQ(param(R"({"versions":[{"model":"old","weight":1,"stage":"first"}]})"),
            "invalid_value versions[0].stage");
  EXPECT_EQ(param(R"({"sticky":"nobody"})"), "invalid_value sticky");
  EXPECT_EQ(param(R"({"stickyy":"user"})"), "unsupported_parameter stickyy");
  EXPECT_EQ(param(R"({"sticky":"user","sticky":"user"})"), "duplicate_key sticky");
  EXPECT_EQ(param(R"({"grey":{"name":"p","version":"new","tenants":["nobody"]}})"),
            "not_found grey.tenants");
  EXPECT_EQ(param(R"({"conditions":[{"name":"c","version":"new","headers":)"
                  R"([{"name":"cookie","value":"x"}]}]})"),
            "invalid_value conditions[0].headers[0].name");
  EXPECT_EQ(param(R"({"fallbacks":[{"model":"old","route":"fixed"}]})"),
            "invalid_value fallbacks[0]");
  EXPECT_EQ(param(R"({"fallbacks":[{"route":"chat"}]})"), "invalid_value fallbacks[0]");
  EXPECT_EQ(param(R"({"fallbacks":[{"model":"old","site":"north"}]})"),
            "unsupported_parameter fallbacks[0].site");
  EXPECT_EQ(param(R"({"timeouts":{"total":"soon"}})"), "invalid_value timeouts.total");
  EXPECT_EQ(param(R"({"timeouts":{"first_token":"2m","total":"1m"}})"),
            "invalid_value timeouts.first_token");
  EXPECT_EQ(param(R"({"name":"talk"})"), "invalid_value name");
  EXPECT_EQ(refusal("PATCH", "routes/chat", "[]"), Code::invalid_type);
  EXPECT_EQ(refusal("PATCH", "routes/chat", R"({"sticky":"user"})", R"("9")"),
            Code::precondition_failed);
  EXPECT_EQ(error_of("POST", "routes", "{}").param(), "name");
  EXPECT_EQ(error_of("PATCH", "routes").allow(), "GET, HEAD, POST");
  EXPECT_EQ(error_of("POST", "routes/chat", "{}").allow(), "GET, HEAD, PUT, PATCH, DELETE");
  EXPECT_THAT(ok("GET", "routes/chat"), HasSubstr(R"("revision":1)"));
}

TEST_F(AdminRoutesTest, ABadNameIsSaidOfTheName) {
  const Error error =
      error_of("POST", "routes", R"({"name":"a b","versions":[{"model":"old","weight":1}]})");
  EXPECT_EQ(error.code(), Code::invalid_value);
  EXPECT_EQ(error.param(), "name");
}

TEST_F(AdminRoutesTest, AChangeThatChangesNothingIsNone) {
  ok("POST", "routes", kChat);
  const std::string before = ok("GET", "routes/chat");
  EXPECT_EQ(ok("PATCH", "routes/chat", "{}"), before);
  EXPECT_EQ(ok("PATCH", "routes/chat", R"({"sticky":"user"})"), before);
  EXPECT_EQ(ok("PUT", "routes/chat", kChat), before);
  EXPECT_EQ(call("PATCH", "routes/chat", "{}")->etag, "\"1\"");
  EXPECT_THAT(ok("PATCH", "routes/chat", R"({"sticky":"tenant"})"), HasSubstr(R"("revision":2)"));
}

TEST_F(AdminRoutesTest, WhatCannotDoWhatTheRouteIsAskedIsRefused) {
  ok("POST", "models",
     R"({"name":"vectors","engine":"tiny","chat":false,"completions":false,"embeddings":true})");
  ok("POST", "models", R"({"name":"talk","engine":"tiny","completions":false})");
  const auto made = [&](const std::string& version, const std::string& rest) {
    const auto reply = call("POST", "routes",
                            R"({"name":"chat","versions":[{"model":"old","weight":1},{"model":")" +
                                version + R"(","weight":0,"stage":"experiment"}])" + rest + "}");
    return reply ? std::string("made") : reply.error().param() + ": " + reply.error().message();
  };
  EXPECT_THAT(made("vectors", R"(,"mirror":{"version":"vectors","share":5})"),
              HasSubstr("mirror.version: vectors has no chat, which a version of the route has"));
  EXPECT_THAT(made("talk", R"(,"mirror":{"version":"talk","share":5})"),
              HasSubstr("mirror.version: talk has no completions"));
  EXPECT_THAT(made("new", R"(,"fallbacks":[{"model":"talk"},{"model":"vectors"}])"),
              HasSubstr("fallbacks[1]: vectors can do nothing of what the versions"));
  EXPECT_EQ(made("new", R"(,"mirror":{"version":"new","share":5},"fallbacks":[{"model":"talk"}])"),
            "made");
}

TEST_F(AdminRoutesTest, ANameIsOneThingsAlone) {
  const auto with_name = [&](const std::string& name) {
    return R"({"name":")" + name + R"(","versions":[{"model":"old","weight":1}]})";
  };
  EXPECT_EQ(error_of("POST", "routes", with_name("new")).param(), "name") << "hides a model";
  EXPECT_EQ(refusal("POST", "routes", with_name("fixed")), Code::conflict);
  EXPECT_TRUE(call("POST", "routes", with_name("old"))) << "stands in front of its version";
  ok("POST", "routes", kChat);
  EXPECT_EQ(refusal("POST", "routes", kChat), Code::conflict);
  const Error taken = error_of("POST", "models", R"({"name":"chat","engine":"tiny"})");
  EXPECT_EQ(taken.code(), Code::conflict);
  EXPECT_THAT(taken.message(), HasSubstr("route 'chat'"));
}

TEST_F(AdminRoutesTest, WhatTheFileDeclaresIsTheFiles) {
  for (const char* method : {"PATCH", "PUT", "DELETE"}) {
    const Error error = error_of(method, "routes/fixed", R"({"sticky":"user"})");
    EXPECT_EQ(error.code(), Code::conflict) << method;
    EXPECT_THAT(error.message(), HasSubstr("config.yaml:9:5"));
  }
  EXPECT_THAT(ok("GET", "routes/fixed"), HasSubstr(R"("managed_by":"file","source":"config.yaml)"));
}

TEST_F(AdminRoutesTest, WhatARouteNeedsStays) {
  ok("POST", "models", R"({"name":"made","engine":"tiny"})");
  ok("POST", "routes", R"({"name":"chat","versions":[{"model":"made","weight":1}]})");
  const Error version = error_of("DELETE", "models/made");
  EXPECT_EQ(version.code(), Code::conflict);
  EXPECT_THAT(version.message(), HasSubstr("the route 'chat'"));
  ok("PUT", "routes/chat",
     R"({"name":"chat","versions":[{"model":"old","weight":1}],"fallbacks":[{"model":"made"}]})");
  EXPECT_THAT(error_of("DELETE", "models/made").message(), HasSubstr("falls back to"));
  ok("POST", "routes",
     R"({"name":"talk","versions":[{"model":"old","weight":1}],"fallbacks":[{"route":"chat"}]})");
  EXPECT_THAT(error_of("DELETE", "routes/chat").message(), HasSubstr("'talk' falls back to it"));
  const Error back = error_of("PATCH", "routes/chat", R"({"fallbacks":[{"route":"talk"}]})");
  EXPECT_THAT(back.message(), HasSubstr("lead back: chat > talk > chat"));
  ok("DELETE", "routes/talk");
  ok("DELETE", "routes/chat");
  ok("DELETE", "models/made");
}

TEST_F(AdminRoutesTest, AFileThatTakesWhatOneNeedsIsRefused) {
  ok("POST", "routes", kChat);
  const std::string before = ok("GET", "routes/chat");
  EXPECT_THAT(applied(without("  - {name: new, engine: tiny}\n")),
              HasSubstr("the route 'chat', which the admin API made, would be wrong: "
                        "versions[1].model: there is no model new"));
  constexpr std::string_view kRoutes =
      "routes:\n  - name: fixed\n    versions: [{model: old, weight: 1}]\n";
  EXPECT_THAT(applied(without(kRoutes)), HasSubstr("fallbacks[1]: there is no route fixed"));
  EXPECT_THAT(
      applied(std::string(kConfig) + "  - name: chat\n    versions: [{model: old, weight: 1}]\n"),
      HasSubstr("config.yaml:11:5: error: route 'chat' exists already"));
  std::string hiding(kConfig);
  hiding.insert(hiding.find("tenants:"), "  - {name: chat, engine: tiny}\n");
  EXPECT_THAT(applied(hiding), HasSubstr("would hide the model chat"));
  EXPECT_EQ(ok("GET", "routes/chat"), before);
}

TEST_F(AdminRoutesTest, AModelOfTheFileThatGoesWithItsRouteIsMissed) {
  EXPECT_THAT(applied(without("  - {name: old, engine: tiny}\n")),
              HasSubstr("there is no model old"));
}

TEST_F(AdminRoutesTest, ATenantThatIsGoneTakesNoPart) {
  ok("POST", "tenants", R"({"slug":"borealis"})");
  ok("POST", "routes", kChat);
  ok("PATCH", "routes/chat",
     R"({"grey":{"name":"preview","version":"new","tenants":["aurora","borealis"]}})");
  ok("DELETE", "tenants/borealis");
  ok("POST", "tenants", R"({"slug":"borealis"})");
  EXPECT_EQ(route("chat")->grey->tenants.size(), 1U);
  EXPECT_THAT(ok("PATCH", "routes/chat", R"({"sticky":"user"})"), Not(HasSubstr("borealis")));
}

TEST_F(AdminRoutesTest, ARolloutKeepsItsWeightsAndItsRoute) {
  ok("POST", "routes", kChat);
  ok("POST", "rollouts", R"({"route":"chat","candidate":"new","steps":["25%:10m"]})");
  rollouts_.look();
  EXPECT_THAT(ok("GET", "routes/chat"), HasSubstr(R"("share":"25%")"));
  EXPECT_TRUE(call("PATCH", "routes/chat", R"({"sticky":"tenant"})"));
  const Error weights_stay = error_of(
      "PATCH", "routes/chat",
      R"({"versions":[{"model":"old","weight":1},{"model":"new","weight":1,"stage":"canary"}]})");
  EXPECT_EQ(weights_stay.code(), Code::conflict);
  EXPECT_THAT(weights_stay.message(), HasSubstr("a rollout of it is holding"));
  EXPECT_EQ(weights_stay.param(), "versions");
  const Error stays = error_of("DELETE", "routes/chat");
  EXPECT_EQ(stays.code(), Code::conflict);
  EXPECT_THAT(stays.message(), HasSubstr("sovmesh rollout abort chat"));

  ok("POST", "rollouts/chat/promote", "{}");
  EXPECT_THAT(ok("GET", "routes/chat"), HasSubstr(R"("share":"100%")"));
  EXPECT_THAT(ok("PATCH", "routes/chat",
                 R"({"versions":[{"model":"old","weight":2},)"
                 R"({"model":"new","weight":2,"stage":"canary"}]})"),
              HasSubstr(R"("share":"50%")"))
      << "the outcome ends with the weights that it was for";
}

TEST_F(AdminRoutesTest, ARouteThatIsMadeAnewHasNoRolloutOfBefore) {
  ok("POST", "routes", kChat);
  ok("POST", "rollouts", R"({"route":"chat","candidate":"new"})");
  ok("POST", "rollouts/chat/promote", "{}");
  ok("DELETE", "routes/chat");
  EXPECT_EQ(refusal("GET", "rollouts/chat"), Code::not_found);
  EXPECT_THAT(ok("POST", "routes", kChat), HasSubstr(R"("share":"90%")"));
  Rollouts again({*store_, publisher_.directory(), world_.clock(),
                  [this](const catalog::Model&) { return readiness_; }});
  ASSERT_TRUE(again.load());
  EXPECT_TRUE(again.all().empty());
}

TEST_F(AdminRoutesTest, ThereAreAtMostSoMany) {
  const auto one = [](std::size_t i) {
    return R"({"name":"r)" + std::to_string(i) + R"(","versions":[{"model":"old","weight":1}]})";
  };
  for (std::size_t i = 0; i < kStoredRoutesMax; ++i)
    ASSERT_TRUE(call("POST", "routes", one(i)));
  EXPECT_EQ(refusal("POST", "routes", one(kStoredRoutesMax)), Code::conflict);
  ok("DELETE", "routes/r7");
  EXPECT_TRUE(call("POST", "routes", one(7)));
}

TEST_F(AdminRoutesTest, WhoMistypesIsToldWhatThereIs) {
  EXPECT_EQ(error_of("GET", "routes/fixd").message(), "there is no route 'fixd'; there are: fixed");
  EXPECT_EQ(error_of("GET", "models/nwe").message(),
            "there is no model 'nwe'; there are: old, new");
  EXPECT_EQ(error_of("GET", "tenants/auora").message(),
            "there is no tenant 'auora'; there are: aurora");
  EXPECT_EQ(error_of("GET", "pools/gpu").message(), "there is no pool 'gpu'");
  EXPECT_THAT(error_of("GET", "engines/tin").message(), HasSubstr("there are: tiny"));
  for (char c = 'a'; c <= 'l'; ++c)
    ok("POST", "tenants", std::string(R"({"slug":"t)") + c + R"(x"})");
  EXPECT_THAT(error_of("GET", "tenants/auora").message(), HasSubstr(" and 3 more"));
}

}  // namespace
}  // namespace sovmesh::control
