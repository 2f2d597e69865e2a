#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "base/time_text.h"
#include "commands.h"
#include "compose/sim_cli.h"
#include "config/process_environment.h"
#include "sim_options.h"

// `sovmesh sim`: policies of queues and endpoint choice, tried on traces before they are switched
// on.
namespace sovmesh {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  sovmesh sim run --trace trace.jsonl --scale 2 --policy ours\n"
    "  sovmesh sim run --generate attack:flood --policy ect+fcfs\n"
    "  sovmesh sim compare --trace trace.jsonl --scale 2,3,4 --seeds 5 --html report.html\n"
    "  sovmesh sim replay --data-dir /var/lib/sovmesh --from 2026-10-01T00:00:00Z --endpoints 4 "
    "--share aurora=2";

void add_slo(CLI::App& command, des::Slo& slo) {
  command.add_option("--slo-first-s", slo.first_s, "Time to first token, beside its prompt's")
      ->capture_default_str();
  command.add_option("--slo-token-s", slo.per_output_s, "Time of an output token")
      ->capture_default_str();
}

void add_pool(CLI::App& command, compose::SimPool& pool) {
  command.add_option("--endpoints", pool.endpoints, "Engines in the pool")->capture_default_str();
  command.add_option(
      "--share", pool.shares,
      "TENANT=WEIGHT[:GUARANTEED[:BORROWING_LIMIT[:LENDING_LIMIT]]], in GPUs, - for no limit; "
      "repeatable");
  command.add_option("--fault", pool.faults,
                     "KIND:ENDPOINT:AT:LASTS in seconds; crash, slow (with :SPEED) or stale; "
                     "repeatable");
  command.add_option("--scrape-ms", pool.scrape_ms, "Time between two scrapes of an engine")
      ->capture_default_str();
  command
      .add_option("--stream-chunk", pool.stream_chunk,
                  "Output tokens that policies are told of at once; more is faster")
      ->capture_default_str();
  const std::string engine = "Engine";
  command.add_option("--base-us", pool.engine.base_us, "Shortest step")
      ->capture_default_str()
      ->group(engine);
  command.add_option("--prefill-us", pool.engine.prefill_us, "Time of a prompt token")
      ->capture_default_str()
      ->group(engine);
  command.add_option("--decode-us", pool.engine.decode_us, "Time of a stream in a step")
      ->capture_default_str()
      ->group(engine);
  command
      .add_option("--context-us", pool.engine.context_us, "Time of a token of context in a step")
      ->capture_default_str()
      ->group(engine);
  command.add_option("--kv-tokens", pool.engine.kv_tokens, "Tokens in its KV memory")
      ->capture_default_str()
      ->group(engine);
  command.add_option("--chunk-tokens", pool.engine.chunk_tokens, "Tokens of a step")
      ->capture_default_str()
      ->group(engine);
  command.add_option("--streams", pool.engine.requests_max, "Requests in a step")
      ->capture_default_str()
      ->group(engine);
  add_slo(command, pool.slo);
}

void add_load(CLI::App& command, compose::SimLoad& load) {
  CLI::Option* trace = command.add_option("--trace", load.trace,
                                          "A trace: Mooncake's JSON lines, Azure's or Vidur's CSV");
  command
      .add_option("--generate", load.generate,
                  "Made up instead: shared-prefix, multi-turn, bursts, or attack:KIND with none, "
                  "flood, on-off, identities, aborts or huge")
      ->excludes(trace);
  command
      .add_option("--scale", load.scales,
                  "Copies of the trace at once, or requests (conversations) a second")
      ->delimiter(',');
  command.add_option("--speed", load.speed, "Play the trace so many times as fast")
      ->capture_default_str();
  command.add_option("--seconds", load.seconds,
                     "Only the first so many of the trace; length of what is made (300)");
  command.add_option("--tenants", load.tenants, "Tenants, by Zipf")->capture_default_str();
  command.add_option("--attackers", load.attackers, "Requests of the attacker")
      ->capture_default_str();
}

void add_run(CLI::App& sim, int& code) {
  CLI::App* command = sim.add_subcommand("run", "One load under one policy");
  const auto run = std::make_shared<compose::SimRun>();
  add_load(*command, run->load);
  add_pool(*command, run->pool);
  command->add_option("--policy", run->policy, "See below")->capture_default_str();
  command->add_option("--seed", run->seed, "The same seed gives the same figures")
      ->capture_default_str();
  command->add_flag("--csv", run->csv, "One line a tenant instead of the summary");
  command->add_flag("--quiet", run->quiet, "No progress");
  command->footer(compose::sim_policy_help());
  command->callback([run, &code] { code = compose::sim_run(*run); });
}

void add_compare(CLI::App& sim, int& code) {
  CLI::App* command = sim.add_subcommand("compare", "Policies on loads, with intervals over seeds");
  const auto compare = std::make_shared<compose::SimCompare>();
  add_load(*command, compare->load);
  add_pool(*command, compare->pool);
  command
      ->add_option("--policies", compare->policies,
                   "The first is compared with the others (default: ours and all anchors)")
      ->delimiter(',');
  command->add_option("--seeds", compare->seeds, "Runs of each")->capture_default_str();
  command->add_option("--jobs", compare->jobs, "Runs at a time")->capture_default_str();
  command->add_option("--csv", compare->csv, "Write every run to this file");
  command->add_option("--html", compare->html, "Write a page with charts to this file");
  command->add_flag("--quiet", compare->quiet, "No progress");
  command->footer(compose::sim_policy_help());
  command->callback([compare, &code] { code = compose::sim_compare(*compare); });
}

void add_compare_live(CLI::App& sim, int& code) {
  CLI::App* command = sim.add_subcommand(
      "compare-live", "One load through a running gateway to engine-sims, and the same simulated");
  const auto live = std::make_shared<compose::SimLive>();
  live->load.tenants = 1;
  add_load(*command, live->load);
  command->add_option("--url", live->target.url, "The gateway, as http://HOST:PORT or unix:/PATH")
      ->required();
  command
      ->add_option_function<std::string>(
          "--api-key-env",
          [live](const std::string& name) {
            const auto value = config::process_environment(name);
            if (!value) throw CLI::ValidationError("--api-key-env", name + " is not set");
            live->target.key = Secret(*value);
          },
          "Name of the environment variable that holds a tenant's API key")
      ->required();
  command
      ->add_option("--model", live->target.models,
                   "Models that are asked in turn, each served by an engine of its own")
      ->delimiter(',')
      ->required();
  command
      ->add_option("--engine-model", live->engine_model,
                   "What the engines were started with, as `sovmesh engine-sim --engine-model`")
      ->capture_default_str();
  command->add_option("--policy", live->policy, "See `sovmesh sim run --help`")
      ->capture_default_str();
  command->add_option("--seed", live->seed, "Of the load")->capture_default_str();
  add_slo(*command, live->slo);
  command->add_flag("--csv", live->csv, "Lines of CSV instead of a table");
  command->callback([live, &code] { code = compose::sim_live(*live); });
}

void add_time(CLI::App& command, const std::string& name, std::optional<WallTime>& into,
              const std::string& help) {
  command.add_option_function<std::string>(
      name,
      [&into, name](const std::string& text) {
        into = parse_rfc3339(text.size() == 10 ? text + "T00:00:00Z" : text);
        if (!into) throw CLI::ValidationError(name, "want 2027-01-31 or 2027-01-31T12:00:00Z");
      },
      help);
}

void add_replay(CLI::App& sim, int& code) {
  CLI::App* command = sim.add_subcommand(
      "replay", "Recorded requests with other shares: what would it have been like?");
  const auto replay = std::make_shared<compose::SimReplay>();
  replay->recorded.data_dir = "/var/lib/sovmesh";
  command
      ->add_option("--data-dir", replay->recorded.data_dir,
                   "The folder; only read, a server may run on it")
      ->capture_default_str();
  add_replay_options(*command, *replay);
  command->callback([replay, &code] { code = compose::sim_replay(*replay); });
}

}  // namespace

