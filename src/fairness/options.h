#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "fairness/cost.h"

namespace sovmesh::fairness {

// Most that may wait at a time.
struct Caps {
  std::size_t requests = 1'024;
  std::int64_t bytes = 64 << 20;     // of bodies
  std::int64_t tokens = 16'000'000;  // input and capped output
};

struct ClassOptions {
  // Of what the pool does while the class has somebody waiting; what others leave comes on top.
  double min_share = 0;
  // Goes before everything but the minimum shares of the other classes.
  bool strict = false;
  Caps caps{.requests = 32'768, .bytes = std::int64_t{1} << 30, .tokens = 500'000'000};
};

struct Options {
  std::array<ClassOptions, kClasses> classes = {
      ClassOptions{.min_share = 0.6}, {.min_share = 0.3}, {.min_share = 0.1}};
  Caps tenant_caps;  // each tenant, all its classes together

  // Q: among siblings whose counters are at most this far (GPU-microseconds by weight) above the
  // lowest, the request with the best gain goes first. 0: always the lowest.
  Micros locality_window = 0;
  std::uint32_t window_candidates = 4;  // most requests compared per decision

  std::chrono::seconds idle_ttl{300};     // after that a counter is forgotten
  std::chrono::seconds debt_max{600};     // of share: a debt above that is forgiven on return
  std::chrono::seconds burst{10};         // of nominal: unserved guarantee that is made up for
  std::chrono::seconds return_credit{1};  // of nominal: claimed at once by who was idle
  std::chrono::seconds aging{60};  // a request without a deadline sorts as if it had this one
  std::chrono::seconds epoch{60};  // weights of borrowed capacity are constant within
  std::chrono::seconds half_life{86'400};  // of the history that sets them
  double history_factor_max = 2;  // it moves a weight between 1/this and this; 1: not at all

  // Who is late for its target, and in the way of others, waits for a better moment: while nobody
  // is served who is more than this part of U (docs/scheduling.md) ahead of it...
  double late_part = 0.25;
  // ...and no longer than this after it came, nor than half of the time to its deadline.
  std::chrono::seconds late_max{300};

  std::uint32_t bypass_max = 16;  // k: then a place is held for a request that others went past
  std::uint32_t holds_max = 4;    // requests for which places are held at a time
  std::chrono::milliseconds recheck{5};  // until a request that fitted nowhere is tried again
  std::uint32_t probes_max = 64;         // most Placement::gain calls per decision
  std::uint32_t leaf_probes = 4;         // most requests of one user tried per decision

  // Somebody waits for what is guaranteed to it: so long until borrowers have to give way...
  std::chrono::milliseconds reclaim_after{1'000};
  // ...and so many more output tokens may one have then that can only be cut.
  std::int32_t borrower_tokens_max = 1'024;

  std::size_t requests_max = 65'536;  // waiting and running, of all: memory is taken at start
  std::size_t users_max = 65'536;     // known at a time; those beyond share one place per parent
};

// Code::config_invalid, with the field as its param, for shares that are negative or sum to more
// than 1, no share for a class that is not strict while another one has none either, bounds of 0.
Result<void> validate(const Options& options);

}  // namespace sovmesh::fairness
