#pragma once

#include <string>

#include "tests/contract/control_store_suite.h"

// What every ControlStore does with people: a part of its suite.
namespace sovmesh::store {

class PeopleSuite : public ControlStoreSuite {
 protected:
  access::User user(const std::string& login) {
    return {.id = {ids_.next()},
            .login = login,
            .display_name = "U " + login,
            .password_hash = "$argon2id$x"};
  }
  access::Membership member(access::UserId who, access::Role role,
                            std::optional<TenantId> where = {}) {
    return {.id = {ids_.next()}, .user = who, .grant = *access::Grant::make(role, where)};
  }
  access::Session session(access::UserId who, unsigned char proof) {
    access::Session made{.id = {ids_.next()},
                         .user = who,
                         .created_at = clock_.wall_now(),
                         .seen_at = clock_.wall_now(),
                         .expires_at = clock_.wall_now() + access::Session::kAgeMax,
                         .user_agent = "browser/1",
                         .source = "10.1.2.3"};
    made.proof.fill(proof);
    return made;
  }
  access::Token token(access::UserId who, const std::string& id, bool by_platform = false) {
    access::Token made{.id = {*KeyId::parse(id)},
                       .user = who,
                       .name = "for " + id,
                       .pepper_id = 7,
                       .last_four = "wxyz",
                       .by_platform = by_platform,
                       .created_at = clock_.wall_now(),
                       .expires_at = clock_.wall_now() + std::chrono::days(30),
                       .used_at = {}};
    made.hmac.fill(9);
    return made;
  }
  static Digest proof(unsigned char byte) {
    Digest digest{};
    digest.fill(byte);
    return digest;
  }
};

TEST_P(PeopleSuite, KeepsEveryFieldOfAUserAcrossARestart) {
  access::User wanted = user("ann@aurora.example");
  wanted.disabled = true;
  wanted.kind = access::UserKind::service;
  const auto made = store_->create(wanted);
  ASSERT_THAT(made, Succeeds());
  reopen();
  for (const auto& kept : {store_->user(wanted.id), store_->user_named("ann@aurora.example")}) {
    ASSERT_THAT(kept, Succeeds());
    ASSERT_TRUE(kept->has_value());
    EXPECT_EQ((*kept)->id, wanted.id);
    EXPECT_EQ((*kept)->login, wanted.login);
    EXPECT_EQ((*kept)->display_name, wanted.display_name);
    EXPECT_EQ((*kept)->password_hash, wanted.password_hash);
    EXPECT_TRUE((*kept)->disabled);
    EXPECT_EQ((*kept)->kind, access::UserKind::service);
    expect_same((*kept)->meta, made->meta);
  }
  EXPECT_EQ(store_->users()->size(), 1U);
  EXPECT_THAT(store_->user({ids_.next()}), HasValue(std::nullopt));
}

TEST_P(PeopleSuite, ALoginIsThereOnce) {
  ASSERT_THAT(store_->create(user("ann")), Succeeds());
  EXPECT_THAT(store_->create(user("ann")), FailsWith(Code::conflict));
  auto bob = store_->create(user("bob"));
  bob->login = "ann";
  EXPECT_THAT(store_->update(*bob), FailsWith(Code::conflict));
}

TEST_P(PeopleSuite, AUserChangesAtTheRevisionThatWasSeen) {
  auto ann = store_->create(user("ann"));
  ann->disabled = true;
  ASSERT_THAT(store_->update(*ann), Succeeds());
  EXPECT_THAT(store_->update(*ann), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->remove(ann->id, 1), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->remove(ann->id, 2), Succeeds());
  EXPECT_THAT(store_->remove(ann->id, 2), FailsWith(Code::not_found));
}

TEST_P(PeopleSuite, MembershipsAreOfAUserAndATenantThatThereAre) {
  const auto aurora = store_->create(tenant("aurora"));
  const auto ann = store_->create(user("ann"));
  const auto made = store_->create(member(ann->id, access::Role::tenant_admin, aurora->id));
  ASSERT_THAT(made, Succeeds());
  ASSERT_THAT(store_->create(member(ann->id, access::Role::auditor)), Succeeds());
  EXPECT_THAT(store_->create(member(ann->id, access::Role::auditor)), FailsWith(Code::conflict));
  EXPECT_THAT(store_->create(member({ids_.next()}, access::Role::auditor)),
              FailsWith(Code::not_found));
  EXPECT_THAT(store_->create(member(ann->id, access::Role::tenant_viewer, TenantId{ids_.next()})),
              FailsWith(Code::not_found));
  reopen();
  const auto kept = store_->memberships_of(ann->id);
  ASSERT_EQ(kept->size(), 2U);
  EXPECT_EQ(kept->at(0).id, made->id);
  EXPECT_EQ(kept->at(0).grant, made->grant);
  EXPECT_EQ(store_->memberships()->size(), 2U);
}

TEST_P(PeopleSuite, AUserAndATenantTakeTheirsAlong) {
  const auto aurora = store_->create(tenant("aurora"));
  const auto ann = store_->create(user("ann"));
  const auto bob = store_->create(user("bob"));
  for (const access::UserId who : {ann->id, bob->id}) {
    ASSERT_THAT(store_->create(member(who, access::Role::tenant_admin, aurora->id)), Succeeds());
    ASSERT_THAT(store_->create(member(who, access::Role::finance)), Succeeds());
  }
  ASSERT_THAT(store_->begin_session(session(ann->id, 1)), Succeeds());
  ASSERT_THAT(store_->remove(ann->id, 3), Succeeds());
  EXPECT_EQ(store_->memberships()->size(), 2U);
  EXPECT_THAT(store_->session_of(proof(1)), HasValue(std::nullopt));
  ASSERT_THAT(store_->remove(aurora->id, 1), Succeeds());
  ASSERT_EQ(store_->memberships()->size(), 1U);
  EXPECT_EQ(store_->memberships()->at(0).grant.role(), access::Role::finance);
}

TEST_P(PeopleSuite, ASessionIsFoundByItsProofAcrossARestart) {
  const auto ann = store_->create(user("ann"));
  const access::Session begun = session(ann->id, 1);
  ASSERT_THAT(store_->begin_session(begun), Succeeds());
  const WallTime later = clock_.wall_now() + std::chrono::minutes(5);
  ASSERT_THAT(store_->see_session(begun.id, later), Succeeds());
  reopen();
  const auto kept = store_->session_of(proof(1));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->id, begun.id);
  EXPECT_EQ((*kept)->user, ann->id);
  EXPECT_EQ((*kept)->created_at, begun.created_at);
  EXPECT_EQ((*kept)->seen_at, later);
  EXPECT_EQ((*kept)->expires_at, begun.expires_at);
  EXPECT_EQ((*kept)->user_agent, "browser/1");
  EXPECT_EQ((*kept)->source, "10.1.2.3");
  EXPECT_THAT(store_->session_of(proof(2)), HasValue(std::nullopt));
}

