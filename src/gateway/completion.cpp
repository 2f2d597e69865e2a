#include "gateway/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/buffer_cache.h"
#include "base/bytes.h"
#include "gateway/engine_call.h"
#include "gateway/exchange_reply.h"
#include "gateway/mirror.h"
#include "gateway/replay.h"
#include "gateway/tenant_settings.h"
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

// When the client of a stream gets its status and a sign of life, whatever it waits for.
std::optional<Instant> commit_time(bool streams, const catalog::Model& model,
                                   const RequestRecord& record) {
  if (!streams || !model.commit_after) return std::nullopt;
  return record.began + *model.commit_after;
}

// What went wrong, as a status or inside the stream that has begun.
SM_OWN_FRAME rt::Task<void> tell(http::Exchange& exchange, ClientStream& client,
                                 RequestRecord& record, Error error) {
  if (!client.committed()) {
    co_await reply_error(exchange, record, std::move(error));
  } else if (exchange.client_gone().is_set()) {
    co_await client.fail(client_gone());
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
  if (plan.refusal) co_return co_await answer_refused(exchange, plan, client, *record);
  std::optional<KeepAlive> keep_alive;  // until the relay sees to it
  if (const auto begin = commit_time(plan.request.stream, *plan.model, *record))
    keep_alive.emplace(exchange.loop(), client, *begin, settings_.keep_alive_comment);
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
  Attempts attempts(services_.health, record->caller->tenant().id, plan.body_digest);
  Seat seat;
  std::unique_ptr<http::ClientCall> call;
  const Ask ask{exchange, worker, plan, attempts, admission, seat, call, *record};
  CO_TRY_VOID(co_await take_seat(ask));

  const rt::Until until{plan.total, &exchange.client_gone()};
  store::OpenRow row;
  if (plan.idempotency) {
    // A second engine call is impossible only if the first one is on disk before it is made.
    claim.hand_over();
    CO_TRY(row,
           co_await services_.ledger.open(intent_of(plan, admission, *record), worker.loop, until));
  }
  if (Result<void> sent = co_await send(ask); !sent) {
    if (row.is_open()) std::move(row).void_unused();
    co_return sent;
  }
  const Instant dispatched = services_.clock.now();
  if (row.is_open() && attempts.made() > 1) {
    Result<void> amended =
        co_await row.amend(intent_of(plan, admission, *record), worker.loop, until);
    if (!amended) {
      std::move(row).settle({.finish = metering::Finish::aborted});  // an engine has seen it
      co_return amended;
    }
  }
  start_copy(services_, settings_, worker, plan, *record);
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
      services_, settings_, worker, exchange, std::move(record), client, plan.model, plan.times,
      plan.request, plan.upstream_stream, std::move(admission), std::move(seat), std::move(call),
      std::move(row), dispatched, plan.total, replays, std::move(attempts),
      plan.request.prompt_tokens_floor);
  if (plan.is_needed()) job->plan = std::make_unique<Plan>(std::move(plan));
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
    const bool was_connected = sent || gateway::was_connected(sent.error());
    if (was_connected) ask.record.note_sent();
    if (sent || sent.error().code() == Code::cancelled) co_return sent;
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
  const auto seen = what_it_shows(failed, *from, has_answered);
  // Its own deadline may be shorter than what any engine can do.
  const bool is_late = ask.plan.total.passed(now);
  if (seen && !is_late && ask.attempts.failed(*seen, was_accepted))
    co_return fail(std::move(failed).with_should_retry(false));
  const bool may_go = !was_accepted || ask.plan.may_move();
  if (!may_go || is_late || !may_be_better_elsewhere(failed)) co_return fail(std::move(failed));
  if (ask.plan.engines.size() < 2) co_return co_await fall_back(ask, std::move(failed));

  const auto delay = delay_before(ask, ask.attempts.made_here());
  if (!delay || !ask.attempts.take_retry())
    co_return co_await fall_back(ask, std::move(failed).with_should_retry(false));
  Result<void> seated = co_await change_seat(ask, *delay, from);
  if (seated || seated.error().code() == Code::client_closed) co_return seated;
  co_return co_await fall_back(ask, std::move(failed).with_should_retry(false));
}