void add_replay_options(CLI::App& command, compose::SimReplay& replay) {
  add_time(command, "--from", replay.recorded.from, "Requests from this time on");
  add_time(command, "--until", replay.recorded.until, "Requests before this time");
  command.add_option("--model", replay.recorded.models, "Requests of this model alone; repeatable");
  command.add_option("--speed", replay.speed, "Play them so many times as fast")
      ->capture_default_str();
  command.add_option("--size", replay.sizes,
                     "TENANT=SIZE, its headcount or citizens: guarantees follow; repeatable");
  command.add_option("--alpha", replay.alpha, "Share of the pool by size to this power")
      ->capture_default_str();
  command.add_option("--beta", replay.beta, "Share of the cost by size to this power")
      ->capture_default_str();
  command.add_option("--budget", replay.budget, "What is divided as fees");
  add_pool(command, replay.pool);
  command.add_option("--policy", replay.policy, "See `sovmesh sim run --help`")
      ->capture_default_str();
  command.add_flag("--csv", replay.csv, "Lines of CSV instead of a table");
  command.add_flag("--quiet", replay.quiet, "No progress");
}

void add_sim_commands(CLI::App& app, int& code) {
  CLI::App* sim = app.add_subcommand("sim", "Try queue and routing policies on traces, in minutes");
  sim->require_subcommand(1);
  sim->footer(kExamples);
  add_run(*sim, code);
  add_compare(*sim, code);
  add_compare_live(*sim, code);
  add_replay(*sim, code);
}

}  // namespace sovmesh
