#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "rt/net.h"

namespace sovmesh::rt {

// What to run. Nothing here ever comes from a request.
struct ProcessSpec {
  std::string program;                 // absolute path
  std::vector<std::string> arguments;  // without argv[0]
  std::vector<std::pair<std::string, std::string>>
      environment;  // the whole environment of the child
  std::string working_directory = "/";
  // Runs in the child as the last thing before exec: async-signal-safe code only (system calls).
  // Returns 0 or an errno, which makes spawn() fail with `confine_step` in the message. It runs in
  // the new namespaces and folder; if it changes user ids it must set PR_SET_PDEATHSIG again.
  std::function<int()> confine;
  // Namespaces for the child as of unshare(2): CLONE_NEWUSER (which keeps user and group id),
  // CLONE_NEWNET, ... 0 for none. CLONE_NEWPID is refused: it would need a second fork.
  int namespaces = 0;
};

struct ExitStatus {
  int code = -1;  // exit code, or -1 when a signal ended it
  int signal = 0;
};

// A running child. It dies with its parent (PR_SET_PDEATHSIG). Destroying a running child kills it.
class ChildProcess {
 public:
  virtual ~ChildProcess() = default;
  virtual pid_t pid() const = 0;
  virtual Event& exited() = 0;
  virtual std::optional<ExitStatus> exit_status() const = 0;  // once exited() is set
  virtual void send_signal(int number) = 0;
  // Standard output and error, merged; read it or the child blocks.
  virtual Socket& output() = 0;
};

// The processes of one worker's loop.
class ProcessSpawner {
 public:
  virtual ~ProcessSpawner() = default;
  virtual Result<std::unique_ptr<ChildProcess>> spawn(const ProcessSpec& spec) = 0;
};

}  // namespace sovmesh::rt
