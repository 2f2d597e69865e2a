// Engines go out of service, or from one queue to another because models connect them otherwise.
#include <algorithm>
#include <cassert>
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

// It waits here no longer, and asks for a queue anew.
void DispatchPool::send_on(const std::shared_ptr<Waiter>& waiter, Instant now, Woken& woken) {
  (void)fair_.cancel(waiter->turn, now);
  waiter->has_moved = true;
  put_out(waiter, now, woken);
}

void DispatchPool::look_at_service(Instant now, Woken& woken) {
  now = later(now);
  std::vector<std::shared_ptr<Waiter>> unserved;
  for (const auto& [tag, waiter] : waiting_)
    if (are_out_of_service(waiter->request.engines)) unserved.push_back(waiter);
  for (const auto& waiter : unserved)
    send_on(waiter, now, woken);
  for (const auto& lane : lanes_)
    fair_.room_came(lane->kinds, now);
  serve(now, woken);
}

DispatchPool::Left DispatchPool::retire(Instant now, Woken& woken) {
  now = later(now);
  is_retired_ = true;
  while (!waiting_.empty()) {
    const std::shared_ptr<Waiter> waiter = waiting_.begin()->second;
    send_on(waiter, now, woken);
    waiter->lanes.clear();
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
  lane->rate_class = lanes_.empty() ? new_rate_class() : lanes_.front()->rate_class;
  lane->endpoint = {};
  assert(lane->kinds.empty());  // those who waited have left
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
