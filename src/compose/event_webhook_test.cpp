#include "compose/event_webhook.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "http/server_fixture.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::compose {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class Receiver : public http::Handler {
 public:
  rt::Task<void> handle(http::Exchange& exchange) override {
    auto body = co_await exchange.read_body({});
    if (body) bodies.emplace_back(body->bytes());
    http::ResponseHead head;
    head.status = 204;
    co_await exchange.respond(head, "");
  }
  std::vector<std::string> bodies;
};

class Literals : public rt::Resolver {
 public:
  rt::Task<Result<std::vector<rt::IpAddress>>> resolve(std::string host, rt::Until) override {
    co_return std::vector{*rt::IpAddress::parse(host)};
  }
};

class EventWebhookTest : public testing::Test {
 protected:
  EventWebhookTest() {
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:0"), {});
    server_ = std::make_unique<http::Server>(world_.loop(), *std::move(listener), receiver_,
                                             http::ServerOptions());
    tasks_.spawn(server_->run());
    webhook_ = *EventWebhook::make({.url = "http://" + rt::to_text(server_->local()) + "/hook",
                                    .secret = Secret("0123456789abcdef")},
                                   world_.loop(), pool_, world_.random());
    tasks_.spawn(webhook_->run(stopping_));
    tasks_.spawn(webhook_->deliver(stopping_));
  }
  ~EventWebhookTest() override {
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
  std::unique_ptr<EventWebhook> webhook_;
};

TEST_F(EventWebhookTest, WhatIsNotedIsDeliveredInOrder) {
  webhook_->note("1");
  webhook_->note("2");
  world_.run_for(1s);
  webhook_->note("3");
  world_.run_for(1s);
  EXPECT_THAT(receiver_.bodies, ElementsAre("1", "2", "3"));
  EXPECT_EQ(webhook_->stats().delivered, 3U);
}

TEST_F(EventWebhookTest, WhatFindsNoRoomIsCounted) {
  for (std::size_t i = 0; i < EventWebhook::kWaitingMax + 2; ++i)
    webhook_->note("{}");
  EXPECT_EQ(webhook_->stats().dropped, 2U);
  world_.run_for(1min);
  EXPECT_EQ(receiver_.bodies.size(), EventWebhook::kWaitingMax);
}

}  // namespace
}  // namespace sovmesh::compose
