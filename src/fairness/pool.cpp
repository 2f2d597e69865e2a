#include "fairness/pool.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <string_view>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {

std::string_view name(Leeway leeway) {
  switch (leeway) {
    case Leeway::none:
      return "none";
    case Leeway::cut:
      return "cut";
    case Leeway::again:
      return "again";
  }
  return "";
}

Error to_error(const Refusal& refusal) {
  using Reason = Refusal::Reason;
  const auto say = [&](const char* message) {
    Error error(Code::queue_full, Blame::us, message);
    if (!refusal.retry_after) return std::move(error).with_should_retry(false);
    return std::move(error).with_retry_after(*refusal.retry_after);
  };
  switch (refusal.reason) {
    case Reason::tenant_requests:
      return say("Too many of your requests are waiting. Please try again later.");
    case Reason::tenant_bytes:
      return say("Your waiting requests are too large together. Please try again later.");
    case Reason::tenant_tokens:
      return say("Your waiting requests have too many tokens together. Please try again later.");
    case Reason::class_requests:
    case Reason::class_bytes:
    case Reason::class_tokens:
    case Reason::pool_full:
      return say("Too many requests are waiting for this model. Please try again later.");
    case Reason::too_late:
      return say("The request could not start before its deadline. Please try again later.");
    case Reason::invalid:
      break;
  }
  return {Code::internal_error, Blame::us, "A request was handed to the scheduler wrongly."};
}

namespace {

void add_node(NodeReport& node, const NodeReport& other) {
  for (const auto rate : {&NodeReport::used, &NodeReport::borrowed, &NodeReport::lent,
                          &NodeReport::gap, &NodeReport::history})
    node.*rate += other.*rate;
  node.dominant_share = std::max(node.dominant_share, other.dominant_share);
  node.history_factor = std::max(node.history_factor, other.history_factor);
  node.waiting += other.waiting;
  node.running += other.running;
  node.used_total += other.used_total;
  node.borrowed_total += other.borrowed_total;
}

void add_class(ClassReport& one, const ClassReport& other) {
  one.waiting += other.waiting;
  one.running += other.running;
  one.waiting_bytes += other.waiting_bytes;
  one.waiting_tokens += other.waiting_tokens;
  one.used_total += other.used_total;
}

}  // namespace

void PoolReport::add(const PoolReport& other) {
  std::map<std::string_view, std::size_t> by_path;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    by_path.emplace(nodes[i].path, i);
  std::vector<NodeReport> strangers;
  for (const NodeReport& node : other.nodes) {
    if (const auto known = by_path.find(node.path); known != by_path.end())
      add_node(nodes[known->second], node);
    else
      strangers.push_back(node);
  }
  nodes.insert(nodes.end(), strangers.begin(), strangers.end());
  for (std::size_t i = 0; i < bounds.size() && i < other.bounds.size(); ++i) {
    for (const auto bound : {&BoundReport::u, &BoundReport::q, &BoundReport::gap_max})
      bounds[i].*bound = std::max(bounds[i].*bound, other.bounds[i].*bound);
  }
  for (std::size_t i = 0; i < kClasses; ++i)
    add_class(classes[i], other.classes[i]);
  if (other.drain_rate) drain_rate = drain_rate.value_or(0) + *other.drain_rate;
  for (const auto total : {&PoolReport::users, &PoolReport::expired_total, &PoolReport::shed_total,
                           &PoolReport::refused_total, &PoolReport::held_total,
                           &PoolReport::offers_total, &PoolReport::named})
    this->*total += other.*total;
  for (std::size_t i = 0; i < kLeeways; ++i)
    gave_way_total[i] += other.gave_way_total[i];
}

Pool::Pool(PoolTree tree, const Options& options, Instant now)
    : state_(std::make_unique<PoolState>(std::move(tree), options, now)) {
  assert(validate(options));
}
Pool::~Pool() = default;
Pool::Pool(Pool&&) noexcept = default;
Pool& Pool::operator=(Pool&&) noexcept = default;

void Pool::configure(PoolTree tree, Instant now) { state_->configure(std::move(tree), now); }
const PoolTree& Pool::tree() const { return state_->tree(); }
std::expected<Enqueued, Refusal> Pool::enqueue(const Request& request, Instant now) {
  return state_->enqueue(request, now);
}
std::optional<Dispatch> Pool::next(Placement& placement, Instant now) {
  return state_->next(placement, now);
}
void Pool::on_token(Ticket ticket, std::int64_t tokens, Instant now) {
  state_->on_token(ticket, tokens, now);
}
void Pool::on_done(Ticket ticket, const Usage& usage, Instant now) {
  state_->on_done(ticket, usage, now);
}
void Pool::prefetch(Ticket ticket) const { state_->prefetch(ticket); }

void Pool::room_came(std::span<const std::uint64_t> kinds, Instant now) {
  state_->room_came(kinds, now);
}
std::optional<Removed> Pool::cancel(Ticket ticket, Instant now) {
  return state_->cancel(ticket, now);
}
bool Pool::requeue(Ticket ticket, const Again& again, Instant now) {
  return state_->requeue(ticket, again, now);
}
std::size_t Pool::expire(std::span<Removed> out, Instant now) { return state_->expire(out, now); }
std::size_t Pool::shed(std::span<Removed> out, Instant now) { return state_->shed(out, now); }
std::size_t Pool::reclaim(Placement& placement, std::span<Reclaim> out, Instant now) {
  return state_->reclaim(placement, out, now);
}
bool Pool::give_way(Ticket ticket, Instant now) { return state_->give_way(ticket, now); }
void Pool::set_leeway(Ticket ticket, Leeway leeway, Instant now) {
  state_->set_leeway(ticket, leeway, now);
}
Instant Pool::next_wake() const { return state_->next_wake(); }
std::optional<std::chrono::microseconds> Pool::predict_wait(const Request& request,
                                                            Instant now) const {
  return state_->predict_wait(request, now);
}
PoolReport Pool::report() const { return state_->report(); }
std::vector<HistoryRow> Pool::history(Instant now) const { return state_->history(now); }
void Pool::restore(std::span<const HistoryRow> rows, std::chrono::seconds age, Instant now) {
  state_->restore(rows, age, now);
}

}  // namespace sovmesh::fairness
