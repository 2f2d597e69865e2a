#include "engine_process/supervisor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "engine_process/command.h"

namespace sovmesh::engine_process {
namespace {

using State = engine::State;

constexpr std::chrono::milliseconds kReadyPoll{50};
constexpr std::chrono::milliseconds kProbeTime{1'000};
// TERM, again after a second (a first one can be lost in a stream), KILL after two.
constexpr std::chrono::milliseconds kSecondTerm{1'000};
constexpr std::chrono::milliseconds kKill{2'000};
constexpr std::chrono::milliseconds kAfterKill{5'000};
constexpr std::chrono::milliseconds kLastWords{1'000};
constexpr std::size_t kQuotedMax = 200;

std::string describe(const rt::ExitStatus& status) {
  if (status.signal == 0) return "exited with code " + std::to_string(status.code);
  if (status.signal == SIGSYS)
    return "stopped by its sandbox: it made a system call that is not on the allow-list (SIGSYS)";
  std::string text = "ended by signal " + std::to_string(status.signal);
  if (const char* name = sigabbrev_np(status.signal)) text += std::string(" (SIG") + name + ")";
  if (status.signal == SIGKILL) text += ", perhaps for want of memory";
  return text;
}

std::unexpected<Error> no_start(std::string what) {
  return our_error(Code::no_healthy_backend, std::move(what));
}

http::ClientLimits probe_limits() {
  http::ClientLimits limits;
  limits.idle_max = 1;
  return limits;
}

}  // namespace

struct ManagedEngine::Supervisor::Child {
  explicit Child(rt::Loop& loop) : readers(loop, 1), probers(loop, 1) {}

  std::unique_ptr<rt::ChildProcess> process;
  std::optional<engine::HealthProber> prober;
  std::optional<Instant> ready_since;
  std::optional<Instant> silent_since;  // /health fails since
  std::string killed_because;
  rt::TaskGroup readers;
  rt::TaskGroup probers;
};

ManagedEngine::Supervisor::Supervisor(Surroundings around, engine::ManagedSpec spec)
    : around_(std::move(around)),
      spec_(std::move(spec)),
      capabilities_(engine::default_capabilities(llmapi::Dialect::llama_cpp)),
      board_(around_.loop.clock()),
      log_(around_.on_log),
      pool_(around_.loop, around_.network, around_.resolver, probe_limits()),
      stop_asked_(around_.loop),
      back_off_ends_(around_.loop),
      tasks_(around_.loop, 1) {
  capabilities_.embeddings = spec_.embeddings;
  origin_.host = "localhost";
  origin_.unix_path = socket_path(spec_);
}

void ManagedEngine::Supervisor::begin() {
  if (tasks_.full() || board_.own_state() != State::starting) return;
  stop_asked_.clear();
  tasks_.spawn(supervise());
}

rt::Task<void> ManagedEngine::Supervisor::stop(rt::Deadline deadline) {
  stop_deadline_ = deadline;
  stop_asked_.set();
  back_off_ends_.set();
  if (tasks_.size() == 0 && board_.own_state() == State::starting)  // begin() is still posted
    change({.state = State::stopped, .reason = "stopped", .pid = {}, .hopeless = true});
  const rt::Until until{rt::Deadline::never(), nullptr};  // KILL bounds it
  co_await tasks_.join(until);
  pool_.close_idle();
}

void ManagedEngine::Supervisor::suspect() {
  if (child_ != nullptr && child_->prober) child_->prober->suspect();
}

void ManagedEngine::Supervisor::change(engine::StatusBoard::Change change) {
  board_.set(std::move(change));
  if (around_.on_change) around_.on_change(board_.status());
}

void ManagedEngine::Supervisor::begin_anew() {
  if (board_.own_state() != State::backing_off) return;
  back_off_.reset();
  failed_starts_ = 0;
  back_off_ends_.set();
}

rt::Task<void> ManagedEngine::Supervisor::supervise() {
  do {
    while (!is_ending()) {
      const Life life = co_await live();
      if (!is_ending()) co_await back_off(life);
    }
    back_off_.reset();
    failed_starts_ = 0;
    change({.state = State::stopped, .reason = "stopped", .pid = std::nullopt, .hopeless = true});
    // It may have been put back in service while the last life ended.
  } while (!is_ending() && board_.begin_start());
}

rt::Task<void> ManagedEngine::Supervisor::back_off(const Life& life) {
  if (life.ready_for >= kSteady) back_off_.reset();
  failed_starts_ = life.was_ready ? 0 : failed_starts_ + 1;
  const std::chrono::seconds pause = back_off_.next();
  back_off_ends_.clear();
  change({.state = State::backing_off,
          .reason = life.end,
          .pid = std::nullopt,
          .hopeless = failed_starts_ >= kHopelessStarts,
          .retry_after = pause});
  const rt::Until until{around_.loop.in(pause), &back_off_ends_};
  co_await rt::sleep(around_.loop, until);
}

rt::Task<ManagedEngine::Supervisor::Life> ManagedEngine::Supervisor::live() {
  const bool hopeless = failed_starts_ >= kHopelessStarts;
  change({.state = State::starting, .reason = "starting", .pid = {}, .hopeless = hopeless});
  auto process = prepare();
  if (!process) co_return Life{.end = process.error().message()};
  auto spawned = around_.processes.spawn(*process);
  if (!spawned) co_return Life{.end = spawned.error().message()};

  Child child(around_.loop);
  child.process = *std::move(spawned);
  child_ = &child;
  log_.unmute();
  board_.count_start();
  change({.state = State::starting,
          .reason = "loading the model",
          .pid = child.process->pid(),
          .hopeless = hopeless});
  child.readers.spawn(read_log(&child.process->output(), &child.readers.cancelled()));

  const Result<void> healthy = co_await wait_until_healthy(child);
  if (healthy) {
    child.ready_since = around_.loop.now();
    log_.note("ready: what it writes from here on may quote requests, and is only counted");
    log_.mute();
    change({.state = State::ready, .reason = {}, .pid = child.process->pid()});
    child.prober.emplace(
        around_.loop, around_.random, pool_, origin_, no_key_,
        engine::HealthProber::Options{.dialect = llmapi::Dialect::llama_cpp},
        [this, &child](const Result<void>& verdict) { on_verdict(child, verdict); });
    child.probers.spawn(child.prober->run(child.probers.cancelled()));
    const rt::Until until{rt::Deadline::never(), &stop_asked_};
    co_await child.process->exited().wait(until);
  }
  if (!healthy && healthy.error().code() == Code::timed_out)
    child.killed_because = healthy.error().message();
  Life life;
  life.was_ready = healthy.has_value();
  if (child.ready_since) life.ready_for = around_.loop.now() - *child.ready_since;
  co_await terminate(child, stop_asked_.is_set() ? stop_deadline_ : around_.loop.in(kKill));
  if (log_.unheard() > 0) log_.note(std::to_string(log_.unheard()) + " more lines were not logged");
  life.end = why_it_ended(child);
  child_ = nullptr;
  co_return life;
}

rt::Task<Result<void>> ManagedEngine::Supervisor::wait_until_healthy(Child& child) {
  const rt::Deadline deadline = around_.loop.in(spec_.start_time);
  std::string last = "no answer yet";
  while (!deadline.passed(around_.loop.now())) {
    const rt::Until pause{around_.loop.in(kReadyPoll).earlier(deadline), &stop_asked_};
    const rt::Wake wake = co_await child.process->exited().wait(pause);
    if (wake == rt::Wake::ready) co_return no_start("it ended before it was ready");
    if (wake == rt::Wake::cancelled)
      co_return our_error(Code::cancelled, "stopped while it was starting");
    const rt::Until until{around_.loop.in(kProbeTime).earlier(deadline), &stop_asked_};
    std::vector<std::string> targets{"/health"};
    Result<void> answer =
        co_await engine::probe(pool_, origin_, std::move(targets), no_key_, until);
    if (answer) co_return answer;
    if (!deadline.passed(around_.loop.now())) last = answer.error().message();
  }
  co_return our_error(
      Code::timed_out,
      "not ready after " + std::to_string(spec_.start_time.count()) + " ms (" + last + ")");
}

rt::Task<void> ManagedEngine::Supervisor::terminate(Child& child, rt::Deadline deadline) {
  child.probers.cancel();
  const rt::Until forever{rt::Deadline::never(), nullptr};
  co_await child.probers.join(forever);
  rt::ChildProcess& process = *child.process;
  const rt::Deadline second = around_.loop.in(kSecondTerm).earlier(deadline);
  const rt::Deadline last = around_.loop.in(kKill).earlier(deadline);
  for (const rt::Deadline until : {second, last}) {
    if (process.exited().is_set()) break;
    process.send_signal(SIGTERM);
    const rt::Until wait{until, nullptr};
    co_await process.exited().wait(wait);
  }
  if (!process.exited().is_set()) {
    process.send_signal(SIGKILL);
    const rt::Until wait{around_.loop.in(kAfterKill), nullptr};
    co_await process.exited().wait(wait);
  }
  // The output ends with the process, unless a grandchild holds it open.
  const rt::Until words{around_.loop.in(kLastWords), nullptr};
  if (!co_await child.readers.join(words)) {
    child.readers.cancel();
    co_await child.readers.join(forever);
  }
  pool_.close_idle();
}

rt::Task<void> ManagedEngine::Supervisor::read_log(rt::Socket* output, rt::Event* cancelled) {
  for (;;) {
    const std::span<char> scratch = around_.loop.scratch();
    const rt::IoResult got = output->try_read(scratch);
    if (got.status == rt::IoResult::Status::ok) {
      log_.feed({scratch.data(), got.bytes});
      continue;
    }
    if (got.status != rt::IoResult::Status::would_block) break;
    const rt::Until until{rt::Deadline::never(), cancelled};
    if (co_await output->readable().wait(until) != rt::Wake::ready) break;
  }
  log_.end();
}

void ManagedEngine::Supervisor::on_verdict(Child& child, const Result<void>& verdict) {
  const int pid = child.process->pid();
  if (verdict) {
    if (child.silent_since) change({.state = State::ready, .reason = {}, .pid = pid});
    child.silent_since.reset();
    return;
  }
  const Instant now = around_.loop.now();
  if (!child.silent_since) {
    child.silent_since = now;
    change({.state = State::unhealthy,
            .reason = verdict.error().message(),
            .pid = pid,
            .hopeless = true});
  } else if (now - *child.silent_since >= kHangMax && child.killed_because.empty()) {
    child.killed_because =
        "killed: it did not answer /health for " + std::to_string(kHangMax.count()) + " s";
    child.process->send_signal(SIGKILL);
  }
}

std::string ManagedEngine::Supervisor::why_it_ended(const Child& child) const {
  if (!child.killed_because.empty()) return child.killed_because;
  const auto status = child.process->exit_status();
  std::string why = status ? describe(*status) : "did not end";
  if (const std::string last = log_.last(); !child.ready_since && !last.empty())
    why += "; its last line: " + last.substr(0, kQuotedMax);
  return why;
}

Result<void> ManagedEngine::Supervisor::check_files() const {
  if (access(spec_.program.c_str(), X_OK) != 0)
    return no_start("the engine program " + spec_.program + ": " + std::strerror(errno));
  for (const std::string& file : spec_.adapter_files)
    if (access(file.c_str(), R_OK) != 0)
      return no_start("the adapter " + file + ": " + std::strerror(errno));
  if (access(spec_.model_file.c_str(), R_OK) != 0)
    return no_start("the model " + spec_.model_file + ": " + std::strerror(errno));
  return {};
}

// A few calls on a local folder of ours: not worth the blocking pool.
Result<void> ManagedEngine::Supervisor::clear_run_dir() const {
  for (const std::string& folder : {spec_.run_dir, engine_folder(spec_)})
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return no_start("the folder " + folder + ": " + std::strerror(errno));
  if (unlink(socket_path(spec_).c_str()) != 0 && errno != ENOENT)
    return no_start("the old socket " + socket_path(spec_) + ": " + std::strerror(errno));
  return {};
}

void ManagedEngine::Supervisor::plan_walls(rt::ProcessSpec& process) {
  if (!walls_) {
    SandboxNeeds needs;
    needs.read_trees = program_trees(spec_.program);
    for (const std::string& argument : spec_.program_arguments)  // a launcher script
      if (argument.starts_with('/')) needs.read_files.push_back(argument);
    needs.read_files.push_back(spec_.model_file);
    needs.read_files.insert(needs.read_files.end(), spec_.adapter_files.begin(),
                            spec_.adapter_files.end());
    needs.run_dir = engine_folder(spec_);
    needs.memory_max_bytes = spec_.memory_max_bytes;
    needs.name = spec_.name;
    walls_ = plan_sandbox(needs);
    report_.with([this](SandboxReport& report) { report = walls_->report; });
    for (const Measure& measure : walls_->report.measures)
      if (!measure.in_force)
        log_.note("sandbox: " + measure.name + " is not in force: " + measure.detail);
  }
  process.namespaces = walls_->namespaces;
  process.confine = walls_->confine;
}

Result<rt::ProcessSpec> ManagedEngine::Supervisor::prepare() {
  TRY_VOID(check_files());
  TRY_VOID(clear_run_dir());
  rt::ProcessSpec process;
  process.program = spec_.program;
  process.arguments = engine_arguments(spec_);
  process.working_directory = engine_folder(spec_);
  if (spec_.sandbox)
    plan_walls(process);
  else
    log_.note("sandbox: off by configuration");
  return process;
}

}  // namespace sovmesh::engine_process
