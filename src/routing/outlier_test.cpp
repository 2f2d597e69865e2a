#include "routing/outlier.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <string>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;
using Settings = OutlierDetector::Settings;

// The rules once more, written from their description alone: milliseconds, maps, no shared code.
// One dice roll per enforcement that got past the bound, then one for the jitter if there is any.
class Reference {
 public:
  Reference(const Settings& s, Random& random) : s_(s), random_(random) {}

  struct Host {
    std::map<std::string, long> in_a_row;
    bool out = false;
    long out_at = 0, jitter = 0, backoff = 0, back_at = -1;
    // Per interval, the last one open: {requests, successes} outside and inside.
    std::vector<std::array<long, 4>> volumes{{0, 0, 0, 0}};
  };
  std::map<int, Host> hosts;
  long overflow = 0;

  void result(int number, Seen seen, long now) {
    Host& h = hosts.at(number);
    auto& [all, ok, local_all, local_ok] = h.volumes.back();
    const bool local = s_.split_local && seen == Seen::local;
    if (!local) ++all;
    if (seen == Seen::ok) ++ok;
    if (s_.split_local) ++local_all;
    if (s_.split_local && !local) ++local_ok;
    if (local) {
      count(h, "local", s_.local.failures, s_.local.enforce_percent, now);
      return;
    }
    h.in_a_row["local"] = 0;
    if (seen == Seen::ok) h.in_a_row.clear();
    if (seen == Seen::error) h.in_a_row["gateway"] = 0;
    if (seen == Seen::gateway_error || seen == Seen::local)
      count(h, "gateway", s_.gateway_errors.failures, s_.gateway_errors.enforce_percent, now);
    if (seen != Seen::ok) count(h, "error", s_.errors.failures, s_.errors.enforce_percent, now);
  }
  void interval(long now) {
    for (auto& [number, h] : hosts) {
      if (h.out) {
        const long time = std::min(h.backoff * s_.base.count(), s_.max.count()) + h.jitter;
        if (now - h.out_at >= time) back(h, now);
      } else if (h.backoff > 0 && now - h.back_at >= s_.interval.count()) {
        --h.backoff;
      }
      h.volumes.push_back({0, 0, 0, 0});
    }
    for (int side = 0; side < (s_.split_local ? 2 : 1); ++side) {
      const auto by_success = rates(s_.success.intervals, s_.success.volume_min, side);
      const auto by_failure = rates(s_.failure.intervals, s_.failure.volume_min, side);
      if (!by_success.empty() && by_success.size() >= s_.success.hosts_min) {
        double mean = 0, variance = 0;
        for (const auto& [number, rate] : by_success)
          mean += rate / static_cast<double>(by_success.size());
        for (const auto& [number, rate] : by_success)
          variance += (rate - mean) * (rate - mean) / static_cast<double>(by_success.size());
        for (const auto& [number, rate] : by_success)
          // The edge itself, where two ways to add up may differ in the last bit, is nobody's case.
          if (rate < mean - s_.success_factor * std::sqrt(variance) - 1e-9)
            eject(hosts[number], s_.success.enforce_percent, now);
      }
      if (by_failure.size() >= s_.failure.hosts_min)
        for (const auto& [number, rate] : by_failure)
          if (100 - rate >= s_.failure_percent)
            eject(hosts[number], s_.failure.enforce_percent, now);
    }
  }
  void probe(int number, long now) {
    if (hosts.at(number).out) back(hosts.at(number), now);
  }

 private:
  void count(Host& h, const std::string& what, long limit, std::uint32_t enforce, long now) {
    if (++h.in_a_row[what] == limit) {
      eject(h, enforce, now);
      h.in_a_row[what] = 0;
    }
  }
  void back(Host& h, long now) {
    h.out = false;
    h.back_at = now;
    h.in_a_row.clear();
  }
  void eject(Host& h, std::uint32_t enforce, long now) {
    if (h.out) return;
    long out = 0;
    for (const auto& [number, other] : hosts)
      out += other.out;
    const long n = static_cast<long>(hosts.size());
    const bool room = s_.small_pools
                          ? out + 1 <= (n == 1   ? 0
                                        : n <= 3 ? 1
                                                 : n / 2)
                          : 100.0 * static_cast<double>(out + 1) / static_cast<double>(n) <=
                                    s_.ejected_percent_max ||
                                (out == 0 && s_.always_eject_one);
    if (!room) {
      ++overflow;
      return;
    }
    if (random_.below(100) >= enforce) return;
    h.out = true;
    h.out_at = now;
    if (h.backoff * s_.base.count() < s_.max.count() + s_.base.count()) ++h.backoff;
    h.jitter = s_.jitter.count() == 0
                   ? 0
                   : random_.below(static_cast<std::uint32_t>(s_.jitter.count()) + 1);
  }
  std::map<int, double> rates(std::size_t intervals, long volume_min, int side) const {
    std::map<int, double> result;
    for (const auto& [number, h] : hosts) {
      long all = 0, ok = 0;
      for (std::size_t i = 1; i <= intervals && i < h.volumes.size(); ++i) {
        const auto& v = h.volumes[h.volumes.size() - 1 - i];
        all += v[static_cast<std::size_t>(2 * side)];
        ok += v[static_cast<std::size_t>(2 * side + 1)];
      }
      if (!h.out && all > 0 && all >= volume_min)
        result[number] = 100.0 * static_cast<double>(ok) / static_cast<double>(all);
    }
    return result;
  }

