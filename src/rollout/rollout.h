#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/route_choice.h"
#include "rollout/judge.h"
#include "rollout/plan.h"

namespace sovmesh::rollout {

//            ready                 last step has held
//  waiting ---------> holding[i] ----------------------> promoted
//     |                 |  ^  \  hold over, gates pass: i+1      ^
//     |           pause |  | resume                              | promote, at any time
//     |                 v  |                                     |
//     |                paused                                 (any)
//     |                    \  .
//     +-- not in time ----> rolled_back <-- a gate or an objective is broken, no longer ready,
//     abort
enum class State : std::uint8_t { waiting, holding, paused, promoted, rolled_back };
std::string_view name(State state);
constexpr bool is_over(State state) {
  return state == State::promoted || state == State::rolled_back;
}

struct Event {
  WallTime at{};
  State state = State::waiting;
  int share = 0;
  std::string text;  // what happened and why
  friend bool operator==(const Event&, const Event&) = default;
};
constexpr std::size_t kEventsMax = 128;  // the newest are kept

// A rollout, as it is persisted. At most one runs per route.
struct Rollout {
  Ulid id;
  Plan plan;
  State state = State::waiting;
  State paused_from = State::holding;  // where resume goes: waiting or holding
  std::size_t step = 0;                // of Plan::steps; the one that holds or comes next
  WallTime since{};                    // of the state; of holding: of the step
  std::chrono::microseconds held{0};   // of the step, before a pause
  WallTime looked_at{};
  int early_looks = 0;                 // in this decision interval
  std::uint64_t candidate_before = 0;  // the candidate's requests when the step began
  Seen seen;
  std::vector<Event> events;
  std::int64_t revision = 0;
  WallTime created_at{};
  WallTime updated_at{};
  bool from_file = false;
  std::string source;

  // The candidate's share of all requests now, in basis points. Of one that was promoted: all.
  int share() const;
  // What choose() is to be given; nothing when the rollout is over and the route alone counts.
  std::optional<catalog::Shift> shift() const;
};

// Whether the candidate can take requests: loaded, healthy, permitted.
struct Readiness {
  bool ready = false;
  std::string why;  // when it is not
};

// What changed, and what it rests on.
struct Decision {
  enum class Act : std::uint8_t { wait, hold, step, promote, roll_back };
  Act act = Act::wait;
  std::string reason;
  std::vector<Evidence> evidence;
};
std::string_view name(Decision::Act act);

// A valid plan's rollout. It waits, without any share, for its first decide().
Rollout start(Ulid id, Plan plan, WallTime now);

// When the next look is due: at this time, or sooner after so many requests of the candidate.
struct NextLook {
  WallTime at{};
  std::optional<std::uint64_t> candidate_requests;
};
NextLook next_look(const Rollout& rollout);

// A look: counts since the look before. Looking more often than next_look() says is allowed and
// costs a little power; less often costs exposure.
Decision decide(Rollout& rollout, const Look& look, const Readiness& readiness, WallTime now);

// By hand, at once. Code::conflict where the state does not allow it.
Result<void> pause(Rollout& rollout, WallTime now);  // keeps the share; gates still roll back
Result<void> resume(Rollout& rollout, WallTime now);
Result<void> abort(Rollout& rollout, WallTime now, std::string_view why);
Result<void> promote(Rollout& rollout, const Readiness& readiness, WallTime now);

// The route after a promotion: the candidate is its stable version with the weight that both had,
// the old one keeps none. A route that is not valid for the plan any more: Code::conflict.
Result<catalog::Route> promoted(const catalog::Route& route, const Plan& plan);

}  // namespace sovmesh::rollout
