#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "catalog/route.h"
#include "catalog/route_choice.h"
#include "rollout/arm.h"
#include "rollout/judge.h"
#include "rollout/plan.h"

namespace sovmesh::rollout {

//            ready             hold is over, gates pass: next step; after the last:
//  waiting ---------> holding ------------------------------------------------------> promoted
//     ^ |              ^ | |                                                             ^
//     | |  pause,      | | | pause, resume                                               |
//     | +-> paused <---+-+ |                                     by hand, from any state +
//     |       |            | a gate or an objective is broken, no longer ready, abort
//     +-------+            +--------------------------------------------------------> rolled_back
// A candidate that is not ready in time and what breaks a gate in a pause are rolled back, too.
enum class State : std::uint8_t { waiting, holding, paused, promoted, rolled_back };
std::string_view name(State state);
constexpr bool is_over(State state) {
  return state == State::promoted || state == State::rolled_back;
}

struct Event {
  WallTime at{};
  State state = State::waiting;
  int share = 0;     // of the candidate, from then on
  std::string text;  // what happened and why
  friend bool operator==(const Event&, const Event&) = default;
};
constexpr std::size_t kEventsMax = 128;  // the newest are kept

// A rollout, as it is persisted. At most one of a route is not over.
struct Rollout {
  Ulid id;
  Plan plan;
  std::int64_t route_revision = 0;  // of the route that it is made for
  // What rollouts of that route came to before this one, the oldest first, each version once.
  std::vector<catalog::Outcome> before = {};
  State state = State::waiting;
  State paused_from = State::holding;  // where resume() goes back to
  std::size_t step = 0;                // of Plan::steps: the one that holds or comes first
  WallTime since{};                    // when the state or step began
  // How long the step has held, or has been waited for readiness. It grows from look to look by at
  // most two decision intervals, so neither a clock that jumps nor a stopped process ends a hold.
  std::chrono::microseconds held{0};
  WallTime looked_at{};
  WallTime interval_began{};
  int early_looks = 0;                 // in this decision interval
  std::uint64_t candidate_before = 0;  // the candidate's requests when the step began
  Seen seen;
  std::vector<Event> events;
  std::int64_t revision = 0;
  WallTime created_at{};
  WallTime updated_at{};
  bool from_file = false;
  std::string source;

  // The candidate's share of all requests now, in basis points.
  int share() const;
  // What choose() is to be given. One that is over stays in force until the route is changed:
  // a candidate that was rolled back gets nothing even if the route's weights say otherwise.
  std::optional<catalog::Shift> shift(const catalog::Route& route) const;
  // The route as the rollouts before it have left it, unless it has been changed since.
  catalog::Route as_left(const catalog::Route& route) const;
  // Whether it still fits the route, as the rollouts before it have left that.
  Result<void> fits(const catalog::Route& route) const;
  // It goes on with a route that has changed and that it fits: what it comes to holds from then on.
  void follow(const catalog::Route& route);
};

// Whether the candidate can take requests: loaded, healthy, permitted.
struct Readiness {
  bool ready = false;
  std::string why;  // where it is not
};

// What a look brought, and what that rests on.
struct Decision {
  enum class Act : std::uint8_t { wait, hold, step, promote, roll_back };
  Act act = Act::wait;
  std::string reason;
  std::vector<Evidence> evidence;
};
std::string_view name(Decision::Act act);

// What a rollout of this route that starts now finds: the outcomes of `last`, its last rollout, and
// of those before that, as long as the route is what they were made for. Null: there was none.
std::vector<catalog::Outcome> outcomes_in_force(const Rollout* last, const catalog::Route& route);

// A rollout by a valid plan. It waits, without any share, for its first look.
Rollout start(Ulid id, Plan plan, std::int64_t route_revision, WallTime now);

// How often a decision interval is looked into before its end: whenever the candidate has had
// another eighth of the minimum sample, and besides when it reaches that.
constexpr int kEarlyLooksMax = 8;
// The next look is due at this time, or sooner: after so many requests of the candidate.
struct NextLook {
  WallTime at{};
  std::optional<std::uint64_t> candidate_requests;
};
NextLook next_look(const Rollout& rollout);

// A look at what was counted since the look before. Looks at other times than next_look() says are
// as sound; rarer ones expose more requests to a bad candidate.
Decision decide(Rollout& rollout, const Look& look, const Readiness& readiness, WallTime now);

// By hand, at once. Code::conflict where the state does not allow it.
Result<void> pause(Rollout& rollout, WallTime now);  // the share stays; gates still roll back
Result<void> resume(Rollout& rollout, WallTime now);
Result<void> abort(Rollout& rollout, std::string_view why, WallTime now);
Result<void> promote(Rollout& rollout, const Readiness& readiness, WallTime now);

// The route with the outcome of a rollout that is over written into its versions, so that the
// rollout is not needed any more. Promoted: the candidate is the stable version with the weight of
// both, and what was stable keeps none. Rolled back: the other way round. Code::conflict when the
// route does not fit the plan any more.
Result<catalog::Route> settled(const catalog::Route& route, const Rollout& rollout);

}  // namespace sovmesh::rollout
