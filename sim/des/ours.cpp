#include "sim/des/ours.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "sim/des/anchor.h"

namespace sovmesh::des {
namespace {

constexpr double kOutputGuess = 200;    // tokens of an answer, before one was seen
constexpr double kOutputNewest = 0.05;  // weight of the newest answer

routing::Picker::Settings picker_settings(const PoolContext& pool) {
  routing::Picker::Settings settings;
  settings.index = index_sizes(pool);
  settings.block_tokens = pool.engine.block_tokens;
  settings.tickets_max =
      std::max(settings.tickets_max, pool.engines.size() * pool.engine.requests_max * 2);
  return settings;
}

}  // namespace

EctChooser::EctChooser(const PoolContext& pool)
    : workload_(pool.workload),
      random_(pool.seed),
      settings_(picker_settings(pool).cost),
      picker_(picker_settings(pool)),
      matches_(pool.engines.size()),
      costs_(pool.engines.size()),
      sent_(pool.workload.arrivals.size()),
      output_mean_(pool.workload.tenants.size(), kOutputGuess),
      held_(pool.engines.size()),
      targets_(pool.targets) {
  const std::size_t rate_class = picker_.rates().add_class({});
  for (std::size_t i = 0; i < pool.engines.size(); ++i) {
    const auto added =
        picker_.add({.name = "engine-" + std::to_string(i),
                     .rate_class = static_cast<std::uint16_t>(rate_class),
                     .kv_capacity_tokens = pool.engine.kv_tokens,
                     .requests_max = static_cast<std::int64_t>(pool.engine.requests_max * 5 / 4),
                     .lora_slots = static_cast<std::uint16_t>(pool.engine.lora_slots)},
                    Instant{});
    assert(added);
    endpoints_.push_back(*added);
  }
}

const routing::EndpointSet* EctChooser::held_for_others(RequestNumber request) {
  held_.clear();
  bool any = false;
  for (const Hold& hold : holds_) {
    if (hold.request == request) continue;
    held_.insert(hold.endpoint);
    any = true;
  }
  return any ? &held_ : nullptr;
}

bool EctChooser::is_in_the_way(RequestNumber request, Instant now) {
  const routing::PickRequest what = pick_request(request, now);
  const auto endpoint = cheapest(what, now);
  return targets_ && endpoint &&
         !picker_.may_begin_late(what, endpoints_[*endpoint].index, matches_, *targets_, now);
}

routing::PickRequest EctChooser::pick_request(RequestNumber request, Instant now) {
  const Arrival& arrival = workload_.arrivals[request];
  return {
      .chain = workload_.prompt_chain(arrival),
      .block_tokens = static_cast<float>(workload_.block_tokens),
      .input_tokens = arrival.input_tokens,
      .output_tokens = static_cast<std::int64_t>(output_mean_[arrival.tenant]),
      .waited_us =
          std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() -
          arrival.at.count(),
      .lora = arrival.lora,
      .avoid = held_for_others(request)};
}

std::optional<EndpointNumber> EctChooser::choose(RequestNumber request, Instant now) {
  const routing::PickRequest what = pick_request(request, now);
  const auto pick = picker_.pick(what, random_.bits(), now);
  if (!pick) return {};
  drop_hold(request);
  sent_[request] = {.ticket = pick->ticket};
  return pick->endpoint.index;
}

std::optional<EndpointNumber> EctChooser::cheapest(const routing::PickRequest& request,
                                                   Instant now) {
  picker_.index().match(request.chain, now, matches_);
  routing::score(request, picker_.endpoints(), matches_, settings_,
                 routing::pool_state(picker_.endpoints(), settings_), costs_);
  const auto best = std::ranges::min_element(costs_);
  if (*best == std::numeric_limits<float>::infinity()) return {};
  return static_cast<EndpointNumber>(best - costs_.begin());
}

// Prefill time that its cached prefix saves, in microseconds.
std::optional<double> EctChooser::gain(RequestNumber request, Instant now) {
  const routing::PickRequest what = pick_request(request, now);
  const auto endpoint = cheapest(what, now);
  if (!endpoint ||
      routing::filter_of(what, *endpoint, picker_.endpoints(), settings_) != routing::Filter::none)
    return {};
  return static_cast<double>(matches_.depth(*endpoint)) * what.block_tokens *
         picker_.rates().rates(0).a;
}

// The endpoint that it waits for.
void EctChooser::hold(RequestNumber request, Instant now) {
  if (const auto endpoint = cheapest(pick_request(request, now), now))
    holds_.push_back({.request = request, .endpoint = *endpoint});
}

void EctChooser::drop_hold(RequestNumber request) {
  std::erase_if(holds_, [&](const Hold& hold) { return hold.request == request; });
}

void EctChooser::on_first_token(RequestNumber request, Instant now) {
  picker_.on_first_token(sent_[request].ticket, now);
}

void EctChooser::on_token(RequestNumber request, std::int64_t tokens, Instant now) {
  Sent& sent = sent_[request];
  sent.generated += static_cast<std::uint32_t>(tokens);
  picker_.on_token(sent.ticket, tokens, now);
}

void EctChooser::on_done(RequestNumber request, bool failed, Instant now) {
  picker_.on_done(sent_[request].ticket, {}, now);
  if (failed) return;
  double& mean = output_mean_[workload_.arrivals[request].tenant];
  mean += kOutputNewest * (static_cast<double>(sent_[request].generated) - mean);
}

void EctChooser::on_scrape(EndpointNumber endpoint, const EngineReport& report, Instant taken_at,
                           Instant now) {
  if (now - cleaned_at_ >= kCleanEvery) {
    cleaned_at_ = now;
    picker_.clean(kCleanSteps, now);
  }
  routing::Scrape scrape{.at = taken_at,
                         .waiting = report.waiting,
                         .running = report.running,
                         .queued_tokens = report.queued_tokens,
                         .kv_used = report.kv_used};
  for (const std::uint8_t lora : report.loras)
    scrape.loras.set(lora);
  picker_.endpoints().apply(endpoints_[endpoint], scrape, now);
}

void EctChooser::on_health(EndpointNumber endpoint, bool up) {
  auto standing = picker_.endpoints().standing(endpoint);
  if (!up && !standing.ejected) picker_.index().clear(endpoint);
  standing.ejected = !up;
  picker_.endpoints().set_standing(endpoints_[endpoint], standing);
}

// --- queue ---

Result<std::unique_ptr<FairOrder>> FairOrder::make(const PoolContext& pool, const Shares& shares) {
  std::vector<fairness::NodeSpec> specs = shares.cohorts;
  std::vector<std::string> parents;  // of the workload's tenants
  for (const std::string& tenant : pool.workload.tenants) {
    const auto found = std::ranges::find(shares.tenants, tenant, &TenantShare::tenant);
    const TenantShare share = found == shares.tenants.end() ? TenantShare{} : *found;
    specs.push_back({.name = tenant,
                     .parent = share.cohort,
                     .nominal = share.nominal,
                     .borrowing_limit = share.borrowing_limit,
                     .lending_limit = share.lending_limit,
                     .weight = share.weight});
    parents.push_back(share.cohort);
  }
  TRY(fairness::PoolTree tree,
      fairness::PoolTree::build(specs, static_cast<double>(pool.engines.size())));
  std::vector<fairness::NodeId> nodes;
  for (std::size_t i = 0; i < parents.size(); ++i) {
    const std::string& tenant = pool.workload.tenants[i];
    const std::string path = parents[i].empty() ? tenant : parents[i] + "/" + tenant;
    nodes.push_back(tree.find(path).value_or(fairness::kPoolNode));
  }
  // Sized so that nothing is refused: what is compared is the order.
  fairness::Options options;
  options.requests_max = pool.workload.arrivals.size() + 1;
  options.tenant_caps = {.requests = options.requests_max,
                         .bytes = std::numeric_limits<std::int64_t>::max() / 4,
                         .tokens = std::numeric_limits<std::int64_t>::max() / 4};
  for (fairness::ClassOptions& each : options.classes)
    each.caps = options.tenant_caps;
  TRY_VOID(fairness::validate(options));
  return std::unique_ptr<FairOrder>(
      new FairOrder(pool, std::move(tree), std::move(nodes), options));
}

FairOrder::FairOrder(const PoolContext& pool, fairness::PoolTree tree,
                     std::vector<fairness::NodeId> nodes, const fairness::Options& options)
    : workload_(pool.workload),
      rates_(cost_rates(pool.engine)),
      targets_(pool.targets),
      nodes_(std::move(nodes)),
      pool_(std::move(tree), options, Instant{}),
      tickets_(pool.workload.arrivals.size()) {}

void FairOrder::push(RequestNumber request, Instant now, std::vector<RequestNumber>& refused) {
  const Arrival& arrival = workload_.arrivals[request];
  const auto enqueued = pool_.enqueue(
      {.tag = request,
       .node = nodes_[arrival.tenant],
       .user = arrival.user,
       .priority = static_cast<fairness::PriorityClass>(arrival.priority),
       .input_cost = rates_.of_input(arrival.input_tokens, arrival.known_cached),
       .token_cost = rates_.output,
       .tokens_max = static_cast<std::int32_t>(std::max(arrival.output_tokens, arrival.output_max)),
       .tokens_expected = static_cast<std::int32_t>(kOutputGuess),
       .input_tokens = arrival.input_tokens,
       .target_by = targets_ ? routing::latest_start(*targets_, now, arrival.input_tokens, {})
                             : Instant::max()},
      now);
  if (!enqueued) {
    refused.push_back(request);
    return;
  }
  tickets_[request] = enqueued->ticket;
  ++waiting_;
  if (!enqueued->displaced) return;
  --waiting_;
  refused.push_back(static_cast<RequestNumber>(enqueued->displaced->request.tag));
}

std::optional<Placed> FairOrder::next(Placer& placer, Instant now) {
  struct Places final : fairness::Placement {
    explicit Places(Placer& to) : placer(to) {}
    bool has_room() const override { return true; }
    std::optional<double> gain(const fairness::Request& request) override {
      return placer.gain(static_cast<RequestNumber>(request.tag));
    }
    void hold(const fairness::Request& request) override {
      placer.hold(static_cast<RequestNumber>(request.tag));
    }
    bool is_in_the_way(const fairness::Request& request) override {
      return placer.is_in_the_way(static_cast<RequestNumber>(request.tag));
    }
    Placer& placer;
  } places(placer);
  const auto dispatch = pool_.next(places, now);
  if (!dispatch) return {};
  const auto request = static_cast<RequestNumber>(dispatch->request.tag);
  const auto endpoint = placer.place(request);
  if (!endpoint) {  // gain() said otherwise: out of tickets
    pool_.requeue(dispatch->ticket, {}, now);
    return {};
  }
  --waiting_;
  return Placed{.request = request, .endpoint = *endpoint};
}

void FairOrder::on_token(RequestNumber request, std::int64_t tokens, Instant now) {
  pool_.on_token(tickets_[request], tokens, now);
}

void FairOrder::on_done(RequestNumber request, std::int64_t output_tokens, Instant now) {
  const Arrival& arrival = workload_.arrivals[request];
  pool_.on_done(tickets_[request],
                {.input_cost = rates_.of_input(arrival.input_tokens, arrival.known_cached),
                 .output_tokens = output_tokens},
                now);
}

std::optional<FairnessBound> FairOrder::bound() const {
  for (const fairness::BoundReport& level : pool_.report().bounds)
    if (level.level == fairness::Level::tenant)
      return FairnessBound{.u_us = level.u, .q_us = level.q, .gap_max_us = level.gap_max};
  return {};
}

}  // namespace sovmesh::des
