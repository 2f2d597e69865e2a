#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv.h"
#include "compose/live_load.h"
#include "compose/serve.h"
#include "compose/sim_cli.h"
#include "sim/des/engine_spec_text.h"

namespace sovmesh::compose {
namespace {

struct Line {
  std::string_view measure;
  double simulated = 0;
  double live = 0;
};

std::vector<Line> lines_of(const des::Summary& simulated, const des::Summary& live) {
  const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
  return {
      {"requests", count(simulated.requests), count(live.requests)},
      {"completed", count(simulated.completed), count(live.completed)},
      {"goodput_percent", 100 * simulated.goodput, 100 * live.goodput},
      {"ttft_p50_ms", 1'000 * simulated.first.p50, 1'000 * live.first.p50},
      {"ttft_p90_ms", 1'000 * simulated.first.p90, 1'000 * live.first.p90},
      {"ttft_p99_ms", 1'000 * simulated.first.p99, 1'000 * live.first.p99},
      {"tpot_p50_ms", 1'000 * simulated.per_output.p50, 1'000 * live.per_output.p50},
      {"tpot_p99_ms", 1'000 * simulated.per_output.p99, 1'000 * live.per_output.p99},
      {"e2e_p50_ms", 1'000 * simulated.total.p50, 1'000 * live.total.p50},
      {"e2e_p99_ms", 1'000 * simulated.total.p99, 1'000 * live.total.p99},
  };
}

std::string table(const std::vector<Line>& lines) {
  std::string out = fmt::format("{:<18} {:>11} {:>11} {:>11} {:>9}\n", "", "simulated", "live",
                                "difference", "%");
  for (const Line& line : lines) {
    const double difference = line.live - line.simulated;
    out += fmt::format("{:<18} {:>11.1f} {:>11.1f} {:>+11.1f}", line.measure, line.simulated,
                       line.live, difference);
    out += line.simulated > 0 ? fmt::format(" {:>+9.1f}\n", 100 * difference / line.simulated)
                              : fmt::format(" {:>9}\n", "-");
  }
  return out;
}

std::string csv(const std::vector<Line>& lines) {
  CsvWriter out;
  for (const std::string_view name : {"measure", "simulated", "live", "difference"})
    out.plain(name);
  out.end_line();
  for (const Line& line : lines) {
    out.plain(line.measure);
    for (const double value : {line.simulated, line.live, line.live - line.simulated})
      out.plain(fmt::format("{:.6g}", value));
    out.end_line();
  }
  return out.take();
}

// By the measures of a simulation, as far as a client can see them.
des::Summary summary_of(const des::Workload& workload, const std::vector<des::Record>& records,
                        const des::SimulatorOptions& options) {
  const des::ServiceWatch nobody_waited(workload.tenants.size(), {});
  const std::vector<des::EngineModel> unseen(1, des::EngineModel(options.engine));
  return des::summarise(workload, records, unseen, nobody_waited, options.slo);
}

Result<void> compare_live(const SimLive& live) {
  if (live.target.models.empty())
    return client_error(Code::invalid_value, "--model: want one or more");
  des::SimulatorOptions options{.endpoints = live.target.models.size(), .slo = live.slo};
  TRY(options.engine, des::parse_engine_spec(live.engine_model));
  TRY(const auto policy, des::parse_policy(live.policy));
  TRY(const des::Workload workload, make_workload(live.load, live.seed));
  if (workload.block_tokens != options.engine.block_tokens)
    return client_error(Code::invalid_value,
                        fmt::format("the load has blocks of {} tokens: want block-tokens={}",
                                    workload.block_tokens, workload.block_tokens));
  TRY(const des::Summary simulated, des::simulate(workload, options, policy, live.seed));
  if (!live.csv)
    fmt::print(
        "{}, seed {}: {} requests in {:.0f} s under {}; {} of\n  engine-sim --engine-model {}\n",
        workload.name, live.seed, workload.arrivals.size(), simulated.simulated_s, policy.text(),
        options.endpoints, des::to_text(options.engine));
  TRY(const auto records, play_live(workload, live.target));
  const auto lines = lines_of(simulated, summary_of(workload, records, options));
  if (!print_all(live.csv ? csv(lines) : table(lines)))
    return our_error(Code::io_error, "cannot write to standard output");
  return {};
}

}  // namespace

int sim_live(const SimLive& live) {
  const Result<void> done = compare_live(live);
  return done ? kExitOk : sim_failed(done.error());
}

}  // namespace sovmesh::compose
