#include "compose/sim_cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/guarded.h"
#include "compose/serve.h"
#include "rt/real.h"
#include "sim/des/compare.h"

namespace sovmesh::compose {
namespace {

constexpr std::uintmax_t kTraceBytesMax = std::uintmax_t{4} << 30;
constexpr std::int64_t kSecondsOfMade = 300;
constexpr std::int64_t kSecondsMax = 400L * 86'400;

Result<std::string> read_file(const std::string& path) {
  const auto closed = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(closed)> file(std::fopen(path.c_str(), "rb"), closed);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!file || error)
    return client_error(Code::invalid_value, "cannot read " + path + ": no such file, or no right");
  if (size > kTraceBytesMax)
    return client_error(Code::invalid_value, path + " is larger than 4 GiB: split it");
  std::string text(static_cast<std::size_t>(size), '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

Result<void> write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written =
      file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file == nullptr || std::fclose(file) != 0 || !written)
    return client_error(Code::invalid_value, "cannot write " + path);
  return {};
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return {};
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// "-": no limit.
Result<des::TenantShare> parse_share(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals == 0)
    return client_error(Code::invalid_value,
                        "share: want TENANT=WEIGHT[:GUARANTEED[:BORROWING_LIMIT[:LENDING_LIMIT]]]");
  des::TenantShare share{.tenant = std::string(text.substr(0, equals))};
  std::array<std::optional<double>, 4> parts{1.0, 0.0, std::nullopt, std::nullopt};
  std::string_view rest = text.substr(equals + 1);
  bool good = true;
  std::size_t count = 0;
  for (bool more = true; more && good; ++count) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const std::string_view part = rest.substr(0, colon);
    more = colon < rest.size();
    rest.remove_prefix(more ? colon + 1 : colon);
    const auto value = number(part);
    good = count < parts.size() && ((count >= 2 && part == "-") || (value && *value >= 0));
    if (good) parts.at(count) = value;
  }
  if (!good || *parts[0] <= 0)
    return client_error(Code::invalid_value,
                        fmt::format("share {}: want a weight above 0, and GPU-seconds a second of "
                                    "0 or more as its guarantee and limits",
                                    share.tenant));
  share.weight = *parts[0];
  share.nominal = *parts[1];
  share.borrowing_limit = parts[2];
  share.lending_limit = parts[3];
  return share;
}

// A load by name, made anew for each seed.
struct Named {
  std::string name;
  std::function<Result<des::Workload>(std::uint64_t seed)> make;
};

