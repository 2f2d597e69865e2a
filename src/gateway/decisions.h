#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/ids.h"
#include "base/priority_class.h"
#include "catalog/route.h"
#include "routing/cost.h"

namespace sovmesh::gateway {

// By one request, of all models and their replicas.
constexpr int kEnginesAskedMax = 4;

// Why a request got its turn.
enum class TurnRule : std::uint8_t {
  at_once,     // nobody had to wait for it
  guaranteed,  // its tenant had less than is guaranteed to it
  borrowed,    // its tenant had had least of what is shared, by weight
  held,        // others had gone past it too often, so a place was held
  late,        // it was later than its pool's targets, and had let others go first
};
std::string_view name(TurnRule rule);

// One engine that could serve a request, as it was when the request's turn came.
struct EngineChoice {
  enum class Verdict : std::uint8_t { taken, dearer, full, crowded, out, not_ready };
  std::string engine;
  Verdict verdict = Verdict::dearer;
  // Of those that had room: what it would have cost everybody, part by part.
  std::optional<routing::Cost> cost;
  std::int64_t cached_tokens = 0;  // of the prompt, that are there as far as we know
};
std::string_view name(EngineChoice::Verdict verdict);

// How one attempt of a request came to its engine.
struct SeatNote {
  std::string pool;  // empty: that of the engines in no pool
  TurnRule rule = TurnRule::at_once;
  std::chrono::nanoseconds waited{0};
  // Requests that waited when it came.
  std::uint64_t tenant_before = 0;
  std::uint64_t pool_before = 0;
  std::vector<EngineChoice> engines;  // at most kEnginesMax, the one taken first

  static constexpr std::size_t kEnginesMax = 16;
};

// Who went where, and why.
struct Decision {
  TenantId tenant;
  ProjectId project;
  PriorityClass priority = PriorityClass::interactive;
  struct Attempt {
    std::string version;           // that the client may know of
    std::string why;               // that version, for operators; empty: it was called by its name
    std::string engine;            // empty: it got none
    std::optional<SeatNote> seat;  // nothing: it got none
    std::chrono::nanoseconds waited{0};
    std::string outcome;  // "ok" or an error's code; empty: it is at work
  };
  std::vector<Attempt> attempts;
};

// Those of the latest requests: a few of each tenant, so that a flood of one does not make those of
// others go, and not more than so many in all. Shared by all workers.
class Decisions {
 public:
  static constexpr std::size_t kPerTenantMax = 64;
  static constexpr std::size_t kAllMax = 8'192;
  // All of a request: the engines that it may ask, each model that could give it no seat, and one
  // more because it may give way once. What came after is not kept.
  static constexpr std::size_t kAttemptsMax =
      kEnginesAskedMax + (1 + catalog::kRouteFallbacksMax) + 1;

  // `whose`: all but its attempts.
  void add(RequestId request, Decision whose, Decision::Attempt attempt);
  // How the last attempt ended.
  void end(RequestId request, std::string_view outcome);
  std::optional<Decision> find(RequestId request) const;

 private:
  struct Kept {
    RequestId request;
    Decision decision;
  };
  using Place = std::list<Kept>::iterator;
  struct State {
    std::list<Kept> all;  // oldest first
    std::map<RequestId, Place> by_request;
    std::map<TenantId, std::deque<Place>> by_tenant;  // oldest first
  };
  static void drop_oldest(State& state, TenantId tenant);

  mutable Guarded<State> state_;
};

}  // namespace sovmesh::gateway
