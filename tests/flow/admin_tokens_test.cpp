#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <string>
#include <vector>

#include "base/hash.h"
#include "tenancy/key_format.h"
#include "tests/flow/access_world.h"

// Service accounts and access tokens: who makes them, what they can do, when they end.
namespace sovmesh::control {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class TokensTest : public AccessWorld {
 protected:
  TokensTest() {
    fill();
    must("POST", "users",
         R"({"login":"robot","kind":"service","role":"tenant-admin","tenant":"aurora"})");
  }
  // Of a service account, by the machine's owner; of somebody else, by himself.
  std::string token_of(const std::string& login, const std::string& body = R"({"name":"ci"})") {
    const std::string maker = login == "robot" ? "" : login;
    return member(ok(maker, "POST", "users/" + login + "/tokens", body), "token");
  }
  std::optional<AccessTokens::Shown> shown(const std::string& text) {
    const auto out = api_->tokens().shown(text);
    EXPECT_THAT(out, Succeeds());
    return out ? *out : std::nullopt;
  }
  // As the transport calls for whoever shows `text`.
  Result<AdminReply> as(const std::string& text, std::string method, const std::string& path,
                        std::string body = {}) {
    const auto who = shown(text);
    if (!who) return client_error(Code::invalid_api_key, "nobody");
    return api_->call({.method = std::move(method),
                       .path = "/api/v1/" + path,
                       .query = {},
                       .body = std::move(body),
                       .actor_type = store::AdminEntry::Actor::user_token,
                       .actor = "user:" + who->user.id.value.text(),
                       .source = "10.0.0.1",
                       .caller = who->caller(),
                       .by_token = true});
  }
};

TEST_F(TokensTest, AServiceAccountHasNoPasswordAndNeverSignsIn) {
  EXPECT_EQ(refusal("", "POST", "users",
                    R"({"login":"other","kind":"service","password":"blue kettle 47 north"})"),
            Code::invalid_value);
  EXPECT_EQ(refusal("", "PATCH", "users/robot", R"({"password":"blue kettle 47 north"})"),
            Code::invalid_value);
  EXPECT_THAT(must("GET", "users/robot"), HasSubstr(R"("kind":"service")"));
  EXPECT_THAT(must("GET", "users/finance"), HasSubstr(R"("kind":"person")"));
  EXPECT_EQ(refusal("", "POST", "users", R"({"login":"x","kind":"machine"})"), Code::invalid_value);
  EXPECT_EQ(refusal("", "PATCH", "users/finance", R"({"kind":"service"})"),
            Code::unsupported_parameter);
  EXPECT_THAT(api_->logins().begin({.login = "robot", .password = Secret("")}),
              FailsWith(Code::invalid_api_key));
}

TEST_F(TokensTest, ATokenActsWithTheRolesOfItsUser) {
  const std::string text = token_of("robot");
  ASSERT_TRUE(text.starts_with("smt-"));
  EXPECT_THAT(as(text, "GET", "projects"), Succeeds());
  EXPECT_THAT(as(text, "POST", "projects", R"({"tenant":"aurora","slug":"web"})"), Succeeds());
  EXPECT_THAT(as(text, "GET", "engines"), FailsWith(Code::insufficient_permissions));
  EXPECT_THAT(as(text, "GET", "tenants/borealis"), FailsWith(Code::not_found));
  const auto session = as(text, "GET", "session");
  ASSERT_THAT(session, Succeeds());
  EXPECT_THAT(session->body, HasSubstr(R"("login":"robot")"));
  EXPECT_THAT(session->body, HasSubstr(R"("csrf_token":null)"));
  EXPECT_THAT(as(text, "DELETE", "session"), FailsWith(Code::not_found));
  EXPECT_EQ(audit_.entries.back().admin->actor_type, store::AdminEntry::Actor::user_token);
}

TEST_F(TokensTest, NobodysTextsAreOneAnswer) {
  const std::string text = token_of("robot");
  const std::string id = text.substr(4, 12);
  for (const std::string& other :
       {std::string(), std::string("smt-"), text.substr(0, text.size() - 1), text + "x",
        std::string(
            tenancy::generate_key(world_.random(), tenancy::Credential::token).text.reveal()),
        std::string(
            tenancy::renew_key(*KeyId::parse(id), world_.random(), tenancy::Credential::token)
                .reveal()),
        std::string(tenancy::generate_key(world_.random()).text.reveal())})
    EXPECT_FALSE(shown(other)) << other;
}

TEST_F(TokensTest, TheTextIsShownOnceAndIsNowhere) {
  const std::string text = token_of("robot");
  const std::string secret = text.substr(17, 43);
  for (const char* const path : {"users/robot/tokens", "users/robot", "users"})
    EXPECT_THAT(must("GET", path), Not(HasSubstr(secret)));
  for (const FakeAudit::Entry& entry : audit_.entries)
    EXPECT_THAT(entry.admin->detail + entry.admin->object + entry.admin->reason,
                Not(HasSubstr(secret)));
  EXPECT_NE((*store_->token({*KeyId::parse(text.substr(4, 12))}))->hmac, sha256(text))
      << "without the pepper nobody can try texts against it";
  EXPECT_THAT(actions(), Contains("token.create"));
  const store::AdminEntry& entry = *audit_.entries.back().admin;
  EXPECT_EQ(entry.object, "users/" + user_id("robot") + "/tokens/" + text.substr(4, 12));
}

TEST_F(TokensTest, TheDigestOfATokensEntryIsWithoutItsText) {
  const auto reply = call("", "POST", "users/robot/tokens", R"({"name":"ci"})");
  ASSERT_THAT(reply, Succeeds());
  json object = json::parse(reply->body);
  EXPECT_NE(audit_.entries.back().admin->after, sha256(object.dump()));
  object.erase("token");
  EXPECT_EQ(audit_.entries.back().admin->after, sha256(object.dump()));
}

TEST_F(TokensTest, ATokenEndsWhenItSays) {
  const std::string text = token_of("robot", R"({"name":"ci","days":1})");
  world_.run_for(std::chrono::hours(24) - std::chrono::seconds(1));
  EXPECT_TRUE(shown(text));
  world_.run_for(std::chrono::seconds(1));
  EXPECT_FALSE(shown(text));
  for (const char* const body :
       {R"({"name":"x","days":0})", R"({"name":"x","days":1,"expires_at":"2999-01-01T00:00:00Z"})",
        R"({"name":"x","expires_at":"2000-01-01T00:00:00Z"})",
        R"({"name":"x","expires_at":"2999-01-01T00:00:00Z"})",
        R"({"name":"x","expires_at":"soon"})", R"({"name":""})",
        R"({"name":"x","token":"smt-mine"})", R"({"name":"x","id":"mine"})"})
    EXPECT_FALSE(call("", "POST", "users/robot/tokens", body)) << body;
}

TEST_F(TokensTest, TheLastUseIsKnownToTheMinute) {
  const std::string text = token_of("robot");
  const access::TokenId id{*KeyId::parse(text.substr(4, 12))};
  const auto used = [&] { return (*store_->token(id))->used_at; };
  EXPECT_FALSE(used());
  EXPECT_TRUE(shown(text));
  const auto first = used();
  ASSERT_TRUE(first);
  world_.run_for(std::chrono::seconds(59));
  EXPECT_TRUE(shown(text));
  EXPECT_EQ(used(), first) << "not a write for each call";
  world_.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(shown(text));
  EXPECT_GT(used(), first);
}

TEST_F(TokensTest, AFullDiskKeepsNobodyFromReading) {
  const std::string text = token_of("robot");
  world_.run_for(std::chrono::hours(1));
  disk_.fail_write(1, ENOSPC);
  EXPECT_TRUE(shown(text));
  EXPECT_FALSE((*store_->token({*KeyId::parse(text.substr(4, 12))}))->used_at);
}

TEST_F(TokensTest, TokensGoWithTheirUser) {
  const std::string disabled = token_of("robot");
  must("PATCH", "users/robot", R"({"disabled":true})");
  EXPECT_FALSE(shown(disabled));
  EXPECT_EQ(refusal("", "POST", "users/robot/tokens", R"({"name":"new"})"), Code::conflict);
  must("PATCH", "users/robot", R"({"disabled":false})");
  EXPECT_FALSE(shown(disabled)) << "for good";
  const std::string deleted = token_of("robot");
  must("DELETE", "users/robot");
  EXPECT_FALSE(shown(deleted));
}

TEST_F(TokensTest, ANewPasswordEndsWhatTheOldOneMade) {
  const std::string text = token_of("aurora.tenant-developer");
  must("PATCH", "users/aurora.tenant-developer", R"({"password":"blue kettle 47 north"})");
  EXPECT_FALSE(shown(text));
}

TEST_F(TokensTest, PeopleMakeTheirOwnAndManagersThoseOfServiceAccounts) {
  const auto can = [&](const std::string& login, const std::string& user) {
    return refusal(login, "POST", "users/" + user + "/tokens", R"({"name":"by )" + login + "\"}");
  };
  EXPECT_FALSE(can("aurora.tenant-viewer", "aurora.tenant-viewer"));
  EXPECT_FALSE(can("aurora.tenant-admin", "robot"));
  EXPECT_FALSE(can("platform-operator", "robot"));
  EXPECT_EQ(can("aurora.tenant-admin", "aurora.tenant-viewer"), Code::insufficient_permissions);
  EXPECT_EQ(can("", "aurora.tenant-viewer"), Code::insufficient_permissions);
  EXPECT_EQ(can("aurora.tenant-viewer", "robot"), Code::insufficient_permissions);
  EXPECT_EQ(can("borealis.tenant-admin", "robot"), Code::not_found);
  EXPECT_EQ(can("auditor", "robot"), Code::insufficient_permissions);
  EXPECT_THAT(ok("auditor", "GET", "users/robot/tokens"), HasSubstr("by platform-operator"));
  EXPECT_EQ(refusal("aurora.tenant-viewer", "GET", "users/robot/tokens"),
            Code::insufficient_permissions);
}

