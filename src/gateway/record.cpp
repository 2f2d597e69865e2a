#include "gateway/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "gateway/live_counts.h"
#include "gateway/mirror.h"
#include "gateway/services.h"

namespace sovmesh::gateway {
namespace {

using std::chrono::duration;

constexpr std::string_view kIdPrefix = "req_";

double seconds(std::chrono::nanoseconds time) { return duration<double>(time).count(); }
std::int64_t micros(std::chrono::nanoseconds time) { return time.count() / 1'000; }

void add_counts(observe::LogLine& line, const metering::Counts& counts) {
  line.add("prompt_tokens", counts.prompt)
      .add("cached_tokens", counts.cached)
      .add("output_tokens", counts.generated)
      .add("delivered_tokens", counts.delivered)
      .add_plain("count_source", metering::name(counts.source));
}

void add_charge(observe::LogLine& line, const RequestRecord::Answer& answer) {
  if (answer.price.empty()) {
    line.add_bool("unpriced", true);
    return;
  }
  line.add_plain("price", answer.price)
      .add("cost_micro", answer.charge.cost_micro)
      .add("gse_us", answer.charge.gse_us);
}

// What a client did wrong can only be said with what it sent, or what an engine says of it: the log
// has the code, and no text of prompts.
void add_error(observe::LogLine& line, const Error& error) {
  line.add("code", name(error.code()));
  if (error.blame() != Blame::client && !error.message().empty())
    line.add("message", error.message());
}

void log_request(const RequestRecord& record, Instant now, const observe::Log& log) {
  const auto level = record.status >= 500 ? observe::Level::warning : observe::Level::info;
  if (!log.on(level)) return;
  observe::LogLine line(level, "request", record.began_wall);
  line.add_hex("request_id", kIdPrefix, record.id.value.bytes());
  if (record.client_request_id) line.add("client_request_id", *record.client_request_id);
  if (record.x_client_request_id) line.add("x_client_request_id", *record.x_client_request_id);
  line.add_hex("trace_id", "", record.trace.trace)
      .add_plain("source", record.source ? record.source->text() : "unix")
      .add("method", record.method)
      .add_plain("route", route_label(record.endpoint));
  if (record.caller) {
    line.add_plain("tenant", record.caller->tenant().slug.text())
        .add_plain("project", record.caller->project().slug.text())
        .add_plain("key_id", record.caller->key().id.text());
  }
  if (record.model != nullptr) line.add("model", record.model_name());
  if (record.route != nullptr) line.add("version", record.model->name.text());
  if (record.stand_in != RequestRecord::StandIn::none)
    line.add_plain("fallback", name(record.stand_in));
  if (record.engine) line.add("engine", record.engine->name());
  if (record.priority) line.add_plain("class", name(*record.priority));
  if (record.attempts > 1) line.add("attempts", record.attempts);
  if (record.gave_way) line.add_bool("gave_way", true);
  line.add("status", record.status).add_bool("stream", record.streamed);
  if (record.replayed) line.add_bool("replayed", true);
  if (record.error) add_error(line, *record.error);
  if (record.answer) {
    line.add_plain("finish", metering::name(record.answer->settlement.finish));
    add_counts(line, record.answer->settlement.counts);
    add_charge(line, *record.answer);
  }
  line.add("duration_us", micros(now - record.began)).add("queue_us", micros(record.queue_wait));
  if (record.first_token) line.add("first_token_us", micros(*record.first_token));
  if (record.prompt_digest) {
    line.add_hex("prompt_digest", "", *record.prompt_digest);
    if (record.answer && record.answer->digest)
      line.add_hex("answer_digest", "", *record.answer->digest);
    else
      line.add_plain("answer_digest", "");
    line.add_plain("digest_key_id", record.caller->tenant_entry().digest_key_id);
  }
  log.write(std::move(line));
}

void count_request(const RequestRecord& record, Instant now, SeriesCache& cache) {
  RequestMetrics& metrics = cache.metrics();
  const SeriesCache::Series& series = cache.of(record);
  series.requests->add();
  if (!record.operation) return;
  const auto took = now - record.began;
  series.duration->observe(seconds(took));
  metrics.overhead.observe(seconds(took - record.engine_time - record.queue_wait));
  if (record.priority) {
    series.queue_wait->observe(seconds(record.queue_wait));
    series.tenant_queue_wait->observe(seconds(record.queue_wait));
  }
  if (record.stand_in != RequestRecord::StandIn::none) {
    metrics.fallbacks
        .with({record.route->name.text(), record.model->name.text(), name(record.stand_in)})
        .add();
  }
  if (record.first_token) series.first_token->observe(seconds(*record.first_token));
  if (!record.answer) return;
  const metering::Counts& counts = record.answer->settlement.counts;
  series.input_tokens->observe(static_cast<double>(counts.prompt));
  series.output_tokens->observe(static_cast<double>(counts.generated));
  if (record.first_token && counts.generated > 1) {
    series.per_output_token->observe(seconds(took - *record.first_token) /
                                     static_cast<double>(counts.generated - 1));
  }
  if (record.answer->settlement.drift) metrics.drift_alarms.add();
}

// What is counted of it when versions are compared; nothing: hang-ups and what clients did wrong
// say nothing of a version.
std::optional<rollout::Tally::Ended> ended_of(const RequestRecord& record, Instant now) {
  if (record.error && record.error->blame() == Blame::client) return std::nullopt;
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  rollout::Tally::Ended ended{.by_candidate = record.is_candidate,
                              .failed = record.error.has_value()};
  if (record.first_token) ended.first_token = duration_cast<microseconds>(*record.first_token);
  if (record.answer) {
    const metering::Settlement& settlement = record.answer->settlement;
    ended.refused = settlement.finish == metering::Finish::content_filter;
    ended.output_tokens = settlement.counts.generated;
    if (record.first_token && ended.output_tokens > 1) {
      ended.per_output_token = duration_cast<microseconds>(
          (now - record.began - *record.first_token) / (ended.output_tokens - 1));
    }
  }
  return ended;
}

// Times from when its engine was asked, as those of the copy are.
void compare_with_copy(const RequestRecord& record, rollout::Tally::Ended ended) {
  // Asked again elsewhere: then it is another engine's answer. Begun again: it has waited twice.
  if (record.attempts > 1 || record.gave_way) return;
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  if (ended.first_token)
    *ended.first_token -= duration_cast<microseconds>(record.mirror->dispatched() - record.began);
  record.mirror->original_ended(
      {.ended = ended, .total = duration_cast<microseconds>(record.engine_time)});
}

void compare(const RequestRecord& record, Instant now) {
  if (!record.tally && !record.mirror) return;
  const auto ended = ended_of(record, now);
  if (!ended) return;
  if (record.tally) record.tally->add(*ended);
  if (record.mirror) compare_with_copy(record, *ended);
}

std::string_view tenant_label(const RequestRecord& record) {
  return record.caller ? record.caller->tenant().slug.text() : std::string_view();
}

std::vector<double> queue_bounds() { return {0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30}; }

std::vector<double> token_bounds() {
  return {1,     4,     16,     64,      256,     1024,     4096,
          16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
}

}  // namespace

RequestMetrics::RequestMetrics(observe::Registry& registry)
    : requests(registry.counters("sm_requests_total", "Requests answered.",
                                 {"route", "tenant", "model", "code", "reason"}, 2'000)),
      duration(registry.histograms(
          "gen_ai_server_request_duration_seconds",
          "Time from the request's head to the end of its answer.",
          {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type"},
          {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96,
           81.92})),
      first_token(registry.histograms(
          "gen_ai_server_time_to_first_token_seconds",
          "Time from the request's head to the first token sent.",
          {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"},
          {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30,
           60})),
      per_output_token(registry.histograms(
          "gen_ai_server_time_per_output_token_seconds", "Time per output token after the first.",
          {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"},
          {0.001, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5})),
      token_usage(registry.histograms(
          "gen_ai_client_token_usage", "Tokens per request.",
          {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model",
           "gen_ai_response_model", "gen_ai_token_type"},
          token_bounds())),
      overhead(registry
                   .histograms("sm_overhead_seconds",
                               "Time spent here and not in the engine or a queue.", {},
                               {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                0.05, 0.1, 0.25})
                   .with({})),
      queue_wait(registry.histograms("sm_queue_wait_seconds", "Time waiting for an engine's slot.",
                                     {"tenant_class"}, queue_bounds())),
      tenant_queue_wait(registry.histograms(
          "sm_tenant_queue_wait_seconds", "The same of each tenant.", {"tenant"}, queue_bounds())),
      inflight(registry.gauges("sm_inflight", "Requests being answered.", {}).with({})),
      drift_alarms(registry
                       .counters("sm_usage_drift_alarms_total",
                                 "Answers whose final usage differs by more than 2 % from the "
                                 "running count.",
                                 {})
                       .with({})),
      fallbacks(registry.counters("sm_route_fallbacks_total",
                                  "Requests for which a fallback of their route took the place of "
                                  "its version.",
                                  {"route", "model", "reason"})),
      unsaved_answers(registry
                          .counters("sm_unsaved_answers_total",
                                    "Answers that went out or on before their counts were durable.",
                                    {})
                          .with({})) {}

const SeriesCache::Series& SeriesCache::of(const RequestRecord& record) {
  key_.clear();
  for (const std::string_view part :
       {tenant_label(record), record.model_name(), record.provider(), record.code()}) {
    key_ += part;
    key_ += '\n';  // in no label
  }
  key_ += static_cast<char>(record.endpoint);
  key_ += record.operation ? static_cast<char>(*record.operation) : '\n';
  key_ += static_cast<char>(record.status / 100);
  key_ += static_cast<char>(record.status % 100);
  key_ += record.priority ? static_cast<char>(*record.priority) : '\n';
  if (const auto found = known_.find(key_); found != known_.end()) return found->second;
  if (known_.size() >= kKindsMax) known_.clear();
  return known_.emplace(key_, look_up(record)).first->second;
}

SeriesCache::Series SeriesCache::look_up(const RequestRecord& record) {
  Series series;
  const auto status = fmt::format_int(record.status);
  series.requests = &metrics_.requests.with({route_label(record.endpoint),
                                             tenant_label(record),
                                             record.model_name(),
                                             {status.data(), status.size()},
                                             record.code()});
  if (!record.operation) return series;
  if (record.priority) {
    series.queue_wait = &metrics_.queue_wait.with({name(*record.priority)});
    series.tenant_queue_wait = &metrics_.tenant_queue_wait.with({tenant_label(record)});
  }
  const std::string_view operation = metering::name(*record.operation);
  const std::string_view provider = record.provider();
  const std::string_view model = record.model_name();
  series.duration = &metrics_.duration.with({operation, provider, model, record.code()});
  series.first_token = &metrics_.first_token.with({operation, provider, model});
  series.per_output_token = &metrics_.per_output_token.with({operation, provider, model});
  series.input_tokens = &metrics_.token_usage.with({operation, provider, model, model, "input"});
  series.output_tokens = &metrics_.token_usage.with({operation, provider, model, model, "output"});
  return series;
}

void note_live_tokens(RequestRecord& record, const Services& services, std::int64_t generated,
                      Instant now) {
  if (services.live == nullptr || !record.caller) return;
  services.live->note_tokens(record.caller->tenant().id, generated - record.live_tokens, now);
  // Fewer than before: the answer began anew.
  record.live_tokens = generated;
}

namespace {

void note_live_end(const RequestRecord& record, LiveCounts& live, Instant now) {
  if (!record.caller || !record.operation) return;
  const TenantId tenant = record.caller->tenant().id;
  if (record.answer)
    live.note_tokens(tenant, record.answer->settlement.counts.generated - record.live_tokens, now);
  live.note_end({.tenant = tenant,
                 .failed = record.error && record.error->blame() != Blame::client,
                 .first_token = record.first_token},
                now);
}

}  // namespace

void finish_record(const RequestRecord& record, const Services& services, WorkerState& worker) {
  services.metrics.inflight.add(-1);
  const Instant now = services.clock.now();
  log_request(record, now, services.log);
  worker.audit.note(record, *services.audit.get(), services.clock.wall_now());
  count_request(record, now, worker.series);
  compare(record, now);
  if (services.live != nullptr) note_live_end(record, *services.live, now);
  if (services.decisions != nullptr && record.priority)
    services.decisions->end(record.id, record.error ? record.code() : "ok");
}

std::string RequestRecord::model_revision() const {
  const auto revision = fmt::format_int(model->revision);
  if (route == nullptr) return revision.str();
  return fmt::format("{}@{}", model->name.text(), revision.c_str());
}

std::string_view RequestRecord::shown_model() const {
  if (route == nullptr) return model_name();
  const auto& allowed = caller->key().models;
  const catalog::Model* const by_name = caller->directory().models().find(
      model->name.text(), caller->tenant().id, allowed ? &*allowed : nullptr);
  return by_name == nullptr ? model_name() : model->name.text();
}

std::string_view name(RequestRecord::StandIn stand_in) {
  switch (stand_in) {
    case RequestRecord::StandIn::none:
      break;
    case RequestRecord::StandIn::unhealthy:
      return "unhealthy";
    case RequestRecord::StandIn::failed:
      return "failed";
  }
  return "";
}

void RequestRecord::note_sent() {
  const bool is_known = std::ranges::find(sent_to, engine) != sent_to.end();
  if (!is_known && sent_to.size() < kSentToMax) sent_to.push_back(engine);
}

std::string shown_id(RequestId id) {
  std::string shown;
  shown.reserve(36);
  shown += kIdPrefix;
  append_hex(shown, id.value.bytes());
  return shown;
}

}  // namespace sovmesh::gateway
