#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/priority_class.h"
#include "catalog/records.h"
#include "catalog/route.h"
#include "engine/engine.h"
#include "gateway/routes.h"
#include "http/exchange.h"
#include "identity/authenticator.h"
#include "limits/limiter.h"
#include "metering/price.h"
#include "metering/usage.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trace_context.h"
#include "rollout/in_force.h"
#include "rt/net.h"

namespace sovmesh::gateway {

// The series that requests are counted in. Names and buckets: docs/metrics.md.
struct RequestMetrics {
  explicit RequestMetrics(observe::Registry& registry);
  observe::Family<observe::Counter>& requests;
  observe::Family<observe::Histogram>& duration;
  observe::Family<observe::Histogram>& first_token;
  observe::Family<observe::Histogram>& per_output_token;
  observe::Family<observe::Histogram>& token_usage;
  observe::Histogram& overhead;
  observe::Family<observe::Histogram>& queue_wait;
  observe::Family<observe::Histogram>& tenant_queue_wait;
  observe::Gauge& inflight;
  observe::Counter& drift_alarms;
  observe::Family<observe::Counter>& fallbacks;
  observe::Counter& unsaved_answers;
};

class MirrorPair;

// What is known of one request, filled as it goes; written once as a log line and as metrics when
// the request ends. Holds no text of prompts or answers, only their digests. An open stream holds
// it for minutes: pointers to what is known by name, texts and numbers once there are any.
struct RequestRecord {
  RequestId id;
  observe::TraceContext trace;
  Endpoint endpoint = Endpoint::unmatched;
  bool streamed = false;
  identity::Stranger stranger = identity::Stranger::none;  // why it has no caller
  std::optional<metering::Operation> operation;
  std::optional<rt::IpAddress> source;  // of the peer; nothing: a unix socket
  std::optional<Digest> prompt_digest;  // with the tenant's digest key
  int status = 0;
  std::string method;
  std::unique_ptr<const std::string> client_request_id;    // of X-Request-ID
  std::unique_ptr<const std::string> x_client_request_id;  // X-Client-Request-Id, for the log
  Instant began{};
  WallTime began_wall{};

  std::optional<identity::Caller> caller;  // once proven
  // Once allowed; they live in the caller's snapshot. The model is the one that answers.
  const catalog::Model* model = nullptr;
  const catalog::Route* route = nullptr;  // what chose the model; null: it was called by its name
  // The model is a fallback of the route's: another one was unhealthy, or has failed.
  enum class StandIn : std::uint8_t { none, unhealthy, failed };
  StandIn stand_in = StandIn::none;
  std::shared_ptr<rollout::Tally> tally;  // of the route's rollout, where this request counts
  bool is_candidate = false;
  std::shared_ptr<MirrorPair> mirror;            // null: no copy of it was made
  std::shared_ptr<const engine::Engine> engine;  // once known
  // Those that the request has, or may have, reached: each once, the first of them.
  std::vector<std::shared_ptr<const engine::Engine>> sent_to;
  static constexpr std::size_t kSentToMax = 4;

  std::optional<PriorityClass> priority;  // once it has asked for a seat
  int attempts = 0;                       // engines that were asked
  std::int64_t live_tokens = 0;           // generated ones that LiveCounts has been told of
  bool gave_way = false;                  // to a guarantee, and began again
  std::optional<Error> error;
  std::chrono::nanoseconds queue_wait{0};
  std::chrono::nanoseconds engine_time{0};  // from dispatch to the engine's end
  std::optional<std::chrono::nanoseconds> first_token;
  struct Answer {
    metering::Settlement settlement;
    std::optional<Digest> digest;
    metering::Charge charge;
    std::string price;  // version id; empty: unpriced
  };
  std::unique_ptr<const Answer> answer;       // once an engine's row is settled
  std::unique_ptr<const RequestId> replayed;  // whose answer it got: an earlier request's

  std::unique_ptr<const limits::Headers>
      limits;                        // where its caller stands, when anything limits it
  std::unique_ptr<const Error> dry;  // why its answer was ended early

  // Some of it may be with `engine` now.
  void note_sent();
  // What the client called.
  std::string_view model_name() const {
    if (route != nullptr) return route->name.text();
    return model == nullptr ? "" : model->name.text();
  }
  // Of the model that answers: "7", behind a route "version@7".
  std::string model_revision() const;
  // What the client may know of who answers: the version, when it could call it by its name.
  std::string_view shown_model() const;
  std::string_view code() const { return error ? name(error->code()) : std::string_view(); }
  // The engine's dialect, for gen_ai_provider_name.
  std::string_view provider() const {
    return engine == nullptr ? std::string_view() : llmapi::name(engine->dialect());
  }
};

// The series of requests of one kind (same labels), looked up once. One worker's.
class SeriesCache {
 public:
  explicit SeriesCache(RequestMetrics& metrics) : metrics_(metrics) {}
  struct Series {
    observe::Counter* requests = nullptr;
    // Null for requests that are no operation.
    observe::Histogram* duration = nullptr;
    observe::Histogram* first_token = nullptr;
    observe::Histogram* per_output_token = nullptr;
    observe::Histogram* input_tokens = nullptr;
    observe::Histogram* output_tokens = nullptr;
    // Null for requests that asked for no seat.
    observe::Histogram* queue_wait = nullptr;
    observe::Histogram* tenant_queue_wait = nullptr;
  };
  const Series& of(const RequestRecord& record);
  RequestMetrics& metrics() { return metrics_; }

 private:
  // Kinds are as many as label values, which the registry bounds; statuses of revoked tenants and
  // the like leave with the rest when it is full.
  static constexpr std::size_t kKindsMax = 4'096;
  Series look_up(const RequestRecord& record);

  RequestMetrics& metrics_;
  std::unordered_map<std::string, Series> known_;
  std::string key_;  // scratch
};

std::string_view name(RequestRecord::StandIn stand_in);

struct Services;
struct WorkerState;

// So many tokens were generated so far: whoever looks on is told of those that are new.
void note_live_tokens(RequestRecord& record, const Services& services, std::int64_t generated,
                      Instant now);

// The request is over: writes the log line and counts the metrics.
void finish_record(const RequestRecord& record, const Services& services, WorkerState& worker);

// "req_" + 32 hex characters.
std::string shown_id(RequestId id);

}  // namespace sovmesh::gateway
