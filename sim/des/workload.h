#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/des/block_cache.h"

namespace sovmesh::des {

// One request as it arrives. Kept small: there are millions.
struct Arrival {
  std::chrono::microseconds at{};  // since the beginning
  std::uint32_t tenant = 0;        // place in Workload::tenants
  std::uint32_t user = 0;
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 1;  // at least 1
  std::uint32_t output_max = 0;     // as the client asked; 0: not said
  std::uint32_t chain_begin = 0;    // in Workload::keys
  std::uint32_t chain_size = 0;
  std::uint32_t known_cached = 0;  // prompt tokens that were cached when this was recorded
  std::uint32_t leaves_after = 0;  // output tokens after which the client hangs up; 0: it stays
  std::uint8_t lora = 0;           // 0: the base model
  std::uint8_t priority = 0;       // fairness::PriorityClass
};

struct Workload {
  std::string name;
  std::int64_t block_tokens = 64;  // tokens that one key of a chain stands for
  std::vector<Arrival> arrivals;   // by time
  std::vector<BlockKey> keys;
  std::vector<std::string> tenants{"tenant-0"};

  std::span<const BlockKey> chain(const Arrival& arrival) const {
    return std::span(keys).subspan(arrival.chain_begin, arrival.chain_size);
  }
  // Of the prompt alone: what a router can know.
  std::span<const BlockKey> prompt_chain(const Arrival& arrival) const;
  std::chrono::microseconds length() const;
  // Into order of time; what comes at once stays in its order.
  void sort();
};

// Bounds of what is read, so that a wrong file cannot take all memory.
constexpr std::size_t kArrivalsMax = 20'000'000;
constexpr std::size_t kKeysMax = 500'000'000;
constexpr std::uint32_t kTokensMax = 10'000'000;  // of one prompt or answer

// Reads a trace; the format follows from its first line:
//   {"timestamp": MS, "input_length": N, "output_length": N, "hash_ids": [...]}   (Mooncake)
//   TIMESTAMP,ContextTokens,GeneratedTokens                                         (Azure)
//   arrived_at,num_prefill_tokens,num_decode_tokens                                 (Vidur)
//   num_prefill_tokens,num_decode_tokens,...: no times; one request a second, by Poisson of `seed`
// Code::invalid_value with "NAME:LINE: what is wrong" for everything else.
Result<Workload> read_trace(std::string_view text, std::string_view name, std::uint64_t seed);

// How a trace is made larger, other, and somebody's.
struct Scaling {
  std::size_t copies = 1;  // at once, each with blocks of its own but for the very first one
  double speed = 1;        // times as fast
  std::chrono::microseconds length_max = std::chrono::microseconds::max();  // of the trace
  // Copies are moved in time by up to this much, requests by up to a tenth of a second.
  std::chrono::microseconds shift_max = std::chrono::seconds(10);
  std::size_t tenants = 1;  // whose conversations these are: by Zipf
  double zipf = 1.1;        // its exponent
};
Result<Workload> scale(const Workload& trace, const Scaling& scaling, std::uint64_t seed);

// Two loads on the same engines; tenants of the same name are one.
Workload merge(const Workload& a, const Workload& b);

// Made-up workloads. `rate` in requests a second.
struct SharedPrefixLoad {
  double rate = 20;
  std::chrono::seconds length{300};
  std::size_t groups = 64;  // each has its own system prompt; which one is asked: by Zipf
  std::uint32_t prefix_tokens = 4'096;
  std::uint32_t question_tokens = 512;  // median
  std::uint32_t output_tokens = 200;    // median
  std::size_t tenants = 8;
};
Workload shared_prefix(const SharedPrefixLoad& load, std::uint64_t seed);

// Conversations: each turn's prompt is all that was said before.
struct MultiTurnLoad {
  double rate = 2;  // new conversations a second
  std::chrono::seconds length{300};
  std::uint32_t turns = 6;
  std::uint32_t system_tokens = 1'024;
  std::uint32_t turn_tokens = 400;    // median of what the user adds
  std::uint32_t output_tokens = 250;  // median
  double think_s = 12;                // mean, between an answer and the next question
  std::size_t tenants = 8;
};
Workload multi_turn(const MultiTurnLoad& load, std::uint64_t seed);

// On and off: the rate is `factor` times as high in the first tenth of every period.
struct BurstLoad {
  double rate = 20;  // between bursts
  double factor = 8;
  std::chrono::seconds period{60};
  std::chrono::seconds length{300};
  std::uint32_t input_tokens = 1'500;
  std::uint32_t output_tokens = 200;
  std::size_t tenants = 8;
};
Workload bursts(const BurstLoad& load, std::uint64_t seed);

// Four polite tenants and one who games the queue.
enum class Attack : std::uint8_t {
  none,
  flood,       // everything at once
  on_off,      // floods with pauses, to come back as one who has used little
  identities,  // floods as many users
  aborts,      // hangs up just before the end
  huge,        // few requests with very long prompts
};
Result<Attack> parse_attack(std::string_view text);
struct AttackLoad {
  Attack attack = Attack::flood;
  std::size_t requests = 10'000;  // of the attacker; a hundredth of them for `huge`
  std::chrono::seconds length{300};
  double polite_rate = 1;  // requests a second of each polite tenant
};
Workload attack(const AttackLoad& load, std::uint64_t seed);

}  // namespace sovmesh::des
