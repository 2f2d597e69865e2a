#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/model_list.h"
#include "engine/specs.h"
#include "rt/loop.h"
#include "rt/net.h"

namespace sovmesh::engine_remote {

// Where a remote engine is watched. Everything outlives the engine.
struct Surroundings {
  rt::Loop& loop;
  rt::Network& network;
  rt::Resolver& resolver;
  Random& random;
  // After each change of state; on the loop. May be empty.
  std::function<void(const engine::Status&)> on_change;
  // With RemoteSpec::discover_models: each list that differs from the one before, or why the
  // engine's answer is none (then the list before stays). On the loop. May be empty.
  std::function<void(const Result<std::vector<engine::ListedModel>>&)> on_models = {};
};

// An engine that somebody else runs: vLLM, SGLang, TGI, TensorRT-LLM, llama.cpp, any server of the
// OpenAI API. We watch its health; two failed probes in a row take it out, one good one brings it
// back. Where its metrics page says how busy it is, we read that, too.
// Its generation grows each time it comes back, because it may have been restarted meanwhile.
// stop() must have ended before the last reference goes, unless the loop has ended.
class RemoteEngine final : public engine::Engine {
 public:
  static Result<std::shared_ptr<RemoteEngine>> make(Surroundings around, engine::RemoteSpec spec);
  // What `make` would refuse.
  static Result<void> check(const engine::RemoteSpec& spec);
  ~RemoteEngine() override;

  // Begins to watch; any thread.
  void start();

  std::string_view name() const override;
  llmapi::Dialect dialect() const override;
  const engine::Capabilities& capabilities() const override;
  int slots() const override;
  const http::Origin& origin() const override;
  std::string_view base_path() const override;
  const Secret& api_key() const override;
  engine::Status status() const override;
  std::uint64_t generation() const override;
  bool is_ready() const override;
  // Waits for the first probe only; a known failure is Code::no_healthy_backend at once.
  rt::Task<Result<void>> ensure_ready(rt::Loop& loop, rt::Until until) override;
  void suspect() override;
  std::optional<engine::LoadReading> load() const override;
  std::uint64_t load_version() const override;
  rt::Task<void> stop(rt::Deadline deadline) override;
  void take_out_of_service() override;
  void put_in_service() override;
  bool is_out_of_service() const override;

 private:
  class Watch;
  explicit RemoteEngine(std::shared_ptr<Watch> watch);
  std::shared_ptr<Watch> watch_;
};

}  // namespace sovmesh::engine_remote
