#include "engine/health.h"

#include <algorithm>
#include <utility>

namespace sovmesh::engine {
namespace {

constexpr std::size_t kPageBytesMax = 1U << 20;

// "/v1" -> "", "/models/v1" -> "/models": where the pages beside the API are.
std::string_view beside(std::string_view base_path) {
  constexpr std::string_view kVersion = "/v1";
  if (base_path.ends_with(kVersion)) base_path.remove_suffix(kVersion.size());
  return base_path;
}

rt::Task<Result<http::ClientResponse>> get(http::ClientPool& pool, const http::Origin& origin,
                                           std::string_view target, const Secret& api_key,
                                           rt::Until until) {
  std::string authorization;
  http::ClientRequest request;
  request.method = "GET";
  request.target = target;
  if (!api_key.empty()) {
    authorization = "Bearer ";
    authorization += api_key.reveal();
    request.fields.push_back({"authorization", authorization});
  }
  auto answer = co_await http::fetch(pool, origin, std::move(request), kPageBytesMax, until);
  std::ranges::fill(authorization, '\0');
  co_return answer;
}

}  // namespace

std::vector<std::string> probe_targets(llmapi::Dialect dialect, std::string_view base_path,
                                       bool is_ready, bool list_models) {
  const std::string models = std::string(base_path) + "/models";
  if (dialect == llmapi::Dialect::openai) return {models};
  std::vector<std::string> targets{std::string(beside(base_path)) + "/health"};
  if (list_models || (dialect == llmapi::Dialect::vllm && !is_ready)) targets.push_back(models);
  return targets;
}

rt::Task<Result<void>> probe(http::ClientPool& pool, const http::Origin& origin,
                             std::vector<std::string> targets, const Secret& api_key,
                             rt::Until until, std::string* last_body) {
  for (const std::string& target : targets) {
    auto answer = co_await get(pool, origin, target, api_key, until);
    if (!answer) co_return fail(std::move(answer).error().in_context("GET " + target));
    if (answer->status != 200)
      co_return upstream_error(Code::no_healthy_backend,
                               "GET " + target + " answered " + std::to_string(answer->status));
    if (last_body != nullptr && &target == &targets.back()) *last_body = std::move(answer->body);
  }
  co_return Result<void>();
}

rt::Task<Result<EngineCounters>> read_counters(http::ClientPool& pool, const http::Origin& origin,
                                               llmapi::Dialect dialect, std::string_view base_path,
                                               const Secret& api_key, rt::Until until) {
  // TensorRT-LLM's /metrics is JSON, and takes from the next reader what it gave to this one.
  const bool is_apart = dialect == llmapi::Dialect::tensorrt_llm;
  const std::string target =
      std::string(beside(base_path)) + (is_apart ? "/prometheus/metrics" : "/metrics");
  auto answer = co_await get(pool, origin, target, api_key, until);
  if (!answer) co_return fail(std::move(answer).error().in_context("GET " + target));
  if (answer->status != 200)
    co_return upstream_error(Code::upstream_error,
                             "GET " + target + " answered " + std::to_string(answer->status));
  co_return parse_counters(dialect, answer->body);
}

std::chrono::milliseconds spread(std::chrono::milliseconds pause, Random& random) {
  const auto range = static_cast<std::uint32_t>(pause.count() / 5 + 1);
  return pause - pause / 10 + std::chrono::milliseconds(random.below(range));
}

HealthProber::HealthProber(rt::Loop& loop, Random& random, http::ClientPool& pool,
                           const http::Origin& origin, const Secret& api_key, Options options,
                           OnVerdict on_verdict)
    : loop_(loop),
      random_(random),
      pool_(pool),
      origin_(origin),
      api_key_(api_key),
      options_(std::move(options)),
      on_verdict_(std::move(on_verdict)),
      suspected_(loop) {}

void HealthProber::suspect() {
  if (suspected_.is_set()) return;  // one incident, however many requests it hit
  rule_.failed();
  suspected_.set();
}

std::chrono::milliseconds HealthProber::next_delay() {
  auto delay = options_.interval;
  if (rule_.is_doubtful() && !rule_.is_down()) delay = std::min(delay, kDoubtInterval);
  return spread(delay, random_);
}

rt::Task<void> HealthProber::run(rt::Event& cancelled) {
  for (;;) {
    const rt::Until probe_until{loop_.in(options_.timeout), &cancelled};
    const bool list_models = static_cast<bool>(options_.on_model_list);
    std::vector<std::string> targets =
        probe_targets(options_.dialect, options_.base_path, is_ready_, list_models);
    std::string list;
    const Result<void> result =
        co_await probe(pool_, origin_, std::move(targets), api_key_, probe_until, &list);
    if (cancelled.is_set()) co_return;
    // Before the verdict: who waits for the engine finds its models there.
    if (result && list_models) options_.on_model_list(list);
    suspected_.clear();
    if (result)
      rule_.succeeded();
    else
      rule_.failed();
    if (result || rule_.is_down()) {
      is_ready_ = result.has_value();
      on_verdict_(result);
    }
    const rt::Until gap{loop_.in(kGapMin), &cancelled};
    if (!co_await rt::sleep(loop_, gap)) co_return;
    const rt::Until pause{loop_.in(std::max(next_delay() - kGapMin, kGapMin)), &cancelled};
    if (co_await suspected_.wait(pause) == rt::Wake::cancelled) co_return;
  }
}

}  // namespace sovmesh::engine
