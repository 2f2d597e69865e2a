#include "http/http1_head.h"

#include <gmock/gmock.h>

#include <vector>

namespace sovmesh::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

struct Outcome {
  int status = 0;  // 0: accepted, -1: not complete
  std::string method, path, query, host, rest;
  std::vector<std::pair<std::string, std::string>> fields;
  Framing::Kind framing = Framing::Kind::none;
  std::uint64_t length = 0;
  bool keep_alive = false;
  bool expects_continue = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(const std::string& text, const std::vector<std::size_t>& cuts = {},
             const HeadBounds& bounds = {}) {
  HeadReader reader(HeadReader::Kind::request);
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : text.size();
    const std::string piece = text.substr(begin, end - begin);
    begin = end;
    std::string_view input = piece;
    const auto complete = reader.feed(input, bounds);
    if (!complete) return {.status = complete.error().status};
    if (!*complete) continue;
    RequestHead head;
    Framing framing;
    if (auto parsed = parse_request_head(reader, head, framing); !parsed)
      return {.status = parsed.error().status};
    Outcome outcome{.method = std::string(head.method),
                    .path = std::string(head.path),
                    .query = std::string(head.query),
                    .host = std::string(head.host),
                    .rest = std::string(input) + text.substr(end),
                    .fields = {},
                    .framing = framing.kind,
                    .length = framing.length,
                    .keep_alive = framing.keep_alive,
                    .expects_continue = head.expects_continue};
    for (const Field& field : head.fields)
      outcome.fields.emplace_back(field.name, field.value);
    return outcome;
  }
  return {.status = -1};
}

int status_of(const std::string& text) { return read(text).status; }

// A request with the given lines after the request line (each without its end).
std::string post(const std::vector<std::string>& lines) {
  std::string text = "POST /x HTTP/1.1\r\nHost: a\r\n";
  for (const std::string& line : lines)
    text += line + "\r\n";
  return text + "\r\n";
}

TEST(RequestHead, IsReadWithLowerCaseNamesAndTrimmedValues) {
  const Outcome outcome = read(
      "POST /v1/chat?x=1&y HTTP/1.1\r\nHost: Example.COM:8080\r\nContent-Type:  "
      "application/json \t\r\nX-Empty:\r\nContent-Length: 12\r\nConnection: keep-alive\r\n"
      "Expect: 100-Continue\r\nUpgrade: h2c\r\nX-Empty: 2\r\n\r\nBODY");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.method, "POST");
  EXPECT_EQ(outcome.path, "/v1/chat");
  EXPECT_EQ(outcome.query, "x=1&y");
  EXPECT_EQ(outcome.host, "example.com");
  EXPECT_EQ(outcome.rest, "BODY");
  EXPECT_EQ(outcome.framing, Framing::Kind::length);
  EXPECT_EQ(outcome.length, 12U);
  EXPECT_TRUE(outcome.keep_alive);
  EXPECT_TRUE(outcome.expects_continue);
  EXPECT_THAT(outcome.fields, ElementsAre(Pair("content-type", "application/json"),
                                          Pair("x-empty", ""), Pair("x-empty", "2")));
}

