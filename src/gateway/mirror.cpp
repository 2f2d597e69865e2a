#include "gateway/mirror.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "gateway/dispatcher.h"
#include "gateway/engine_answer.h"
#include "gateway/engine_call.h"
#include "gateway/plan.h"
#include "gateway/services.h"
#include "http/sse.h"
#include "llmapi/reply.h"

namespace sovmesh::gateway {
namespace {

using Outcome = Mirrors::Outcome;
using std::chrono::duration_cast;
using std::chrono::microseconds;

// What a copy needs once its request goes its own way.
struct CopyJob {
  const Services& services;
  const Settings& settings;
  WorkerState& worker;
  identity::Caller caller;  // keeps the snapshot that the next two live in
  const catalog::Route& route;
  const catalog::Model& model;
  llmapi::Request request;  // as the first model read it, not completed
  RequestTimes times;
  Seat seat;
  Mirrors::Place place;
  std::shared_ptr<MirrorPair> pair;
};

// Reads an answer and throws it away: how long it took and what it was like.
class CopyRun {
 public:
  explicit CopyRun(CopyJob& job)
      : job_(job), loop_(job.worker.loop), began_(loop_.now()), last_event_(began_) {}

  rt::Task<Outcome> run() {
    Result<void> brought = co_await bring();
    if (stopped_) co_return *stopped_;
    if (!brought && brought.error().blame() == Blame::client) co_return Outcome::unsuited;
    seen_.ended.failed = !brought;
    seen_.total = since(began_);
    job_.pair->copy_ended(seen_);
    if (brought) co_await read_to_end(*call_, loop_);
    co_return brought ? Outcome::answered : Outcome::failed;
  }

 private:
  // A request that comes meanwhile should not wait long for the copy to go.
  static constexpr std::chrono::milliseconds kLookEvery{50};

  rt::Task<Result<void>> bring() {
    // The request itself goes first: reading it again takes time.
    const rt::Until pause{loop_.in(std::chrono::milliseconds(1)), &job_.worker.copies.cancelled()};
    if (!co_await rt::sleep(loop_, pause)) co_return stop(Outcome::cancelled);
    CO_TRY(job_.request, llmapi::parse_again(job_.request, policy_of(job_.model)));
    const engine::Engine& engine = job_.seat.engine();
    streams_ = job_.request.operation != llmapi::Operation::embeddings;
    complete_for(job_.request, job_.model, job_.seat, streams_,
                 job_.caller.tenant_entry().cache_salt);
    const EngineCall sent(engine, job_.request, streams_, job_.times.connect);
    call_ = job_.worker.upstream.call(engine.origin());
    const rt::Until until{rt::Deadline::at(began_ + job_.times.total),
                          &job_.worker.copies.cancelled()};
    began_ = last_event_ = loop_.now();
    if (Result<void> done = co_await call_->send(sent.request(), until); !done) {
      if (done.error().code() == Code::cancelled) stopped_ = Outcome::cancelled;
      co_return done;
    }
    job_.request.body = std::string();
    CO_TRY(const http::ClientResponseHead head, co_await this->head());
    if (head.status != 200) {
      CO_TRY(const std::string body, co_await rest(kErrorBodyMax));
      co_return fail(llmapi::translate_engine_error(head.status, unpadded(body)));
    }
    if (streams_) co_return co_await stream();
    co_return co_await whole();
  }

  rt::Task<Result<http::ClientResponseHead>> head() {
    for (;;) {
      Result<http::ClientResponseHead> head = co_await call_->head(until());
      if (head) co_return head;
      if (head.error().code() == Code::timed_out) {
        CO_TRY_VOID(look(rt::Wake::timed_out));
      } else if (head.error().code() == Code::cancelled) {
        CO_TRY_VOID(look(rt::Wake::cancelled));
      } else {
        co_return head;
      }
    }
  }

