#include "routing/prefix_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

#include "routing/holdings.h"
#include "routing/slot_table.h"

namespace sovmesh::routing {
namespace {

// Blocks asked for ahead of the one that is looked at: enough to keep a core's misses in flight.
constexpr std::size_t kAhead = 24;
// Bitmaps asked for ahead: a slot has to be there before it says which bitmap.
constexpr std::size_t kBitmapsAhead = 4;
// Slots asked for ahead of a block that is entered: after its endpoint's table said that it is new.
constexpr std::size_t kSlotsAhead = 12;
// So many endpoints or fewer are followed in their own tables.
constexpr std::size_t kOwnTables = 2;
constexpr int kFewBits = 8;              // of a word: set one by one
constexpr std::size_t kSweepMin = 64;    // expirations that any call takes a part in
constexpr std::size_t kBuckets = 1'024;  // of the wheel of expirations; more than kHorizon / kTick
static_assert(kInlineHolders <= Matches::kFewMax);
static_assert(PrefixIndex::kHorizon / PrefixIndex::kTick < kBuckets);

// From 1 on: 0 stands for "never".
std::int64_t tick_of(Instant at) {
  return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()) / PrefixIndex::kTick +
         1;
}
std::int64_t tick_after(Instant at) {
  return tick_of(at + PrefixIndex::kTick - std::chrono::nanoseconds(1));
}

}  // namespace

void Matches::clear() {
  std::ranges::fill(depth_, 0);
  if (below_gpu_) {
    std::ranges::fill(cpu_, 0);
    std::ranges::fill(disk_, 0);
  }
  few_count_ = 0;
  longest_ = uses_ = rest_ = 0;
  below_gpu_ = false;
}

void Matches::set_depth(std::uint64_t endpoints, std::size_t word_index, std::size_t depth) {
  if (endpoints == 0 || depth == 0) return;
  const auto value = static_cast<std::uint16_t>(depth);
  longest_ = std::max(longest_, value);
  if (std::popcount(endpoints) <= kFewBits) {
    for_each_bit(endpoints, word_index, [&](EndpointIndex e) { depth_[e] = value; });
    return;
  }
  // Sixteen at a time, as vector instructions like it: where a prompt leaves the beginning that
  // everybody holds, nearly all get their depth at once.
  std::uint16_t* out = depth_.data() + word_index * 64;
  for (std::size_t part = 0; part < 64; part += 16, endpoints >>= 16)
    for (std::size_t i = 0; i < 16; ++i) {
      const auto bit = static_cast<std::uint16_t>(1U << i);
      const bool in = (static_cast<std::uint16_t>(endpoints) & bit) != 0;
      out[part + i] |= in ? value : std::uint16_t{0};
    }
}

struct PrefixIndex::State {
  struct Endpoint {
    bool known = false;  // has holdings
    Holdings holdings;
  };
  struct Expectation {
    BlockKey key;
    EndpointIndex endpoint;
  };

  explicit State(const Sizes& wanted)
      : sizes(wanted),
        slots(wanted.blocks_max, wanted.endpoints_max, wanted.bitmaps_max),
        endpoints(wanted.endpoints_max),
        living(wanted.endpoints_max),
        active(wanted.endpoints_max),
        wheel(kBuckets) {}

  Sizes sizes;
  SlotTable slots;
  ZeroedArena arena;  // of the endpoints' tables
  std::vector<Endpoint> endpoints;
  EndpointSet living;  // those that are found
  std::vector<EndpointIndex> leaving;
  Counts counts;
  EndpointSet active;  // scratch of match()
  // By the tick at which they end, modulo kBuckets. All of a bucket end at the same tick: none is
  // further ahead of `swept` than there are buckets.
  std::vector<std::vector<Expectation>> wheel;
  std::size_t waiting = 0;
  std::int64_t swept = 0;  // the first tick that may have something left

  bool sweep(std::size_t steps, Instant now);
  std::uint32_t end_of(Instant until, Instant now);
  bool await(BlockKey key, EndpointIndex endpoint, std::uint32_t tick);
  void add(EndpointIndex e, const Holding& holding);
  void drop(EndpointIndex e, BlockKey key);
};

void PrefixIndex::State::drop(EndpointIndex e, BlockKey key) {
  endpoints[e].holdings.remove(key);
  slots.remove(key, e);
}

