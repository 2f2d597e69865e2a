#include "control/console_handler.h"

#include <gmock/gmock.h>

#include <array>
#include <optional>
#include <string>

namespace sovmesh::control {
namespace {

constexpr std::array kFiles{
    ConsoleFile{"/index.html", "text/html; charset=utf-8", "page", "\"p1\""},
    ConsoleFile{"/assets/index-1a2b.js", "text/javascript; charset=utf-8", "script", "\"s1\""}};

class NoNext : public http::Handler {
 public:
  rt::Task<void> handle(http::Exchange&) override { co_return; }
};

class ConsoleHandlerTest : public testing::Test {
 protected:
  Result<ConsoleHandler::Reply> get(std::string_view path) {
    head_.method = method_;
    head_.path = path;
    return handler_.reply(head_);
  }
  static std::string field(const ConsoleHandler::Reply& reply, std::string_view name) {
    for (const auto field : reply.head.fields)
      if (field.name == name) return std::string(field.value);
    return "";
  }

  NoNext next_;
  ConsoleHandler handler_{kFiles, next_, next_};
  http::RequestHead head_;
  std::string_view method_ = "GET";
};

TEST_F(ConsoleHandlerTest, EveryAddressOfAViewGetsThePage) {
  for (const char* const path : {"/", "/console", "/console/tenants/aurora"}) {
    ASSERT_TRUE(ConsoleHandler::is_console_path(path)) << path;
    const auto reply = get(path);
    ASSERT_TRUE(reply) << path;
    EXPECT_EQ(reply->body, "page");
    EXPECT_EQ(field(*reply, "cache-control"), "no-cache");
    EXPECT_EQ(field(*reply, "content-encoding"), "gzip");
  }
}

TEST_F(ConsoleHandlerTest, LeavesTheApiAndTheAuditLogToTheNextHandler) {
  for (const char* const path :
       {"/api/v1/tenants", "/audit/checkpoint", "/consoles", "/index.html", "/v1/models"})
    EXPECT_FALSE(ConsoleHandler::is_console_path(path)) << path;
}

TEST_F(ConsoleHandlerTest, ThePlaygroundsRequestsAreThoseOfTheDataListener) {
  EXPECT_TRUE(ConsoleHandler::is_model_path("/v1/chat/completions"));
  for (const char* const path : {"/api/v1/tenants", "/v1", "/t/aurora/v1/models", "/audit/keys"})
    EXPECT_FALSE(ConsoleHandler::is_model_path(path)) << path;
}

TEST_F(ConsoleHandlerTest, AnAssetIsForEverTheSame) {
  const auto reply = get("/assets/index-1a2b.js");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "script");
  EXPECT_EQ(field(*reply, "cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(field(*reply, "etag"), "\"s1\"");
}

TEST_F(ConsoleHandlerTest, AnAssetOfAnotherBuildIsNotThePage) {
  const auto reply = get("/assets/index-ffff.js");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Code::unknown_url);
  EXPECT_FALSE(get("/favicon.ico"));
}

TEST_F(ConsoleHandlerTest, WhatTheBrowserHasIsNotSentAgain) {
  head_.fields.add("if-none-match", "W/\"x\", \"p1\"");
  const auto reply = get("/console/");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head.status, 304);
  EXPECT_EQ(reply->body, "");
}

TEST_F(ConsoleHandlerTest, NothingFromElsewhereMayRunOrFrameIt) {
  const auto reply = get("/");
  ASSERT_TRUE(reply);
  const std::string policy = field(*reply, "content-security-policy");
  EXPECT_THAT(policy, testing::HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, testing::HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, testing::Not(testing::HasSubstr("unsafe")));
  EXPECT_THAT(policy, testing::Not(testing::HasSubstr("http")));
  EXPECT_EQ(field(*reply, "x-content-type-options"), "nosniff");
}

TEST_F(ConsoleHandlerTest, WhoCannotReadGzipIsTold) {
  head_.fields.add("accept-encoding", "br");
  EXPECT_FALSE(get("/"));
  head_.fields.clear();
  head_.fields.add("accept-encoding", "deflate, gzip;q=1.0");
  EXPECT_TRUE(get("/"));
}

TEST_F(ConsoleHandlerTest, OnlyReads) {
  method_ = "POST";
  const auto reply = get("/");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Code::method_not_supported);
}

TEST_F(ConsoleHandlerTest, ABuildWithoutItSaysSo) {
  const ConsoleHandler empty({}, next_, next_);
  head_.method = "GET";
  head_.path = "/";
  const auto reply = empty.reply(head_);
  ASSERT_FALSE(reply);
  EXPECT_THAT(std::string(reply.error().message()), testing::HasSubstr("no web console"));
}

}  // namespace
}  // namespace sovmesh::control
