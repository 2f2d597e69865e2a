#include <CLI/CLI.hpp>

#include <memory>

#include "commands.h"
#include "compose/litellm_import.h"

namespace sovmesh {

void add_import_command(CLI::App& app, int& code) {
  CLI::App* import = app.add_subcommand("import", "Make a configuration of another product's");
  import->require_subcommand(1);
  CLI::App* litellm = import->add_subcommand(
      "litellm",
      "Make one of the config.yaml of LiteLLM's proxy, and say what became of each field");
  litellm->footer(
      "Each field is taken over, changed or not possible, with its line and what to do. Keys are\n"
      "never copied: they become env: references. Exit codes: 0 written, 2 not. docs/litellm.md\n"
      "  sovmesh import litellm config.yaml -o gateway.yaml\n"
      "  sovmesh config validate gateway.yaml");
  const auto options = std::make_shared<compose::ImportOptions>();
  litellm->add_option("FILE", options->file, "LiteLLM's config.yaml")->required();
  litellm->add_option("-o,--out", options->out, "Where to write ours, or - for standard output")
      ->capture_default_str();
  litellm->add_flag("--json", options->json, "Print the findings as JSON, on standard error");
  litellm->callback([options, &code] { code = compose::import_litellm_file(*options); });
}

}  // namespace sovmesh
