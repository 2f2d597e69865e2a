#include "http/server.h"

#include <gmock/gmock.h>

#include "http/error_reply.h"
#include "http/server_fixture.h"

namespace sovmesh::http {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

using Notes = ScriptHandler::Notes;

class ServerTest : public ServerFixture {
 protected:
  ServerTest() { handler_.script = echo; }
};

std::string post(std::string_view body, std::string_view more = "") {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(ServerTest, AnswersWithOneCompleteHead) {
  start();
  EXPECT_EQ(answer_to(post("hello")),
            "HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
            "content-type: text/plain\r\ncontent-length: 5\r\n\r\nhello");
  EXPECT_EQ(server_->counters().requests, 1U);
}

TEST_F(ServerTest, DateMovesOnWithTheClock) {
  start();
  RawClient client = connect();
  client.send(kGet);
  EXPECT_THAT(client.receive(), HasSubstr("00:00:00 GMT"));
  world_.run_for(61s);
  client.send(kGet);
  EXPECT_THAT(client.receive(), HasSubstr("00:01:01 GMT"));
}

TEST_F(ServerTest, ConnectionIsUsedAgainUntilItIsIdleTooLong) {
  start();
  RawClient client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(post("a"));
    EXPECT_THAT(client.receive(), EndsWith("\r\n\r\na"));
    world_.run_for(70s);
  }
  EXPECT_FALSE(client.ended());
  world_.run_for(6s);
  client.receive();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrderOneAtATime) {
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(10ms), nullptr});
    co_await echo(exchange, notes);
  };
  start();
  RawClient client = connect();
  client.send(post("one") + post("two") + std::string(kGet) + post("three").substr(0, 20));
  const std::string all = client.receive();
  EXPECT_LT(all.find("one"), all.find("two"));
  client.send(post("three").substr(20));
  EXPECT_THAT(client.receive(), EndsWith("three"));
  EXPECT_THAT(handler_.seen, ElementsAre("POST /x", "POST /x", "GET /x", "POST /x"));
  EXPECT_EQ(handler_.running_max, 1);
}

// Sends `text` with pauses at the cuts; what came back.
std::string in_pieces(RawClient client, const std::string& text,
                      const std::vector<std::size_t>& cuts) {
  std::size_t begin = 0;
  std::string all;
  for (const std::size_t cut : cuts) {
    client.send(std::string_view(text).substr(begin, cut - begin));
    all += client.receive(2ms);
    begin = cut;
  }
  client.send(std::string_view(text).substr(begin));
  return all + client.receive(20ms);
}

TEST_F(ServerTest, RequestSplitAtEveryByteGetsTheSameAnswer) {
  world_.wire().options.split = false;
  start();
  const std::string texts[] = {
      post("hello") + post("again"),
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
      "5;x=y\r\n12345\r\n0\r\nT: u\r\n\r\n" +
          std::string(kGet),
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX",
      "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  };
  const auto without_date = [](std::string text) {
    for (std::size_t at = 0; (at = text.find("date: ", at)) != std::string::npos;)
      text.erase(at, 37);
    return text;
  };
  for (const std::string& text : texts) {
    const std::string whole = without_date(in_pieces(connect(), text, {}));
    ASSERT_THAT(whole, StartsWith("HTTP/1.1 "));
    std::vector<std::size_t> every;
    for (std::size_t i = 1; i < text.size(); ++i) {
      every.push_back(i);
      ASSERT_EQ(without_date(in_pieces(connect(), text, {i})), whole) << text << " at " << i;
    }
    EXPECT_EQ(without_date(in_pieces(connect(), text, every)), whole) << text;
  }
}

TEST_F(ServerTest, LargeBodiesComeWhole) {
  start();
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 97)
    body[i] = static_cast<char>('a' + i % 26);
  RawClient client = connect();
  // Send and receive at once, or both sides would wait with full buffers.
  std::string all;
  const std::string text = post(body);
  for (std::size_t at = 0; at < text.size(); at += 30'000) {
    client.send(std::string_view(text).substr(at, 30'000));
    all += client.receive(1ms);
  }
  for (int i = 0; i < 200 && all.size() < body.size(); ++i)
    all += client.receive(5ms);
  EXPECT_TRUE(all.ends_with(body));
}

TEST_F(ServerTest, BodyIsFollowedByPadding) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    const auto body = co_await exchange.read_body({});
    EXPECT_TRUE(body);
    const std::string_view bytes = body->bytes();
    EXPECT_EQ(std::string(bytes.data() + bytes.size(), Body::kPadding),
              std::string(Body::kPadding, '\0'));
    co_await exchange.respond({}, bytes);
  };
  start();
  EXPECT_THAT(answer_to(post("abc")), EndsWith("\r\n\r\nabc"));
  EXPECT_THAT(answer_to("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n0\r\n\r\n"),
              EndsWith("\r\n\r\nabc"));
}

