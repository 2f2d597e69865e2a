#include "routing/picker.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

namespace sovmesh::routing {
namespace {

using Microseconds = std::chrono::duration<double, std::micro>;

constexpr float kMuchCached = 0.25F;  // of a late request's prompt
constexpr auto kNever = std::numeric_limits<float>::infinity();

double seconds_between(Instant from, Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

float first_token_us(const Cost& cost, const CostSettings& settings) {
  const float waits = cost.terms[Cost::queue] + cost.terms[Cost::load_tier] +
                      cost.terms[Cost::lora] + cost.terms[Cost::wake];
  return waits / settings.urgency + cost.terms[Cost::prefill];
}

std::int64_t uncached_of(const PickRequest& request, std::uint16_t depth) {
  const auto cached = static_cast<std::int64_t>(request.block_tokens * static_cast<float>(depth));
  return std::max<std::int64_t>(request.input_tokens - cached, 1);
}

// Of one pick's random bits, for one endpoint: 0 to 1, independent for each (SplitMix64's finish).
float share_of(std::uint64_t random, std::size_t endpoint) {
  std::uint64_t x = random + (endpoint + 1) * 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<float>(static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53);
}

// The two passes over all costs go by so many at once, without branches: as vector instructions.
constexpr std::size_t kLanes = 16;

float lowest(std::span<const float> costs) {
  std::array<float, kLanes> low;
  low.fill(kNever);
  std::size_t e = 0;
  for (; e + kLanes <= costs.size(); e += kLanes)
    for (std::size_t i = 0; i < kLanes; ++i)
      low[i] = costs[e + i] < low[i] ? costs[e + i] : low[i];
  for (; e < costs.size(); ++e)
    low[0] = std::min(low[0], costs[e]);
  return *std::ranges::min_element(low);
}

// Those that cost no more than `most`.
void collect(std::span<const float> costs, float most, std::vector<EndpointIndex>& out) {
  for (std::size_t begin = 0; begin < costs.size(); begin += kLanes) {
    const auto part = costs.subspan(begin, std::min(kLanes, costs.size() - begin));
    int any = 0;
    for (const float cost : part)
      any |= int{cost <= most};
    for (std::size_t i = 0; any != 0 && i < part.size(); ++i)
      if (part[i] <= most) out.push_back(static_cast<EndpointIndex>(begin + i));
  }
}

}  // namespace

Picker::Picker(const Settings& settings)
    : settings_(settings),
      table_(settings.index.endpoints_max),
      index_(settings.index),
      matches_(settings.index.endpoints_max),
      prefilled_at_(settings.index.endpoints_max) {
  assert(settings.index.endpoints_max <= EndpointTable::kEndpointsMax);
}

Result<EndpointId> Picker::add(EndpointSpec spec, Instant now) {
  if (spec.rate_class >= rates_.classes())
    return client_error(Code::invalid_value, "endpoint " + spec.name + ": unknown class of rates");
  const auto blocks = static_cast<std::size_t>(
      std::max<std::int64_t>(spec.kv_capacity_tokens / settings_.block_tokens, 1));
  enter_sent();
  TRY(const EndpointId id, table_.add(std::move(spec), now));
  index_.add_endpoint(id.index, blocks);
  rates_.forget(id.index);
  table_.refresh_rates(rates_);
  costs_.resize(table_.end());
  streams_.resize(table_.end());
  streams_[id.index] = {};
  return id;
}

bool Picker::remove(EndpointId id) {
  enter_sent();
  if (!table_.remove(id)) return false;
  index_.remove_endpoint(id.index);
  leaving_.push_back(id.index);
  table_.refresh_rates(rates_);
  return true;
}

void Picker::clean(std::size_t steps, Instant now) {
  enter_sent();
  table_.refresh_rates(rates_);
  index_.clean(steps, now);
  std::erase_if(leaving_, [&](EndpointIndex index) {
    const bool clear = index_.is_clear(index);
    if (clear) table_.release_index(index);
    return clear;
  });
}

std::expected<Pick, NoEndpoint> Picker::pick(const PickRequest& request, std::uint64_t random,
                                             Instant now, PickExplanation* explanation) {
  enter_sent();
  if (!free_.empty()) __builtin_prefetch(&bookings_[free_.back()], 1);
  index_.match(request.chain, now, matches_);
  const PoolState pool = pool_state(table_, settings_.cost);
  // Mostly those that hold more of the prompt than all others are so much cheaper that nobody else
  // need be looked at.
  if (table_.totals().partial == 0 &&
      score_few(request, table_, matches_, settings_.cost, pool, costs_)) {
    take_few();
  } else {
    score(request, table_, matches_, settings_.cost, pool, costs_);
    take_near(random);
  }
  // The cheapest is waited for when it is busy: going elsewhere would cost more, and lose the
  // prefix that the next requests need.
  erase_busy(request, table_, settings_.cost, candidates_);
  if (explanation != nullptr) explain(request, pool, *explanation);
  if (candidates_.empty()) return std::unexpected(nobody(request));
  if (free_.empty() && bookings_.size() == settings_.tickets_max)
    return std::unexpected(NoEndpoint{.wait = true});
  return book(request, choose(random), pool, now);
}

// The candidates by costs_, all within `near` of the best, in the order of their indices.
void Picker::take_near(std::uint64_t random) {
  leave_out(random);
  candidates_.clear();
  if (const float best = lowest(costs_); best < kNever)
    collect(costs_, best * (1 + settings_.cost.near), candidates_);
}

// The same of the few alone.
void Picker::take_few() {
  candidates_.assign(matches_.few().begin(), matches_.few().end());
  const auto cost = [&](EndpointIndex e) { return costs_[e]; };
  const float best = cost(*std::ranges::min_element(candidates_, {}, cost));
  std::erase_if(candidates_,
                [&](EndpointIndex e) { return cost(e) > best * (1 + settings_.cost.near); });
  std::ranges::sort(candidates_);
}

// An endpoint of weight w takes part in a share w of the picks, unless there is nobody else: so it
// gets that part of what it would get, however dear or cheap it is.
void Picker::leave_out(std::uint64_t random) {
  left_out_.clear();
  if (table_.totals().partial == 0) return;
  const std::vector<float>& weight = table_.columns().weight;
  for (std::size_t e = 0; e < costs_.size(); ++e) {
    if (weight[e] >= 1 || std::isinf(costs_[e])) continue;
    if (share_of(random, e) < weight[e]) continue;
    left_out_.emplace_back(static_cast<EndpointIndex>(e), costs_[e]);
    costs_[e] = kNever;
  }
  if (left_out_.empty() || !std::ranges::all_of(costs_, [](float c) { return std::isinf(c); }))
    return;
  for (const auto& [e, cost] : left_out_)
    costs_[e] = cost;
}

// Draws some of those near the best, and of these takes the one with the fewest requests.
EndpointIndex Picker::choose(std::uint64_t random) {
  EndpointIndex chosen = candidates_.front();
  float fewest = std::numeric_limits<float>::infinity();
  const std::size_t draws = std::min(settings_.cost.choices, candidates_.size());
  for (std::size_t i = 0; i < draws; ++i) {
    const std::uint64_t left = candidates_.size() - i;
    std::swap(candidates_[i], candidates_[i + random % left]);
    random /= left;
    const float requests = table_.columns().requests[candidates_[i]];
    if (requests >= fewest) continue;
    fewest = requests;
    chosen = candidates_[i];
  }
  return chosen;
}

Pick Picker::book(const PickRequest& request, EndpointIndex endpoint, const PoolState& pool,
                  Instant now) {
  const Cost cost = cost_of(request, endpoint, table_, matches_, settings_.cost, pool);
  const std::uint16_t depth = matches_.depth(endpoint);
  const EndpointId id = table_.id_of(endpoint);
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(bookings_.size()));
    bookings_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  free_.pop_back();
  ++tickets_in_use_;
  Booking& booking = bookings_[place];
  booking = Booking{.generation = booking.generation + 1, .in_use = true};
  booking.learns = cost.terms[Cost::wake] == 0 && cost.terms[Cost::lora] == 0;
  booking.endpoint = id;
  booking.sent_at = now;
  booking.tokens_ahead = table_.columns().prefill_tokens[endpoint];
  booking.input_tokens = request.input_tokens;
  booking.uncached_tokens = uncached_of(request, depth);
  booking.load = {.prefill_tokens = booking.uncached_tokens,
                  .context_tokens = request.input_tokens,
                  .waiting = 1};
  table_.add_load(id, booking.load, now);
  if (matches_.longest() > 0) {
    booking.shared = request.chain[matches_.longest() - 1U];
    index_.begin_use(booking.shared);
  }
  if (request.lora != 0) table_.note_lora(endpoint, request.lora);