// Takes up to `steps` from the wheel of what has ended; true when something is left.
bool PrefixIndex::State::sweep(std::size_t steps, Instant now) {
  const std::int64_t tick = tick_of(now);
  while (waiting > 0 && swept <= tick) {
    std::vector<Expectation>& bucket = wheel[static_cast<std::size_t>(swept) % kBuckets];
    for (; !bucket.empty(); --steps, --waiting, bucket.pop_back()) {
      if (steps == 0) return true;
      const auto [key, e] = bucket.back();
      if (!endpoints[e].known) continue;
      const Holding* holding = endpoints[e].holdings.find(key);
      // Confirmed, or expected anew and so in a later bucket: stays.
      if (holding == nullptr || holding->until == 0 || holding->until > swept) continue;
      drop(e, key);
      ++counts.expired;
    }
    ++swept;
  }
  if (waiting == 0) swept = std::max(swept, tick);
  return false;
}

// The tick at which what is expected until then ends: on the wheel, and not now.
std::uint32_t PrefixIndex::State::end_of(Instant until, Instant now) {
  if (waiting == 0) swept = std::max(swept, tick_of(now));
  // Where sweeping is a whole wheel behind after a long silence this is in the past: it is swept
  // with the rest, one hint lost.
  const auto last = swept + static_cast<std::int64_t>(kBuckets) - 1;
  const std::int64_t tick = std::max(tick_after(std::min(until, now + kHorizon)), tick_of(now) + 1);
  return static_cast<std::uint32_t>(std::min(tick, last));
}

// Puts it on the wheel; false when the wheel is full.
bool PrefixIndex::State::await(BlockKey key, EndpointIndex e, std::uint32_t tick) {
  if (waiting == sizes.expectations_max) return false;
  wheel[tick % kBuckets].push_back({key, e});
  ++waiting;
  return true;
}

// Makes room by the endpoint's own blocks: nobody else loses one for it.
void PrefixIndex::State::add(EndpointIndex e, const Holding& holding) {
  Holdings& holdings = endpoints[e].holdings;
  if (holdings.full() ||
      (slots.full() && holdings.size() > 0 && slots.find(holding.key) == nullptr)) {
    drop(e, holdings.victim([&](BlockKey key) { slots.prefetch_to_write(key); }));
    ++counts.evicted;
  }
  if (!slots.add(holding.key, e, holding.tier)) {
    ++counts.not_recorded;
    return;
  }
  holdings.add(holding);
}

PrefixIndex::PrefixIndex(const Sizes& sizes) : state_(std::make_unique<State>(sizes)) {}
PrefixIndex::~PrefixIndex() = default;

void PrefixIndex::add_endpoint(EndpointIndex endpoint, std::size_t capacity) {
  assert(endpoint < state_->endpoints.size() && is_clear(endpoint));
  state_->endpoints[endpoint] = {.known = true, .holdings = Holdings(capacity, state_->arena)};
  state_->living.insert(endpoint);
}

void PrefixIndex::remove_endpoint(EndpointIndex endpoint) {
  if (!state_->living.contains(endpoint)) return;
  state_->living.erase(endpoint);
  state_->leaving.push_back(endpoint);
}

bool PrefixIndex::is_clear(EndpointIndex endpoint) const {
  return !state_->endpoints[endpoint].known;
}

bool PrefixIndex::clean(std::size_t steps, Instant now) {
  State& s = *state_;
  while (!s.leaving.empty()) {
    const EndpointIndex e = s.leaving.back();
    Holdings& holdings = s.endpoints[e].holdings;
    steps = holdings.drain(steps, [&](BlockKey key) { s.drop(e, key); });
    if (holdings.size() > 0) return true;
    s.endpoints[e] = {};
    s.leaving.pop_back();
  }
  return s.sweep(steps, now);
}

