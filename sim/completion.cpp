#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "sim/engine_sim_impl.h"

namespace sovmesh::sim {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kEngineFailed = "The engine ran out of memory.";
constexpr std::string_view kPage = "<html><body><h1>502 Bad Gateway</h1></body></html>";
constexpr std::string_view kFiller = "x-filler: and so on and so on and so on and so on\r\n";

// An RST overtakes what is on its way: the tokens before it shall arrive.
constexpr std::chrono::milliseconds kBytesFirst{20};

std::string stream_head(const FaultSet& faults) {
  std::string head =
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
      "cache-control: no-store\r\ntransfer-encoding: chunked\r\n";
  if (faults.has(FaultKind::cl_and_te)) head += "content-length: 10\r\n";
  return head + "\r\n";
}

std::string id_for(llmapi::Operation operation, std::int64_t number) {
  return (operation == llmapi::Operation::chat ? "chatcmpl-sim-" : "cmpl-sim-") +
         std::to_string(number);
}

// Tokens per choice, and whether the request's own limit cuts it.
void set_length(Job& job, std::int64_t wanted) {
  job.tokens = wanted;
  if (job.tokens_max && *job.tokens_max < wanted) {
    job.tokens = *job.tokens_max;
    job.is_cut = true;
  }
}

// The others serve one model and take any name for it.
bool checks_model(llmapi::Dialect dialect) {
  return dialect == llmapi::Dialect::vllm || dialect == llmapi::Dialect::sglang;
}

// The status for a request that can never be served.
std::int64_t invalid_status(llmapi::Dialect dialect) {
  return dialect == llmapi::Dialect::tgi ? 422 : 400;
}

std::string length_message(llmapi::Dialect dialect, std::int64_t most, const Job& job) {
  const std::string bound = std::to_string(most);
  if (dialect == llmapi::Dialect::tgi)
    return "Input validation error: `inputs` tokens + `max_new_tokens` must be <= " + bound +
           ". Given: " + std::to_string(job.prompt_tokens) + " `inputs` tokens and " +
           std::to_string(job.tokens_max.value_or(0)) + " `max_new_tokens`";
  if (dialect == llmapi::Dialect::tensorrt_llm)
    return "The sum of prompt length (" + std::to_string(job.prompt_tokens) +
           ".0), query length (0) should not exceed max_num_tokens (" + bound + ")";
  return "This model's maximum context length is " + bound + " tokens.";
}

Answer::Variant variant_of(const FaultSet& faults) {
  return {.utf8 = faults.has(FaultKind::utf8),
          .tool_call = faults.has(FaultKind::tool_call),
          .no_finish = faults.has(FaultKind::no_finish)};
}

}  // namespace

double EngineSim::Impl::rate(const FaultSet& faults) const {
  const auto asked = faults.get(FaultKind::rate);
  return asked ? static_cast<double>(*asked) : options.tokens_per_second;
}

rt::Task<bool> EngineSim::Impl::refuse(Wire& wire, Ticket& ticket, std::int64_t status,
                                       std::string_view message) {
  ticket.ends_failed();
  const FaultSet none({}, {});
  co_return co_await respond(wire, status, kJson, error_object(options.dialect, status, message),
                             none);
}

rt::Task<bool> EngineSim::Impl::refuse_length(Wire& wire, Ticket& ticket, const Job& job) {
  const std::int64_t most =
      engine ? std::min(options.context_tokens, engine->model().cache().capacity())
             : options.context_tokens;
  const std::string message = length_message(options.dialect, most, job);
  const std::int64_t status = invalid_status(options.dialect);
  if (options.dialect != llmapi::Dialect::tgi || !job.stream)
    co_return co_await refuse(wire, ticket, status, message);
  // TGI has begun the stream before it looks.
  const FaultSet none({}, {});
  EventWriter writer(wire, none, 0, stream_head(none));
  ticket.ends_failed();
  writer.event(error_object(options.dialect, status, message));
  writer.done();
  writer.finish();
  co_return co_await wire.flush();
}

bool EngineSim::Impl::is_overloaded() const {
  return options.waiting_max && counts_now().waiting >= *options.waiting_max;
}

rt::Task<bool> EngineSim::Impl::refuse_overload(Wire& wire, Ticket& ticket) {
  const bool is_tgi = options.dialect == llmapi::Dialect::tgi;
  co_return co_await refuse(wire, ticket, is_tgi ? 429 : 503,
                            is_tgi ? "Model is overloaded" : "The request queue is full.");
}

// Which LoRA a model's name stands for, from 1; 0: the base model itself.
std::optional<std::uint8_t> EngineSim::Impl::lora_of(std::string_view model) const {
  if (model == options.model) return 0;
  const auto found = std::ranges::find(options.loras, model);
  if (found == options.loras.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - options.loras.begin() + 1);
}

