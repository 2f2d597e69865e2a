#include "http/client.h"

#include <gmock/gmock.h>

#include "http/server_fixture.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class OneHost : public rt::Resolver {
 public:
  rt::Task<Result<std::vector<rt::IpAddress>>> resolve(std::string host,
                                                       rt::Until /*until*/) override {
    if (host != "engine") co_return our_error(Code::upstream_error, "no such host");
    co_return std::vector{rt::IpAddress::v4({10, 0, 0, 9}), rt::IpAddress::v4({10, 0, 0, 1})};
  }
};

std::string chunked(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}
std::string sized(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    listener_ = *network_.listen(*rt::parse_endpoint("10.0.0.1:8000"), {});
    // Nothing listens at the name's first address.
  }
  ~ClientTest() override {
    call_.reset();
    pool_.close_idle();
    servers_.clear();
    world_.run_for(1s);
    EXPECT_EQ(world_.wire().open_sockets(), 0U);
  }

  rt::Until within(std::chrono::milliseconds time) { return {world_.loop().in(time), nullptr}; }

  static rt::Task<void> accept_one(rt::Listener& listener, rt::Until until,
                                   std::vector<std::unique_ptr<rt::Socket>>& into) {
    auto socket = co_await listener.accept(until);
    if (socket) into.push_back(*std::move(socket));
  }
  // The server's end of the next new connection.
  RawClient& accept() {
    std::vector<std::unique_ptr<rt::Socket>> accepted;
    world_.run(accept_one(*listener_, within(1s), accepted));
    EXPECT_EQ(accepted.size(), 1U);
    servers_.push_back(std::make_unique<RawClient>(world_, std::move(accepted.at(0))));
    return *servers_.back();
  }
  bool nobody_connects() {
    std::vector<std::unique_ptr<rt::Socket>> accepted;
    world_.run(accept_one(*listener_, within(100ms), accepted));
    return accepted.empty();
  }

  Result<void> send(std::string_view method = "POST", std::string_view body = "{}") {
    if (!call_) call_ = pool_.call(origin_);
    const ClientRequest request{
        .method = method, .target = "/v1/x", .fields = {{"accept", "text/plain"}}, .body = body};
    return world_.run(call_->send(request, within(10s)));
  }
  Result<ClientResponseHead> head(std::chrono::milliseconds time = 1s) {
    return world_.run(call_->head(within(time)));
  }
  // The rest of the body, or the error it ends with.
  Result<std::string> rest() {
    std::string all;
    for (int i = 0; i < 1'000; ++i) {
      TRY(const BodyPiece piece, call_->try_read());
      if (piece.kind == BodyPiece::Kind::end) return all;
      all += piece.bytes;
      if (piece.kind == BodyPiece::Kind::would_block) world_.run_for(1ms);
    }
    return our_error(Code::timed_out, "no end of: " + all);
  }
  // The rest, after which the call lets go of its connection.
  Result<std::string> end() {
    Result<std::string> all = rest();
    call_.reset();
    return all;
  }
  // One complete call on whatever connection: sends, answers with `answer`, reads.
  Result<std::string> exchange(RawClient& server, std::string_view answer) {
    server.receive();
    server.send(answer);
    TRY(const ClientResponseHead head, this->head());
    return end();
  }
  // A call on a new connection that gets `answer`, after which the server ends it or not.
  Result<std::string> outcome(std::string_view answer, bool then_end = false) {
    pool_.close_idle();
    call_ = pool_.call(origin_);
    TRY_VOID(send());
    RawClient& server = accept();
    server.receive();
    server.send(answer);
    if (then_end) server.finish_sending();
    TRY(const ClientResponseHead head, this->head());
    return end();
  }

  rt::sim::SimWorld world_{3};
  rt::sim::SimNetwork network_{world_};
  OneHost resolver_;
  std::unique_ptr<rt::Listener> listener_;
  ClientLimits limits_{.idle_max = 2, .idle_time = 55s, .head_bytes_max = 4'096};
  ClientPool pool_{world_.loop(), network_, resolver_, limits_};
  Origin origin_{.host = "engine", .port = 8000, .unix_path = "", .tls = nullptr};
  std::vector<std::unique_ptr<RawClient>> servers_;
  std::unique_ptr<ClientCall> call_;
};

