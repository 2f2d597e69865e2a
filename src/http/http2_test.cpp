// HTTP/2 of the server, seen by a client over the simulated network.
#include <gmock/gmock.h>

#include "http/error_reply.h"
#include "http/http2_fixture.h"

namespace sovmesh::http {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

using Notes = ScriptHandler::Notes;

// --- requests and answers -----------------------------------------------------------------------

TEST_F(Http2Test, AnswersAPostOnTheListenerOfHttp1) {
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.post("hello");
  talk(wire, peer);
  const Http2Peer::Answer& answer = peer.answer(stream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.closed, NGHTTP2_NO_ERROR);
  EXPECT_THAT(answer.fields, ElementsAre(std::pair("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
                                         std::pair("content-type", "text/plain"),
                                         std::pair("content-length", "5")));
  EXPECT_EQ(server_->counters().requests, 1U);
  EXPECT_THAT(answer_to("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Http2Test, LargeBodiesPassBothWays) {
  start();
  RawClient wire = connect();
  Http2Peer peer;
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 97)
    body[i] = static_cast<char>('a' + i % 26);
  const auto stream = peer.post(body);
  talk(wire, peer, 2s);
  EXPECT_EQ(peer.answer(stream).body.size(), body.size());
  EXPECT_TRUE(peer.answer(stream).body == body);
  EXPECT_EQ(peer.answer(stream).closed, NGHTTP2_NO_ERROR);
}

TEST_F(Http2Test, RequestSplitAtEveryByteGetsTheSameAnswer) {
  world_.wire().options.split = false;
  start();
  std::string text;
  {
    Http2Peer peer;
    peer.post("hello");
    peer.get("/second");
    text = peer.output();
  }
  const auto answers = [&](std::size_t cut, std::size_t step) {
    RawClient wire = connect();
    Http2Peer peer;
    const auto first = peer.post("hello");
    const auto second = peer.get("/second");
    EXPECT_EQ(peer.output(), text);
    wire.send(std::string_view(text).substr(0, cut));
    peer.feed(wire.receive(2ms));
    for (; cut < text.size(); cut += step) {
      wire.send(std::string_view(text).substr(cut, step));
      if (step < text.size()) peer.feed(wire.receive(2ms));
    }
    peer.feed(wire.receive(10ms));
    return std::to_string(peer.answer(first).status) + peer.answer(first).body +
           std::to_string(peer.answer(second).status) + peer.answer(second).body;
  };
  const std::string whole = answers(text.size(), 1);
  EXPECT_EQ(whole, "200hello200");
  for (std::size_t i = 1; i < text.size(); ++i)
    ASSERT_EQ(answers(i, text.size()), whole) << "at " << i;
  EXPECT_EQ(answers(1, 1), whole);
}

// The largest head that a frame does not hold, in pieces of one byte.
TEST_F(Http2Test, HeaderBlockMayComeInContinuations) {
  world_.wire().options.split = false;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  auto fields = Http2Peer::head("GET", "/x");
  for (int i = 0; i < 5; ++i)
    fields.emplace_back("x-" + std::to_string(i), std::string(12'000, '~'));
  const auto stream = peer.request(fields);
  const std::string text = peer.output();
  ASSERT_GT(text.size(), 3 * 16'384U);
  for (std::size_t at = 0; at < text.size(); ++at) {
    const iovec piece{const_cast<char*>(text.data() + at), 1};
    ASSERT_EQ(wire.socket().try_write({&piece, 1}).bytes, 1U) << at;
    world_.run_for(100us);
  }
  peer.feed(wire.receive());
  EXPECT_EQ(peer.answer(stream).status, 200);
}

TEST_F(Http2Test, TrailersOfARequestAreIgnored) {
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.request(Http2Peer::head("POST", "/x"), "hello", true);
  talk(wire, peer, 5ms);
  std::string name = "x-more";
  const nghttp2_nv trailer{.name = reinterpret_cast<std::uint8_t*>(name.data()),
                           .value = reinterpret_cast<std::uint8_t*>(name.data()),
                           .namelen = name.size(),
                           .valuelen = name.size(),
                           .flags = NGHTTP2_NV_FLAG_NONE};
  // The body first says that it is over, then the trailers may go.
  nghttp2_submit_headers(peer.session(), NGHTTP2_FLAG_END_STREAM, stream, nullptr, &trailer, 1,
                         nullptr);
  talk(wire, peer);
  EXPECT_EQ(peer.answer(stream).status, 200);
  EXPECT_EQ(peer.answer(stream).body, "hello");
}

TEST_F(Http2Test, ContinueIsSentWhenTheHandlerReads) {
  start();
  RawClient wire = connect();
  Http2Peer peer;
  auto fields = Http2Peer::head("POST", "/x");
  fields.emplace_back("expect", "100-continue");
  const auto stream = peer.request(fields, "", true);
  talk(wire, peer);
  EXPECT_TRUE(peer.answer(stream).interim);
  EXPECT_EQ(peer.answer(stream).status, 100);
  peer.send_more(stream, "later", true);
  talk(wire, peer);
  EXPECT_EQ(peer.answer(stream).status, 200);
  EXPECT_EQ(peer.answer(stream).body, "later");
}

TEST_F(Http2Test, HeadHasALengthAndNoBody) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    co_await exchange.respond({}, "hello");
  };
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.request(Http2Peer::head("HEAD", "/x"));
  talk(wire, peer);
  EXPECT_EQ(peer.answer(stream).field("content-length"), "5");
  EXPECT_EQ(peer.answer(stream).body, "");
  EXPECT_EQ(peer.answer(stream).closed, NGHTTP2_NO_ERROR);
}

TEST_F(Http2Test, HandlerWithoutAnAnswerGets500) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    if (exchange.head().path == "/throws") throw std::runtime_error("a bug");
    co_return;
  };
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto silent = peer.get("/silent");
  const auto throws = peer.get("/throws");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(silent).status, 500);
  EXPECT_EQ(peer.answer(throws).status, 500);
  EXPECT_THAT(peer.answer(throws).body, HasSubstr(R"("type":"server_error")"));
}

// --- streams ------------------------------------------------------------------------------------

rt::Task<void> three_events(Exchange& exchange, Notes& /*notes*/) {
  ResponseHead head;
  head.add("content-type", "text/event-stream");
  exchange.start_stream(head);
  for (const char* event : {"data: 1\n\n", "data: 2\n\n", "data: 3\n\n"}) {
    if (!exchange.write(event)) co_return;
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(20ms), &exchange.client_gone()});
  }
  co_await exchange.finish();
}

