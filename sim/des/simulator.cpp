#include "sim/des/simulator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <deque>
#include <optional>
#include <queue>
#include <string>

namespace sovmesh::des {
namespace {

using std::chrono::microseconds;

Instant instant(microseconds since_begin) { return Instant(since_begin); }

float seconds_between(Instant from, Instant to) {
  return std::chrono::duration<float>(to - from).count();
}

struct Event {
  enum class Kind : std::uint8_t { step, scrape, scraped, fault, fault_over, wake };
  Instant at{};
  std::uint64_t number = 0;  // events of one instant happen in the order in which they were made
  Kind kind{};
  std::uint32_t index = 0;       // endpoint or fault
  std::uint32_t generation = 0;  // of the endpoint's steps: a crash voids the one that runs
  friend bool operator>(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }
};

// What the run knows of a request beside its record.
struct Flight {
  EndpointNumber endpoint = 0;
  std::uint8_t retries = 0;
  std::uint32_t told = 0;  // output tokens of which the policies know
  // Of its arrival, where a token finds them.
  std::uint32_t tenant = 0;
  std::uint32_t leaves_after = 0;
};

// One simulation from the first arrival to the last token. `now_` only goes up.
class Run : Placer {
 public:
  Run(const Workload& workload, const SimulatorOptions& options, std::unique_ptr<Chooser> chooser,
      std::unique_ptr<Order> order, std::vector<EngineModel>& engines)
      : workload_(workload),
        options_(options),
        chooser_(std::move(chooser)),
        order_(std::move(order)),
        engines_(engines),
        records_(workload.arrivals.size()),
        flights_(workload.arrivals.size()),
        generations_(engines.size()),
        down_(engines.size()),
        stale_(engines.size()),
        watch_(workload.tenants.size(), weights()),
        rates_(cost_rates(options.engine)) {}

  Summary run(const Progress& progress) {
    const Instant end = instant(workload_.length() + options_.drain_max);
    for (std::uint32_t i = 0; i < options_.faults.size(); ++i)
      schedule(instant(options_.faults[i].at), Event::Kind::fault, i);
    if (chooser_->wants_scrapes()) schedule({}, Event::Kind::scrape, 0);
    const std::size_t step = std::max<std::size_t>(1, workload_.arrivals.size() / 200);
    while (unsettled_ + workload_.arrivals.size() - next_arrival_ > 0 && advance(end)) {
      if (progress && settled_ / step != reported_)
        progress(static_cast<double>((reported_ = settled_ / step) * step) /
                 static_cast<double>(workload_.arrivals.size()));
    }
    Summary out = summarise(workload_, records_, engines_, watch_, options_.slo);
    out.decisions = decisions_;
    out.bound = order_->bound();
    return out;
  }

  std::optional<EndpointNumber> place(RequestNumber request) override {
    ++decisions_;
    return chooser_->choose(request, now_);
  }
  std::optional<double> gain(RequestNumber request) override {
    return chooser_->gain(request, now_);
  }
  void hold(RequestNumber request) override { chooser_->hold(request, now_); }
  bool is_in_the_way(RequestNumber request) override {
    return chooser_->is_in_the_way(request, now_);
  }
  void drop_hold(RequestNumber request) override { chooser_->drop_hold(request); }

 private:
  std::vector<double> weights() const {
    std::vector<double> out(workload_.tenants.size(), 1.0);
    for (const TenantShare& share : options_.shares.tenants)
      if (const auto at = std::ranges::find(workload_.tenants, share.tenant);
          at != workload_.tenants.end())
        out[static_cast<std::size_t>(at - workload_.tenants.begin())] = share.weight;
    return out;
  }

  void schedule(Instant at, Event::Kind kind, std::uint32_t index, std::uint32_t generation = 0) {
    events_.push({.at = at,
                  .number = ++event_number_,
                  .kind = kind,
                  .index = index,
                  .generation = generation});
  }

