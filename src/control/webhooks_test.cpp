#include "control/webhooks.h"

#include <gmock/gmock.h>

#include "base/seal.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::control {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WebhookSecretsTest : public testing::Test {
 protected:
  SeededRandom random_{1};
  identity::Authenticator authenticator_{{{1, Secret("pepper")}, {2, Secret("newer pepper")}}, {}};
  store::WebhookRecord webhook_{.id = {Ulid::from_bytes({1})}, .name = "pager"};
};

TEST_F(WebhookSecretsTest, ASecretIsThirtyTwoBytesByChance) {
  const Secret secret = new_webhook_secret(random_);
  EXPECT_THAT(std::string(secret.reveal()), StartsWith("whsec_"));
  EXPECT_EQ(secret.reveal().size(), 6U + 44U);
  EXPECT_NE(secret.reveal(), new_webhook_secret(random_).reveal());
}

TEST_F(WebhookSecretsTest, WhatIsStoredOpensWithThePepperAlone) {
  const Secret secret = new_webhook_secret(random_);
  ASSERT_THAT(seal_webhook_secret(webhook_, secret, authenticator_, random_), Succeeds());
  EXPECT_EQ(webhook_.pepper_id, 2);
  EXPECT_THAT(webhook_.secret, Not(HasSubstr(secret.reveal().substr(6, 8))));
  EXPECT_EQ(open_webhook_secret(webhook_, authenticator_)->reveal(), secret.reveal());
  const identity::Authenticator other{{{2, Secret("another pepper")}}, {}};
  EXPECT_FALSE(open_webhook_secret(webhook_, other));
  const identity::Authenticator none{{}, {}};
  EXPECT_FALSE(open_webhook_secret(webhook_, none));
}

// What a key costs that nobody has is the same for all, so it seals nothing.
TEST_F(WebhookSecretsTest, APepperThatIsNotThereSealsAndOpensNothing) {
  const identity::Authenticator none{{}, {}};
  EXPECT_THAT(seal_webhook_secret(webhook_, Secret("whsec_x"), none, random_),
              FailsWith(Code::internal_error));
  webhook_.pepper_id = 77;
  const Digest known = authenticator_.key_hmac(webhook_.pepper_id, "sovmesh/webhook-secrets/1");
  webhook_.secret = seal(SecretBytes::copy_of(known), "whsec_of whoever writes into the table",
                         "webhook/" + webhook_.id.value.text(), random_);
  EXPECT_FALSE(open_webhook_secret(webhook_, authenticator_));
}

// Whoever can write into the table cannot give one webhook the secret of another one.
TEST_F(WebhookSecretsTest, ASealedSecretIsOfOneWebhook) {
  ASSERT_THAT(seal_webhook_secret(webhook_, new_webhook_secret(random_), authenticator_, random_),
              Succeeds());
  store::WebhookRecord other = webhook_;
  other.id = {Ulid::from_bytes({2})};
  EXPECT_FALSE(open_webhook_secret(other, authenticator_));
  other = webhook_;
  other.secret.back() = static_cast<char>(other.secret.back() ^ 1);
  EXPECT_FALSE(open_webhook_secret(other, authenticator_));
}

TEST(WebhookBody, SaysTheEventInTheFormOfStandardWebhooks) {
  const EventLog::Noted noted{
      .id = 12,
      .at = WallTime(std::chrono::sys_days(std::chrono::year(2027) / 1 / 2)),
      .event = {.kind = "limit.threshold",
                .severity = Severity::warning,
                .subject = "limits",
                .tenant = Event::Tenant{.id = {Ulid::from_bytes({1})}, .slug = "aurora"},
                .text = "80 % of \"x\" is used",
                .data = R"({"percent":80})"}};
  EXPECT_EQ(webhook_body(noted),
            R"({"type":"limit.threshold","timestamp":"2027-01-02T00:00:00.000000Z",)"
            R"("data":{"id":"12","severity":"warning","subject":"limits","tenant":"aurora",)"
            R"("text":"80 % of \"x\" is used","data":{"percent":80}}})");
}

}  // namespace
}  // namespace sovmesh::control
