#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "routing/block_hash.h"
#include "routing/endpoint_set.h"
#include "routing/tier.h"

namespace sovmesh::routing {

// What one look-up found: how many leading blocks each endpoint holds without a gap. Reused from
// request to request; one endpoint costs 6 bytes.
class Matches {
 public:
  static constexpr std::size_t kFewMax = 8;
  explicit Matches(std::size_t endpoints_max)
      : depth_((endpoints_max + 63) / 64 * 64), cpu_(depth_.size()), disk_(depth_.size()) {}

  std::uint16_t depth(EndpointIndex e) const { return depth_[e]; }
  // Of these blocks, those that are not on the GPU but below it.
  std::uint16_t cpu(EndpointIndex e) const { return cpu_[e]; }
  std::uint16_t disk(EndpointIndex e) const { return disk_[e]; }
  // By endpoint; as long as whole words of an EndpointSet.
  std::span<const std::uint16_t> depths() const { return depth_; }
  bool below_gpu() const { return below_gpu_; }  // any cpu() or disk() is above 0
  // Where few endpoints go further than all others: these few, and how far the others go at most.
  // Else few() is empty.
  std::span<const EndpointIndex> few() const { return std::span(few_).first(few_count_); }
  std::uint16_t rest() const { return rest_; }
  std::uint16_t longest() const { return longest_; }
  // Requests that use the last block of the longest match now (begin_use()).
  std::uint16_t uses() const { return uses_; }

 private:
  friend class PrefixIndex;
  void clear();
  // All of these, which have no depth yet.
  void set_depth(std::uint64_t endpoints, std::size_t word_index, std::size_t depth);

  std::vector<std::uint16_t> depth_;
  std::vector<std::uint16_t> cpu_;
  std::vector<std::uint16_t> disk_;
  std::array<EndpointIndex, kFewMax> few_{};
  std::size_t few_count_ = 0;
  std::uint16_t rest_ = 0;
  std::uint16_t longest_ = 0;
  std::uint16_t uses_ = 0;
  bool below_gpu_ = false;
};

// Which endpoint holds which blocks. One table of 32-byte slots from key to holders (8 in the slot,
// more in a bitmap of a pool), and for each endpoint a table of its blocks, which is its CLOCK.
//
// Two sources write the same slots. `expect`: what we sent there, and so will be there soon.
// `confirm` and `remove`: what the engine says. An expectation may have an end, by which the engine
// must have confirmed it.
//
// Invariants, after every call:
//   P1 a holder in a slot is a block in that endpoint's table, and the other way round;
//   P2 an endpoint has at most its capacity of blocks; the table at most blocks_max keys;
//   P3 a slot without holders does not exist.
// Plain memory: no clock, no lock. Its owner calls from one thread at a time.
class PrefixIndex {
 public:
  // Bounds. What would pass one is not recorded, and counted: a lost hint costs a prefill, never a
  // wrong answer.
  struct Sizes {
    std::size_t endpoints_max = 1'024;
    std::size_t blocks_max = 1 << 20;        // distinct keys; about 43 bytes each
    std::size_t bitmaps_max = 1 << 16;       // keys with more than 8 holders
    std::size_t expectations_max = 1 << 18;  // expectations with an end that wait for it
  };
  static constexpr std::chrono::milliseconds kTick{100};
  static constexpr std::chrono::seconds kHorizon{100};

  struct Counts {
    std::uint64_t keys = 0;          // in the table now
    std::uint64_t holdings = 0;      // (key, endpoint) pairs now
    std::uint64_t bitmaps = 0;       // in use now
    std::uint64_t evicted = 0;       // by an endpoint's CLOCK
    std::uint64_t expired = 0;       // expectations that nobody confirmed in time
    std::uint64_t not_recorded = 0;  // a bound was reached
  };

  explicit PrefixIndex(const Sizes& sizes);
  ~PrefixIndex();

  // `capacity`: blocks that the engine can cache. The index must be clear of the endpoint.
  void add_endpoint(EndpointIndex endpoint, std::size_t capacity);
  // Not found any more from now on; its memory comes back by clean().
  void remove_endpoint(EndpointIndex endpoint);
  // True when nothing of the endpoint is left, so that its index may be reused.
  bool is_clear(EndpointIndex endpoint) const;
  // Does up to `steps` steps of removals and expirations that are due; true while there is more to
  // do.
  bool clean(std::size_t steps, Instant now);

  // A request with these blocks was sent to the endpoint. `until`: when the engine must have
  // confirmed them, to kTick, at most kHorizon ahead; nothing for engines that publish no events.
  // What has ended may still be found until it is swept: each call does more of that than it adds.
  // `held`: so many of the keys it held a moment ago, as far as the caller knows: a hint that saves
  // time.
  void expect(EndpointIndex endpoint, std::span<const BlockKey> keys, std::optional<Instant> until,
              Instant now, std::size_t held = 0);
  void confirm(EndpointIndex endpoint, std::span<const BlockKey> keys, Tier tier);
  void remove(EndpointIndex endpoint, std::span<const BlockKey> keys);
  // The engine threw everything away. Takes time by what was there.
  void clear(EndpointIndex endpoint);
  // Events were lost: what is confirmed now goes at `until` unless it is confirmed again.
  void suspect(EndpointIndex endpoint, Instant until, Instant now);

  // Contiguous prefix only: depth d means that the endpoint holds keys[0] to keys[d-1], all of
  // them. At most 65,535 keys are looked at.
  void match(std::span<const BlockKey> keys, Instant now, Matches& out);

  // A request whose longest match ends with this block is on its way, and is over. How many there
  // are tells a prefix that many want from one that is one conversation's. A hint: it is lost with
  // the block's last holder.
  void begin_use(BlockKey key);
  void end_use(BlockKey key);

  bool holds(EndpointIndex endpoint, BlockKey key) const;  // for tests and explain
  std::size_t blocks(EndpointIndex endpoint) const;
  Counts counts() const;
  std::size_t memory_bytes() const;
  bool consistent() const;  // P1 to P3; slow, for tests

 private:
  struct State;
  class Walk;
  void follow(std::span<const BlockKey> keys, Matches& out);
  std::unique_ptr<State> state_;
};

}  // namespace sovmesh::routing
