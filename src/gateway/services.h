#pragma once

#include <functional>

#include "base/clock.h"
#include "base/random.h"
#include "base/snapshot.h"
#include "gateway/admission.h"
#include "gateway/audit_notes.h"
#include "gateway/decisions.h"
#include "gateway/dispatcher.h"
#include "gateway/engine_health.h"
#include "gateway/engine_set.h"
#include "gateway/overload.h"
#include "gateway/record.h"
#include "http/client.h"
#include "identity/authenticator.h"
#include "identity/directory.h"
#include "observe/log.h"
#include "rollout/in_force.h"
#include "rt/task_group.h"
#include "store/ledger.h"

namespace sovmesh::gateway {

// See rollout::InForce; published by whoever decides about rollouts.
using RolloutsInForce = Snapshot<rollout::RoutesInForce>;

class LiveCounts;
class Mirrors;
class Replays;
class UsageReports;

// What the request path works with; made by compose/, outlives every request. Shared by all workers
// except what is marked.
struct Services {
  const Clock& clock;
  Random& random;
  const Snapshot<identity::Directory>& directory;
  const identity::Authenticator& authenticator;
  const EngineSet& engines;
  Dispatcher& dispatcher;
  EngineHealth& health;
  Overload& overload;
  store::Ledger& ledger;
  const Tariff& tariff;
  const Snapshot<AuditPolicy>& audit;
  RequestMetrics& metrics;
  const observe::Log& log;
  UsageReports* usage = nullptr;              // null: tenants cannot read their usage here
  Replays* replays = nullptr;                 // null: no answer is kept
  const RolloutsInForce* rollouts = nullptr;  // null: there are none
  Decisions* decisions = nullptr;             // null: none is kept
  Mirrors* mirrors = nullptr;                 // null: nothing is copied
  LiveCounts* live = nullptr;                 // null: nobody looks on
};

// Settings of the request path (docs/configuration.md).
struct Settings {
  http::BodyLimits body;
  std::chrono::milliseconds keep_alive_comment{15'000};
  std::chrono::milliseconds client_stall{30'000};
  // How often a silent stream looks up: revoked keys, drain, keep-alive.
  std::chrono::milliseconds look_up{4'000};
  std::size_t plain_reply_max = 64U << 20;
};

// Belongs to one worker.
struct WorkerState {
  rt::Loop& loop;
  http::ClientPool& upstream;
  UlidSource ids;
  SeriesCache series;
  AuditNotes audit;
  std::string translated;  // scratch of one step of one stream
  // Set at the drain deadline: streams end with an error event. See DataPlane::cut_off().
  bool cut_off = false;
  // Copies of requests that nobody waits for (mirror.h).
  static constexpr std::size_t kCopiesMax = 1'024;
  rt::TaskGroup copies{loop, kCopiesMax};
};

}  // namespace sovmesh::gateway
