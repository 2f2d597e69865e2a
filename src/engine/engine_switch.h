#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/guarded.h"
#include "engine/engine.h"
#include "rt/loop.h"
#include "rt/task.h"
#include "rt/task_group.h"

namespace sovmesh::engine {

// Engines that administrators stop and start. The last wish counts:
//
//   in service --stop--> draining --nothing runs, or the grace is over--> ending --> stopped
//       ^------start---------'                                              |
//       ^------------------------start, also one asked for meanwhile--------'
//
// A remote engine is only taken out: its process is not ours to end.
class EngineSwitch {
 public:
  static constexpr std::chrono::milliseconds kLook{50};    // at what runs
  static constexpr std::chrono::milliseconds kEnd{5'000};  // for the process to end

  struct Parts {
    rt::Loop& loop;        // where engines are supervised
    rt::TaskGroup& tasks;  // of that loop
    // How much of the gateway's runs on it; any thread.
    std::function<std::size_t(const Engine&)> in_flight;
    // It has gone out of service, or is back; on the loop. Its own supervision tells the rest.
    std::function<void(const Engine&)> on_change;
    // The same at once, on whichever thread it was: who waits for it must not.
    std::function<void()> on_service = {};
  };
  explicit EngineSwitch(Parts parts) : parts_(std::move(parts)) {}

  // Any thread. Both hold at once; what takes time goes on behind. Stopping again sets another
  // grace.
  void stop(const std::shared_ptr<Engine>& engine, std::chrono::seconds grace);
  void start(const std::shared_ptr<Engine>& engine);

 private:
  // Of an engine that a task looks after: from stop() until its process has ended.
  struct Turn {
    bool is_wanted = false;  // started again
    bool is_ending = false;
    Instant until{};  // what runs may go on
  };
  enum class Step : std::uint8_t { wait, end, leave };
  rt::Task<void> look_after(std::shared_ptr<Engine> engine);
  Step next_step(const Engine& engine, bool is_idle);
  void end_turn(Engine& engine);
  void tell(const std::shared_ptr<Engine>& engine);
  void tell_service() const;

  Parts parts_;
  Guarded<std::map<const Engine*, Turn>> turns_;  // as many as there are engines
};

}  // namespace sovmesh::engine