rt::Task<bool> EngineSim::Impl::complete(Wire& wire, Ticket& ticket, llmapi::Operation operation) {
  const auto wishes = faults_in_prompt(wire.body());
  if (!wishes)
    co_return co_await refuse(wire, ticket, invalid_status(options.dialect),
                              wishes.error().message());
  if (const auto checked = check_faults(*wishes, engine.has_value()); !checked)
    co_return co_await refuse(wire, ticket, invalid_status(options.dialect),
                              checked.error().message());
  const FaultSet faults(options.faults, *wishes);
  if (!faults.empty())
    if (const auto ended = co_await before_answer(wire, ticket, faults)) co_return *ended;

  auto parsed = parse_job(operation, options.dialect, wire.body());
  if (!parsed)
    co_return co_await refuse(wire, ticket, invalid_status(options.dialect),
                              parsed.error().message());
  Job job = *std::move(parsed);
  if (!lora_of(job.model) && checks_model(options.dialect)) {
    const std::string message = "The model `" + job.model + "` does not exist.";
    co_return co_await refuse(wire, ticket, 404, message);
  }
  if (job.prompt_tokens + job.tokens_max.value_or(0) > options.context_tokens)
    co_return co_await refuse_length(wire, ticket, job);
  if (is_overloaded()) co_return co_await refuse_overload(wire, ticket);
  if (options.dialect != llmapi::Dialect::tgi) job.id = id_for(operation, counts.requests);
  job.created =
      std::chrono::floor<std::chrono::seconds>(loop.clock().wall_now()).time_since_epoch().count();
  set_length(job, faults.get(FaultKind::tokens).value_or(options.tokens));

  if (engine) co_return co_await perform_in_engine(wire, ticket, job, faults);
  ++counts.waiting;
  const bool seated = co_await gate.take(loop, &stopping);
  --counts.waiting;
  if (!seated) co_return ticket.ends_cancelled();
  ++counts.running;
  const bool keep = co_await perform(wire, ticket, job, faults);
  --counts.running;
  gate.give();
  co_return keep;
}

// Long because it is a list.
rt::Task<std::optional<bool>> EngineSim::Impl::before_answer(Wire& wire, Ticket& ticket,
                                                             const FaultSet& faults) {
  if (const auto delay = faults.get(FaultKind::delay))
    if (!co_await wire.pause(std::chrono::milliseconds(*delay))) co_return ticket.ends_cancelled();
  if (faults.has(FaultKind::die_before)) {
    wire.reset();
    co_return ticket.ends_failed();
  }
  if (faults.has(FaultKind::close_before)) co_return ticket.ends_failed();
  if (faults.has(FaultKind::never)) {
    co_await wire.wait_for_client_to_go();
    co_return ticket.ends_cancelled();
  }
  if (faults.has(FaultKind::garbage_head)) {
    wire.put("\x01\x02 this is no HTTP\r\n\r\n");
    co_await wire.flush();
    co_return ticket.ends_failed();
  }
  if (faults.has(FaultKind::endless_head)) {
    wire.put("HTTP/1.1 200 OK\r\n");
    do
      wire.put(kFiller);
    while (co_await wire.flush() && !wire.is_gone());
    co_return ticket.ends_failed();
  }
  if (const auto away = faults.get(FaultKind::out_of_memory)) {
    engine->run_out_of_memory(std::chrono::milliseconds(*away));
    co_return co_await refuse(wire, ticket, 500, kEngineFailed);
  }
  const FaultSet none({}, {});
  if (faults.has(FaultKind::html)) {
    ticket.ends_failed();
    co_return co_await respond(wire, 200, "text/html", std::string(kPage), none);
  }
  if (const auto status = faults.get(FaultKind::status))
    co_return co_await refuse(wire, ticket, *status, "simulated error");
  if (const auto code = faults.get(FaultKind::error_body)) {
    ticket.ends_failed();
    co_return co_await respond(wire, 200, kJson,
                               error_object(options.dialect, *code, "simulated error"), none);
  }
  co_return std::nullopt;
}

rt::Task<bool> EngineSim::Impl::perform(Wire& wire, Ticket& ticket, const Job& asked,
                                        const FaultSet& faults) {
  Job job = asked;
  if (job.stream && faults.has(FaultKind::head_first)) {
    wire.put(stream_head(faults));
    if (!co_await wire.flush()) co_return ticket.ends_cancelled();
  }
  const auto prefill = faults.get(FaultKind::prefill);
  const std::chrono::milliseconds time =
      prefill ? std::chrono::milliseconds(*prefill) : options.prefill;
  if (time.count() > 0 && !co_await wire.pause(time)) co_return ticket.ends_cancelled();
  look_up_cache(job);
  FixedPace pace(loop, rate(faults));
  co_return co_await deliver(wire, ticket, job, faults, pace);
}

