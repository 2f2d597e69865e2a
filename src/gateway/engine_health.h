#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/random.h"
#include "engine/engine.h"
#include "observe/log.h"
#include "routing/latency_watch.h"
#include "routing/outlier.h"
#include "routing/poison.h"
#include "routing/retry_budget.h"
#include "routing/slow_start.h"

namespace sovmesh::gateway {

class Attempts;

// What requests show of the engines they run on: who has failed too often and is out for a while,
// who comes back and gets little at first, who is slow, which requests break engines, how much may
// be tried again. Engines that serve the same model are judged together. Shared by all workers.
class EngineHealth {
 public:
  EngineHealth(const Clock& clock, Random& random, const observe::Log& log);
  ~EngineHealth();
  // Who is told, besides the log, that an engine was "ejected" or has "returned". Before requests
  // run; called on any of their threads.
  using Tell = std::function<void(const std::string& engine, std::string_view state)>;
  void tell(Tell tell) { tell_ = std::move(tell); }

  using Engines = std::span<const std::shared_ptr<engine::Engine>>;
  // For the dispatcher, which decides who goes where.
  struct Standing {
    bool is_out = false;
    bool is_on_trial = false;  // gets one request at a time
    double weight = 1;  // its part of the requests: less for who has just come back or is slow
    int allowed = 0;    // requests at once
    friend bool operator==(const Standing&, const Standing&) = default;
  };
  // `taken`: slots of ours that are taken there, where that is known.
  Standing standing(const engine::Engine& engine, int taken = 0);
  // How many requests it can bear at once: a quarter more than its slots (not where slots are
  // tenants'), and less when its time to first token shows that it is too much.
  int allowed(const engine::Engine& engine) { return standing(engine).allowed; }

  // How long such a request is refused, because it made engines fail. Nothing: it may run.
  std::optional<std::chrono::nanoseconds> quarantined(TenantId tenant, const Digest& body);

  // It has had nothing to do for kIdle, and others could take its place: time for a probe that
  // makes it generate. Until probed() says how that went it is not due again.
  static constexpr std::chrono::seconds kIdle{60};
  bool take_probe(const engine::Engine& engine);
  // What succeeds brings it back, what fails counts.
  void probed(const engine::Engine& engine, bool ok);

  enum class Condition : std::uint8_t { in, slow, ramping, on_trial, ejected };
  static constexpr std::array kConditions{Condition::in, Condition::slow, Condition::ramping,
                                          Condition::on_trial, Condition::ejected};
  Condition condition(const engine::Engine& engine);

  struct Totals {
    std::uint64_t ejections = 0;
    std::uint64_t overflows = 0;  // due, but too many were out
    std::uint64_t retries = 0;
    std::uint64_t retries_refused = 0;  // no budget
    std::uint64_t poisonous = 0;        // requests found to break engines
  };
  Totals totals();

 private:
  friend class Attempts;
  struct Host;
  struct Group;
  struct Place {
    std::shared_ptr<Group> group;
    routing::EndpointIndex index = 0;
  };
  struct Event {
    std::string engine;
    std::string_view state;
  };
  struct State {
    std::unordered_map<const engine::Engine*, Place> places;
    std::vector<std::shared_ptr<Group>> groups;
    routing::PoisonList poison;
    Totals totals;
    Instant next_interval{};
    std::vector<Event> events;
  };

  // Runs `use(state, now)` under the lock, with the intervals that are due behind it; then logs.
  template <class F>
  auto locked(F&& use);
  void pass_intervals(State& state, Instant now);
  static void prune(State& state);
  Place join(State& state, Engines engines);
  Place place_of(State& state, const engine::Engine& engine);
  Place add(State& state, const std::shared_ptr<Group>& group, const engine::Engine& engine,
            std::weak_ptr<const engine::Engine> life);
  static void refresh(State& state, Group& group, routing::EndpointIndex index);
  double part_of_one();  // of [0, 1)
  void log_events(const std::vector<Event>& events) const;

  const Clock& clock_;
  Random& random_;
  const observe::Log& log_;
  Tell tell_;
  Guarded<State> state_;
};

std::string_view name(EngineHealth::Condition condition);

// What an engine's failure shows of it; nothing when that is not its fault, or an administrator
// has stopped it.
std::optional<routing::Seen> what_it_shows(const Error& error, const engine::Engine& engine,
                                           bool has_answered);

// The attempts of one request, one engine after another. The destructor ends what is under way.
class Attempts {
 public:
  Attempts() = default;
  // `body`: what is the same when the same is sent again.
  Attempts(EngineHealth& health, TenantId tenant, const Digest& body)
      : health_(&health), tenant_(tenant), body_(body) {}
  Attempts(Attempts&& other) noexcept { *this = std::move(other); }
  Attempts& operator=(Attempts&& other) noexcept;
  ~Attempts();

  // Ends the one before. `engine` is among them.
  void begin(EngineHealth::Engines among, const engine::Engine& engine);
  int made() const { return made_; }
  int made_here() const { return made_here_; }  // since the last take_fallback()
  // The first token has come: `time` since dispatch, after so many tokens of the prompt as were in
  // no cache. At once, so that an answer that lasts for minutes says it when it begins.
  void first_token(std::chrono::nanoseconds time, std::int64_t uncached);
  // The engine has failed so; `was_accepted`: it may have seen the request. True: it is the request
  // that breaks engines, and must not go on.
  bool failed(routing::Seen seen, bool was_accepted);
  // The answer is complete. `uncached`: tokens of the prompt that were in no cache, as is known by
  // now; 0 where that is not known.
  void succeeded(std::int64_t uncached) { answer_ = uncached; }
  // The one under way has neither failed nor succeeded: it does not count.
  void take_back();
  // One more attempt, if the budget has it.
  bool take_retry();
  // One with engines of another model, if those answer well or their budget has it; `body` as
  // for the constructor. A first attempt needs no budget.
  bool take_fallback(EngineHealth::Engines among, const Digest& body);

 private:
  // Under the lock.
  void note_answer(EngineHealth::State& state, Instant now);
  void stop_running();
  void leave();

  EngineHealth* health_ = nullptr;
  std::shared_ptr<EngineHealth::Group> group_;  // null: none was made
  routing::EndpointIndex host_ = 0;
  TenantId tenant_{};
  Digest body_{};
  int made_ = 0;
  int made_here_ = 0;
  bool running_ = false;
  bool unanswered_ = false;  // without its first token
  bool retrying_ = false;
  std::optional<std::chrono::nanoseconds> first_token_;  // since dispatch
  std::optional<std::int64_t> answer_;                   // uncached tokens of the prompt
};

}  // namespace sovmesh::gateway
