// routing::AdaptiveLimit against the engine model, whose streams last for minutes.
#include "routing/adaptive_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "sim/des/engine_model.h"

namespace sovmesh::des {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{};
constexpr auto kLookEvery = 20ms;

// Streams without end to it: whenever the limit has a place, the next one begins.
class LongStreams {
 public:
  LongStreams(const EngineSpec& spec, std::int64_t floor, std::int64_t ceiling)
      : engine_(spec), limit_({.floor = floor, .ceiling = ceiling}, 0.5, kStart) {}

  void run_until(Instant end, bool looks = true) {
    while (now_ < end) {
      fill();
      const Instant next = std::min(engine_.step_end().value_or(end), now_ + kLookEvery);
      now_ = std::min(next, end);
      if (engine_.step_end() == now_) finish_step();
      if (looks) limit_.look(running_, static_cast<std::int64_t>(sent_.size()), 0.5, now_);
      most_unanswered_ = std::max(most_unanswered_, sent_.size());
    }
  }
  std::int64_t limit() const { return limit_.limit(); }
  std::int64_t running() const { return running_; }
  std::size_t most_unanswered() const { return most_unanswered_; }

 private:
  static constexpr std::int64_t kInput = 200;

  void fill() {
    while (limit_.admits(running_)) {
      const RequestNumber request = requests_++;
      const bool fits = engine_.submit(
          {.request = request, .input_tokens = kInput, .output_tokens = 4'000}, now_);
      ASSERT_TRUE(fits);
      sent_.emplace(request, now_);
      ++running_;
    }
  }
  void finish_step() {
    engine_.finish_step(now_, tokens_);
    for (const Token& token : tokens_) {
      if (token.first) {
        limit_.on_first_token(now_ - sent_.at(token.request), kInput, 0.5, now_);
        sent_.erase(token.request);
      }
      running_ -= token.last ? 1 : 0;
    }
  }

  EngineModel engine_;
  routing::AdaptiveLimit limit_;
  Instant now_ = kStart;
  std::map<RequestNumber, Instant> sent_;  // without their first token
  std::vector<Token> tokens_;
  RequestNumber requests_ = 0;
  std::int64_t running_ = 0;
  std::size_t most_unanswered_ = 0;
};

TEST(AdaptiveLimitOnEngines, LongStreamsGetAllThatAnEngineCanDo) {
  LongStreams blind({}, 8, 64);
  blind.run_until(kStart + 30s, false);
  EXPECT_EQ(blind.limit(), 8) << "or this shows nothing";
  LongStreams streams({}, 8, 64);
  streams.run_until(kStart + 30s);
  EXPECT_EQ(streams.limit(), 64);
  EXPECT_EQ(streams.running(), 64);
}

// What the engine does not begin it does not answer, and no more is sent to it.
TEST(AdaptiveLimitOnEngines, LongStreamsDoNotPileUpWhereTheEngineQueues) {
  EngineSpec spec;
  spec.requests_max = 16;
  LongStreams streams(spec, 8, 64);
  streams.run_until(kStart + 45s);
  EXPECT_GE(streams.running(), 16);
  EXPECT_LE(streams.most_unanswered(), 8U);
  streams.run_until(kStart + 20min);
  EXPECT_GE(streams.running(), 16);
  EXPECT_LE(streams.running(), 32);
}

}  // namespace
}  // namespace sovmesh::des
