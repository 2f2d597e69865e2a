// Engines go from one queue to another because models connect them otherwise.
#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "gateway/dispatch_pool.h"

namespace sovmesh::gateway {

std::vector<std::string> DispatchPool::lane_names() const {
  std::vector<std::string> names;
  for (const auto& lane : lanes_)
    names.emplace_back(lane->engine->name());
  return names;
}

bool DispatchPool::has_seats() const {
  return std::ranges::any_of(seats_, [](const Seat::Hold* hold) { return hold != nullptr; });
}

DispatchPool::Left DispatchPool::retire(Instant now, Woken& woken) {
  now = later(now);
  is_retired_ = true;
  while (!waiting_.empty()) {
    const std::shared_ptr<Waiter> waiter = waiting_.begin()->second;
    (void)fair_.cancel(waiter->turn, now);
    forget(waiter->tag, now);
    waiter->is_out = waiter->has_moved = true;
    waiter->lanes.clear();
    woken.push_back(waiter);
  }
  Left left{.lanes = std::exchange(lanes_, {}), .tenants = {}, .history = fair_.history(now)};
  std::ranges::copy(std::views::keys(tenants_), std::back_inserter(left.tenants));
  return left;
}

void DispatchPool::adopt(std::unique_ptr<EngineLane> lane, const Left& from, Instant now,
                         Woken& woken) {
  now = later(now);
  if (lanes_.empty() && waiting_.empty()) {
    meet(from.tenants, false, now);
    fair_.restore(from.history, std::chrono::seconds(0), now);
  }
  // One for all that come: replicas learn together how fast they are.
  if (!lanes_.empty())
    lane->rate_class = lanes_.front()->rate_class;
  else
    lane->rate_class = picker_.rates().add_class({}) % routing::RateTable::kClassesMax;
  lane->endpoint = {};
  lane->kinds = 0;
  list(*lane, now);
  lane->load_version = 0;
  look_at_load(*lane, now);
  lanes_.push_back(std::move(lane));
  serve(now, woken);
}

bool DispatchPool::free_moved(Seat::Hold& hold, Instant now, Woken& woken) {
  now = later(now);
  if (!free_slots(hold, now)) return false;
  serve(now, woken);
  return true;
}

}  // namespace sovmesh::gateway
