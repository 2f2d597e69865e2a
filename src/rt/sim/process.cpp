#include "rt/sim/process.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace sovmesh::rt::sim {

SimProcess::SimProcess(SimWorld& world, const ProcessSpec& spec, pid_t pid,
                       std::unique_ptr<SimProgram> program, std::unique_ptr<Socket> output,
                       SimLoop& loop)
    : world_(world),
      spec_(spec),
      pid_(pid),
      loop_(loop),
      network_(world, loop),
      program_(std::move(program)),
      output_(std::move(output)),
      tasks_(std::in_place, loop, kTasksMax) {}

SimProcess::~SimProcess() { release(); }

void SimProcess::start() {
  // From the world, not from the parent's stack: exec takes a moment.
  world_.after(world_.random_delay({}, std::chrono::milliseconds(1)), [self = shared_from_this()] {
    if (!self->gone_) self->tasks_->spawn(run(*self));
  });
}

// `self` outlives the task: it owns the group that the task is in.
Task<void> SimProcess::run(SimProcess& self) {
  const int code = co_await self.program_->main(self);
  self.exit(code);
}

Task<void> SimProcess::print(std::string text) {
  // A parent that is gone is no reason to fail.
  static_cast<void>(co_await write_all(*output_, text, {Deadline::never(), nullptr}));
}

void SimProcess::receive(int signal) {
  world_.after(world_.random_delay({}, std::chrono::microseconds(100)),
               [weak = weak_from_this(), signal] {
                 const auto self = weak.lock();
                 if (self == nullptr || self->status_) return;
                 self->world_.note(fmt::format("process {} gets signal {}", self->pid_, signal));
                 if (signal == SIGKILL || !self->program_->on_signal(signal)) self->crash(signal);
               });
}

void SimProcess::die(ExitStatus status) {
  if (status_) return;
  status_ = status;
  // Not now: the caller may be a coroutine of this process.
  world_.after({}, [self = shared_from_this()] { self->end(); });
}

void SimProcess::release() {
  if (std::exchange(gone_, true)) return;
  loop_.stop();
  tasks_.reset();
  program_.reset();
  output_.reset();
  world_.remove_loop(loop_);
}

void SimProcess::end() {
  release();
  world_.note(
      fmt::format("process {} ends: code {} signal {}", pid_, status_->code, status_->signal));
  world_.after(world_.random_delay({}, std::chrono::microseconds(200)),
               [self = shared_from_this()] {
                 if (self->on_exited_) self->on_exited_(*self->status_);
               });
}

class SimChild final : public ChildProcess {
 public:
  SimChild(std::shared_ptr<SimProcess> process, std::unique_ptr<Socket> output, SimLoop& loop)
      : process_(std::move(process)), output_(std::move(output)), exited_(loop) {
    process_->on_exited_ = [this](ExitStatus status) {
      status_ = status;
      exited_.set();
    };
  }
  ~SimChild() override {
    process_->on_exited_ = nullptr;
    process_->crash(SIGKILL);
  }
  SimChild(const SimChild&) = delete;
  SimChild& operator=(const SimChild&) = delete;

  pid_t pid() const override { return process_->pid(); }
  Event& exited() override { return exited_; }
  std::optional<ExitStatus> exit_status() const override { return status_; }
  void send_signal(int number) override { process_->receive(number); }
  Socket& output() override { return *output_; }

 private:
  std::shared_ptr<SimProcess> process_;
  std::unique_ptr<Socket> output_;
  Event exited_;
  std::optional<ExitStatus> status_;
};

Result<std::unique_ptr<ChildProcess>> SimProcessSpawner::spawn(const ProcessSpec& spec) {
  const auto factory = programs_.find(spec.program);
  if (factory == programs_.end()) return fail(io_error(ENOENT, "run " + spec.program));
  SimLoop& loop = world_.add_loop();
  auto [ours, theirs] = sim_socket_pair(world_, loop_, loop);
  const auto process = std::make_shared<SimProcess>(world_, spec, ++last_pid_, factory->second(),
                                                    std::move(theirs), loop);
  world_.note(fmt::format("process {} runs {}", process->pid(), spec.program));
  process->start();
  return std::make_unique<SimChild>(process, std::move(ours), loop_);
}

}  // namespace sovmesh::rt::sim
