// History and reports.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {
namespace {

double micros(Instant::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

double PoolState::decay(double seconds) const {
  return std::exp2(-seconds / static_cast<double>(options_.half_life.count()));
}

// GPU-microseconds of the whole pool.
double PoolState::debt_max() const {
  const double nominal = tree_.nodes()[kPoolNode].spec.nominal;
  const double capacity = drain_.rate().value_or(nominal > 0 ? nominal : 1);
  return micros(options_.debt_max) * capacity;
}

void PoolState::roll_epoch(Instant now) {
  const double elapsed = micros(now - epoch_began_);
  close_rates(elapsed, now);
  const double kept = decay(elapsed / kMicrosPerGse);
  for (Node& node : nodes_) {
    node.history = std::max(node.history * kept + node.borrowed - node.epoch_borrowed, 0.0);
    node.epoch_used = node.used;
    node.epoch_borrowed = node.borrowed;
    node.waited = 0;
  }
  epoch_began_ = now;
  set_factors();
  sum_active_weights();
}

// What everybody used, borrowed, lent and missed in the epoch that ends.
void PoolState::close_rates(double elapsed, Instant now) {
  double borrowed = 0;
  double idle = 0;
  for (Node& node : nodes_) {
    const double waited =
        node.waited +
        (node.waiting > 0 ? micros(now - std::max(node.waiting_since, epoch_began_)) : 0);
    const double used = node.used - node.epoch_used;
    node.rates = {.used = used / elapsed,
                  .borrowed = (node.borrowed - node.epoch_borrowed) / elapsed,
                  .gap = std::max(node.nominal * waited - used, 0.0) / elapsed};
    if (node.level != Level::tenant) continue;
    borrowed += node.rates.borrowed;
    idle += std::max(node.nominal - node.rates.used - node.rates.gap, 0.0);
  }
  // What was borrowed beyond everybody's guarantees was capacity that nobody lent.
  const double part = idle > 0 ? std::min(borrowed / idle, 1.0) : 0;
  for (Node& node : nodes_)
    if (node.level == Level::tenant)
      node.rates.lent = part * std::max(node.nominal - node.rates.used - node.rates.gap, 0.0);
}

// Who borrowed more of late than its weight says gets less of what is borrowed now, and the other
// way round. In proportion to weights, so who borrowed by its weight keeps it.
void PoolState::set_factors() {
  std::vector<double> weights(nodes_.size(), 0.0);
  std::vector<double> histories(nodes_.size(), 0.0);
  const auto counts = [](const Node& node) {
    return !node.is_free && (node.level == Level::tenant || node.level == Level::cohort) &&
           (node.history >= 1 || node.waiting > 0 || node.running > 0);
  };
  for (const Node& node : nodes_) {
    if (!counts(node)) continue;
    weights[node.parent] += node.weight;
    histories[node.parent] += node.history;
  }
  const double max = options_.history_factor_max;
  for (Node& node : nodes_) {
    node.factor = 1;
    if (!counts(node) || histories[node.parent] < 1) continue;
    const double fair = node.weight / weights[node.parent];
    const double real = node.history / histories[node.parent];
    node.factor = real * max > fair ? std::clamp(fair / real, 1 / max, max) : max;
  }
}

void PoolState::sum_active_weights() {
  for (Node& node : nodes_)
    for (ClassQueue& queue : node.queues)
      queue.active_weight = 0;
  for (NodeIndex index = 1; index < nodes_.size(); ++index) {
    const Node& node = nodes_[index];
    for (std::size_t priority = 0; priority < kClasses; ++priority)
      if (!node.is_free && node.queues[priority].waiting > 0)
        nodes_[node.parent].queues[priority].active_weight += node.share_weight();
  }
}

PoolReport PoolState::report() const {
  PoolReport out;
  const PoolTree::Node& pool = tree_.nodes()[kPoolNode];
  const double lendable = std::max(
      pool.lendable.value_or(std::max(pool.spec.nominal, drain_.rate().value_or(0))), 1e-9);
  for (NodeId id = 0; id < node_of_.size(); ++id) {
    const Node& node = nodes_[node_of_[id]];
    const PoolTree::Node& from = tree_.nodes()[id];
    out.nodes.push_back({.node = id,
                         .level = from.spec.level,
                         .path = from.path,
                         .nominal = from.spec.nominal,
                         .weight = from.spec.weight,
                         .used = node.rates.used,
                         .borrowed = node.rates.borrowed,
                         .lent = node.rates.lent,
                         .gap = node.rates.gap,
                         .dominant_share = node.rates.borrowed / lendable / from.spec.weight,
                         .history = node.history + node.borrowed - node.epoch_borrowed,
                         .history_factor = node.factor,
                         .waiting = node.waiting,
                         .running = node.running,
                         .used_total = std::llround(node.used),
                         .borrowed_total = std::llround(node.borrowed)});
  }
  for (const Level level : {Level::cohort, Level::tenant, Level::project, Level::user}) {
    const Bound& bound = bounds_[static_cast<std::size_t>(level)];
    out.bounds.push_back({.level = level,
                          .u = bound.added + bound.input * refunded_,
                          .q = window(level),
                          .gap_max = bound.gap_max});
  }
  out.classes = class_reports_;
  for (std::size_t i = 0; i < kClasses; ++i)
    out.classes[i].used_total = std::llround(class_used_[i]);
  out.drain_rate = drain_.rate();
  out.users = users_;
  out.expired_total = expired_;
  out.shed_total = shed_;
  out.refused_total = refused_;
  out.held_total = held_;
  out.offers_total = offers_;
  out.named = nodes_[kRoot].named;
  out.gave_way_total = gave_way_;
  return out;
}

std::vector<HistoryRow> PoolState::history(Instant now) const {
  std::vector<HistoryRow> rows;
  const double kept = decay(micros(now - epoch_began_) / kMicrosPerGse);
  for (NodeIndex index = 1; index < nodes_.size(); ++index) {
    const Node& node = nodes_[index];
    if (node.is_free || node.level == Level::user) continue;
    HistoryRow row{.path = paths_[index],
                   .borrowed = node.history * kept + node.borrowed - node.epoch_borrowed};
    bool is_ahead = false;
    for (std::size_t priority = 0; priority < kClasses; ++priority) {
      row.lead[priority] = lead(node, priority, now);
      is_ahead = is_ahead || row.lead[priority] >= 1;
    }
    if (row.borrowed >= 1 || is_ahead) rows.push_back(std::move(row));
  }
  return rows;
}

double PoolState::lead(const Node& node, std::size_t priority, Instant now) const {
  const ClassQueue& queue = node.queues[priority];
  if (is_forgotten(node, queue, now)) return 0;
  return std::max(queue.borrowed - lowest_borrowed(nodes_[node.parent].queues[priority]), 0.0);
}

void PoolState::restore(std::span<const HistoryRow> rows, std::chrono::seconds age, Instant now) {
  advance(now);
  const double kept = decay(static_cast<double>(std::max<std::int64_t>(age.count(), 0)));
  for (const HistoryRow& row : rows) {
    const std::optional<NodeId> id = tree_.find(row.path);
    if (!id || *id == kPoolNode || !(row.borrowed >= 0 && row.borrowed < 1e18)) continue;
    Node& node = nodes_[node_of_[*id]];
    node.history += row.borrowed * kept;
    if (age > options_.idle_ttl) continue;
    for (std::size_t priority = 0; priority < kClasses; ++priority) {
      if (!(row.lead[priority] > 0 && row.lead[priority] < 1e18)) continue;
      ClassQueue& queue = node.queues[priority];
      queue.borrowed = lowest_borrowed(nodes_[node.parent].queues[priority]) + row.lead[priority];
      queue.left_at = now - age;
    }
  }
  set_factors();
  sum_active_weights();
}

}  // namespace sovmesh::fairness