TEST_P(PeopleSuite, SessionsEndOneByOneAndTogether) {
  const auto ann = store_->create(user("ann"));
  const auto bob = store_->create(user("bob"));
  const access::Session first = session(ann->id, 1);
  const access::Session second = session(ann->id, 2);
  for (const access::Session& one : {first, second, session(ann->id, 3), session(bob->id, 4)})
    ASSERT_THAT(store_->begin_session(one), Succeeds());
  EXPECT_THAT(store_->end_session(bob->id, first.id), FailsWith(Code::not_found));
  EXPECT_THAT(store_->end_session(ann->id, first.id), Succeeds());
  EXPECT_THAT(store_->end_session(ann->id, first.id), FailsWith(Code::not_found));
  EXPECT_THAT(store_->end_sessions(ann->id, second.id), HasValue(1));
  ASSERT_EQ(store_->sessions_of(ann->id)->size(), 1U);
  EXPECT_EQ(store_->sessions_of(ann->id)->at(0).id, second.id);
  EXPECT_THAT(store_->end_sessions(ann->id, std::nullopt), HasValue(1));
  EXPECT_EQ(store_->sessions_of(bob->id)->size(), 1U);
}

TEST_P(PeopleSuite, SessionsHaveABoundAndOldOnesGo) {
  const auto ann = store_->create(user("ann"));
  const auto bob = store_->create(user("bob"));
  ASSERT_THAT(store_->begin_session(session(bob->id, 200)), Succeeds());
  clock_.advance(std::chrono::minutes(10));
  for (unsigned char i = 0; i <= access::Session::kPerUserMax; ++i) {
    ASSERT_THAT(store_->begin_session(session(ann->id, i)), Succeeds());
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(store_->sessions_of(ann->id)->size(), access::Session::kPerUserMax);
  EXPECT_THAT(store_->session_of(proof(0)), HasValue(std::nullopt));
  EXPECT_EQ(store_->sessions_of(bob->id)->size(), 1U);
  clock_.advance(access::Session::kIdleMax - std::chrono::minutes(5));
  ASSERT_THAT(store_->begin_session(session(ann->id, 100)), Succeeds());
  EXPECT_EQ(store_->sessions_of(bob->id)->size(), 0U) << "nobody saw it for too long";
}

TEST_P(PeopleSuite, AUsersRevisionGrowsWithItsMemberships) {
  const auto aurora = store_->create(tenant("aurora"));
  const auto ann = store_->create(user("ann"));
  const auto bob = store_->create(user("bob"));
  const auto revision_of = [&](access::UserId who) { return (*store_->user(who))->meta.revision; };
  const auto there = store_->create(member(ann->id, access::Role::tenant_admin, aurora->id));
  const auto everywhere = store_->create(member(ann->id, access::Role::auditor));
  EXPECT_EQ(revision_of(ann->id), 3);
  ASSERT_THAT(store_->remove(everywhere->id, everywhere->meta.revision), Succeeds());
  EXPECT_EQ(revision_of(ann->id), 4);
  ASSERT_THAT(store_->remove(aurora->id, 1), Succeeds());
  EXPECT_EQ(revision_of(ann->id), 5) << "a tenant takes memberships along";
  EXPECT_EQ(revision_of(bob->id), 1);
  EXPECT_THAT(store_->update(*ann), FailsWith(Code::precondition_failed));
}

TEST_P(PeopleSuite, ATokenIsKeptAcrossARestartAndGoesWithItsUser) {
  const auto ann = store_->create(user("ann"));
  const access::Token wanted = token(ann->id, "abcdefghijkl", true);
  ASSERT_THAT(store_->add_token(wanted), Succeeds());
  const WallTime later = clock_.wall_now() + std::chrono::hours(1);
  ASSERT_THAT(store_->use_token(wanted.id, later), Succeeds());
  reopen();
  const auto kept = store_->token(wanted.id);
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->user, ann->id);
  EXPECT_EQ((*kept)->name, wanted.name);
  EXPECT_EQ((*kept)->pepper_id, wanted.pepper_id);
  EXPECT_EQ((*kept)->hmac, wanted.hmac);
  EXPECT_EQ((*kept)->last_four, wanted.last_four);
  EXPECT_TRUE((*kept)->by_platform);
  EXPECT_EQ((*kept)->created_at, wanted.created_at);
  EXPECT_EQ((*kept)->expires_at, wanted.expires_at);
  EXPECT_EQ((*kept)->used_at, later);
  EXPECT_THAT(store_->token({*KeyId::parse("ABCDEFGHIJKL")}), HasValue(std::nullopt));
  ASSERT_THAT(store_->remove(ann->id, 1), Succeeds());
  EXPECT_THAT(store_->token(wanted.id), HasValue(std::nullopt));
  EXPECT_THAT(store_->add_token(wanted), FailsWith(Code::not_found)) << "of nobody";
}