rt::Task<bool> EngineSim::Impl::perform_in_engine(Wire& wire, Ticket& ticket, const Job& asked,
                                                  const FaultSet& faults) {
  Job job = asked;
  if (engine->is_away())
    co_return co_await refuse(wire, ticket, 503, "The engine is starting again.");
  const std::string text = job.prompt + "assistant " + answer_text(job.tokens);
  LiveEngine::Request request(*engine, {.salt = job.cache_key,
                                        .text = text,
                                        .prompt_tokens = job.prompt_tokens,
                                        .answer_tokens = job.tokens,
                                        .choices = job.choices,
                                        .lora = lora_of(job.model).value_or(0)});
  if (!request.fits()) co_return co_await refuse_length(wire, ticket, job);
  const Pace::Wait first = co_await request.wait(wire, 1);
  if (first == Pace::Wait::client_gone) co_return ticket.ends_cancelled();
  if (first == Pace::Wait::engine_failed)
    co_return co_await refuse(wire, ticket, 500, kEngineFailed);
  job.cached_tokens = request.cached();
  co_return co_await deliver(wire, ticket, job, faults, request);
}

// Its prompt has been computed; `pace` says when its tokens come.
rt::Task<bool> EngineSim::Impl::deliver(Wire& wire, Ticket& ticket, const Job& job,
                                        const FaultSet& faults, Pace& pace) {
  ticket.prefilled(job);
  if (job.operation == llmapi::Operation::embeddings) {
    std::string body;
    const Answer answer(job, {});
    answer.embeddings(body, kEmbeddingSize);
    if (!co_await respond(wire, 200, kJson, std::move(body), faults))
      co_return ticket.ends_failed();
    co_return ticket.ends_finished();
  }
  if (job.stream) co_return co_await stream(wire, ticket, job, faults, pace);
  co_return co_await plain(wire, ticket, job, faults, pace);
}

rt::Task<bool> EngineSim::Impl::stream(Wire& wire, Ticket& ticket, const Job& job,
                                       const FaultSet& faults, Pace& pace) {
  const Answer answer(job, variant_of(faults));
  EventWriter writer(wire, faults, options.chunk_bytes,
                     faults.has(FaultKind::head_first) ? std::string() : stream_head(faults));
  if (const auto code = faults.get(FaultKind::error_event)) {
    ticket.ends_failed();
    writer.event(error_object(options.dialect, *code, "simulated error"));
    writer.done();
    writer.finish();
    co_return co_await wire.flush();
  }
  if (answer.has_role_event())
    for (int choice = 0; choice < job.choices; ++choice) {
      answer.role_event(writer.begin(), choice);
      writer.end();
    }
  co_return co_await tokens(wire, writer, ticket, job, faults, answer, pace);
}

rt::Task<bool> EngineSim::Impl::tokens(Wire& wire, EventWriter& writer, Ticket& ticket,
                                       const Job& job, const FaultSet& faults, const Answer& answer,
                                       Pace& pace) {
  for (std::int64_t index = 0; index < job.tokens; ++index) {
    if (!pace.has(index + 1)) {
      writer.send_gathered();
      const Pace::Wait waited = co_await pace.wait(wire, index + 1);
      if (waited == Pace::Wait::client_gone) co_return ticket.ends_cancelled();
      if (waited == Pace::Wait::engine_failed)
        co_return co_await break_off(wire, writer, ticket, kEngineFailed);
    }
    for (int choice = 0; choice < job.choices; ++choice) {
      if (!faults.empty())
        if (const auto ended = co_await strike(wire, writer, ticket, faults)) co_return *ended;
      if (wire.is_full() && !co_await wire.flush()) co_return ticket.ends_cancelled();
      if (wire.is_gone()) co_return ticket.ends_cancelled();
      ticket.generated();
      answer.token_event(writer.begin(), choice, index, index + 1);
      writer.end();
    }
  }
  if (!faults.empty())
    if (const auto ended = co_await strike(wire, writer, ticket, faults)) co_return *ended;
  co_return co_await ending(wire, writer, ticket, job, faults, answer);
}

// An error event, and then the end.
rt::Task<bool> EngineSim::Impl::break_off(Wire& wire, EventWriter& writer, Ticket& ticket,
                                          std::string_view message) {
  ticket.ends_failed();
  writer.event(error_object(options.dialect, 500, message));
  writer.done();
  writer.finish();
  co_return co_await wire.flush();
}

