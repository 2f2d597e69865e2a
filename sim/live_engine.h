#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"
#include "sim/des/engine_model.h"
#include "sim/pace.h"
#include "sim/wire.h"

namespace sovmesh::sim {

// The simulator's engine model in the time of a loop: its steps end when the clock says so. A step
// that is handled late counts from when it was due, so lateness never adds up. One loop.
class LiveEngine {
 public:
  // What a request asks of it.
  struct Ask {
    std::string_view salt;  // prefixes are shared among requests of one salt and one LoRA
    std::string_view text;  // prompt and answer, one word a token
    std::int64_t prompt_tokens = 0;
    std::int64_t answer_tokens = 1;  // of each choice
    int choices = 1;                 // a sequence each
    std::uint8_t lora = 0;           // 0: none
  };

  // A request inside the engine, which it leaves when it is destroyed.
  class Request final : public Pace {
   public:
    Request(LiveEngine& engine, const Ask& ask);
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    ~Request() override;

    // False: its memory would never hold it.
    bool fits() const { return fits_; }
    // Prompt tokens that its prefix cache had; known with the first token.
    std::int64_t cached() const { return cached_; }
    bool has(std::int64_t tokens) const override { return made() >= tokens; }
    rt::Task<Wait> wait(Wire& wire, std::int64_t tokens) override;
    std::int64_t made() const override;

   private:
    friend class LiveEngine;
    LiveEngine& engine_;
    std::vector<des::BlockKey> chain_;
    des::RequestNumber first_;        // its sequences' numbers follow each other
    std::vector<std::int64_t> made_;  // of each choice
    std::int64_t cached_ = 0;
    bool fits_ = true;
    bool lost_ = false;
    rt::Event changed_;
  };

  LiveEngine(rt::Loop& loop, const des::EngineSpec& spec);

  // Steps it until `stopping`.
  rt::Task<void> run(rt::Event& stopping);

  // Everything in it is lost, and it is away for so long.
  void run_out_of_memory(std::chrono::milliseconds away);
  bool is_away() const { return loop_.now() < back_at_; }
  void put_to_sleep();
  void wake();  // takes the spec's wake_us
  bool asleep() const { return model_.asleep(loop_.now()); }
  void set_speed(double speed) { model_.set_speed(speed); }

  const des::EngineModel& model() const { return model_; }

 private:
  des::RequestNumber take_numbers(int count);
  void catch_up();
  void deliver(const des::Token& token);
  void lose(des::RequestNumber number);
  std::vector<des::BlockKey> chain_of(const Ask& ask) const;

  rt::Loop& loop_;
  des::EngineModel model_;
  std::unordered_map<des::RequestNumber, Request*> sequences_;  // as many as connections' choices
  des::RequestNumber next_number_ = 1;
  std::vector<des::Token> tokens_;
  Instant back_at_{};
  rt::Event changed_;
};

}  // namespace sovmesh::sim