Result<std::vector<Named>> trace_loads(const SimLoad& load) {
  TRY(const std::string text, read_file(load.trace));
  // One seed for the reader: only files without times need it, and their times are the trace's.
  TRY(des::Workload read,
      des::read_trace(text, std::filesystem::path(load.trace).filename().string(), 1));
  const auto trace = std::make_shared<const des::Workload>(std::move(read));
  std::vector<Named> loads;
  for (const double copies : load.scales.empty() ? std::vector{1.0} : load.scales) {
    if (!(copies >= 1) || copies > 100'000 || copies != std::floor(copies))
      return client_error(Code::invalid_value, "--scale: want whole numbers of copies of a trace");
    des::Scaling scaling{
        .copies = static_cast<std::size_t>(copies), .speed = load.speed, .tenants = load.tenants};
    if (load.seconds > 0) scaling.length_max = std::chrono::seconds(load.seconds);
    loads.push_back({.name = fmt::format("{} x{}", trace->name, copies),
                     .make = [trace, scaling](std::uint64_t seed) {
                       return des::scale(*trace, scaling, seed);
                     }});
  }
  return loads;
}

// The generator of one name at one rate; 0: its own.
Result<Named> made_load(const SimLoad& load, double rate) {
  const std::chrono::seconds length(load.seconds > 0 ? load.seconds : kSecondsOfMade);
  const std::string name = rate > 0 ? fmt::format("{} {}/s", load.generate, rate) : load.generate;
  const auto named = [&](auto settings, auto make) {
    settings.length = length;
    settings.tenants = load.tenants;
    if (rate > 0) settings.rate = rate;
    return Named{.name = name,
                 .make = [settings, make](std::uint64_t seed) -> Result<des::Workload> {
                   return make(settings, seed);
                 }};
  };
  if (load.generate == "shared-prefix") return named(des::SharedPrefixLoad{}, des::shared_prefix);
  if (load.generate == "multi-turn") return named(des::MultiTurnLoad{}, des::multi_turn);
  if (load.generate == "bursts") return named(des::BurstLoad{}, des::bursts);
  if (!load.generate.starts_with("attack:"))
    return client_error(
        Code::invalid_value,
        "--generate: want shared-prefix, multi-turn, bursts or attack:KIND, not \"" +
            load.generate + "\"");
  TRY(const des::Attack kind, des::parse_attack(std::string_view(load.generate).substr(7)));
  des::AttackLoad settings{.attack = kind, .requests = load.attackers, .length = length};
  if (rate > 0) settings.polite_rate = rate;
  return Named{.name = name, .make = [settings](std::uint64_t seed) -> Result<des::Workload> {
                 return des::attack(settings, seed);
               }};
}

Result<std::vector<Named>> loads_of(const SimLoad& load) {
  if (load.trace.empty() == load.generate.empty())
    return client_error(Code::invalid_value, "want one of --trace FILE and --generate NAME");
  if (!(load.speed > 0) || load.speed > 1e6 || load.tenants == 0 || load.tenants > 100'000 ||
      load.seconds < 0 || load.seconds > kSecondsMax || load.attackers > des::kArrivalsMax)
    return client_error(Code::invalid_value, "speed, seconds or tenants: out of range");
  if (!load.trace.empty()) return trace_loads(load);
  std::vector<Named> loads;
  for (const double rate : load.scales.empty() ? std::vector{0.0} : load.scales) {
    if (!(rate >= 0) || rate > 100'000)
      return client_error(Code::invalid_value, "--scale: want requests a second up to 100,000");
    TRY(Named each, made_load(load, rate));
    loads.push_back(std::move(each));
  }
  return loads;
}

// How far many runs are, on one line of standard error.
class Meter {
 public:
  Meter(std::size_t runs, bool quiet)
      : clock_(rt::make_system_clock()),
        begin_(clock_->now()),
        runs_(static_cast<double>(runs)),
        quiet_(quiet || ::isatty(STDERR_FILENO) == 0) {}
  ~Meter() {
    if (!quiet_) std::fputs("\r\033[K", stderr);
  }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  // `more`: of one run, 0 to 1. One thread at a time.
  void add(double more) {
    done_ += more / runs_;
    if (quiet_ || done_ <= 0) return;
    const double spent = seconds();
    std::fprintf(stderr, "\r\033[K%3.0f %% simulated, about %.0f s left", 100 * done_,
                 spent * std::max(0.0, 1 - done_) / done_);
  }
  double seconds() const { return std::chrono::duration<double>(clock_->now() - begin_).count(); }

 private:
  std::unique_ptr<Clock> clock_;
  Instant begin_;
  double runs_;
  bool quiet_;
  double done_ = 0;
};

// What the cells of a comparison are made from, and where they go. `next` gives work out.
struct Grid {
  const std::vector<Named>& loads;
  const std::vector<des::PolicyName>& policies;
  const des::SimulatorOptions& options;
  std::size_t seeds = 1;
  std::vector<des::Cell> cells = {};  // each written by the thread that took its number
  std::atomic<std::size_t> next{0};
  Guarded<std::optional<Error>> failed{std::nullopt};

  std::size_t size() const { return loads.size() * seeds; }
  // All policies of one load and seed, so that the load is made once.
  Result<void> run(std::size_t number, Guarded<Meter*>& meter) {
    const Named& load = loads[number / seeds];
    const std::uint64_t seed = number % seeds + 1;
    TRY(const des::Workload workload, load.make(seed));
    for (std::size_t p = 0; p < policies.size(); ++p) {
      double before = 0;
      const auto progress = [&](double done) {
        meter.with([&](Meter* to) { to->add(done - before); });
        before = done;
      };
      TRY(des::Summary summary, des::simulate(workload, options, policies[p], seed, progress));
      progress(1);
      cells[(number / seeds * policies.size() + p) * seeds + number % seeds] = {
          .load = load.name,
          .policy = policies[p].text(),
          .seed = seed,
          .summary = std::move(summary)};
    }
    return {};
  }
  void work(Guarded<Meter*>& meter) {
    while (true) {
      const std::size_t number = next++;
      if (number >= size()) return;
      const Result<void> done = run(number, meter);
      if (done) continue;
      failed.with([&](std::optional<Error>& first) {
        if (!first) first = done.error();
      });
      next = size();  // the others need not begin
    }
  }
};

Result<std::vector<des::PolicyName>> policies_of(const std::vector<std::string>& names) {
  std::vector<std::string> wanted = names;
  if (wanted.empty()) {
    wanted = des::anchor_names();
    wanted.insert(wanted.begin(), "ours");
  }
  std::vector<des::PolicyName> policies;
  for (const std::string& name : wanted) {
    TRY(des::PolicyName policy, des::parse_policy(name));
    policies.push_back(std::move(policy));
  }
  return policies;
}

std::vector<std::string> about(const SimCompare& compare, const des::SimulatorOptions& options) {
  const des::EngineSpec& e = options.engine;
  return {
      fmt::format(
          "{} engines: step = max({} ms, {} us a prompt token x (1 + context / {})) + {} us a "
          "stream + {} us a token of context; {} KV tokens, chunks of {}, {} streams",
          options.endpoints, e.base_us / 1'000, e.prefill_us, e.context_scale, e.decode_us,
          e.context_us, e.kv_tokens, e.chunk_tokens, e.requests_max),
      fmt::format("Scraped every {} ms, {} ms old on arrival",
                  static_cast<double>(options.scrape_every.count()) / 1'000,
                  static_cast<double>(options.scrape_delay.count()) / 1'000),
      fmt::format(
          "SLO: first token within {} s + prompt tokens / {} s, then {} ms a token; goodput is "
          "the share of all requests that met it",
          options.slo.first_s, options.slo.input_tokens_per_s, options.slo.per_output_s * 1'000),
      fmt::format("Seeds 1 to {}; intervals are 95 %, by Student's t", compare.seeds),
  };
}

Result<void> run_compare(const SimCompare& compare) {
  TRY(const auto options, simulator_options(compare.pool));
  TRY(const auto policies, policies_of(compare.policies));
  TRY(const auto loads, loads_of(compare.load));
  if (compare.seeds == 0 || compare.seeds > kSeedsMax || compare.jobs == 0 ||
      compare.jobs > kJobsMax)
    return client_error(Code::invalid_value, "--seeds: 1 to 1,000; --jobs: 1 to 64");
  Grid grid{.loads = loads, .policies = policies, .options = options, .seeds = compare.seeds};
  grid.cells.resize(grid.size() * policies.size());
  {
    Meter meter(grid.cells.size(), compare.quiet);
    Guarded<Meter*> shared(&meter);
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(compare.jobs, grid.size()); ++i)
      threads.emplace_back([&] { grid.work(shared); });
    grid.work(shared);
  }
  if (const auto failed = grid.failed.with([](const auto& first) { return first; }))
    return std::unexpected(*failed);
  const std::string ours = policies.front().text();
  if (!compare.csv.empty()) TRY_VOID(write_file(compare.csv, des::comparison_csv(grid.cells)));
  if (!compare.html.empty())
    TRY_VOID(
        write_file(compare.html, des::comparison_html(grid.cells, ours, about(compare, options))));
  if (!print_all(des::comparison_text(grid.cells, ours)))
    return our_error(Code::io_error, "cannot write to standard output");
  return {};
}

Result<void> run_once(const SimRun& run) {
  TRY(const auto options, simulator_options(run.pool));
  TRY(const auto policy, des::parse_policy(run.policy));
  TRY(const des::Workload workload, make_workload(run.load, run.seed));
  Meter meter(1, run.quiet);
  double before = 0;
  TRY(const des::Summary summary,
      des::simulate(workload, options, policy, run.seed, [&](double done) {
        meter.add(done - before);
        before = done;
      }));
  if (!run.quiet)
    fmt::print(stderr, "{} requests in {:.1f} s: {:.0f} decisions a second, everything included\n",
               summary.requests, meter.seconds(),
               static_cast<double>(summary.decisions) / std::max(meter.seconds(), 1e-9));
  if (!print_all(run.csv ? des::tenants_csv(summary) : des::summary_text(summary)))
    return our_error(Code::io_error, "cannot write to standard output");
  return {};
}

}  // namespace

Result<des::SimulatorOptions> simulator_options(const SimPool& pool) {
  des::SimulatorOptions options{.endpoints = pool.endpoints,
                                .engine = pool.engine,
                                .stream_chunk = pool.stream_chunk,
                                .slo = pool.slo};
  if (!(pool.scrape_ms >= 1) || pool.scrape_ms > 3'600'000)
    return client_error(Code::invalid_value, "--scrape-ms: want 1 to 3,600,000");
  options.scrape_every = std::chrono::microseconds(std::llround(pool.scrape_ms * 1'000));
  for (const std::string& text : pool.faults) {
    TRY(const des::Fault fault, des::parse_fault(text));
    options.faults.push_back(fault);
  }
  for (const std::string& text : pool.shares) {
    TRY(des::TenantShare share, parse_share(text));
    options.shares.tenants.push_back(std::move(share));
  }
  return options;
}

Result<des::Workload> make_workload(const SimLoad& load, std::uint64_t seed) {
  TRY(const auto loads, loads_of(load));
  if (loads.size() != 1)
    return client_error(Code::invalid_value, "want one --scale; `sim compare` takes several");
  return loads.front().make(seed);
}

des::Progress progress_on_stderr(std::size_t runs, bool quiet) {
  const auto meter = std::make_shared<Meter>(runs, quiet);
  return [meter, before = 0.0](double done) mutable {
    meter->add(done < before ? done : done - before);  // less than before: the next run
    before = done;
  };
}

int sim_failed(const Error& error) {
  fmt::print(stderr, "sovmesh: {}\n", error.message());
  if (error.code() == Code::data_dir_invalid) return kExitDataDir;
  return error.blame() == Blame::client ? kExitUsage : kExitFailed;
}

bool print_all(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return std::fflush(stdout) == 0 && written;
}

std::string sim_policy_help() { return des::policy_help(); }

int sim_run(const SimRun& run) {
  const Result<void> done = run_once(run);
  return done ? kExitOk : sim_failed(done.error());
}

int sim_compare(const SimCompare& compare) {
  const Result<void> done = run_compare(compare);
  return done ? kExitOk : sim_failed(done.error());
}

}  // namespace sovmesh::compose
