#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace sovmesh::flow {

// A streamed answer as bytes on the wire, with the positions that matter.
struct StreamScript {
  std::string bytes;
  std::vector<std::size_t> token_ends;  // the n-th token is complete with this many bytes
  std::size_t first_event_end = 0;
  std::size_t done_end = 0;
};

inline std::string chunk(std::string_view data) {
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

inline constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

// `delta` as one event of a stream, ended by `line_end` twice.
inline std::string event(std::string_view choice, std::string_view line_end = "\n") {
  return fmt::format(R"(data: {{"id":"x","object":"chat.completion.chunk","created":1,)"
                     R"("model":"sim","choices":[{{"index":0,{}}}]}}{}{})",
                     choice, line_end, line_end);
}

// One chunk an event: role, one per word, finish, usage, [DONE], end.
inline StreamScript make_stream(const std::vector<std::string>& words,
                                std::string_view line_end = "\n", std::string_view before = "") {
  StreamScript script;
  const auto add = [&](const std::string& data) {
    script.bytes += chunk(data);
    return script.bytes.size() - 2;  // the chunk's own line end is not needed to read its data
  };
  script.bytes = kStreamHead;
  script.first_event_end =
      add(std::string(before) + event(R"("delta":{"role":"assistant","content":""})", line_end));
  for (const std::string& word : words)
    script.token_ends.push_back(
        add(event(fmt::format(R"("delta":{{"content":"{}"}})", word), line_end)));
  add(event(R"("delta":{},"finish_reason":"stop")", line_end));
  add(fmt::format(R"(data: {{"id":"x","object":"chat.completion.chunk","created":1,)"
                  R"("model":"sim","choices":[],"usage":{{"prompt_tokens":2,)"
                  R"("completion_tokens":{},"total_tokens":{}}}}}{}{})",
                  words.size(), words.size() + 2, line_end, line_end));
  script.done_end = add(fmt::format("data: [DONE]{}{}", line_end, line_end));
  script.bytes += "0\r\n\r\n";
  return script;
}

}  // namespace sovmesh::flow
