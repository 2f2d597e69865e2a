#include "gateway/relay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "gateway/engine_answer.h"
#include "gateway/exchange_reply.h"
#include "gateway/replay.h"
#include "http/error_reply.h"

namespace sovmesh::gateway {
namespace {

metering::Finish to_finish(llmapi::FinishReason reason) {
  switch (reason) {
    case llmapi::FinishReason::length:
      return metering::Finish::length;
    case llmapi::FinishReason::tool_calls:
      return metering::Finish::tool_calls;
    case llmapi::FinishReason::content_filter:
      return metering::Finish::content_filter;
    default:
      return metering::Finish::stop;
  }
}

// "chatcmpl-..." / "cmpl-...": the request's own id, as an answer carries it.
std::string reply_id(const RelayJob& job) {
  std::string id = job.form.operation == llmapi::Operation::chat ? "chatcmpl-" : "cmpl-";
  append_hex(id, job.record->id.value.bytes());
  return id;
}

llmapi::ReplyIdentity identity_of(const RelayJob& job, std::string_view id) {
  const auto created =
      std::chrono::duration_cast<std::chrono::seconds>(job.record->began_wall.time_since_epoch());
  return {.id = id,
          .public_model = job.record->model_name(),
          .created = created.count(),
          .hide_cached = false};
}

// "1.234"
std::string milliseconds_text(std::chrono::nanoseconds time) {
  const std::int64_t micros = std::max<std::int64_t>(0, (time.count() + 500) / 1'000);
  std::string text = fmt::format_int(micros / 1'000).str() + ".000";
  const auto last = text.end() - 1;
  last[0] = static_cast<char>('0' + micros % 10);
  last[-1] = static_cast<char>('0' + micros / 10 % 10);
  last[-2] = static_cast<char>('0' + micros / 100 % 10);
  return text;
}

// "tenant:aurora": the limit that ended an answer.
std::string limit_text(const Error& dry) {
  return dry.details() ? dry.details()->scope : std::string(name(dry.code()));
}

http::ResponseHead plain_head(const RelayJob& job) {
  http::ResponseHead head;
  add_model_fields(head, *job.record, job.record->shown_model());
  const auto ours = job.worker.loop.clock().now() - job.record->began - job.record->engine_time -
                    job.record->queue_wait;
  head.add("x-sm-overhead-ms", milliseconds_text(ours));
  if (job.record->dry) head.add("x-sm-limit", limit_text(*job.record->dry));
  return head;
}

metering::Counts to_counts(const llmapi::TokenCounts& counts, std::int64_t delivered) {
  metering::Counts out;
  out.prompt = counts.prompt;
  out.cached = counts.cached;
  out.generated = counts.generated;
  out.reasoning = counts.reasoning;
  out.delivered = delivered;
  switch (counts.source) {
    case llmapi::CountSource::engine_final:
      out.source = metering::Source::engine_final;
      break;
    case llmapi::CountSource::engine_live:
      out.source = metering::Source::engine_live;
      break;
    case llmapi::CountSource::floor:
      out.source = metering::Source::floor;
      break;
  }
  return out;
}

// Whether it works on the whole of each prompt, and says only with its first token how long it was.
bool counts_late(llmapi::Dialect dialect) {
  return dialect == llmapi::Dialect::vllm || dialect == llmapi::Dialect::sglang;
}

// What is to be paid for so far. A prompt that its engine has accepted and not yet counted is what
// it has at least, at the price of cached tokens: all of it may have been.
metering::Counts owed(const RelayJob& job, const llmapi::TokenCounts& counts,
                      std::int64_t delivered) {
  metering::Counts out = to_counts(counts, delivered);
  if (job.is_accepted && out.source == metering::Source::floor && counts_late(dialect_of(job)))
    out.prompt = out.cached = job.prompt_floor;
  return out;
}

metering::Settlement settlement_of(const RelayJob& job, const llmapi::TokenCounts& counts,
                                   std::int64_t delivered, metering::Finish finish) {
  metering::Settlement settlement;
  const bool has_failed = finish == metering::Finish::upstream_error;
  settlement.counts = has_failed ? to_counts(counts, delivered) : owed(job, counts, delivered);
  settlement.finish = finish;
  settlement.drift = counts.source == llmapi::CountSource::engine_final &&
                     counts.live_generated >= 0 &&
                     metering::drifts(counts.generated, counts.live_generated);
  settlement.settled_at = job.services.clock.wall_now();
  return settlement;
}

bool is_out_of_time(const RelayJob& job) { return job.total.passed(job.worker.loop.now()); }

// Whether its own side ended the request: the client, an administrator, the time that it may take
// (nobody gets an engine's work for nothing by a short x-sm-timeout-ms), an answer that is more
// than it can have at once.
bool was_given_up(const RelayJob& job, const Error& error) {
  return error.code() == Code::client_closed || error.code() == Code::invalid_api_key ||
         error.code() == Code::request_too_large ||
         (error.code() == Code::upstream_timeout && is_out_of_time(job));
}

// Whether its length says how long such answers are.
bool is_whole(metering::Finish finish) {
  return finish == metering::Finish::stop || finish == metering::Finish::tool_calls ||
         finish == metering::Finish::length;
}

// What it costs. Where time is money the ledger may say a little more: it closes the row later.
metering::Charge charge_of(const RelayJob& job, const metering::Settlement& settlement) {
  return job.admission.charge(settlement, job.services.clock.now() - job.record->began);
}

// Its first token has come. Some engines say what was cached with the last one only.
void note_first_token(RelayJob& job, const llmapi::TokenCounts& counts) {
  const std::int64_t prompt = counts.prompt > 0 ? counts.prompt : job.seat.input_tokens();
  const bool is_told = counts.cached > 0 || !counts_late(dialect_of(job));
  const std::int64_t cached = is_told ? counts.cached : job.seat.cached_expected();
  job.attempts.first_token(job.worker.loop.clock().now() - job.dispatched,
                           std::max<std::int64_t>(prompt - cached, 1));
}

SeatUsage seat_usage(const metering::Counts& counts) {
  return {.input_tokens = counts.prompt,
          .cached_tokens = counts.cached,
          .output_tokens = counts.generated};
}

// It gives way, and is begun again: its tenant's share is charged for what was made, and nobody
// pays for it.
void leave_place(RelayJob& job, const llmapi::TokenCounts& so_far) {
  job.call->cancel();
  if (so_far.generated > 0) job.seat.note_own_cache();
  job.seat.note_usage(seat_usage(to_counts(so_far, 0)));
  job.row.start_over();
}

// Closes the row, frees what was held of limits, and says in the record how the request ended.
void settle(RelayJob& job, const metering::Settlement& settlement, const metering::Charge& charge,
            const std::optional<Digest>& digest) {
  RequestRecord& record = *job.record;
  job.plan.reset();
  record.engine_time = job.services.clock.now() - job.dispatched;
  const auto& price = job.admission.price();
  record.answer = std::make_unique<const RequestRecord::Answer>(settlement, digest, charge,
                                                                price ? price->id() : "");
  // The first token comes after the whole prompt.
  if (settlement.counts.generated > 0) job.seat.note_own_cache();
  job.seat.note_usage(seat_usage(settlement.counts));
  job.admission.settle(settlement.counts, charge, settlement.settled_at);
  if (is_whole(settlement.finish)) {
    job.services.tariff.estimates.observe(record.caller->tenant().id, record.model_name(),
                                          settlement.counts.generated);
    job.attempts.succeeded(settlement.counts.prompt - settlement.counts.cached);
  }
  std::move(job.row).settle(settlement);
}

// Nothing is left of the limits for what would come now: the answer ends here. True once.
bool runs_dry(RelayJob& job, const llmapi::TokenCounts& so_far) {
  if (!job.admission.is_limited()) return false;
  Result<void> covered = job.admission.cover(to_counts(so_far, 0), job.services.clock.wall_now());
  if (covered) return false;
  job.record->dry = std::make_unique<const Error>(std::move(covered).error());
  return true;
}

// Somebody waits who is guaranteed its place, and it has had what it may have then: the answer ends
// here. True once.
bool is_cut_short(RelayJob& job, std::int64_t generated) {
  if (job.seat.leeway() != fairness::Leeway::cut || !job.seat.is_wanted(generated)) return false;
  if (!job.seat.give_way()) return false;
  job.record->dry = std::make_unique<const Error>(
      Error(Code::overloaded, Blame::us,
            "The answer ends here: another tenant waits for its guaranteed share of the engines.")
          .with_details({.scope = "guarantee", .limit = {}, .reset_at = {}}));
  return true;
}

metering::Finish finish_of(const Error& error) {
  switch (error.code()) {
    case Code::client_closed:
      return metering::Finish::client_closed;
    case Code::invalid_api_key:
      return metering::Finish::revoked;
    case Code::overloaded:  // ours: the drain; an engine's: it was too busy
      return error.blame() == Blame::us ? metering::Finish::drained
                                        : metering::Finish::upstream_error;
    case Code::upstream_timeout:
    case Code::first_token_timeout:
      return metering::Finish::upstream_timeout;
    case Code::metering_unavailable:
    case Code::request_too_large:  // its answer, for us
      return metering::Finish::aborted;
    default:
      return metering::Finish::upstream_error;
  }
}

// How a request ends that failed. Who got an error and no token owes nothing, whatever an engine
// has counted, unless he has given up himself.
metering::Settlement failure_of(const RelayJob& job, const llmapi::TokenCounts& counts,
                                std::int64_t delivered, const Error& error) {
  metering::Settlement end = settlement_of(job, counts, delivered, finish_of(error));
  if (delivered > 0 || was_given_up(job, error)) return end;
  end.counts = {};
  end.drift = false;
  return end;
}

// An engine may repeat what it was sent: our key to it is none of a client's business.
Error without_key(Error error, const RelayJob& job) {
  const std::string_view key = job.seat.engine().api_key().reveal();
  if (key.empty() || !error.message().contains(key)) return error;
  return {error.code(), error.blame(), "The model's engine refused the request."};
}

template <class T>
bool is_client_gone(const Result<T>& result) {
  return !result && result.error().code() == Code::client_closed;
}

// A connection that has carried a failure is not used again, even when its framing was perfect;
// what an engine says against the client's request is no failure of its own.
void drop_call(RelayJob& job, const Error& error) {
  const bool is_about_request =
      error.blame() == Blame::client && error.code() != Code::client_closed &&
      error.code() != Code::request_too_large && error.code() != Code::invalid_api_key;
  if (!is_about_request) job.call->cancel();
}

// True: the row stays open for the answer of another engine.
bool may_go_elsewhere(const RelayJob& job, const Error& error) {
  return job.plan && job.plan->may_move() && !job.client.committed() && !is_out_of_time(job) &&
         may_be_better_elsewhere(error);
}

// No other engine is asked.
void note_failure(RelayJob& job, const Error& error) {
  if (error.blame() == Blame::upstream) job.seat.engine().suspect();
  // Who sets a short time may find any engine late.
  const auto seen = what_it_shows(error, job.seat.engine(), job.has_answered);
  if (seen && !is_out_of_time(job)) job.attempts.failed(*seen, true);
}

// The digest of an answer: docs/digests.md. One choice: the HMAC of its text; several: the HMAC of
// their HMACs in order of index.
class DigestSink : public llmapi::TextSink {
 public:
  explicit DigestSink(const HmacKey* key) : key_(key) {}
  void text(std::size_t choice, std::string_view piece) override {
    if (key_ == nullptr || choice >= kChoicesMax) return;
    if (closed_) return;
    while (streams_.size() <= choice)
      streams_.emplace_back(*key_);
    streams_[choice].update(piece);
  }
  void close() { closed_ = true; }  // what follows is nobody's answer
  // At the end, once; nothing without a key.
  std::optional<Digest> digest() {
    if (key_ == nullptr) return std::nullopt;
    if (streams_.empty()) streams_.emplace_back(*key_);
    if (streams_.size() == 1) return streams_.front().finish();
    std::string all;
    for (auto& stream : streams_) {
      const Digest digest = stream.finish();
      all.append(digest.begin(), digest.end());
    }
    return key_->of(all);
  }

 private:
  static constexpr std::size_t kChoicesMax = 128;
  const HmacKey* key_;
  std::vector<HmacKey::Stream> streams_;
  bool closed_ = false;
};

rt::Task<void> keep_answer(RelayJob& job, std::string body) {
  return job.replays->keep(*job.record->caller, job.record->id, std::move(body), job.worker.loop);
}

// Until the row has these counts on the disk: what a crash would lose must not go out before. A
// ledger that cannot write keeps nobody from an answer that its engine has made: false, which the
// log says where `is_news`.
rt::Task<bool> save_counts(RelayJob& job, metering::Counts counts, rt::Deadline deadline,
                           bool is_news) {
  const rt::Until until{deadline.earlier(job.total), &job.exchange.client_gone()};
  const Result<void> saved = co_await job.row.save(counts, job.worker.loop, until);
  if (saved) co_return true;
  if (saved.error().code() == Code::cancelled || !is_news) co_return false;
  job.services.metrics.unsaved_answers.add();
  observe::LogLine line = job.services.log.line(observe::Level::warning, "answer_unsaved");
  line.add("request_id", shown_id(job.record->id)).add("message", saved.error().message());
  job.services.log.write(std::move(line));
  co_return false;
}

// One streamed answer, engine to client. bring() is the story; the rest answers questions.
class StreamRelay {
 public:
  SM_OFF_FRAME explicit StreamRelay(RelayJob& job)
      : job_(job),
        sink_(job.record->caller->tenant_entry().digest_key.get()),
        translator_(job.form.operation, dialect_of(job), identity_of(job, reply_id(job)),
                    job.form.include_usage, &sink_,
                    {.prompts = job.form.inputs, .choices = job.form.choices}, job.form.ending),
        watch_(job),
        client_(job.client),
        pump_(job, watch_),
        kept_(job.replays != nullptr ? std::make_unique<Kept>(job) : nullptr),
        out_(job.worker.translated) {}

  rt::Task<Result<void>> bring() {
    CO_TRY_VOID(co_await begin());
    for (;;) {
      Result<Next> next = advance();
      if (next && *next == Next::behind) next = co_await catch_up();
      if (next && *next == Next::end) co_return co_await complete();
      if (next && *next == Next::engine) {
        const rt::Wake wake = co_await job_.call->readable().wait(watch_.until());
        if (wake != rt::Wake::ready) next = look_up(wake);
      }
      if (next) continue;
      co_await send_last_good();
      co_return fail(std::move(next).error());
    }
  }

  // After the client has gone: counts what the engine had sent.
  SM_OWN_FRAME rt::Task<void> count_what_came() {
    sink_.close();
    const auto count = [this](std::string_view data) {
      Result<llmapi::StreamTranslator::Outcome> outcome = translator_.on_event(data, false, out_);
      out_.clear();
      return outcome;
    };
    co_await pump_.take_what_came(count);
  }

  // The client has all of it.
  SM_OWN_FRAME rt::Task<void> keep() {
    if (!kept_) co_return;
    Result<llmapi::PlainReply> whole =
        job_.record->dry ? Result<llmapi::PlainReply>(
                               kept_->assembler.cut(http::error_object(*job_.record->dry)))
                         : kept_->assembler.finish();
    if (whole) co_await keep_answer(job_, std::move(whole->body));
  }

  SM_OFF_FRAME void settle(const Result<void>& brought) {
    const llmapi::TokenCounts counts = translator_.counts();
    const metering::Settlement end =
        brought ? settlement_of(job_, counts, delivered_, to_finish(translator_.finish_reason()))
                : failure_of(job_, counts, delivered_, brought.error());
    gateway::settle(job_, end, charge_of(job_, end), sink_.digest());
  }

 private:
  // What an open stream does next: go on, wait for the engine, for a client or books that are
  // behind, end.
  enum class Next : std::uint8_t { step, engine, behind, end };

  SM_OWN_FRAME rt::Task<Result<void>> begin() {
    const auto on_wait = [this](rt::Wake wake) { return look_up(wake); };
    CO_TRY(const http::ClientResponseHead head, co_await good_head(job_, watch_, on_wait));
    if (!is_event_stream(head)) co_return fail(co_await explain_plain_answer(job_, watch_));
    pump_.began();
    note_progress();
    co_return Result<void>();
  }

  // One step, without a wait. After an error out_ holds what was good.
  SM_OFF_FRAME Result<Next> advance() {
    out_.clear();
    TRY(const EventPump::Step step,
        pump_.step([this](std::string_view data) { return on_event(data); }));
    if (pump_.done()) return Next::end;
    if (out_.size() > http::Exchange::kBufferMax || is_ahead_of_books()) return Next::behind;
    TRY_VOID(send_translated());
    note_progress();
    TRY_VOID(watch_.look_up_if_due());
    if (job_.exchange.buffered() > 0) return Next::behind;
    return step == EventPump::Step::events ? Next::step : Next::engine;
  }

  SM_OFF_FRAME Result<llmapi::StreamTranslator::Outcome> on_event(std::string_view data) {
    using Outcome = llmapi::StreamTranslator::Outcome;
    if (job_.record->dry) return Outcome::skip;
    TRY(const Outcome outcome, translator_.on_event(data, false, out_));
    if (kept_ && !kept_->assembler.on_event(data, false)) kept_.reset();
    if (outcome != Outcome::emit) return outcome;
    if (is_cut_short(job_, translator_.delivered())) return Outcome::done;
    if (translator_.delivered() <= covered_ || !job_.admission.is_limited()) return outcome;
    const llmapi::TokenCounts counts = translator_.counts();
    if (runs_dry(job_, counts)) return Outcome::done;
    // What the prompt took is known with the first tokens, if then.
    covered_ = counts.generated == 0 ? 0 : job_.admission.held_output();
    return outcome;
  }

  // A step whose events the client does not take at once.
  SM_OWN_FRAME rt::Task<Result<Next>> catch_up() {
    CO_TRY_VOID(co_await send_burst());
    note_progress();
    CO_TRY_VOID(watch_.look_up_if_due());
    if (job_.exchange.buffered() > 0) CO_TRY_VOID(co_await client_has_room());
    co_return Next::engine;
  }

  SM_OWN_FRAME rt::Task<Result<void>> complete() {
    if (job_.record->dry) {
      job_.call->cancel();
      translator_.cut(http::error_object(*job_.record->dry), out_);
    } else if (Result<void> ended = translator_.finish(out_); !ended) {
      co_await send_last_good();
      co_return ended;
    }
    CO_TRY_VOID(co_await send_burst());
    note_progress();
    CO_TRY_VOID(co_await job_.exchange.finish());
    co_return Result<void>();
  }

  SM_OWN_FRAME rt::Task<Result<void>> client_has_room() {
    const rt::Wake wake = co_await job_.exchange.drained().wait(watch_.client_until());
    co_return watch_.after_client(wake);
  }

  // What came with a failure is good, and wanted by a client that has seen the beginning. One that
  // has seen nothing gets a status instead.
  SM_OWN_FRAME rt::Task<void> send_last_good() {
    if (client_.committed()) (void)co_await send_burst();
    out_.clear();
  }

  Result<void> send_translated() {
    TRY_VOID(client_.flush(out_));
    delivered_ = translator_.delivered();
    return {};
  }

  // Whether a crash would lose too much of what is to go out now.
  bool is_ahead_of_books() const {
    const std::int64_t durable = job_.row.durable();
    return translator_.delivered() - durable > store::OpenRow::kUnsavedMax && durable >= unsaved_;
  }
  // The engine waits meanwhile. After a wait in vain the stream goes on without, until the ledger
  // writes again.
  SM_OWN_FRAME rt::Task<Result<void>> wait_for_books() {
    constexpr std::chrono::milliseconds longest{1'000};
    std::string held = std::exchange(out_, {});  // nothing stays in the scratch over a wait
    const metering::Counts counts = owed(job_, translator_.counts(), delivered_);
    const bool saved =
        co_await save_counts(job_, counts, job_.worker.loop.in(longest), unsaved_ == 0);
    if (job_.exchange.client_gone().is_set()) co_return watch_.after(rt::Wake::cancelled);
    if (!saved) unsaved_ = std::max<std::int64_t>(counts.generated, 1);
    watch_.noted(counts.generated);
    watch_.saw_event();  // it was not the engine that was silent
    out_ = std::move(held);
    co_return Result<void>();
  }

  // Terse events grow when they are translated: what one read brings may be more than a connection
  // may hold back. It goes out in parts, as the client takes them.
  SM_OWN_FRAME rt::Task<Result<void>> send_burst() {
    if (is_ahead_of_books()) CO_TRY_VOID(co_await wait_for_books());
    constexpr std::size_t kPart = http::Exchange::kBufferMax;
    if (out_.size() <= kPart) co_return send_translated();
    const std::string burst = std::exchange(out_, {});  // nothing stays in the scratch over a wait
    for (std::size_t at = 0; at < burst.size(); at += kPart) {
      out_.assign(burst, at, kPart);
      CO_TRY_VOID(client_.flush(out_));
      if (job_.exchange.buffered() > 0) CO_TRY_VOID(co_await client_has_room());
    }
    delivered_ = translator_.delivered();
    co_return Result<void>();
  }

  // After a wait for the engine that brought nothing: a client that has waited long enough gets its
  // status and keep-alives.
  SM_OFF_FRAME Result<Next> look_up(rt::Wake wake) {
    TRY_VOID(watch_.after(wake));
    if (watch_.is_quiet()) {
      translator_.rest();
      pump_.rest();
    }
    if (watch_.wants_comment(client_.committed())) {
      TRY_VOID(client_.comment());
      job_.show();
      watch_.commented();
    }
    return Next::step;
  }

  void note_progress() {
    if (client_.committed()) job_.show();
    if (translator_.text_started() && !job_.record->first_token) {
      job_.record->first_token = job_.worker.loop.clock().now() - job_.record->began;
      note_first_token(job_, translator_.counts());
    }
    job_.seat.note_tokens(translator_.delivered(), job_.worker.loop.now());
    const std::int64_t prompt =
        delivered_ == 0 ? owed(job_, translator_.counts(), delivered_).prompt : 0;
    if (const auto haste = watch_.checkpoint_due(delivered_, prompt)) note_checkpoint(*haste);
  }

  void note_checkpoint(store::Haste haste) {
    job_.row.checkpoint(owed(job_, translator_.counts(), delivered_), haste);
    note_live_tokens(*job_.record, job_.services, delivered_, job_.worker.loop.now());
  }

  // A stream that is kept is also put together.
  struct Kept {
    explicit Kept(const RelayJob& job)
        : id(reply_id(job)), assembler(job.form, dialect_of(job), identity_of(job, id), nullptr) {}
    std::string id;
    llmapi::StreamAssembler assembler;
  };

  RelayJob& job_;
  DigestSink sink_;
  llmapi::StreamTranslator translator_;
  RelayWatch watch_;
  ClientStream& client_;
  EventPump pump_;
  std::unique_ptr<Kept> kept_;  // null: it is not kept
  // The worker's scratch: filled by translate() and emptied before anything else can run, so that
  // no stream ever meets another's text.
  std::string& out_;            // translated, not yet handed to the client's connection
  std::int64_t delivered_ = 0;  // tokens in what was handed over
  std::int64_t covered_ = -1;   // so many are covered by what is held of the limits
  std::int64_t unsaved_ = 0;    // the books could not be waited for when there were so many
};

}  // namespace

rt::Task<Result<void>> relay_stream(RelayJob& job) {
  StreamRelay relay(job);
  Result<void> brought = co_await relay.bring();
  if (is_client_gone(brought)) co_await relay.count_what_came();
  if (!brought && job.seat.is_left()) {
    leave_place(job, {});
    co_return brought;
  }
  if (!brought) {
    brought = fail(without_key(std::move(brought).error(), job));
    drop_call(job, brought.error());
    if (may_go_elsewhere(job, brought.error())) co_return brought;
    note_failure(job, brought.error());
  }
  // Before the row is closed: who repeats the request meanwhile is told to come back.
  if (brought) co_await relay.keep();
  relay.settle(brought);
  if (brought || !job.client.committed()) co_return brought;
  co_await job.client.fail(std::move(brought).error());
  co_return Result<void>();
}

namespace {

rt::Task<Result<llmapi::PlainReply>> assemble(RelayJob& job, llmapi::StreamAssembler& assembler,
                                              RelayWatch& watch, EventPump& pump) {
  const auto on_wait = [&watch](rt::Wake wake) { return watch.after(wake); };
  CO_TRY(const http::ClientResponseHead head, co_await good_head(job, watch, on_wait));
  if (!is_event_stream(head)) co_return fail(co_await explain_plain_answer(job, watch));
  pump.began();
  bool has_begun = false;
  const auto checkpoint = [&] {
    const metering::Counts counts = owed(job, assembler.counts(), 0);
    if (counts.generated > 0 && !std::exchange(has_begun, true))
      note_first_token(job, assembler.counts());
    job.seat.note_tokens(counts.generated, job.worker.loop.now());
    if (const auto haste = watch.checkpoint_due(counts.generated, counts.prompt))
      job.row.checkpoint(counts, *haste);
  };
  checkpoint();
  const auto take = [&assembler](std::string_view data) { return assembler.on_event(data, false); };
  for (;;) {
    CO_TRY(const EventPump::Step step, pump.step(take));
    if (pump.done()) break;
    CO_TRY_VOID(watch.look_up_if_due());
    if (is_cut_short(job, assembler.counts().generated) || runs_dry(job, assembler.counts())) {
      job.call->cancel();
      co_return assembler.cut(http::error_object(*job.record->dry));
    }
    checkpoint();
    if (step == EventPump::Step::events) continue;
    const rt::Wake wake = co_await job.call->readable().wait(watch.until());
    CO_TRY_VOID(watch.after(wake));
  }
  co_return assembler.finish();
}

rt::Task<Result<llmapi::PlainReply>> read_plain(RelayJob& job, RelayWatch& watch,
                                                llmapi::TextSink& sink) {
  const auto on_wait = [&watch](rt::Wake wake) { return watch.after(wake); };
  CO_TRY(const http::ClientResponseHead head, co_await good_head(job, watch, on_wait));
  CO_TRY(const std::string body,
         co_await read_rest(job, watch, Rest::answer, head.content_length.value_or(0)));
  const std::string id = reply_id(job);
  co_return llmapi::translate_plain(job.form, dialect_of(job), unpadded(body), identity_of(job, id),
                                    &sink);
}

// The common end of answers that go out whole.
rt::Task<Result<void>> deliver(RelayJob& job, Result<llmapi::PlainReply> reply, DigestSink& sink,
                               llmapi::TokenCounts so_far) {
  job.record->engine_time =
      job.worker.loop.clock().now() - job.record->began - job.record->queue_wait;
  if (!reply && job.seat.is_left()) {
    leave_place(job, so_far);
    co_return fail(std::move(reply).error());
  }
  if (!reply) {
    reply = fail(without_key(std::move(reply).error(), job));
    drop_call(job, reply.error());
    if (may_go_elsewhere(job, reply.error())) co_return fail(std::move(reply).error());
    note_failure(job, reply.error());
    const metering::Settlement end = failure_of(job, so_far, 0, reply.error());
    settle(job, end, charge_of(job, end), std::nullopt);
    co_return fail(std::move(reply).error());
  }
  const llmapi::TokenCounts counts = reply->counts;
  if (counts.generated > store::OpenRow::kUnsavedMax)
    (void)co_await save_counts(job, to_counts(counts, 0), job.total, true);
  metering::Settlement end = settlement_of(job, counts, counts.generated, to_finish(reply->finish));
  metering::Charge charge = charge_of(job, end);
  http::ResponseHead head = plain_head(job);
  if (job.admission.price()) {
    head.add("x-sm-cost-micro", fmt::format_int(charge.cost_micro).str());
  }
  std::string kept = job.replays != nullptr ? reply->body : std::string();
  Result<void> sent;
  if (job.exchange.client_gone().is_set()) {
    sent = fail(client_gone());
  } else {
    sent = co_await reply_json(job.exchange, *job.record, std::move(head), std::move(reply->body));
  }
  // Whoever lost it on the way finds it; before the row is closed, as in relay_stream().
  if (job.replays != nullptr) co_await keep_answer(job, std::move(kept));
  if (!sent) {  // made and paid for, and nobody got it
    end.counts.delivered = 0;
    end.finish = metering::Finish::client_closed;
    charge = charge_of(job, end);
  }
  settle(job, end, charge, sent ? sink.digest() : std::nullopt);
  co_return sent;
}

}  // namespace

rt::Task<Result<void>> relay_assembled(RelayJob& job) {
  const std::string id = reply_id(job);
  DigestSink sink(job.record->caller->tenant_entry().digest_key.get());
  llmapi::StreamAssembler assembler(job.form, dialect_of(job), identity_of(job, id), &sink);
  RelayWatch watch(job);
  EventPump pump(job, watch);
  Result<llmapi::PlainReply> reply = co_await assemble(job, assembler, watch, pump);
  if (is_client_gone(reply)) {
    const auto take = [&assembler](std::string_view data) {
      return assembler.on_event(data, false);
    };
    co_await pump.take_what_came(take);
  }
  co_return co_await deliver(job, std::move(reply), sink, assembler.counts());
}

rt::Task<Result<void>> relay_plain(RelayJob& job) {
  DigestSink sink(job.record->caller->tenant_entry().digest_key.get());
  RelayWatch watch(job);
  Result<llmapi::PlainReply> reply = co_await read_plain(job, watch, sink);
  co_return co_await deliver(job, std::move(reply), sink, llmapi::TokenCounts{});
}

void settle_unanswered(RelayJob& job, const Error& error) {
  const metering::Settlement end = failure_of(job, {}, 0, error);
  settle(job, end, charge_of(job, end), std::nullopt);
}

bool may_be_better_elsewhere(const Error& error) {
  if (error.blame() != Blame::upstream) return false;
  switch (error.code()) {
    case Code::upstream_error:
    case Code::upstream_invalid_response:
    case Code::upstream_timeout:
    case Code::first_token_timeout:
      return true;
    default:
      return false;
  }
}

rt::Task<void> read_to_end(http::ClientCall& call, rt::Loop& loop) {
  constexpr std::chrono::milliseconds patience{20};
  const rt::Until until{loop.in(patience), nullptr};
  for (;;) {
    const auto piece = call.try_read();
    if (!piece || piece->kind == http::BodyPiece::Kind::end) co_return;
    if (piece->kind == http::BodyPiece::Kind::data) {
      call.cancel();
      co_return;
    }
    if (co_await call.readable().wait(until) != rt::Wake::ready) co_return;
  }
}

}  // namespace sovmesh::gateway
