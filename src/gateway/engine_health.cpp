#include "gateway/engine_health.h"

#include <algorithm>

#include "routing/adaptive_limit.h"
#include "routing/circuit_breaker.h"

namespace sovmesh::gateway {

using routing::EndpointIndex;
using routing::OutlierDetector;
using routing::Seen;

namespace {

const OutlierDetector::Settings& settings() {
  static const OutlierDetector::Settings ours = OutlierDetector::Settings::ours();
  return ours;
}
// After a long silence nothing older than this is left to pass.
constexpr int kIntervalsAtOnceMax = OutlierDetector::kIntervalsMax + 1;

std::int64_t circuit_of(const engine::Engine& engine) {
  const int slots = std::max(engine.slots(), 1);
  return engine.capabilities().tenant_slots ? slots : routing::requests_max_for(slots);
}

}  // namespace

struct EngineHealth::Host {
  const engine::Engine* engine = nullptr;  // null: the place is free
  std::weak_ptr<const engine::Engine> life;
  std::string name;
  routing::SlowStart start = routing::SlowStart::full();
  std::optional<Instant> returned_at;
  bool was_out = false;
  std::size_t running = 0;
  std::int64_t unanswered = 0;  // of these, without a first token
  Instant last_begun{};
  std::optional<routing::AdaptiveLimit> limit;  // while the place is taken
  // Its last answer was good: then a failure may be the request's.
  bool is_well = false;
};

struct EngineHealth::Group {
  explicit Group(Random& random) : outliers(settings(), random) {}
  std::vector<Host> hosts;
  OutlierDetector outliers;
  routing::LatencyWatch latency;
  routing::RetryBudget budget;
};

EngineHealth::EngineHealth(const Clock& clock, Random& random, const observe::Log& log)
    : clock_(clock), random_(random), log_(log) {
  state_.with([&](State& state) { state.next_interval = clock.now() + settings().interval; });
}
EngineHealth::~EngineHealth() = default;

template <class F>
auto EngineHealth::locked(F&& use) {
  std::vector<Event> events;
  auto result = state_.with([&](State& state) {
    const Instant now = clock_.now();
    pass_intervals(state, now);
    auto made = use(state, now);
    events = std::exchange(state.events, {});
    return made;
  });
  log_events(events);
  return result;
}

void EngineHealth::log_events(const std::vector<Event>& events) const {
  for (const Event& event : events) {
    observe::LogLine line = log_.line(observe::Level::warning, "engine_health");
    line.add("engine", event.engine).add_plain("state", event.state);
    log_.write(std::move(line));
    if (tell_) tell_(event.engine, event.state);
  }
}

void EngineHealth::pass_intervals(State& state, Instant now) {
  if (now < state.next_interval) return;
  prune(state);
  int passed = 0;
  for (; now >= state.next_interval && passed < kIntervalsAtOnceMax; ++passed) {
    for (const auto& group : state.groups) {
      group->outliers.on_interval(now);
      group->latency.on_interval();
    }
    state.next_interval += settings().interval;
  }
  if (now >= state.next_interval) state.next_interval = now + settings().interval;
  for (const auto& group : state.groups)
    for (std::size_t i = 0; i < group->hosts.size(); ++i)
      refresh(state, *group, static_cast<EndpointIndex>(i));
}

// Engines that are gone leave their places.
void EngineHealth::prune(State& state) {
  std::erase_if(state.places, [](const auto& entry) {
    const Place& place = entry.second;
    Host& host = place.group->hosts[place.index];
    if (!host.life.expired()) return false;
    host = {};
    place.group->outliers.remove(place.index);
    place.group->latency.forget(place.index);
    return true;
  });
  std::erase_if(state.groups, [](const auto& group) {
    return std::ranges::all_of(group->hosts, [](const Host& host) { return !host.engine; });
  });
}

double EngineHealth::part_of_one() { return random_.below(1U << 30U) / double{1U << 30U}; }

// What the rules decided about a host becomes its state: who comes back begins on trial.
void EngineHealth::refresh(State& state, Group& group, EndpointIndex index) {
  Host& host = group.hosts[index];
  if (host.engine == nullptr) return;
  if (const auto returned = group.outliers.returned_at(index); returned != host.returned_at) {
    host.returned_at = returned;
    host.start.restart();
    host.is_well = false;
    group.latency.forget(index);
  }
  const bool out = group.outliers.ejected(index);
  if (out == host.was_out) return;
  host.was_out = out;
  if (out) ++state.totals.ejections;
  state.events.push_back({host.name, out ? "ejected" : "returned"});
}

EngineHealth::Place EngineHealth::add(State& state, const std::shared_ptr<Group>& group,
                                      const engine::Engine& engine,
                                      std::weak_ptr<const engine::Engine> life) {
  const auto is_free = [](const Host& host) { return host.engine == nullptr; };
  auto at = std::ranges::find_if(group->hosts, is_free);
  if (at == group->hosts.end()) at = group->hosts.insert(at, Host{});
  *at = {.engine = &engine, .life = std::move(life), .name = std::string(engine.name())};
  const std::int64_t most = circuit_of(engine);
  at->last_begun = clock_.now();
  at->limit.emplace(
      routing::AdaptiveLimit::Bounds{.floor = std::max<std::int64_t>(most / 2, 1), .ceiling = most},
      part_of_one(), at->last_begun);
  const Place place{group, static_cast<EndpointIndex>(at - group->hosts.begin())};
  group->outliers.add(place.index);
  return state.places.insert_or_assign(&engine, place).first->second;
}

// All of `engines` come into one group, with whom they are together already; the place of the
// first.
EngineHealth::Place EngineHealth::join(State& state, Engines engines) {
  const auto known = [&](const auto& engine) -> const Place* {
    const auto found = state.places.find(engine.get());
    if (found == state.places.end()) return nullptr;
    const bool is_same = !found->second.group->hosts[found->second.index].life.expired();
    return is_same ? &found->second : nullptr;
  };
  const Place* const first = known(engines.front());
  const bool is_one = first != nullptr && std::ranges::all_of(engines, [&](const auto& engine) {
                        const Place* const place = known(engine);
                        return place != nullptr && place->group == first->group;
                      });
  if (is_one) return *first;
  prune(state);
  std::shared_ptr<Group> group;
  for (const auto& engine : engines)
    if (const Place* const place = known(engine); place != nullptr && !group) group = place->group;
  if (!group) group = state.groups.emplace_back(std::make_shared<Group>(random_));
  for (const auto& engine : engines) {
    const Place* const place = known(engine);
    if (place == nullptr) {
      add(state, group, *engine, engine);
    } else if (place->group != group) {
      const std::shared_ptr<Group> other = place->group;
      for (const Host& host : other->hosts)
        if (host.engine != nullptr) add(state, group, *host.engine, host.life);
      std::erase(state.groups, other);
    }
  }
  return state.places.at(engines.front().get());
}

EngineHealth::Place EngineHealth::place_of(State& state, const engine::Engine& engine) {
  const auto found = state.places.find(&engine);
  return found == state.places.end() ? Place{} : found->second;
}

EngineHealth::Standing EngineHealth::standing(const engine::Engine& engine, int taken) {
  return locked([&](State& state, Instant now) {
    const std::int64_t most = circuit_of(engine);
    const Place place = place_of(state, engine);
    if (!place.group) return Standing{.allowed = static_cast<int>(most)};
    Group& group = *place.group;
    Host& host = group.hosts[place.index];
    if (taken > 0) host.limit->look(taken, host.unanswered, part_of_one(), now);
    // Measured once, at whatever load there was.
    const bool is_known = host.limit->best() > 0;
    // With too many out nobody is.
    const bool is_judged = !group.outliers.panic();
    return Standing{
        .is_out = is_judged && group.outliers.ejected(place.index),
        .is_on_trial = is_judged && host.start.on_trial(),
        .weight = host.start.weight(now) * group.latency.weight(place.index),
        .allowed = static_cast<int>(is_known ? std::min(most, host.limit->limit()) : most)};
  });
}

std::optional<std::chrono::nanoseconds> EngineHealth::quarantined(TenantId tenant,
                                                                  const Digest& body) {
  return locked([&](State& state, Instant now) -> std::optional<std::chrono::nanoseconds> {
    if (const auto until = state.poison.quarantined(tenant, body, now)) return *until - now;
    return std::nullopt;
  });
}

void EngineHealth::probed(const engine::Engine& engine, bool ok) {
  locked([&](State& state, Instant now) {
    const Place place = place_of(state, engine);
    if (!place.group) return 0;
    if (ok) {
      place.group->outliers.on_probe_ok(place.index, now);
    } else {
      place.group->outliers.on_result(place.index, Seen::error, now);
    }
    refresh(state, *place.group, place.index);
    return 0;
  });
}

bool EngineHealth::take_probe(const engine::Engine& engine) {
  return locked([&](State& state, Instant now) {
    const Place place = place_of(state, engine);
    if (!place.group || place.group->outliers.hosts() < 2) return false;
    Host& host = place.group->hosts[place.index];
    if (host.running > 0 || now - host.last_begun < kIdle) return false;
    host.last_begun = now;
    return true;
  });
}

EngineHealth::Condition EngineHealth::condition(const engine::Engine& engine) {
  return locked([&](State& state, Instant now) {
    const Place place = place_of(state, engine);
    if (!place.group) return Condition::in;
    const Host& host = place.group->hosts[place.index];
    if (place.group->outliers.ejected(place.index)) return Condition::ejected;
    if (host.start.on_trial()) return Condition::on_trial;
    if (host.start.weight(now) < 1) return Condition::ramping;
    return place.group->latency.weight(place.index) < 1 ? Condition::slow : Condition::in;
  });
}

EngineHealth::Totals EngineHealth::totals() {
  return locked([](State& state, Instant) {
    Totals totals = state.totals;
    for (const auto& group : state.groups) {
      totals.overflows += group->outliers.overflows();
      totals.retries_refused += group->budget.refused();
    }
    return totals;
  });
}

std::string_view name(EngineHealth::Condition condition) {
  switch (condition) {
    case EngineHealth::Condition::in:
      return "in";
    case EngineHealth::Condition::slow:
      return "slow";
    case EngineHealth::Condition::ramping:
      return "ramping";
    case EngineHealth::Condition::on_trial:
      return "on_trial";
    case EngineHealth::Condition::ejected:
      return "ejected";
  }
  return "";
}

std::optional<Seen> what_it_shows(const Error& error, const engine::Engine& engine,
                                  bool has_answered) {
  if (error.blame() != Blame::upstream || engine.is_out_of_service()) return std::nullopt;
  switch (error.code()) {
    case Code::overloaded:  // busy, not broken
    case Code::model_loading:
    case Code::no_healthy_backend:
      return std::nullopt;
    case Code::upstream_timeout:
    case Code::first_token_timeout:
      return Seen::local;
    default:
      return has_answered ? Seen::error : Seen::local;
  }
}

Attempts& Attempts::operator=(Attempts&& other) noexcept {
  std::swap(health_, other.health_);
  std::swap(group_, other.group_);
  std::swap(host_, other.host_);
  std::swap(tenant_, other.tenant_);
  std::swap(body_, other.body_);
  std::swap(made_, other.made_);
  std::swap(made_here_, other.made_here_);
  std::swap(running_, other.running_);
  std::swap(unanswered_, other.unanswered_);
  std::swap(retrying_, other.retrying_);
  std::swap(first_token_, other.first_token_);
  std::swap(answer_, other.answer_);
  return *this;
}

Attempts::~Attempts() {
  if (!group_) return;
  health_->locked([&](EngineHealth::State& state, Instant now) {
    if (answer_) note_answer(state, now);
    leave();
    return 0;
  });
}

void Attempts::note_answer(EngineHealth::State& state, Instant now) {
  EngineHealth::Host& host = group_->hosts[host_];
  if (!running_ || host.engine == nullptr) return;
  group_->outliers.on_result(host_, Seen::ok, now);
  host.start.on_success(now);
  host.is_well = true;
  state.poison.on_success(tenant_, body_);
  if (first_token_ && *answer_ > 0) {
    const std::chrono::duration<double> time = *first_token_;
    group_->latency.observe(host_, time.count(), static_cast<double>(*answer_));
  }
}

void Attempts::stop_running() {
  EngineHealth::Host& host = group_->hosts[host_];
  if (std::exchange(running_, false)) --host.running;
  if (std::exchange(unanswered_, false)) --host.unanswered;
}

void Attempts::leave() {
  stop_running();
  if (std::exchange(retrying_, false)) group_->budget.on_retry_done();
  group_->budget.on_request_done(answer_.has_value());
}

void Attempts::begin(EngineHealth::Engines among, const engine::Engine& engine) {
  health_->locked([&](EngineHealth::State& state, Instant now) {
    health_->join(state, among);
    const EngineHealth::Place place = state.places.at(&engine);
    if (group_ == place.group) {
      stop_running();
    } else {
      if (group_) leave();
      group_ = place.group;
      group_->budget.on_request();
    }
    host_ = place.index;
    ++made_;
    ++made_here_;
    running_ = unanswered_ = true;
    first_token_.reset();
    EngineHealth::Host& host = group_->hosts[host_];
    ++host.running;
    ++host.unanswered;
    host.last_begun = now;
    return 0;
  });
}

void Attempts::first_token(std::chrono::nanoseconds time, std::int64_t uncached) {
  if (!unanswered_) return;
  first_token_ = time;
  health_->locked([&](EngineHealth::State&, Instant now) {
    EngineHealth::Host& host = group_->hosts[host_];
    unanswered_ = false;
    if (host.engine == nullptr) return 0;  // it has been removed meanwhile
    --host.unanswered;
    if (uncached > 0) host.limit->on_first_token(time, uncached, health_->part_of_one(), now);
    return 0;
  });
}

bool Attempts::failed(Seen seen, bool was_accepted) {
  return health_->locked([&](EngineHealth::State& state, Instant now) {
    EngineHealth::Host& host = group_->hosts[host_];
    if (host.engine == nullptr) return false;  // it has been removed meanwhile
    // An engine that fails others, too, proves nothing against this request.
    const bool was_well = std::exchange(host.is_well, false);
    const bool may_be_request = was_accepted && was_well && body_ != Digest{};
    routing::PoisonList::Failed found;
    if (may_be_request) found = state.poison.on_failure(tenant_, body_, host_, now);
    if (found.verdict == routing::PoisonList::Verdict::poison) {
      if (found.forgive) {
        ++state.totals.poisonous;
        group_->outliers.forgive(*found.forgive, seen);
      }
      return true;
    }
    group_->outliers.on_result(host_, seen, now);
    // A failed trial: the next request is one, too.
    EngineHealth::refresh(state, *group_, host_);
    return false;
  });
}

void Attempts::take_back() {
  health_->locked([&](EngineHealth::State&, Instant) {
    stop_running();
    --made_;
    --made_here_;
    return 0;
  });
}

bool Attempts::take_retry() {
  return health_->locked([&](EngineHealth::State& state, Instant) {
    if (std::exchange(retrying_, false)) group_->budget.on_retry_done();  // of a fallback
    if (!group_->budget.try_retry()) return false;
    retrying_ = true;
    ++state.totals.retries;
    return true;
  });
}

bool Attempts::take_fallback(EngineHealth::Engines among, const Digest& body) {
  return health_->locked([&](EngineHealth::State& state, Instant) {
    const auto next = health_->join(state, among).group;
    const bool is_well = std::ranges::any_of(next->hosts, &EngineHealth::Host::is_well);
    const bool needs_budget = made_ > 0 && !is_well;
    if (needs_budget && !next->budget.try_retry()) return false;
    if (made_ > 0) ++state.totals.retries;
    if (group_) leave();
    group_ = next;
    group_->budget.on_request();
    retrying_ = needs_budget;
    made_here_ = 0;
    body_ = body;
    return true;
  });
}

}  // namespace sovmesh::gateway
