#include "sim/engine_sim.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "sim/engine_sim_impl.h"

namespace sovmesh::sim {
namespace {

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
      connections(l, kConnectionsMax) {
  if (options.engine) engine.emplace(l, *options.engine);
  set_faults(std::move(options.faults));
}

EngineSimCounts EngineSim::Impl::counts_now() const {
  EngineSimCounts now = counts;
  if (engine) {
    const des::EngineReport report = engine->model().report();
    now.running = report.running;
    now.waiting = report.waiting;
  }
  return now;
}

void EngineSim::Impl::set_faults(std::vector<Fault> faults) {
  options.faults = std::move(faults);
  if (!engine) return;
  const auto percent = FaultSet(options.faults, {}).get(FaultKind::speed);
  engine->set_speed(static_cast<double>(percent.value_or(100)) / 100);
}

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
  rt::TaskGroup steps(sim.loop, 1);
  if (sim.engine) steps.spawn(sim.engine->run(sim.stopping));
  for (;;) {
    const rt::Until until{rt::Deadline::never(), &sim.stopping};
    auto socket = co_await listener->accept(until);
    if (!socket) break;
    if (!sim.connections.full()) sim.connections.spawn(sim.converse(*std::move(socket)));
  }
  listener.reset();
  const rt::Until until{rt::Deadline::never(), nullptr};  // stop() has ended all their waits
  co_await sim.connections.join(until);
  co_await steps.join(until);
}

void EngineSim::stop() { impl_->stopping.set(); }
EngineSimCounts EngineSim::counts() const { return impl_->counts_now(); }
const std::deque<SimRequest>& EngineSim::requests() const { return impl_->records; }
void EngineSim::set_faults(std::vector<Fault> faults) { impl_->set_faults(std::move(faults)); }

std::string EngineSim::answer_text(std::int64_t tokens) {
  std::string text;
  for (std::int64_t i = 0; i < tokens; ++i)
    text += token_text(i, false);
  return text;
}

}  // namespace sovmesh::sim