TEST_F(TokensTest, ATokenMakesNoTokensOfItsUserNorOfPeopleAndSetsNoPasswords) {
  const std::string robot = token_of("robot");
  const std::string admin = token_of("aurora.tenant-admin");
  must("POST", "users",
       R"({"login":"worker","kind":"service","role":"tenant-viewer","tenant":"aurora"})");
  const std::string body = R"({"name":"more"})";
  EXPECT_THAT(as(robot, "POST", "users/robot/tokens", body),
              FailsWith(Code::insufficient_permissions));
  EXPECT_THAT(as(robot, "DELETE", "users/robot/tokens/" + robot.substr(4, 12)),
              FailsWith(Code::insufficient_permissions));
  EXPECT_THAT(as(admin, "POST", "users/aurora.tenant-admin/tokens", body),
              FailsWith(Code::insufficient_permissions));
  for (const std::string& text : {robot, admin}) {
    EXPECT_THAT(
        as(text, "PATCH", "users/aurora.tenant-viewer", R"({"password":"blue kettle 47 north"})"),
        FailsWith(Code::insufficient_permissions));
    EXPECT_THAT(as(text, "PATCH", "users/aurora.tenant-admin",
                   R"({"password":"blue kettle 47 north","current_password":"x"})"),
                FailsWith(Code::insufficient_permissions));
  }
  EXPECT_THAT(as(admin, "POST", "users/worker/tokens", body), Succeeds())
      << "who manages a service account does it by a token as well";
  EXPECT_THAT(as(admin, "DELETE", "users/robot/tokens/" + robot.substr(4, 12)), Succeeds());
  EXPECT_FALSE(shown(robot));
}

