#include "http/cors.h"

#include <gmock/gmock.h>

#include <optional>

#include "http/server_fixture.h"

namespace sovmesh::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Greeter final : public Handler {
 public:
  rt::Task<void> handle(Exchange& exchange) override {
    ++asked;
    ResponseHead head;
    head.add("access-control-expose-headers", "X-Request-ID");
    if (exchange.head().path == "/stream") {
      exchange.start_stream(head);
      (void)exchange.write("part");
      (void)co_await exchange.finish();
      co_return;
    }
    (void)co_await exchange.respond(head, "hello");
  }
  int asked = 0;
};

class CorsTest : public testing::Test {
 protected:
  CorsTest() {
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:80"), {});
    server_.emplace(world_.loop(), std::move(listener).value(), cors_, ServerOptions{});
    tasks_.spawn(serve(&*server_));
  }
  ~CorsTest() override {
    server_->stop_accepting();
    world_.run_until_idle(std::chrono::minutes(5));
    world_.end();
  }
  static rt::Task<void> serve(Server* server) { co_await server->run(); }

  std::string ask(std::string_view line, std::string_view fields) {
    const rt::Until until{world_.loop().in(std::chrono::seconds(5)), nullptr};
    auto socket = world_.run(network_.connect(*rt::parse_endpoint("127.0.0.1:80"), until));
    RawClient client(world_, std::move(socket).value());
    client.send(std::string(line) + " HTTP/1.1\r\nhost: x\r\n" + std::string(fields) + "\r\n");
    return client.receive();
  }

  rt::sim::SimWorld world_{3};
  rt::sim::SimNetwork network_{world_};
  Greeter greeter_;
  CorsHandler cors_{greeter_, {"https://app.example", "http://127.0.0.1:3000"}};
  std::optional<Server> server_;
  rt::TaskGroup tasks_{world_.loop(), 1};
};

TEST_F(CorsTest, APreflightOfAListedOriginIsAnsweredHere) {
  const std::string answer = ask("OPTIONS /v1/chat/completions",
                                 "origin: https://app.example\r\n"
                                 "access-control-request-method: POST\r\n"
                                 "access-control-request-headers: authorization,content-type\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(answer, HasSubstr("access-control-allow-origin: https://app.example\r\n"));
  EXPECT_THAT(answer, HasSubstr("access-control-allow-methods: GET, POST\r\n"));
  EXPECT_THAT(answer, HasSubstr("access-control-allow-headers: authorization,content-type\r\n"));
  EXPECT_THAT(answer, HasSubstr("vary: Origin, "));
  EXPECT_THAT(answer, Not(HasSubstr("allow-credentials")));
  EXPECT_EQ(greeter_.asked, 0);
}

TEST_F(CorsTest, AnswersToAListedOriginAreMarked) {
  for (const char* path : {"GET /plain", "GET /stream"}) {
    const std::string answer = ask(path, "origin: http://127.0.0.1:3000\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(answer, HasSubstr("access-control-allow-origin: http://127.0.0.1:3000\r\n"));
    EXPECT_THAT(answer, HasSubstr("access-control-expose-headers: x-request-id, "));
    EXPECT_THAT(answer, Not(HasSubstr("X-Request-ID")));
    EXPECT_THAT(answer, HasSubstr("vary: Origin\r\n"));
  }
}

TEST_F(CorsTest, OtherOriginsGetNoPermission) {
  for (const char* origin :
       {"https://evil.example", "https://app.example.evil.example", "HTTPS://APP.EXAMPLE", "null",
        "https://app.example:443", "https://app.example https://app.example"}) {
    const std::string fields = "origin: " + std::string(origin) + "\r\n";
    EXPECT_THAT(ask("GET /plain", fields), Not(HasSubstr("allow-origin"))) << origin;
    greeter_.asked = 0;
    const std::string preflight =
        ask("OPTIONS /plain", fields + "access-control-request-method: POST\r\n");
    EXPECT_THAT(preflight, Not(HasSubstr("allow-origin"))) << origin;
    EXPECT_EQ(greeter_.asked, 1) << "an ordinary request";
  }
  EXPECT_THAT(ask("GET /plain", ""), Not(HasSubstr("allow-origin")));
}

TEST_F(CorsTest, APreflightWithNoNamesInItsListIsNone) {
  for (const std::string& asked : {std::string("a\"b"), std::string("<x>"),
                                   std::string(CorsHandler::kAskedBytesMax + 1, 'a')}) {
    const std::string answer =
        ask("OPTIONS /plain",
            "origin: https://app.example\r\naccess-control-request-method: POST\r\n"
            "access-control-request-headers: " +
                asked + "\r\n");
    EXPECT_THAT(answer, Not(HasSubstr("allow-headers")));
  }
}

}  // namespace
}  // namespace sovmesh::http
