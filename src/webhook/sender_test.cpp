#include "webhook/sender.h"

#include <gmock/gmock.h>

#include "http/server_fixture.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::webhook {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// Takes deliveries once `refusing` of them have been answered with 503.
class Receiver : public http::Handler {
 public:
  rt::Task<void> handle(http::Exchange& exchange) override {
    Delivery got;
    for (const auto& [name, to] : {std::pair("webhook-id", &got.id),
                                   {"webhook-timestamp", &got.timestamp},
                                   {"webhook-signature", &got.signature}}) {
      *to = exchange.head().fields.find(name).value_or("");
    }
    auto body = co_await exchange.read_body({});
    if (body) got.body = body->bytes();
    const bool refuses = refusing-- > 0;
    (refuses ? refused : taken).push_back(got);
    http::ResponseHead head;
    head.status = refuses ? refusal : rest.empty() ? 204 : 200;
    if (refusal == 302) head.fields.add("location", "http://127.0.0.1:1/elsewhere");
    if (!is_endless) {
      co_await exchange.respond(head, rest);
      co_return;
    }
    exchange.start_stream(head);
    (void)exchange.write(rest);
    const rt::Until gone{exchange.loop().in(10min), &exchange.client_gone()};
    co_await rt::sleep(exchange.loop(), gone);
    exchange.abort();
  }
  struct Delivery {
    std::string id;
    std::string timestamp;
    std::string signature;
    std::string body;
  };
  int refusing = 0;
  int refusal = 503;
  std::string rest;         // of an answer
  bool is_endless = false;  // and no end follows it
  std::vector<Delivery> refused;
  std::vector<Delivery> taken;
  std::vector<std::string> bodies() const {
    std::vector<std::string> all;
    for (const Delivery& delivery : taken)
      all.push_back(delivery.body);
    return all;
  }
};

class Literals : public rt::Resolver {
 public:
  rt::Task<Result<std::vector<rt::IpAddress>>> resolve(std::string host, rt::Until) override {
    co_return std::vector{*rt::IpAddress::parse(host)};
  }
};

class SenderTest : public testing::Test {
 protected:
  SenderTest() {
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:0"), {});
    server_ = std::make_unique<http::Server>(world_.loop(), *std::move(listener), receiver_,
                                             http::ServerOptions());
    tasks_.spawn(server_->run());
    sender_ = *Sender::make({.url = "http://" + rt::to_text(server_->local()) + "/hook",
                             .secret = Secret("0123456789abcdef")},
                            world_.loop(), pool_, world_.random());
    tasks_.spawn(sender_->run(stopping_));
  }
  ~SenderTest() override {
    stopping_.set();
    world_.run_for(1s);
    pool_.close_idle();
    world_.run(server_->drain(world_.loop().in(0s)), 60min);
    server_.reset();
    world_.run_for(1s);
  }

  rt::sim::SimWorld world_{5};
  rt::sim::SimNetwork network_{world_};
  Literals resolver_;
  http::ClientPool pool_{world_.loop(), network_, resolver_, {}};
  Receiver receiver_;
  rt::TaskGroup tasks_{world_.loop(), 4};
  rt::Event stopping_{world_.loop()};
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<Sender> sender_;
};

TEST_F(SenderTest, DeliversInOrderAndSigned) {
  sender_->send("{\"a\":1}");
  sender_->send("{\"a\":2}");
  world_.run_for(1s);
  EXPECT_THAT(receiver_.bodies(), ElementsAre("{\"a\":1}", "{\"a\":2}"));
  const Receiver::Delivery& first = receiver_.taken.front();
  EXPECT_EQ(first.signature,
            sign(Secret("0123456789abcdef"), first.id, std::stoll(first.timestamp), first.body));
  EXPECT_NE(first.id, receiver_.taken.back().id);
  EXPECT_EQ(sender_->stats().delivered, 2U);
}

TEST_F(SenderTest, TriesAgainWithTheSameIdAndLosesNothing) {
  receiver_.refusing = 3;
  sender_->send("first");
  sender_->send("second");
  world_.run_for(30s);
  EXPECT_THAT(receiver_.bodies(), ElementsAre("first", "second"));
  ASSERT_EQ(receiver_.refused.size(), 3U);
  EXPECT_EQ(receiver_.refused.back().id, receiver_.taken.front().id);
  EXPECT_EQ(sender_->stats().retried, 3U);
}

TEST_F(SenderTest, GivesUpAfterSomeMinutesAndGoesOnWithTheNext) {
  receiver_.refusing = Sender::kAttempts;
  sender_->send("lost");
  sender_->send("next");
  world_.run_for(15min);
  EXPECT_THAT(receiver_.bodies(), ElementsAre("next"));
  EXPECT_EQ(sender_->stats().dropped, 1U);
}

TEST_F(SenderTest, ARedirectIsNotFollowed) {
  receiver_.refusing = 1;
  receiver_.refusal = 302;
  sender_->send("x");
  world_.run_for(500ms);
  ASSERT_TRUE(sender_->last());
  EXPECT_EQ(sender_->last()->status, 302);
  EXPECT_THAT(sender_->last()->error, testing::HasSubstr("redirects are not followed"));
  EXPECT_EQ(sender_->stats().delivered, 0U);
}

