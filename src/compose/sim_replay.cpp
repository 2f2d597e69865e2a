#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/csv.h"
#include "compose/serve.h"
#include "compose/sim_cli.h"
#include "fairness/solidarity.h"
#include "sim/des/compare.h"

// `sovmesh sim replay`: what a recorded period would have been like with other shares.
namespace sovmesh::compose {
namespace {

struct Member {
  std::string tenant;
  double size = 0;
  fairness::MemberShare share;
};

Result<std::vector<Member>> members_of(const SimReplay& replay) {
  std::vector<Member> members;
  std::vector<fairness::MemberSize> sizes;
  for (const std::string& text : replay.sizes) {
    const std::size_t equals = std::min(text.find('='), text.size());
    double size = 0;
    const char* const end = text.data() + text.size();
    const char* const begin = text.data() + std::min(equals + 1, text.size());
    const auto parsed = std::from_chars(begin, end, size);
    if (equals == 0 || parsed.ec != std::errc() || parsed.ptr != end || !(size > 0))
      return client_error(Code::invalid_value, "--size: want TENANT=SIZE with a size above 0");
    members.push_back({.tenant = text.substr(0, equals), .size = size});
    sizes.push_back({.size = size});
  }
  if (members.empty()) return members;
  TRY(const auto shares,
      fairness::divide(sizes, static_cast<double>(replay.pool.endpoints), replay.budget,
                       {.alpha = replay.alpha, .beta = replay.beta}));
  for (std::size_t i = 0; i < members.size(); ++i)
    members[i].share = shares[i];
  return members;
}

// Members' guarantees first; what --share says goes before them.
void add_members(std::vector<des::TenantShare>& shares, const std::vector<Member>& members) {
  for (const Member& member : members) {
    if (std::ranges::find(shares, member.tenant, &des::TenantShare::tenant) != shares.end())
      continue;
    shares.push_back(
        {.tenant = member.tenant,
         .weight = std::max(1e-3, member.share.share * static_cast<double>(members.size())),
         .nominal = member.share.nominal});
  }
}

Result<void> check_names(const std::vector<des::TenantShare>& shares,
                         const des::Workload& workload) {
  for (const des::TenantShare& share : shares)
    if (std::ranges::find(workload.tenants, share.tenant) == workload.tenants.end())
      return client_error(Code::invalid_value, "tenant \"" + share.tenant +
                                                   "\" has no requests in that period; a typing "
                                                   "error?");
  return {};
}

std::string members_text(const std::vector<Member>& members, double budget) {
  if (members.empty()) return {};
  std::string out =
      fmt::format("{:<20} {:>12} {:>8} {:>12} {:>12} {:>11}\n", "member", "size", "share %",
                  "guaranteed", budget > 0 ? "fee" : "fee %", "solidarity");
  for (const Member& member : members)
    out += fmt::format("{:<20} {:>12.0f} {:>8.1f} {:>12.2f} {:>12.2f} {:>+10.1f}\n", member.tenant,
                       member.size, 100 * member.share.share, member.share.nominal,
                       budget > 0 ? member.share.fee : 100 * member.share.fee,
                       100 * member.share.solidarity);
  return out + "\n";
}

std::string tenants_text(const des::Summary& before, const des::Summary& after) {
  std::string out = fmt::format("{:<20} {:>9} {:>11} | {:>8} {:>8} {:>9} | {:>8} {:>8} {:>9}\n", "",
                                "", "", "equal", "", "", "as asked", "", "");
  out += fmt::format("{:<20} {:>9} {:>11} | {:>8} {:>8} {:>9} | {:>8} {:>8} {:>9}\n", "tenant",
                     "requests", "GPU-seconds", "wait p50", "wait p95", "goodput %", "wait p50",
                     "wait p95", "goodput %");
  for (std::size_t i = 0; i < before.tenants.size(); ++i) {
    const des::TenantSummary& b = before.tenants[i];
    const des::TenantSummary& a = after.tenants[i];
    out += fmt::format(
        "{:<20} {:>9} {:>11.1f} | {:>8.2f} {:>8.2f} {:>9.1f} | {:>8.2f} {:>8.2f} {:>9.1f}\n",
        b.name, b.requests, b.demand_gpu_s, b.wait.p50, b.wait.p95, 100 * b.goodput, a.wait.p50,
        a.wait.p95, 100 * a.goodput);
  }
  out += fmt::format(
      "\nall: {} requests in {:.0f} s, engines {:.1f} % busy; wait p95 {:.2f} s with equal shares, "
      "{:.2f} s as asked\n",
      before.requests, before.simulated_s, 100 * before.utilisation, before.wait.p95,
      after.wait.p95);
  return out;
}

std::string replay_csv(const des::Summary& before, const des::Summary& after) {
  CsvWriter csv;
  for (const std::string_view name :
       {"tenant", "shares", "requests", "demand_gpu_s", "gpu_s", "wait_p50_s", "wait_p95_s",
        "ttft_p99_s", "goodput", "starved_s"})
    csv.plain(name);
  csv.end_line();
  for (const auto& [shares, summary] : {std::pair{"equal", &before}, std::pair{"as asked", &after}})
    for (const des::TenantSummary& t : summary->tenants) {
      csv.text(t.name).plain(shares).plain(std::to_string(t.requests));
      for (const double value :
           {t.demand_gpu_s, t.gpu_s, t.wait.p50, t.wait.p95, t.first.p99, t.goodput, t.starved_s})
        csv.plain(fmt::format("{:.6g}", value));
      csv.end_line();
    }
  return csv.take();
}

Result<void> run_replay(const SimReplay& replay) {
  TRY(des::SimulatorOptions options, simulator_options(replay.pool));
  TRY(const des::PolicyName policy, des::parse_policy(replay.policy));
  TRY(const auto members, members_of(replay));
  TRY(const des::Workload recorded, recorded_load(replay.recorded));
  if (!(replay.speed > 0) || replay.speed > 1e6)
    return client_error(Code::invalid_value, "--speed: want more than 0");
  des::Workload workload = recorded;
  for (des::Arrival& arrival : workload.arrivals)
    arrival.at = std::chrono::microseconds(
        std::llround(static_cast<double>(arrival.at.count()) / replay.speed));
  add_members(options.shares, members);
  TRY_VOID(check_names(options.shares, workload));
  const auto progress = progress_on_stderr(2, replay.quiet);
  des::SimulatorOptions equal = options;
  equal.shares.clear();
  TRY(const des::Summary before, des::simulate(workload, equal, policy, 1, progress));
  TRY(const des::Summary after, des::simulate(workload, options, policy, 1, progress));
  if (!print_all(replay.csv ? replay_csv(before, after)
                            : members_text(members, replay.budget) + tenants_text(before, after)))
    return our_error(Code::io_error, "cannot write to standard output");
  return {};
}

}  // namespace

int sim_replay(const SimReplay& replay) {
  const Result<void> done = run_replay(replay);
  return done ? kExitOk : sim_failed(done.error());
}

}  // namespace sovmesh::compose