TEST_F(ClientTest, RequestIsWrittenWithItsFraming) {
  ASSERT_THAT(send("POST", "hello"), Succeeds());
  RawClient& server = accept();
  EXPECT_EQ(server.receive(),
            "POST /v1/x HTTP/1.1\r\nhost: engine:8000\r\naccept: text/plain\r\n"
            "content-length: 5\r\n\r\nhello");
  server.send(sized("answer"));
  const auto answer = head();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_length, 6U);
  EXPECT_THAT(end(), HasValue("answer"));
  EXPECT_EQ(pool_.idle(), 1U);

  call_ = pool_.call(origin_);
  ASSERT_THAT(send("GET", ""), Succeeds());
  EXPECT_EQ(server.receive(),
            "GET /v1/x HTTP/1.1\r\nhost: engine:8000\r\naccept: text/plain\r\n\r\n");
}

TEST_F(ClientTest, CleanConnectionsAreUsedAgain) {
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  EXPECT_THAT(exchange(server, chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")), HasValue("abcde"));
  for (int i = 0; i < 3; ++i) {
    call_ = pool_.call(origin_);
    ASSERT_THAT(send(), Succeeds());
    EXPECT_THAT(exchange(server, sized("x")), HasValue("x"));
  }
  EXPECT_TRUE(nobody_connects());
}

TEST_F(ClientTest, IdleConnectionsAreBoundedAndExpire) {
  std::vector<std::unique_ptr<ClientCall>> calls;
  for (int i = 0; i < 3; ++i) {
    call_ = pool_.call(origin_);
    ASSERT_THAT(send(), Succeeds());
    calls.push_back(std::move(call_));
    accept();
  }
  for (std::size_t i = 0; i < 3; ++i) {
    call_ = std::move(calls[i]);
    EXPECT_THAT(exchange(*servers_[i], sized("x")), HasValue("x"));
    world_.run_for(1s);
  }
  EXPECT_EQ(pool_.idle(), 2U);
  world_.run_for(52500ms);
  EXPECT_EQ(pool_.idle(), 1U);
  world_.run_for(2s);
  EXPECT_EQ(pool_.idle(), 0U);
  EXPECT_EQ(servers_[0]->receive(), "");
  EXPECT_TRUE(servers_[0]->ended());
}

// Whether its server saw a request before it closed, nobody knows.
TEST_F(ClientTest, ARequestThatIsSentOnlyOnceTakesANewConnection) {
  ASSERT_THAT(send(), Succeeds());
  RawClient& kept = accept();
  ASSERT_THAT(exchange(kept, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Succeeds());
  ASSERT_EQ(pool_.idle(), 1U);
  call_ = pool_.call(origin_);
  const ClientRequest once{
      .method = "POST", .target = "/v1/x", .fields = {}, .body = "{}", .once = true};
  ASSERT_THAT(world_.run(call_->send(once, {rt::Deadline::never(), nullptr})), Succeeds());
  RawClient& fresh = accept();
  EXPECT_THAT(fresh.receive(), EndsWith("{}"));
  EXPECT_EQ(kept.receive(), "");
  fresh.close();
  EXPECT_THAT(head(), FailsWith(Code::upstream_error));
}

TEST_F(ClientTest, KeptConnectionThatDiedIsReplacedOnce) {
  // Closed while idle: noticed before it is used.
  ASSERT_THAT(send(), Succeeds());
  EXPECT_THAT(exchange(accept(), sized("x")), HasValue("x"));
  servers_.back()->close();
  world_.run_for(10ms);
  call_ = pool_.call(origin_);
  ASSERT_THAT(send(), Succeeds());
  EXPECT_THAT(exchange(accept(), sized("y")), HasValue("y"));

  // Closed at the moment we send: the same bytes go out again.
  for (const bool reset : {false, true}) {
    call_ = pool_.call(origin_);
    ASSERT_THAT(send("POST", "again"), Succeeds());
    reset ? servers_.back()->close_with_reset() : servers_.back()->close();
    EXPECT_THAT(head(10ms), FailsWith(Code::timed_out));
    RawClient& fresh = accept();
    EXPECT_THAT(fresh.receive(), EndsWith("content-length: 5\r\n\r\nagain"));
    fresh.send(sized("z"));
    EXPECT_THAT(head(), Succeeds());
    EXPECT_THAT(rest(), HasValue("z"));
  }

  // But not a second time, and not after a byte of an answer.
  call_ = pool_.call(origin_);
  ASSERT_THAT(send(), Succeeds());
  servers_.back()->receive();
  servers_.back()->send("H");
  servers_.back()->close();
  EXPECT_THAT(head(), FailsWith(Code::upstream_error));
  EXPECT_TRUE(nobody_connects());
}

TEST_F(ClientTest, NewConnectionThatDiesIsAnError) {
  ASSERT_THAT(send(), Succeeds());
  accept().close();
  EXPECT_THAT(head(), FailsWith(Code::upstream_error));
  EXPECT_TRUE(nobody_connects());
}

TEST_F(ClientTest, UnreachableServersAreErrors) {
  origin_.port = 1;
  EXPECT_FALSE(send());
  origin_ = {.host = "nowhere", .port = 8000, .unix_path = "", .tls = nullptr};
  call_.reset();
  EXPECT_THAT(send(), FailsWith(Code::upstream_error));
  origin_.host = "engine";
  call_.reset();
  world_.wire().set_reach(*rt::parse_endpoint("10.0.0.9:8000"), rt::sim::Reach::drop);
  // Our limit is shorter than the caller's. As one that refuses: no byte can have got there.
  EXPECT_THAT(send(), FailsWith(Code::io_error));
}

TEST_F(ClientTest, TimedOutHeadCanBeAwaitedAgain) {
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  EXPECT_THAT(head(1s), FailsWith(Code::timed_out));
  server.send("HTTP/1.1 200 OK\r\nContent-");
  EXPECT_THAT(head(1s), FailsWith(Code::timed_out));
  server.send("Length: 2\r\n\r\nok");
  EXPECT_THAT(head(), Succeeds());
  EXPECT_THAT(rest(), HasValue("ok"));
}

TEST_F(ClientTest, PiecesComeAsTheyArriveAndReadableSaysWhen) {
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  server.send(chunked("5\r\nfirst\r\n"));
  ASSERT_THAT(head(), Succeeds());
  EXPECT_TRUE(call_->readable().is_set());
  auto piece = call_->try_read();
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->bytes, "first");
  piece = call_->try_read();
  EXPECT_EQ(piece->kind, BodyPiece::Kind::would_block);
  EXPECT_FALSE(call_->readable().is_set());
  server.send("6\r\nsecond\r\n5\r\nthird\r\n0\r\n\r\n");
  world_.run_for(10ms);
  EXPECT_TRUE(call_->readable().is_set());
  EXPECT_THAT(rest(), HasValue("secondthird"));
  EXPECT_TRUE(call_->readable().is_set());
  EXPECT_EQ(call_->try_read()->kind, BodyPiece::Kind::end);
}

TEST_F(ClientTest, CancelClosesAtOnce) {
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  server.receive();
  server.send(chunked("3\r\nabc\r\n"));
  ASSERT_THAT(head(), Succeeds());
  call_->cancel();
  server.receive(10ms);
  EXPECT_TRUE(server.ended() || server.was_reset());
  EXPECT_FALSE(call_->try_read());
  EXPECT_EQ(pool_.idle(), 0U);
}

TEST_F(ClientTest, CancelAfterTheEndKeepsTheConnectionFromBeingUsedAgain) {
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  server.receive();
  server.send(sized("nonsense"));
  ASSERT_THAT(head(), Succeeds());
  auto piece = call_->try_read();
  while (piece && piece->kind != BodyPiece::Kind::end)
    piece = call_->try_read();
  ASSERT_TRUE(piece);
  call_->cancel();
  call_.reset();
  EXPECT_EQ(pool_.idle(), 0U);
  server.receive(10ms);
  EXPECT_TRUE(server.ended());
}

TEST_F(ClientTest, UnfinishedCallClosesItsConnection) {
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  server.receive();
  call_.reset();
  server.receive(10ms);
  EXPECT_TRUE(server.ended());
}

TEST_F(ClientTest, BodiesEndAsTheirFramingSays) {
  EXPECT_THAT(outcome(sized("")), HasValue(""));
  EXPECT_THAT(outcome("HTTP/1.1 204 No Content\r\n\r\n"), HasValue(""));
  EXPECT_THAT(
      outcome("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + sized("late")),
      HasValue("late"));
  EXPECT_EQ(pool_.idle(), 1U);
  EXPECT_THAT(outcome("HTTP/1.1 200 OK\r\n\r\nto the end", true), HasValue("to the end"));
  EXPECT_EQ(pool_.idle(), 0U);
  EXPECT_THAT(outcome("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab"), HasValue("ab"));
  EXPECT_EQ(pool_.idle(), 0U);
  EXPECT_THAT(outcome("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "1\r\na\r\n0\r\n\r\n"),
              HasValue("a"));
  EXPECT_EQ(pool_.idle(), 0U);
}

TEST_F(ClientTest, AnswerToHeadHasNoBody) {
  ASSERT_THAT(send("HEAD", ""), Succeeds());
  EXPECT_THAT(exchange(accept(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), HasValue(""));
  EXPECT_EQ(pool_.idle(), 1U);
}

TEST_F(ClientTest, EarlyEndIsAnErrorWhateverTheFraming) {
  EXPECT_THAT(outcome(sized("12345").substr(0, 40), true), FailsWith(Code::upstream_error));
  EXPECT_THAT(outcome(chunked("5\r\nabc"), true), FailsWith(Code::upstream_error));
  EXPECT_THAT(outcome(chunked("3\r\nabc\r\n"), true), FailsWith(Code::upstream_error));
  EXPECT_THAT(outcome(chunked("3\r\nabc\r\n0\r\n"), true), FailsWith(Code::upstream_error));
  EXPECT_THAT(outcome("HTTP/1.1 200 OK\r\nContent-", true), FailsWith(Code::upstream_error));

  ASSERT_FALSE(outcome("", true));
  call_ = pool_.call(origin_);
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  server.receive();
  server.send("HTTP/1.1 200 OK\r\n\r\npart");
  ASSERT_THAT(head(), Succeeds());
  server.close_with_reset();
  world_.run_for(10ms);
  EXPECT_THAT(rest(), FailsWith(Code::upstream_error));
}

TEST_F(ClientTest, DoubtfulAnswersAreRefusedAndTheirConnectionsClosed) {
  world_.wire().options.split = false;  // what follows an end is refused when it comes with it
  const std::string bad[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 304 Not Modified\r\n\r\nabc",
      "SSH-2.0-OpenSSH\r\n",
      "\x15\x03\x03",
      sized("abc") + "d",
      sized("") + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      chunked("3\r\nabcd\r\n0\r\n\r\n"),
      chunked("x\r\n"),
      chunked("0\r\n\r\nmore"),
      chunked("3\nabc\r\n0\r\n\r\n"),
      "HTTP/1.1 200 OK\r\nA: " + std::string(5'000, 'x') + "\r\n\r\n",
  };
  for (const std::string& answer : bad) {
    EXPECT_THAT(outcome(answer), FailsWith(Code::upstream_invalid_response)) << answer;
    EXPECT_EQ(pool_.idle(), 0U);
    servers_.back()->receive(10ms);
    EXPECT_TRUE(servers_.back()->ended() || servers_.back()->was_reset());
  }
  std::string interims;
  for (int i = 0; i < 9; ++i)
    interims += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_THAT(outcome(interims), FailsWith(Code::upstream_invalid_response));
}

TEST_F(ClientTest, AnswerSplitAtEveryByteIsTheSame) {
  world_.wire().options.split = false;
  const std::string answer = chunked("3\r\nabc\r\na;x\r\n0123456789\r\n0\r\nT: x\r\n\r\n");
  for (std::size_t i = 1; i < answer.size(); ++i) {
    call_ = pool_.call(origin_);
    ASSERT_THAT(send(), Succeeds());
    if (servers_.empty()) accept();
    RawClient& server = *servers_.back();
    server.receive(2ms);
    server.send(answer.substr(0, i));
    const auto early = head(2ms);
    std::string all;
    if (early) {
      const auto piece = call_->try_read();
      ASSERT_THAT(piece, Succeeds()) << i;
      all = piece->bytes;
    }
    server.send(answer.substr(i));
    if (!early) ASSERT_THAT(head(), Succeeds()) << i;
    const auto more = rest();
    ASSERT_THAT(more, Succeeds()) << i;
    EXPECT_EQ(all + *more, "abc0123456789") << i;
  }
  EXPECT_EQ(servers_.size(), 1U);
}

TEST_F(ClientTest, UnixSocketsAreReached) {
  auto listener = network_.listen(rt::UnixEndpoint{"/run/engine.sock"}, {});
  ASSERT_TRUE(listener);
  origin_ = {.host = "", .port = 0, .unix_path = "/run/engine.sock", .tls = nullptr};
  listener_ = *std::move(listener);
  ASSERT_THAT(send(), Succeeds());
  RawClient& server = accept();
  EXPECT_THAT(server.receive(), HasSubstr("\r\nhost: localhost\r\n"));
  server.send(sized("x"));
  ASSERT_THAT(head(), Succeeds());
  EXPECT_THAT(rest(), HasValue("x"));
}

TEST_F(ClientTest, FieldsCannotBreakTheRequest) {
  call_ = pool_.call(origin_);
  const ClientRequest request{
      .method = "GET", .target = "/", .fields = {{"a", "x\r\nb: y"}, {"c", "z"}}, .body = ""};
  ASSERT_THAT(world_.run(call_->send(request, within(1s))), Succeeds());
  EXPECT_EQ(accept().receive(), "GET / HTTP/1.1\r\nhost: engine:8000\r\nc: z\r\n\r\n");
}

TEST_F(ClientTest, FetchReadsTheWholeAnswerUpToItsBound) {
  rt::TaskGroup group(world_.loop(), 1);
  for (const bool fits : {true, false}) {
    auto task = fetch(pool_, origin_, {.method = "GET", .target = "/", .fields = {}, .body = ""},
                      fits ? 10 : 3, within(5s));
    task.start();
    if (servers_.empty()) accept();
    servers_.back()->receive();
    servers_.back()->send("HTTP/1.1 503 No\r\nX-A: b\r\nContent-Length: 4\r\n\r\nbody");
    ASSERT_TRUE(world_.run_until([&task] { return task.done(); }, 1s));
    const auto response = task.result();
    if (!fits) {
      EXPECT_THAT(response, FailsWith(Code::upstream_invalid_response));
      continue;
    }
    ASSERT_THAT(response, Succeeds());
    EXPECT_EQ(response->status, 503);
    EXPECT_EQ(response->body, "body");
    EXPECT_EQ(response->fields.at(0).first, "x-a");
  }
}

TEST_F(ClientTest, LargeRequestsGoWholeThroughSmallBuffers) {
  world_.wire().options.send_buffer = 5'000;
  world_.wire().options.receive_buffer = 3'000;
  call_ = pool_.call(origin_);
  const std::string body(400'000, 'b');
  // The task refers to it until it has ended.
  const ClientRequest request{.method = "POST", .target = "/", .fields = {}, .body = body};
  auto task = call_->send(request, within(60s));
  task.start();
  RawClient& server = accept();
  std::string all;
  for (int i = 0; i < 5'000 && !all.ends_with(body); ++i)
    all += server.receive(1ms);
  EXPECT_TRUE(all.ends_with(body));
  ASSERT_TRUE(task.done());
  EXPECT_THAT(task.result(), Succeeds());
}

}  // namespace
}  // namespace sovmesh::http