TEST_F(SenderTest, SaysWhatCameOfTheLatestAttempt) {
  EXPECT_FALSE(sender_->last());
  receiver_.refusing = 1;
  sender_->send("x");
  world_.run_for(500ms);
  EXPECT_EQ(sender_->last()->status, 503);
  EXPECT_EQ(sender_->last()->error, "the receiver answered 503");
  world_.run_for(5s);
  EXPECT_EQ(sender_->last()->status, 204);
  EXPECT_EQ(sender_->last()->error, "");
}

TEST_F(SenderTest, KeepsItsConnectionBehindAShortAnswer) {
  receiver_.rest = "ok";
  sender_->send("first");
  sender_->send("second");
  world_.run_for(1s);
  EXPECT_THAT(receiver_.bodies(), ElementsAre("first", "second"));
  EXPECT_EQ(pool_.idle(), 1U);
}

TEST_F(SenderTest, TheStatusDecidesHoweverLongTheAnswerIs) {
  receiver_.rest = std::string(4 * Sender::kRestMax, 'x');
  sender_->send("first");
  sender_->send("second");
  world_.run_for(5s);
  EXPECT_THAT(receiver_.bodies(), ElementsAre("first", "second"));
  EXPECT_EQ(sender_->stats().delivered, 2U);
  EXPECT_EQ(sender_->stats().retried, 0U);
  EXPECT_EQ(sender_->last()->status, 200);
  EXPECT_EQ(sender_->last()->error, "");
  EXPECT_EQ(pool_.idle(), 0U) << "what is not read to its end is closed";
}

TEST_F(SenderTest, AnAnswerWithoutAnEndHoldsUpNothing) {
  receiver_.is_endless = true;
  receiver_.rest = "and";
  sender_->send("first");
  sender_->send("second");
  world_.run_for(5s);
  EXPECT_THAT(receiver_.bodies(), ElementsAre("first", "second"));
  EXPECT_EQ(sender_->stats().delivered, 2U);
  EXPECT_EQ(sender_->stats().retried, 0U);
}

TEST_F(SenderTest, TheNextAttemptGoesWhereItIsAimed) {
  receiver_.refusing = 1;
  sender_->send("x");
  world_.run_for(500ms);
  const std::string url = "http://" + rt::to_text(server_->local()) + "/other";
  EXPECT_THAT(sender_->aim({.url = url, .secret = Secret("short")}),
              FailsWith(Code::config_invalid));
  ASSERT_THAT(sender_->aim({.url = url, .secret = Secret("another secret, long")}), Succeeds());
  world_.run_for(5s);
  ASSERT_EQ(receiver_.taken.size(), 1U);
  const Receiver::Delivery& got = receiver_.taken.front();
  EXPECT_EQ(got.signature,
            sign(Secret("another secret, long"), got.id, std::stoll(got.timestamp), got.body));
}

TEST_F(SenderTest, BoundsItsQueue) {
  receiver_.refusing = 1'000'000;
  for (std::size_t i = 0; i < Sender::kQueueMax + 5; ++i)
    sender_->send("x");
  EXPECT_EQ(sender_->waiting(), Sender::kQueueMax);
  EXPECT_EQ(sender_->stats().dropped, 5U);
}

TEST_F(SenderTest, TakesOnlyWhatCanWork) {
  const auto make = [&](std::string url, std::string secret) {
    return Sender::make({.url = std::move(url), .secret = Secret(std::move(secret))}, world_.loop(),
                        pool_, world_.random());
  };
  EXPECT_THAT(make("ftp://x", "0123456789abcdef"), FailsWith(Code::config_invalid));
  EXPECT_THAT(make("http://127.0.0.1:1/h", "short"), FailsWith(Code::config_invalid));
  EXPECT_THAT(make("http://127.0.0.1:1/h", "whsec_not base64"), FailsWith(Code::config_invalid));
}

// Reading the system's CAs takes long, so no sender does it.
TEST_F(SenderTest, SharesTheContextItIsGiven) {
  const auto tls = client_context();
  ASSERT_THAT(tls, Succeeds());
  Target target{.url = "https://127.0.0.1:1/h", .secret = Secret("0123456789abcdef")};
  EXPECT_THAT(Sender::make(target, world_.loop(), pool_, world_.random()),
              FailsWith(Code::config_invalid));
  EXPECT_THAT(sender_->aim(target), FailsWith(Code::config_invalid));
  target.tls = *tls;
  const auto made = Sender::make(target, world_.loop(), pool_, world_.random());
  ASSERT_THAT(made, Succeeds());
  const auto held = tls->use_count();
  target.secret = Secret("another secret, long");
  ASSERT_THAT((*made)->aim(target), Succeeds());
  EXPECT_EQ(tls->use_count(), held);
}

TEST(Webhook, KnowsWhatNeedsCertificates) {
  EXPECT_TRUE(is_https("https://hooks.example.com/x"));
  EXPECT_FALSE(is_https("http://127.0.0.1:1/h"));
  EXPECT_FALSE(is_https("unix:/run/h"));
  EXPECT_FALSE(is_https(""));
}

// Computed with another implementation (Python's hmac).
TEST(Webhook, SignsAsStandardWebhooksDoes) {
  EXPECT_EQ(sign(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek",
                 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

}  // namespace
}  // namespace sovmesh::webhook