TEST_F(ServerTest, ContinueIsSentOnlyWhenTheBodyIsWanted) {
  start();
  RawClient client = connect();
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_THAT(client.receive(), AllOf(StartsWith("HTTP/1.1 200"), EndsWith("\r\n\r\nok")));

  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    ResponseHead head;
    head.status = 401;
    co_await exchange.respond(head, "no");
  };
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.receive(), AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("connection: close")));
}

TEST_F(ServerTest, OldVersionIsServedAndClosed) {
  start();
  RawClient client = connect();
  client.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(client.receive(),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("connection: close")));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, RefusedRequestGetsTheErrorFormAndTheConnectionEnds) {
  start();
  RawClient client = connect();
  client.send(
      "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
      "\r\n0\r\n\r\n" +
      std::string(kGet));
  EXPECT_THAT(
      client.receive(),
      AllOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"), HasSubstr("connection: close\r\n"),
            HasSubstr("content-type: application/json\r\n"),
            EndsWith(R"({"error":{"message":"The Transfer-Encoding is invalid or stands beside )"
                     R"(a Content-Length.","type":"invalid_request_error","param":null,)"
                     R"("code":null}})")));
  EXPECT_TRUE(client.ended());
  EXPECT_THAT(handler_.seen, IsEmpty());
  EXPECT_EQ(server_->counters().bad_requests, 1U);
  EXPECT_THAT(answer_to("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
              AllOf(HasSubstr("\r\nallow: GET, HEAD, POST"),
                    HasSubstr(R"("code":"method_not_supported")")));
}

TEST_F(ServerTest, RefusalAfterAGoodPipelinedRequestStillAnswersTheGoodOne) {
  start();
  RawClient client = connect();
  client.send(post("good") + "BAD\r\n\r\n");
  const std::string all = client.receive();
  EXPECT_THAT(all, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("HTTP/1.1 400")));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, SlowHeadGets408AndSilenceIsJustClosed) {
  start();
  RawClient silent = connect();
  RawClient slow = connect();
  slow.send("GET /x HTTP/1.1\r\n");
  for (int i = 0; i < 11; ++i) {
    world_.run_for(900ms);
    slow.send("a: b\r\n");
  }
  EXPECT_THAT(slow.receive(200ms), AllOf(StartsWith("HTTP/1.1 408"), HasSubstr("timeout_error")));
  EXPECT_EQ(silent.receive(), "");
  EXPECT_TRUE(silent.ended());
}

