#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "compose/preflight.h"
#include "compose/serve.h"
#include "config/load.h"
#include "config/process_environment.h"

namespace sovmesh {
namespace {

int validate(const std::string& path) {
  const config::Loaded loaded =
      config::load(path, config::process_environment, config::process_environment_names());
  std::fputs(config::to_text(loaded.findings).c_str(), stderr);
  if (!loaded.config) return compose::kExitConfig;
  std::fputs(config::to_text(config::check_dates(*loaded.config, compose::wall_now())).c_str(),
             stderr);
  const std::vector<std::string> findings = compose::preflight(*loaded.config);
  for (const std::string& finding : findings)
    std::fprintf(stderr, "%s\n", finding.c_str());
  if (!findings.empty()) return compose::kExitConfig;
  std::printf("%s: valid (revision %s): %zu engines, %zu models, %zu tenants\n", path.c_str(),
              loaded.config->revision.c_str(), loaded.config->engines.size(),
              loaded.config->models.size(), loaded.config->tenants.size());
  return compose::kExitOk;
}

}  // namespace

void add_config_command(CLI::App& app, int& code) {
  CLI::App* config = app.add_subcommand("config", "Check and describe the configuration file");
  config->require_subcommand(1);
  config->add_subcommand("schema", "Print the JSON Schema of the file")->callback([&code] {
    std::fputs(config::json_schema().c_str(), stdout);
    code = compose::kExitOk;
  });
  config->add_subcommand("reference", "Print the reference of all settings (Markdown)")
      ->callback([&code] {
        std::fputs(config::reference_markdown().c_str(), stdout);
        code = compose::kExitOk;
      });
  CLI::App* check = config->add_subcommand("validate", "Check a file and what it refers to");
  const auto path = std::make_shared<std::string>();
  check->add_option("FILE", *path, "The configuration file")->required();
  check->callback([path, &code] { code = validate(*path); });
}

}  // namespace sovmesh
