#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "http/client.h"
#include "rt/task.h"

namespace sovmesh::compose {

// A small client of our own API, for the demo: asks one question and counts what it gets, by
// itself.
struct Answer {
  std::string text;
  std::string request_id;          // x-sm-request-id
  std::int64_t chunks = 0;         // content-bearing events of a stream
  bool stopped = false;            // finish_reason "stop": the engine counts the stop token, too
  std::int64_t prompt_tokens = 0;  // as the answer's usage says
  std::int64_t completion_tokens = 0;
};

struct Question {
  std::string_view model;
  std::string_view text;
  std::string_view system = {};  // empty: none
  std::int64_t max_tokens = 64;
  bool stream = false;
};

// `on_text` is called with each piece of a streamed answer as it comes.
rt::Task<Result<Answer>> ask(http::ClientPool& pool, const http::Origin& origin, const Secret& key,
                             Question question, std::function<void(std::string_view)> on_text,
                             rt::Until until);

}  // namespace sovmesh::compose