TEST_F(ServerTest, SlowBodyEndsAfterItsGrace) {
  start();
  const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
  RawClient slow = connect();
  slow.send(head);
  for (int i = 0; i < 100; ++i) {  // 10 bytes per second
    slow.send("x");
    world_.run_for(100ms);
  }
  EXPECT_THAT(slow.receive(300ms), EndsWith("request_timeout"));

  RawClient steady = connect();
  steady.send(head);
  for (int i = 0; i < 39; ++i) {  // 2,500 bytes per second for 39 s
    steady.send(std::string(2'500, 'x'));
    world_.run_for(1s);
  }
  steady.send(std::string(2'500, 'x'));
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += steady.receive();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200"));

  RawClient endless = connect();
  endless.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 62; ++i) {
    endless.send("800\r\n" + std::string(2'048, 'x') + "\r\n");
    world_.run_for(1s);
    if (i == 58) EXPECT_EQ(endless.receive(1ms), "");
  }
  EXPECT_THAT(endless.receive(), EndsWith("request_timeout"));
}

TEST_F(ServerTest, TooLargeBodiesAreRefusedWithoutReadingThem) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    const auto body = co_await exchange.read_body({.bytes_max = 10});
    const ResponseHead head = error_head(body.error());
    co_await exchange.respond(head, "");
  };
  start();
  for (const std::string& request :
       {post(std::string(11, 'x')),
        std::string("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n"
                    "12345678901\r\n0\r\n\r\n")}) {
    RawClient client = connect();
    client.send(request);
    EXPECT_THAT(client.receive(),
                AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("connection: close")));
    EXPECT_TRUE(client.ended());
  }
}

TEST_F(ServerTest, UnreadBodyIsSkippedWhenItIsThereAndElseEndsTheConnection) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    ResponseHead head;
    head.status = 401;
    co_await exchange.respond(head, "");
  };
  start();
  RawClient client = connect();
  client.send(post("small"));
  EXPECT_THAT(client.receive(), Not(HasSubstr("connection: close")));
  client.send(post(std::string(500'000, 'x')).substr(0, 100'000));
  EXPECT_THAT(client.receive(), AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("connection: close")));
  EXPECT_TRUE(client.ended());
}

// Waits until the client is gone and says when that was.
TEST_F(ServerTest, HangUpIsNoticedWhileAnAnswerIsOutstanding) {
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    const rt::Until until{exchange.loop().in(60s), nullptr};
    if (co_await exchange.client_gone().wait(until) == rt::Wake::ready)
      notes.instants.push_back(exchange.loop().now());
    exchange.start_stream({});
    exchange.abort();
  };
  start();
  for (const bool reset : {false, true}) {
    RawClient client = connect();
    client.send(kGet);
    world_.run_for(5s);
    const Instant left = world_.now();
    reset ? client.close_with_reset() : client.close();
    world_.run_for(1s);
    ASSERT_FALSE(handler_.notes.instants.empty());
    EXPECT_LE(handler_.notes.instants.back() - left, 100ms);
  }
  EXPECT_EQ(handler_.notes.instants.size(), 2U);
}

TEST_F(ServerTest, HalfCloseCanBeAllowed) {
  options_.limits.half_close_is_abort = false;
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(1s), &exchange.client_gone()});
    co_await echo(exchange, notes);
  };
  start();
  RawClient client = connect();
  client.send(post("still here"));
  client.finish_sending();
  EXPECT_THAT(client.receive(2s), EndsWith("still here"));
}

TEST_F(ServerTest, StreamGoesOutAsChunksAndTheHeadWithTheFirst) {
  world_.wire().options.split = false;
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    ResponseHead head;
    head.add("content-type", "text/event-stream; charset=utf-8");
    exchange.start_stream(head);
    EXPECT_EQ(exchange.buffered(), 0U);
    EXPECT_TRUE(exchange.write("data: 1\n\n"));
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(1s), nullptr});
    EXPECT_TRUE(exchange.write("data: 2\n\n"));
    EXPECT_TRUE(exchange.write(""));
    EXPECT_TRUE(co_await exchange.finish());
  };
  start();
  RawClient client = connect();
  client.send(kGet);
  EXPECT_THAT(client.receive(),
              AllOf(HasSubstr("transfer-encoding: chunked\r\n"), Not(HasSubstr("content-length")),
                    EndsWith("\r\n\r\n9\r\ndata: 1\n\n\r\n")));
  EXPECT_EQ(client.receive(1s), "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
  EXPECT_FALSE(client.ended());
  client.send(kGet);
  EXPECT_THAT(client.receive(3s), EndsWith("0\r\n\r\n"));
}

TEST_F(ServerTest, HeadOfAStreamCanGoFirst) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    exchange.flush_head();
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(1s), nullptr});
    co_await exchange.finish();
  };
  start();
  RawClient client = connect();
  client.send(kGet);
  EXPECT_THAT(client.receive(), EndsWith("chunked\r\n\r\n"));
  EXPECT_EQ(client.receive(2s), "0\r\n\r\n");
}