rt::Task<Result<void>> CompletionService::change_seat(Ask ask, std::chrono::milliseconds delay,
                                                      const engine::Engine* avoid) const {
  {
    const Seat leave = std::move(ask.seat);
  }  // somebody else may have it meanwhile
  const rt::Until pause{ask.worker.loop.in(delay), &ask.exchange.client_gone()};
  if (!co_await rt::sleep(ask.worker.loop, pause)) co_return fail(client_gone());
  Result<Seat> seat = co_await this->seat(ask.exchange, ask.plan, avoid, ask.record);
  if (!seat && seat.error().code() == Code::cancelled) co_return fail(client_gone());
  CO_TRY(ask.seat, std::move(seat));
  co_return Result<void>();
}

std::optional<std::chrono::milliseconds> CompletionService::delay_before(const Ask& ask,
                                                                         int made) const {
  if (ask.attempts.made() >= kEnginesAskedMax) return std::nullopt;
  const auto left =
      std::chrono::floor<std::chrono::milliseconds>(ask.plan.total.when() - services_.clock.now());
  return routing::retry_delay({}, {.attempts = made, .left = left},
                              services_.random.below(1'000) / 1'000.0);
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
    if (!co_await rt::sleep(loop, until)) co_return fail(client_gone());
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

rt::Task<Result<void>> CompletionService::answer_refused(http::Exchange& exchange, Plan& plan,
                                                         const ClientStream& client,
                                                         RequestRecord& record) const {
  if (!check_books()) co_return fail(*std::move(plan.refusal));
  Result<IdempotencyClaim> claimed =
      IdempotencyClaim::take(services_.ledger, plan.idempotency, record);
  if (!claimed && claimed.error().code() == Code::idempotency_in_progress)
    claimed = co_await claim_when_over(exchange, plan, record);
  if (!claimed && claimed.error().code() == Code::idempotency_in_progress)
    co_return fail(std::move(claimed).error());
  // It was no repeat, and may not run; the claim gives itself back.
  if (!claimed || !claimed->earlier()) co_return fail(*std::move(plan.refusal));
  if (plan.model != nullptr) {
    record.model = plan.model;
    record.route = plan.route;
  }
  record.streamed = plan.request.stream;
  co_return co_await answer_again(exchange, plan.request, client, record, *claimed->earlier());
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
    if (job->plan && job->plan->may_begin_again() && !job->client.committed())
      job->seat.set_leeway(fairness::Leeway::again);
    Result<void> relayed = co_await (job->form.stream       ? relay_stream(*job)
                                     : job->upstream_stream ? relay_assembled(*job)
                                                            : relay_plain(*job));
    if (!relayed && job->plan) {
      relayed = co_await seat_anew(*job, std::move(relayed).error());
      if (relayed) continue;
      if (relayed.error().code() == Code::cancelled) relayed = fail(client_gone());
      settle_unanswered(*job, relayed.error());
    }
    if (relayed) co_await read_to_end(*job->call, job->worker.loop);
    co_await end(std::move(job), std::move(relayed));
    co_return;
  }
}

// Whoever waits again is kept alive as at the first time.
rt::Task<Result<void>> CompletionService::seat_anew(RelayJob& job, Error failed) const {
  std::optional<KeepAlive> keep_alive;
  if (const auto begin = commit_time(job.form.stream, *job.model, *job.record))
    keep_alive.emplace(job.worker.loop, job.client, *begin, settings_.keep_alive_comment);
  co_return co_await (job.seat.is_left() ? begin_again(job) : ask_another(job, std::move(failed)));
}

// The engine has failed before anything of its answer went out, and the row is open. What it has
// counted is of no account.
rt::Task<Result<void>> CompletionService::ask_another(RelayJob& job, Error failed) const {
  const Ask ask{job.exchange,  job.worker, *job.plan, job.attempts,
                job.admission, job.seat,   job.call,  *job.record};
  const bool has_answered = job.has_answered;
  job.forget_answer();
  job.row.start_over();
  job.record->dry.reset();
  CO_TRY_VOID(co_await move_on(ask, std::move(failed), true, has_answered));
  co_return co_await send_anew(job, ask);
}

// To the engine of its seat. The row says which one, of what model and at what price, before
// anything of its answer is delivered.
rt::Task<Result<void>> CompletionService::send_anew(RelayJob& job, Ask ask) const {
  CO_TRY_VOID(co_await send(ask));
  job.dispatched = services_.clock.now();
  job.model = job.plan->model;
  job.times = job.plan->times;
  job.upstream_stream = job.plan->upstream_stream;
  job.prompt_floor = job.plan->request.prompt_tokens_floor;
  const rt::Until until{job.total, &job.exchange.client_gone()};
  co_return co_await job.row.amend(intent_of(*job.plan, job.admission, *job.record),
                                   job.worker.loop, until);
}

// Somebody who is guaranteed its place has that now; its client has got nothing. No engine has
// failed, and none was left by its own will: this counts as no attempt.
rt::Task<Result<void>> CompletionService::begin_again(RelayJob& job) const {
  if (services_.decisions != nullptr) services_.decisions->end(job.record->id, "gave_way");
  job.call.reset();
  job.attempts.take_back();
  job.forget_answer();
  job.plan->has_begun_again = job.record->gave_way = true;
  job.record->queue_wait += services_.clock.now() - job.dispatched;  // in vain, for its client
  const Ask ask{job.exchange,  job.worker, *job.plan, job.attempts,
                job.admission, job.seat,   job.call,  *job.record};
  Result<void> seated = co_await take_seat(ask, std::move(job.seat));
  job.dispatched = services_.clock.now();
  if (!seated) co_return seated;
  co_return co_await send_anew(job, ask);
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
  Result<ChosenModel> found =
      choose_model(caller, wanted, exchange.head(), services_.engines, rollouts.get());
  if (!found)
    co_return plan_refused(exchange.head(), operation, body.bytes(), wanted, record,
                           std::move(found).error());
  const ChosenModel chosen = *std::move(found);
  record.model = chosen.model;
  record.route = chosen.route;
  record.tally = chosen.tally;
  record.is_candidate = chosen.is_candidate;
  const auto* const settings = caller.tenant_entry().settings.get();
  CO_TRY(plan.request, llmapi::parse_request(operation, body.bytes(),
                                             policy_before(settings, policy_of(*chosen.model))));
  // By what the client says: what its tenant sets may be different when it repeats it.
  CO_TRY(plan.idempotency, read_idempotency(exchange.head(), plan.request, caller));
  if (settings != nullptr) {
    Result<void> applied =
        apply_settings(*settings, caller, record.model_name(), policy_of(*chosen.model),
                       services_.clock.wall_now(), plan.request);
    if (!applied && plan.idempotency) {
      plan.refusal = std::move(applied).error();
      co_return plan;
    }
    CO_TRY_VOID(std::move(applied));
  }
  record.streamed = plan.request.stream;
  plan.times = times_of(chosen, plan.request.prompt_tokens_estimate);
  CO_TRY(const auto timeout, timeout_of(exchange.head(), plan.times.total));
  plan.total = exchange.loop().in(timeout);
  CO_TRY(plan.priority, priority_of(exchange.head(), caller.key()));

  CO_TRY_VOID(plan_engines(plan, *chosen.model, services_.engines));
  record.engine = plan.engines.front();
  note_choice(chosen, plan, record);
  if (const HmacKey* key = caller.tenant_entry().digest_key.get()) {
    record.prompt_digest = key->of(plan.request.canonical_prompt());
  }
  plan.body_size = plan.request.body.size();
  CO_TRY_VOID(note_body(plan, record));
  co_return plan;
}

Result<Plan> CompletionService::plan_refused(const http::RequestHead& head,
                                             llmapi::Operation operation, std::string_view body,
                                             std::string_view wanted, RequestRecord& record,
                                             Error refusal) const {
  const auto before = model_of_before(*record.caller, wanted);
  if (!before) return fail(std::move(refusal));
  const auto* const settings = record.caller->tenant_entry().settings.get();
  auto request =
      llmapi::parse_request(operation, body, policy_before(settings, policy_of(*before->model)));
  if (!request) return fail(std::move(refusal));
  const auto key = read_idempotency(head, *request, *record.caller);
  if (!key || !*key) return fail(std::move(refusal));
  Plan plan;
  plan.model = before->model;
  plan.route = before->route;
  plan.request = *std::move(request);
  plan.idempotency = *key;
  plan.refusal = std::move(refusal);
  return plan;
}

Result<void> CompletionService::note_body(Plan& plan, const RequestRecord& record) const {
  if (plan.engines.size() < 2 && !plan.has_fallbacks) return {};  // nothing can be proven
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
                                               const engine::Engine* avoid, RequestRecord& record,
                                               Seat left) const {
  const rt::Until until{plan.total, &exchange.client_gone()};
  Dispatcher& dispatcher = services_.dispatcher;
  rt::Loop& loop = exchange.loop();
  record.priority = plan.priority;
  for (;;) {
    const Instant asked = services_.clock.now();
    SeatRequest wanted = seat_request(plan, record);
    std::erase_if(wanted.engines, [avoid](const auto& engine) { return engine.get() == avoid; });
    Result<Seat> seat = co_await (
        left.is_left() ? dispatcher.seat_again(std::move(left), std::move(wanted), loop, until)
                       : dispatcher.seat(std::move(wanted), loop, until));
    note_decision(plan, record, seat, services_.clock.now() - asked);
    if (seat) record.engine = seat->shared_engine();
    bool was_stopped = false;  // before it was ready: another one may be in service
    if (seat && !seat->engine().is_ready()) {
      Result<void> ready = co_await seat->engine().ensure_ready(exchange.loop(), until);
      if (!ready) {
        if (services_.decisions != nullptr)
          services_.decisions->end(record.id, name(ready.error().code()));
        was_stopped =
            seat->engine().is_out_of_service() && ready.error().code() == Code::no_healthy_backend;
        seat = fail(std::move(ready).error());
      }
    }
    record.queue_wait += services_.clock.now() - asked;
    if (!was_stopped) co_return seat;
  }
}

void CompletionService::note_decision(const Plan& plan, const RequestRecord& record,
                                      Result<Seat>& seat, std::chrono::nanoseconds waited) const {
  if (services_.decisions == nullptr) return;
  Decision::Attempt attempt{
      .version = std::string(record.shown_model()), .why = plan.why, .waited = waited};
  if (seat) {
    attempt.engine = seat->engine().name();
    attempt.seat = seat->take_note();
  } else {
    attempt.outcome = name(seat.error().code());
  }
  Decision whose{.tenant = record.caller->tenant().id,
                 .project = record.caller->project().id,
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
  // Once is enough.
  if (plan.upstream_stream && !plan.has_begun_again) wanted.leeway = fairness::Leeway::cut;
  if (embeds) return wanted;
  wanted.output_max = answers * each_max;
  wanted.output_expected = answers * std::min(each_max, usual);
  wanted.chain = chain_of(request, *plan.model, caller);
  return wanted;
}

rt::Task<Result<void>> CompletionService::dispatch(http::Exchange& exchange, Plan& plan,
                                                   const Seat& seat, http::ClientCall& call,
                                                   const RequestRecord& record) const {
  plan.request.body.resize(plan.body_size);  // without what another engine was told
  complete_for(plan.request, *plan.model, seat, plan.upstream_stream,
               record.caller->tenant_entry().cache_salt);
  EngineCall sending(seat.engine(), plan.request, plan.upstream_stream, plan.times.connect);
  sending.send_once(plan.idempotency.has_value());
  const std::string traceparent = record.trace.traceparent();
  sending.add("traceparent", traceparent);
  if (const auto state = exchange.head().fields.find("tracestate"))
    sending.add("tracestate", *state);
  std::string b3;
  if (exchange.head().fields.find("b3") || exchange.head().fields.find("x-b3-traceid")) {
    b3 = record.trace.b3();
    sending.add("b3", b3);
  }
  const rt::Until until{plan.total, &exchange.client_gone()};
  Result<void> sent = co_await call.send(sending.request(), until);
  // A long answer should not hold a long prompt.
  if (sent && !plan.is_needed() && plan.mirror == nullptr) give_buffer(plan.request.body);
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
