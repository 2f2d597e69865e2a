#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "engine/capabilities.h"
#include "engine/health.h"
#include "engine/status_board.h"
#include "engine_process/back_off.h"
#include "engine_process/log_tail.h"
#include "engine_process/managed_engine.h"
#include "rt/task_group.h"

namespace sovmesh::engine_process {

// The part of a managed engine that lives on its loop.
class ManagedEngine::Supervisor {
 public:
  Supervisor(Surroundings around, engine::ManagedSpec spec);

  // On the loop: begins to supervise. The board says starting already.
  void begin();
  rt::Task<void> stop(rt::Deadline deadline);
  void suspect();
  // On the loop: a back-off ends, and forgets what it was for.
  void begin_anew();

  // Read by any thread.
  const engine::ManagedSpec& spec() const { return spec_; }
  const engine::Capabilities& capabilities() const { return capabilities_; }
  const http::Origin& origin() const { return origin_; }
  const Secret& api_key() const { return no_key_; }
  engine::StatusBoard& board() { return board_; }
  rt::Loop& loop() { return around_.loop; }
  const LogTail& log() const { return log_; }
  std::optional<std::int64_t> memory_of(int pid) const {
    return around_.memory_of ? around_.memory_of(pid) : std::nullopt;
  }
  SandboxReport sandbox() const {
    return report_.with([](const SandboxReport& report) { return report; });
  }

 private:
  // How one life of the child went.
  struct Life {
    bool was_ready = false;
    std::chrono::nanoseconds ready_for{0};
    std::string end;  // in words
  };
  struct Child;  // the process, its log reader and its health prober

  rt::Task<void> supervise();
  rt::Task<Life> live();
  rt::Task<Result<void>> wait_until_healthy(Child& child);
  rt::Task<void> terminate(Child& child, rt::Deadline deadline);
  rt::Task<void> read_log(rt::Socket* output, rt::Event* cancelled);

  Result<rt::ProcessSpec> prepare();
  Result<void> check_files() const;
  Result<void> clear_run_dir() const;
  void plan_walls(rt::ProcessSpec& process);
  void on_verdict(Child& child, const Result<void>& verdict);
  std::string why_it_ended(const Child& child) const;
  void change(engine::StatusBoard::Change change);
  bool is_ending() const { return stop_asked_.is_set() || board_.is_out_of_service(); }
  rt::Task<void> back_off(const Life& life);

  Surroundings around_;
  engine::ManagedSpec spec_;
  engine::Capabilities capabilities_;
  http::Origin origin_;
  Secret no_key_;
  engine::StatusBoard board_;
  LogTail log_;
  http::ClientPool pool_;
  std::optional<Confinement> walls_;
  mutable Guarded<SandboxReport> report_;
  rt::Event stop_asked_;
  rt::Event back_off_ends_;
  rt::Deadline stop_deadline_ = rt::Deadline::never();
  BackOff back_off_;
  int failed_starts_ = 0;
  Child* child_ = nullptr;  // while one lives
  rt::TaskGroup tasks_;
};

}  // namespace sovmesh::engine_process