  // The next thing that happens; false when nothing does before `end`.
  bool advance(Instant end) {
    const bool arrivals = next_arrival_ < workload_.arrivals.size();
    if (!arrivals && events_.empty()) return false;
    const Instant arrival =
        arrivals ? instant(workload_.arrivals[next_arrival_].at) : Instant::max();
    if (events_.empty() || arrival <= events_.top().at) {
      now_ = arrival;
      arrive(static_cast<RequestNumber>(next_arrival_++));
      return true;
    }
    const Event event = events_.top();
    events_.pop();
    if (event.at > end) return false;
    now_ = event.at;
    handle(event);
    return true;
  }

  void handle(const Event& event) {
    switch (event.kind) {
      case Event::Kind::step:
        return finish_step(event);
      case Event::Kind::scrape:
        return scrape();
      case Event::Kind::scraped:
        return deliver_scrape();
      case Event::Kind::fault:
        return begin_fault(event.index);
      case Event::Kind::fault_over:
        return end_fault(event.index);
      case Event::Kind::wake:
        return dispatch();
    }
  }

  // --- requests ---

  const Arrival& arrival(RequestNumber request) const { return workload_.arrivals[request]; }
  Instant arrived(RequestNumber request) const { return instant(arrival(request).at); }

  void arrive(RequestNumber request) {
    ++unsettled_;
    enqueue(request);
    dispatch();
  }

  void enqueue(RequestNumber request) {
    watch_.on_wait(arrival(request).tenant, now_);
    refused_.clear();
    order_->push(request, now_, refused_);
    for (const RequestNumber gone : refused_) {
      watch_.on_left_queue(arrival(gone).tenant, now_);
      records_[gone].refused = true;
      settle();
    }
  }

  void settle() {
    --unsettled_;
    ++settled_;
  }

  void dispatch() {
    while (order_->waiting() > 0) {
      const std::optional<Placed> placed = order_->next(*this, now_);
      if (!placed) break;
      send(placed->request, placed->endpoint);
    }
    if (const Instant wake = order_->next_wake();
        order_->waiting() > 0 && wake > now_ && wake < wake_at_) {
      wake_at_ = wake;
      schedule(wake, Event::Kind::wake, 0);
    }
    if (wake_at_ <= now_) wake_at_ = Instant::max();
  }

  void send(RequestNumber request, EndpointNumber endpoint) {
    const Arrival& what = arrival(request);
    watch_.on_sent(what.tenant, now_);
    if (records_[request].wait < 0)
      records_[request].wait = seconds_between(arrived(request), now_);
    Flight& flight = flights_[request];
    flight.endpoint = endpoint;
    flight.tenant = what.tenant;
    flight.leaves_after = what.leaves_after;
    if (down_[endpoint]) return lose(request);
    watch_.on_service(what.tenant,
                      static_cast<double>(
                          rates_.of(what.input_tokens - what.known_cached, what.known_cached, 0)));
    EngineModel& engine = engines_[endpoint];
    const bool idle = !engine.step_end();
    const bool fits = engine.submit({.request = request,
                                     .input_tokens = what.input_tokens,
                                     .output_tokens = what.output_tokens,
                                     .chain = workload_.chain(what),
                                     .known_cached = what.known_cached,
                                     .lora = what.lora},
                                    now_);
    if (!fits) return fail(request);
    if (idle) schedule_step(endpoint);
  }

  void schedule_step(EndpointNumber endpoint) {
    if (const auto end = engines_[endpoint].step_end())
      schedule(*end, Event::Kind::step, endpoint, generations_[endpoint]);
  }

  void finish_step(const Event& event) {
    const auto endpoint = static_cast<EndpointNumber>(event.index);
    if (event.generation != generations_[endpoint]) return;
    engines_[endpoint].finish_step(now_, tokens_);
    prefetch();
    bool room = false;
    for (const Token& token : tokens_)
      room = take_token(token) || room;
    schedule_step(endpoint);
    if (room) dispatch();
  }

  // The requests of a step lie all over the memory. Asked for together they come together.
  void prefetch() const {
    for (const Token& token : tokens_) {
      __builtin_prefetch(&records_[token.request]);
      __builtin_prefetch(&flights_[token.request]);
      chooser_->prefetch(token.request);
      order_->prefetch(token.request);
    }
  }