TEST_F(ServerTest, OldVersionStreamsUntilTheEnd) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    EXPECT_TRUE(exchange.write("abc"));
    EXPECT_TRUE(co_await exchange.finish());
  };
  start();
  RawClient client = connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.receive(), EndsWith("connection: close\r\n\r\nabc"));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, SlowReaderIsBufferedWithinBoundsAndServedInOrder) {
  world_.wire().options.send_buffer = 4'000;
  world_.wire().options.receive_buffer = 4'000;
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    exchange.start_stream({});
    for (int i = 0; i < 2'000; ++i) {
      const std::string event = "event number " + std::to_string(i) + "\n";
      EXPECT_TRUE(exchange.write(event));
      notes.number = std::max(notes.number, exchange.buffered());
      if (exchange.buffered() > 20'000)
        co_await exchange.drained().wait({exchange.loop().in(60s), &exchange.client_gone()});
    }
    EXPECT_TRUE(co_await exchange.finish());
  };
  start();
  RawClient client = connect();
  client.send(kGet);
  world_.run_for(10s);
  std::string all;
  for (int i = 0; i < 2'000 && !all.ends_with("0\r\n\r\n"); ++i)
    all += client.receive(5ms);
  EXPECT_THAT(all, EndsWith("\r\n0\r\n\r\n"));
  std::size_t at = 0;
  for (int i = 0; i < 2'000; ++i) {
    at = all.find("event number " + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_GT(handler_.notes.number, 10'000U);
  EXPECT_LT(handler_.notes.number, 25'000U);
}

TEST_F(ServerTest, ReaderThatTakesNothingIsDropped) {
  world_.wire().options.send_buffer = 4'000;
  world_.wire().options.receive_buffer = 4'000;
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    exchange.start_stream({});
    EXPECT_TRUE(exchange.write(std::string(50'000, 'x')));
    const rt::Until until{exchange.loop().in(100s), nullptr};
    if (co_await exchange.client_gone().wait(until) == rt::Wake::ready)
      notes.instants.push_back(exchange.loop().now());
    EXPECT_FALSE(exchange.write("more"));
    EXPECT_FALSE(co_await exchange.finish());
  };
  start();
  RawClient client = connect();
  client.send(kGet);
  const Instant began = world_.now();
  world_.run_for(60s);
  ASSERT_EQ(handler_.notes.instants.size(), 1U);
  EXPECT_GE(handler_.notes.instants[0] - began, 30s);
  EXPECT_LE(handler_.notes.instants[0] - began, 31s);
  EXPECT_EQ(server_->counters().open, 0U);
  client.receive();
  EXPECT_TRUE(client.was_reset());
}

TEST_F(ServerTest, AbortedStreamIsAResetNotAnEnd) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    EXPECT_TRUE(exchange.write("abc"));
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(1s), nullptr});
    exchange.abort();
  };
  start();
  RawClient client = connect();
  client.send(kGet);
  EXPECT_THAT(client.receive(), EndsWith("3\r\nabc\r\n"));
  client.receive(2s);
  EXPECT_TRUE(client.was_reset());
}

TEST_F(ServerTest, HandlerThatThrowsOrSaysNothingGets500) {
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    if (notes.number++ == 0) throw std::runtime_error("secret detail");
    (void)exchange;
    co_return;
  };
  start();
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(answer_to(kGet), AllOf(StartsWith("HTTP/1.1 500"), HasSubstr("internal_error"),
                                       Not(HasSubstr("secret"))));
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    EXPECT_TRUE(exchange.write("abc"));
    throw std::runtime_error("late");
    co_return;
  };
  RawClient client = connect();
  client.send(kGet);
  EXPECT_THAT(client.receive(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(client.was_reset());
}

TEST_F(ServerTest, HeadRequestsGetTheLengthWithoutTheBody) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    co_await exchange.respond({}, "body");
  };
  start();
  RawClient client = connect();
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.receive(), EndsWith("content-length: 4\r\n\r\n"));
  client.send(kGet);
  EXPECT_THAT(client.receive(), EndsWith("\r\n\r\nbody"));
}

