#include "gateway/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/buffer_cache.h"
#include "base/bytes.h"
#include "gateway/exchange_reply.h"
#include "gateway/replay.h"
#include "gateway/version_choice.h"
#include "routing/retry_budget.h"

namespace sovmesh::gateway {

namespace {

metering::Operation metered(llmapi::Operation operation) {
  switch (operation) {
    case llmapi::Operation::completion:
      return metering::Operation::completion;
    case llmapi::Operation::embeddings:
      return metering::Operation::embeddings;
    case llmapi::Operation::chat:
      break;
  }
  return metering::Operation::chat;
}

std::string_view engine_path(llmapi::Operation operation) {
  switch (operation) {
    case llmapi::Operation::completion:
      return "/completions";
    case llmapi::Operation::embeddings:
      return "/embeddings";
    case llmapi::Operation::chat:
      break;
  }
  return "/chat/completions";
}

Result<void> check_content(const http::RequestHead& head) {
  if (const auto encoding = head.fields.find("content-encoding");
      encoding && !equals_ignore_case(*encoding, "identity")) {
    return client_error(Code::unsupported_encoding,
                        "Content-Encoding is not supported. Please send the body uncompressed.");
  }
  const std::string_view type = head.fields.find("content-type").value_or("");
  const std::string_view media = trim(type.substr(0, type.find(';')));
  if (!equals_ignore_case(media, "application/json")) {
    return client_error(Code::unsupported_media_type, "The Content-Type must be application/json.");
  }
  return {};
}

// x-sm-timeout-ms: the client's own deadline, never longer than ours.
Result<std::chrono::milliseconds> timeout_of(const http::RequestHead& head,
                                             std::chrono::milliseconds ours) {
  const auto text = head.fields.find("x-sm-timeout-ms");
  if (!text) return ours;
  const auto value = parse_u64(*text);
  if (!value || *value == 0) {
    return client_error(Code::invalid_value, "x-sm-timeout-ms must be a positive number of ms.",
                        "x-sm-timeout-ms");
  }
  const auto longest = static_cast<std::uint64_t>(ours.count());
  return std::chrono::milliseconds(std::min(*value, longest));
}

// x-sm-priority: a client may give way to others, and ask for no more than its key may.
Result<PriorityClass> priority_of(const http::RequestHead& head, const tenancy::Key& key) {
  const auto text = head.fields.find("x-sm-priority");
  if (!text) return key.max_priority;
  const auto wanted = parse_priority_class(*text);
  if (!wanted) {
    return client_error(Code::invalid_value, "x-sm-priority must be interactive, agent or batch.",
                        "x-sm-priority");
  }
  if (*wanted >= key.max_priority) return *wanted;
  return client_error(
      Code::insufficient_permissions,
      fmt::format("The highest class of this key's requests is {}.", name(key.max_priority)),
      "x-sm-priority");
}

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

// Those of the model's engines that can do what is asked. An error: there is none.
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

// What its tokens take of a GPU, by the model's price where that says so.
fairness::CostRates rates_of(const metering::Price* price) {
  constexpr double kNanosPerMicro = 1'000;
  if (price == nullptr || price->terms().output_ns == 0) return SeatRequest::kUsualRates;
  const metering::PriceTerms& terms = price->terms();
  return {.uncached_input = static_cast<double>(terms.prompt_ns) / kNanosPerMicro,
          .cached_input = static_cast<double>(terms.cached_ns) / kNanosPerMicro,
          .output = static_cast<double>(terms.output_ns) / kNanosPerMicro};
}

// Most that each answer can have.
std::int64_t output_bound(const llmapi::Request& request, const catalog::Model& model) {
  constexpr std::int64_t kUnknown = 4'096;
  if (request.output_max) return *request.output_max;
  if (model.output_tokens_max > 0) return model.output_tokens_max;
  return model.context_tokens > 0 ? model.context_tokens : kUnknown;
}

// Who shares the tenant's part: the owner of the key, or else whoever has the key.
std::uint64_t user_of(const identity::Caller& caller) {
  const tenancy::Key& key = caller.key();
  return std::hash<std::string_view>()(key.owner ? std::string_view(*key.owner) : key.id.text());
}

// The blocks of its prompt. The tenant's salt keeps others from seeing what it has asked before.
std::vector<routing::BlockKey> chain_of(const llmapi::Request& request, const catalog::Model& model,
                                        const identity::Caller& caller) {
  auto chain = routing::BlockChain::of_text(
      routing::chain_seed({.model = model.name.text(), .salt = caller.tenant_entry().cache_salt}));
  chain.feed(request.canonical_prompt());
  return {chain.keys().begin(), chain.keys().end()};
}

// An answer of unknown length whose limits may run out while it comes: only a stream can be ended.
bool may_run_dry(const llmapi::Request& request, const Admission& admission) {
  return admission.is_limited() && !request.output_max &&
         request.operation != llmapi::Operation::embeddings;
}

// What is the same when a client sends the same again, for who remembers which requests break
// engines. Of a long prompt its digest is enough.
Digest digest_of(const Plan& plan, const RequestRecord& record) {
  const llmapi::Request& request = plan.request;
  std::string text(record.model_name());
  text += '\n';
  text += fmt::format_int(request.output_max.value_or(0)).str();
  text += '\n';
  if (!record.prompt_digest) return sha256(text += request.body);
  text.append(record.prompt_digest->begin(), record.prompt_digest->end());
  text.append(request.body, 0, request.prompt_begin);
  text.append(request.body, request.prompt_end);
  return sha256(text);
}

// No byte of the request can have reached the engine.
bool was_connected(const Error& error) {
  return error.code() != Code::io_error && error.code() != Code::closed;
}

Error unreachable() {
  return {Code::upstream_error, Blame::upstream, "The model's engine could not be reached."};
}

Error gone() { return {Code::client_closed, Blame::client, "the client closed the connection"}; }

// What went wrong, as a status or inside the stream that has begun.
SM_OWN_FRAME rt::Task<void> tell(http::Exchange& exchange, ClientStream& client,
                                 RequestRecord& record, Error error) {
  if (!client.committed()) {
    co_await reply_error(exchange, record, std::move(error));
  } else if (exchange.client_gone().is_set()) {
    co_await client.fail(gone());
  } else {
    co_await client.fail(std::move(error));
  }
}

}  // namespace

rt::Task<void> CompletionService::serve(http::Exchange& exchange, WorkerState& worker,
                                        llmapi::Operation operation,
                                        std::unique_ptr<RequestRecord>& record) const {
  record->operation = metered(operation);
  ClientStream client(exchange, *record);
  Result<void> done = co_await run(exchange, worker, operation, client, record);
  if (!done) co_await tell(exchange, client, *record, std::move(done).error());
}

rt::Task<Result<void>> CompletionService::run(http::Exchange& exchange, WorkerState& worker,
                                              llmapi::Operation operation, ClientStream& client,
                                              std::unique_ptr<RequestRecord>& record) const {
  CO_TRY(Plan plan, co_await this->plan(exchange, operation, *record));
  std::optional<KeepAlive> keep_alive;  // until the relay sees to it
  if (plan.request.stream && plan.model->commit_after) {
    const Instant begin = record->began + *plan.model->commit_after;
    keep_alive.emplace(exchange.loop(), client, begin, settings_.keep_alive_comment);
  }
  CO_TRY_VOID(check_books());
  Result<IdempotencyClaim> claimed =
      IdempotencyClaim::take(services_.ledger, plan.idempotency, *record);
  if (!claimed && claimed.error().code() == Code::idempotency_in_progress)
    claimed = co_await claim_when_over(exchange, plan, *record);
  CO_TRY(IdempotencyClaim claim, std::move(claimed));
  if (claim.earlier()) {
    keep_alive.reset();
    co_return co_await answer_again(exchange, plan.request, client, *record, *claim.earlier());
  }
  // Here: input rules (safety), before the reservation of limits; all before a place in a queue.
  CO_TRY(Admission admission, admit(services_.tariff, plan.request, plan.model->engine, *record,
                                    services_.clock.wall_now()));
  plan.upstream_stream = plan.upstream_stream || may_run_dry(plan.request, admission);
  plan.rates = rates_of(admission.price().get());
  CO_TRY(Seat seat, co_await this->seat(exchange, plan, nullptr, *record));

  const rt::Until until{plan.total, &exchange.client_gone()};
  store::OpenRow row;
  if (plan.idempotency) {
    // A second engine call is impossible only if the first one is on disk before it is made.
    claim.hand_over();
    CO_TRY(row,
           co_await services_.ledger.open(intent_of(plan, admission, *record), worker.loop, until));
  }
  Attempts attempts(services_.health, record->caller->tenant().id, plan.body_digest);
  std::unique_ptr<http::ClientCall> call;
  const Ask ask{exchange, worker, plan, attempts, seat, call, *record};
  if (Result<void> sent = co_await send(ask); !sent) {
    if (row.is_open()) std::move(row).void_unused();
    co_return sent;
  }
  const Instant dispatched = services_.clock.now();
  // The intent is synced while the engine works; nothing reaches the client before it is durable.
  if (!row.is_open()) {
    CO_TRY(row,
           co_await services_.ledger.open(intent_of(plan, admission, *record), worker.loop, until));
  }
  keep_alive.reset();
  const bool is_kept =
      plan.idempotency && Replays::are_for(*record->caller) && !services_.overload.sheds_batch();
  Replays* const replays = is_kept ? services_.replays : nullptr;
  auto job = std::make_unique<RelayJob>(
      services_, settings_, worker, exchange, std::move(record), client, *plan.model, plan.times,
      plan.request, plan.upstream_stream, std::move(admission), std::move(seat), std::move(call),
      std::move(row), dispatched, plan.total, replays, std::move(attempts),
      plan.request.prompt_tokens_floor);
  if (plan.may_move()) job->plan = std::make_unique<Plan>(std::move(plan));
  exchange.go_on(relay(std::move(job)));
  co_return Result<void>();
}

rt::Task<Result<void>> CompletionService::send(Ask ask) const {
  for (;;) {
    const engine::Engine& engine = ask.seat.engine();
    ask.attempts.begin(ask.plan.engines, engine);
    ask.record.attempts = ask.attempts.made();
    ask.call = ask.worker.upstream.call(engine.origin());
    Result<void> sent = co_await dispatch(ask.exchange, ask.plan, ask.seat, *ask.call, ask.record);
    if (sent || sent.error().code() == Code::cancelled) co_return sent;
    const bool was_connected = gateway::was_connected(sent.error());
    CO_TRY_VOID(co_await move_on(ask, unreachable(), was_connected, false));
  }
}

rt::Task<Result<void>> CompletionService::move_on(Ask ask, Error failed, bool was_accepted,
                                                  bool has_answered) const {
  const engine::Engine* const from = &ask.seat.engine();
  if (services_.decisions != nullptr) services_.decisions->end(ask.record.id, name(failed.code()));
  ask.seat.engine().suspect();
  ask.call.reset();
  const Instant now = services_.clock.now();
  const auto seen = what_it_shows(failed, has_answered);
  // Its own deadline may be shorter than what any engine can do.
  const bool is_late = ask.plan.total.passed(now);
  if (seen && !is_late && ask.attempts.failed(*seen, was_accepted))
    co_return fail(std::move(failed).with_should_retry(false));
  const bool may_go = was_accepted ? ask.plan.may_move() : ask.plan.engines.size() > 1;
  if (!may_go || is_late || !may_be_better_elsewhere(failed)) co_return fail(std::move(failed));

  const auto left = std::chrono::floor<std::chrono::milliseconds>(ask.plan.total.when() - now);
  const auto delay = routing::retry_delay({}, {.attempts = ask.attempts.made(), .left = left},
                                          services_.random.below(1'000) / 1'000.0);
  if (!delay || !ask.attempts.take_retry())
    co_return fail(std::move(failed).with_should_retry(false));
  {
    const Seat leave = std::move(ask.seat);
  }  // somebody else may have it meanwhile
  const rt::Until pause{ask.worker.loop.in(*delay), &ask.exchange.client_gone()};
  if (!co_await rt::sleep(ask.worker.loop, pause)) co_return fail(gone());
  Result<Seat> seat = co_await this->seat(ask.exchange, ask.plan, from, ask.record);
  if (!seat) co_return fail(std::move(failed).with_should_retry(false));
  ask.seat = *std::move(seat);
  co_return Result<void>();
}

// Who has read an answer may ask again before its row is durable: that is waited for, and anything
// else that ends as soon. An error: the other request is still at work.
rt::Task<Result<IdempotencyClaim>> CompletionService::claim_when_over(
    http::Exchange& exchange, const Plan& plan, const RequestRecord& record) const {
  constexpr std::chrono::milliseconds longest{2'000};
  constexpr std::chrono::milliseconds pause_max{50};
  rt::Loop& loop = exchange.loop();
  const rt::Deadline end = loop.in(longest).earlier(plan.total);
  std::chrono::milliseconds pause{1};
  for (;;) {
    const rt::Until until{loop.in(pause).earlier(end), &exchange.client_gone()};
    if (!co_await rt::sleep(loop, until)) co_return fail(gone());
    Result<IdempotencyClaim> claimed =
        IdempotencyClaim::take(services_.ledger, plan.idempotency, record);
    const bool is_over = claimed || claimed.error().code() != Code::idempotency_in_progress;
    if (is_over || end.passed(loop.now())) co_return claimed;
    pause = std::min(2 * pause, pause_max);
  }
}

// Its Idempotency-Key's request is over: its answer if it is kept, else what came of it.
rt::Task<Result<void>> CompletionService::answer_again(http::Exchange& exchange,
                                                       llmapi::ReplyForm form,
                                                       const ClientStream& client,
                                                       RequestRecord& record,
                                                       store::ClaimResult earlier) const {
  const bool may_be_kept = services_.replays != nullptr && Replays::are_for(*record.caller);
  if (may_be_kept && !client.committed()) {
    const Result<void> given =
        co_await services_.replays->give(exchange, record, form, earlier.request);
    if (given) co_return given;
  }
  co_return fail(is_over(earlier));
}

// Usage that cannot be recorded is not served.
Result<void> CompletionService::check_books() const {
  if (!services_.ledger.accepts()) {
    return fail(Error(Code::metering_unavailable, Blame::us,
                      "Usage cannot be recorded at the moment. Please try again later.")
                    .with_retry_after(std::chrono::seconds(5)));
  }
  if (services_.audit.get()->refuses()) return fail(store::Audit::refusal());
  return {};
}

rt::Task<void> CompletionService::relay(std::unique_ptr<RelayJob> job) const {
  for (;;) {
    Result<void> relayed = co_await (job->form.stream       ? relay_stream(*job)
                                     : job->upstream_stream ? relay_assembled(*job)
                                                            : relay_plain(*job));
    if (!relayed && job->plan) {
      relayed = co_await ask_another(*job, std::move(relayed).error());
      if (relayed) continue;
      settle_unanswered(*job, relayed.error());
    }
    if (relayed) co_await read_to_end(*job->call, job->worker.loop);
    co_await end(std::move(job), std::move(relayed));
    co_return;
  }
}

// The engine has failed before anything of its answer went out, and the row is open. What it has
// counted is of no account.
rt::Task<Result<void>> CompletionService::ask_another(RelayJob& job, Error failed) const {
  const Ask ask{job.exchange, job.worker, *job.plan, job.attempts, job.seat, job.call, *job.record};
  job.is_accepted = false;
  job.row.start_anew();
  job.record->dry.reset();
  CO_TRY_VOID(co_await move_on(ask, std::move(failed), true, job.has_answered));
  CO_TRY_VOID(co_await send(ask));
  job.has_answered = false;
  job.dispatched = services_.clock.now();
  co_return Result<void>();
}

// Gives back the seat and the engine's connection before a client is told and a line written.
rt::Task<void> CompletionService::end(std::unique_ptr<RelayJob> job, Result<void> relayed) const {
  WorkerState& worker = job->worker;
  http::Exchange& exchange = job->exchange;
  ClientStream client = job->client;
  const std::unique_ptr<RequestRecord> record = std::move(job->record);
  job.reset();
  if (!relayed) co_await tell(exchange, client, *record, std::move(relayed).error());
  finish_record(*record, services_, worker);
}

rt::Task<Result<Plan>> CompletionService::plan(http::Exchange& exchange,
                                               llmapi::Operation operation,
                                               RequestRecord& record) const {
  const identity::Caller& caller = *record.caller;
  CO_TRY_VOID(caller.require(tenancy::Scope::inference));
  CO_TRY_VOID(check_content(exchange.head()));
  CO_TRY(const http::Body body, co_await exchange.read_body(settings_.body));
  CO_TRY(const std::string wanted, llmapi::peek_model(body.bytes()));
  Plan plan;
  const auto rollouts = services_.rollouts ? services_.rollouts->get() : nullptr;
  CO_TRY(const ChosenModel chosen,
         choose_model(caller, wanted, exchange.head(), services_.engines, rollouts.get()));
  plan.model = record.model = chosen.model;
  record.route = chosen.route;
  record.tally = chosen.tally;
  record.is_candidate = chosen.is_candidate;
  const llmapi::FieldPolicy policy{.extra_fields = &plan.model->extra_fields,
                                   .reject_unknown = plan.model->reject_unknown_fields,
                                   .choices_max = plan.model->choices_max,
                                   .output_tokens_max = plan.model->output_tokens_max,
                                   .context_tokens = plan.model->context_tokens};
  CO_TRY(plan.request, llmapi::parse_request(operation, body.bytes(), policy));
  CO_TRY(plan.idempotency, read_idempotency(exchange.head(), plan.request, caller));
  record.streamed = plan.request.stream;
  plan.times = times_of(chosen, plan.request.prompt_tokens_estimate);
  CO_TRY(const auto timeout, timeout_of(exchange.head(), plan.times.total));
  plan.total = exchange.loop().in(timeout);
  CO_TRY(plan.priority, priority_of(exchange.head(), caller.key()));

  CO_TRY(plan.engines, engines_for(plan.request, *plan.model, services_.engines));
  record.engine = plan.engines.front();
  const bool can_count = std::ranges::all_of(plan.engines, [](const auto& engine) {
    return engine->capabilities().counts_cancelled_plain;
  });
  plan.upstream_stream =
      plan.request.stream || (operation != llmapi::Operation::embeddings && !can_count);
  if (const HmacKey* key = caller.tenant_entry().digest_key.get()) {
    record.prompt_digest = key->of(plan.request.canonical_prompt());
  }
  plan.body_size = plan.request.body.size();
  CO_TRY_VOID(note_body(plan, record));
  co_return plan;
}

Result<void> CompletionService::note_body(Plan& plan, const RequestRecord& record) const {
  if (plan.engines.size() < 2) return {};  // nothing can be proven against it
  plan.body_digest = digest_of(plan, record);
  const auto left = services_.health.quarantined(record.caller->tenant().id, plan.body_digest);
  if (!left) return {};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*left);
  return fail(Error(Code::upstream_error, Blame::upstream,
                    fmt::format("This request made the model's engines fail. It is not tried "
                                "again for {} s.",
                                seconds.count()))
                  .with_should_retry(false));
}

rt::Task<Result<Seat>> CompletionService::seat(http::Exchange& exchange, const Plan& plan,
                                               const engine::Engine* avoid,
                                               RequestRecord& record) const {
  const Instant asked = services_.clock.now();
  const rt::Until until{plan.total, &exchange.client_gone()};
  SeatRequest wanted = seat_request(plan, record);
  std::erase_if(wanted.engines, [avoid](const auto& engine) { return engine.get() == avoid; });
  record.priority = plan.priority;
  Result<Seat> seat = co_await services_.dispatcher.seat(std::move(wanted), exchange.loop(), until);
  note_decision(record, seat, services_.clock.now() - asked);
  if (seat) record.engine = seat->shared_engine();
  if (seat && !seat->engine().is_ready()) {
    Result<void> ready = co_await seat->engine().ensure_ready(exchange.loop(), until);
    if (!ready) seat = fail(std::move(ready).error());
  }
  record.queue_wait += services_.clock.now() - asked;
  co_return seat;
}

void CompletionService::note_decision(const RequestRecord& record, Result<Seat>& seat,
                                      std::chrono::nanoseconds waited) const {
  if (services_.decisions == nullptr) return;
  Decision::Attempt attempt{.waited = waited};
  if (seat) {
    attempt.engine = seat->engine().name();
    attempt.seat = seat->take_note();
  } else {
    attempt.outcome = name(seat.error().code());
  }
  Decision whose{.tenant = record.caller->tenant().id,
                 .project = record.caller->project().id,
                 .version = std::string(record.shown_model()),
                 .priority = *record.priority};
  services_.decisions->add(record.id, std::move(whose), std::move(attempt));
}

SeatRequest CompletionService::seat_request(const Plan& plan, const RequestRecord& record) const {
  const llmapi::Request& request = plan.request;
  const identity::Caller& caller = *record.caller;
  const bool embeds = request.operation == llmapi::Operation::embeddings;
  const bool many = request.operation == llmapi::Operation::completion;
  const int answers = request.candidates * (many ? static_cast<int>(request.inputs) : 1);
  const std::int64_t each_max = output_bound(request, *plan.model);
  const std::int64_t usual =
      services_.tariff.estimates.estimate(caller.tenant().id, record.model_name());
  const bool has_own_cache = std::ranges::all_of(plan.engines, [](const auto& engine) {
    return engine->capabilities().cache_salt || engine->capabilities().tenant_slots;
  });
  SeatRequest wanted{
      .engines = plan.engines,
      .slots = {.tenant = caller.tenant().id, .slots = answers, .in_any_slot = embeds},
      .tenant = std::string(caller.tenant().slug.text()),
      .project = std::string(caller.project().slug.text()),
      .user = user_of(caller),
      .priority = plan.priority,
      .rates = plan.rates,
      .input_tokens = request.prompt_tokens_estimate,
      .bytes = static_cast<std::int64_t>(request.body.size()),
      .has_own_cache = has_own_cache};
  if (embeds) return wanted;
  wanted.output_max = answers * each_max;
  wanted.output_expected = answers * std::min(each_max, usual);
  wanted.chain = chain_of(request, *plan.model, caller);
  return wanted;
}

rt::Task<Result<void>> CompletionService::dispatch(http::Exchange& exchange, Plan& plan,
                                                   const Seat& seat, http::ClientCall& call,
                                                   const RequestRecord& record) const {
  const engine::Engine& engine = seat.engine();
  const engine::Capabilities& can = engine.capabilities();
  llmapi::UpstreamExtras extras;
  extras.dialect = engine.dialect();
  extras.engine_model = plan.model->engine_model;
  extras.stream = plan.upstream_stream;
  extras.live_usage = can.live_usage;
  if (can.tenant_slots) {
    extras.slot = seat.slot();
    extras.fresh_cache = seat.fresh_cache();
  }
  if (can.cache_salt) extras.cache_salt = record.caller->tenant_entry().cache_salt;
  extras.adapter = plan.model->adapter;
  extras.adapters = engine.adapters();
  plan.request.body.resize(plan.body_size);  // without what another engine was told
  llmapi::complete_upstream(plan.request, extras);

  // An allow-list by construction: these fields and no other ones reach an engine.
  std::string target(engine.base_path());
  target += engine_path(plan.request.operation);
  const std::string traceparent = record.trace.traceparent();
  std::string authorization;
  http::ClientRequest request{.method = "POST",
                              .target = target,
                              .fields = {},
                              .body = plan.request.body,
                              .once = plan.idempotency.has_value()};
  request.fields = {{"content-type", "application/json"},
                    {"accept", plan.upstream_stream ? "text/event-stream" : "application/json"},
                    {"accept-encoding", "identity"},
                    {"traceparent", traceparent}};
  if (const auto state = exchange.head().fields.find("tracestate")) {
    request.fields.push_back({"tracestate", *state});
  }
  std::string b3;
  if (exchange.head().fields.find("b3") || exchange.head().fields.find("x-b3-traceid")) {
    b3 = record.trace.b3();
    request.fields.push_back({"b3", b3});
  }
  if (!engine.api_key().empty()) {
    authorization = fmt::format("Bearer {}", engine.api_key().reveal());
    request.fields.push_back({"authorization", authorization});
  }
  const rt::Until until{plan.total, &exchange.client_gone()};
  Result<void> sent = co_await call.send(request, until);
  // A long answer should not hold a long prompt.
  if (sent && !plan.may_move()) give_buffer(plan.request.body);
  co_return sent;
}

metering::Intent CompletionService::intent_of(const Plan& plan, const Admission& admission,
                                              const RequestRecord& record) const {
  const identity::Caller& caller = *record.caller;
  return {.request = record.id,
          .tenant = caller.tenant().id,
          .project = caller.project().id,
          .key = caller.key().id,
          .model = std::string(record.model_name()),
          .engine = std::string(record.engine->name()),
          .operation = *record.operation,
          .streamed = plan.request.stream,
          .prompt_estimate = plan.request.prompt_tokens_estimate,
          .output_max = plan.request.output_max.value_or(0),
          .opened_at = record.began_wall,
          .price = admission.price(),
          .currency = caller.tenant().currency,
          .model_revision = record.model_revision(),
          .user = caller.key().owner.value_or(""),
          .cost_centre = caller.project().cost_centre,
          .reserved_tokens = admission.held_tokens(),
          .input_characters = admission.input_characters(),
          .idempotency = plan.idempotency};
}

}  // namespace sovmesh::gateway
