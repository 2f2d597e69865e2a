#include "http/http2_head.h"

#include <gmock/gmock.h>

#include "http/frame_budget.h"
#include "http/http2_peer.h"
#include "http/stream_numbers.h"

namespace sovmesh::http {
namespace {

using namespace std::chrono_literals;

int status_of(const Http2Peer::Pairs& fields, RequestHead& head, Http2Head& collected,
              bool has_body = false) {
  for (const auto& [name, value] : fields)
    collected.add(name, value);
  const auto built = collected.build(has_body, head);
  return built ? 0 : built.error().status;
}

TEST(Http2Head, SplitsTargetAndHost) {
  Http2Head collected{HeadBounds()};
  RequestHead head;
  EXPECT_EQ(status_of({{":method", "POST"},
                       {":scheme", "https"},
                       {":path", "/v1/chat?a=b?c"},
                       {":authority", "API.Example:443"},
                       {"host", "api.example:443"},
                       {"te", "trailers"},
                       {"content-length", "12"},
                       {"accept", "x/y"}},
                      head, collected, true),
            0);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/v1/chat");
  EXPECT_EQ(head.query, "a=b?c");
  EXPECT_EQ(head.host, "api.example");
  EXPECT_EQ(head.version, Version::http_2);
  EXPECT_EQ(head.content_length, 12U);
  ASSERT_EQ(head.fields.size(), 1U);
  EXPECT_EQ(head.fields.find("accept"), "x/y");
}

TEST(Http2Head, JudgesAsHttp1Does) {
  const auto with = [](std::string name, std::string value) {
    Http2Head collected{HeadBounds()};
    RequestHead head;
    Http2Peer::Pairs fields = Http2Peer::head("POST", "/x");
    for (auto& [given, old] : fields)
      if (given == name) {
        old = value;
        return status_of(fields, head, collected);
      }
    fields.emplace_back(std::move(name), std::move(value));
    return status_of(fields, head, collected);
  };
  EXPECT_EQ(with("accept", "x"), 0);
  EXPECT_EQ(with("host", "A"), 0);
  EXPECT_EQ(with("host", "b"), 400);
  for (const char* bad : {"", "a b", "a,b", "a/b", "a@b", "a:x", "http://a"})
    EXPECT_EQ(with(":authority", bad), 400) << bad;
  for (const char* bad : {"x", "http://a/x", "*", "/a#b", "/a b"})
    EXPECT_EQ(with(":path", bad), 400) << bad;
  EXPECT_EQ(with(":path", "/\xC3\xA9"), 404);
  for (const char* method : {"CONNECT", "TRACE", "BREW", "get"})
    EXPECT_EQ(with(":method", method), 405) << method;
  EXPECT_EQ(with("content-length", "+1"), 400);
  EXPECT_EQ(with("content_length", "1"), 400);
  EXPECT_EQ(with("expect", "tea"), 417);
}

TEST(StreamNumbers, KnowsWhatWasLeftOut) {
  StreamNumbers numbers;
  for (const int good : {1, 3, 3, 9, 1, 9, 11})
    EXPECT_TRUE(numbers.note(good)) << good;
  EXPECT_FALSE(numbers.note(5));
  EXPECT_FALSE(numbers.note(7));
  for (int i = 0; i < 1'000; ++i)
    EXPECT_TRUE(numbers.note(101 + i * 10));
  EXPECT_FALSE(numbers.note(101 + 998 * 10 + 2));
}

TEST(FrameBudget, RefillsWithTime) {
  Instant now{std::chrono::hours(1)};
  FrameBudget budget(now);
  EXPECT_TRUE(budget.take(FrameBudget::kBurst, now));
  EXPECT_FALSE(budget.take(1, now + 999ms));
  EXPECT_TRUE(budget.take(FrameBudget::kPerSecond, now + 1s));
  EXPECT_FALSE(budget.take(1, now + 1'999ms));
  budget.earn(3);
  EXPECT_TRUE(budget.take(3, now + 1'999ms));
  EXPECT_TRUE(budget.take(FrameBudget::kBurst, now + 1h));
  EXPECT_FALSE(budget.take(1, now + 1h));
}

}  // namespace
}  // namespace sovmesh::http
