#include "rt/sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "rt/sim/network.h"

namespace sovmesh::rt::sim {
namespace {

// More turns than this at one moment: coroutines wake each other for ever.
constexpr std::uint64_t kTurnsAtOneTimeMax = 1'000'000;

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace

void SeededRandom::fill(std::span<unsigned char> out) {
  state_.with([out](std::uint64_t& state) mutable {
    while (!out.empty()) {
      const std::uint64_t word = splitmix64(state);
      const std::size_t count = std::min(out.size(), sizeof word);
      std::memcpy(out.data(), &word, count);
      out = out.subspan(count);
    }
  });
}

bool SimLoop::turn() {
  if (has_ended()) return false;
  begin_turn();
  const auto next = timers().next();
  if (!has_ready() && posted_.empty() && (!next || *next > now())) return false;
  run_ready();
  timers().advance(now());
  for (auto& work : std::exchange(posted_, {}))
    work();
  run_ready();
  return true;
}

SimWorld::SimWorld(std::uint64_t seed) : random_(seed), chaos_(~seed) {
  add_loop();
  wire_ = std::make_unique<Wire>(*this);
}

SimWorld::~SimWorld() {
  end();
  // Sockets in events and on the wire close now; what that would lead to never happens.
  ending_ = true;
  events_.clear();
  wire_.reset();
}

SimLoop& SimWorld::add_loop() {
  loops_.push_back(std::unique_ptr<SimLoop>(new SimLoop(clock_)));
  return *loops_.back();
}

void SimWorld::remove_loop(SimLoop& loop) {
  assert(&loop != loops_.front().get());
  std::erase_if(loops_, [&loop](const auto& owned) { return owned.get() == &loop; });
}

void SimWorld::at(Instant when, std::move_only_function<void()> work) {
  if (ending_) return;
  events_.push_back({std::max(when, now()), scheduled_++, std::move(work)});
  std::push_heap(events_.begin(), events_.end());
}

std::chrono::nanoseconds SimWorld::random_delay(std::chrono::nanoseconds min,
                                                std::chrono::nanoseconds max) {
  if (max <= min) return min;
  const auto range = static_cast<std::uint64_t>((max - min).count()) + 1;
  return min + std::chrono::nanoseconds(chaos_.next_u64() % range);
}

void SimWorld::jump_wall(std::chrono::microseconds by) {
  clock_.wall_offset_ += by;
  note(fmt::format("wall clock jumps by {} us", by.count()));
}

void SimWorld::note(std::string_view text) {
  const auto since = (now() - SimClock::kFirstInstant).count();
  std::string line =
      fmt::format("{}.{:09} {}\n", since / 1'000'000'000, since % 1'000'000'000, text);
  if (log_.size() + line.size() > kLogBytesMax) {
    ++log_lines_dropped_;
  } else {
    log_ += line;
  }
}

bool SimWorld::turn_loops() {
  bool any = false;
  for (std::size_t i = 0; i < loops_.size(); ++i)  // a turn may add a loop
    any = loops_[i]->turn() || any;
  return any;
}

bool SimWorld::run_due_event() {
  if (events_.empty() || events_.front().when > now()) return false;
  std::pop_heap(events_.begin(), events_.end());
  Event event = std::move(events_.back());
  events_.pop_back();
  event.work();
  return true;
}

std::optional<Instant> SimWorld::next_time() const {
  std::optional<Instant> first;
  const auto consider = [&first](Instant when) {
    if (!first || when < *first) first = when;
  };
  if (!events_.empty()) consider(events_.front().when);
  for (const auto& loop : loops_) {
    if (loop->has_ended()) continue;
    if (const auto next = loop->timers().next()) consider(*next);
  }
  return first;
}

bool SimWorld::step(Instant end) {
  if (turn_loops() || run_due_event()) {
    if (++turns_at_this_time_ > kTurnsAtOneTimeMax)
      throw std::runtime_error("coroutines wake each other for ever without any time passing");
    return true;
  }
  const auto next = next_time();
  if (!next || *next > end) return false;
  clock_.now_ = std::max(now(), *next);
  turns_at_this_time_ = 0;
  return true;
}

bool SimWorld::run_until_idle(std::chrono::nanoseconds limit) {
  const Instant end = now() + limit;
  while (step(end)) {
  }
  return !next_time();
}

void SimWorld::run_for(std::chrono::nanoseconds duration) {
  const Instant end = now() + duration;
  while (step(end)) {
  }
  clock_.now_ = end;
  turns_at_this_time_ = 0;
  turn_loops();
}

bool SimWorld::run_until(const std::function<bool()>& reached, std::chrono::nanoseconds limit) {
  const Instant end = now() + limit;
  while (!reached()) {
    if (!step(end)) return reached();
  }
  return true;
}

void SimWorld::end() {
  for (const auto& loop : loops_)
    loop->stop();
}

std::size_t SimWorld::armed_timers() const {
  std::size_t armed = 0;
  for (const auto& loop : loops_)
    armed += loop->timers().size();
  return armed;
}

}  // namespace sovmesh::rt::sim
