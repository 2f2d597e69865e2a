#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/specs.h"
#include "engine_process/sandbox.h"
#include "rt/loop.h"
#include "rt/net.h"
#include "rt/process.h"

namespace sovmesh::engine_process {

// Where a managed engine is supervised. Everything outlives the engine, the loop too; the thread of
// the loop must live as long as the child (the kernel ends a child with the thread that made it).
struct Surroundings {
  rt::Loop& loop;
  rt::Network& network;
  rt::Resolver& resolver;
  rt::ProcessSpawner& processes;
  Random& random;
  // Each line the engine writes until it is ready (later ones may quote requests), and what the
  // sandbox lacks; on the loop. May be empty.
  std::function<void(std::string_view line)> on_log;
  // After each change of state; on the loop. May be empty.
  std::function<void(const engine::Status&)> on_change;
  // What a process has in memory; any thread. Empty: nobody measures it.
  std::function<std::optional<std::int64_t>(int pid)> memory_of = {};
};

// A llama.cpp server as a child of ours, on a unix socket, inside the sandbox.
//
//   start()/ensure_ready -> spawn -> /health ok -> ready -> exit -> back-off 1,2,4..60 s -> spawn
//
// Three failed starts in a row make waiting requests fail at once; the starts go on. An engine
// that does not answer /health for kHangMax is killed and started again. Out of service one that
// ends is not started again. stop() must have ended before the last reference goes, unless the loop
// has ended.
class ManagedEngine final : public engine::Engine {
 public:
  static constexpr int kHopelessStarts = 3;
  static constexpr std::chrono::seconds kHangMax{30};
  // A crash after this long in good health begins the back-off anew.
  static constexpr std::chrono::seconds kSteady{60};

  static Result<std::shared_ptr<ManagedEngine>> make(Surroundings around, engine::ManagedSpec spec);
  ~ManagedEngine() override;

  // Starts it without waiting; any thread. For engines that start at boot.
  void start();
  // What holds it; empty before the first start and without sandbox.
  SandboxReport sandbox() const;

  std::string_view name() const override;
  llmapi::Dialect dialect() const override { return llmapi::Dialect::llama_cpp; }
  const engine::Capabilities& capabilities() const override;
  int slots() const override;
  int adapters() const override;
  const http::Origin& origin() const override;
  std::string_view base_path() const override { return "/v1"; }
  const Secret& api_key() const override;
  engine::Status status() const override;
  std::uint64_t generation() const override;
  bool is_ready() const override;
  rt::Task<Result<void>> ensure_ready(rt::Loop& loop, rt::Until until) override;
  void suspect() override;
  rt::Task<void> stop(rt::Deadline deadline) override;
  bool is_managed() const override { return true; }
  void take_out_of_service() override;
  void put_in_service() override;
  bool is_out_of_service() const override;
  std::optional<std::int64_t> memory_bytes() const override;
  std::vector<std::string> recent_log() const override;
  std::uint64_t withheld_log_lines() const override;

 private:
  class Supervisor;
  explicit ManagedEngine(std::shared_ptr<Supervisor> supervisor);
  std::shared_ptr<Supervisor> supervisor_;
};

}  // namespace sovmesh::engine_process