void PrefixIndex::expect(EndpointIndex endpoint, std::span<const BlockKey> keys,
                         std::optional<Instant> until, Instant now, std::size_t held_before) {
  State& s = *state_;
  if (!s.living.contains(endpoint)) return;
  Holdings& holdings = s.endpoints[endpoint].holdings;
  // Of a prompt that is longer than the cache the beginning is what the next one can use.
  keys = keys.first(std::min(keys.size(), holdings.capacity()));
  s.sweep(2 * keys.size() + kSweepMin, now);
  const std::uint32_t end = until ? s.end_of(*until, now) : 0;
  const auto ask_slot = [&](std::size_t i) {
    // What is held already needs none.
    if (i >= held_before && i < keys.size() && holdings.find(keys[i]) == nullptr)
      s.slots.prefetch_to_write(keys[i]);
  };
  for (std::size_t i = 0; i < std::min(kAhead, keys.size()); ++i)
    holdings.prefetch(keys[i]);
  for (std::size_t i = 0; i < kSlotsAhead; ++i)
    ask_slot(i);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i + kAhead < keys.size()) holdings.prefetch(keys[i + kAhead]);
    ask_slot(i + kSlotsAhead);
    Holding* held = holdings.find(keys[i]);
    if (held != nullptr) held->used = true;
    // Confirmed or without an end already, or ends no sooner.
    if (held != nullptr && (held->until == 0 || (end != 0 && held->until >= end))) continue;
    if (end != 0 && !s.await(keys[i], endpoint, end))
      s.counts.not_recorded += held == nullptr;
    else if (held != nullptr)
      held->until = end;
    else
      s.add(endpoint, {keys[i], end, false, true, Tier::gpu});
  }
}

void PrefixIndex::confirm(EndpointIndex endpoint, std::span<const BlockKey> keys, Tier tier) {
  State& s = *state_;
  if (!s.living.contains(endpoint)) return;
  Holdings& holdings = s.endpoints[endpoint].holdings;
  for (const BlockKey key : keys) {
    Holding* held = holdings.find(key);
    if (held == nullptr) {
      s.add(endpoint, {key, 0, true, true, tier});
      continue;
    }
    if (held->tier != tier) s.slots.set_tier(key, endpoint, tier);
    *held = {key, 0, true, true, tier};
  }
}

void PrefixIndex::remove(EndpointIndex endpoint, std::span<const BlockKey> keys) {
  State& s = *state_;
  if (!s.living.contains(endpoint)) return;
  for (const BlockKey key : keys)
    if (s.endpoints[endpoint].holdings.find(key) != nullptr) s.drop(endpoint, key);
}

void PrefixIndex::clear(EndpointIndex endpoint) {
  State& s = *state_;
  if (!s.living.contains(endpoint)) return;
  s.endpoints[endpoint].holdings.drain(SIZE_MAX, [&](BlockKey key) { s.drop(endpoint, key); });
}

void PrefixIndex::suspect(EndpointIndex endpoint, Instant until, Instant now) {
  State& s = *state_;
  if (!s.living.contains(endpoint)) return;
  const std::uint32_t end = s.end_of(until, now);
  std::vector<BlockKey> dropped;  // those that the wheel has no place for
  s.endpoints[endpoint].holdings.for_each([&](Holding& held) {
    if (!held.confirmed) return;
    held.confirmed = false;
    held.until = end;
    if (!s.await(held.key, endpoint, end)) dropped.push_back(held.key);
  });
  for (const BlockKey key : dropped)
    s.drop(endpoint, key);
}

// One walk along a chain. While many endpoints are in the run they are a bit set; from the first
// block with few holders on, a short list; and the last ones are followed in their own tables.
class PrefixIndex::Walk {
 public:
  Walk(State& state, Matches& out) : s_(state), out_(out) {
    std::ranges::copy(s_.living.words(), s_.active.words().begin());
  }

  // False when nobody holds everything up to and with this block any more.
  bool step(const Slot& slot, std::size_t depth) {
    if (few_) return slot.in_bitmap ? step_few_bitmap(slot, depth) : step_few(slot, depth);
    return slot.in_bitmap ? step_many(slot, depth) : begin_few(slot, depth);
  }
  void end(std::size_t depth) {
    if (depth == 0) return;
    if (few_)
      for (std::size_t i = 0; i < count_; ++i)
        record(list_[i], depth);
    else
      record_active(depth);
  }
  // Are so few left that their own tables are the shorter way? Each is small and says the same
  // (P1), and what is read of it is what expect() will want.
  bool wants_tables() const { return few_ && count_ <= kOwnTables; }
  // The rest of the walk, from keys[depth] on.
  void end_in_tables(std::span<const BlockKey> keys, std::size_t depth) {
    s_.slots.prefetch(keys.back());  // most matches go to the end, and its uses are asked for
    for (std::size_t i = 0; i < count_; ++i)
      record(list_[i], follow_table(list_[i], keys, depth));
  }
  // A slot that comes later.
  void prefetch(const Slot* slot) const {
    if (slot != nullptr && slot->in_bitmap) s_.slots.bitmaps().prefetch(slot->bitmap());
  }
  bool many() const { return !few_; }