TEST_F(Http2Test, EventsGoOutAsTheyAreWritten) {
  handler_.script = three_events;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.post("{}");
  talk(wire, peer, 10ms);
  EXPECT_EQ(peer.answer(stream).body, "data: 1\n\n");
  EXPECT_EQ(peer.answer(stream).field("content-length"), "");
  talk(wire, peer, 20ms);
  EXPECT_EQ(peer.answer(stream).body, "data: 1\n\ndata: 2\n\n");
  EXPECT_FALSE(peer.answer(stream).ended);
  talk(wire, peer, 40ms);
  EXPECT_EQ(peer.answer(stream).body, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
  EXPECT_TRUE(peer.answer(stream).ended);
  EXPECT_EQ(peer.answer(stream).closed, NGHTTP2_NO_ERROR);
}

TEST_F(Http2Test, TwoStreamsInterleave) {
  handler_.script = three_events;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto first = peer.post("{}");
  talk(wire, peer, 10ms);
  const auto second = peer.post("{}");
  talk(wire, peer, 100ms);
  EXPECT_THAT(peer.order, ElementsAre(first, second, first, second, first, second));
  EXPECT_EQ(peer.answer(first).body, peer.answer(second).body);
  EXPECT_EQ(handler_.running_max, 2);
}

TEST_F(Http2Test, FlushedHeadGoesOutBeforeTheFirstEvent) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    exchange.flush_head();
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(1s), nullptr});
    co_await exchange.finish();
  };
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.get("/x");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(stream).status, 200);
  EXPECT_FALSE(peer.answer(stream).ended);
  talk(wire, peer, 1s);
  EXPECT_TRUE(peer.answer(stream).ended);
}

