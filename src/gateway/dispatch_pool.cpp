#include "gateway/dispatch_pool.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <span>

namespace sovmesh::gateway {
namespace {

// For engines that do not say how much KV memory they have: it only serves to compare then.
constexpr std::int64_t kContextPerSlot = 8'192;
// Nothing more is sent to an engine whose KV memory will be so full: beyond that it has to put
// requests off, or to throw out what it has read. It may be passed by one request.
constexpr double kKvFull = 0.9;
constexpr std::int64_t kRequestsMax = 1 << 20;
constexpr float kNoCredit = 1e9F;
constexpr std::size_t kWaitingAndRunningMax = 32'768;
// Slots that come free are noticed at once; this is for engines that come back by themselves.
constexpr std::chrono::milliseconds kRecheck{10};
// Every request says of which kind it is, so these bound the kinds that are tried, not the
// requests.
constexpr std::uint32_t kProbesMax = 1'024;
// What a request costs where the engine has to be started first.
constexpr float kWakeMicros = 20e6F;
constexpr float kBytesPerToken = 4;
constexpr std::int64_t kNoTokensCap = std::numeric_limits<std::int64_t>::max() / 2;
// Costs are only told in detail where that takes little time.
constexpr std::size_t kExplainedMax = 64;

// Blocks of prompts that are remembered, at some 64 bytes each. There may be many queues of
// engines that no pool names: each has as many as its engines are likely to cache.
std::size_t blocks_max(const PoolSettings& pool) {
  constexpr std::size_t kMost = 1 << 18;
  constexpr std::size_t kLeast = 1 << 15;
  constexpr std::size_t kOfEngine = 1 << 12;
  if (!pool.name.empty()) return kMost;
  return std::clamp(pool.engines.size() * kOfEngine, kLeast, kMost);
}

routing::Picker::Settings picker_settings(const PoolSettings& pool) {
  routing::Picker::Settings settings;
  settings.index.blocks_max = blocks_max(pool);
  settings.cost.kv_credit = kNoCredit;
  settings.cost.prefill_credit_us = kNoCredit * 1e3F;
  settings.cost.stale_us = 0;  // not all engines say how busy they are; what is old is forgotten
  return settings;
}

fairness::Options with_caps(fairness::Options options, std::size_t waiting_per_tenant_max) {
  options.tenant_caps.requests = waiting_per_tenant_max;
  options.requests_max = kWaitingAndRunningMax;
  options.recheck = kRecheck;
  options.probes_max = kProbesMax;
  // What one request may ask for is bounded by its engine, what waits by bytes and requests.
  options.tenant_caps.tokens = kNoTokensCap;
  for (fairness::ClassOptions& each : options.classes)
    each.caps.tokens = kNoTokensCap;
  return options;
}

std::uint64_t mixed(std::uint64_t z) {  // the finish of splitmix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t next_random(std::uint64_t& state) { return mixed(state += 0x9e3779b97f4a7c15); }

routing::PickRequest wanted_of(const SeatRequest& request) {
  return {.chain = request.chain,
          .block_tokens = routing::BlockChain::kTextBlockBytes / kBytesPerToken,
          .input_tokens = request.input_tokens,
          .output_tokens = request.output_expected};
}

// Requests that want as many slots of one of the same engines.
std::uint64_t kind_of(std::span<EngineLane* const> lanes, int slots) {
  std::uint64_t kind = mixed(static_cast<std::uint64_t>(slots));
  for (const EngineLane* lane : lanes)
    kind += mixed(reinterpret_cast<std::uintptr_t>(lane));
  return std::max<std::uint64_t>(kind, 1);
}

}  // namespace

DispatchPool::DispatchPool(PoolSettings settings, std::size_t waiting_per_tenant_max,
                           EngineHealth* health, std::uint64_t seed, Instant now)
    : settings_(std::move(settings)),
      health_(health),
      fair_({}, with_caps(settings_.options, waiting_per_tenant_max), now),
      picker_(picker_settings(settings_)),
      free_(picker_settings(settings_).index.endpoints_max),
      matches_(picker_settings(settings_).index.endpoints_max),
      random_(seed),
      last_(now),
      cleaned_(now) {
  rebuild(now);
}

void DispatchPool::configure(std::vector<fairness::NodeSpec> members,
                             std::optional<double> capacity, Instant now, Woken& woken) {
  now = later(now);
  // Who is no member any more keeps what it has used.
  for (const fairness::NodeSpec& member : settings_.members)
    if (member.level == fairness::Level::tenant) met_.push_back(member.name);
  settings_.members = std::move(members);
  settings_.capacity = capacity;
  rebuild(now);
  serve(now, woken);  // who had to wait for what was changed
}

void DispatchPool::meet(std::vector<std::string> tenants, bool are_all, Instant now) {
  if (!are_all) tenants.insert(tenants.end(), met_.begin(), met_.end());
  met_ = std::move(tenants);
  rebuild(later(now));
}

void DispatchPool::rebuild(Instant now) {
  std::vector<fairness::NodeSpec> specs = settings_.members;
  const auto is_member = [&](const std::string& tenant) {
    return std::ranges::any_of(settings_.members, [&](const fairness::NodeSpec& spec) {
      return spec.level == fairness::Level::tenant && spec.name == tenant;
    });
  };
  std::erase_if(met_, is_member);
  std::ranges::sort(met_);
  const auto doubled = std::ranges::unique(met_);
  met_.erase(doubled.begin(), doubled.end());
  // A tenant may be called as a cohort is; no tenant is called as this.
  const auto node_name = [&](const std::string& tenant) {
    const bool is_cohort =
        std::ranges::any_of(settings_.members, [&](const fairness::NodeSpec& spec) {
          return spec.level == fairness::Level::cohort && spec.name == tenant;
        });
    return is_cohort ? "tenant:" + tenant : tenant;
  };
  for (const std::string& tenant : met_)
    specs.push_back({.name = node_name(tenant)});
  Result<fairness::PoolTree> tree = fairness::PoolTree::build(specs, settings_.capacity);
  if (!tree) return;  // more tenants than a tree can have: the last ones stay strangers
  tenants_.clear();
  projects_.clear();
  for (fairness::NodeId id = 0; id < tree->nodes().size(); ++id) {
    const fairness::PoolTree::Node& node = tree->nodes()[id];
    if (node.spec.level == fairness::Level::tenant) tenants_.emplace(node.spec.name, id);
    if (node.spec.level == fairness::Level::project)
      projects_.emplace(std::pair(tree->nodes()[node.parent].spec.name, node.spec.name), id);
  }
  for (const std::string& tenant : met_)
    tenants_.emplace(tenant, *tree->find(node_name(tenant)));
  fair_.configure(*std::move(tree), now);
}

fairness::NodeId DispatchPool::node_of(const SeatRequest& request) const {
  if (!projects_.empty())
    if (const auto project = projects_.find({request.tenant, request.project});
        project != projects_.end())
      return project->second;
  const auto tenant = tenants_.find(request.tenant);
  return tenant == tenants_.end() ? fairness::kPoolNode : tenant->second;
}

EngineLane* DispatchPool::find_lane(const std::shared_ptr<engine::Engine>& engine) const {
  const auto known = std::ranges::find(
      lanes_, engine, [](const auto& lane) -> const auto& { return lane->engine; });
  return known == lanes_.end() ? nullptr : known->get();
}

// Replicas learn together how fast they are: else one that nobody has tried yet would look slow
// beside one that is known, and never be tried.
std::vector<EngineLane*> DispatchPool::lanes_of(const SeatRequest& request, Instant now) {
  std::vector<EngineLane*> lanes;
  std::optional<std::size_t> rate_class;
  for (const auto& engine : request.engines)
    if (const EngineLane* known = find_lane(engine); known != nullptr && !rate_class)
      rate_class = known->rate_class;
  for (const auto& engine : request.engines) {
    EngineLane* lane = find_lane(engine);
    if (lane == nullptr) {
      if (!rate_class) rate_class = new_rate_class();
      lane = &add_lane(engine, *rate_class, now);
    }
    lanes.push_back(lane);
  }
  return lanes;
}

// Beyond the bound that of those who came first.
std::size_t DispatchPool::new_rate_class() {
  return picker_.rates().add_class({}) % routing::RateTable::kClassesMax;
}

EngineLane& DispatchPool::add_lane(const std::shared_ptr<engine::Engine>& engine,
                                   std::size_t rate_class, Instant now) {
  drop_unused_lanes();
  auto lane = std::make_unique<EngineLane>(
      EngineLane{.engine = engine, .slots = EngineSlots(*engine), .rate_class = rate_class});
  list(*lane, now);
  return *lanes_.emplace_back(std::move(lane));
}

void DispatchPool::list(EngineLane& lane, Instant now) {
  // An engine that was replaced may still be at work under the same name.
  std::string name(lane.engine->name());
  if (picker_.endpoints().find(name)) name += "#" + std::to_string(++tags_);
  const auto endpoint =
      picker_.add({.name = std::move(name),
                   .rate_class = static_cast<std::uint16_t>(lane.rate_class),
                   .kv_capacity_tokens = std::max(lane.engine->slots(), 1) * kContextPerSlot,
                   .requests_max = kRequestsMax},
                  now);
  // Beyond the picker's bound an engine is used when no other one will do.
  if (endpoint) lane.endpoint = *endpoint;
  look_at_health(lane, now);
}

// Engines that were replaced leave their lane behind until nothing refers to them any more.
void DispatchPool::drop_unused_lanes() {
  std::erase_if(lanes_, [this](const auto& lane) {
    if (lane->engine.use_count() > 1) return false;
    picker_.remove(lane->endpoint);
    return true;
  });
}

fairness::Request DispatchPool::asked(const Waiter& waiter) const {
  const SeatRequest& request = waiter.request;
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const double token_cost = std::max(request.rates.output, 0.0);
  const auto dearest = static_cast<std::int64_t>(static_cast<double>(fairness::kCostMax) /
                                                 std::max(token_cost, 1.0));
  const auto most = static_cast<std::int32_t>(
      std::clamp(request.output_max, std::int64_t{0}, std::min(kMost, dearest)));
  return {.tag = waiter.tag,
          .node = node_of(request),
          .user = request.user,
          .priority = request.priority,
          .kind = kind_of(waiter.lanes, request.slots.slots),
          // Who needs one slot is first in its line for the next one.
          .may_be_bypassed = request.slots.slots > 1,
          .has_waited = waiter.has_waited,
          .input_cost = request.rates.of_input(request.input_tokens, 0),
          .token_cost = token_cost,
          .tokens_max = most,
          .tokens_expected = static_cast<std::int32_t>(
              std::clamp(request.output_expected, std::int64_t{0}, std::int64_t{most})),
          .input_tokens = std::max(request.input_tokens, std::int64_t{0}),
          .bytes = request.bytes,
          .start_by = waiter.start_by,
          .target_by = waiter.target_by,
          .leeway = request.leeway};
}

Result<bool> DispatchPool::enter(const std::shared_ptr<Waiter>& waiter, Instant now, Woken& woken) {
  now = later(now);
  if (node_of(waiter->request) == fairness::kPoolNode)
    return our_error(Code::overloaded, "There are too many tenants. Please try again later.");
  waiter->lanes = lanes_of(waiter->request, now);
  waiter->tag = ++tags_;
  if (settings_.targets && !waiter->lanes.empty())
    waiter->target_by =
        routing::latest_start(*settings_.targets, now, waiter->request.input_tokens,
                              picker_.rates().rates(waiter->lanes.front()->rate_class));
  const fairness::Request wanted = asked(*waiter);
  auto entered = fair_.enqueue(wanted, now);
  if (!entered) {
    fairness::Refusal refusal = entered.error();
    // Nothing is measured yet: soon.
    if (!refusal.retry_after) refusal.retry_after = std::chrono::seconds(1);
    return fail(to_error(refusal));
  }
  waiter->turn = entered->ticket;
  waiter->tenant_before = entered->tenant_before;
  waiter->pool_before = entered->pool_before;
  line_up(waiter, wanted);
  if (entered->displaced) put_out(entered->displaced->request.tag, now, woken);
  serve(now, woken);
  if (!waiter->seat) return false;
  std::erase(woken, waiter);
  return true;
}

void DispatchPool::line_up(const std::shared_ptr<Waiter>& waiter, const fairness::Request& wanted) {
  waiter->kind = wanted.kind;
  if (++waiting_by_kind_[waiter->kind] == 1)
    for (EngineLane* lane : waiter->lanes)
      lane->kinds.push_back(waiter->kind);
  waiting_.emplace(waiter->tag, waiter);
}

std::optional<Seat> DispatchPool::leave(Waiter& waiter, Instant now, Woken& woken) {
  now = later(now);
  if (waiter.seat) return std::exchange(waiter.seat, std::nullopt);
  if (waiter.is_out || waiter.tag == 0) return std::nullopt;
  (void)fair_.cancel(waiter.turn, now);
  forget(waiter, now);
  serve(now, woken);  // a place may have been kept for it
  return std::nullopt;
}

void DispatchPool::look(Instant now, Woken& woken) { serve(later(now), woken); }

void DispatchPool::charge(Seat::Hold& hold, std::int64_t so_far, Instant now) {
  now = later(now);
  if (hold.noted == 0) picker_.on_first_token(hold.booking, now);
  picker_.on_token(hold.booking, so_far - hold.noted, now);
  fair_.on_token(hold.turn, so_far - hold.noted, now);
}

DispatchPool::Used DispatchPool::used_by(const Seat::Hold& hold) {
  Used used{.usage = {.output_tokens = hold.noted}, .outcome = {}};
  if (const auto& told = hold.usage) {
    used.usage.output_tokens = std::max(told->output_tokens, hold.noted);
    std::int64_t input = told->input_tokens;
    if (input > 0) used.outcome = {.input_tokens = input, .cached_tokens = told->cached_tokens};
    if (input == 0 && used.usage.output_tokens > 0) input = hold.input_tokens;
    used.usage.input_cost =
        hold.rates.of_input(input, std::min(told->cached_tokens, hold.own_prefix_tokens));
  }
  return used;
}

bool DispatchPool::give_back(Seat::Hold& hold, Instant now, Woken& woken) {
  now = later(now);
  bool is_free = false;
  if (hold.is_spare) {
    is_free = free_slots(hold, now);
  } else {
    const Used used = used_by(hold);
    fair_.on_done(hold.turn, used.usage, now);
    is_free = leave_engine(hold, used.outcome, now);
  }
  serve(now, woken);
  return is_free;
}

void DispatchPool::again(Seat::Hold& hold, const std::shared_ptr<Waiter>& waiter, Instant now,
                         Woken& woken) {
  now = later(now);
  waiter->lanes = lanes_of(waiter->request, now);
  waiter->tag = hold.tag;
  waiter->turn = hold.turn;
  waiter->pool_before = waiting_.size();
  waiter->tenant_before =
      static_cast<std::uint64_t>(std::ranges::count_if(waiting_, [&](const auto& other) {
        return other.second->request.tenant == waiter->request.tenant;
      }));
  const fairness::Request wanted = asked(*waiter);
  const Used used = used_by(hold);
  [[maybe_unused]] const bool waits = fair_.requeue(
      hold.turn, {.used = used.usage, .kind = wanted.kind, .start_by = wanted.start_by}, now);
  assert(waits);
  line_up(waiter, wanted);
  leave_engine(hold, used.outcome, now);
  serve(now, woken);
}

bool DispatchPool::leave_engine(Seat::Hold& hold, const routing::Outcome& outcome, Instant now) {
  seats_[hold.turn.index] = nullptr;
  picker_.on_done(hold.booking, outcome, now);
  return free_slots(hold, now);
}

bool DispatchPool::free_slots(Seat::Hold& hold, Instant now) {
  EngineLane* const lane = find_lane(hold.engine);
  if (lane == nullptr) return false;  // in another queue: it is as long as a seat has its engine
  lane->slots.give_back(*lane->engine, hold.wanted, hold.taken, hold.own_cache);
  look_at_health(*lane, now);
  look_at_kv(*lane, now);
  fair_.room_came(lane->kinds, now);
  return true;
}

void DispatchPool::give_way(Seat::Hold& hold, Instant now, Woken& woken) {
  now = later(now);
  hold.gave_way = fair_.give_way(hold.turn, now);
  hold.wanted_at.store(Seat::Hold::kNotWanted, std::memory_order_relaxed);
  if (!hold.gave_way) serve(now, woken);  // somebody else may have to
}

void DispatchPool::set_leeway(Seat::Hold& hold, fairness::Leeway leeway, Instant now,
                              Woken& woken) {
  now = later(now);
  hold.leeway = leeway;
  hold.wanted_at.store(Seat::Hold::kNotWanted, std::memory_order_relaxed);
  fair_.set_leeway(hold.turn, leeway, now);
  serve(now, woken);
}

std::unique_ptr<Seat::Hold> DispatchPool::take_spare(const SeatRequest& request, Instant now) {
  now = later(now);
  look_at_engines(now);
  EngineLane* best = nullptr;
  for (EngineLane* lane : lanes_of(request, now)) {
    const bool can = lane->is_well() && !lane->is_taken_by_others() &&
                     lane->room() >= request.slots.slots && !is_waited_for(*lane->engine);
    if (can && (best == nullptr || lane->room() > best->room())) best = lane;
  }
  if (best == nullptr) return nullptr;
  auto hold = std::make_unique<Seat::Hold>();
  hold->engine = best->engine;
  hold->wanted = request.slots;
  hold->is_spare = true;
  hold->taken = best->slots.take(*best->engine, request.slots);
  return hold;
}

bool DispatchPool::is_waited_for(const engine::Engine& engine) const {
  return std::ranges::any_of(waiting_, [&](const auto& entry) {
    return std::ranges::any_of(
        entry.second->lanes, [&](const EngineLane* lane) { return lane->engine.get() == &engine; });
  });
}

// Whoever can start, starts.
void DispatchPool::serve(Instant now, Woken& woken) {
  look_at_engines(now);
  std::array<fairness::Removed, kExpiredAtOnce> expired;
  for (std::size_t n = expired.size(); n == expired.size();) {
    n = fair_.expire(expired, now);
    for (std::size_t i = 0; i < n; ++i)
      put_out(expired[i].request.tag, now, woken);
  }
  while (const auto decision = fair_.next(*this, now)) {
    const auto found = waiting_.find(decision->request.tag);
    assert(found != waiting_.end());
    const std::shared_ptr<Waiter> waiter = found->second;
    forget(*waiter, now);
    seat(*waiter, *decision, now);
    woken.push_back(waiter);
  }
  reclaim(now);
  if (now - cleaned_ >= kCleanEvery) {
    cleaned_ = now;
    picker_.clean(kCleanSteps, now);
  }
  pass_the_watch(now, woken);
}

// Seats of borrowers hear that they are wanted, and give way when they can.
void DispatchPool::reclaim(Instant now) {
  std::array<fairness::Reclaim, kReclaimedAtOnce> named;
  for (std::size_t n = named.size(); n == named.size();) {
    n = fair_.reclaim(*this, named, now);
    for (std::size_t i = 0; i < n; ++i) {
      const bool at_once = named[i].leeway == fairness::Leeway::again;
      seats_[named[i].ticket.index]->wanted_at.store(at_once ? 0 : named[i].tokens,
                                                     std::memory_order_relaxed);
    }
  }
}

void DispatchPool::seat(Waiter& waiter, const fairness::Dispatch& decision, Instant now) {
  const SeatRequest& request = waiter.request;
  auto hold = std::make_unique<Seat::Hold>();
  hold->pool = waiter.pool;
  hold->wanted = request.slots;
  hold->tag = waiter.tag;
  hold->turn = decision.ticket;
  hold->leeway = decision.request.leeway;
  if (seats_.size() <= hold->turn.index) seats_.resize(hold->turn.index + 1);
  seats_[hold->turn.index] = hold.get();
  hold->rates = request.rates;
  hold->input_tokens = request.input_tokens;
  hold->noted_at = now;
  EngineLane& lane = choose(waiter, decision, *hold, now);
  hold->engine = lane.engine;
  hold->taken = lane.slots.take(*lane.engine, request.slots);
  look_at_kv(lane, now);
  waiter.seat = Seat(waiter.dispatcher, std::move(hold));
}

// The cheapest of the engines that have room, booked there. One has: gain() has just said so.
EngineLane& DispatchPool::choose(const Waiter& waiter, const fairness::Dispatch& decision,
                                 Seat::Hold& hold, Instant now) {
  free_.clear();
  EngineLane* some = nullptr;
  const bool is_forced = is_in_the_way(waiter);
  for (EngineLane* lane : waiter.lanes) {
    if (is_forced ? !fits(*lane, waiter) : !may_begin(*lane, waiter)) continue;
    some = lane;
    if (!picker_.endpoints().alive(lane->endpoint)) continue;
    picker_.endpoints().set_standing(lane->endpoint,
                                     {.weight = static_cast<float>(lane->standing.weight),
                                      .wake_us = lane->engine->is_ready() ? 0 : kWakeMicros});
    free_.insert(lane->endpoint.index);
  }
  assert(some != nullptr);
  const SeatRequest& request = waiter.request;
  routing::PickRequest wanted = wanted_of(request);
  wanted.waited_us = std::chrono::duration_cast<std::chrono::microseconds>(decision.waited).count();
  wanted.subset = &free_;
  explained_.rows.clear();
  const bool is_small = lanes_.size() <= kExplainedMax;
  const auto pick =
      picker_.pick(wanted, next_random(random_), now, is_small ? &explained_ : nullptr);
  if (pick) {
    hold.booking = pick->ticket;
    some = *std::ranges::find(waiter.lanes, pick->endpoint, &EngineLane::endpoint);
  }
  hold.cached_expected =
      static_cast<std::int64_t>(wanted.block_tokens) * (pick ? pick->matched_blocks : 0);
  hold.own_prefix_tokens =
      request.has_own_cache ? std::numeric_limits<std::int64_t>::max() : hold.cached_expected;
  hold.note = note_of(waiter, decision, *some, wanted.block_tokens);
  return *some;
}

SeatNote DispatchPool::note_of(const Waiter& waiter, const fairness::Dispatch& decision,
                               const EngineLane& taken, float block_tokens) const {
  using Verdict = EngineChoice::Verdict;
  SeatNote note{.pool = settings_.name,
                .rule = decision.held                                  ? TurnRule::held
                        : decision.waited <= Instant::duration::zero() ? TurnRule::at_once
                        : decision.late                                ? TurnRule::late
                        : decision.borrowed                            ? TurnRule::borrowed
                                                                       : TurnRule::guaranteed,
                .waited = decision.waited,
                .tenant_before = waiter.tenant_before,
                .pool_before = waiter.pool_before};
  const auto add = [&](const EngineLane& lane) {
    EngineChoice& choice = note.engines.emplace_back();
    choice.engine = lane.engine->name();
    choice.verdict = &lane == &taken            ? Verdict::taken
                     : !lane.engine->is_ready() ? Verdict::not_ready
                     : lane.standing.is_out     ? Verdict::out
                     : !fits(lane, waiter)      ? Verdict::full
                     : !may_begin(lane, waiter) ? Verdict::crowded
                                                : Verdict::dearer;
    const auto row =
        std::ranges::find(explained_.rows, lane.endpoint, &routing::EndpointView::endpoint);
    if (row == explained_.rows.end() || row->filter != routing::Filter::none) return;
    choice.cost = row->cost;
    choice.cached_tokens =
        static_cast<std::int64_t>(block_tokens * static_cast<float>(row->matched_blocks));
  };
  note.engines.reserve(std::min(waiter.lanes.size(), SeatNote::kEnginesMax));
  add(taken);
  for (const EngineLane* lane : waiter.lanes)
    if (lane != &taken && note.engines.size() < SeatNote::kEnginesMax) add(*lane);
  return note;
}

bool DispatchPool::has_room() const {
  return std::ranges::any_of(lanes_, [](const auto& lane) { return lane->room() > 0; });
}

// By how much prefill an engine that can have it now would save; only the window compares.
std::optional<double> DispatchPool::gain(const fairness::Request& request) {
  const Waiter& waiter = *waiting_.at(request.tag);
  const auto can = [&](const EngineLane* lane) { return fits(*lane, waiter); };
  if (std::ranges::none_of(waiter.lanes, can)) return std::nullopt;
  if (settings_.options.locality_window == 0) return 0;
  picker_.index().match(waiter.request.chain, last_, matches_);
  double best = 0;
  for (const EngineLane* lane : waiter.lanes)
    if (can(lane) && picker_.endpoints().alive(lane->endpoint))
      best = std::max<double>(best, matches_.depth(lane->endpoint.index));
  return best;
}

int DispatchPool::free_for(const EngineLane& lane, const Waiter& waiter) const {
  int free = lane.room();
  for (const Held& held : held_)
    if (held.lane == &lane && held.tag != waiter.tag) free -= held.slots;
  return free;
}

bool DispatchPool::fits(const EngineLane& lane, const Waiter& waiter) const {
  return free_for(lane, waiter) >= waiter.request.slots.slots && may_use(lane, waiter);
}

bool DispatchPool::is_late(const Waiter& waiter) const { return last_ > waiter.target_by; }

// Late, and it would slow others down wherever it fits.
bool DispatchPool::is_in_the_way(const Waiter& waiter) {
  if (!is_late(waiter)) return false;
  picker_.index().match(waiter.request.chain, last_, matches_);
  return std::ranges::none_of(waiter.lanes,
                              [&](const EngineLane* lane) { return may_begin(*lane, waiter); });
}

bool DispatchPool::is_in_the_way(const fairness::Request& request) {
  return is_in_the_way(*waiting_.at(request.tag));
}

// Whether it fits, and slows nobody down there although it is late itself. `matches_`: of its
// chain, when it is late.
bool DispatchPool::may_begin(const EngineLane& lane, const Waiter& waiter) const {
  return fits(lane, waiter) &&
         (!is_late(waiter) || !picker_.endpoints().alive(lane.endpoint) ||
          picker_.may_begin_late(wanted_of(waiter.request), lane.endpoint.index, matches_,
                                 *settings_.targets, last_));
}

bool DispatchPool::makes_room(fairness::Ticket running, const fairness::Request& claimant) const {
  const Seat::Hold& seat = *seats_[running.index];
  const Waiter& waiter = *waiting_.at(claimant.tag);
  const auto lane =
      std::ranges::find(waiter.lanes, seat.engine,
                        [](const EngineLane* each) -> const auto& { return each->engine; });
  return lane != waiter.lanes.end() && may_use(**lane, waiter) && !fits(**lane, waiter) &&
         free_for(**lane, waiter) + seat.wanted.slots >= waiter.request.slots.slots &&
         !is_kv_full(**lane, seat.input_tokens + seat.noted);
}

// One that is out, or cannot work now, is used when the model has no other one that is well,
// however full those are; one that sleeps may be woken, but not one that an administrator stopped:
// whoever has only such engines leaves by look_at_service(), or is refused there.
bool DispatchPool::may_use(const EngineLane& lane, const Waiter& waiter) const {
  if (waiter.lanes.size() == 1 || lane.is_well()) return true;
  const auto is_none = [&](auto is) { return std::ranges::none_of(waiter.lanes, is); };
  if (lane.engine->is_out_of_service())
    return is_none([](const auto* other) { return !other->engine->is_out_of_service(); });
  if (lane.engine->is_ready()) return is_none([](const auto* other) { return other->is_well(); });
  const engine::State state = lane.engine->status().state;
  if (state == engine::State::stopped || state == engine::State::starting) return true;
  return is_none([](const auto* other) { return other->engine->is_ready(); });
}

void DispatchPool::look_at_health(EngineLane& lane, Instant now) {
  if (health_ == nullptr) return;
  const EngineHealth::Standing standing = health_->standing(*lane.engine, lane.slots.in_use());
  if (standing == lane.standing) return;
  lane.standing = standing;
  fair_.room_came(lane.kinds, now);
}

void DispatchPool::look_at_load(EngineLane& lane, Instant now) {
  const std::uint64_t version = lane.engine->load_version();
  if (version == lane.load_version) return;
  lane.load_version = version;
  routing::EndpointTable& table = picker_.endpoints();
  if (!table.alive(lane.endpoint)) return;
  const int others = std::exchange(lane.others, 0);
  if (const std::optional<engine::LoadReading> said = lane.engine->load()) {
    table.set_kv_capacity(lane.endpoint, said->kv_tokens.value_or(0));
    // Loops begin their turns at different times.
    const bool is_news = table.apply(lane.endpoint,
                                     {.at = said->at,
                                      .until = said->until,
                                      .waiting = said->waiting,
                                      .running = said->running,
                                      .kv_used = said->kv_used.value_or(0)},
                                     std::max({now, said->at, said->until}));
    if (!is_news) {
      lane.others = others;
      return;
    }
    // Without its size the share says little, and of an engine where nothing runs it is old.
    lane.tells_kv = said->kv_used && said->kv_tokens && said->running + said->waiting > 0;
    // While nobody waits in it, it has room for more, whatever its slots are said to be.
    const routing::Load foreign = table.foreign(lane.endpoint.index);
    if (said->waiting > 0)
      lane.others = static_cast<int>(std::min<std::int64_t>(foreign.waiting + foreign.running,
                                                            std::numeric_limits<int>::max() / 2));
  } else {
    table.forget_scrape(lane.endpoint);
    lane.tells_kv = false;
  }
  look_at_kv(lane, now);
  if (lane.others < others) fair_.room_came(lane.kinds, now);
}

void DispatchPool::look_at_kv(EngineLane& lane, Instant now) {
  const bool was_full = std::exchange(lane.is_kv_full, is_kv_full(lane, 0));
  if (was_full && !lane.is_kv_full) fair_.room_came(lane.kinds, now);
}

// Without so many tokens of what is in it.
bool DispatchPool::is_kv_full(const EngineLane& lane, std::int64_t without) const {
  const routing::EndpointTable& table = picker_.endpoints();
  if (!lane.tells_kv || !table.alive(lane.endpoint)) return false;
  const auto all = static_cast<double>(table.spec(lane.endpoint.index).kv_capacity_tokens);
  const std::int64_t used = table.kv_projected(lane.endpoint.index).value_or(0);
  return static_cast<double>(used - without) >= kKvFull * all;
}

void DispatchPool::look_at_engines(Instant now) {
  if (now - looked_at_engines_ < kLookAtEnginesEvery) return;
  looked_at_engines_ = now;
  for (const auto& lane : lanes_) {
    look_at_health(*lane, now);
    look_at_load(*lane, now);
  }
}

// The engine that is nearest to having room for it.
void DispatchPool::hold(const fairness::Request& request) {
  const Waiter& waiter = *waiting_.at(request.tag);
  const auto free = [&](const EngineLane* lane) {
    return std::pair(may_use(*lane, waiter), lane->room());
  };
  EngineLane* best = *std::ranges::max_element(waiter.lanes, {}, free);
  held_.push_back({.tag = request.tag, .lane = best, .slots = waiter.request.slots.slots});
}

// It waits no longer. `waiter` is somebody else's, too.
void DispatchPool::forget(const Waiter& waiter, Instant now) {
  waiting_.erase(waiter.tag);
  const auto alike = waiting_by_kind_.find(waiter.kind);
  if (--alike->second == 0) {
    waiting_by_kind_.erase(alike);
    for (EngineLane* lane : waiter.lanes)
      std::erase(lane->kinds, waiter.kind);
  }
  std::erase_if(held_, [&](const Held& held) {
    if (held.tag != waiter.tag) return false;
    fair_.room_came(held.lane->kinds, now);
    return true;
  });
}

// Without a seat, and not by its own will.
void DispatchPool::put_out(const std::shared_ptr<Waiter>& waiter, Instant now, Woken& woken) {
  waiter->is_out = true;
  woken.push_back(waiter);
  forget(*waiter, now);
}

void DispatchPool::put_out(std::uint64_t tag, Instant now, Woken& woken) {
  const auto found = waiting_.find(tag);
  if (found == waiting_.end()) return;
  const std::shared_ptr<Waiter> waiter = found->second;
  put_out(waiter, now, woken);
}

Instant DispatchPool::next_look(Instant now) const {
  Instant due = fair_.next_wake();
  // Who has no room for a reason of its own may have some without anybody's giving back a place.
  const bool is_held_back =
      std::ranges::any_of(lanes_, [](const auto& lane) { return lane->is_held_back(); });
  if (is_held_back && !waiting_.empty())
    due = std::min(due, looked_at_engines_ + kLookAtEnginesEvery);
  return due == Instant::max() ? due : std::max(due, now + kLookMin);
}

// Somebody who waits looks at the clock for all. It is told when that is due earlier than it knows.
void DispatchPool::pass_the_watch(Instant now, Woken& woken) {
  if (waiting_.empty()) return;
  const auto watcher = waiting_.find(watcher_);
  if (watcher != waiting_.end() && watched_at_ <= next_look(now)) return;
  const std::shared_ptr<Waiter>& next =
      watcher == waiting_.end() ? waiting_.begin()->second : watcher->second;
  watcher_ = next->tag;
  watched_at_ = Instant::min();  // until it has looked
  woken.push_back(next);
}

Instant DispatchPool::watch(const Waiter& waiter, Instant now) {
  if (waiter.tag != watcher_) return Instant::max();
  watched_at_ = next_look(later(now));
  return watched_at_;
}

Error DispatchPool::out_of_time(const Waiter& waiter, Instant now) const {
  if (waiter.has_run) {
    return {Code::upstream_timeout, Blame::us,
            "The request's time ended while it waited to begin again."};
  }
  const auto wait = fair_.predict_wait(asked(waiter), std::max(now, last_));
  const auto seconds =
      std::chrono::ceil<std::chrono::seconds>(wait.value_or(std::chrono::microseconds(0)));
  return Error(Code::queue_full, Blame::us,
               "Too many requests are waiting for this model. Please try again later.")
      .with_retry_after(std::clamp<std::chrono::seconds>(seconds, std::chrono::seconds(1),
                                                         std::chrono::hours(1)));
}

std::size_t DispatchPool::in_use(const engine::Engine& engine) const {
  const auto lane = std::ranges::find(
      lanes_, &engine, [](const auto& each) { return std::to_address(each->engine); });
  return lane == lanes_.end() ? 0 : static_cast<std::size_t>((*lane)->slots.in_use());
}

Dispatcher::Load DispatchPool::load() const {
  Dispatcher::Load load;
  for (const auto& lane : lanes_)
    load.running += static_cast<std::size_t>(lane->slots.in_use());
  for (const auto& [tag, waiter] : waiting_) {
    ++load.waiting;
    ++load.waiting_by_class[static_cast<std::size_t>(waiter->request.priority)];
  }
  return load;
}

}  // namespace sovmesh::gateway