rt::Task<bool> EngineSim::Impl::ending(Wire& wire, EventWriter& writer, Ticket& ticket,
                                       const Job& job, const FaultSet& faults,
                                       const Answer& answer) {
  if (answer.has_finish_event() || job.tokens == 0)
    for (int choice = 0; choice < job.choices; ++choice) {
      answer.finish_event(writer.begin(), choice, ticket.tokens());
      writer.end();
    }
  if (answer.has_usage_event() && !faults.has(FaultKind::no_usage)) {
    answer.usage_event(writer.begin(), ticket.tokens());
    writer.end();
  }
  if (!faults.has(FaultKind::no_done)) writer.done();
  if (faults.has(FaultKind::duplicate_done)) writer.done();
  if (faults.has(FaultKind::data_after_done)) {
    answer.role_event(writer.begin(), 0);
    writer.end();
  }
  writer.finish();
  if (faults.has(FaultKind::extra_bytes)) wire.put("HTTP/1.1 200 OK\r\n\r\n");
  if (!co_await wire.flush()) co_return ticket.ends_cancelled();
  co_return ticket.ends_finished();
}

// Long because it is a list.
rt::Task<std::optional<bool>> EngineSim::Impl::strike(Wire& wire, EventWriter& writer,
                                                      Ticket& ticket, const FaultSet& faults) {
  const std::int64_t now = ticket.tokens();
  const auto strikes = [&](FaultKind kind) { return faults.strikes(kind, now); };
  if (strikes(FaultKind::garbage_after)) writer.raw("data: {this is no JSON\n\n");
  if (strikes(FaultKind::nul_after)) writer.raw(std::string_view("data: {\"a\":\"\0\"}\n\n", 18));
  if (strikes(FaultKind::bad_utf8_after)) writer.raw("data: {\"a\":\"\xc3\x28\"}\n\n");
  if (strikes(FaultKind::no_choices_after)) writer.raw("data: {\"id\":\"x\"}\n\n");
  if (strikes(FaultKind::huge_number_after))
    writer.raw(
        "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,"
        "\"completion_tokens\":99999999999999999999}}\n\n");
  if (const auto size = faults.get(FaultKind::huge_line); size && now == 1)
    writer.raw("data: \"" + std::string(static_cast<std::size_t>(*size), 'x') + "\"\n\n");
  if (strikes(FaultKind::error_after))
    co_return co_await break_off(wire, writer, ticket, "simulated error");
  if (strikes(FaultKind::die_after) || strikes(FaultKind::eof_after)) {
    writer.send_gathered();
    co_await wire.flush();
    if (strikes(FaultKind::die_after)) {
      co_await wire.pause(kBytesFirst);
      wire.reset();
    }
    co_return ticket.ends_failed();
  }
  if (strikes(FaultKind::end_after)) {
    ticket.ends_failed();
    writer.finish();
    co_return co_await wire.flush();
  }
  if (strikes(FaultKind::bad_chunk_after)) {
    writer.send_gathered();
    wire.put("zz\r\n");
    co_await wire.flush();
    co_return ticket.ends_failed();
  }
  if (strikes(FaultKind::stall_after)) {
    writer.send_gathered();
    co_await wire.flush();
    co_await wire.wait_for_client_to_go();
    co_return ticket.ends_cancelled();
  }
  if (strikes(FaultKind::stall_comments_after)) {
    do
      writer.raw(": keep-alive\n\n");
    while (co_await wire.flush() && co_await wire.pause(std::chrono::seconds(1)));
    co_return ticket.ends_cancelled();
  }
  co_return std::nullopt;
}

rt::Task<bool> EngineSim::Impl::plain(Wire& wire, Ticket& ticket, const Job& job,
                                      const FaultSet& faults, Pace& pace) {
  const Pace::Wait waited = co_await pace.wait(wire, job.tokens);
  if (waited != Pace::Wait::ready)
    ticket.generated(std::min(pace.made(), job.tokens) * job.choices);
  if (waited == Pace::Wait::client_gone) co_return ticket.ends_cancelled();
  if (waited == Pace::Wait::engine_failed)
    co_return co_await refuse(wire, ticket, 500, kEngineFailed);
  ticket.generated(job.tokens * job.choices);
  const Answer answer(job, variant_of(faults));
  std::string body;
  answer.plain(body, ticket.tokens());
  const bool dies = faults.has(FaultKind::die_after);
  if (dies || faults.has(FaultKind::eof_after) || faults.has(FaultKind::stall_after)) {
    wire.put("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, body.size() / 2));
    co_await wire.flush();
    if (faults.has(FaultKind::stall_after)) co_await wire.wait_for_client_to_go();
    if (dies) wire.reset();
    co_return ticket.ends_failed();
  }
  if (!co_await respond(wire, 200, kJson, std::move(body), faults)) co_return ticket.ends_failed();
  co_return ticket.ends_finished();
}

}  // namespace sovmesh::sim
