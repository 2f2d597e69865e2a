#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "sim/des/block_cache.h"

namespace sovmesh::des {

using RequestNumber = std::uint32_t;  // place in the workload

// One engine: a model on its GPUs. Times in microseconds. Defaults are a 70B model on four GPUs.
//   step = max(base, sum of chunk * prefill * (1 + context / context_scale))
//          + decode * streams + context * tokens that the streams hold
// What the GPU does beside that (detokenising, network) is in `base`.
struct EngineSpec {
  double base_us = 14'000;
  double prefill_us = 83.3;  // per prompt token
  double decode_us = 60;     // per stream
  double context_us = 0.02;  // per token of context of a stream
  double context_scale = 60'000;
  std::int64_t kv_tokens = 461'376;
  std::int64_t block_tokens = 64;     // of the prefix cache; that of the workload
  std::int64_t chunk_tokens = 8'192;  // prompt and output tokens of one step
  std::size_t requests_max = 256;     // in a step
  double watermark = 0.01;            // share of the KV memory that admission leaves free
  std::size_t lora_slots = 8;
  double lora_load_us = 400'000;
  double sleep_after_us = 0;  // idle for so long: it sleeps; 0: never
  double wake_us = 20'000'000;

  bool valid() const;  // nothing negative, and room for at least one request
  double step_us(double prefill_work_us, std::size_t streams, std::int64_t context) const;
};

// What an engine is asked to do.
struct Work {
  RequestNumber request = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 1;  // at least 1
  // Blocks of its prompt, then of its answer where the workload knows that; complete ones only.
  std::span<const BlockKey> chain;
  std::int64_t known_cached = 0;  // prompt tokens that need no prefill whatever the cache says
  std::uint8_t lora = 0;          // 0: none
};

// One token of one request.
struct Token {
  RequestNumber request = 0;
  bool first = false;
  bool last = false;
  std::int64_t cached = 0;  // with the first: prompt tokens that were not computed
};

// What it tells of itself when it is scraped.
struct EngineReport {
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  std::int64_t queued_tokens = 0;  // prompt tokens that are not computed yet
  double kv_used = 0;              // 0 to 1
  std::vector<std::uint8_t> loras;
};

struct EngineTotals {
  double busy_us = 0;
  std::int64_t prefill_tokens = 0;  // computed
  std::int64_t cached_tokens = 0;   // not computed, because of the prefix cache
  std::int64_t output_tokens = 0;
  std::int64_t recomputed_tokens = 0;  // computed once more, after a preemption
  std::uint64_t preemptions = 0;
  std::uint64_t steps = 0;
  std::uint64_t crashes = 0;
  std::uint64_t wakes = 0;
};

// Continuous batching, step by step: chunked prefill, first come first served, paged KV memory with
// a prefix cache, preemption of the youngest by recomputing. No clock and no randomness: time comes
// in. One event per busy engine:
//
//   idle ──submit──▶ stepping ──finish_step──▶ stepping ... ──▶ idle ──(sleep_after)──▶ asleep
//                       └───────crash──────▶ down ──(restart)──▶ idle
//   any ──put_to_sleep──▶ asleep ──wake──▶ waking for wake_us ──▶ stepping or idle
class EngineModel {
 public:
  explicit EngineModel(const EngineSpec& spec)
      : spec_(spec), cache_(spec.kv_tokens, spec.block_tokens) {}

  // False: it can never fit in the memory.
  bool submit(const Work& work, Instant now);
  // A client has gone; false when the request is not here.
  bool cancel(RequestNumber request);

  // When the step that is running ends; nothing while idle.
  std::optional<Instant> step_end() const { return step_end_; }
  // At step_end(): what the step brought, in `out`; begins the next step.
  void finish_step(Instant now, std::vector<Token>& out);

  // Out of memory: everything on it is lost, and it is away for a while.
  std::vector<RequestNumber> crash(Instant now, Instant back_at);
  // Put to sleep until wake(): its memory is lost, and nothing runs. What ran waits, and is
  // computed again.
  void put_to_sleep(Instant now);
  void wake(Instant now);
  // 1: as specified, 0.5: half as fast. Holds from the next step on.
  void set_speed(double speed) { speed_ = speed; }

  EngineReport report() const;
  std::size_t requests() const { return waiting_.size() + running_.size(); }
  const BlockCache& cache() const { return cache_; }
  const EngineSpec& spec() const { return spec_; }
  const EngineTotals& totals() const { return totals_; }
  bool asleep(Instant now) const;

 private:
  struct Sequence {
    Work work;
    std::int64_t target = 0;     // tokens to compute before the next output token
    std::int64_t computed = 0;   // tokens whose KV is there
    std::int64_t owned = 0;      // tokens of memory that are its own
    std::int64_t generated = 0;  // output tokens
    std::int64_t chunk = 0;      // tokens of the step that is running
    std::int64_t cached = 0;     // of its prompt, when it was first admitted
    std::size_t shared = 0;      // leading blocks of its chain to which it refers
    bool again = false;          // preempted before
    bool decoding() const { return computed >= target; }
  };
  struct Adapter {
    std::uint8_t lora = 0;
    std::size_t users = 0;
  };

  void begin_step(Instant now);
  std::int64_t make_room_for_decodes();
  void preempt_youngest();
  double plan_prefill(std::int64_t budget);
  double take_chunk(Sequence& sequence, std::int64_t& budget);
  double admit(std::int64_t& budget);
  bool take_memory(Sequence& sequence);
  std::vector<Adapter>::iterator find_lora(std::uint8_t lora);
  bool can_use_lora(std::uint8_t lora);
  double use_lora(std::uint8_t lora);
  void advance(Sequence& sequence, std::int64_t tokens);
  void release(Sequence& sequence);
  double wake_delay(Instant now);

  EngineSpec spec_;
  BlockCache cache_;
  double speed_ = 1;
  std::deque<Sequence> waiting_;
  std::vector<Sequence> running_;  // in order of admission
  std::vector<Adapter> adapters_;  // least recently used first
  std::optional<Instant> step_end_;
  Instant idle_since_{};
  Instant back_at_{};
  bool put_to_sleep_ = false;
  EngineTotals totals_;
};

}  // namespace sovmesh::des