  const Settings& s_;
  Random& random_;
};

// One trace of n hosts, some of them sick at times; after each event both must agree about who is
// out. Returns the number of ejections seen, or -1 at the first difference.
int ejections_or_difference(const Settings& settings, int n, std::uint64_t seed) {
  SeededRandom dice_a(seed + 1), dice_b(seed + 1), random(seed);
  OutlierDetector detector(settings, dice_a);
  Reference reference(settings, dice_b);
  for (int h = 0; h < n; ++h) {
    detector.add(static_cast<EndpointIndex>(h));
    reference.hosts[h];
  }
  const Instant start = Instant{} + 1h;
  long now = 0, next_interval = settings.interval.count();
  int ejections = 0;
  std::vector<std::uint32_t> sickness(static_cast<std::size_t>(n));
  for (int step = 0; step < 6'000; ++step) {
    now += random.below(60);
    if (random.below(200) == 0)
      for (auto& share : sickness)
        share = random.below(4) == 0 ? random.below(101) : random.below(4);
    while (now >= next_interval) {
      detector.on_interval(start + std::chrono::milliseconds(next_interval));
      reference.interval(next_interval);
      next_interval += settings.interval.count();
    }
    const int h = static_cast<int>(random.below(static_cast<std::uint32_t>(n)));
    const auto host = static_cast<EndpointIndex>(h);
    const bool was_out = detector.ejected(host);
    if (random.below(3'000) == 0) {
      detector.on_probe_ok(host, start + std::chrono::milliseconds(now));
      reference.probe(h, now);
    } else {
      const bool fails = random.below(100) < sickness[host];
      const Seen seen = fails ? static_cast<Seen>(1 + random.below(3)) : Seen::ok;
      detector.on_result(host, seen, start + std::chrono::milliseconds(now));
      reference.result(h, seen, now);
    }
    ejections += !was_out && detector.ejected(host);
    for (const auto& [number, other] : reference.hosts)
      if (detector.ejected(static_cast<EndpointIndex>(number)) != other.out) return -1;
    if (detector.overflows() != static_cast<std::uint64_t>(reference.overflow)) return -1;
  }
  return ejections;
}

TEST(OutlierDetector, EjectsAtTheSameInstantsAsTheReference) {
  Settings envoy = Settings::envoy();
  Settings eager = Settings::envoy();
  eager.gateway_errors.enforce_percent = 50;
  eager.jitter = 2s;
  eager.base = 3s;
  eager.max = 10s;
  eager.interval = 2s;
  eager.ejected_percent_max = 50;
  eager.always_eject_one = true;
  eager.success.volume_min = 5;
  eager.failure = {.hosts_min = 3, .volume_min = 5, .enforce_percent = 70, .intervals = 3};
  Settings split = eager;
  split.split_local = true;
  split.success.hosts_min = 3;
  int ejections = 0;
  for (const Settings& settings : {envoy, eager, split, Settings::ours()})
    for (int n = 1; n <= 20; ++n)
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const int seen =
            ejections_or_difference(settings, n, seed * 1'000 + static_cast<std::uint64_t>(n));
        ASSERT_GE(seen, 0) << "n " << n << " seed " << seed;
        ejections += seen;
      }
  EXPECT_GT(ejections, 1'000);
}

TEST(OutlierDetector, ThresholdOfTheKnownExample) {
  const SuccessThreshold t = success_threshold(std::array{50.0, 100.0, 100.0, 100.0, 100.0}, 1.9);
  EXPECT_DOUBLE_EQ(t.mean, 90);
  EXPECT_DOUBLE_EQ(t.sigma, 20);
  EXPECT_DOUBLE_EQ(t.threshold, 52);
}

class OutlierTest : public ::testing::Test {
 protected:
  SeededRandom random_{1};
  OutlierDetector detector_{Settings::ours(), random_};
  Instant now_ = Instant{} + 1h;

  void add(int n) {
    for (int h = 0; h < n; ++h)
      detector_.add(static_cast<EndpointIndex>(h));
  }
  void see(EndpointIndex host, Seen seen, int times) {
    for (int i = 0; i < times; ++i)
      detector_.on_result(host, seen, now_);
  }
};

TEST_F(OutlierTest, FailuresInARowTakeAnEndpointOut) {
  add(4);
  see(0, Seen::error, 4);
  see(0, Seen::ok, 1);
  see(0, Seen::error, 4);
  EXPECT_FALSE(detector_.ejected(0));
  see(0, Seen::error, 1);
  EXPECT_TRUE(detector_.ejected(0));
  see(1, Seen::local, 3);
  EXPECT_TRUE(detector_.ejected(1));
}

TEST_F(OutlierTest, NoMoreThanHalfOfThePoolIsOut) {
  for (int n : {1, 2, 3, 4, 5, 8}) {
    OutlierDetector detector(Settings::ours(), random_);
    for (int h = 0; h < n; ++h)
      detector.add(static_cast<EndpointIndex>(h));
    for (int h = 0; h < n; ++h)
      for (int i = 0; i < 3; ++i)
        detector.on_result(static_cast<EndpointIndex>(h), Seen::local, now_);
    const int most = n == 1 ? 0 : n < 4 ? 1 : n / 2;
    EXPECT_EQ(detector.ejected(), static_cast<std::size_t>(most)) << n;
    EXPECT_EQ(detector.overflows(), static_cast<std::uint64_t>(n - most));
    EXPECT_FALSE(detector.panic());
  }
}

TEST_F(OutlierTest, BelowHalfOfThePoolEjectionsAreIgnored) {
  add(4);
  for (EndpointIndex h = 0; h < 2; ++h)
    see(h, Seen::local, 3);
  EXPECT_FALSE(detector_.usable(0));
  detector_.remove(3);  // now one of three is in
  EXPECT_TRUE(detector_.panic());
  EXPECT_TRUE(detector_.usable(0));
  EXPECT_TRUE(detector_.ejected(0));
}

TEST_F(OutlierTest, EachEjectionLastsLongerAndGoodBehaviourShortensIt) {
  Settings settings = Settings::ours();
  settings.jitter = 0s;
  OutlierDetector detector(settings, random_);
  for (EndpointIndex h = 0; h < 4; ++h)
    detector.add(h);
  const auto seconds_out = [&] {
    for (int i = 0; i < 3; ++i)
      detector.on_result(0, Seen::local, now_);
    EXPECT_TRUE(detector.ejected(0));
    int seconds = 0;
    for (; detector.ejected(0); seconds += 5)
      detector.on_interval(now_ += 5s);
    EXPECT_EQ(detector.returned_at(0), now_);
    return seconds;
  };
  EXPECT_EQ(seconds_out(), 30);
  EXPECT_EQ(seconds_out(), 60);
  for (int i = 0; i < 8; ++i)
    seconds_out();
  EXPECT_EQ(seconds_out(), 300);
  for (int i = 0; i < 100; ++i)
    detector.on_interval(now_ += 5s);
  EXPECT_EQ(seconds_out(), 30);
}

TEST_F(OutlierTest, HalfOfTheRequestsFailingIsEnough) {
  add(2);
  for (int i = 0; i < 10; ++i)
    see(0, i % 2 == 0 ? Seen::error : Seen::ok, 1);
  see(1, Seen::ok, 10);
  EXPECT_FALSE(detector_.ejected(0));
  detector_.on_interval(now_ += 5s);
  EXPECT_TRUE(detector_.ejected(0));
  EXPECT_FALSE(detector_.ejected(1));
}

TEST_F(OutlierTest, AProbeThatSucceedsBringsItBackWithClearCounters) {
  add(4);
  see(0, Seen::local, 3);
  see(0, Seen::local, 2);
  detector_.on_probe_ok(0, now_);
  EXPECT_FALSE(detector_.ejected(0));
  see(0, Seen::local, 2);
  EXPECT_FALSE(detector_.ejected(0));
  see(0, Seen::local, 1);
  EXPECT_TRUE(detector_.ejected(0));
}

TEST_F(OutlierTest, AFailureThatWasTheRequestsFaultIsTakenBack) {
  add(4);
  see(0, Seen::local, 2);
  detector_.forgive(0, Seen::local);
  see(0, Seen::local, 1);
  EXPECT_FALSE(detector_.ejected(0));
  see(0, Seen::local, 1);
  EXPECT_TRUE(detector_.ejected(0));
}

TEST_F(OutlierTest, UnknownEndpointsAreNoTrouble) {
  see(7, Seen::local, 10);
  detector_.forgive(7, Seen::error);
  detector_.on_probe_ok(7, now_);
  detector_.remove(7);
  EXPECT_FALSE(detector_.ejected(7));
  EXPECT_EQ(detector_.hosts(), 0U);
}

}  // namespace
}  // namespace sovmesh::routing
