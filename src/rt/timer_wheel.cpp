#include "rt/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace sovmesh::rt {
namespace {

constexpr unsigned kSlotBits = 6;
constexpr std::uint64_t kSlotMask = (1U << kSlotBits) - 1;

constexpr unsigned shift_of(unsigned level) { return level * kSlotBits; }

// Distance in slots (1..63) from `index` to the next occupied one, going round.
std::optional<unsigned> distance_to_next(std::uint64_t occupied, std::uint64_t index) {
  const std::uint64_t others = std::rotr(occupied, static_cast<int>(index)) & ~std::uint64_t{1};
  if (others == 0) return std::nullopt;
  return static_cast<unsigned>(std::countr_zero(others));
}

}  // namespace

void Timer::disarm() {
  if (wheel_ != nullptr) wheel_->disarm(*this);
}

TimerWheel::TimerWheel(Instant start) : start_(start) {}

TimerWheel::~TimerWheel() {
  for (List& list : slots_) {
    for (Timer* timer = list.head; timer != nullptr; timer = timer->next_)
      timer->wheel_ = nullptr;
  }
}

void TimerWheel::arm(Timer& timer, Instant expiry) {
  timer.disarm();
  timer.wheel_ = this;
  timer.expiry_ = expiry;
  timer.order_ = armed_++;
  ++size_;
  place(timer);
  if (timer.slot_ == (current_ & kSlotMask)) sort_in(timer);
}

void TimerWheel::disarm(Timer& timer) {
  if (timer.wheel_ != this) return;
  unlink(timer);
  timer.wheel_ = nullptr;
  --size_;
}

std::uint64_t TimerWheel::tick_of(Instant at) const {
  const Instant earliest = start_of(current_);
  if (at <= earliest) return current_;
  return static_cast<std::uint64_t>((at - start_) / kTick);
}

Instant TimerWheel::start_of(std::uint64_t tick) const {
  return start_ + kTick * static_cast<std::int64_t>(tick);
}

// The lowest level on which the timer's tick and the current one share their slot's parent; the
// last level goes round, so it takes what is less than 64 of its slots away.
void TimerWheel::place(Timer& timer) {
  const std::uint64_t tick = tick_of(timer.expiry_);
  unsigned level = 0;
  while (level < kLevels - 1 && tick >> shift_of(level + 1) != current_ >> shift_of(level + 1))
    ++level;
  std::uint64_t index = tick >> shift_of(level);
  const std::uint64_t farthest = (current_ >> shift_of(level)) + kSlots - 1;
  index = std::min(index, farthest);  // placed again when that slot is entered
  append(timer, level, index & kSlotMask);
}

void TimerWheel::append(Timer& timer, unsigned level, std::uint64_t index) {
  List& list = slot(level, index);
  timer.slot_ = static_cast<std::uint16_t>(std::uint64_t{level} * kSlots + index);
  timer.previous_ = list.tail;
  timer.next_ = nullptr;
  (list.tail != nullptr ? list.tail->next_ : list.head) = &timer;
  list.tail = &timer;
  occupied_[level] |= std::uint64_t{1} << index;
}

// Moves the last timer of the current tick to its place, which mostly is where it stands.
void TimerWheel::sort_in(Timer& timer) {
  Timer* after = timer.previous_;
  while (after != nullptr && before(timer, *after))
    after = after->previous_;
  if (after == timer.previous_) return;
  List& list = slot(0, current_ & kSlotMask);
  list.tail = timer.previous_;
  list.tail->next_ = nullptr;
  timer.previous_ = after;
  Timer*& from = after != nullptr ? after->next_ : list.head;
  timer.next_ = from;
  from->previous_ = &timer;
  from = &timer;
}

bool TimerWheel::before(const Timer& a, const Timer& b) {
  return std::pair(a.expiry_, a.order_) < std::pair(b.expiry_, b.order_);
}

// Takes the first `count` timers off `rest` and returns them sorted, linked by next_ alone.
Timer* TimerWheel::merge_sort(Timer*& rest, std::size_t count) {
  if (count == 0) return nullptr;
  if (count == 1) {
    Timer* const only = std::exchange(rest, rest->next_);
    only->next_ = nullptr;
    return only;
  }
  Timer* left = merge_sort(rest, count / 2);
  Timer* right = merge_sort(rest, count - count / 2);
  Timer* merged = nullptr;
  Timer** end = &merged;
  while (left != nullptr && right != nullptr) {
    Timer*& first = before(*right, *left) ? right : left;
    *end = first;
    end = &first->next_;
    first = first->next_;
  }
  *end = left != nullptr ? left : right;
  return merged;
}

void TimerWheel::sort(List& list) {
  std::size_t count = 0;
  bool sorted = true;
  for (const Timer* timer = list.head; timer != nullptr; timer = timer->next_, ++count)
    sorted = sorted && (timer->previous_ == nullptr || before(*timer->previous_, *timer));
  if (sorted) return;
  Timer* rest = list.head;
  list.head = merge_sort(rest, count);
  list.tail = nullptr;
  for (Timer* timer = list.head; timer != nullptr; timer = timer->next_)
    timer->previous_ = std::exchange(list.tail, timer);
}

void TimerWheel::unlink(Timer& timer) {
  const unsigned level = timer.slot_ / kSlots;
  const unsigned index = timer.slot_ % kSlots;
  List& list = slot(level, index);
  (timer.previous_ != nullptr ? timer.previous_->next_ : list.head) = timer.next_;
  (timer.next_ != nullptr ? timer.next_->previous_ : list.tail) = timer.previous_;
  if (list.head == nullptr) occupied_[level] &= ~(std::uint64_t{1} << index);
}

std::optional<std::uint64_t> TimerWheel::next_tick() const {
  std::optional<std::uint64_t> first;
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t here = current_ >> shift_of(level);
    const auto distance = distance_to_next(occupied_[level], here & kSlotMask);
    if (!distance) continue;
    const std::uint64_t begins = (here + *distance) << shift_of(level);
    if (!first || begins < *first) first = begins;
  }
  return first;
}

// Makes `tick` current: spreads the slots of higher levels that begin here, then sorts its own.
void TimerWheel::enter(std::uint64_t tick) {
  current_ = tick;
  for (unsigned level = kLevels; level-- > 1;) {
    const std::uint64_t index = (tick >> shift_of(level)) & kSlotMask;
    List list = std::exchange(slot(level, index), List{});
    occupied_[level] &= ~(std::uint64_t{1} << index);
    for (Timer* timer = list.head; timer != nullptr;) {
      Timer* const next = timer->next_;
      place(*timer);
      timer = next;
    }
  }
  sort(slot(0, tick & kSlotMask));
}

void TimerWheel::fire_current(Instant now) {
  List& list = slot(0, current_ & kSlotMask);
  while (list.head != nullptr && list.head->expiry_ <= now) {
    Timer& timer = *list.head;
    disarm(timer);
    timer.fired_(timer);
  }
}

void TimerWheel::advance(Instant now) {
  const std::uint64_t target = tick_of(now);
  fire_current(now);
  for (auto next = next_tick(); next && *next <= target; next = next_tick()) {
    enter(*next);
    fire_current(now);
  }
  // Nothing begins between here and the target, so there is nothing to spread.
  current_ = std::max(current_, target);
}

std::optional<Instant> TimerWheel::next() const {
  if (size_ == 0) return std::nullopt;
  const Timer* const head = slots_[current_ & kSlotMask].head;
  if (head != nullptr) return head->expiry_;
  return start_of(*next_tick());
}

}  // namespace sovmesh::rt
