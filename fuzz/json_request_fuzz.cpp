// Any bytes as a request body. What is accepted is valid JSON, is written in a form that reads back
// to the same bytes, and is worth the same to the quick look for the model's name.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "llmapi/json_reader.h"
#include "llmapi/request.h"

namespace {

using namespace std::literals;
namespace llm = sovmesh::llmapi;

std::string padded(std::string_view text) {
  return std::string(text).append(llm::JsonReader::kPadding, '\0');
}

std::string_view unpadded(const std::string& text) {
  return std::string_view(text).substr(0, text.size() - llm::JsonReader::kPadding);
}

void require(bool good) {
  if (!good) std::abort();
}

llm::Operation operation_of(std::uint8_t byte) {
  switch (byte % 3) {
    case 1:
      return llm::Operation::completion;
    case 2:
      return llm::Operation::embeddings;
    default:
      return llm::Operation::chat;
  }
}

void check(llm::Operation operation, const std::string& body) {
  static const std::set<std::string, std::less<>> extra{"top_k", "guided"};
  llm::FieldPolicy policy{.extra_fields = &extra};
  policy.reject_unknown = body.size() % 2 == 0;
  const auto peeked = llm::peek_model(unpadded(body));
  const auto first = llm::parse_request(operation, unpadded(body), policy);
  if (!first) return;
  require(llm::check_json(unpadded(body)) == llm::JsonFault::none);
  require(peeked && *peeked == first->model);
  require(first->prompt_begin < first->prompt_end && first->prompt_end <= first->body.size());

  const std::string again = padded(first->body + R"(,"model":"m"})");
  const auto second = llm::parse_request(operation, unpadded(again), policy);
  require(second && second->body == first->body);
  require(second->canonical_prompt() == first->canonical_prompt());
  require(second->prompt_tokens_estimate == first->prompt_tokens_estimate &&
          second->prompt_tokens_floor == first->prompt_tokens_floor);

  llm::Request upstream = *first;
  llm::complete_upstream(upstream, {.dialect = llm::Dialect::llama_cpp,
                                    .engine_model = "e",
                                    .stream = true,
                                    .live_usage = true,
                                    .slot = 0,
                                    .fresh_cache = true,
                                    .adapter = 0,
                                    .adapters = 2});
  const std::string rendered = padded(upstream.body);
  require(llm::check_json(unpadded(rendered)) == llm::JsonFault::none);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  check(operation_of(data[0]), padded(text));
  return 0;
}
