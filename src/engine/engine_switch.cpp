#include "engine/engine_switch.h"

#include <utility>

#include "rt/event.h"

namespace sovmesh::engine {

void EngineSwitch::stop(const std::shared_ptr<Engine>& engine, std::chrono::seconds grace) {
  const Instant until = parts_.loop.clock().now() + grace;
  const bool is_new = turns_.with([&](auto& turns) {
    engine->take_out_of_service();
    if (!engine->is_managed()) return false;
    const auto [turn, inserted] = turns.try_emplace(engine.get());
    turn->second.is_wanted = false;
    turn->second.until = until;
    return inserted;
  });
  tell_service();
  tell(engine);
  if (!is_new) return;
  parts_.loop.post([this, engine] {
    if (parts_.tasks.full()) {  // it stays out of service, and is only not ended
      turns_.with([&](auto& turns) { turns.erase(engine.get()); });
      return;
    }
    parts_.tasks.spawn(look_after(engine));
  });
}

void EngineSwitch::start(const std::shared_ptr<Engine>& engine) {
  turns_.with([&](auto& turns) {
    const auto turn = turns.find(engine.get());
    if (turn != turns.end()) turn->second.is_wanted = true;
    const bool is_ending = turn != turns.end() && turn->second.is_ending;
    if (!is_ending) engine->put_in_service();
  });
  tell_service();
  tell(engine);
}

rt::Task<void> EngineSwitch::look_after(std::shared_ptr<Engine> engine) {
  rt::Loop& loop = parts_.loop;
  for (;;) {
    const Step step = next_step(*engine, parts_.in_flight(*engine) == 0);
    if (step == Step::leave) co_return;
    if (step == Step::end) break;
    const rt::Until look{loop.in(kLook), &parts_.tasks.cancelled()};
    if (!co_await rt::sleep(loop, look)) co_return;  // the server stops, and its engines with it
  }
  co_await engine->stop(loop.in(kEnd));
  end_turn(*engine);
}

EngineSwitch::Step EngineSwitch::next_step(const Engine& engine, bool is_idle) {
  const Instant now = parts_.loop.now();
  return turns_.with([&](auto& turns) {
    const auto turn = turns.find(&engine);
    if (turn->second.is_wanted) {
      turns.erase(turn);
      return Step::leave;
    }
    turn->second.is_ending = is_idle || now >= turn->second.until;
    return turn->second.is_ending ? Step::end : Step::wait;
  });
}

void EngineSwitch::end_turn(Engine& engine) {
  turns_.with([&](auto& turns) {
    const auto turn = turns.find(&engine);
    if (turn->second.is_wanted) engine.put_in_service();
    turns.erase(turn);
  });
  tell_service();
}

// Not under our lock: it looks at queues, which have their own.
void EngineSwitch::tell_service() const {
  if (parts_.on_service) parts_.on_service();
}

void EngineSwitch::tell(const std::shared_ptr<Engine>& engine) {
  if (!parts_.on_change) return;
  parts_.loop.post([this, engine] { parts_.on_change(*engine); });
}

}  // namespace sovmesh::engine
