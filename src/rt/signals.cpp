#include <pthread.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "rt/epoll_loop.h"
#include "rt/real.h"

namespace sovmesh::rt {
namespace {

class RealSignalWatch final : public SignalWatch, private FdHandler {
 public:
  RealSignalWatch(EpollLoop& loop, Fd fd, std::function<void(int)> on_signal)
      : loop_(loop), fd_(std::move(fd)), on_signal_(std::move(on_signal)) {}
  ~RealSignalWatch() override {
    if (registered_) loop_.remove(fd_.get(), *this);
  }
  Result<void> start() {
    TRY_VOID(loop_.add(fd_.get(), EPOLLIN, *this));
    registered_ = true;
    return {};
  }

 private:
  // One signal per turn and level-triggered, so that the callback may destroy this object.
  void on_events(std::uint32_t) override {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) return;
    const auto on_signal = on_signal_;
    on_signal(static_cast<int>(info.ssi_signo));
  }

  EpollLoop& loop_;
  Fd fd_;
  std::function<void(int)> on_signal_;
  bool registered_ = false;
};

}  // namespace

Result<std::unique_ptr<SignalWatch>> watch_signals(Loop& loop, const std::vector<int>& signals,
                                                   std::function<void(int)> on_signal) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals)
    ::sigaddset(&set, signal);
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    return fail(io_error(error, "blocking signals"));
  Fd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.valid()) return fail(io_error(errno, "signalfd"));
  auto watch =
      std::make_unique<RealSignalWatch>(EpollLoop::of(loop), std::move(fd), std::move(on_signal));
  TRY_VOID(watch->start());
  return watch;
}

}  // namespace sovmesh::rt