  rt::Task<Result<void>> stream() {
    llmapi::StreamTranslator translator(
        job_.request.operation, job_.seat.engine().dialect(), {}, false, nullptr,
        {.prompts = job_.request.inputs, .choices = job_.request.choices});
    http::SseParser parser;
    std::string thrown_away;
    for (bool is_done = false; !is_done;) {
      CO_TRY(const http::BodyPiece piece, call_->try_read());
      if (piece.kind == http::BodyPiece::Kind::end)
        co_return upstream_error(Code::upstream_error, "the engine ended its stream early");
      if (piece.kind == http::BodyPiece::Kind::would_block) {
        const rt::Wake wake = co_await call_->readable().wait(until());
        CO_TRY_VOID(look(wake));
        continue;
      }
      CO_TRY_VOID(look(rt::Wake::ready));
      parser.feed(piece.bytes);
      http::SseEvent event;
      for (;;) {
        CO_TRY(const bool more, parser.next(event));
        if (!more) break;
        CO_TRY(const auto outcome, translator.on_event(event.data, false, thrown_away));
        thrown_away.clear();
        is_done = is_done || outcome == llmapi::StreamTranslator::Outcome::done;
        note_event(translator.text_started());
      }
    }
    CO_TRY_VOID(translator.finish(thrown_away));
    note_end(translator.counts(), translator.finish_reason());
    co_return Result<void>();
  }

  rt::Task<Result<void>> whole() {
    CO_TRY(const std::string body, co_await rest(job_.settings.plain_reply_max));
    CO_TRY(const llmapi::PlainReply reply,
           llmapi::translate_plain(job_.request, job_.seat.engine().dialect(), unpadded(body), {},
                                   nullptr));
    note_end(reply.counts, reply.finish);
    co_return Result<void>();
  }

  // With padding behind it.
  rt::Task<Result<std::string>> rest(std::size_t bytes_max) {
    std::string body;
    for (;;) {
      CO_TRY(const http::BodyPiece piece, call_->try_read());
      if (piece.kind == http::BodyPiece::Kind::end) break;
      if (piece.kind == http::BodyPiece::Kind::would_block) {
        const rt::Wake wake = co_await call_->readable().wait(until());
        CO_TRY_VOID(look(wake));
      } else if (body.size() + piece.bytes.size() > bytes_max) {
        co_return upstream_error(Code::upstream_invalid_response,
                                 "the engine's answer is too large");
      } else {
        body += piece.bytes;
      }
    }
    body.append(http::Body::kPadding, '\0');
    co_return body;
  }

  void note_event(bool has_text) {
    last_event_ = loop_.now();
    has_event_ = true;
    if (has_text && !seen_.ended.first_token) seen_.ended.first_token = since(began_);
  }
  void note_end(const llmapi::TokenCounts& counts, llmapi::FinishReason finish) {
    seen_.ended.output_tokens = counts.generated;
    seen_.ended.refused = finish == llmapi::FinishReason::content_filter;
    if (seen_.ended.first_token && counts.generated > 1) {
      seen_.ended.per_output_token =
          (since(began_) - *seen_.ended.first_token) / (counts.generated - 1);
    }
  }

  microseconds since(Instant when) const { return duration_cast<microseconds>(loop_.now() - when); }
  rt::Deadline silence_ends() const {
    return rt::Deadline::at(last_event_ + (has_event_ ? job_.times.stall : job_.times.first_token));
  }
  rt::Until until() const {
    return {rt::Deadline::at(loop_.now() + kLookEvery), &job_.worker.copies.cancelled()};
  }
  // What the end of a wait means.
  Result<void> look(rt::Wake wake) {
    if (wake == rt::Wake::cancelled) return stop(Outcome::cancelled);
    const Instant now = loop_.now();
    if (now - looked_ >= kLookEvery) {
      looked_ = now;
      if (job_.services.dispatcher.is_wanted(job_.seat)) return stop(Outcome::yielded);
    }
    if (wake == rt::Wake::ready) return {};
    if (silence_ends().passed(now) || now - began_ >= job_.times.total)
      return upstream_error(Code::upstream_timeout, "the copy took too long");
    return {};
  }
  Result<void> stop(Outcome outcome) {
    stopped_ = outcome;
    return our_error(Code::cancelled, "the copy was given up");
  }

