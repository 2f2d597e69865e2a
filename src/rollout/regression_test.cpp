// Rollouts against random traffic, by seed: how many requests a bad version gets, how often a good
// one is rolled back, and whether conversations stay where they are. Defects planted in the rules
// show that these checks find them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "rollout/rollout_test_support.h"

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;

// splitmix64: small, and fast without optimisation.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
  std::uint64_t bits() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  bool chance(double p) { return uniform() < p; }
  // Of a standard normal distribution (Box and Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * 3.14159265358979 * uniform());
  }

 private:
  std::uint64_t state_;
};

struct Behaviour {
  double error_rate = 0.01;
  double refusal_rate = 0.02;
  double ttft_factor = 1;
};

// Times vary by request as e^(0.8 x normal), and by conversation.
void serve(Arm& arm, const Behaviour& behaviour, double conversation_factor, Dice& dice) {
  constexpr double kSigma = 0.8;
  ++arm.requests;
  if (dice.chance(behaviour.error_rate)) {
    ++arm.errors;
    return;
  }
  arm.refusals += dice.chance(behaviour.refusal_rate);
  const double ttft = 300'000 * behaviour.ttft_factor * conversation_factor;
  arm.ttft_us.add(static_cast<std::int64_t>(ttft * std::exp(kSigma * dice.normal())));
  arm.tpot_us.add(static_cast<std::int64_t>(20'000 * (0.7 + 0.6 * dice.uniform())));
}

// Drives a rollout, request by request, looking when it asks for it.
class Drive {
 public:
  Drive(Plan plan, int per_interval, std::uint64_t seed)
      : rollout_(start({}, std::move(plan), 1, at(0s))), per_interval_(per_interval), dice_(seed) {
    decide(rollout_, {}, {.ready = true}, now());
  }

  // Decision by one who looks at what was seen; true rolls back. Beside the gates.
  using Second = std::function<bool(const Seen&)>;
  void set_second(Second second) { second_ = std::move(second); }

  Rollout& rollout() { return rollout_; }
  Dice& dice() { return dice_; }
  bool over() const { return is_over(rollout_.state); }
  bool rolled_back() const { return rollout_.state == State::rolled_back; }
  std::uint64_t candidate_served() const { return candidate_served_; }

  // One request of the conversation at `place` (uniform in 0..1; the candidate has the lowest).
  void request(const Behaviour& stable, const Behaviour& candidate, double place,
               double conversation_factor = 1) {
    ++requests_;
    if (place * catalog::kWholeShare < rollout_.share()) {
      ++candidate_served_;
      serve(look_.candidate, candidate, conversation_factor, dice_);
    } else {
      serve(look_.stable, stable, conversation_factor, dice_);
    }
    const NextLook next = next_look(rollout_);
    if (now() < next.at &&
        (!next.candidate_requests || look_.candidate.requests < *next.candidate_requests))
      return;
    decide(rollout_, look_, {.ready = true}, now());
    look_ = {};
    if (second_ && !over() && second_(rollout_.seen))
      EXPECT_TRUE(abort(rollout_, "", now()).has_value());
  }

 private:
  WallTime now() const {
    return at(0s) + rollout_.plan.decision_interval * requests_ / per_interval_;
  }

  Rollout rollout_;
  int per_interval_;
  Dice dice_;
  Second second_;
  Look look_;
  std::int64_t requests_ = 0;
  std::uint64_t candidate_served_ = 0;
};

// ---- Bad versions -----------------------------------------------------------------------------

constexpr int kSeeds = 50;

Plan one_step(int share) {
  Plan plan = steps_of_ten();
  plan.steps = {{.share = share, .hold = 24h}};
  return plan;
}

// How many requests the candidate gets after it has got worse, at some time in a hold.
std::uint64_t exposed(int share, int per_interval, const Behaviour& bad, std::uint64_t seed,
                      bool from_the_start) {
  Drive drive(one_step(share), per_interval, seed);
  const std::int64_t healthy =
      from_the_start ? 0 : static_cast<std::int64_t>(drive.dice().bits() % 8'000) + 2'000;
  for (std::int64_t i = 0; i < healthy; ++i)
    drive.request({}, {}, drive.dice().uniform());
  EXPECT_FALSE(drive.over());
  const std::uint64_t before = drive.candidate_served();
  while (!drive.over())
    drive.request({}, bad, drive.dice().uniform());
  EXPECT_TRUE(drive.rolled_back());
  return drive.candidate_served() - before;
}

struct Injected {
  const char* name;
  Behaviour behaviour;
};
constexpr Injected kRegressions[]{{"errors + 20 points", {.error_rate = 0.21}},
                                  {"refusals + 20 points", {.refusal_rate = 0.22}},
                                  {"time to first token x 3", {.ttft_factor = 3}}};

TEST(Regression, ABadVersionGetsAtMostTheMinimumSampleOrTwoIntervals) {
  for (const auto& [name, bad] : kRegressions) {
    for (const int share : {100, 500, 2'500, 5'000}) {
      for (const int per_interval : {1'000, 10'000}) {
        const double two_intervals = 2.0 * share / catalog::kWholeShare * per_interval;
        const auto bound = static_cast<std::uint64_t>(std::max(200.0, two_intervals));
        std::uint64_t most = 0;
        std::uint64_t sum = 0;
        for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
          const std::uint64_t got = exposed(share, per_interval, bad, seed, seed % 5 == 0);
          most = std::max(most, got);
          sum += got;
        }
        EXPECT_LE(most, bound) << name << " at " << share << " of " << per_interval;
        RecordProperty(std::string(name) + " at " + std::to_string(share / 100) + " % of " +
                           std::to_string(per_interval),
                       "mean " + std::to_string(sum / kSeeds) + ", most " + std::to_string(most) +
                           ", bound " + std::to_string(bound));
      }
    }
  }
}

// The fewest requests after which any of many bad candidates was rolled back.
std::uint64_t earliest_rollback(const Plan& plan) {
  std::uint64_t earliest = 1'000'000;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Drive drive(plan, 1'000, seed);
    while (!drive.over())
      drive.request({}, {.error_rate = 0.5}, drive.dice().uniform());
    earliest = std::min(earliest, drive.candidate_served());
  }
  return earliest;
}

TEST(Regression, NobodyIsRolledBackBeforeTheMinimumSample) {
  EXPECT_GE(earliest_rollback(one_step(1'000)), 200U);
}

TEST(Regression, GatesWithoutAMinimumSampleWouldBeNoticed) {
  Plan planted = one_step(1'000);
  for (Gate& gate : planted.gates)
    gate.sample_min = 1;
  EXPECT_LT(earliest_rollback(planted), 200U);
}

// ---- Good versions ----------------------------------------------------------------------------

// What both versions do alike, by the time of day: errors and slowness come and go.
Behaviour alike(std::int64_t request) {
  const std::int64_t hour = request / 1'500 % 8;
  return {.error_rate = hour == 3  ? 0.1
                        : hour < 4 ? 0.002
                                   : 0.01,
          .refusal_rate = hour % 2 == 0 ? 0.01 : 0.04,
          .ttft_factor = hour == 5 ? 3.0 : 1.0 + 0.1 * static_cast<double>(hour)};
}

// Of `runs` rollouts of a candidate that is no worse, how many are not promoted.
int false_rollbacks(int runs, const Plan& plan, const Drive::Second& second = {}) {
  int rolled_back = 0;
  for (int run = 0; run < runs; ++run) {
    Drive drive(plan, 500, static_cast<std::uint64_t>(run) + 1'000);
    drive.set_second(second);
    for (std::int64_t i = 0; !drive.over(); ++i) {
      const Behaviour both = alike(i);
      drive.request(both, both, drive.dice().uniform());
      if (i == 200'000) break;  // stuck
    }
    EXPECT_TRUE(drive.over()) << run;
    rolled_back += drive.rolled_back();
  }
  return rolled_back;
}

// The sharpest plan: nothing is tolerated, and requests count as independent, which they are here.
Plan sharpest() {
  Plan plan = steps_of_ten();
  plan.design_effect = 1;
  return plan;
}

TEST(Regression, OfAThousandGoodVersionsAtMostTenAreRolledBack) {
  const int rolled_back = false_rollbacks(1'000, sharpest());
  RecordProperty("rolled back of 1,000", rolled_back);
  EXPECT_LE(rolled_back, 10);
}

// A test made for one look, at 5 % for the four gates together, repeated at every look.
bool z_test_of_errors(const Seen& seen) {
  const auto n = static_cast<double>(seen.candidate.requests);
  const auto m = static_cast<double>(seen.stable.requests);
  if (n < 200 || m < 200) return false;
  const double p = static_cast<double>(seen.candidate.errors) / n;
  const double q = static_cast<double>(seen.stable.errors) / m;
  const double both = static_cast<double>(seen.candidate.errors + seen.stable.errors) / (n + m);
  const double deviation = std::sqrt(both * (1 - both) * (1 / n + 1 / m));
  return deviation > 0 && (p - q) / deviation > 2.24;  // 1.25 %, one-sided
}

TEST(Regression, PeekingAtATestOfFixedLevelWouldBeNoticed) {
  constexpr int kRuns = 200;
  EXPECT_GT(false_rollbacks(kRuns, sharpest(), z_test_of_errors), kRuns / 100 * 4);
}

// Conversations differ: each has times of its own, and some meet errors much more often. Their
// requests are not independent.
int false_rollbacks_of_conversations(int runs, int design_effect) {
  struct Conversation {
    double place;
    double factor;
    double error_rate;
  };
  const auto begin = [](Dice& dice) {
    return Conversation{.place = dice.uniform(),
                        .factor = std::exp(0.4 * dice.normal()),
                        .error_rate = dice.chance(0.1) ? 0.1 : 0.002};
  };
  int rolled_back = 0;
  for (int run = 0; run < runs; ++run) {
    Plan plan = steps_of_ten();
    plan.design_effect = design_effect;
    Drive drive(std::move(plan), 500, static_cast<std::uint64_t>(run) + 5'000);
    std::vector<Conversation> open;
    for (int i = 0; i < 100; ++i)
      open.push_back(begin(drive.dice()));
    for (int i = 0; !drive.over() && i < 200'000; ++i) {
      Conversation& one = open[drive.dice().bits() % open.size()];
      Behaviour both = alike(i);
      both.error_rate = std::max(both.error_rate, one.error_rate);
      drive.request(both, both, one.place, one.factor);
      if (drive.dice().chance(0.2)) one = begin(drive.dice());  // five requests on average
    }
    EXPECT_TRUE(drive.over()) << run;
    rolled_back += drive.rolled_back();
  }
  return rolled_back;
}

TEST(Regression, ConversationsWithAWillOfTheirOwnAreNotTakenForARegression) {
  constexpr int kRuns = 500;
  const int rolled_back = false_rollbacks_of_conversations(kRuns, steps_of_ten().design_effect);
  RecordProperty("rolled back of 500", rolled_back);
  EXPECT_LE(rolled_back, kRuns / 100);
}

// ---- Conversations ----------------------------------------------------------------------------

// Many conversations, asked at every change of the share through the route itself.
class Watched {
 public:
  explicit Watched(const catalog::Route& route) : route_(route) {
    for (int i = 0; i < 500; ++i)
      first_.push_back(version_of(i, nullptr));
    now_ = first_;
  }

  // A move is a flip unless it is to the candidate while its share grows, or, once it is rolled
  // back, to where the conversation came from.
  int flips(const Rollout& rollout) {
    const auto shift = rollout.shift(route_);
    int flips = 0;
    for (int i = 0; i < 500; ++i) {
      std::string& version = now_[static_cast<std::size_t>(i)];
      std::string next = version_of(i, shift ? &*shift : nullptr);
      if (next != version) {
        const bool back = rollout.state == State::rolled_back;
        flips += back ? next != first_[static_cast<std::size_t>(i)] : next != "new";
      }
      version = std::move(next);
    }
    return flips;
  }

 private:
  std::string version_of(int i, const catalog::Shift* shift) const {
    const std::string session = std::to_string(i);
    const auto choice =
        catalog::choose(route_, {.session = session}, [](const ModelName&) { return true; }, shift);
    return std::string(route_.versions[choice->version].model.text());
  }
  const catalog::Route& route_;
  std::vector<std::string> first_;
  std::vector<std::string> now_;
};

TEST(Regression, NoConversationFlipsItsVersion) {
  catalog::Route route = chat(80, 0);
  route.versions.push_back(
      {.model = model("b"), .weight = 20, .stage = catalog::Stage::experiment});
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Drive drive(steps_of_ten(), 500, seed);
    Watched watched(route);
    const bool gets_bad = seed % 2 == 0;
    int flips = 0;
    int share = -1;
    for (int i = 0; i < 200'000; ++i) {
      if (drive.rollout().share() != share) flips += watched.flips(drive.rollout());
      share = drive.rollout().share();
      if (drive.over()) break;
      const Behaviour candidate{.error_rate = gets_bad && i > 5'000 ? 0.3 : 0.01};
      drive.request({}, candidate, drive.dice().uniform());
    }
    EXPECT_TRUE(drive.over());
    EXPECT_EQ(drive.rolled_back(), gets_bad) << seed;
    EXPECT_EQ(flips, 0) << seed;
  }
}

}  // namespace
}  // namespace sovmesh::rollout
