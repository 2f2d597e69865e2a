#include <CLI/CLI.hpp>

#include <memory>

#include "commands.h"
#include "compose/model_check.h"
#include "compose/tools.h"

namespace sovmesh {

void add_engine_sim_command(CLI::App& app, int& code) {
  CLI::App* sim = app.add_subcommand("engine-sim", "Run an engine without a model, for tests");
  sim->prefix_command();  // its arguments are its own, --help too
  sim->set_help_flag();
  sim->callback([sim, &code] { code = compose::engine_sim(sim->remaining()); });
}

// Not for people: `model import` starts it behind walls.
void add_model_check_command(CLI::App& app, int& code) {
  CLI::App* check = app.add_subcommand("model-check", "Reads a model; `model import` starts it");
  check->group("");  // not in the help
  const auto path = std::make_shared<std::string>();
  check->add_option("PATH", *path)->required();
  check->callback([path, &code] { code = compose::run_model_check(*path); });
}

void add_doctor_command(CLI::App& app, int& code) {
  CLI::App* doctor = app.add_subcommand("doctor", "Show what this machine allows engines");
  const auto json = std::make_shared<bool>(false);
  doctor->add_flag("--json", *json, "One JSON array instead of lines");
  doctor->callback([json, &code] { code = compose::doctor(*json); });
}

}  // namespace sovmesh
