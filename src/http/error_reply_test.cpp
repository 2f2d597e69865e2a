#include "http/error_reply.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace sovmesh::http {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::AnyOf;
using testing::Ge;
using testing::Le;

constexpr int kCodes = static_cast<int>(Code::data_dir_invalid) + 1;

Error make(Code code) { return Error(code, Blame::us, "it \"broke\"\n"); }

std::string value_of(const ResponseHead& head, std::string_view name) {
  for (const auto& [field, value] : head.fields)
    if (field == name) return std::string(value);
  return "(absent)";
}

TEST(ErrorReply, EveryCodeHasACompleteAnswer) {
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<Code>(i);
    SCOPED_TRACE(name(code));
    const Json error = Json::parse(error_json(make(code), nullptr)).at("error");
    EXPECT_TRUE(error.at("message").is_string());
    EXPECT_TRUE(error.at("type").is_string());
    EXPECT_TRUE(error.at("param").is_null());
    EXPECT_TRUE(error.at("code").is_null() || error.at("code").is_string());
    EXPECT_EQ(error.at("code").is_null(), code == Code::invalid_request);
    EXPECT_THAT(error_row(code).status, AllOf(Ge(400), Le(504)));

    const ResponseHead head = error_head(make(code));
    EXPECT_EQ(head.status, error_row(code).status);
    EXPECT_EQ(value_of(head, "content-type"), "application/json");
    EXPECT_EQ(value_of(head, "cache-control"), "private, no-store");
    EXPECT_EQ(value_of(head, "www-authenticate"), head.status == 401 ? "Bearer" : "(absent)");
    if (head.status == 503) {
      EXPECT_EQ(value_of(head, "retry-after"), "1");
    }
  }
}

struct Row {
  Code code;
  int status;
  const char* type;
};

TEST(ErrorReply, StatusAndTypeAreThoseOfTheTable) {
  const Row rows[] = {
      {Code::invalid_request, 400, "invalid_request_error"},
      {Code::duplicate_key, 400, "invalid_request_error"},
      {Code::context_length_exceeded, 400, "invalid_request_error"},
      {Code::invalid_api_key, 401, "invalid_request_error"},
      {Code::insufficient_permissions, 403, "permission_error"},
      {Code::model_not_found, 404, "invalid_request_error"},
      {Code::unknown_url, 404, "invalid_request_error"},
      {Code::method_not_supported, 405, "invalid_request_error"},
      {Code::request_timeout, 408, "timeout_error"},
      {Code::request_too_large, 413, "invalid_request_error"},
      {Code::unsupported_media_type, 415, "invalid_request_error"},
      {Code::unknown_host, 421, "invalid_request_error"},
      {Code::request_header_fields_too_large, 431, "invalid_request_error"},
      {Code::rate_limit_exceeded, 429, "requests"},
      {Code::insufficient_quota, 429, "insufficient_quota"},
      {Code::queue_full, 429, "requests"},
      {Code::concurrency_limit_exceeded, 429, "requests"},
      {Code::internal_error, 500, "server_error"},
      {Code::upstream_error, 502, "server_error"},
      {Code::model_loading, 503, "server_error"},
      {Code::metering_unavailable, 503, "server_error"},
      {Code::upstream_timeout, 504, "timeout_error"},
      {Code::first_token_timeout, 504, "timeout_error"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(name(row.code));
    EXPECT_EQ(error_row(row.code).status, row.status);
    EXPECT_EQ(error_row(row.code).type, row.type);
  }
}

TEST(ErrorReply, MachineryCodesShowNeitherTheirNameNorTheirText) {
  for (const Code code : {Code::cancelled, Code::timed_out, Code::io_error, Code::closed,
                          Code::config_invalid, Code::data_dir_invalid}) {
    const Json error = Json::parse(error_json(make(code), nullptr)).at("error");
    EXPECT_EQ(error.at("code"), "internal_error");
    EXPECT_EQ(error.at("message").get<std::string>().find("broke"), std::string::npos);
  }
}

TEST(ErrorReply, RetryAfterIsRoundedUpToSeconds) {
  const auto head =
      error_head(make(Code::rate_limit_exceeded).with_retry_after(milliseconds(1001)));
  EXPECT_EQ(value_of(head, "retry-after"), "2");
  EXPECT_EQ(value_of(head, "retry-after-ms"), "1001");
  EXPECT_EQ(value_of(head, "x-should-retry"), "(absent)");
}

TEST(ErrorReply, UsedUpBudgetIsNeverRetried) {
  const auto head = error_head(make(Code::insufficient_quota).with_should_retry(true));
  EXPECT_EQ(value_of(head, "x-should-retry"), "false");
  EXPECT_EQ(value_of(head, "retry-after"), "(absent)");
}

TEST(ErrorReply, TokenLimitsAreOfTypeTokens) {
  const Error by_text(Code::rate_limit_exceeded, Blame::client,
                      "Rate limit reached for m on tokens per min (TPM): Limit 1, Used 1");
  EXPECT_EQ(Json::parse(error_json(by_text, nullptr)).at("error").at("type"), "tokens");
}

TEST(ErrorReply, DetailsCarryScopeLimitResetAndRequest) {
  const RequestId id{Ulid::from_bytes({0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})};
  const WallTime reset = std::chrono::sys_days(std::chrono::year(2030) / 1 / 2);
  const Error error = make(Code::insufficient_quota)
                          .with_param("model")
                          .with_details({.scope = "tenant:aurora", .limit = 5, .reset_at = reset});
  const Json json = Json::parse(error_json(error, &id)).at("error");
  EXPECT_EQ(json.at("param"), "model");
  EXPECT_EQ(json.at("details").at("scope"), "tenant:aurora");
  EXPECT_EQ(json.at("details").at("limit"), 5);
  EXPECT_THAT(json.at("details").at("reset_at").get<std::string>(),
              testing::StartsWith("2030-01-02T00:00:00"));
  EXPECT_EQ(json.at("details").at("request_id"), "req_ab0102030405060708090a0b0c0d0e0f");
}

TEST(ErrorReply, RefusalsThatMustLookAlikeCarryNoRequestId) {
  const RequestId id{Ulid::from_bytes({1})};
  for (const Code code : {Code::invalid_api_key, Code::model_not_found}) {
    EXPECT_EQ(error_json(make(code), &id), error_json(make(code), nullptr));
  }
}

TEST(ErrorReply, EventIsOneSseMessage) {
  const std::string event = error_event(make(Code::upstream_error), nullptr);
  EXPECT_THAT(event, testing::StartsWith("data: {\"error\":{"));
  EXPECT_THAT(event, testing::EndsWith("}}\n\n"));
  EXPECT_EQ(event.find('\n'), event.size() - 2);
}

}  // namespace
}  // namespace sovmesh::http
