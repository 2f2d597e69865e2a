#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "rt/fd.h"
#include "rt/loop.h"

namespace sovmesh::rt {

// What the owner of a registered file descriptor is told.
class FdHandler {
 public:
  // `events` as of epoll_wait(2). Runs inside the turn, before any coroutine of that turn.
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~FdHandler() = default;
};

// The real loop. One turn is: one epoll_wait, one clock read, the events (at most kEventsPerTurn,
// so that timers and posted work get their share under load), due timers, posted work, and then
// every coroutine that became ready.
//
// Wake-up of a sleeping loop by another thread, without a system call when it is awake:
//   loop:  asleep = true;  if (posted) do not sleep;  epoll_wait;  asleep = false
//   post:  posted = true;  if (asleep.exchange(false)) write(eventfd)
// Both sides are sequentially consistent, so at least one of them sees the other.
class EpollLoop final : public Loop {
 public:
  static constexpr std::size_t kEventsPerTurn = 256;

  static Result<std::unique_ptr<EpollLoop>> make(const Clock& clock);
  // `loop` as what it is; the real adapters take loops of make_worker() only.
  static EpollLoop& of(Loop& loop);
  ~EpollLoop() override;

  void post(std::move_only_function<void()> work) override;
  void stop() override;

  // Turns until stop(). A stop() that came before run() counts.
  void run();
  // One turn; waits for the outside world until `latest` at most, and not at all when something was
  // ready already.
  void turn(Instant latest);

  // Registers `fd`; the handler must stay until remove(). Owners use EPOLLET where they can.
  Result<void> add(int fd, std::uint32_t events, FdHandler& handler);
  // Changes the events, or asks again for an edge that is still up.
  void modify(int fd, std::uint32_t events, FdHandler& handler);
  // Before closing `fd`: a close alone is not enough, because a child between fork and exec may
  // still hold the same open file. No event reaches the handler afterwards, not even one of the
  // batch under way.
  void remove(int fd, FdHandler& handler);

 private:
  EpollLoop(const Clock& clock, Fd epoll, Fd wake);
  int timeout_ms(Instant latest);
  void dispatch(std::size_t count);
  void run_posted();
  void wake();

  Fd epoll_;
  Fd wake_;  // eventfd, edge-triggered and never read: each write is a new edge
  std::array<epoll_event, kEventsPerTurn> batch_;
  std::size_t batch_next_ = 0;  // the first of batch_ not yet handed out
  std::size_t batch_size_ = 0;

  using Work = std::vector<std::move_only_function<void()>>;
  Guarded<Work> posted_;
  Work running_;  // swapped with posted_, so both keep their memory
  std::atomic<bool> has_posted_ = false;
  std::atomic<bool> asleep_ = false;
  std::atomic<bool> stopped_ = false;
};

}  // namespace sovmesh::rt