  // True when it may have made room for others.
  bool take_token(const Token& token) {
    Record& record = records_[token.request];
    Flight& flight = flights_[token.request];
    ++record.output;
    watch_.on_service(flight.tenant, rates_.output);
    if (token.first) {
      record.first = seconds_between(arrived(token.request), now_);
      chooser_->on_first_token(token.request, now_);
    }
    const bool leaves =
        flight.leaves_after > 0 && record.output >= flight.leaves_after && !token.last;
    const bool over = token.last || leaves;
    if (over || record.output - flight.told >= options_.stream_chunk) {
      const std::int64_t more = record.output - flight.told;
      flight.told = record.output;
      chooser_->on_token(token.request, more, now_);
      order_->on_token(token.request, more, now_);
    }
    if (!over) return token.first;
    record.last = seconds_between(arrived(token.request), now_);
    record.left = leaves;
    if (leaves) engines_[flight.endpoint].cancel(token.request);
    finish(token.request, false);
    return true;
  }

  void finish(RequestNumber request, bool failed) {
    chooser_->on_done(request, failed, now_);
    order_->on_done(request, records_[request].output, now_);
    settle();
  }

  void fail(RequestNumber request) {
    records_[request].failed = true;
    finish(request, true);
  }

  // Its engine has gone. Before the first token another one may try; after it the client has seen
  // an error.
  void lose(RequestNumber request) {
    Flight& flight = flights_[request];
    chooser_->on_health(flight.endpoint, false);
    if (records_[request].output > 0 || flight.retries == options_.retries_max)
      return fail(request);
    ++flight.retries;
    chooser_->on_done(request, true, now_);
    order_->on_done(request, 0, now_);
    enqueue(request);
  }

  // --- the world ---

  void scrape() {
    std::vector<std::optional<EngineReport>> reports(engines_.size());
    for (std::size_t i = 0; i < engines_.size(); ++i)
      if (!stale_[i] && !down_[i]) reports[i] = engines_[i].report();
    scrapes_.push_back({.at = now_, .reports = std::move(reports)});
    schedule(now_ + options_.scrape_delay, Event::Kind::scraped, 0);
    schedule(now_ + options_.scrape_every, Event::Kind::scrape, 0);
  }

  void deliver_scrape() {
    const Scrape scrape = std::move(scrapes_.front());
    scrapes_.pop_front();
    for (std::size_t i = 0; i < scrape.reports.size(); ++i)
      if (scrape.reports[i])
        chooser_->on_scrape(static_cast<EndpointNumber>(i), *scrape.reports[i], scrape.at, now_);
    dispatch();
  }

  void begin_fault(std::uint32_t index) {
    const Fault& fault = options_.faults[index];
    const Instant over = instant(fault.at + fault.lasts);
    schedule(over, Event::Kind::fault_over, index);
    if (fault.kind == Fault::Kind::slow) return engines_[fault.endpoint].set_speed(fault.speed);
    if (fault.kind == Fault::Kind::stale) {
      stale_[fault.endpoint] = true;
      return;
    }
    down_[fault.endpoint] = true;
    ++generations_[fault.endpoint];
    for (const RequestNumber request : engines_[fault.endpoint].crash(now_, over))
      lose(request);
    dispatch();
  }

  void end_fault(std::uint32_t index) {
    const Fault& fault = options_.faults[index];
    if (fault.kind == Fault::Kind::slow) engines_[fault.endpoint].set_speed(1);
    if (fault.kind == Fault::Kind::stale) stale_[fault.endpoint] = false;
    if (fault.kind != Fault::Kind::crash) return;
    down_[fault.endpoint] = false;
    chooser_->on_health(fault.endpoint, true);
    dispatch();
  }

  struct Scrape {
    Instant at{};
    std::vector<std::optional<EngineReport>> reports;
  };

