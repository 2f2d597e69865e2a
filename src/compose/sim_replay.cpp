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

// What --share says goes before what the members' sizes come to, and that before `present`.
std::vector<des::TenantShare> asked(const std::vector<des::TenantShare>& shares,
                                    const std::vector<Member>& members,
                                    const std::vector<des::TenantShare>& present) {
  std::vector<des::TenantShare> out = shares;
  const auto is_new = [&](const std::string& tenant) {
    return std::ranges::find(out, tenant, &des::TenantShare::tenant) == out.end();
  };
  for (const Member& member : members) {
    if (!is_new(member.tenant)) continue;
    out.push_back(
        {.tenant = member.tenant,
         .weight = std::max(1e-3, member.share.share * static_cast<double>(members.size())),
         .nominal = member.share.nominal});
  }
  for (const des::TenantShare& share : present) {
    if (is_new(share.tenant)) {
      out.push_back(share);
    } else {
      std::ranges::find(out, share.tenant, &des::TenantShare::tenant)->cohort = share.cohort;
    }
  }
  return out;
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

// Waits side by side: what a table of numbers does not show at a glance.
std::string bars_text(const des::Summary& before, const des::Summary& after,
                      const SharesNames& named) {
  constexpr double kWidth = 40;
  double longest = 1e-9;
  for (const des::Summary* summary : {&before, &after})
    for (const des::TenantSummary& tenant : summary->tenants)
      longest = std::max(longest, tenant.wait.p95);
  const auto bar = [&](const std::string& name, const std::string& shares, double wait) {
    const auto marks = static_cast<std::size_t>(std::lround(wait / longest * kWidth));
    return fmt::format("{:<20} {:<9} {:<40} {:.2f} s\n", name, shares, std::string(marks, '#'),
                       wait);
  };
  std::string out = "\nwait p95\n";
  for (std::size_t i = 0; i < before.tenants.size(); ++i) {
    out += bar(before.tenants[i].name, named.before, before.tenants[i].wait.p95);
    out += bar("", named.after, after.tenants[i].wait.p95);
  }
  return out;
}

std::string tenants_text(const des::Summary& before, const des::Summary& after,
                         const SharesNames& named) {
  std::string out = fmt::format("{:<20} {:>9} {:>11} | {:>8} {:>8} {:>9} | {:>8} {:>8} {:>9}\n", "",
                                "", "", named.before, "", "", named.after, "", "");
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
  out += bars_text(before, after, named);
  out += fmt::format(
      "\nall: {} requests in {:.0f} s, engines {:.1f} % busy; wait p95 {:.2f} s with {} shares, "
      "{:.2f} s {}\n",
      before.requests, before.simulated_s, 100 * before.utilisation, before.wait.p95, named.before,
      after.wait.p95, named.after);
  return out;
}

std::string replay_csv(const des::Summary& before, const des::Summary& after,
                       const SharesNames& named) {
  CsvWriter csv;
  for (const std::string_view name :
       {"tenant", "shares", "requests", "demand_gpu_s", "gpu_s", "wait_p50_s", "wait_p95_s",
        "ttft_p99_s", "goodput", "starved_s"})
    csv.plain(name);
  csv.end_line();
  for (const auto& [shares, summary] :
       {std::pair{&named.before, &before}, std::pair{&named.after, &after}})
    for (const des::TenantSummary& t : summary->tenants) {
      csv.text(t.name).plain(*shares).plain(std::to_string(t.requests));
      for (const double value :
           {t.demand_gpu_s, t.gpu_s, t.wait.p50, t.wait.p95, t.first.p99, t.goodput, t.starved_s})
        csv.plain(fmt::format("{:.6g}", value));
      csv.end_line();
    }
  return csv.take();
}

}  // namespace

Result<void> replay_shares(const SimReplay& replay, const des::Shares& present,
                           const SharesNames& named) {
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
  TRY_VOID(check_names(asked(options.shares.tenants, members, {}), workload));
  const auto progress = progress_on_stderr(2, replay.quiet);
  des::SimulatorOptions now = options;
  now.shares = present;
  options.shares.cohorts = present.cohorts;
  options.shares.tenants = asked(options.shares.tenants, members, present.tenants);
  TRY(const des::Summary before, des::simulate(workload, now, policy, 1, progress));
  TRY(const des::Summary after, des::simulate(workload, options, policy, 1, progress));
  const std::string text =
      replay.csv ? replay_csv(before, after, named)
                 : members_text(members, replay.budget) + tenants_text(before, after, named);
  if (!print_all(text)) return our_error(Code::io_error, "cannot write to standard output");
  return {};
}

int sim_replay(const SimReplay& replay) {
  const Result<void> done = replay_shares(replay, {}, {.before = "equal", .after = "as asked"});
  return done ? kExitOk : sim_failed(done.error());
}

}  // namespace sovmesh::compose
