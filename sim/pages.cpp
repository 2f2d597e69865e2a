#include <algorithm>
#include <cmath>
#include <utility>

#include "base/bytes.h"
#include "sim/engine_sim_impl.h"

namespace sovmesh::sim {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";

void append_member(std::string& out, std::string_view name, std::string_view text) {
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
  out += ',';
}

void append_member(std::string& out, std::string_view name, std::int64_t value) {
  append_json_string(out, name);
  out += ':' + std::to_string(value) + ',';
}

// Closes an object or array whose members all end in a comma.
void close_with(std::string& out, char bracket) {
  if (out.back() == ',') out.pop_back();
  out += bracket;
}

std::string valid_utf8(std::string_view bytes) {
  return is_valid_utf8(bytes) ? std::string(bytes) : "<invalid UTF-8>";
}

void append_request(std::string& out, const SimRequest& request) {
  out += '{';
  append_member(out, "method", valid_utf8(request.method));
  append_member(out, "target", valid_utf8(request.target));
  append_member(out, "outcome", name(request.outcome));
  append_member(out, "prompt_tokens", request.prompt_tokens);
  append_member(out, "generated_tokens", request.generated_tokens);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      request.outcome == SimOutcome::open ? Instant::duration::zero()
                                          : request.ended - request.began);
  append_member(out, "milliseconds", took.count());
  out += "\"fields\":[";
  for (const auto& [field, value] : request.fields) {
    out += '[';
    append_json_string(out, valid_utf8(field));
    out += ',';
    append_json_string(out, valid_utf8(value));
    out += "],";
  }
  close_with(out, ']');
  out += ',';
  append_member(out, "body", valid_utf8(request.body));
  close_with(out, '}');
  out += ',';
}

// A page of metrics: one line for each figure.
class MetricsPage {
 public:
  explicit MetricsPage(std::string labels) : labels_(std::move(labels)) {}
  void add(std::string_view metric, std::int64_t value) {
    page_ += std::string(metric) + labels_ + " " + std::to_string(value) + ".0\n";
  }
  void add_ratio(std::string_view metric, double value) {
    page_ += std::string(metric) + labels_ + " " + std::to_string(value) + "\n";
  }
  void add_info(std::string_view metric, std::string_view labels) {
    page_ += std::string(metric) + "{" + std::string(labels) + "} 1.0\n";
  }
  std::string take() { return std::move(page_); }

 private:
  std::string labels_;
  std::string page_;
};

std::int64_t looked_up_tokens(const des::EngineTotals& totals) {
  return totals.cached_tokens + totals.prefill_tokens - totals.recomputed_tokens;
}

std::string names_of(const std::vector<std::uint8_t>& loaded,
                     const std::vector<std::string>& loras) {
  std::string names;
  for (const std::uint8_t lora : loaded)
    names += (names.empty() ? "" : ",") + loras[lora - 1U];
  return names;
}

// What the engine model alone knows.
void add_vllm(MetricsPage& page, const des::EngineModel& model,
              const std::vector<std::string>& loras) {
  const des::EngineReport report = model.report();
  const des::EngineTotals& totals = model.totals();
  page.add_ratio("vllm:kv_cache_usage_perc", report.kv_used);
  page.add("vllm:prefix_cache_queries_total", looked_up_tokens(totals));
  page.add("vllm:prefix_cache_hits_total", totals.cached_tokens);
  page.add("vllm:num_preemptions_total", static_cast<std::int64_t>(totals.preemptions));
  const std::int64_t block = model.spec().block_tokens;
  page.add_info("vllm:cache_config_info", "block_size=\"" + std::to_string(block) +
                                              "\",num_gpu_blocks=\"" +
                                              std::to_string(model.spec().kv_tokens / block) + '"');
  // All that are loaded: who asks wants to know where a LoRA need not be loaded.
  page.add_info("vllm:lora_requests_info", "max_lora=\"" + std::to_string(model.spec().lora_slots) +
                                               "\",running_lora_adapters=\"" +
                                               names_of(report.loras, loras) +
                                               "\",waiting_lora_adapters=\"\"");
}

double hit_rate(const des::EngineTotals& totals) {
  const std::int64_t looked_up = looked_up_tokens(totals);
  return looked_up == 0
             ? 0
             : static_cast<double>(totals.cached_tokens) / static_cast<double>(looked_up);
}

void add_sglang(MetricsPage& page, const des::EngineModel& model) {
  page.add_ratio("sglang:token_usage", model.report().kv_used);
  page.add_ratio("sglang:cache_hit_rate", hit_rate(model.totals()));
}