TEST_P(PeopleSuite, TokensHaveABoundAndNamesOfTheirOwn) {
  const auto ann = store_->create(user("ann"));
  const auto bob = store_->create(user("bob"));
  const auto id_of = [](std::size_t i) {
    std::string id = std::to_string(i);
    return id.insert(0, 12 - id.size(), '0');
  };
  for (std::size_t i = 0; i + 1 < access::Token::kPerUserMax; ++i)
    ASSERT_THAT(store_->add_token(token(ann->id, id_of(i))), Succeeds());
  access::Token same_name = token(ann->id, "abcdefghijkl");
  same_name.name = "for " + id_of(0);
  EXPECT_THAT(store_->add_token(same_name), FailsWith(Code::conflict));
  same_name.user = bob->id;
  EXPECT_THAT(store_->add_token(same_name), Succeeds());
  ASSERT_THAT(store_->add_token(token(ann->id, "zzzzzzzzzzzz")), Succeeds());
  EXPECT_THAT(store_->add_token(token(ann->id, "yyyyyyyyyyyy")), FailsWith(Code::conflict));
  EXPECT_EQ(store_->tokens_of(ann->id)->size(), access::Token::kPerUserMax);
}

TEST_P(PeopleSuite, TokensAreRemovedOneByOneAndTogether) {
  const auto ann = store_->create(user("ann"));
  const auto bob = store_->create(user("bob"));
  for (const access::Token& one :
       {token(ann->id, "aaaaaaaaaaaa"), token(ann->id, "bbbbbbbbbbbb", true),
        token(ann->id, "cccccccccccc"), token(bob->id, "dddddddddddd")})
    ASSERT_THAT(store_->add_token(one), Succeeds());
  const access::TokenId first{*KeyId::parse("aaaaaaaaaaaa")};
  EXPECT_THAT(store_->remove_token(bob->id, first), FailsWith(Code::not_found));
  EXPECT_THAT(store_->remove_token(ann->id, first), Succeeds());
  EXPECT_THAT(store_->remove_token(ann->id, first), FailsWith(Code::not_found));
  EXPECT_THAT(store_->remove_tokens(ann->id, true), HasValue(1));
  ASSERT_EQ(store_->tokens_of(ann->id)->size(), 1U);
  EXPECT_TRUE(store_->tokens_of(ann->id)->at(0).by_platform);
  EXPECT_THAT(store_->remove_tokens(ann->id, false), HasValue(1));
  EXPECT_EQ(store_->tokens_of(bob->id)->size(), 1U);
}

TEST_P(PeopleSuite, PeopleAreWrittenAllOrNothing) {
  EXPECT_THAT(store_->atomically([&](ControlStore& store) -> Result<void> {
    TRY(const access::User ann, store.create(user("ann")));
    TRY_VOID(store.create(member(ann.id, access::Role::platform_admin)));
    TRY_VOID(store.begin_session(session(ann.id, 1)));
    return our_error(Code::dependency_unavailable, "no");
  }),
              FailsWith(Code::dependency_unavailable));
  EXPECT_TRUE(store_->users()->empty());
  EXPECT_TRUE(store_->memberships()->empty());
}

}  // namespace sovmesh::store
