#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "rt/real_process.h"
#include "rt/real_socket.h"
#include "rt/spawn.h"

namespace sovmesh::rt {

// Notices the exit of one child and takes its status, once.
class Reaper final : private FdHandler {
 public:
  Reaper(EpollLoop& loop, pid_t pid, bool use_pidfd)
      : loop_(loop), pid_(pid), poll_(*this), exited_(loop) {
#ifdef SYS_pidfd_open
    if (use_pidfd) pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
#endif
    watched_ = pidfd_.valid() && loop.add(pidfd_.get(), EPOLLIN, *this).has_value();
    if (!watched_) arm_poll();
  }
  virtual ~Reaper() { unwatch(); }

  pid_t pid() const { return pid_; }
  Event& exited() { return exited_; }
  const std::optional<ExitStatus>& status() const { return status_; }
  // The pid cannot be another process's: it is ours until it is reaped.
  void send_signal(int number) const {
    if (!status_) ::kill(pid_, number);
  }
  void kill_session() const {
    if (!status_) ::kill(-pid_, SIGKILL);
  }
  void wait_for_exit() {
    while (!status_)
      check(0);
  }
  // `gone` may destroy this object.
  void on_exit(std::function<void()> gone) { gone_ = std::move(gone); }

 private:
  struct PollTimer : Timer {
    explicit PollTimer(Reaper& r) : Timer(&fired), reaper(r) {}
    static void fired(Timer& timer) { static_cast<PollTimer&>(timer).reaper.poll_once(); }
    Reaper& reaper;
  };

  void on_events(std::uint32_t) override { check(WNOHANG); }
  void arm_poll() { loop_.timers().arm(poll_, loop_.now() + RealProcessSpawner::kExitPoll); }
  void poll_once() {
    arm_poll();
    check(WNOHANG);
  }
  void unwatch() {
    if (std::exchange(watched_, false)) loop_.remove(pidfd_.get(), *this);
    poll_.disarm();
  }

  void check(int flags) {
    siginfo_t info{};
    const int result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | flags);
    if (result != 0 && errno == EINTR) return;
    // Somebody else took the status away (SIGCHLD ignored by an embedding program): it is over.
    if (result != 0) return finish({});
    if (info.si_pid == 0) return;
    if (info.si_code == CLD_EXITED) return finish({.code = info.si_status, .signal = 0});
    finish({.code = -1, .signal = info.si_status});
  }

  void finish(ExitStatus status) {
    status_ = status;
    unwatch();
    exited_.set();
    if (gone_) std::exchange(gone_, nullptr)();
  }

  EpollLoop& loop_;
  pid_t pid_;
  Fd pidfd_;
  PollTimer poll_;
  Event exited_;
  std::optional<ExitStatus> status_;
  std::function<void()> gone_;
  bool watched_ = false;
};

namespace {

class RealChild final : public ChildProcess {
 public:
  RealChild(RealProcessSpawner& spawner, std::unique_ptr<Reaper> reaper,
            std::unique_ptr<RealSocket> output)
      : spawner_(spawner), reaper_(std::move(reaper)), output_(std::move(output)) {}
  ~RealChild() override {
    if (reaper_->status()) return;
    reaper_->kill_session();
    spawner_.adopt(std::move(reaper_));
  }

  pid_t pid() const override { return reaper_->pid(); }
  Event& exited() override { return reaper_->exited(); }
  std::optional<ExitStatus> exit_status() const override { return reaper_->status(); }
  void send_signal(int number) override { reaper_->send_signal(number); }
  Socket& output() override { return *output_; }

 private:
  RealProcessSpawner& spawner_;
  std::unique_ptr<Reaper> reaper_;
  std::unique_ptr<RealSocket> output_;
};

}  // namespace

RealProcessSpawner::RealProcessSpawner(EpollLoop& loop, bool use_pidfd)
    : loop_(loop), use_pidfd_(use_pidfd) {}

RealProcessSpawner::~RealProcessSpawner() {
  for (const auto& orphan : orphans_) {
    orphan->on_exit(nullptr);
    orphan->wait_for_exit();  // it has got SIGKILL
  }
}

Result<std::unique_ptr<ChildProcess>> RealProcessSpawner::spawn(const ProcessSpec& spec) {
  TRY(Spawned spawned, fork_and_exec(spec, kStartMax));
  auto reaper = std::make_unique<Reaper>(loop_, spawned.pid, use_pidfd_);
  auto output =
      RealSocket::make(loop_, std::move(spawned.output), RealSocket::Kind::pipe, std::nullopt);
  if (!output) {
    reaper->kill_session();
    adopt(std::move(reaper));
    return fail(std::move(output).error());
  }
  return std::make_unique<RealChild>(*this, std::move(reaper), std::move(*output));
}

void RealProcessSpawner::adopt(std::unique_ptr<Reaper> reaper) {
  Reaper* const gone = reaper.get();
  reaper->on_exit([this, gone] {
    std::erase_if(orphans_, [gone](const auto& orphan) { return orphan.get() == gone; });
  });
  orphans_.push_back(std::move(reaper));
}

}  // namespace sovmesh::rt
