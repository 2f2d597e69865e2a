// How long the simulator takes: `sovmesh sim run --generate shared-prefix` without the rest of the
// binary. RATE [SECONDS [ENDPOINTS [POLICY]]], by default a million requests on 1,000 endpoints.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sim/des/compare.h"
#include "sim/des/simulator.h"

namespace {

namespace des = sovmesh::des;

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad == std::errc() && end == text.data() + text.size()) return value;
  std::fputs("usage: sim_bench [RATE [SECONDS [ENDPOINTS [POLICY]]]]\n", stderr);
  std::exit(2);
}

int run(std::size_t rate, std::size_t seconds, std::size_t endpoints, std::string_view policy) {
  const auto name = des::parse_policy(policy);
  if (!name) return std::fprintf(stderr, "%s\n", std::string(name.error().message()).c_str()), 2;
  const des::Workload load = des::shared_prefix(
      {.rate = static_cast<double>(rate), .length = std::chrono::seconds(seconds)}, 1);
  const auto begin = std::chrono::steady_clock::now();
  const auto spent = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  int shown = 0;
  const auto summary = des::simulate(load, {.endpoints = endpoints}, *name, 1, [&](double done) {
    if (static_cast<int>(done * 20) <= shown) return;
    shown = static_cast<int>(done * 20);
    std::fprintf(stderr, "%3.0f %% after %.1f s\n", 100 * done, spent());
  });
  if (!summary)
    return std::fprintf(stderr, "%s\n", std::string(summary.error().message()).c_str()), 1;
  std::fprintf(stderr, "%zu requests on %zu endpoints in %.1f s\n", load.arrivals.size(), endpoints,
               spent());
  std::fputs((des::summary_text(*summary) + des::tenants_csv(*summary)).c_str(), stdout);
  return 0;
}

}  // namespace

int main(int count, char** values) {
  const auto given = [&](int at, std::size_t usual) {
    return count > at ? number(values[at]) : usual;
  };
  return run(given(1, 6'500), given(2, 154), given(3, 1'000), count > 4 ? values[4] : "ours");
}
