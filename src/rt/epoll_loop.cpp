#include "rt/epoll_loop.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <limits>
#include <utility>

#include "rt/net.h"

namespace sovmesh::rt {

Result<std::unique_ptr<EpollLoop>> EpollLoop::make(const Clock& clock) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return fail(io_error(errno, "epoll_create"));
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return fail(io_error(errno, "eventfd"));
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0)
    return fail(io_error(errno, "epoll_ctl"));
  return std::unique_ptr<EpollLoop>(new EpollLoop(clock, std::move(epoll), std::move(wake)));
}

EpollLoop::EpollLoop(const Clock& clock, Fd epoll, Fd wake)
    : Loop(clock), epoll_(std::move(epoll)), wake_(std::move(wake)) {}

EpollLoop::~EpollLoop() { mark_ended(true); }

EpollLoop& EpollLoop::of(Loop& loop) {
  assert(dynamic_cast<EpollLoop*>(&loop) != nullptr);
  return static_cast<EpollLoop&>(loop);
}

void EpollLoop::post(std::move_only_function<void()> work) {
  posted_.with([&work](Work& posted) { posted.push_back(std::move(work)); });
  has_posted_.store(true);
  wake();
}

void EpollLoop::stop() {
  stopped_.store(true);
  wake();
}

void EpollLoop::wake() {
  if (!asleep_.load() || !asleep_.exchange(false)) return;
  const std::uint64_t one = 1;
  // Fails only when 2^64 wake-ups were not read; the loop is awake then.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void EpollLoop::run() {
  mark_ended(false);
  begin_turn();  // what was set up before run() may have taken a while
  while (!stopped_.load(std::memory_order_acquire))
    turn(Instant::max());
  stopped_.store(false);
  mark_ended(true);
}

void EpollLoop::turn(Instant latest) {
  const bool started_between = has_ready();
  run_ready();
  int timeout = started_between ? 0 : timeout_ms(latest);
  if (timeout != 0) {
    asleep_.store(true);
    if (has_posted_.load() || stopped_.load()) timeout = 0;
  }
  const int count =
      ::epoll_wait(epoll_.get(), batch_.data(), static_cast<int>(batch_.size()), timeout);
  asleep_.store(false, std::memory_order_relaxed);
  begin_turn();
  if (count > 0) dispatch(static_cast<std::size_t>(count));
  timers().advance(now());
  run_posted();
  run_ready();
}

// Rounded up: a timer may be late by a millisecond and is never early, which would be a turn for
// nothing. Measured from the beginning of this turn, so a long turn makes timers late by its length
// and costs no second look at the clock.
int EpollLoop::timeout_ms(Instant latest) {
  if (has_posted_.load(std::memory_order_relaxed)) return 0;
  const auto next = timers().next();
  const Instant until = next ? std::min(*next, latest) : latest;
  if (until == Instant::max()) return -1;
  if (until <= now()) return 0;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
  return static_cast<int>(std::min<decltype(wait)>(wait, std::numeric_limits<int>::max()));
}

void EpollLoop::dispatch(std::size_t count) {
  batch_size_ = count;
  for (batch_next_ = 0; batch_next_ < batch_size_;) {
    const epoll_event event = batch_[batch_next_++];
    if (event.data.ptr != nullptr) static_cast<FdHandler*>(event.data.ptr)->on_events(event.events);
  }
  batch_next_ = batch_size_ = 0;
}

void EpollLoop::run_posted() {
  if (!has_posted_.load(std::memory_order_relaxed)) return;
  has_posted_.store(false);
  posted_.with([this](Work& posted) { posted.swap(running_); });
  for (auto& work : running_)
    work();
  running_.clear();
}

Result<void> EpollLoop::add(int fd, std::uint32_t events, FdHandler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return fail(io_error(errno, "watching a file descriptor"));
}

void EpollLoop::modify(int fd, std::uint32_t events, FdHandler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  [[maybe_unused]] const int result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  assert(result == 0);
}

void EpollLoop::remove(int fd, FdHandler& handler) {
  [[maybe_unused]] const int result = ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  assert(result == 0);
  for (std::size_t i = batch_next_; i < batch_size_; ++i)
    if (batch_[i].data.ptr == &handler) batch_[i].data.ptr = nullptr;
}

}  // namespace sovmesh::rt