TEST_F(Http2Test, AbortedStreamDoesNotLookComplete) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    (void)exchange.write("half");
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(10ms), nullptr});
    exchange.abort();
  };
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.get("/x");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(stream).body, "half");
  EXPECT_FALSE(peer.answer(stream).ended);
  EXPECT_EQ(peer.answer(stream).closed, NGHTTP2_INTERNAL_ERROR);
  const auto next = peer.get("/x");  // the connection goes on
  talk(wire, peer);
  EXPECT_EQ(peer.answer(next).body, "half");
}

TEST_F(Http2Test, ResetCancelsItsStreamAlone) {
  handler_.script = wait_for_hang_up;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto first = peer.post("{}");
  const auto second = peer.post("{}");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(first).body, "begun");
  const Instant before = world_.now();
  peer.reset(first);
  talk(wire, peer, 20ms);
  ASSERT_THAT(handler_.notes.instants, SizeIs(1));
  EXPECT_LT(handler_.notes.instants[0] - before, 10ms);
  EXPECT_EQ(handler_.running, 1);
  EXPECT_FALSE(peer.answer(second).closed);
}

TEST_F(Http2Test, RequestThatIsResetAtOnceIsNotServed) {
  world_.wire().options.split = false;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.request(Http2Peer::head("POST", "/x"), "", true);
  std::string bytes = peer.output();
  peer.reset(stream);
  bytes += peer.output();
  wire.send(bytes);
  wire.receive();
  EXPECT_THAT(handler_.seen, IsEmpty());
}

