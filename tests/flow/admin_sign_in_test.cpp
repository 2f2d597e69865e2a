#include <gmock/gmock.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/flow/access_world.h"

// How people sign in and out.
namespace sovmesh::control {
namespace {

using access::Session;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class SignInTest : public AccessWorld {
 protected:
  SignInTest() {
    must("POST", "tenants", R"({"slug":"aurora"})");
    make("ann");
    make("bob");
  }
  void make(const std::string& login) {
    must("POST", "users",
         R"({"login":")" + login + R"(","password":")" + kPassword +
             R"(","role":"tenant-admin","tenant":"aurora"})");
  }
  Result<Logins::Begun> sign_in(const std::string& login, const std::string& password = kPassword,
                                std::optional<Secret> previous = {},
                                const std::string& address = "10.0.0.1") {
    return api_->logins().begin({.login = login,
                                 .password = Secret(password),
                                 .user_agent = "browser/1",
                                 .address = address,
                                 .previous = std::move(previous)});
  }
  bool works(const Secret& token) {
    const auto shown = api_->logins().shown(token.reveal());
    EXPECT_THAT(shown, Succeeds());
    return shown->has_value();
  }
  Result<AdminReply> as(const Logins::Begun& who, std::string method, std::string path,
                        std::string body = {}) {
    return api_->call({.method = std::move(method),
                       .path = "/api/v1/" + path,
                       .query = "",
                       .body = std::move(body),
                       .actor_type = store::AdminEntry::Actor::user,
                       .actor = "user:" + who.shown.user.id.value.text(),
                       .source = "10.0.0.1",
                       .caller = who.shown.caller(),
                       .signed_in = AdminCall::SignedIn{who.shown.session, who.shown.csrf_token}});
  }
};

TEST_F(SignInTest, ASessionSaysWhoOneIsAndWhatOneMay) {
  const auto begun = sign_in("Ann");
  ASSERT_THAT(begun, Succeeds());
  const auto shown = *api_->logins().shown(begun->token.reveal());
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->user.login, "ann");
  EXPECT_EQ(shown->csrf_token, begun->shown.csrf_token);
  const auto reply = as(*begun, "GET", "session");
  ASSERT_THAT(reply, Succeeds());
  for (const char* const part :
       {R"("login":"ann")", R"("role":"tenant-admin","tenant":"aurora")", R"("csrf_token":")",
        R"("expires_at":")", R"("keys":["read","create","change","remove"])"})
    EXPECT_THAT(reply->body, HasSubstr(part));
  EXPECT_THAT(reply->body, Not(HasSubstr("engines")));
  EXPECT_THAT(reply->body, Not(HasSubstr(std::string(begun->token.reveal()))));
}

TEST_F(SignInTest, WhoeverIsNobodyGetsOneAnswer) {
  must("POST", "users", R"({"login":"no-password"})");
  ok("", "PATCH", "users/bob", R"({"disabled":true})");
  std::vector<std::string> answers;
  for (const auto& [login, password] :
       {std::pair("ann", "wrong"), std::pair("nobody", kPassword), std::pair("bob", kPassword),
        std::pair("no-password", ""), std::pair("not a login / at all", kPassword)}) {
    const auto begun = sign_in(login, password);
    ASSERT_THAT(begun, FailsWith(Code::invalid_api_key)) << login;
    answers.push_back(http::error_json(begun.error(), nullptr));
  }
  EXPECT_THAT(answers, testing::Each(answers.front()));
  EXPECT_TRUE(store_->sessions_of((*store_->user_named("ann"))->id)->empty());
}

TEST_F(SignInTest, EachLoginIsANewSessionAndTheBrowsersOldOneEnds) {
  const auto first = sign_in("ann");
  const auto other = sign_in("ann");
  const auto second = sign_in("ann", kPassword, first->token);
  EXPECT_NE(first->token.reveal(), second->token.reveal());
  EXPECT_FALSE(works(first->token));
  EXPECT_TRUE(works(other->token)) << "that is another browser";
  EXPECT_TRUE(works(second->token));
  // A token that somebody made up does not become one.
  const Secret planted("00000000000000000000000000000000");
  const auto third = sign_in("ann", kPassword, planted);
  EXPECT_NE(third->token.reveal(), planted.reveal());
  EXPECT_FALSE(works(planted));
}

