// What a pick costs: 1,000 endpoints, prompts of 8,192 tokens as 32 KiB of text, an index of about
// 4 M blocks, caches disturbed before each pick and the prompt copied to where its body was read.
// Prints percentiles of hashing alone, of look-up with scoring and booking, of both, and of
// entering the prompt's blocks into the index, which the request does not wait for; then the same
// for prompts of 100,000 tokens, whose hashing is hidden behind the arrival of the body. Picks
// during which the core was given to somebody else are left out and counted.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "routing/block_hash.h"
#include "routing/picker.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kEndpoints = 1'000;
constexpr std::size_t kBlocks = 4'000'000;
constexpr std::size_t kShared = 8;  // blocks of a system prompt that everybody holds

struct Times {
  std::vector<double> us;
  void add(Clock::time_point from, Clock::time_point to) {
    us.push_back(std::chrono::duration<double, std::micro>(to - from).count());
  }
  double at(double share) {
    std::ranges::sort(us);
    return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))];
  }
};

// How often this thread was made to wait for the core.
long waits() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

void print(const char* what, Times& times) {
  std::printf("  %-34s p50 %7.2f  p90 %7.2f  p99 %7.2f us\n", what, times.at(0.5), times.at(0.9),
              times.at(0.99));
}

class Bench {
 public:
  Bench()
      : picker_({.cost = {},
                 .index = {.endpoints_max = 1'024,
                           .blocks_max = std::size_t{1} << 22,
                           .bitmaps_max = 1 << 16},
                 .tickets_max = 1 << 17}) {
    picker_.rates().add_class({});
    for (std::size_t i = 0; i < kEndpoints; ++i)
      if (!picker_.add(
              {.name = "e" + std::to_string(i), .kv_capacity_tokens = 461'000, .requests_max = 256},
              now_))
        std::abort();
  }

  // A conversation's prompt: the shared beginning, then text of its own. Filling text for real
  // would take most of the run, so the index is filled by keys, and these prompts are part of it.
  std::string text(std::uint64_t seed, std::size_t tokens) {
    SeededRandom random(seed);
    std::string result(tokens * 4, 'x');
    random.fill({reinterpret_cast<unsigned char*>(result.data()), result.size()});
    const std::size_t shared = kShared * BlockChain::kTextBlockBytes;
    std::fill_n(result.begin(), std::min(shared, result.size()), 's');
    return result;
  }
  static BlockChain hash(std::string_view text) {
    BlockChain chain = BlockChain::of_text(kSeed);
    chain.feed(text);
    return chain;
  }

  void fill() {
    const BlockChain shared = hash(std::string(kShared * BlockChain::kTextBlockBytes, 's'));
    for (std::size_t e = 0; e < kEndpoints; ++e)
      picker_.index().expect(static_cast<EndpointIndex>(e), shared.keys(), std::nullopt, now_);
    SeededRandom random(1);
    std::vector<BlockKey> keys(128);
    for (std::size_t made = 0; picker_.index().counts().keys < kBlocks; ++made) {
      for (BlockKey& key : keys)
        key = random.next_u64() | 1;
      for (int copies = 0; copies < (made % 8 == 0 ? 3 : 1); ++copies)
        picker_.index().expect(static_cast<EndpointIndex>(random.below(kEndpoints)), keys,
                               std::nullopt, now_);
      if (made > 60'000) break;
    }
  }

  void run(const char* title, std::size_t tokens, std::size_t prompts, std::size_t rounds,
           bool hidden) {
    std::printf("%s: %zu prompts, %zu picks\n", title, prompts, rounds);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < prompts; ++i)
      texts.push_back(text(1'000 * tokens + i, tokens));
    Times hashing, picking, total, entering;
    std::string body(tokens * 4, ' ');
    std::vector<Ticket> running;
    SeededRandom random(7);
    for (std::size_t round = 0; round < rounds; ++round) {
      const std::string& prompt = texts[random.below(static_cast<std::uint32_t>(prompts))];
      const long waits_before = waits();
      disturb();
      // The request that is to be placed has just been read.
      std::ranges::copy(prompt, body.begin());
      now_ += 1ms;
      const auto t0 = Clock::now();
      const BlockChain chain = hash(body);
      const auto t1 = Clock::now();
      const auto picked = picker_.pick({.chain = chain.keys(),
                                        .input_tokens = static_cast<std::int64_t>(tokens),
                                        .output_tokens = 200},
                                       random.next_u64(), now_);
      const auto t2 = Clock::now();
      if (!picked) std::abort();
      picker_.enter_sent();
      const auto t3 = Clock::now();
      if (waits() == waits_before) {
        hashing.add(t0, t1);
        picking.add(t1, t2);
        total.add(hidden ? t1 : t0, t2);
        entering.add(t2, t3);
      }
      matched_ += picked->matched_blocks;
      blocks_ += chain.keys().size();
      running.push_back(picked->ticket);
      // Its prefill is over before the next comes: else a holder would be busy and its prompts
      // wait.
      picker_.on_first_token(
          picked->ticket,
          now_ + std::chrono::microseconds(std::llround(picked->expected_first_token_us)));
      if (running.size() > 4'000 * 8'192 / tokens) {
        std::swap(running[random.below(static_cast<std::uint32_t>(running.size()))],
                  running.back());
        picker_.on_done(running.back(), {}, now_);
        running.pop_back();
      }
      if (round % 100 == 0) picker_.clean(0, now_);
    }
    for (const Ticket ticket : running)
      picker_.on_done(ticket, {}, now_);
    Times cold;
    for (std::size_t round = 0; round < rounds / 4; ++round) {
      const std::string& prompt = texts[random.below(static_cast<std::uint32_t>(prompts))];
      disturb();
      const auto t0 = Clock::now();
      const BlockChain chain = hash(prompt);
      cold.add(t0, Clock::now());
      blocks_hashed_ += chain.keys().size();
    }
    Times matching;
    Matches matches(1'024);
    for (std::size_t round = 0; round < rounds / 4; ++round) {
      const BlockChain chain = hash(texts[random.below(static_cast<std::uint32_t>(prompts))]);
      disturb();
      const auto t0 = Clock::now();
      picker_.index().match(chain.keys(), now_, matches);
      matching.add(t0, Clock::now());
    }
    print("hash the prompt once", hashing);
    print("the same, text not in the caches", cold);
    print("look up alone", matching);
    print("look up, score, book", picking);
    print(hidden ? "total, hashing hidden" : "total", total);
    print("afterwards: enter its blocks", entering);
    std::printf("  total / hash once: %.2f at p50; %zu picks left out; %.0f %% of blocks matched\n",
                total.at(0.5) / hashing.at(0.5), rounds - total.us.size(),
                100.0 * static_cast<double>(matched_) / static_cast<double>(blocks_));
    matched_ = blocks_ = 0;
  }

  void print_index() {
    const PrefixIndex::Counts counts = picker_.index().counts();
    std::printf("index: %.2f M blocks, %.2f M holdings, %llu bitmaps, %.0f MiB\n",
                static_cast<double>(counts.keys) / 1e6, static_cast<double>(counts.holdings) / 1e6,
                static_cast<unsigned long long>(counts.bitmaps),
                static_cast<double>(picker_.index().memory_bytes()) / (1 << 20));
  }

 private:
  static constexpr BlockKey kSeed = 77;

  // Between two picks a worker does other things: touch more memory than the inner caches have.
  void disturb() {
    for (std::size_t i = 0; i < junk_.size(); i += 64)
      ++junk_[i];
  }

  Picker picker_;
  Instant now_ = Instant{} + 1h;
  std::vector<char> junk_ = std::vector<char>(4 << 20);
  std::uint64_t matched_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t blocks_hashed_ = 0;
};

}  // namespace
}  // namespace sovmesh::routing

int main() {
  sovmesh::routing::Bench bench;
  bench.fill();
  bench.print_index();
  bench.run("8,192 tokens", 8'192, 2'000, 20'000, false);
  bench.run("100,000 tokens", 100'000, 100, 2'000, true);
  bench.print_index();
}
