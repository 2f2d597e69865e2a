#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rt/process.h"
#include "rt/sim/network.h"
#include "rt/sim/world.h"
#include "rt/task_group.h"

namespace sovmesh::rt::sim {

class SimProcess;

// What a simulated child does. Everything it owns goes at once when the process ends, as the kernel
// would do it: frames are destroyed, sockets are closed.
class SimProgram {
 public:
  virtual ~SimProgram() = default;
  // Its value is the exit code.
  virtual Task<int> main(SimProcess& process) = 0;
  // True when the program handles the signal; otherwise it ends the process. SIGKILL is not asked.
  virtual bool on_signal(int /*number*/) { return false; }
};

// The process as its own program sees it: a worker, a network and an output.
class SimProcess : public std::enable_shared_from_this<SimProcess> {
 public:
  static constexpr std::size_t kTasksMax = 10'000;

  SimProcess(SimWorld& world, const ProcessSpec& spec, pid_t pid,
             std::unique_ptr<SimProgram> program, std::unique_ptr<Socket> output, SimLoop& loop);
  ~SimProcess();
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;

  const ProcessSpec& spec() const { return spec_; }
  pid_t pid() const { return pid_; }
  SimWorld& world() { return world_; }
  Loop& loop() { return loop_; }
  Network& network() { return network_; }
  TaskGroup& tasks() { return *tasks_; }
  // Standard output and error; waits while the parent does not read.
  Task<void> print(std::string text);
  void exit(int code) { die({.code = code, .signal = 0}); }
  void crash(int signal) { die({.code = -1, .signal = signal}); }

 private:
  friend class SimProcessSpawner;
  friend class SimChild;
  static Task<void> run(SimProcess& self);
  void start();
  void receive(int signal);
  void die(ExitStatus status);
  void release();
  void end();

  SimWorld& world_;
  const ProcessSpec spec_;
  const pid_t pid_;
  SimLoop& loop_;  // its own; removed from the world with it
  SimNetwork network_;
  std::unique_ptr<SimProgram> program_;
  std::unique_ptr<Socket> output_;
  std::optional<TaskGroup> tasks_;
  std::optional<ExitStatus> status_;           // decided; the end follows at once
  std::function<void(ExitStatus)> on_exited_;  // tells the parent, if it still cares
  bool gone_ = false;
};

// Children are objects that a test's factory makes, by the path of the program.
class SimProcessSpawner final : public ProcessSpawner {
 public:
  using Factory = std::function<std::unique_ptr<SimProgram>()>;

  explicit SimProcessSpawner(SimWorld& world) : SimProcessSpawner(world, world.loop()) {}
  SimProcessSpawner(SimWorld& world, SimLoop& loop) : world_(world), loop_(loop) {}

  void install(const std::string& program, Factory factory) {
    programs_[program] = std::move(factory);
  }
  // Unknown programs fail with "no such file or directory". ProcessSpec::confine and the namespaces
  // are not simulated.
  Result<std::unique_ptr<ChildProcess>> spawn(const ProcessSpec& spec) override;

 private:
  SimWorld& world_;
  SimLoop& loop_;
  std::map<std::string, Factory> programs_;
  pid_t last_pid_ = 1000;
};

}  // namespace sovmesh::rt::sim