TEST_F(SignInTest, ASessionEndsWhenItIsIdleOrOld) {
  const auto idle = sign_in("ann");
  world_.run_for(Session::kIdleMax - std::chrono::minutes(1));
  EXPECT_TRUE(works(idle->token)) << "and is seen by that";
  world_.run_for(Session::kIdleMax - std::chrono::minutes(1));
  EXPECT_TRUE(works(idle->token));
  world_.run_for(Session::kIdleMax);
  EXPECT_FALSE(works(idle->token));
  const auto busy = sign_in("ann");
  for (WallTime end = world_.clock().wall_now() + Session::kAgeMax - std::chrono::minutes(30);
       world_.clock().wall_now() < end;) {
    EXPECT_TRUE(works(busy->token));
    world_.run_for(std::chrono::minutes(30));
  }
  EXPECT_TRUE(works(busy->token));
  world_.run_for(std::chrono::minutes(31));
  EXPECT_FALSE(works(busy->token)) << "though it was not idle";
}

TEST_F(SignInTest, AFullDiskKeepsNobodyFromReading) {
  const auto ann = sign_in("ann");
  world_.run_for(std::chrono::minutes(30));
  disk_.fail_write(1, ENOSPC);
  EXPECT_TRUE(works(ann->token));
  EXPECT_THAT(as(*ann, "GET", "session"), Succeeds());
  world_.run_for(Session::kIdleMax - std::chrono::minutes(30));
  EXPECT_FALSE(works(ann->token)) << "nobody could note that it was in use";
}

TEST_F(SignInTest, WhoGuessesHasToWaitAndOthersDoNot) {
  for (int i = 0; i < 6; ++i)
    ASSERT_THAT(sign_in("ann", "wrong"), FailsWith(Code::invalid_api_key));
  const auto slowed = sign_in("ann");
  ASSERT_THAT(slowed, FailsWith(Code::rate_limit_exceeded)) << "though it is the right one";
  EXPECT_TRUE(slowed.error().retry_after());
  EXPECT_THAT(sign_in("bob"), Succeeds());
  // Of a name that nobody has the answer is no other one.
  for (int i = 0; i < 6; ++i)
    ASSERT_THAT(sign_in("nobody", "wrong", {}, "10.0.0.9"), FailsWith(Code::invalid_api_key));
  const auto nobody = sign_in("nobody", "wrong", {}, "10.0.0.9");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(http::error_json(nobody.error(), nullptr), http::error_json(slowed.error(), nullptr));
  world_.run_for(*slowed.error().retry_after());
  EXPECT_THAT(sign_in("ann"), Succeeds());
}

TEST_F(SignInTest, ANewPasswordEndsWhatTheOldOneBegan) {
  const auto here = sign_in("ann");
  const auto there = sign_in("ann");
  const std::string next = "orange ladder 12 south";
  EXPECT_THAT(as(*here, "PATCH", "users/ann", R"({"password":")" + next + R"("})"),
              FailsWith(Code::invalid_value))
      << "he has to know the present one";
  EXPECT_THAT(
      as(*here, "PATCH", "users/ann",
         R"({"password":"too short","current_password":")" + std::string(kPassword) + R"("})"),
      FailsWith(Code::invalid_value));
  ASSERT_THAT(as(*here, "PATCH", "users/ann",
                 R"({"password":")" + next + R"(","current_password":")" + kPassword + R"("})"),
              Succeeds());
  EXPECT_TRUE(works(here->token));
  EXPECT_FALSE(works(there->token));
  EXPECT_THAT(sign_in("ann"), FailsWith(Code::invalid_api_key));
  EXPECT_THAT(sign_in("ann", next), Succeeds());
}

TEST_F(SignInTest, AWrongPresentPasswordIsAnEntry) {
  const auto ann = sign_in("ann");
  const std::string body =
      R"({"password":"orange ladder 12 south","current_password":"a guess of mine"})";
  EXPECT_THAT(as(*ann, "PATCH", "users/ann", body), FailsWith(Code::invalid_value));
  EXPECT_THAT(actions(), Contains("session.refused"));
}

TEST_F(SignInTest, WhoIsDisabledOrGoneIsOut) {
  const auto ann = sign_in("ann");
  const auto bob = sign_in("bob");
  must("PATCH", "users/ann", R"({"disabled":true})");
  must("DELETE", "users/bob");
  EXPECT_FALSE(works(ann->token));
  EXPECT_FALSE(works(bob->token));
}

TEST_F(SignInTest, ALostRoleIsLostAtOnce) {
  const auto ann = sign_in("ann");
  must("DELETE", "memberships/" + ann->shown.memberships.front().id.value.text());
  EXPECT_TRUE((*api_->logins().shown(ann->token.reveal()))->caller().grants.empty());
}

