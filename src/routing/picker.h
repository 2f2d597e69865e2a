#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "routing/cost.h"
#include "routing/endpoint_table.h"
#include "routing/prefix_index.h"
#include "routing/rates.h"
#include "routing/targets.h"

namespace sovmesh::routing {

// A request on an endpoint, from pick() to on_done().
struct Ticket {
  std::uint32_t place = 0;
  std::uint32_t generation = 0;  // 0: none
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

struct Pick {
  Ticket ticket;
  EndpointId endpoint;
  std::uint16_t matched_blocks = 0;
  std::int64_t uncached_tokens = 0;
  float cost_us = 0;
  float expected_first_token_us = 0;
};

// Nobody can have it. `wait`: somebody could, with more credit, so it should wait in the queue.
struct NoEndpoint {
  bool wait = false;
  std::array<std::uint32_t, kFilters> endpoints{};  // how many each Filter took out
};

struct EndpointView {
  EndpointId endpoint;
  Filter filter = Filter::none;
  Cost cost;
  std::uint16_t matched_blocks = 0;
};
// What `explain` keeps of one decision: the cheapest kRows endpoints.
struct PickExplanation {
  static constexpr std::size_t kRows = 16;
  double lambda = 0;
  double pressure = 0;
  std::size_t candidates = 0;
  std::size_t near = 0;            // within CostSettings::near of the best
  std::vector<EndpointView> rows;  // cheapest first, then those that were taken out
};

// What the engine counted of a request that is done, as far as it said.
struct Outcome {
  std::optional<std::int64_t> input_tokens;
  std::optional<std::int64_t> cached_tokens;
};

// Chooses the endpoint with the least expected cost and books the request there in the same step,
// so that of many requests at once each sees those before it. The same object runs in the gateway,
// the endpoint picker and the simulator. Plain memory: the owner brings lock, clock and random
// numbers.
class Picker {
 public:
  struct Settings {
    CostSettings cost;
    PrefixIndex::Sizes index;
    std::int64_t block_tokens = 64;     // an endpoint's capacity in blocks: its tokens / this
    std::size_t tickets_max = 1 << 17;  // requests at once
    std::chrono::milliseconds expect_min{2'000};  // shortest life of an expectation with an end
  };
  explicit Picker(const Settings& settings);

  Result<EndpointId> add(EndpointSpec spec, Instant now);
  bool remove(EndpointId id);
  // Upkeep: makes learned rates count, frees what removed endpoints held. Ten times a second is
  // plenty.
  void clean(std::size_t steps, Instant now);

  // `random`: 64 random bits. `explanation` is filled when given; that costs time.
  std::expected<Pick, NoEndpoint> pick(const PickRequest& request, std::uint64_t random,
                                       Instant now, PickExplanation* explanation = nullptr);
  // Enters the blocks of the last pick into the index: half the work of a pick, which its request
  // need not wait for. Every call that reads or changes the index does it first, so who calls it
  // gets the same answers as who does not.
  void enter_sent();

  // Unknown tickets, and those of requests that are done, are ignored.
  // For who has many tokens at once: what is known of the request will be needed soon, and may lie
  // far away in memory.
  void prefetch(Ticket ticket) const {
    if (ticket.place >= bookings_.size()) return;
    __builtin_prefetch(&bookings_[ticket.place].generation, 1);
    __builtin_prefetch(&bookings_[ticket.place].first_token_s, 1);
  }
  void on_first_token(Ticket ticket, Instant now);
  void on_token(Ticket ticket, std::int64_t tokens, Instant now);
  void on_done(Ticket ticket, const Outcome& outcome, Instant now);

  // Whether a request that is late may begin there: not where it would be in the way of streams,
  // unless much of its prompt is cached there, which would be gone when it comes later. `matches`:
  // of its chain.
  bool may_begin_late(const PickRequest& request, EndpointIndex endpoint, const Matches& matches,
                      const Targets& targets, Instant now) const;

  EndpointTable& endpoints() { return table_; }
  const EndpointTable& endpoints() const { return table_; }
  PrefixIndex& index() {
    enter_sent();
    return index_;
  }
  RateTable& rates() { return rates_; }
  const RateTable& rates() const { return rates_; }
  std::size_t tickets() const { return tickets_in_use_; }

 private:
  // Decode steps are learned from the mean of so many: single ones are noise.
  static constexpr std::int64_t kStepsSeen = 16;
  struct Booking {
    std::uint32_t generation = 0;
    bool in_use = false;
    bool learns = false;  // nothing but prefill stands before its first token
    EndpointId endpoint;
    Load load;  // what it counts for now
    Instant steps_since{};
    std::int64_t steps = 0;
    std::optional<double> first_token_s;
    // From here on a token needs nothing.
    BlockKey shared = 0;  // the last block of its longest match; 0: none
    Instant sent_at{};
    double tokens_ahead = 0;
    std::int64_t input_tokens = 0;
    std::int64_t uncached_tokens = 0;
  };
  // What was sent and enter_sent() has not entered yet.
  struct Sent {
    bool waits = false;
    EndpointIndex endpoint = 0;
    std::uint16_t held = 0;  // so many of its blocks are there
    std::vector<BlockKey> chain;
    std::optional<Instant> until;
    Instant at{};
  };
  Booking* find(Ticket ticket);
  void take_near(std::uint64_t random);
  void take_few();
  void count_stream(const Booking& booking, int sign);
  void leave_out(std::uint64_t random);
  EndpointIndex choose(std::uint64_t random);
  Pick book(const PickRequest& request, EndpointIndex endpoint, const PoolState& pool, Instant now);
  NoEndpoint nobody(const PickRequest& request) const;
  void explain(const PickRequest& request, const PoolState& pool, PickExplanation& out) const;

  Settings settings_;
  EndpointTable table_;
  PrefixIndex index_;
  RateTable rates_;
  Matches matches_;
  Sent sent_;
  std::vector<Booking> bookings_;
  std::vector<std::uint32_t> free_;
  std::size_t tickets_in_use_ = 0;
  std::vector<Streams> streams_;  // by endpoint, of ours
  std::vector<float> costs_;      // scratch of pick
  std::vector<std::pair<EndpointIndex, float>> left_out_;
  std::vector<EndpointIndex> candidates_;
  std::vector<Instant> prefilled_at_;   // by endpoint: when prefill there was last seen to end
  std::vector<EndpointIndex> leaving_;  // removed, index not clear yet
};

}  // namespace sovmesh::routing
