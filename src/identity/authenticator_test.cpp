#include "identity/authenticator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tenancy/key_format.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::identity {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::hours(1'000'000)};

class CountingRandom : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    std::ranges::generate(out, [this] { return static_cast<unsigned char>(next_ += 37); });
  }

 private:
  unsigned next_ = 0;
};

Ulid ulid(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return Ulid::from_bytes(bytes);
}

tenancy::Tenant tenant(unsigned char n, const char* slug, std::vector<std::string> hosts = {}) {
  tenancy::Tenant out{.id = {ulid(n)}, .slug = *TenantSlug::parse(slug)};
  out.hosts = std::move(hosts);
  return out;
}

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    aurora_ = add_key(1);
    borealis_ = add_key(2);
  }

  std::string add_key(unsigned char owner) {
    tenancy::NewKey made = tenancy::generate_key(random_);
    tenancy::Key key{.id = made.id, .tenant = {ulid(owner)}, .project = {ulid(10 + owner)}};
    key.scopes.set();
    key.pepper_id = 1;
    key.hmac = authenticator_.key_hmac(1, made.text.reveal());
    keys_.push_back(key);
    return std::string(made.text.reveal());
  }

  std::shared_ptr<const Directory> directory() {
    DirectoryData data;
    data.tenants = {tenant(1, "aurora", {"aurora.example"}), tenant(2, "borealis")};
    data.tenants[1].suspended = suspended_;
    for (const unsigned char n : {static_cast<unsigned char>(1), static_cast<unsigned char>(2)}) {
      data.projects.push_back({.id = {ulid(static_cast<unsigned char>(10 + n))},
                               .tenant = {ulid(n)},
                               .slug = *ProjectSlug::parse("default")});
    }
    data.keys = keys_;
    return *Directory::build(std::move(data));
  }

  Result<Caller> identify(const Credentials& shown) {
    return authenticator_.identify(directory(), shown, kNow, &why_);
  }

  CountingRandom random_;
  std::map<std::int32_t, Secret> peppers_{{1, Secret("pepper one")}};
  Authenticator authenticator_{peppers_, {}};
  std::vector<tenancy::Key> keys_;
  bool suspended_ = false;
  Stranger why_ = Stranger::none;
  std::string aurora_;
  std::string borealis_;
};

TEST_F(AuthenticatorTest, AcceptsTheKeyInAnyHeader) {
  const std::string bearer = "Bearer " + aurora_;
  for (const Credentials& shown :
       {Credentials{.authorization = bearer}, Credentials{.api_key = aurora_},
        Credentials{.x_api_key = aurora_},
        Credentials{.authorization = bearer, .x_api_key = aurora_}}) {
    const auto caller = identify(shown);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->tenant().slug.text(), "aurora");
  }
}

TEST_F(AuthenticatorTest, ARotatedKeyWorksUnderBothTextsUntilTheOldOneEnds) {
  const Credentials old{.api_key = aurora_};
  const auto before = identify(old);
  ASSERT_TRUE(before);
  const Secret text = tenancy::renew_key(keys_[0].id, random_);
  EXPECT_EQ(tenancy::parse_key(text.reveal()), keys_[0].id);
  keys_[0].previous = {.pepper_id = 1, .hmac = keys_[0].hmac, .until = kNow + 1h};
  keys_[0].hmac = authenticator_.key_hmac(1, text.reveal());
  EXPECT_TRUE(identify({.api_key = text.reveal()}));
  EXPECT_TRUE(identify(old));
  EXPECT_TRUE(Authenticator::still_valid(*directory(), *before, kNow));

  keys_[0].previous->until = kNow;
  EXPECT_TRUE(identify({.api_key = text.reveal()}));
  EXPECT_THAT(identify(old), FailsWith(Code::invalid_api_key));
  EXPECT_FALSE(Authenticator::still_valid(*directory(), *before, kNow));
}

