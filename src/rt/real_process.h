#pragma once

#include <memory>
#include <vector>

#include "rt/epoll_loop.h"
#include "rt/process.h"

namespace sovmesh::rt {

class Reaper;

// Children of one epoll loop. They must be gone before it.
//
// spawn() blocks its worker from fork to exec (a few milliseconds, at most kStartMax): that is how
// it can say which step failed. PR_SET_PDEATHSIG follows the thread that forks, so children live as
// long as their worker's thread. Each child leads its own session: Ctrl-C on the terminal does not
// reach it, and killing it takes what it has started along.
class RealProcessSpawner final : public ProcessSpawner {
 public:
  static constexpr std::chrono::seconds kStartMax{10};
  // How late an exit is noticed on kernels without pidfd_open (before 5.3).
  static constexpr std::chrono::milliseconds kExitPoll{50};

  explicit RealProcessSpawner(EpollLoop& loop, bool use_pidfd = true);
  ~RealProcessSpawner() override;
  Result<std::unique_ptr<ChildProcess>> spawn(const ProcessSpec& spec) override;

  // Takes over a child whose owner is gone: it has been killed and must still be reaped.
  void adopt(std::unique_ptr<Reaper> reaper);

 private:
  EpollLoop& loop_;
  bool use_pidfd_;
  std::vector<std::unique_ptr<Reaper>> orphans_;
};

}  // namespace sovmesh::rt
