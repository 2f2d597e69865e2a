#include "gateway/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gateway/dispatcher.h"

namespace sovmesh::gateway {
namespace {

Error cannot(std::string_view what, std::string param) {
  return Error(Code::unsupported_value, Blame::client,
               fmt::format("This model does not support {}.", what))
      .with_param(std::move(param));
}

Result<void> check_capabilities(const llmapi::Request& request, const catalog::Model& model,
                                const engine::Capabilities& can) {
  switch (request.operation) {
    case llmapi::Operation::chat:
      if (!model.chat || !can.chat) return fail(cannot("chat completions", "model"));
      break;
    case llmapi::Operation::completion:
      if (!model.completions || !can.completions) return fail(cannot("completions", "model"));
      break;
    case llmapi::Operation::embeddings:
      if (!model.embeddings || !can.embeddings) return fail(cannot("embeddings", "model"));
      break;
  }
  if (request.has_images && !can.images) return fail(cannot("images", "messages"));
  if (request.has_tools && !can.tools) return fail(cannot("tools", "tools"));
  if (request.has_audio && !can.images) return fail(cannot("audio", "messages"));
  // Where a slot belongs to one tenant, a second answer would run on somebody else's.
  if (request.candidates > 1 && (!can.many_choices || can.tenant_slots)) {
    return request.choices > 1 ? fail(cannot("n greater than 1", "n"))
                               : fail(cannot("best_of greater than 1", "best_of"));
  }
  const bool many_prompts =
      request.operation == llmapi::Operation::completion && request.inputs > 1;
  if (many_prompts && can.tenant_slots) return fail(cannot("several prompts", "prompt"));
  return {};
}

Error engine_missing() {
  return Error(Code::no_healthy_backend, Blame::us, "The model has no engine at the moment.")
      .with_retry_after(std::chrono::seconds(5));
}

}  // namespace

Result<std::vector<std::shared_ptr<engine::Engine>>> engines_for(const llmapi::Request& request,
                                                                 const catalog::Model& model,
                                                                 const EngineSet& engines) {
  std::vector<std::shared_ptr<engine::Engine>> able;
  std::optional<Error> refusal;
  const auto look_at = [&](const std::string& name) {
    std::shared_ptr<engine::Engine> engine = engines.find(name);
    if (!engine) return;
    if (Result<void> can = check_capabilities(request, model, engine->capabilities()); can) {
      able.push_back(std::move(engine));
    } else {
      refusal = std::move(can).error();
    }
  };
  if (model.engines.empty()) look_at(model.engine);
  for (const std::string& name : model.engines)
    look_at(name);
  if (able.empty()) return fail(refusal ? *std::move(refusal) : engine_missing());
  return able;
}

llmapi::FieldPolicy policy_of(const catalog::Model& model) {
  return {.extra_fields = &model.extra_fields,
          .reject_unknown = model.reject_unknown_fields,
          .choices_max = model.choices_max,
          .output_tokens_max = model.output_tokens_max,
          .context_tokens = model.context_tokens};
}

Result<void> plan_engines(Plan& plan, const catalog::Model& model, const EngineSet& engines) {
  TRY(plan.engines, engines_for(plan.request, model, engines));
  plan.model = &model;
  plan.tried.push_back(&model);
  const bool can_count = std::ranges::all_of(plan.engines, [](const auto& engine) {
    return engine->capabilities().counts_cancelled_plain;
  });
  plan.upstream_stream = plan.request.stream ||
                         (plan.request.operation != llmapi::Operation::embeddings && !can_count);
  return {};
}

fairness::CostRates rates_of(const metering::Price* price) {
  constexpr double kNanosPerMicro = 1'000;
  if (price == nullptr || price->terms().output_ns == 0) return SeatRequest::kUsualRates;
  const metering::PriceTerms& terms = price->terms();
  return {.uncached_input = static_cast<double>(terms.prompt_ns) / kNanosPerMicro,
          .cached_input = static_cast<double>(terms.cached_ns) / kNanosPerMicro,
          .output = static_cast<double>(terms.output_ns) / kNanosPerMicro};
}

}  // namespace sovmesh::gateway
