#include "http/url.h"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::http {
namespace {

TEST(Url, ReadsHostPortAndPath) {
  const auto url = parse_url("http://GPU-1.example:8000/llm/v1/", "/v1");
  ASSERT_THAT(url, Succeeds());
  EXPECT_FALSE(url->is_tls);
  EXPECT_EQ(url->host, "gpu-1.example");
  EXPECT_EQ(url->port, 8000);
  EXPECT_EQ(url->path, "/llm/v1");
}

TEST(Url, DefaultsArePortOfTheSchemeAndV1) {
  const auto url = parse_url("https://engine", "/v1");
  ASSERT_THAT(url, Succeeds());
  EXPECT_TRUE(url->is_tls);
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->path, "/v1");
  EXPECT_EQ(parse_url("http://engine/", "/v1")->port, 80);
  EXPECT_EQ(parse_url("http://engine/", "/v1")->path, "/v1");
}

TEST(Url, ReadsAddresses) {
  EXPECT_EQ(parse_url("http://127.0.0.1:1/v1", "/v1")->host, "127.0.0.1");
  const auto v6 = parse_url("http://[::1]:8000", "/v1");
  ASSERT_THAT(v6, Succeeds());
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 8000);
}

TEST(Url, ReadsUnixSockets) {
  const auto url = parse_url("unix:/run/llama.sock", "/v1");
  ASSERT_THAT(url, Succeeds());
  EXPECT_EQ(url->unix_path, "/run/llama.sock");
  EXPECT_EQ(url->path, "/v1");
}

class RefusedUrl : public testing::TestWithParam<const char*> {};
TEST_P(RefusedUrl, IsAConfigurationError) {
  EXPECT_THAT(parse_url(GetParam(), "/v1"), FailsWith(Code::config_invalid));
}
INSTANTIATE_TEST_SUITE_P(
    All, RefusedUrl,
    testing::Values("", "engine:8000", "HTTP://engine", "ftp://engine", "http://", "http://:8000",
                    "http://user@engine", "http://user:secret@engine/v1", "http://engine:0",
                    "http://engine:65536", "http://engine:", "http://engine:08000",
                    "http://engine:80x", "http://engine/v1?x=1", "http://engine#x",
                    "http://engine?x", "http://engine//v1", "http://engine/../v1",
                    "http://engine/./v1", "http://engine/a%2fb", "http://engine/a b",
                    "http://en gine", "http://-engine", "http://engine-", "http://engine..x",
                    "http://127.1", "http://0x7f.0.0.1", "http://2130706433", "http://0x7f000001",
                    "http://127.0.0.256", "http://[::1", "http://[127.0.0.1]", "http://[::1]x",
                    "http://::1", "http://[]:80", "unix:", "unix:relative", "unix:/a\nb",
                    "http://engine\r\nx: y", "http://eng\\ine"));

TEST(Url, ErrorsDoNotRepeatTheUrl) {
  const auto url = parse_url("http://user:hunter2@engine", "/v1");
  ASSERT_THAT(url, FailsWith(Code::config_invalid));
  EXPECT_EQ(url.error().message().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace sovmesh::http
