#include "engine_process/managed_engine.h"

#include <utility>

#include "engine_process/command.h"
#include "engine_process/supervisor.h"

namespace sovmesh::engine_process {

Result<std::shared_ptr<ManagedEngine>> ManagedEngine::make(Surroundings around,
                                                           engine::ManagedSpec spec) {
  TRY_VOID(check(spec));
  auto supervisor = std::make_shared<Supervisor>(std::move(around), std::move(spec));
  return std::shared_ptr<ManagedEngine>(new ManagedEngine(std::move(supervisor)));
}

ManagedEngine::ManagedEngine(std::shared_ptr<Supervisor> supervisor)
    : supervisor_(std::move(supervisor)) {}

ManagedEngine::~ManagedEngine() = default;

void ManagedEngine::start() {
  if (!supervisor_->board().begin_start()) return;
  supervisor_->loop().post([weak = std::weak_ptr(supervisor_)] {
    if (const auto supervisor = weak.lock()) supervisor->begin();
  });
}

SandboxReport ManagedEngine::sandbox() const { return supervisor_->sandbox(); }
std::string_view ManagedEngine::name() const { return supervisor_->spec().name; }
const engine::Capabilities& ManagedEngine::capabilities() const {
  return supervisor_->capabilities();
}
int ManagedEngine::slots() const { return supervisor_->spec().slots; }
int ManagedEngine::adapters() const {
  return static_cast<int>(supervisor_->spec().adapter_files.size());
}
const http::Origin& ManagedEngine::origin() const { return supervisor_->origin(); }
const Secret& ManagedEngine::api_key() const { return supervisor_->api_key(); }
engine::Status ManagedEngine::status() const { return supervisor_->board().status(); }
bool ManagedEngine::is_ready() const { return supervisor_->board().is_ready(); }
std::uint64_t ManagedEngine::generation() const { return supervisor_->board().generation(); }
std::vector<std::string> ManagedEngine::recent_log() const { return supervisor_->log().lines(); }
std::uint64_t ManagedEngine::withheld_log_lines() const { return supervisor_->log().unheard(); }
bool ManagedEngine::is_out_of_service() const { return supervisor_->board().is_out_of_service(); }

std::optional<std::int64_t> ManagedEngine::memory_bytes() const {
  const std::optional<int> pid = status().pid;
  if (!pid) return std::nullopt;
  const std::optional<std::int64_t> bytes = supervisor_->memory_of(*pid);
  // The number may have become another process's.
  return status().pid == pid ? bytes : std::nullopt;
}

void ManagedEngine::take_out_of_service() { supervisor_->board().set_out_of_service(true); }

void ManagedEngine::put_in_service() {
  supervisor_->board().set_out_of_service(false);
  supervisor_->loop().post([weak = std::weak_ptr(supervisor_)] {
    if (const auto supervisor = weak.lock()) supervisor->begin_anew();
  });
  start();
}

rt::Task<Result<void>> ManagedEngine::ensure_ready(rt::Loop& loop, rt::Until until) {
  start();
  co_return co_await supervisor_->board().wait_ready(loop, until);
}

void ManagedEngine::suspect() {
  supervisor_->loop().post([weak = std::weak_ptr(supervisor_)] {
    if (const auto supervisor = weak.lock()) supervisor->suspect();
  });
}

rt::Task<void> ManagedEngine::stop(rt::Deadline deadline) { co_await supervisor_->stop(deadline); }

}  // namespace sovmesh::engine_process
