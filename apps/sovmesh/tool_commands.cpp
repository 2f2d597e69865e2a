#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "commands.h"
#include "compose/doctor.h"
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
  CLI::App* doctor = app.add_subcommand(
      "doctor", "Look at the machine, the data folder and the configuration; changes nothing");
  doctor->footer(
      "Each finding is ok, a warning or an error, with what to do. Exit code 1: there\n"
      "is an error among them. docs/doctor.md explains each.\n"
      "  sovmesh doctor --config /etc/sovmesh/sovmesh.yaml");
  const auto options = std::make_shared<compose::DoctorOptions>();
  options->data_dir = "/var/lib/sovmesh";
  CLI::Option* data_dir =
      doctor->add_option("--data-dir", options->data_dir, "Data folder of the server")
          ->envname("SM_DATA_DIR")
          ->capture_default_str();
  doctor->add_option("--config", options->config,
                     "Configuration file: its engines, ports and certificate are looked at, too");
  CLI::Option* output =
      doctor
          ->add_option_function<std::string>(
              "--output", [options](const std::string& how) { options->json = how == "json"; },
              "How it is printed: text (the usual) or json")
          ->check(CLI::IsMember({"text", "json"}));
  doctor->add_flag_callback(
            "--json", [options] { options->json = true; }, "As --output json")
      ->excludes(output);
  doctor->callback([options, data_dir, &code] {
    options->is_data_dir_named = data_dir->count() > 0;
    code = compose::doctor(*options);
  });
}

}  // namespace sovmesh