  CopyJob& job_;
  rt::Loop& loop_;
  std::unique_ptr<http::ClientCall> call_;
  bool streams_ = true;
  Instant began_;
  Instant last_event_;
  Instant looked_{};
  bool has_event_ = false;
  Mirrors::Seen seen_;
  std::optional<Outcome> stopped_;
};

rt::Task<void> run_copy(std::unique_ptr<CopyJob> job) {
  CopyRun run(*job);
  const Outcome outcome = co_await run.run();
  job->services.mirrors->count_ended(job->route, outcome);
}

SeatRequest seat_of(const Plan& plan, std::vector<std::shared_ptr<engine::Engine>> engines,
                    TenantId tenant) {
  const llmapi::Request& request = plan.request;
  const bool many = request.operation == llmapi::Operation::completion;
  SeatRequest wanted{.engines = std::move(engines), .slots = {.tenant = tenant}};
  wanted.slots.slots = request.candidates * (many ? static_cast<int>(request.inputs) : 1);
  wanted.slots.in_any_slot = request.operation == llmapi::Operation::embeddings;
  return wanted;
}

// The job of a copy. An error: there is none.
std::expected<std::unique_ptr<CopyJob>, Outcome> prepare(const Services& services,
                                                         const Settings& settings,
                                                         WorkerState& worker, const Plan& plan,
                                                         const RequestRecord& record) {
  const catalog::Route& route = *record.route;
  const auto bytes_max = static_cast<std::size_t>(plan.mirror->prompt_bytes_max);
  if (plan.body_size > bytes_max) return std::unexpected(Outcome::too_large);
  const catalog::Model* const model =
      record.caller->directory().models().model(plan.mirror->version);
  if (model == nullptr) return std::unexpected(Outcome::unsuited);
  auto engines = engines_for(plan.request, *model, services.engines);
  if (!engines) {
    const bool is_unsuited = engines.error().blame() == Blame::client;
    return std::unexpected(is_unsuited ? Outcome::unsuited : Outcome::no_room);
  }
  if (services.overload.sheds_batch()) return std::unexpected(Outcome::no_room);
  if (worker.copies.full()) return std::unexpected(Outcome::full);
  auto place = services.mirrors->enter(route, record.caller->directory().models());
  if (!place) return std::unexpected(Outcome::full);
  auto seat = services.dispatcher.spare_seat(
      seat_of(plan, *std::move(engines), record.caller->tenant().id));
  if (!seat) return std::unexpected(Outcome::no_room);
  auto pair = std::make_shared<MirrorPair>(*services.mirrors, route, seat->shared_engine(),
                                           services.clock.now());
  llmapi::Request request = plan.request;
  request.body.resize(plan.body_size);  // without what the first engine was told
  return std::make_unique<CopyJob>(services, settings, worker, *record.caller, route, *model,
                                   std::move(request),
                                   times_of({.model = model, .route = &route, .choice = {}},
                                            plan.request.prompt_tokens_estimate),
                                   *std::move(seat), *std::move(place), std::move(pair));
}

}  // namespace

Mirrors::Mirrors(observe::Registry& registry)
    : requests_(registry.counters("sm_mirror_requests_total",
                                  "Copies of requests to the mirrors of their routes, made or not.",
                                  {"route", "version", "outcome"})),
      running_(
          registry.gauges("sm_mirror_running", "Copies of requests that run now.", {"route"})) {}

std::optional<Mirrors::Place> Mirrors::enter(const catalog::Route& route,
                                             const catalog::ModelTable& models) {
  const bool is_in = state_.with([&](State& state) {
    Entry* const entry = entry_of(state, route, models);
    if (entry == nullptr || entry->running >= route.mirror->in_flight_max) return false;
    ++entry->running;
    running_.with({route.name.text()}).set(entry->running);
    return true;
  });
  if (!is_in) return std::nullopt;
  return Place(*this, route.name);
}

void Mirrors::leave(const ModelName& route) {
  state_.with([&](State& state) {
    const auto found = state.find(route);
    if (found == state.end()) return;
    --found->second.running;
    running_.with({route.text()}).set(found->second.running);
  });
}

void Mirrors::count_unmade(const catalog::Route& route, Outcome outcome,
                           const catalog::ModelTable& models) {
  state_.with([&](State& state) {
    if (Entry* const entry = entry_of(state, route, models)) count(*entry, route.name, outcome);
  });
}

// What it was sent to may be the mirror no longer.
void Mirrors::count_ended(const catalog::Route& route, Outcome outcome) {
  state_.with([&](State& state) {
    const auto found = state.find(route.name);
    if (found != state.end() && found->second.seen.version == route.mirror->version)
      count(found->second, route.name, outcome);
  });
}

void Mirrors::count(Entry& entry, const ModelName& route, Outcome outcome) {
  requests_.with({route.text(), entry.seen.version.text(), name(outcome)}).add();
  ++entry.seen.outcomes.at(static_cast<std::size_t>(outcome));
}

// Of another version than before it begins anew, but for the copies that still run.
Mirrors::Entry* Mirrors::entry_of(State& state, const catalog::Route& route,
                                  const catalog::ModelTable& models) {
  const ModelName& version = route.mirror->version;
  const auto found = state.find(route.name);
  if (found != state.end() && found->second.seen.version == version) return &found->second;
  forget_gone(state, models);
  if (!state.contains(route.name) && state.size() >= kRoutesMax) return nullptr;
  Entry& entry = state.try_emplace(route.name, Entry{.seen = {.version = version}}).first->second;
  entry.seen = {.version = version};
  return &entry;
}

void Mirrors::forget_gone(State& state, const catalog::ModelTable& models) {
  std::erase_if(state, [&](const auto& one) {
    const auto& [name, entry] = one;
    const catalog::Route* const route = models.route(name);
    if (route != nullptr && route->mirror && route->mirror->version == entry.seen.version)
      return false;
    requests_.forget({name.text(), entry.seen.version.text()});
    if (entry.running > 0) return false;
    running_.forget({name.text()});
    return true;
  });
}

void Mirrors::compare(const ModelName& route, const ModelName& version, Seen original, Seen copy) {
  // Only of streams is it known when their first token came.
  if (!original.ended.first_token) copy.ended.first_token = copy.ended.per_output_token = {};
  state_.with([&](State& state) {
    const auto found = state.find(route);
    if (found == state.end() || found->second.seen.version != version) return;
    const auto add = [](Side& side, const Seen& seen) {
      rollout::add(side.arm, seen.ended);
      if (seen.total && !seen.ended.failed) side.total_us.add(seen.total->count());
    };
    add(found->second.seen.original, original);
    add(found->second.seen.copies, copy);
  });
}

std::optional<Mirrors::Comparison> Mirrors::comparison(const ModelName& route) const {
  return state_.with([&](const State& state) -> std::optional<Comparison> {
    const auto found = state.find(route);
    if (found == state.end()) return std::nullopt;
    return found->second.seen;
  });
}

std::string_view name(Mirrors::Outcome outcome) {
  static constexpr std::array<std::string_view, Mirrors::kOutcomes> kNames{
      "answered", "failed", "unsuited", "too_large", "full", "no_room", "yielded", "cancelled"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

void MirrorPair::original_ended(const Mirrors::Seen& seen) {
  original_ = seen;
  compare_if_both();
}

void MirrorPair::copy_ended(const Mirrors::Seen& seen) {
  copy_ = seen;
  compare_if_both();
}

void MirrorPair::compare_if_both() {
  if (original_ && copy_) mirrors_.compare(route_, version_, *original_, *copy_);
}

std::uint64_t mirror_draw(RequestId request) {
  const Digest digest = sha256(request.value.text());
  std::uint64_t draw = 0;
  for (std::size_t i = 0; i < sizeof draw; ++i)
    draw = draw << 8 | digest.at(i);
  return draw;
}

void start_copy(const Services& services, const Settings& settings, WorkerState& worker,
                const Plan& plan, RequestRecord& record) {
  // What another engine or model answers is not what the copy would be compared with.
  const bool is_own = record.attempts == 1 && record.stand_in == RequestRecord::StandIn::none;
  if (plan.mirror == nullptr || !is_own) return;
  auto job = prepare(services, settings, worker, plan, record);
  if (!job) {
    services.mirrors->count_unmade(*record.route, job.error(), record.caller->directory().models());
    return;
  }
  record.mirror = (*job)->pair;
  worker.copies.spawn(run_copy(*std::move(job)));
}

}  // namespace sovmesh::gateway