TEST_F(AuthenticatorTest, EveryRefusalReadsTheSame) {
  keys_[1].revoked_at = kNow;
  std::vector<Error> refusals;
  const auto refuse = [&](const Credentials& shown) {
    const auto caller = identify(shown);
    EXPECT_THAT(caller, FailsWith(Code::invalid_api_key));
    if (!caller) refusals.push_back(caller.error());
  };
  refuse({.api_key = borealis_});  // revoked
  keys_[1].revoked_at.reset();
  keys_[1].expires_at = kNow - 1s;
  refuse({.api_key = borealis_});  // expired
  keys_[1].expires_at.reset();
  suspended_ = true;
  refuse({.api_key = borealis_});  // suspended tenant
  suspended_ = false;
  refuse({.api_key = borealis_, .path_tenant = "aurora"});   // somebody else's path
  refuse({.api_key = borealis_, .path_tenant = "nobody"});   // unknown tenant
  refuse({.api_key = borealis_, .host = "aurora.example"});  // somebody else's host
  refuse({.api_key = borealis_, .organization = "aurora"});
  refuse({.api_key = borealis_, .project = "other"});
  keys_.pop_back();
  refuse({.api_key = borealis_});  // unknown
  for (const Error& error : refusals)
    EXPECT_EQ(error.message(), refusals.front().message());
}

TEST_F(AuthenticatorTest, WhoCountsLearnsWhyACallerIsNobody) {
  const auto why = [&](const Credentials& shown) {
    why_ = Stranger::none;
    (void)identify(shown);
    return std::string(name(why_));
  };
  EXPECT_EQ(why({.api_key = borealis_}), "");
  EXPECT_EQ(why({}), "no_key");
  EXPECT_EQ(why({.api_key = "sm-x"}), "malformed_key");
  EXPECT_EQ(why({.api_key = borealis_, .path_tenant = "aurora"}), "elsewhere");
  keys_[1].revoked_at = kNow;
  EXPECT_EQ(why({.api_key = borealis_}), "expired_key");
  keys_[1].hmac = keys_[0].hmac;
  EXPECT_EQ(why({.api_key = borealis_}), "wrong_secret");
  keys_.pop_back();
  EXPECT_EQ(why({.api_key = borealis_}), "unknown_key");
}

TEST_F(AuthenticatorTest, TwoDifferentKeysAreNone) {
  EXPECT_THAT(identify({.api_key = aurora_, .x_api_key = borealis_}),
              FailsWith(Code::invalid_api_key));
  EXPECT_THAT(identify({}), FailsWith(Code::invalid_api_key));
  EXPECT_THAT(identify({.authorization = "Basic abc"}), FailsWith(Code::invalid_api_key));
}

TEST_F(AuthenticatorTest, PathAndHostOfTheTenantAgreeWithItsKey) {
  EXPECT_TRUE(identify({.api_key = aurora_,
                        .path_tenant = "aurora",
                        .host = "aurora.example",
                        .organization = "aurora",
                        .project = "default"}));
}

TEST_F(AuthenticatorTest, OnlyKnownHostsWhenHostsAreSet) {
  Authenticator strict(peppers_, {"gateway.example"});
  const auto with_host = [&](std::string_view host) {
    return strict.identify(directory(), {.api_key = aurora_, .host = host}, kNow);
  };
  EXPECT_TRUE(with_host("gateway.example"));
  EXPECT_TRUE(with_host("aurora.example"));
  EXPECT_THAT(with_host("other.example"), FailsWith(Code::unknown_host));
}

TEST_F(AuthenticatorTest, AnOpenStreamEndsWithItsKey) {
  const auto caller = identify({.api_key = aurora_});
  ASSERT_TRUE(caller);
  EXPECT_TRUE(Authenticator::still_valid(*directory(), *caller, kNow));
  keys_[0].revoked_at = kNow;
  EXPECT_FALSE(Authenticator::still_valid(*directory(), *caller, kNow));
}

TEST_F(AuthenticatorTest, UnknownAndForeignModelsReadTheSame) {
  const auto caller = identify({.api_key = aurora_});
  ASSERT_TRUE(caller);
  const auto missing = caller->model("m");
  ASSERT_THAT(missing, FailsWith(Code::model_not_found));
  EXPECT_EQ(missing.error().message(),
            "The model `m` does not exist or you do not have access to it.");
}

TEST_F(AuthenticatorTest, OnlyAPepperThatIsThereMakesAKeyForOtherThings) {
  EXPECT_EQ(authenticator_.pepper_hmac(1, "x"), authenticator_.key_hmac(1, "x"));
  EXPECT_EQ(authenticator_.pepper_hmac(77, "x"), std::nullopt);
  EXPECT_EQ(authenticator_.pepper_hmac(-1, "x"), std::nullopt);
}

}  // namespace
}  // namespace sovmesh::identity
