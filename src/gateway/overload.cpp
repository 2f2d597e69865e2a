#include "gateway/overload.h"

#include <algorithm>

namespace sovmesh::gateway {

routing::OverloadActions Overload::update(const routing::Pressures& pressures) {
  const routing::OverloadActions actions = state_.with([&](State& state) {
    state.shown = {pressures, state.ladder.update(pressures.largest())};
    return state.shown.actions;
  });
  refuses_new_.store(actions.refuse_new, std::memory_order_relaxed);
  sheds_batch_.store(actions.shed_batch, std::memory_order_relaxed);
  timeout_scale_.store(actions.timeout_scale, std::memory_order_relaxed);
  return actions;
}

rt::Task<void> watch_overload(Overload& overload, rt::Loop& loop,
                              std::function<routing::Pressures()> sample,
                              std::function<void(const routing::OverloadActions&)> apply,
                              rt::Event& cancelled) {
  routing::OverloadActions before;
  for (;;) {
    const routing::OverloadActions now = overload.update(sample());
    const bool is_news =
        now.shed_batch != before.shed_batch || now.close_connections != before.close_connections ||
        now.refuse_new != before.refuse_new || now.stop_accept != before.stop_accept;
    if (is_news) apply(now);
    before = now;
    const rt::Until next{loop.in(routing::kOverloadInterval), &cancelled};
    if (!co_await rt::sleep(loop, next)) co_return;
  }
}

void LagMeter::note(std::chrono::nanoseconds late) {
  late_[next_] = late;
  next_ = (next_ + 1) % kSamples;
}

std::chrono::nanoseconds LagMeter::p99() const {
  std::array<std::chrono::nanoseconds, kSamples> sorted = late_;
  constexpr std::size_t at = kSamples * 99 / 100 - 1;
  std::ranges::nth_element(sorted, sorted.begin() + at);
  return sorted[at];
}

}  // namespace sovmesh::gateway
