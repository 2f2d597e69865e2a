#include "sim/engine_sim.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "sim/engine_sim_impl.h"

namespace sovmesh::sim {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";

std::string_view reason_phrase(std::int64_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

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

}  // namespace

std::string_view name(SimOutcome outcome) {
  switch (outcome) {
    case SimOutcome::open:
      return "open";
    case SimOutcome::finished:
      return "finished";
    case SimOutcome::cancelled:
      return "cancelled";
    case SimOutcome::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view SimRequest::field(std::string_view name) const {
  for (const auto& [field, value] : fields)
    if (field == name) return value;
  return {};
}

EngineSim::Impl::Impl(rt::Loop& l, EngineSimOptions o)
    : loop(l),
      options(std::move(o)),
      gate(options.slots),
      stopping(l),
      connections(l, kConnectionsMax) {}

void EngineSim::Impl::Ticket::prefilled(const Job& job) {
  prompt_ = job.prompt_tokens;
  sim_.counts.prompt_tokens += job.prompt_tokens;
  sim_.counts.cached_tokens += job.cached_tokens;
}

void EngineSim::Impl::Ticket::generated(std::int64_t count) {
  generated_ += count;
  sim_.counts.generated_tokens += count;
}

void EngineSim::Impl::keep(SimRequest& request, std::string_view body) {
  request.id = ++last_id;
  if (options.record_max == 0) return;
  if (records.size() == options.record_max) records.pop_front();
  SimRequest& kept = records.emplace_back(request);
  kept.body = body.substr(0, SimRequest::kBodyMax);
  kept.began = loop.now();
}

void EngineSim::Impl::close(const Ticket& ticket) {
  switch (ticket.outcome_) {
    case SimOutcome::finished:
      ++counts.finished;
      break;
    case SimOutcome::failed:
      ++counts.failed;
      break;
    default:
      ++counts.cancelled;
  }
  const auto kept = std::ranges::find(records, ticket.id_, &SimRequest::id);
  if (kept == records.end()) return;
  kept->outcome = ticket.outcome_;
  kept->prompt_tokens = ticket.prompt_;
  kept->generated_tokens = ticket.generated_;
  kept->ended = loop.now();
}

// All but the last token of a repeated prompt come from the cache, as in real engines.
void EngineSim::Impl::look_up_cache(Job& job) {
  if (caches.size() >= kCachesMax) caches.clear();
  std::string& last = caches[job.cache_key];
  if (job.may_use_cache && last == job.prompt) job.cached_tokens = job.prompt_tokens - 1;
  last = job.prompt;
}

rt::Task<bool> EngineSim::Impl::respond(Wire& wire, std::int64_t status, std::string_view type,
                                        std::string body, const FaultSet& faults) {
  const auto size = static_cast<std::int64_t>(body.size());
  const std::int64_t claimed =
      std::max<std::int64_t>(0, size + faults.get(FaultKind::length).value_or(0));
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out += reason_phrase(status);
  out += "\r\ncontent-type: ";
  out += type;
  out += "\r\ncontent-length: " + std::to_string(claimed) + "\r\n";
  if (status == 429 || status == 503) out += "retry-after: 1\r\n";
  if (faults.has(FaultKind::cl_and_te)) out += "transfer-encoding: chunked\r\n";
  out += "\r\n";
  out += body;
  if (faults.has(FaultKind::extra_bytes)) out += "HTTP/1.1 200 OK\r\n\r\n";
  wire.put(out);
  co_return co_await wire.flush() && claimed == size;
}

std::string EngineSim::Impl::metrics_page() const {
  const auto line = [](std::string_view metric, std::string_view labels, std::int64_t value) {
    return std::string(metric) + std::string(labels) + " " + std::to_string(value) + ".0\n";
  };
  const std::string labels = "{model_name=\"" + options.model + "\"}";
  switch (options.dialect) {
    case llmapi::Dialect::llama_cpp:
      return line("llamacpp:prompt_tokens_total", "", counts.prompt_tokens - counts.cached_tokens) +
             line("llamacpp:prompt_tokens_cached_total", "", counts.cached_tokens) +
             line("llamacpp:tokens_predicted_total", "", counts.generated_tokens) +
             line("llamacpp:requests_processing", "", counts.running) +
             line("llamacpp:requests_deferred", "", counts.waiting);
    case llmapi::Dialect::sglang:
      return line("sglang:prompt_tokens_total", labels, counts.prompt_tokens) +
             line("sglang:generation_tokens_total", labels, counts.generated_tokens) +
             line("sglang:num_running_reqs", labels, counts.running) +
             line("sglang:num_queue_reqs", labels, counts.waiting);
    default:
      return line("vllm:prompt_tokens_total", labels, counts.prompt_tokens) +
             line("vllm:generation_tokens_total", labels, counts.generated_tokens) +
             line("vllm:num_requests_running", labels, counts.running) +
             line("vllm:num_requests_waiting", labels, counts.waiting);
  }
}

std::string EngineSim::Impl::requests_page() const {
  std::string out = "[";
  for (const SimRequest& request : records)
    append_request(out, request);
  close_with(out, ']');
  return out;
}

std::string EngineSim::Impl::counts_page() const {
  std::string out = "{";
  append_member(out, "requests", counts.requests);
  append_member(out, "finished", counts.finished);
  append_member(out, "cancelled", counts.cancelled);
  append_member(out, "failed", counts.failed);
  append_member(out, "prompt_tokens", counts.prompt_tokens);
  append_member(out, "cached_tokens", counts.cached_tokens);
  append_member(out, "generated_tokens", counts.generated_tokens);
  append_member(out, "running", counts.running);
  append_member(out, "waiting", counts.waiting);
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
  options.faults = std::move(faults);
  return {};
}

rt::Task<bool> EngineSim::Impl::answer_page(Wire& wire, const SimRequest& request) {
  const FaultSet none({}, {});
  const std::string& target = request.target;
  if (target == "/sim/faults" && request.method == "POST") {
    const auto replaced = replace_faults(wire.body());
    co_return replaced
        ? co_await respond(wire, 200, kJson, "{}", none)
        : co_await respond(wire, 400, kJson, error_object(400, replaced.error().message()), none);
  }
  if (request.method == "GET") {
    if (target == "/health") {
      const bool bad = FaultSet(options.faults, {}).has(FaultKind::unhealthy);
      co_return co_await respond(wire, bad ? 503 : 200, kJson, "{}", none);
    }
    if (target == "/v1/models") {
      std::string body = R"({"object":"list","data":[{"id":)";
      append_json_string(body, options.model);
      body += R"(,"object":"model","created":0,"owned_by":"engine-sim","max_model_len":)";
      body += std::to_string(options.context_tokens) + "}]}";
      co_return co_await respond(wire, 200, kJson, std::move(body), none);
    }
    if (target == "/metrics") co_return co_await respond(wire, 200, kText, metrics_page(), none);
    if (target == "/sim/requests")
      co_return co_await respond(wire, 200, kJson, requests_page(), none);
    if (target == "/sim/counts") co_return co_await respond(wire, 200, kJson, counts_page(), none);
  }
  co_return co_await respond(wire, 404, kJson, error_object(404, "Not Found"), none);
}

rt::Task<bool> EngineSim::Impl::answer(Wire& wire, SimRequest& request) {
  std::optional<llmapi::Operation> operation;
  if (request.method == "POST") {
    if (request.target == "/v1/chat/completions") operation = llmapi::Operation::chat;
    if (request.target == "/v1/completions") operation = llmapi::Operation::completion;
    if (request.target == "/v1/embeddings") operation = llmapi::Operation::embeddings;
  }
  if (!operation) co_return co_await answer_page(wire, request);
  keep(request, wire.body());
  ++counts.requests;
  Ticket ticket(*this, request.id);
  co_return co_await complete(wire, ticket, *operation);
}

rt::Task<void> EngineSim::Impl::converse(std::unique_ptr<rt::Socket> socket) {
  Wire wire(loop, std::move(socket), stopping);
  for (;;) {
    SimRequest request;
    if (!co_await wire.read_request(request)) break;
    if (!co_await answer(wire, request)) break;
    if (equals_ignore_case(request.field("connection"), "close")) break;
  }
  if (stopping.is_set()) wire.reset();
}

EngineSim::EngineSim(rt::Loop& loop, EngineSimOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
EngineSim::~EngineSim() = default;

rt::Task<void> EngineSim::serve(std::unique_ptr<rt::Listener> listener) {
  Impl& sim = *impl_;
  for (;;) {
    const rt::Until until{rt::Deadline::never(), &sim.stopping};
    auto socket = co_await listener->accept(until);
    if (!socket) break;
    if (!sim.connections.full()) sim.connections.spawn(sim.converse(*std::move(socket)));
  }
  listener.reset();
  const rt::Until until{rt::Deadline::never(), nullptr};  // stop() has ended all their waits
  co_await sim.connections.join(until);
}

void EngineSim::stop() { impl_->stopping.set(); }
const EngineSimCounts& EngineSim::counts() const { return impl_->counts; }
const std::deque<SimRequest>& EngineSim::requests() const { return impl_->records; }
void EngineSim::set_faults(std::vector<Fault> faults) { impl_->options.faults = std::move(faults); }

std::string EngineSim::answer_text(std::int64_t tokens) {
  std::string text;
  for (std::int64_t i = 0; i < tokens; ++i)
    text += token_text(i, false);
  return text;
}

}  // namespace sovmesh::sim
