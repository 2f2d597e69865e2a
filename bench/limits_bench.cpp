// What limits cost a request: reserve and settle under six of them, as on the data path.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "limits/estimate.h"
#include "limits/lease.h"
#include "limits/local_limiter.h"

namespace sovmesh::limits {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kAmount = kAmountMax;
const WallTime kStart{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25)};

TenantId tenant() {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = 1;
  return {Ulid::from_bytes(bytes)};
}

Limit limit(std::string name, Target target, Measure measure, Window window,
            Alignment alignment = Alignment::calendar) {
  return {.name = std::move(name),
          .target = std::move(target),
          .measure = measure,
          .window = window,
          .alignment = alignment,
          .amount = kAmount};
}

std::vector<Limit> six() {
  const Target aurora = Target::one(ScopeKey::of(tenant()), "tenant:aurora");
  std::vector<Limit> limits = {
      limit("rpm", Target::each(Scope::key), Measure::requests, Window::minute),
      limit("own", Target::each(Scope::user), Measure::concurrency, Window::none),
      limit("rolling", Target::each(Scope::project), Measure::total_tokens, Window::minute,
            Alignment::rolling),
      limit("daily", aurora, Measure::output_tokens, Window::day),
      limit("budget", aurora, Measure::money_micro, Window::month),
      limit("pool", Target::one(ScopeKey::pool("commons"), "pool:commons"),
            Measure::gpu_microseconds, Window::hour)};
  for (const std::size_t i : {3U, 4U})
    limits[i].zone = TimeZone::find("Europe/Copenhagen").value();
  return limits;
}

Subject caller(int number) {
  static const std::array keys = {KeyId::parse("aaaaaaaaaaaa").value(),
                                  KeyId::parse("bbbbbbbbbbbb").value()};
  return {.key = keys[static_cast<std::size_t>(number % 2)],
          .user = "anna.andersen@aurora.example",
          .project = {},
          .project_name = "web-shop",
          .tenant = tenant(),
          .tenant_name = "aurora",
          .pool = "commons",
          .model = "llama-3.3-70b-instruct"};
}

constexpr Amounts kWanted{
    .input_tokens = 400, .output_tokens = 256, .money_micro = 900, .gpu_microseconds = 40'000};

LocalLimiter& shared() {
  static LocalLimiter limiter;
  static const bool ready = limiter.configure(six(), kStart).has_value();
  if (!ready) std::abort();
  return limiter;
}

void reserve_and_settle(benchmark::State& state) {
  LocalLimiter& limiter = shared();
  const Subject who = caller(state.thread_index());
  WallTime now = kStart;
  for (auto _ : state) {
    now += 37us;
    auto reservation = limiter.reserve(who, kWanted, now);
    if (!reservation) std::abort();
    reservation->settle(kWanted, now);
  }
}
BENCHMARK(reserve_and_settle)->Threads(1)->Threads(2)->UseRealTime();

void with_three_extensions(benchmark::State& state) {
  LocalLimiter& limiter = shared();
  const Subject who = caller(0);
  WallTime now = kStart;
  for (auto _ : state) {
    now += 37us;
    auto reservation = limiter.reserve(who, kWanted, now);
    if (!reservation) std::abort();
    const auto amounts = [](std::int64_t input, std::int64_t output) {
      return Amounts{.input_tokens = input, .output_tokens = output, .money_micro = 2 * output};
    };
    for (int i = 1; i <= 3; ++i)
      if (!cover(*reservation, 0, 256 + i * kSlice, amounts, now)) std::abort();
    reservation->settle(kWanted, now);
  }
}
BENCHMARK(with_three_extensions);

void headers(benchmark::State& state) {
  LocalLimiter limiter;
  if (!limiter.configure(six(), kStart)) std::abort();
  const Subject who = caller(0);
  for (auto _ : state)
    benchmark::DoNotOptimize(limiter.headers(who, kStart));
}
BENCHMARK(headers);

void without_limits(benchmark::State& state) {
  LocalLimiter limiter;
  const Subject who = caller(0);
  for (auto _ : state) {
    auto reservation = limiter.reserve(who, kWanted, kStart);
    reservation->settle(kWanted, kStart);
  }
}
BENCHMARK(without_limits);

void refused(benchmark::State& state) {
  LocalLimiter limiter;
  std::vector<Limit> limits = six();
  limits[0].amount = 1;
  if (!limiter.configure(std::move(limits), kStart)) std::abort();
  const Subject who = caller(0);
  auto first = limiter.reserve(who, kWanted, kStart);
  for (auto _ : state)
    benchmark::DoNotOptimize(limiter.reserve(who, kWanted, kStart));
}
BENCHMARK(refused);

void estimate(benchmark::State& state) {
  OutputEstimate table;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.estimate(tenant(), "llama-3.3-70b-instruct"));
    table.observe(tenant(), "llama-3.3-70b-instruct", 300);
  }
}
BENCHMARK(estimate);

}  // namespace
}  // namespace sovmesh::limits

BENCHMARK_MAIN();
