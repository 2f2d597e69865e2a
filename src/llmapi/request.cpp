#include "llmapi/request.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "llmapi/request_parser.h"

namespace sovmesh::llmapi {
namespace {

constexpr std::array<std::string_view, 6> kDialects{"llama_cpp", "vllm", "sglang",
                                                    "openai",    "tgi",  "tensorrt_llm"};

// Finds the members of the outermost object without checking what it passes over. For a valid body
// it sees what the strict reader sees; on anything odd it gives up, and the strict reader explains.
class Skimmer {
 public:
  explicit Skimmer(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  // The string value of "model", with its quotes.
  std::optional<std::string_view> model() {
    if (!take('{')) return std::nullopt;
    do {
      const auto key = string();
      if (!key || !take(':')) return std::nullopt;
      const bool wanted =
          key == "\"model\"" || (key->find('\\') != key->npos && decoded(*key) == "model");
      if (wanted) return string();
      if (!skip_value()) return std::nullopt;
    } while (take(','));
    return std::nullopt;
  }

  static std::string decoded(std::string_view quoted);

 private:
  char look() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
      ++at_;
    return at_ < end_ ? *at_ : '\0';
  }
  bool take(char c) {
    if (look() != c) return false;
    ++at_;
    return true;
  }
  std::optional<std::string_view> string() {
    if (look() != '"') return std::nullopt;
    const char* const begin = at_++;
    at_ = skip_string_text(at_, end_);
    if (at_ >= end_ || *at_ != '"') return std::nullopt;
    ++at_;
    return std::string_view(begin, static_cast<std::size_t>(at_ - begin));
  }
  bool skip_value() {
    int depth = 0;
    do {
      switch (look()) {
        case '"':
          if (!string()) return false;
          break;
        case '{':
        case '[':
          if (++depth > JsonReader::kDepthMax) return false;
          ++at_;
          break;
        case '}':
        case ']':
          if (--depth < 0) return false;
          ++at_;
          break;
        case '\0':
          return false;
        default:
          if (depth == 0) return skip_scalar();
          ++at_;
      }
    } while (depth > 0);
    return true;
  }
  bool skip_scalar() {
    const char* const begin = at_;
    while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ' ' && *at_ != '\n' &&
           *at_ != '\r' && *at_ != '\t')
      ++at_;
    return at_ > begin;
  }

  const char* at_;
  const char* end_;
};

std::string Skimmer::decoded(std::string_view quoted) {
  std::string padded(quoted);
  padded.append(JsonReader::kPadding, '\0');
  std::string out(padded.size() + JsonReader::kSlack, '\0');
  JsonReader reader;
  std::string text;
  if (reader.start({padded.data(), quoted.size()}, out.data(), JsonReader::Surrogates::refuse) &&
      reader.string() && reader.finish())
    append_decoded(text, reader.string_json());
  return text;
}

std::string_view prompt_param(Operation operation) {
  switch (operation) {
    case Operation::completion:
      return "prompt";
    case Operation::embeddings:
      return "input";
    case Operation::chat:
      break;
  }
  return "messages";
}

}  // namespace

std::string_view name(Dialect dialect) { return kDialects[static_cast<std::size_t>(dialect)]; }

std::optional<Dialect> parse_dialect(std::string_view text) {
  for (std::size_t i = 0; i < kDialects.size(); ++i) {
    if (kDialects[i] == text) return static_cast<Dialect>(i);
  }
  return std::nullopt;
}

bool has_continuous_usage(Dialect dialect) {
  return dialect == Dialect::vllm || dialect == Dialect::sglang || dialect == Dialect::tensorrt_llm;
}

bool has_cache_salt(Dialect dialect) {
  return dialect == Dialect::vllm || dialect == Dialect::tensorrt_llm;
}

// An answer has at least one token, whatever its bound.
Result<void> check_context(const Request& request, const FieldPolicy& policy) {
  if (policy.context_tokens <= 0) return {};
  const bool is_bound = request.output_max && !policy.output_is_cut;
  const std::int64_t answer = request.operation == Operation::embeddings ? 0
                              : is_bound                                 ? *request.output_max
                                                                         : 1;
  const std::int64_t wanted = request.prompt_tokens_min + answer;
  if (wanted <= policy.context_tokens) return {};
  return client_error(
      Code::context_length_exceeded,
      "This model's maximum context length is " + std::to_string(policy.context_tokens) +
          " tokens. However, you requested at least " + std::to_string(wanted) + " tokens (" +
          std::to_string(request.prompt_tokens_min) + " in the prompt, " + std::to_string(answer) +
          " in the answer). Please reduce the length of one of them.",
      std::string(prompt_param(request.operation)));
}

Result<void> check_answers(const Request& request, const FieldPolicy& policy) {
  const std::size_t answers = request.inputs * static_cast<std::size_t>(request.candidates);
  if (request.operation != Operation::completion || request.inputs < 2 || policy.choices_are_cut ||
      answers <= static_cast<std::size_t>(policy.choices_max))
    return {};
  return client_error(Code::array_above_max_length,
                      "Invalid 'prompt': more prompts times 'n' or 'best_of' than this model "
                      "answers at once.",
                      "prompt");
}

Result<std::string> peek_model(std::string_view padded_body) {
  if (const auto quoted = Skimmer(padded_body).model();
      quoted && quoted->size() > 2 && quoted->size() <= kModelNameMax + 2) {
    const std::string_view inside = quoted->substr(1, quoted->size() - 2);
    const bool plain = std::ranges::all_of(inside, [](char c) { return c > 0x20 && c != '\\'; });
    if (plain) return std::string(inside);
    std::string text = Skimmer::decoded(*quoted);
    if (!text.empty()) return text;
  }
  // Something is wrong, or unusual: the strict reader finds out what.
  return RequestParser(Operation::chat, FieldPolicy{}).parse_model(padded_body);
}

Result<Request> parse_request(Operation operation, std::string_view padded_body,
                              const FieldPolicy& policy) {
  Result<Request> request = RequestParser(operation, policy).parse(padded_body);
  if (!request) return request;
  TRY_VOID(check_answers(*request, policy));
  TRY_VOID(check_context(*request, policy));
  return request;
}

}  // namespace sovmesh::llmapi
