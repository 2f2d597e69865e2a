#include "engine/canary.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::engine {
namespace {

constexpr std::size_t kAnswerBytesMax = std::size_t{64} * 1024;

std::string body_of(std::string_view engine_model, bool chat) {
  std::string body = R"({"model":)";
  append_json_string(body, engine_model);
  body += R"(,"max_tokens":1,"temperature":0,)";
  body += chat ? R"("messages":[{"role":"user","content":"1"}]})" : R"("prompt":"1"})";
  return body;
}

}  // namespace

rt::Task<Result<void>> generate_one(http::ClientPool& pool, const Engine& engine,
                                    std::string_view engine_model, bool chat, rt::Until until) {
  std::string target(engine.base_path());
  target += chat ? "/chat/completions" : "/completions";
  const std::string body = body_of(engine_model, chat);
  std::string authorization;
  http::ClientRequest request;
  request.method = "POST";
  request.target = target;
  request.body = body;
  request.fields = {{"content-type", "application/json"}, {"accept", "application/json"}};
  if (!engine.api_key().empty()) {
    authorization = "Bearer ";
    authorization += engine.api_key().reveal();
    request.fields.push_back({"authorization", authorization});
  }
  auto answer =
      co_await http::fetch(pool, engine.origin(), std::move(request), kAnswerBytesMax, until);
  std::ranges::fill(authorization, '\0');
  if (!answer) co_return fail(std::move(answer).error());
  const bool is_answer = answer->status == 200 && answer->body.contains("\"choices\"");
  if (is_answer) co_return Result<void>();
  co_return upstream_error(Code::upstream_error,
                           "generating a token: status " + std::to_string(answer->status));
}

}  // namespace sovmesh::engine
