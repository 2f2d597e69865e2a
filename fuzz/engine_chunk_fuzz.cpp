// Any bytes as an engine's answer, one event a line, or as a whole. What reaches the client is
// always well-formed, and counts never run backwards.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "llmapi/json_reader.h"
#include "llmapi/reply.h"

namespace {

namespace llm = sovmesh::llmapi;

void require(bool good) {
  if (!good) std::abort();
}

std::string padded(std::string_view text) {
  return std::string(text).append(llm::JsonReader::kPadding, '\0');
}

bool is_json(std::string_view text) {
  const std::string copy = padded(text);
  return llm::check_json(std::string_view(copy).substr(0, text.size())) == llm::JsonFault::none;
}

void require_events(std::string_view out) {
  while (!out.empty()) {
    const std::size_t end = out.find("\n\n");
    require(end != out.npos && out.starts_with("data: "));
    const std::string_view data = out.substr(6, end - 6);
    require(data == "[DONE]" || is_json(data));
    out.remove_prefix(end + 2);
  }
}

class Lengths : public llm::TextSink {
 public:
  void text(std::size_t choice, std::string_view piece) override {
    require(choice < 128);
    bytes += piece.size();
  }
  std::size_t bytes = 0;
};

struct Setup {
  llm::Dialect dialect;
  llm::Request request;
  bool wants_usage;
};

Setup setup_of(std::uint8_t byte) {
  Setup setup{.dialect = static_cast<llm::Dialect>(byte & 3U), .request = {}, .wants_usage = false};
  if ((byte & 32U) != 0)
    setup.dialect = (byte & 1U) != 0 ? llm::Dialect::tensorrt_llm : llm::Dialect::tgi;
  if ((byte & 4U) != 0) setup.request.operation = llm::Operation::completion;
  setup.wants_usage = (byte & 8U) != 0;
  setup.request.choices = (byte & 16U) != 0 ? 2 : 1;
  return setup;
}

void stream(const Setup& setup, std::string_view text) {
  const llm::ReplyIdentity identity{.id = "i", .public_model = "m", .created = 1};
  Lengths sink;
  llm::StreamTranslator translator(setup.request.operation, setup.dialect, identity,
                                   setup.wants_usage, &sink);
  llm::StreamAssembler assembler(setup.request, setup.dialect, identity, nullptr);
  std::string out;
  bool good = true;
  bool assembles = true;
  while (!text.empty() && (good || assembles)) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string event = padded(text.substr(0, end));
    const std::string_view data = std::string_view(event).substr(0, end);
    const std::int64_t before = translator.counts().generated;
    if (good) good = translator.on_event(data, true, out).has_value();
    if (assembles) assembles = assembler.on_event(data, end % 2 == 0).has_value();
    if (translator.counts().source != llm::CountSource::engine_final) {
      require(translator.counts().generated >= before);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (good && translator.finish(out)) require(translator.delivered() >= 0);
  require_events(out);
  if (!assembles) return;
  if (const auto reply = assembler.finish()) require(is_json(reply->body));
}

void whole(Setup setup, std::string_view text) {
  const llm::ReplyIdentity identity{.id = "i", .public_model = "m", .created = 1};
  const std::string body = padded(text);
  const std::string_view view = std::string_view(body).substr(0, text.size());
  Lengths sink;
  if (const auto reply = llm::translate_plain(setup.request, setup.dialect, view, identity, &sink))
    require(is_json(reply->body));
  setup.request.operation = llm::Operation::embeddings;
  setup.request.base64_embeddings = setup.wants_usage;
  if (const auto reply = llm::translate_plain(setup.request, setup.dialect, view, identity, &sink))
    require(is_json(reply->body));
  (void)llm::translate_engine_error(400, text);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Setup setup = setup_of(data[0]);
  stream(setup, text);
  whole(setup, text);
  return 0;
}
