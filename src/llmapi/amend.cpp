#include "llmapi/amend.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/append.h"
#include "base/bytes.h"
#include "base/decimal.h"
#include "llmapi/text_size.h"

namespace sovmesh::llmapi {
namespace {

using enum RequestParameter;

// A piece of the body that becomes another one.
struct Edit {
  std::size_t begin = 0;
  std::size_t size = 0;
  std::string text;
};

double to_number(std::int64_t micro) {
  return static_cast<double>(micro) / static_cast<double>(kParameterUnit);
}

class Amender {
 public:
  Amender(Request& request, const Amendments& amendments, const FieldPolicy& policy)
      : request_(request), amendments_(amendments), policy_(policy) {}

  Result<void> amend() {
    TRY_VOID(decimal(temperature, request_.temperature));
    TRY_VOID(decimal(top_p, request_.top_p));
    TRY_VOID(decimal(presence_penalty, request_.presence_penalty));
    TRY_VOID(decimal(frequency_penalty, request_.frequency_penalty));
    TRY_VOID(answers());
    TRY_VOID(output_max());
    if (amendments_.system && request_.operation == Operation::chat) put_first(*amendments_.system);
    write();
    return {};
  }

 private:
  const std::optional<std::int64_t>& most(RequestParameter parameter) const {
    return value_of(amendments_.maximums, parameter);
  }

  // What is given may be more than it may be.
  Result<void> bound(RequestParameter parameter, std::string_view param,
                     const Request::NumberAt& given) {
    const auto& maximum = most(parameter);
    if (!maximum || given.value <= to_number(*maximum)) return {};
    if (!amendments_.clamps)
      return excess(parameter, param, request_.body.substr(given.begin, given.size));
    edits_.push_back({.begin = given.begin, .size = given.size, .text = micro_text(*maximum)});
    return {};
  }

  Result<void> decimal(RequestParameter parameter, const Request::NumberAt& given) {
    const ParameterFacts& facts = facts_of(parameter);
    if (given.size > 0) return bound(parameter, facts.name, given);
    const auto& usual = value_of(amendments_.defaults, parameter);
    const auto& maximum = most(parameter);
    if (usual) {
      add(facts.name, micro_text(*usual));
    } else if (maximum && *maximum < facts.usual) {
      add(facts.name, micro_text(*maximum));
    }
    return {};
  }

  Result<void> answers() {
    const auto& maximum = most(n);
    if (!maximum) return {};
    if (request_.n.size > 0) TRY_VOID(bound(n, "n", request_.n));
    if (request_.best_of.size > 0) TRY_VOID(bound(n, "best_of", request_.best_of));
    const auto bounded = [&](int count) {
      return static_cast<int>(std::min<std::int64_t>(count, *maximum / kParameterUnit));
    };
    request_.choices = bounded(request_.choices);
    request_.candidates = bounded(request_.candidates);
    return check_answers(request_, policy_);
  }

  // It is not in the body.
  Result<void> output_max() {
    const auto& maximum = most(max_tokens);
    if (request_.output_max) {
      const bool is_more = maximum && *request_.output_max > *maximum / kParameterUnit;
      if (is_more && !amendments_.clamps)
        return excess(max_tokens,
                      request_.modern_output_max ? "max_completion_tokens" : "max_tokens",
                      std::to_string(*request_.output_max));
      if (is_more) request_.output_max = *maximum / kParameterUnit;
      return check_context(request_, policy_);
    }
    const auto& usual = value_of(amendments_.defaults, max_tokens);
    const auto& wanted = usual ? usual : maximum;
    if (!wanted) return {};
    std::int64_t tokens = *wanted / kParameterUnit;
    if (policy_.output_tokens_max > 0) tokens = std::min(tokens, policy_.output_tokens_max);
    if (policy_.context_tokens > 0) {
      const std::int64_t room = policy_.context_tokens - request_.prompt_tokens_min;
      tokens = std::min(tokens, std::max<std::int64_t>(1, room));
    }
    request_.output_max = tokens;
    request_.output_max_is_ours = true;
    request_.modern_output_max = request_.operation == Operation::chat;
    return {};
  }

  void put_first(std::string_view text) {
    std::string inside;
    append_json_escaped(inside, text);
    const TextSize size = size_of_text(inside, text.size());
    request_.prompt_tokens_estimate += size.tokens_usual;
    request_.prompt_characters += size.characters;
    std::string message = R"({"role":"system","content":")";
    append_all(message, inside, "\"},");
    edits_.push_back({.begin = request_.prompt_begin + 1, .size = 0, .text = std::move(message)});
  }

  // Behind all that is there: the body is an object without its closing brace.
  void add(std::string_view name, std::string_view value) {
    append_all(added_, ",\"", name, "\":", value);
  }

  void write() {
    std::ranges::sort(edits_, {}, &Edit::begin);
    // From the end, so that places before it stay right.
    for (auto edit = edits_.rbegin(); edit != edits_.rend(); ++edit) {
      request_.body.replace(edit->begin, edit->size, edit->text);
      const auto moved = [&](std::size_t& place) {
        if (place > edit->begin) place += edit->text.size() - edit->size;
      };
      moved(request_.prompt_begin);
      moved(request_.prompt_end);
    }
    request_.body += added_;
  }

  std::unexpected<Error> excess(RequestParameter parameter, std::string_view param,
                                std::string_view got) const {
    const std::string maximum = micro_text(*most(parameter));
    std::string message = "Invalid '";
    append_all(message, param, "': ", got, " is more than ", maximum, ", the most that ",
               amendments_.whose, " has set (maximums.", facts_of(parameter).name, ").");
    return client_error(
        facts_of(parameter).is_whole ? Code::integer_above_max_value : Code::invalid_value,
        std::move(message), std::string(param));
  }

  Request& request_;
  const Amendments& amendments_;
  const FieldPolicy& policy_;
  std::vector<Edit> edits_;
  std::string added_;
};

}  // namespace

Result<void> amend(Request& request, const Amendments& amendments, const FieldPolicy& policy) {
  if (request.operation == Operation::embeddings) return {};
  return Amender(request, amendments, policy).amend();
}

}  // namespace sovmesh::llmapi