TEST_F(TokensTest, ARoleBeyondItsMakerTakesATokenAway) {
  const std::string theirs = member(
      ok("aurora.tenant-admin", "POST", "users/robot/tokens", R"({"name":"theirs"})"), "token");
  const std::string ours = token_of("robot", R"({"name":"ours"})");
  const std::string given =
      must("POST", "memberships", R"({"user":"robot","role":"tenant-viewer","tenant":"borealis"})");
  EXPECT_THAT(given, HasSubstr(R"("tokens_deleted":1)"));
  EXPECT_FALSE(shown(theirs)) << "else aurora's administrator would see borealis";
  EXPECT_TRUE(shown(ours));
}

TEST_F(TokensTest, TokensAreListedInPagesAndDeletedOnce) {
  for (int i = 0; i < static_cast<int>(access::Token::kPerUserMax); ++i)
    (void)token_of("robot", R"({"name":"ci )" + std::to_string(i) + "\"}");
  EXPECT_EQ(refusal("", "POST", "users/robot/tokens", R"({"name":"one more"})"), Code::conflict);
  const json page = json::parse(must("GET", "users/robot/tokens?limit=7"));
  EXPECT_EQ(page["data"].size(), 7U);
  EXPECT_TRUE(page["has_more"]);
  const std::string path = "users/robot/tokens/" + page["data"][0]["id"].get<std::string>();
  EXPECT_THAT(call("", "DELETE", path, "", "\"1\""), FailsWith(Code::precondition_failed));
  EXPECT_THAT(call("", "DELETE", path, "", "*"), Succeeds());
  EXPECT_EQ(refusal("", "DELETE", path), Code::not_found);
  EXPECT_THAT(actions(), Contains("token.delete"));
  EXPECT_EQ(refusal("", "DELETE", "users/robot/tokens/no-such"), Code::not_found);
}

TEST_F(TokensTest, RolesAreDataForWhoeverIsSomebody) {
  const json roles = json::parse(ok("aurora.tenant-viewer", "GET", "roles"));
  ASSERT_EQ(roles["data"].size(), access::kRoles);
  for (const json& role : roles["data"]) {
    ASSERT_EQ(role["permissions"].size(), access::kResources);
    for (std::size_t i = 0; i < access::kResources; ++i) {
      const auto resource = static_cast<access::Resource>(i);
      const json& actions = role["permissions"][i]["actions"];
      for (std::size_t j = 0; j < access::kActions; ++j) {
        const auto action = static_cast<access::Action>(j);
        const bool is_there =
            std::ranges::find(actions, json(access::name(action))) != actions.end();
        EXPECT_EQ(is_there, access::allows(*access::parse_role(role["name"].get<std::string>()),
                                           action, resource));
      }
    }
  }
  EXPECT_EQ(refusal("aurora.tenant-admin", "GET", "config"), Code::insufficient_permissions);
  EXPECT_EQ(refusal("finance", "GET", "config"), Code::not_found) << "there is none here";
}

}  // namespace
}  // namespace sovmesh::control