void add_tensorrt_llm(MetricsPage& page, const des::EngineModel& model) {
  page.add_ratio("trtllm_kv_cache_utilization", model.report().kv_used);
  page.add_ratio("trtllm_kv_cache_hit_rate", hit_rate(model.totals()));
}

}  // namespace

std::string EngineSim::Impl::metrics_page() const {
  const EngineSimCounts now = counts_now();
  const bool labelled =
      options.dialect != llmapi::Dialect::llama_cpp && options.dialect != llmapi::Dialect::tgi;
  MetricsPage page(labelled ? "{model_name=\"" + options.model + "\"}" : "");
  switch (options.dialect) {
    case llmapi::Dialect::llama_cpp:
      page.add("llamacpp:prompt_tokens_total", now.prompt_tokens - now.cached_tokens);
      page.add("llamacpp:prompt_tokens_cached_total", now.cached_tokens);
      page.add("llamacpp:tokens_predicted_total", now.generated_tokens);
      page.add("llamacpp:requests_processing", now.running);
      page.add("llamacpp:requests_deferred", now.waiting);
      break;
    case llmapi::Dialect::sglang:
      page.add("sglang:prompt_tokens_total", now.prompt_tokens);
      page.add("sglang:generation_tokens_total", now.generated_tokens);
      page.add("sglang:num_running_reqs", now.running);
      page.add("sglang:num_queue_reqs", now.waiting);
      if (engine) add_sglang(page, engine->model());
      break;
    case llmapi::Dialect::tgi:
      page.add("tgi_request_input_length_sum", now.prompt_tokens);
      page.add("tgi_request_generated_tokens_sum", now.generated_tokens);
      page.add("tgi_batch_current_size", now.running);
      page.add("tgi_queue_size", now.waiting);
      page.add("tgi_request_count", now.requests);
      page.add("tgi_request_success", now.finished);
      break;
    case llmapi::Dialect::tensorrt_llm:
      page.add("trtllm_prompt_tokens_total", now.prompt_tokens);
      page.add("trtllm_generation_tokens_total", now.generated_tokens);
      page.add("trtllm_num_requests_running", now.running);
      page.add("trtllm_num_requests_waiting", now.waiting);
      if (engine) add_tensorrt_llm(page, engine->model());
      break;
    default:
      page.add("vllm:prompt_tokens_total", now.prompt_tokens);
      page.add("vllm:generation_tokens_total", now.generated_tokens);
      page.add("vllm:num_requests_running", now.running);
      page.add("vllm:num_requests_waiting", now.waiting);
      if (engine) add_vllm(page, engine->model(), options.loras);
  }
  return page.take();
}

std::string EngineSim::Impl::models_page() const {
  std::string out = R"({"object":"list","data":[)";
  const auto add = [&](std::string_view id, bool is_lora) {
    out += R"({"id":)";
    append_json_string(out, id);
    out += R"(,"object":"model","created":0,"owned_by":"engine-sim","max_model_len":)";
    out += std::to_string(options.context_tokens);
    if (is_lora) {
      out += R"(,"parent":)";
      append_json_string(out, options.model);
    }
    out += "},";
  };
  add(options.model, false);
  for (const std::string& lora : options.loras)
    add(lora, true);
  close_with(out, ']');
  return out + '}';
}

// TGI's.
std::string EngineSim::Impl::info_page() const {
  std::string out = "{";
  append_member(out, "model_id", options.model);
  append_member(out, "max_concurrent_requests",
                options.slots + options.waiting_max.value_or(kConnectionsMax));
  append_member(out, "max_input_tokens", options.context_tokens - 1);
  append_member(out, "max_total_tokens", options.context_tokens);
  append_member(out, "version", "engine-sim");
  close_with(out, '}');
  return out;
}

// TensorRT-LLM's figures of its steps since somebody asked last; here of the last step alone.
std::string EngineSim::Impl::iteration_page() {
  const std::int64_t steps =
      engine ? static_cast<std::int64_t>(engine->model().totals().steps) : counts.generated_tokens;
  if (steps == std::exchange(steps_shown, steps)) return "[]";
  const EngineSimCounts now = counts_now();
  std::string out = "[{";
  append_member(out, "iter", steps);
  append_member(out, "numActiveRequests", now.running);
  append_member(out, "numQueuedRequests", now.waiting);
  append_member(out, "numCompletedRequests", now.finished);
  if (engine) {
    const des::BlockCache& cache = engine->model().cache();
    const std::int64_t block = cache.block_tokens();
    out += R"("kvCacheStats":{)";
    append_member(out, "maxNumBlocks", cache.capacity() / block);
    append_member(out, "usedNumBlocks", cache.used() / block);
    append_member(out, "freeNumBlocks", (cache.capacity() - cache.used()) / block);
    append_member(out, "tokensPerBlock", block);
    close_with(out, '}');
    out += ',';
  }
  close_with(out, '}');
  return out + ']';
}