 private:
  void record(EndpointIndex e, std::size_t depth) {
    out_.depth_[e] = static_cast<std::uint16_t>(depth);
    out_.longest_ = std::max(out_.longest_, out_.depth_[e]);
  }
  void record_active(std::size_t depth) {
    for (std::size_t w = 0; w < s_.active.words().size(); ++w)
      out_.set_depth(s_.active.words()[w], w, depth);
  }
  std::size_t follow_table(EndpointIndex e, std::span<const BlockKey> keys, std::size_t depth) {
    const Holdings& holdings = s_.endpoints[e].holdings;
    for (std::size_t i = depth; i < std::min(depth + kAhead, keys.size()); ++i)
      holdings.prefetch(keys[i]);
    for (; depth < keys.size(); ++depth) {
      if (depth + kAhead < keys.size()) holdings.prefetch(keys[depth + kAhead]);
      const Holding* held = holdings.find(keys[depth]);
      if (held == nullptr) break;
      note_tier(e, held->tier);
    }
    return depth;
  }
  void note_tier(EndpointIndex e, Tier tier) {
    if (tier == Tier::gpu) return;
    ++(tier == Tier::cpu ? out_.cpu_ : out_.disk_)[e];
    out_.below_gpu_ = true;
  }

  bool step_many(const Slot& slot, std::size_t depth) {
    std::uint64_t* active = s_.active.words().data();
    const std::size_t words = s_.active.words().size();
    BitmapPool& bitmaps = s_.slots.bitmaps();
    const std::uint64_t* held = bitmaps.held(slot.bitmap());
    std::uint64_t gone = 0;
    std::uint64_t any = 0;
    for (std::size_t w = 0; w < words; ++w) {
      gone |= active[w] & ~held[w];
      any |= active[w] & held[w];
    }
    for (std::size_t w = 0; gone != 0 && w < words; ++w) {
      out_.set_depth(active[w] & ~held[w], w, depth);
      active[w] &= held[w];
    }
    if (slot.tiers != 0)
      for (std::size_t w = 0; w < words; ++w)
        for_each_bit(active[w] & bitmaps.below(slot.bitmap())[w], w,
                     [&](EndpointIndex e) { note_tier(e, tier_in(slot, e)); });
    return any != 0;
  }
  bool begin_few(const Slot& slot, std::size_t depth) {
    few_ = true;
    for (std::size_t i = 0; i < slot.holders; ++i) {
      const EndpointIndex e = slot.ids[i];
      if (!s_.active.contains(e)) continue;
      s_.active.erase(e);
      list_[count_++] = e;
      note_tier(e, slot.tier(i));
    }
    record_active(depth);
    std::copy_n(list_.begin(), count_, out_.few_.begin());
    out_.few_count_ = count_;
    out_.rest_ = static_cast<std::uint16_t>(depth);
    last_ = slot.ids;
    last_holders_ = slot.holders;
    return count_ > 0;
  }
  bool step_few(const Slot& slot, std::size_t depth) {
    // The usual case: the same holders as of the block before, all on the GPU.
    if (slot.ids == last_ && slot.holders == last_holders_ && slot.tiers == 0) return true;
    last_ = slot.ids;
    last_holders_ = slot.holders;
    const auto end = slot.ids.begin() + slot.holders;
    return keep(depth, [&](EndpointIndex e) {
      const auto place = std::find(slot.ids.begin(), end, e);
      if (place == end) return false;
      note_tier(e, slot.tier(static_cast<std::size_t>(place - slot.ids.begin())));
      return true;
    });
  }
  bool step_few_bitmap(const Slot& slot, std::size_t depth) {
    last_holders_ = 0;
    return keep(depth, [&](EndpointIndex e) {
      if (!s_.slots.holds(slot, e)) return false;
      if (slot.tiers != 0) note_tier(e, tier_in(slot, e));
      return true;
    });
  }
  template <class F>
  bool keep(std::size_t depth, F&& holds) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (holds(list_[i]))
        list_[kept++] = list_[i];
      else
        record(list_[i], depth);
    }
    count_ = kept;
    return kept > 0;
  }
  Tier tier_in(const Slot& slot, EndpointIndex e) {
    const auto bit = [&](const std::uint64_t* words) { return (words[e / 64] >> e % 64 & 1) != 0; };
    BitmapPool& bitmaps = s_.slots.bitmaps();
    if (!bit(bitmaps.below(slot.bitmap()))) return Tier::gpu;
    return bit(bitmaps.disk(slot.bitmap())) ? Tier::disk : Tier::cpu;
  }

  State& s_;
  Matches& out_;
  bool few_ = false;
  std::size_t count_ = 0;
  std::array<EndpointIndex, kInlineHolders> list_{};
  std::array<EndpointIndex, kInlineHolders> last_{};
  std::size_t last_holders_ = 0;
};