  const float first_token = first_token_us(cost, settings_.cost);
  std::optional<Instant> until;
  if (table_.spec(endpoint).publishes_events)
    until = now + std::max<Instant::duration>(
                      settings_.expect_min,
                      std::chrono::duration_cast<Instant::duration>(Microseconds(2 * first_token)));
  sent_.waits = true;
  sent_.endpoint = endpoint;
  sent_.held = depth;
  sent_.chain.assign(request.chain.begin(), request.chain.end());
  sent_.until = until;
  sent_.at = now;
  return {.ticket = {place, booking.generation},
          .endpoint = id,
          .matched_blocks = depth,
          .uncached_tokens = booking.uncached_tokens,
          .cost_us = costs_[endpoint],
          .expected_first_token_us = first_token};
}

void Picker::enter_sent() {
  if (!sent_.waits) return;
  sent_.waits = false;
  index_.expect(sent_.endpoint, sent_.chain, sent_.until, sent_.at, sent_.held);
}

NoEndpoint Picker::nobody(const PickRequest& request) const {
  NoEndpoint result;
  for (std::size_t w = 0; w < table_.living().words().size(); ++w)
    for_each_bit(table_.living().words()[w], w, [&](EndpointIndex e) {
      const Filter filter = filter_of(request, e, table_, settings_.cost);
      ++result.endpoints[static_cast<std::size_t>(filter)];
      result.wait = result.wait || filter == Filter::busy;
    });
  return result;
}

void Picker::explain(const PickRequest& request, const PoolState& pool,
                     PickExplanation& out) const {
  out = {.lambda = pool.lambda, .pressure = pool.pressure, .near = candidates_.size()};
  for (std::size_t w = 0; w < table_.living().words().size(); ++w)
    for_each_bit(table_.living().words()[w], w, [&](EndpointIndex e) {
      out.rows.push_back({.endpoint = table_.id_of(e),
                          .filter = filter_of(request, e, table_, settings_.cost),
                          .cost = cost_of(request, e, table_, matches_, settings_.cost, pool),
                          .matched_blocks = matches_.depth(e)});
      out.candidates += out.rows.back().filter == Filter::none;
    });
  const auto key = [](const EndpointView& row) {
    return std::pair(row.filter != Filter::none, row.cost.total());
  };
  const auto shown = std::min(PickExplanation::kRows, out.rows.size());
  std::ranges::partial_sort(out.rows, out.rows.begin() + static_cast<std::ptrdiff_t>(shown), {},
                            key);
  out.rows.resize(shown);
}

Picker::Booking* Picker::find(Ticket ticket) {
  if (ticket.place >= bookings_.size()) return nullptr;
  Booking& booking = bookings_[ticket.place];
  return booking.in_use && booking.generation == ticket.generation ? &booking : nullptr;
}

void Picker::on_first_token(Ticket ticket, Instant now) {
  Booking* booking = find(ticket);
  if (booking == nullptr || booking->first_token_s) return;
  booking->first_token_s = seconds_between(booking->sent_at, now);
  booking->steps_since = now;
  const Load before = booking->load;
  booking->load = {.context_tokens = before.context_tokens, .running = 1};
  prefilled_at_[booking->endpoint.index] = now;
  table_.add_load(booking->endpoint, booking->load - before, now);
  count_stream(*booking, 1);
}

void Picker::on_token(Ticket ticket, std::int64_t tokens, Instant now) {
  Booking* booking = find(ticket);
  if (booking == nullptr || tokens <= 0) return;
  if (!booking->first_token_s) on_first_token(ticket, now);
  const Load more{.context_tokens = tokens};
  booking->load += more;
  if (table_.alive(booking->endpoint))
    streams_[booking->endpoint.index].tokens += static_cast<double>(tokens);
  table_.add_load(booking->endpoint, more, now);
  booking->steps += tokens;
  if (booking->steps < kStepsSeen || !table_.alive(booking->endpoint)) return;
  const EndpointIndex e = booking->endpoint.index;
  // Steps that prefill was part of say nothing of what streams cost.
  const bool prefilled =
      table_.columns().prefill_tokens[e] > 0 || prefilled_at_[e] > booking->steps_since;
  if (!prefilled)
    rates_.observe(table_.spec(e).rate_class, e,
                   RateTable::Step{.running = table_.columns().running[e],
                                   .context_tokens = table_.columns().context_tokens[e],
                                   .seconds = seconds_between(booking->steps_since, now) /
                                              static_cast<double>(booking->steps)});
  booking->steps = 0;
  booking->steps_since = now;
}

// A stream that begins, or one that ends.
void Picker::count_stream(const Booking& booking, int sign) {
  if (!table_.alive(booking.endpoint)) return;
  Streams& all = streams_[booking.endpoint.index];
  all.count += sign;
  all.begun_s += sign * (seconds_between(Instant{}, booking.sent_at) + *booking.first_token_s);
  all.tokens += sign * static_cast<double>(booking.load.context_tokens - booking.input_tokens);
  if (all.count <= 0) all = {};  // no rounding is kept
}

bool Picker::may_begin_late(const PickRequest& request, EndpointIndex endpoint,
                            const Matches& matches, const Targets& targets, Instant now) const {
  const float cached = request.block_tokens * static_cast<float>(matches.depth(endpoint));
  if (cached > kMuchCached * static_cast<float>(request.input_tokens)) return true;
  const EndpointTable::Columns& c = table_.columns();
  return !is_crowded(targets, streams_[endpoint], rates_.rates(table_.spec(endpoint).rate_class),
                     static_cast<double>(c.prefill_tokens[endpoint]),
                     static_cast<double>(c.context_tokens[endpoint]), request.output_tokens, now);
}

void Picker::on_done(Ticket ticket, const Outcome& outcome, Instant now) {
  Booking* booking = find(ticket);
  if (booking == nullptr) return;
  enter_sent();
  table_.take_load(booking->endpoint, booking->load, now);
  if (booking->first_token_s) count_stream(*booking, -1);
  if (!booking->first_token_s) prefilled_at_[booking->endpoint.index] = now;
  if (booking->shared != 0) index_.end_use(booking->shared);
  if (booking->learns && booking->first_token_s && table_.alive(booking->endpoint)) {
    const EndpointIndex e = booking->endpoint.index;
    const std::int64_t input = outcome.input_tokens.value_or(booking->input_tokens);
    const std::int64_t uncached = outcome.cached_tokens
                                      ? std::max<std::int64_t>(input - *outcome.cached_tokens, 1)
                                      : booking->uncached_tokens;
    rates_.observe(table_.spec(e).rate_class, e,
                   RateTable::FirstToken{.tokens_ahead = booking->tokens_ahead,
                                         .uncached_tokens = static_cast<double>(uncached),
                                         .context_tokens = static_cast<double>(input),
                                         .seconds = *booking->first_token_s});
  }
  booking->in_use = false;
  free_.push_back(ticket.place);
  --tickets_in_use_;
}

}  // namespace sovmesh::routing
