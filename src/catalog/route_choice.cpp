#include "catalog/route_choice.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <set>

namespace sovmesh::catalog {
namespace {

// The finaliser of splitmix64: every bit of the result depends on every bit of `x`.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// FNV-1a over the bytes and their count, so that pieces cannot run into each other. It must never
// change: conversations would move.
class KeyHash {
 public:
  KeyHash& add(std::string_view bytes) {
    for (const char c : bytes)
      put(static_cast<unsigned char>(c));
    for (std::size_t rest = bytes.size(), i = 0; i < sizeof rest; ++i, rest >>= 8)
      put(static_cast<unsigned char>(rest & 0xff));
    return *this;
  }
  std::uint64_t value() const { return mixed(state_); }

 private:
  void put(unsigned char byte) { state_ = (state_ ^ byte) * 0x100000001b3U; }
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

StickyBy held_by(const Route& route, const RouteFacts& facts) {
  if (route.sticky == StickyBy::session && !facts.session.empty()) return StickyBy::session;
  if (route.sticky != StickyBy::tenant && !facts.user.empty()) return StickyBy::user;
  return StickyBy::tenant;
}

std::uint64_t sticky_key(const Route& route, const RouteFacts& facts, StickyBy by) {
  const auto& tenant = facts.tenant.value.bytes();
  return KeyHash()
      .add(route.name.text())
      .add(name(by))
      .add({reinterpret_cast<const char*>(tenant.data()), tenant.size()})
      .add(by == StickyBy::session ? facts.session
           : by == StickyBy::user  ? facts.user
                                   : "")
      .value();
}

// How long until a version's first event, were they to come at random at a rate of `weight`: who
// is first wins, with a probability in proportion to its weight.
double waiting_time(std::uint64_t key, const ModelName& version, std::int64_t weight) {
  const std::uint64_t drawn = mixed(key ^ KeyHash().add(version.text()).value());
  const double uniform = static_cast<double>((drawn >> 11) + 1) * 0x1p-53;  // in (0, 1]
  return -std::log(uniform) / static_cast<double>(weight);
}

bool has_value(std::span<const NamedValue> all, std::string_view name, std::string_view value) {
  return std::ranges::any_of(
      all, [&](const NamedValue& one) { return one.name == name && one.value == value; });
}

bool fits(const Match& match, const RouteFacts& facts) {
  const bool is_header = match.of == Match::Of::header;
  return has_value(is_header ? facts.headers : facts.key_labels, match.name, match.value);
}

bool fits(const Condition& condition, const RouteFacts& facts) {
  if (condition.tenant && *condition.tenant != facts.tenant) return false;
  if (condition.project && condition.project->text() != facts.project) return false;
  return std::ranges::all_of(condition.all, [&](const Match& match) { return fits(match, facts); });
}

std::size_t index_of(const Route& route, const ModelName& version) {
  const RouteVersion* found = route.version(version);
  assert(found);
  return static_cast<std::size_t>(found - route.versions.data());
}

std::optional<Choice> choose_by_channel(const Route& route, const RouteFacts& facts) {
  if (!route.grey || !route.grey->tenants.contains(facts.tenant)) return std::nullopt;
  const GreyChannel& grey = *route.grey;
  const bool asks = has_value(facts.headers, kChannelHeader, grey.name);
  const bool by_label = !asks && grey.key_label && fits(*grey.key_label, facts);
  if (!asks && !by_label) return std::nullopt;
  return Choice{
      .version = index_of(route, grey.version), .rule = Rule::grey_channel, .by_label = by_label};
}

using Weights = std::array<std::int64_t, kRouteVersionsMax>;

Weights weights_of(const Route& route) {
  Weights weights{};
  std::ranges::transform(route.versions, weights.begin(), &RouteVersion::weight);
  return weights;
}

void apply(const Outcome& outcome, const Route& route, Weights& weights) {
  if (!route.version(outcome.version)) return;
  if (outcome.promoted) weights.fill(0);
  weights.at(index_of(route, outcome.version)) = outcome.promoted ? 1 : 0;
}

void make_stable(Route& route, const ModelName& winner) {
  for (RouteVersion& version : route.versions) {
    if (version.model == winner)
      version.stage = Stage::stable;
    else if (version.stage == Stage::stable)
      version.stage = Stage::experiment;
  }
}

void apply(const Shift& shift, const Route& route, Weights& weights) {
  if (!route.version(shift.version)) return;
  const std::size_t shifted = index_of(route, shift.version);
  std::int64_t others = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (i != shifted) others += weights.at(i);
  // At most 16 x 10^6 x 10^4: exact in 64 bits and in a double.
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights.at(i) =
        i == shifted ? others * shift.share : weights.at(i) * (kWholeShare - shift.share);
}

Weights weights_for(const Route& route, const MayUse& may_use, const Shift* shift) {
  Weights weights = weights_of(route);
  if (!shift) return weights;
  for (const Outcome& outcome : shift->before)
    if (may_use(outcome.version)) apply(outcome, route, weights);
  if (may_use(shift->version)) apply(*shift, route, weights);
  return weights;
}

std::optional<Choice> choose_by_weight(const Route& route, const RouteFacts& facts,
                                       const MayUse& may_use, const Shift* shift) {
  const StickyBy by = held_by(route, facts);
  const std::uint64_t key = sticky_key(route, facts, by);
  const auto weights = weights_for(route, may_use, shift);
  std::optional<Choice> best;
  double least = 0;
  for (std::size_t i = 0; i < route.versions.size(); ++i) {
    const ModelName& model = route.versions[i].model;
    if (weights[i] == 0 || !may_use(model)) continue;
    const double wait = waiting_time(key, model, weights[i]);
    if (best && wait >= least) continue;
    best = Choice{.version = i, .rule = Rule::weight, .stuck_by = by};
    least = wait;
  }
  return best;
}

// Walks a chain of fallbacks; see fallbacks().
class FallbackWalk {
 public:
  FallbackWalk(const ModelName& failed, const RouteFacts& facts, const MayUse& may_use,
               const FindRoute& find)
      : facts_(facts), may_use_(may_use), find_(find), tried_{failed} {}