  const Workload& workload_;
  const SimulatorOptions& options_;
  std::unique_ptr<Chooser> chooser_;
  std::unique_ptr<Order> order_;
  std::vector<EngineModel>& engines_;
  std::vector<Record> records_;
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> generations_;
  std::vector<bool> down_;
  std::vector<bool> stale_;
  ServiceWatch watch_;
  fairness::CostRates rates_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::deque<Scrape> scrapes_;  // at most delay / period + 1
  std::vector<Token> tokens_;
  std::vector<RequestNumber> refused_;
  std::uint64_t event_number_ = 0;
  std::uint64_t decisions_ = 0;
  std::size_t next_arrival_ = 0;
  std::size_t unsettled_ = 0;
  std::size_t settled_ = 0;
  std::size_t reported_ = 0;
  Instant now_{};
  Instant wake_at_ = Instant::max();
};

Result<void> check(const Workload& workload, const SimulatorOptions& options) {
  if (workload.arrivals.empty())
    return client_error(Code::invalid_value, "the workload has no requests");
  if (options.endpoints == 0 || options.endpoints > kEndpointsMax)
    return client_error(Code::invalid_value,
                        "endpoints: want 1 to " + std::to_string(kEndpointsMax));
  if (!options.engine.valid())
    return client_error(Code::invalid_value, "engine: want positive rates, memory and chunks");
  if (options.scrape_every.count() <= 0 || options.stream_chunk == 0)
    return client_error(Code::invalid_value, "scrape period and stream chunk: want more than 0");
  for (const Fault& fault : options.faults)
    if (fault.endpoint >= options.endpoints)
      return client_error(Code::invalid_value,
                          "fault: there is no endpoint " + std::to_string(fault.endpoint));
  return {};
}

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
  const auto wrong = [&] {
    return client_error(
        Code::invalid_value,
        "fault: want KIND:ENDPOINT:AT:LASTS in seconds, with :SPEED for slow; kinds "
        "are crash, slow and stale; not \"" +
            std::string(text) + "\"");
  };
  std::array<double, 4> numbers{0, 0, 0, 0.5};
  const std::string_view kind = text.substr(0, text.find(':'));
  std::string_view rest = text.substr(std::min(kind.size(), text.size()));
  std::size_t given = 0;
  while (rest.starts_with(':') && given < numbers.size()) {
    rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find(':'));
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), numbers[given++]);
    if (parsed.ec != std::errc() || parsed.ptr != part.data() + part.size()) return wrong();
    rest.remove_prefix(part.size());
  }
  const auto [endpoint, at, lasts, speed] = numbers;
  if (!rest.empty() || given < 3 || !(endpoint >= 0 && endpoint < kEndpointsMax) ||
      !(at >= 0 && at < 1e9) || !(lasts > 0 && lasts < 1e9) || !(speed > 0 && speed <= 100))
    return wrong();
  Fault fault{.endpoint = static_cast<EndpointNumber>(endpoint),
              .at = microseconds(static_cast<std::int64_t>(at * 1e6)),
              .lasts = microseconds(static_cast<std::int64_t>(lasts * 1e6)),
              .speed = speed};
  if (kind == "slow") {
    fault.kind = Fault::Kind::slow;
  } else if (kind == "stale") {
    fault.kind = Fault::Kind::stale;
  } else if (kind != "crash" || given != 3) {
    return wrong();
  }
  return fault;
}

namespace {

routing::Targets targets_of(const Slo& slo) {
  const auto micros = [](double seconds) {
    return std::chrono::microseconds(std::llround(seconds * 1e6));
  };
  return {.first_token = micros(slo.first_s),
          .first_token_per_1000 = micros(1'000 / slo.input_tokens_per_s),
          .per_token = micros(slo.per_output_s)};
}

}  // namespace

Result<Summary> simulate(const Workload& workload, const SimulatorOptions& options,
                         const PolicyName& policy, std::uint64_t seed, const Progress& progress) {
  TRY_VOID(check(workload, options));
  EngineSpec engine = options.engine;
  engine.block_tokens = workload.block_tokens;
  std::vector<EngineModel> engines(options.endpoints, EngineModel(engine));
  PoolContext pool{.workload = workload, .engine = engine, .engines = engines, .seed = seed};
  if (options.has_targets) pool.targets = targets_of(options.slo);
  TRY(auto order, make_order(policy.order, pool, options.shares));
  Run run(workload, options, make_chooser(policy.chooser, pool), std::move(order), engines);
  return run.run(progress);
}

}  // namespace sovmesh::des
