#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "compose/demo.h"
#include "compose/serve.h"
#include "config/load.h"
#include "config/process_environment.h"

namespace sovmesh {
namespace {

struct ServeFlags {
  std::string config;
  std::string data_dir = "/var/lib/sovmesh";
  std::vector<std::string> listen;
  std::vector<std::string> admin_listen;
  std::vector<std::string> metrics_listen;
  bool take_over = false;
};

bool are_addresses(const char* flag, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const Result<void> checked = compose::check_listen_address(text);
    if (checked) continue;
    std::fprintf(stderr, "sovmesh: %s '%s': %s\n", flag, text.c_str(),
                 checked.error().message().c_str());
    return false;
  }
  return true;
}

int run_serve(const ServeFlags& flags) {
  if (!are_addresses("--listen", flags.listen) ||
      !are_addresses("--admin-listen", flags.admin_listen) ||
      !are_addresses("--metrics-listen", flags.metrics_listen))
    return compose::kExitUsage;
  const WallTime read_at = compose::wall_now();
  config::Loaded loaded = flags.config.empty()
                              ? config::from_environment(config::process_environment,
                                                         config::process_environment_names())
                              : config::load(flags.config, config::process_environment,
                                             config::process_environment_names());
  const std::string findings = config::to_text(loaded.findings);
  std::fputs(findings.c_str(), stderr);
  if (!loaded.config) return compose::kExitConfig;
  std::fputs(config::to_text(config::check_dates(*loaded.config, read_at)).c_str(), stderr);
  compose::ServeOptions options;
  if (flags.config.empty()) options.first_key_for = config::kEnvironmentTenant;
  options.fixed_parts = config::fixed_parts(*loaded.config);
  options.config = *std::move(loaded.config);
  options.config_path = flags.config;
  options.config_files = std::move(loaded.files);
  options.config_read_at = read_at;
  options.data_dir = flags.data_dir;
  options.take_over = flags.take_over;
  if (!flags.listen.empty()) options.config.server.listen = flags.listen;
  if (!flags.admin_listen.empty()) options.config.server.admin_listen = flags.admin_listen;
  if (!flags.metrics_listen.empty()) options.config.server.metrics_listen = flags.metrics_listen;
  return compose::serve(std::move(options));
}

}  // namespace

void add_serve_command(CLI::App& app, int& code) {
  CLI::App* serve = app.add_subcommand("serve", "Run the gateway and control plane");
  const auto flags = std::make_shared<ServeFlags>();
  serve->add_option(
      "--config", flags->config,
      "Configuration file (YAML). Without one, OPENAI_BASE_URL and OPENAI_API_KEY make "
      "a gateway to that engine");
  serve->add_option("--data-dir", flags->data_dir, "Folder for databases, secrets and sockets")
      ->envname("SM_DATA_DIR")
      ->capture_default_str();
  serve->add_option("--listen", flags->listen,
                    "ADDR:PORT of the OpenAI-compatible API; repeatable, port 0 picks a free one");
  serve->add_option("--admin-listen", flags->admin_listen,
                    "ADDR:PORT of the admin API; repeatable");
  serve->add_option("--metrics-listen", flags->metrics_listen,
                    "ADDR:PORT of metrics and health; repeatable");
  serve->add_flag(
      "--take-over", flags->take_over,
      "Take the sockets of the server that uses the data folder, and its place when its "
      "requests have ended; new connections wait meanwhile");
  serve->callback([flags, &code] { code = run_serve(*flags); });
}

void add_demo_command(CLI::App& app, int& code) {
  CLI::App* demo = app.add_subcommand(
      "demo", "Run two sample tenants on the tiny model and show a first answer");
  const auto options = std::make_shared<compose::DemoOptions>();
  demo->add_option("--data-dir", options->data_dir,
                   "Folder for the demo's databases and keys (default: in your home)");
  demo->add_option("--listen", options->listen, "ADDR:PORT to listen on (default 127.0.0.1:8080)");
  CLI::Option* model = demo->add_option("--model", options->model_file, "A .gguf model of your own")
                           ->check(CLI::ExistingFile);
  CLI::Option* engine =
      demo->add_option("--engine", options->engine_url,
                       "URL of an OpenAI-compatible engine of your own, as http://HOST:PORT/v1")
          ->excludes(model);
  demo->add_option("--engine-model", options->engine_model,
                   "The model's name at that engine (default: the first one it lists)")
      ->needs(engine);
  demo->add_option("--engine-dialect", options->engine_dialect, "What kind of server it is")
      ->needs(engine)
      ->check(CLI::IsMember({"openai", "vllm", "sglang", "llama_cpp", "tgi", "tensorrt_llm"}))
      ->capture_default_str();
  demo->add_option("--engine-api-key-env",
                   "Name of the environment variable that holds that engine's API key")
      ->needs(engine)
      ->each([options](const std::string& name) {
        const auto value = config::process_environment(name);
        if (!value) throw CLI::ValidationError("--engine-api-key-env", name + " is not set");
        options->engine_api_key = *value;
      });
  CLI::Option* check = demo->add_flag(
      "--check", options->check,
      "Ask one question per tenant, plain and streamed, and compare every token count");
  const auto sabotage = std::make_shared<std::string>();
  demo->add_option("--sabotage", *sabotage,
                   "Prove that the check can fail: drop-one-token tells the ledger one token less")
      ->needs(check)
      ->check(CLI::IsMember({"drop-one-token"}));
  demo->callback([options, sabotage, &code] {
    options->sabotage_drop_one_token = !sabotage->empty();
    code = compose::run_demo(*options);
  });
}

}  // namespace sovmesh