  void follow(const Route& route, std::size_t depth) {
    for (const Fallback& fallback : route.fallbacks) {
      if (fallback.kind == Fallback::Kind::model) {
        try_next(fallback.name, route);
        continue;
      }
      if (depth == kFallbackDepthMax) continue;
      const auto [next, shift] = find_(fallback.name);
      if (!next) continue;
      if (const auto choice = choose(*next, facts_, may_use_, shift))
        try_next(next->versions[choice->version].model, *next);
      follow(*next, depth + 1);
    }
  }
  std::vector<FallbackStep> steps() && { return std::move(steps_); }

 private:
  void try_next(const ModelName& model, const Route& route) {
    if (steps_.size() == kRouteFallbacksMax) return;
    using Verdict = FallbackStep::Verdict;
    const Verdict verdict = tried_.contains(model) ? Verdict::already_tried
                            : may_use_(model)      ? Verdict::may_try
                                                   : Verdict::not_permitted;
    tried_.insert(model);
    steps_.push_back({.model = model, .route = route.name, .verdict = verdict});
  }

  const RouteFacts& facts_;
  const MayUse& may_use_;
  const FindRoute& find_;
  std::set<ModelName> tried_;
  std::vector<FallbackStep> steps_;
};

}  // namespace

std::string_view name(Rule rule) {
  switch (rule) {
    case Rule::grey_channel:
      return "grey_channel";
    case Rule::condition:
      return "condition";
    case Rule::weight:
      return "weight";
  }
  return "";
}

std::optional<Choice> choose(const Route& route, const RouteFacts& facts, const MayUse& may_use,
                             const Shift* shift) {
  if (auto by_channel = choose_by_channel(route, facts); by_channel && may_use(route.grey->version))
    return by_channel;
  for (std::size_t i = 0; i < route.conditions.size(); ++i) {
    const Condition& condition = route.conditions[i];
    if (!fits(condition, facts) || !may_use(condition.version)) continue;
    return Choice{
        .version = index_of(route, condition.version), .rule = Rule::condition, .condition = i};
  }
  return choose_by_weight(route, facts, may_use, shift);
}

std::array<std::int64_t, kRouteVersionsMax> effective_weights(const Route& route,
                                                              const Shift* shift) {
  return weights_for(route, [](const ModelName&) { return true; }, shift);
}

Route with_outcomes(Route route, std::span<const Outcome> outcomes) {
  Weights weights = weights_of(route);
  for (const Outcome& outcome : outcomes) {
    if (!route.version(outcome.version)) continue;
    apply(outcome, route, weights);
    if (outcome.promoted) make_stable(route, outcome.version);
  }
  for (std::size_t i = 0; i < route.versions.size(); ++i)
    route.versions[i].weight = weights.at(i);
  return route;
}

const Mirror* mirror_for(const Route& route, const Choice& choice, const MayUse& may_use,
                         std::uint64_t draw) {
  if (!route.mirror) return nullptr;
  const Mirror& mirror = *route.mirror;
  if (route.versions[choice.version].model == mirror.version) return nullptr;
  const auto among_shares = static_cast<int>((draw >> 32) * kWholeShare >> 32);
  if (among_shares >= mirror.share || !may_use(mirror.version)) return nullptr;
  return &mirror;
}

std::vector<FallbackStep> fallbacks(const Route& route, const ModelName& failed,
                                    const RouteFacts& facts, const MayUse& may_use,
                                    const FindRoute& find) {
  FallbackWalk walk(failed, facts, may_use, find);
  walk.follow(route, 1);
  return std::move(walk).steps();
}

}  // namespace sovmesh::catalog