TEST_F(Http2Test, LostConnectionCancelsAllItsStreams) {
  handler_.script = wait_for_hang_up;
  start();
  for (const int how : {0, 1, 2}) {
    handler_.notes.instants.clear();
    RawClient wire = connect();
    Http2Peer peer;
    peer.post("{}");
    peer.post("{}");
    talk(wire, peer);
    const Instant before = world_.now();
    if (how == 0) wire.close();
    if (how == 1) wire.close_with_reset();
    if (how == 2) wire.finish_sending();
    world_.run_for(20ms);
    ASSERT_THAT(handler_.notes.instants, SizeIs(2)) << how;
    EXPECT_LT(handler_.notes.instants[1] - before, 10ms) << how;
    EXPECT_EQ(handler_.running, 0);
  }
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(Http2Test, GoawayWithAnErrorCancelsAndOneWithoutDoesNot) {
  handler_.script = wait_for_hang_up;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  peer.post("{}");
  talk(wire, peer);
  nghttp2_submit_goaway(peer.session(), NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
  talk(wire, peer);
  EXPECT_EQ(handler_.running, 1);
  nghttp2_submit_goaway(peer.session(), NGHTTP2_FLAG_NONE, 0, NGHTTP2_INTERNAL_ERROR, nullptr, 0);
  talk(wire, peer);
  EXPECT_EQ(handler_.running, 0);
}

// --- back-pressure ------------------------------------------------------------------------------

// Writes without end as far as the buffer allows; notes how much that was.
rt::Task<void> pour(Exchange& exchange, Notes& notes) {
  if (exchange.head().path == "/echo") {
    co_await echo(exchange, notes);
    co_return;
  }
  exchange.start_stream({});
  const std::string piece(16'000, 'x');
  const rt::Until until{exchange.loop().in(1h), &exchange.client_gone()};
  while (exchange.write(piece)) {
    notes.number += piece.size();
    EXPECT_LE(exchange.buffered(), Exchange::kBufferMax);
    if (exchange.buffered() + piece.size() <= Exchange::kBufferMax) continue;
    if (co_await exchange.drained().wait(until) != rt::Wake::ready) break;
  }
  notes.instants.push_back(exchange.loop().now());
}

TEST_F(Http2Test, StreamWhoseWindowIsShutBuffersLittleAndIsCut) {
  handler_.script = pour;
  start();
  RawClient wire = connect();
  Http2Peer peer({.stream_window = 30'000, .gives_window_back = false});
  const auto stalled = peer.post("{}");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(stalled).body.size(), 30'000U);
  EXPECT_LE(handler_.notes.number, 30'000 + Exchange::kBufferMax);
  const Instant stalled_since = world_.now();
  wait(wire, peer, 25s);
  EXPECT_EQ(handler_.running, 1);
  const auto other = peer.post("still served", "/echo");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(other).body, "still served");
  wait(wire, peer, 6s);
  ASSERT_THAT(handler_.notes.instants, SizeIs(1));
  EXPECT_LE(handler_.notes.instants[0] - stalled_since, 30s);
  EXPECT_EQ(peer.answer(stalled).closed, NGHTTP2_CANCEL);
  EXPECT_FALSE(peer.answer(stalled).ended);
}

TEST_F(Http2Test, WholeAnswerThatNobodyTakesIsCutToo) {
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    const std::string body(100'000, 'x');
    const auto sent = co_await exchange.respond({}, body);
    notes.number = sent ? 1 : 2;
  };
  start();
  RawClient wire = connect();
  Http2Peer peer({.stream_window = 30'000, .gives_window_back = false});
  const auto stream = peer.post("{}");
  wait(wire, peer, 31s);
  EXPECT_EQ(handler_.notes.number, 2U);
  EXPECT_FALSE(peer.answer(stream).ended);
  EXPECT_EQ(peer.answer(stream).closed, NGHTTP2_CANCEL);
}

TEST_F(Http2Test, ClientThatReadsNothingIsDropped) {
  handler_.script = pour;
  start();
  RawClient wire = connect();
  Http2Peer peer({.stream_window = 1U << 30});
  nghttp2_session_set_local_window_size(peer.session(), NGHTTP2_FLAG_NONE, 0, 1 << 30);
  peer.post("{}");
  wire.send(peer.output());
  world_.run_for(29s);
  EXPECT_EQ(handler_.running, 1);
  EXPECT_LE(handler_.notes.number, Exchange::kBufferMax + 400'000);  // and the wire's buffers
  world_.run_for(2s);
  EXPECT_EQ(handler_.running, 0);
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(Http2Test, SlowReaderGetsEverything) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    exchange.start_stream({});
    const std::string piece(10'000, 'x');
    const rt::Until until{exchange.loop().in(1h), &exchange.client_gone()};
    for (int i = 0; i < 100; ++i) {
      if (!exchange.write(piece)) co_return;
      if (exchange.buffered() > 0) co_await exchange.drained().wait(until);
    }
    co_await exchange.finish();
  };
  start();
  RawClient wire = connect();
  Http2Peer peer({.stream_window = 1'000});
  const auto stream = peer.post("{}");
  talk(wire, peer, 5s);
  EXPECT_EQ(peer.answer(stream).body.size(), 1'000'000U);
  EXPECT_EQ(peer.answer(stream).closed, NGHTTP2_NO_ERROR);
}

TEST_F(Http2Test, BodyThatNobodyReadsStopsAtTheWindow) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(1s), nullptr});
    co_await exchange.respond({.status = 401}, "no");
  };
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.post(std::string(5'000'000, 'x'));
  std::size_t sent = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string out = peer.output();
    sent += out.size();
    wire.send(out);
    peer.feed(wire.receive(1ms));
  }
  EXPECT_LT(sent, 300'000U);
  talk(wire, peer, 1s);
  EXPECT_EQ(peer.answer(stream).status, 401);
  EXPECT_TRUE(peer.answer(stream).ended);
  // More of them than the connection's window holds: each gives its bytes back.
  handler_.script = echo;
  const auto last = peer.post(std::string(2'000'000, 'y'));
  talk(wire, peer, 1s);
  EXPECT_EQ(peer.answer(last).body.size(), 2'000'000U);
}

// --- limits -------------------------------------------------------------------------------------

TEST_F(Http2Test, RefusalsAreErrorReplies) {
  start();
  RawClient wire = connect();
  Http2Peer peer({.checks_messages = false});
  auto fields = Http2Peer::head("POST", "/x");
  for (int i = 0; i < 101; ++i)
    fields.emplace_back("x-" + std::to_string(i), "1");
  const auto many = peer.request(fields);
  fields = Http2Peer::head("POST", "/x");
  for (int i = 0; i < 7; ++i)
    fields.emplace_back("x-" + std::to_string(i), std::string(10'000, 'v'));
  const auto large = peer.request(fields);
  const auto trace = peer.request(Http2Peer::head("TRACE", "/x"));
  const auto absolute = peer.request(Http2Peer::head("GET", "/x y"));
  const auto longest = peer.request(Http2Peer::head("GET", "/" + std::string(8'192, 'p')));
  const auto with_body = peer.request(Http2Peer::head("GET", "/x"), "body");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(many).status, 431);
  EXPECT_THAT(peer.answer(many).body, HasSubstr(R"("code":"request_header_fields_too_large")"));
  EXPECT_EQ(peer.answer(large).status, 431);
  EXPECT_EQ(peer.answer(trace).status, 405);
  EXPECT_THAT(peer.answer(trace).body, HasSubstr(R"("code":"method_not_supported")"));
  EXPECT_THAT(peer.answer(trace).field("allow"), HasSubstr("GET, HEAD, POST"));
  EXPECT_EQ(peer.answer(trace).field("content-type"), "application/json");
  EXPECT_EQ(peer.answer(absolute).closed, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(peer.answer(longest).status, 414);
  EXPECT_EQ(peer.answer(with_body).status, 400);
  EXPECT_THAT(peer.answer(many).body, HasSubstr("too many headers"));
  EXPECT_THAT(peer.answer(large).body, HasSubstr("header is too large"));
  EXPECT_THAT(handler_.seen, IsEmpty());
  EXPECT_THAT(handler_.refused, testing::ElementsAre(431, 431, 405, 414, 400));
  EXPECT_EQ(server_->counters().bad_requests, 5U);
}

TEST_F(Http2Test, WhatCouldSmuggleIsAnErrorOfItsStream) {
  handler_.script = [](Exchange& exchange, Notes& notes) -> rt::Task<void> {
    const auto body = co_await exchange.read_body({});
    if (body) ++notes.number;
    co_await exchange.respond({}, "");
  };
  start();
  RawClient wire = connect();
  Http2Peer peer({.checks_messages = false});
  std::vector<std::int32_t> streams;
  const auto with = [&](std::string name, std::string value) {
    auto fields = Http2Peer::head("POST", "/x");
    fields.emplace_back(std::move(name), std::move(value));
    streams.push_back(peer.request(fields, "hello"));
  };
  with("transfer-encoding", "chunked");
  with("connection", "close");
  with("upgrade", "h2c");
  with("te", "gzip");
  with("content-length", "4");
  with("content-length", "6");
  with("x-crlf", "a\r\nb: c");
  with("host", "b");
  with("transfer_encoding", "chunked");
  talk(wire, peer);
  for (const auto stream : streams) {
    const Http2Peer::Answer& answer = peer.answer(stream);
    EXPECT_TRUE(answer.status == 400 || answer.closed.value_or(0) == NGHTTP2_PROTOCOL_ERROR)
        << stream << ' ' << answer.status << ' ' << answer.closed.value_or(9999);
  }
  EXPECT_EQ(handler_.notes.number, 0U);
  const auto good = peer.post("hello");
  talk(wire, peer);
  EXPECT_EQ(peer.answer(good).status, 200);
}

TEST_F(Http2Test, BodyLimitsHold) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    const auto body = co_await exchange.read_body({.bytes_max = 1'000});
    EXPECT_FALSE(body);
    if (body) co_return;
    const std::string text = error_json(body.error(), nullptr);
    const ResponseHead head = error_head(body.error());
    co_await exchange.respond(head, text);
  };
  start();
  RawClient wire = connect();
  Http2Peer peer;
  auto fields = Http2Peer::head("POST", "/x");
  const auto unannounced = peer.request(fields, std::string(400'000, 'x'));
  fields.emplace_back("content-length", "1001");
  const auto announced = peer.request(fields, "", true);
  const auto slow = peer.request(Http2Peer::head("POST", "/x"), "a", true);
  talk(wire, peer);
  EXPECT_EQ(peer.answer(announced).status, 413);
  EXPECT_EQ(peer.answer(unannounced).status, 413);
  EXPECT_TRUE(peer.answer(unannounced).ended);
  EXPECT_EQ(peer.answer(slow).status, 0);
  wait(wire, peer, 11s);
  EXPECT_EQ(peer.answer(slow).status, 408);
  EXPECT_EQ(peer.answer(slow).closed, NGHTTP2_NO_ERROR);
}

TEST_F(Http2Test, TooManyStreamsAreRefused) {
  options_.limits.streams_max = 3;
  handler_.script = wait_for_hang_up;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  talk(wire, peer);
  for (int i = 0; i < 5; ++i)
    peer.post("{}");
  talk(wire, peer);
  EXPECT_EQ(handler_.running, 3);  // a good client waits for a place
  Http2Peer rude;
  RawClient second = connect();
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 5; ++i)
    streams.push_back(rude.post("{}"));
  second.send(rude.output());  // knows no limit yet
  rude.feed(second.receive());
  EXPECT_EQ(handler_.running, 6);
  EXPECT_EQ(rude.answer(streams[3]).closed, NGHTTP2_REFUSED_STREAM);
  EXPECT_EQ(rude.answer(streams[4]).closed, NGHTTP2_REFUSED_STREAM);
}

TEST_F(Http2Test, SlowPrefaceAndSlowHeaderEndTheConnection) {
  start();
  RawClient silent = connect();
  silent.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  RawClient wire = connect();
  Http2Peer peer;
  wire.send(peer.output());
  // HEADERS without END_HEADERS, its block's first byte, and nothing more.
  wire.send(std::string_view("\0\0\1\1\0\0\0\0\1\x82", 10));
  world_.run_for(9s);
  EXPECT_EQ(server_->counters().open, 2U);
  world_.run_for(3s);
  EXPECT_EQ(server_->counters().open, 0U);
  EXPECT_THAT(handler_.seen, IsEmpty());
}

TEST_F(Http2Test, IdleConnectionIsSentAway) {
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.post("a");
  wait(wire, peer, 70s);
  EXPECT_EQ(peer.answer(stream).body, "a");
  EXPECT_THAT(peer.goaways, IsEmpty());
  wait(wire, peer, 90s);
  EXPECT_THAT(peer.goaways, ElementsAre(NGHTTP2_NO_ERROR));
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(Http2Test, PrefaceIsTakenAtTheBeginningOnly) {
  start();
  RawClient client = connect();
  client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  client.receive();
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_THAT(client.receive(3s), StartsWith("HTTP/1.1 "));
  EXPECT_TRUE(client.ended());
}

// --- the end ------------------------------------------------------------------------------------

TEST_F(Http2Test, DrainLetsRunningStreamsEndAndTakesNoMore) {
  handler_.script = [](Exchange& exchange, Notes& /*notes*/) -> rt::Task<void> {
    co_await rt::sleep(exchange.loop(), {exchange.loop().in(2s), nullptr});
    co_await exchange.respond({}, "done");
  };
  start();
  RawClient wire = connect();
  RawClient idle = connect();
  Http2Peer peer;
  Http2Peer idle_peer;
  const auto running = peer.post("{}");
  talk(wire, peer);
  talk(idle, idle_peer);
  server_->begin_drain();
  talk(wire, peer);
  EXPECT_THAT(peer.goaways, ElementsAre(NGHTTP2_NO_ERROR));
  EXPECT_GT(peer.goaway_last_stream, 1'000'000);  // only a notice
  talk(wire, peer, 600ms);
  EXPECT_THAT(peer.goaways, ElementsAre(NGHTTP2_NO_ERROR, NGHTTP2_NO_ERROR));
  EXPECT_EQ(peer.goaway_last_stream, running);
  talk(idle, idle_peer);
  EXPECT_TRUE(idle.ended());
  wire.send(std::string_view("\0\0\4\1\5\0\0\0\3\x82\x84\x86\x81", 13));  // a late request
  talk(wire, peer, 2s);
  EXPECT_EQ(peer.answer(running).body, "done");
  EXPECT_TRUE(wire.ended());
  EXPECT_THAT(handler_.seen, SizeIs(1));
  wait(wire, peer, 1s);
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(Http2Test, EndOfADrainCutsStreamsOff) {
  handler_.script = wait_for_hang_up;
  start();
  RawClient wire = connect();
  Http2Peer peer;
  const auto stream = peer.post("{}");
  talk(wire, peer);
  world_.run(server_->drain(world_.loop().in(3s)));
  EXPECT_EQ(handler_.running, 0);
  peer.feed(wire.receive());
  EXPECT_FALSE(peer.answer(stream).ended);
}

}  // namespace
}  // namespace sovmesh::http