TEST_F(ServerTest, FieldsCannotBreakTheHead) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    ResponseHead head;
    head.add("x-bad", "a\r\nx-injected: b");
    head.add("x-good", "c");
    co_await exchange.respond(head, "");
  };
  start();
  EXPECT_THAT(answer_to(kGet), AllOf(Not(HasSubstr("injected")), HasSubstr("x-good: c\r\n")));
}

TEST_F(ServerTest, DrainClosesIdleConnectionsAndLetsRequestsFinish) {
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    if (exchange.head().path == "/slow")
      co_await rt::sleep(exchange.loop(), {exchange.loop().in(5s), nullptr});
    co_await echo(exchange, notes);
  };
  start();
  RawClient idle = connect();
  idle.send(kGet);
  idle.receive();
  RawClient busy = connect();
  busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  world_.run_for(10ms);

  server_->begin_drain();
  world_.run_for(1'100ms);
  idle.receive();
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(server_->counters().open, 1U);
  world_.run(server_->drain(world_.loop().in(60s)));
  EXPECT_EQ(server_->counters().open, 0U);
  EXPECT_THAT(busy.receive(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("connection: close")));
}

TEST_F(ServerTest, ADrainAnswersTheRequestThatWasOnItsWay) {
  handler_.script = echo;
  start();
  RawClient client = connect();
  client.send(kGet);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200"));
  server_->begin_drain();
  world_.run_for(50ms);
  client.send(kGet);
  world_.run_for(10ms);
  EXPECT_THAT(client.receive(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("connection: close")));
}

TEST_F(ServerTest, DrainCutsOffWhatIsLeftAtItsDeadline) {
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    if (exchange.head().has_body) {
      notes.number += (co_await exchange.read_body({})) ? 0U : 1U;
    } else {
      const rt::Until until{rt::Deadline::never(), &exchange.client_gone()};
      notes.number += co_await rt::sleep(exchange.loop(), until) ? 0U : 1U;
    }
    exchange.abort();
  };
  start();
  RawClient waiting = connect();
  waiting.send(kGet);
  RawClient sending = connect();
  sending.send(post("body").substr(0, 50));
  world_.run_for(10ms);
  const Instant began = world_.now();
  world_.run(server_->drain(world_.loop().in(3s)));
  EXPECT_EQ(handler_.notes.number, 2U);
  EXPECT_GE(world_.now() - began, 3s);
  EXPECT_LE(world_.now() - began, 3100ms);
  waiting.receive();
  EXPECT_TRUE(waiting.was_reset());
}

TEST_F(ServerTest, ConnectionsAreCountedPerAddress) {
  world_.wire().options.split = false;  // the refusal is one attempt
  options_.limits.connections_per_ip_max = 2;
  start();
  RawClient first = connect();
  RawClient second = connect();
  RawClient third = connect();
  EXPECT_THAT(third.receive(), HasSubstr("concurrency_limit_exceeded"));
  EXPECT_TRUE(third.ended());
  first.close();
  world_.run_for(10ms);
  RawClient fourth = connect();
  fourth.send(kGet);
  EXPECT_THAT(fourth.receive(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, AcceptingPausesAtTheConnectionLimit) {
  options_.limits.connections_max = 2;
  start();
  RawClient first = connect();
  RawClient second = connect();
  RawClient third = connect();
  third.send(kGet);
  EXPECT_EQ(third.receive(), "");
  EXPECT_EQ(server_->counters().open, 2U);
  first.close();
  EXPECT_THAT(third.receive(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, NothingIsLeftAfterManyAbortedRequests) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    while (exchange.write("data: x\n\n")) {
      const rt::Until until{exchange.loop().in(1ms), &exchange.client_gone()};
      if (!co_await rt::sleep(exchange.loop(), until)) break;
    }
    exchange.abort();
  };
  start();
  for (int i = 0; i < 300; ++i) {
    RawClient client = connect();
    client.send(kGet);
    world_.run_for(std::chrono::microseconds(i * 10));
    i % 2 == 0 ? client.close() : client.close_with_reset();
  }
  world_.run_for(1s);
  EXPECT_EQ(server_->counters().open, 0U);
  EXPECT_EQ(world_.wire().open_sockets(), 0U);
}

}  // namespace
}  // namespace sovmesh::http
