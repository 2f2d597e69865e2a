#pragma once

#include <algorithm>
#include <deque>

#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::sim {

// So many at once, the others in the order they came. One loop.
class SlotGate {
 public:
  explicit SlotGate(int slots) : free_(slots) {}

  // False when `left` or the cancellation came first; then there is no slot to give back.
  rt::Task<bool> take(rt::Loop& loop, rt::Event* cancelled) {
    if (free_ > 0) {
      --free_;
      co_return true;
    }
    rt::Event granted(loop);
    waiting_.push_back(&granted);
    const rt::Until until{rt::Deadline::never(), cancelled};
    const rt::Wake wake = co_await granted.wait(until);
    if (wake == rt::Wake::ready) co_return true;
    if (granted.is_set())
      give();  // granted and cancelled at once
    else
      std::erase(waiting_, &granted);
    co_return false;
  }
  void give() {
    if (waiting_.empty()) {
      ++free_;
    } else {
      waiting_.front()->set();
      waiting_.pop_front();
    }
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  int free_;
  std::deque<rt::Event*> waiting_;
};

}  // namespace sovmesh::sim
