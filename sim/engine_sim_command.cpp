#include "sim/engine_sim_command.h"

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "rt/real.h"
#include "rt/task_group.h"
#include "sim/des/engine_spec_text.h"

namespace sovmesh::sim {
namespace {

constexpr int kUsage = 2;
constexpr int kUnreachable = 3;

std::unexpected<Error> invalid(std::string_view option, std::string_view what) {
  return our_error(Code::config_invalid, std::string(option) + ": " + std::string(what));
}

Result<std::int64_t> whole(std::string_view option, std::string_view text, std::int64_t most) {
  const auto value = parse_u64(text);
  if (!value || *value > static_cast<std::uint64_t>(most))
    return invalid(option, "want a whole number up to " + std::to_string(most));
  return static_cast<std::int64_t>(*value);
}

Result<double> decimal(std::string_view option, std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !(value >= 0) ||
      value > 1e9)
    return invalid(option, "want a number of 0 or more");
  return value;
}

Result<void> apply(EngineSimArguments& into, std::string_view option, std::string_view value) {
  constexpr std::int64_t kMillion = 1'000'000;
  EngineSimOptions& options = into.options;
  if (option == "--listen") {
    into.listen = value;
  } else if (option == "--model") {
    options.model = value;
  } else if (option == "--tokens-per-second") {
    TRY(options.tokens_per_second, decimal(option, value));
  } else if (option == "--prefill-ms") {
    TRY(const std::int64_t time, whole(option, value, kMillion));
    options.prefill = std::chrono::milliseconds(time);
  } else if (option == "--tokens") {
    TRY(options.tokens, whole(option, value, kMillion));
  } else if (option == "--context") {
    TRY(options.context_tokens, whole(option, value, 100 * kMillion));
  } else if (option == "--chunk-bytes") {
    TRY(const std::int64_t bytes, whole(option, value, kMillion));
    options.chunk_bytes = static_cast<std::size_t>(bytes);
  } else if (option == "--record") {
    TRY(const std::int64_t requests, whole(option, value, kMillion));
    options.record_max = static_cast<std::size_t>(requests);
  } else if (option == "--slots") {
    TRY(const std::int64_t slots, whole(option, value, kMillion));
    if (slots == 0) return invalid(option, "want 1 or more");
    options.slots = static_cast<int>(slots);
  } else if (option == "--waiting-max") {
    TRY(options.waiting_max, whole(option, value, kMillion));
    if (options.waiting_max == 0) return invalid(option, "want 1 or more");
  } else if (option == "--dialect") {
    const auto dialect = llmapi::parse_dialect(value);
    if (!dialect || *dialect == llmapi::Dialect::openai)
      return invalid(option, "want vllm, sglang, llama_cpp, tgi or tensorrt_llm");
    options.dialect = *dialect;
  } else if (option == "--engine-model") {
    TRY(options.engine, des::parse_engine_spec(value));
  } else if (option == "--lora") {
    if (options.loras.size() == kLorasMax) return invalid(option, "255 at most");
    options.loras.emplace_back(value);
  } else if (option == "--fault") {
    TRY(const Fault fault, parse_fault(value));
    options.faults.push_back(fault);
  } else {
    return invalid(option, "unknown option (try --help)");
  }
  return {};
}

rt::Task<void> serve_until_stopped(EngineSim* sim, std::unique_ptr<rt::Listener> listener,
                                   rt::Loop* loop) {
  co_await sim->serve(std::move(listener));
  loop->stop();
}

void announce(const rt::Endpoint& endpoint) {
  std::string line = R"({"event":"ready","listen":[)";
  append_json_string(line, rt::to_text(endpoint));
  line += "]}\n";
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "engine-sim: %s\n", error.message().c_str());
  return code;
}

}  // namespace

Result<EngineSimArguments> parse_engine_sim_arguments(const std::vector<std::string>& arguments) {
  EngineSimArguments parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view option = arguments[i];
    if (option == "--help" || option == "-h") {
      parsed.help = true;
      continue;
    }
    const std::size_t equals = option.find('=');
    if (option.starts_with("--") && equals != option.npos) {
      TRY_VOID(apply(parsed, option.substr(0, equals), option.substr(equals + 1)));
    } else if (i + 1 < arguments.size()) {
      TRY_VOID(apply(parsed, option, arguments[++i]));
    } else {
      return invalid(option, "its value is missing, or the option is unknown (try --help)");
    }
  }
  TRY_VOID(check_faults(parsed.options.faults, parsed.options.engine.has_value()));
  return parsed;
}

std::string engine_sim_help() {
  return "usage: sovmesh engine-sim [options]\n"
         "An engine without a model: the OpenAI API with answers of known length.\n\n"
         "  --listen ADDR:PORT       default 127.0.0.1:8000; port 0: any; unix:/PATH\n"
         "  --model NAME             default sim\n"
         "  --dialect NAME           vllm (default), sglang, llama_cpp, tgi, tensorrt_llm\n"
         "  --tokens N               length of an answer, default 16\n"
         "  --tokens-per-second N    per request; default 0: as fast as possible\n"
         "  --prefill-ms N           time before the first token, default 0\n"
         "  --slots N                requests at once, default 256; more wait\n"
         "  --waiting-max N          requests that may wait; more are refused; default: all wait\n"
         "  --engine-model SETTINGS  times from a model of an engine: continuous batching, KV "
         "memory\n"
         "                           with prefix cache, LoRA slots, sleep. \"default\" or\n"
         "                           NAME=VALUE,... of " +
         des::engine_spec_names() +
         "\n"
         "  --lora NAME              a LoRA adapter, called as a model; repeatable\n"
         "  --context N              tokens of prompt and answer, default 131072\n"
         "  --chunk-bytes N          gather events up to this per write; default 0: one each\n"
         "  --record N               requests kept for GET /sim/requests, default 64\n"
         "  --fault KIND[:ARG]       for every request; repeatable\n\n"
         "Faults; for one request put [[sim:KIND=ARG,...]] into its last user message:\n" +
         fault_table();
}

int run_engine_sim(const std::vector<std::string>& arguments) {
  auto parsed = parse_engine_sim_arguments(arguments);
  if (!parsed) return complain(parsed.error(), kUsage);
  if (parsed->help) {
    std::fputs(engine_sim_help().c_str(), stdout);
    return 0;
  }
  const auto endpoint = rt::parse_endpoint(parsed->listen);
  if (!endpoint) return complain(endpoint.error(), kUsage);
  const auto clock = rt::make_system_clock();
  const auto random = rt::make_system_random();
  auto worker = rt::make_worker(*clock, *random);
  if (!worker) return complain(worker.error(), kUnreachable);

  rt::Loop& loop = *worker->loop;
  EngineSim sim(loop, std::move(parsed->options));
  const auto signals = rt::watch_signals(loop, {SIGINT, SIGTERM}, [&sim](int) { sim.stop(); });
  if (!signals) return complain(signals.error(), kUnreachable);
  auto listener = worker->network->listen(*endpoint, {});
  if (!listener) return complain(listener.error(), kUnreachable);
  announce((*listener)->local());
  rt::TaskGroup tasks(loop, 1);
  tasks.spawn(serve_until_stopped(&sim, *std::move(listener), &loop));
  rt::run(*worker);
  return 0;
}

}  // namespace sovmesh::sim