void PrefixIndex::match(std::span<const BlockKey> keys, Instant now, Matches& out) {
  State& s = *state_;
  s.sweep(kSweepMin, now);
  out.clear();
  keys = keys.first(std::min<std::size_t>(keys.size(), UINT16_MAX));
  follow(keys, out);
  if (out.few_count_ == 0) out.rest_ = out.longest_;
  if (out.longest_ > 0) out.uses_ = s.slots.find(keys[out.longest_ - 1U])->uses;
}

void PrefixIndex::follow(std::span<const BlockKey> keys, Matches& out) {
  State& s = *state_;
  for (std::size_t i = 0; i < std::min(kAhead, keys.size()); ++i)
    s.slots.prefetch(keys[i]);
  Walk walk(s, out);
  std::size_t depth = 0;
  for (std::size_t i = 0; i < std::min(kBitmapsAhead, keys.size()); ++i)
    walk.prefetch(s.slots.find(keys[i]));
  for (; depth < keys.size(); ++depth) {
    if (walk.wants_tables()) return walk.end_in_tables(keys, depth);
    if (depth + kAhead < keys.size()) s.slots.prefetch(keys[depth + kAhead]);
    if (walk.many() && depth + kBitmapsAhead < keys.size())
      walk.prefetch(s.slots.find(keys[depth + kBitmapsAhead]));
    const Slot* slot = s.slots.find(keys[depth]);
    if (slot == nullptr) break;
    if (!walk.step(*slot, depth)) return;
  }
  walk.end(depth);
}

void PrefixIndex::begin_use(BlockKey key) {
  Slot* slot = state_->slots.find(key);
  if (slot != nullptr && slot->uses < UINT16_MAX) ++slot->uses;
}

void PrefixIndex::end_use(BlockKey key) {
  Slot* slot = state_->slots.find(key);
  if (slot != nullptr && slot->uses > 0) --slot->uses;
}

bool PrefixIndex::holds(EndpointIndex endpoint, BlockKey key) const {
  return state_->living.contains(endpoint) &&
         state_->endpoints[endpoint].holdings.find(key) != nullptr;
}

std::size_t PrefixIndex::blocks(EndpointIndex endpoint) const {
  return state_->endpoints[endpoint].holdings.size();
}

PrefixIndex::Counts PrefixIndex::counts() const {
  Counts counts = state_->counts;
  counts.keys = state_->slots.keys();
  counts.bitmaps = state_->slots.bitmaps().in_use();
  for (const State::Endpoint& endpoint : state_->endpoints)
    counts.holdings += endpoint.holdings.size();
  return counts;
}

std::size_t PrefixIndex::memory_bytes() const {
  std::size_t bytes = state_->slots.bytes();
  for (const State::Endpoint& endpoint : state_->endpoints)
    bytes += endpoint.holdings.bytes();
  return bytes + state_->waiting * sizeof(State::Expectation);
}

bool PrefixIndex::consistent() const {
  State& s = *state_;
  std::size_t in_slots = 0;
  std::size_t in_holdings = 0;
  bool ok = s.slots.keys() <= s.sizes.blocks_max;
  s.slots.for_each([&](const Slot& slot) {
    in_slots += slot.holders;
    ok = ok && slot.holders > 0 && s.slots.find(slot.key) == &slot;
  });
  for (std::size_t e = 0; e < s.endpoints.size(); ++e) {
    Holdings& holdings = s.endpoints[e].holdings;
    in_holdings += holdings.size();
    ok = ok && holdings.size() <= holdings.capacity();
    holdings.for_each([&](Holding& held) {
      const Slot* slot = s.slots.find(held.key);
      ok = ok && holdings.find(held.key) == &held && slot != nullptr &&
           s.slots.holds(*slot, static_cast<EndpointIndex>(e));
    });
  }
  return ok && in_slots == in_holdings;
}

}  // namespace sovmesh::routing