std::string EngineSim::Impl::requests_page() const {
  std::string out = "[";
  for (const SimRequest& request : records)
    append_request(out, request);
  close_with(out, ']');
  return out;
}

std::string EngineSim::Impl::counts_page() const {
  const EngineSimCounts now = counts_now();
  std::string out = "{";
  append_member(out, "requests", now.requests);
  append_member(out, "finished", now.finished);
  append_member(out, "cancelled", now.cancelled);
  append_member(out, "failed", now.failed);
  append_member(out, "prompt_tokens", now.prompt_tokens);
  append_member(out, "cached_tokens", now.cached_tokens);
  append_member(out, "generated_tokens", now.generated_tokens);
  append_member(out, "running", now.running);
  append_member(out, "waiting", now.waiting);
  close_with(out, '}');
  return out;
}

Result<void> EngineSim::Impl::replace_faults(std::string_view text) {
  std::vector<Fault> faults;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    if (end > 0) {
      TRY(const Fault fault, parse_fault(text.substr(0, end)));
      faults.push_back(fault);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  TRY_VOID(check_faults(faults, engine.has_value()));
  set_faults(std::move(faults));
  return {};
}

rt::Task<bool> EngineSim::Impl::answer_sleep_page(Wire& wire, const SimRequest& request) {
  const FaultSet none({}, {});
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  if (request.method == "GET" && path == "/is_sleeping") {
    const bool asleep = engine->asleep();
    co_return co_await respond(
        wire, 200, kJson, asleep ? R"({"is_sleeping":true})" : R"({"is_sleeping":false})", none);
  }
  if (request.method == "POST" && path == "/sleep") {
    engine->put_to_sleep();
    co_return co_await respond(wire, 200, kText, "", none);
  }
  if (request.method == "POST" && path == "/wake_up") {
    engine->wake();
    const auto time = std::chrono::microseconds(std::llround(engine->model().spec().wake_us));
    if (!co_await wire.pause(time)) co_return false;
    co_return co_await respond(wire, 200, kText, "", none);
  }
  co_return co_await respond(wire, 404, kJson, error_object(options.dialect, 404, "Not Found"),
                             none);
}

rt::Task<bool> EngineSim::Impl::answer_page(Wire& wire, const SimRequest& request) {
  const FaultSet none({}, {});
  const std::string& target = request.target;
  if (target == "/sim/faults" && request.method == "POST") {
    const auto replaced = replace_faults(wire.body());
    co_return replaced
        ? co_await respond(wire, 200, kJson, "{}", none)
        : co_await respond(wire, 400, kJson,
                           error_object(options.dialect, 400, replaced.error().message()), none);
  }
  if (request.method == "GET") {
    if (target == "/health") {
      const bool bad =
          FaultSet(options.faults, {}).has(FaultKind::unhealthy) || (engine && engine->is_away());
      co_return co_await respond(wire, bad ? 503 : 200, kJson, "{}", none);
    }
    if (target == "/v1/models") co_return co_await respond(wire, 200, kJson, models_page(), none);
    const bool is_tensorrt_llm = options.dialect == llmapi::Dialect::tensorrt_llm;
    if (target == "/metrics" && is_tensorrt_llm)
      co_return co_await respond(wire, 200, kJson, iteration_page(), none);
    if (target == (is_tensorrt_llm ? "/prometheus/metrics" : "/metrics"))
      co_return co_await respond(wire, 200, kText, metrics_page(), none);
    if (target == "/info" && options.dialect == llmapi::Dialect::tgi)
      co_return co_await respond(wire, 200, kJson, info_page(), none);
    if (target == "/sim/requests")
      co_return co_await respond(wire, 200, kJson, requests_page(), none);
    if (target == "/sim/counts") co_return co_await respond(wire, 200, kJson, counts_page(), none);
  }
  if (engine && options.dialect == llmapi::Dialect::vllm)
    co_return co_await answer_sleep_page(wire, request);
  co_return co_await respond(wire, 404, kJson, error_object(options.dialect, 404, "Not Found"),
                             none);
}

}  // namespace sovmesh::sim