TEST_F(SignInTest, SessionsAreListedAndEnded) {
  const auto here = sign_in("ann");
  const auto there = sign_in("ann");
  const std::string list = as(*here, "GET", "users/ann/sessions")->body;
  EXPECT_THAT(list, HasSubstr(there->shown.session.id.value.text()));
  EXPECT_THAT(list, HasSubstr(R"("user_agent":"browser/1","source":"10.0.0.1")"));
  EXPECT_THAT(as(*here, "DELETE", "users/ann/sessions/" + there->shown.session.id.value.text()),
              Succeeds());
  EXPECT_FALSE(works(there->token));
  EXPECT_TRUE(works(here->token));
  const auto bob = sign_in("bob");
  ASSERT_THAT(as(*bob, "DELETE", "users/ann/sessions"), Succeeds()) << "he manages her";
  EXPECT_FALSE(works(here->token));
  EXPECT_THAT(as(*bob, "DELETE", "session"), Succeeds());
  EXPECT_FALSE(works(bob->token));
  for (const char* const action : {"session.created", "session.revoke", "session.ended"})
    EXPECT_THAT(actions(), Contains(action));
}

TEST_F(SignInTest, RefusalsAreCountedInOneEntryASecond) {
  const auto refused = [this] {
    std::uint64_t count = 0;
    int entries = 0;
    for (const FakeAudit::Entry& entry : audit_.entries) {
      if (!entry.admin || entry.admin->action != "session.refused") continue;
      ++entries;
      count += entry.admin->count;
      EXPECT_TRUE(entry.admin->detail.empty());
    }
    return std::pair(entries, count);
  };
  for (int i = 0; i < 50; ++i)
    (void)sign_in("ann", "wrong");
  EXPECT_EQ(refused(), std::pair(1, std::uint64_t{1}));
  world_.run_for(Logins::kRefusalsEvery);
  (void)sign_in("ann", "wrong");
  EXPECT_EQ(refused(), std::pair(2, std::uint64_t{51}));
}

TEST_F(SignInTest, WhatCannotBeRecordedDoesNotHappen) {
  audit_.broken = true;
  EXPECT_THAT(sign_in("ann"), FailsWith(Code::dependency_unavailable));
  EXPECT_TRUE(store_->sessions_of((*store_->user_named("ann"))->id)->empty());
}

class SetUpTest : public AccessWorld {
 protected:
  Result<access::User> set_up(const Secret& token, const std::string& login = "root@example",
                              const std::string& password = kPassword) {
    return api_->logins().set_up({.token = token,
                                  .login = login,
                                  .display_name = "",
                                  .password = Secret(password),
                                  .address = "10.0.0.1"});
  }
};

TEST_F(SetUpTest, TheFirstAdministratorIsMadeWithATokenThatIsShownOnce) {
  const auto token = *api_->logins().first_setup_token();
  ASSERT_TRUE(token);
  EXPECT_FALSE(*api_->logins().first_setup_token()) << "one is out already";
  EXPECT_THAT(set_up(Secret("0123456789abcdef0123456789abcdef")), FailsWith(Code::invalid_api_key));
  EXPECT_THAT(set_up(*token, "root@example", "password1234"), FailsWith(Code::invalid_value));
  ASSERT_THAT(set_up(*token), Succeeds()) << "a slip does not use it up";
  EXPECT_THAT(set_up(*token, "eve@example"), FailsWith(Code::invalid_api_key)) << "once";
  EXPECT_FALSE(*api_->logins().first_setup_token()) << "there is an administrator";
  EXPECT_THAT(api_->logins().begin({.login = "root@example", .password = Secret(kPassword)}),
              Succeeds());
  EXPECT_FALSE(refusal("root@example", "GET", "engines"));
}

TEST_F(SetUpTest, ATokenIsOldAfterADay) {
  const auto token = *api_->logins().first_setup_token();
  world_.run_for(Logins::kSetupTokenLife);
  EXPECT_THAT(set_up(*token), FailsWith(Code::invalid_api_key));
  const auto next = *api_->logins().first_setup_token();
  ASSERT_TRUE(next) << "the next start shows another one";
  EXPECT_THAT(set_up(*token), FailsWith(Code::invalid_api_key));
  EXPECT_THAT(set_up(*next), Succeeds());
}

TEST_F(SetUpTest, WhoOwnsTheMachineMakesAnotherToken) {
  const std::string made = must("POST", "setup/token");
  ASSERT_FALSE(member(made, "token").empty());
  EXPECT_THAT(set_up(Secret(member(made, "token"))), Succeeds());
  for (const FakeAudit::Entry& entry : audit_.entries)
    EXPECT_THAT(entry.admin->detail, Not(HasSubstr(member(made, "token"))));
}

TEST_F(SetUpTest, TheStoreHasOnlyADigestOfIt) {
  const auto token = *api_->logins().first_setup_token();
  EXPECT_THAT(**store_->get_value("setup_token"), Not(HasSubstr(std::string(token->reveal()))));
}

}  // namespace
}  // namespace sovmesh::control