TEST(RequestHead, AbsoluteFormMustNameTheHost) {
  const auto get = [](const std::string& target, const std::string& host) {
    return read("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  EXPECT_EQ(get("http://a.example/x?y", "A.example").path, "/x");
  EXPECT_EQ(get("http://a.example?y", "a.example").status, 400);
  EXPECT_EQ(get("http://a.example", "a.example:80").path, "/");
  EXPECT_EQ(get("https://a.example/", "a.example:443").path, "/");
  EXPECT_EQ(get("http://a.example/", "b.example").status, 400);
  EXPECT_EQ(get("http://a.example:81/", "a.example").status, 400);
  EXPECT_EQ(get("http://u@a.example/", "a.example").status, 400);
  EXPECT_EQ(get("ftp://a.example/", "a.example").status, 400);
  EXPECT_EQ(get("a.example:80", "a.example").status, 400);
  EXPECT_EQ(get("*", "a").status, 400);
  EXPECT_EQ(read("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path, "*");
}

TEST(RequestHead, HostIsThereOnceAndValid) {
  const auto with = [](const std::string& lines) {
    return status_of("GET / HTTP/1.1\r\n" + lines + "\r\n");
  };
  EXPECT_EQ(with(""), 400);
  EXPECT_EQ(with("Host: a\r\nHost: a\r\n"), 400);
  EXPECT_EQ(read("GET / HTTP/1.0\r\n\r\n").status, 0);
  for (const char* good : {"a", "a:1", "[::1]", "[::1]:80", "127.0.0.1:65535", "a_b.c-d"})
    EXPECT_EQ(with("Host: " + std::string(good) + "\r\n"), 0) << good;
  for (const char* bad : {"", "a b", "a,b", "a/b", "a@b", "a:", "a:x", "a:65536", "[::1", "[]",
                          "[::1]x", "a?b", "a#b", "\xC3\xA9", "http://a"})
    EXPECT_EQ(with("Host: " + std::string(bad) + "\r\n"), 400) << bad;
}

TEST(RequestHead, RequestLineIsStrict) {
  const auto line = [](const std::string& text) { return status_of(text + "\r\nHost: a\r\n\r\n"); };
  EXPECT_EQ(line("GET / HTTP/1.1"), 0);
  EXPECT_EQ(line("GET / HTTP/1.0"), 0);
  for (const char* method : {"CONNECT", "TRACE", "BREW", "get", "PROPFIND"})
    EXPECT_EQ(line(std::string(method) + " / HTTP/1.1"), 405) << method;
  for (const char* version : {"HTTP/1.2", "HTTP/2.0", "HTTP/3.1"})
    EXPECT_EQ(line("GET / " + std::string(version)), 505) << version;
  for (const char* bad :
       {"GET /", "GET", "GET / HTTP/0.9", "GET / http/1.1", "GET / HTTP/1.1 ", "GET / HTTP/1.10",
        "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET /a b HTTP/1.1",
        "GET /a\tb HTTP/1.1", "GET /a\x01 HTTP/1.1", "GET /a\x7f HTTP/1.1", "G(T / HTTP/1.1",
        "G\xC3\xA9T / HTTP/1.1", " GET / HTTP/1.1", "GET x HTTP/1.1", "GET / HTTP/1.\xB1"})
    EXPECT_EQ(line(bad), 400) << bad;
  EXPECT_EQ(line("GET /\xD0\xBF HTTP/1.1"), 404);
  EXPECT_EQ(line("GET  HTTP/1.1"), 404);
  EXPECT_EQ(line(std::string("GET /\0 HTTP/1.1", 15)), 400);
}

TEST(RequestHead, LineEndsAreCrlf) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  EXPECT_EQ(status_of("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestHead, FieldLinesAreStrict) {
  EXPECT_EQ(status_of(post({"A: b", "My_Custom.Header!#$%&'*+^`|~0: \x85\x93 \t`;"})), 0);
  const std::vector<std::string> bad = {
      "A : b",
      "A\t: b",
      " A: b",
      "A: b\r\n c",
      "A: b\r\n\tc",
      "A",
      ": b",
      "",
      "A B: c",
      "A\x01: b",
      "\x01"
      "A: b",
      "A: \x01",
      "A: b\x7f",
      "A: b\x0b",
      std::string("A: \0b", 5),
      std::string("\0A: b", 5),
      "T\xC3\xA9: b",
      "(A): b",
      "A: b\rc",
  };
  for (const std::string& lines : bad) {
    if (lines.empty()) continue;
    EXPECT_EQ(status_of(post({lines})), 400) << testing::PrintToString(lines);
  }
}

TEST(RequestHead, LengthAndCodingLeaveNoDoubt) {
  EXPECT_EQ(read(post({"Content-Length: 0"})).framing, Framing::Kind::none);
  EXPECT_EQ(read(post({"Transfer-Encoding: ChunKed"})).framing, Framing::Kind::chunked);
  const std::vector<std::vector<std::string>> bad = {
      {"Content-Length: 5", "Content-Length: 5"},
      {"Content-Length: 5", "content-length: 6"},
      {"Content-Length: 5,5"},
      {"Content-Length: 5, 5"},
      {"Content-Length: 5 5"},
      {"Content-Length: +5"},
      {"Content-Length: -5"},
      {"Content-Length: 0x5"},
      {"Content-Length: 5.0"},
      {"Content-Length: 05"},
      {"Content-Length:"},
      {"Content-Length: 18446744073709551616"},
      {"Content-Length: 9223372036854775808"},
      {"Content-Length: 5\xA0"},
      {"Content_Length: 5"},
      {"Content--Length: 5"},
      {"Transfer_Encoding: chunked"},
      {"Transfer---Encoding: chunked"},
      {"Transfer-Encoding: chunked", "Content-Length: 5"},
      {"Content-Length: 5", "Transfer-Encoding: chunked"},
      {"Content-Length: 0", "Transfer-Encoding: identity"},
      {"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"},
      {"Transfer-Encoding: chunked, chunked"},
      {"Transfer-Encoding: chunked,"},
      {"Transfer-Encoding: ,chunked"},
      {"Transfer-Encoding: chunked, gzip"},
      {"Transfer-Encoding: identity"},
      {"Transfer-Encoding: xchunked"},
      {"Transfer-Encoding: chunked x"},
      {"Transfer-Encoding: \"chunked\""},
      {"Transfer-Encoding: chunked\xA0"},
      {"Transfer-Encoding:"},
      {"Transfer-Encoding: chunked", "Transfer-Encoding:"},
  };
  for (const auto& lines : bad)
    EXPECT_EQ(status_of(post(lines)), 400) << testing::PrintToString(lines);
  EXPECT_EQ(status_of(post({"Transfer-Encoding: gzip, chunked"})), 501);
  EXPECT_EQ(status_of(post({"Transfer-Encoding: gzip", "Transfer-Encoding: chunked"})), 501);
  EXPECT_EQ(status_of(post({"Transfer-Encoding: chunked;q=1"})), 501);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 0);
}

TEST(RequestHead, ExpectationsAndConnectionOptions) {
  EXPECT_EQ(status_of(post({"Expect: 200-ok"})), 417);
  EXPECT_FALSE(read(post({"Expect: 100-continue"})).expects_continue);  // nothing to continue with
  EXPECT_FALSE(read(post({"Connection: x, Close"})).keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST(RequestHead, BoundsAreReached) {
  const HeadBounds bounds{.bytes_max = 400, .fields_max = 5, .target_bytes_max = 50};
  const std::string line = "GET /" + std::string(49, 'x') + " HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(read(line + "\r\n", {}, bounds).status, 0);
  EXPECT_EQ(read("GET /x" + line.substr(5) + "\r\n", {}, bounds).status, 414);
  EXPECT_EQ(read("GET /" + std::string(200, 'x'), {}, bounds).status, 414);
  const std::string four = "a: b\r\na: b\r\na: b\r\na: b\r\n";
  EXPECT_EQ(read(line + four + "\r\n", {}, bounds).status, 0);
  EXPECT_EQ(read(line + four + "a: b\r\n\r\n", {}, bounds).status, 431);
  const std::string exact = line + "a: " + std::string(400 - line.size() - 7, 'x') + "\r\n\r\n";
  ASSERT_EQ(exact.size(), 400U);
  EXPECT_EQ(read(exact, {}, bounds).status, 0);
  EXPECT_EQ(read(line + "a: x" + exact.substr(line.size() + 3), {}, bounds).status, 431);
}

TEST(RequestHead, JunkIsRefusedBeforeItsLineEnds) {
  EXPECT_EQ(status_of("\x16\x03\x01\x02"), 400);
  EXPECT_EQ(status_of(std::string(40, 'A')), 400);
  EXPECT_EQ(status_of("GET /unfinished"), -1);
}

TEST(RequestHead, EverySplitGivesTheSameOutcome) {
  const HeadBounds bounds{.bytes_max = 150, .fields_max = 4, .target_bytes_max = 30};
  const std::vector<std::string> texts = {
      post({"Content-Length: 3", "A: b"}) + "abc",
      "\r\n" + post({"Transfer-Encoding: chunked"}) + "0\r\n\r\n",
      post({"A: b\nC: d"}),
      post({"A : b"}),
      post({"A: 1", "B: 2", "C: 3", "D: 4"}),
      post({"A: " + std::string(200, 'x')}),
      "GET /" + std::string(100, 'y') + " HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /" + std::string(100, 'y') + "\nHost: a\r\n\r\n",
      "G T / HTTP/1.1\r\n\r\n",
      "NOPE / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\r\nHost: a\r\n\r\n",
  };
  for (const std::string& text : texts) {
    const Outcome whole = read(text, {}, bounds);
    std::vector<std::size_t> every_byte;
    for (std::size_t i = 0; i <= text.size(); ++i) {
      every_byte.push_back(i);
      ASSERT_EQ(read(text, {i}, bounds), whole) << text << " at " << i;
    }
    EXPECT_EQ(read(text, every_byte, bounds), whole) << text;
  }
}

struct Answer {
  bool good = false;
  int status = 0;
  Framing::Kind framing = Framing::Kind::none;
  bool keep_alive = false;
};
Answer answer(const std::string& text, bool to_head = false) {
  HeadReader reader(HeadReader::Kind::response);
  std::string_view input = text;
  const auto complete = reader.feed(input, {});
  Fields fields;
  ParsedResponse response{.status = 0, .fields = &fields, .content_length = {}, .framing = {}};
  if (!complete || !*complete || !parse_response_head(reader, to_head, response)) return {};
  return {true, response.status, response.framing.kind, response.framing.keep_alive};
}

TEST(AnswerHead, FramingFollowsStatusAndFields) {
  using Kind = Framing::Kind;
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").framing, Kind::length);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").framing, Kind::chunked);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\n").framing, Kind::until_close);
  EXPECT_FALSE(answer("HTTP/1.1 200 OK\r\n\r\n").keep_alive);
  EXPECT_FALSE(answer("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n").keep_alive);
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\n\r\n").framing, Kind::none);
  EXPECT_EQ(answer("HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n").framing, Kind::none);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true).framing, Kind::none);
  EXPECT_TRUE(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
}

TEST(AnswerHead, DoubtfulOnesAreRefused) {
  for (const char* text : {
           "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 3,3\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
           "HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 204 OK\r\nContent-Length: 3\r\n\r\n",
           "HTTP/2.0 200 OK\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "HTTP/1.1 200 O\x01K\r\n\r\n",
           "\r\nHTTP/1.1 200 OK\r\n\r\n",
           "ICY 200 OK\r\n\r\n",
           "HTTP/1.1 200 OK\nA: b\n\n",
           "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
       })
    EXPECT_FALSE(answer(text).good) << text;
}

}  // namespace
}  // namespace sovmesh::http
