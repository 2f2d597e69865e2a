#include <CLI/CLI.hpp>

#include <memory>

#include "commands.h"
#include "compose/settings_cli.h"
#include "connection.h"

namespace sovmesh {

void add_tenant_settings(CLI::App& tenant, int& code) {
  CLI::App* settings = tenant.add_subcommand(
      "settings", "What a tenant wants of its own requests: models, values, texts");
  settings->require_subcommand(1);
  settings->footer(
      "  sovmesh tenant settings set acme --default temperature=0.2 --maximum max_tokens=2000\n"
      "  sovmesh tenant settings show acme > acme.json; sovmesh tenant settings set acme --from "
      "acme.json");
  const auto cli = std::make_shared<compose::AdminCli>();
  cli->data_dir = "/var/lib/sovmesh";
  const auto command = std::make_shared<compose::SettingsCommand>();
  CLI::App* show = settings->add_subcommand("show", "Show them as --from takes them");
  CLI::App* set = settings->add_subcommand("set", "Change what the options name, or all by --from");
  for (CLI::App* const one : {show, set}) {
    add_connection(*one, *cli, "Print the API's JSON answer");
    add_output(*one, *cli);
    one->add_option("NAME", command->tenant, "The tenant")->required();
  }
  show->callback([cli, command, &code] { code = compose::settings_show(*cli, command->tenant); });
  auto* from = set->add_option("--from", command->from,
                               "All of them: a file with JSON, or - (standard input)");
  auto* clear = set->add_flag("--clear", command->clear, "Take all of them back");
  from->excludes(clear);
  const auto option = [&](const char* name, auto& value, const char* help) {
    set->add_option(name, value, help)->allow_extra_args(false)->excludes(from)->excludes(clear);
  };
  option("--model", command->models,
         "A model or route that is in use; repeatable, replaces all; or any");
  option("--default", command->defaults,
         "NAME=VALUE for requests that leave it out; repeatable; NAME= takes it back");
  option("--maximum", command->maximums,
         "NAME=VALUE, the largest of requests; repeatable; NAME= takes it back");
  option("--on-excess", command->on_excess, "What comes of a larger value: refuse or clamp");
  option("--disclaimer", command->disclaimer, "Goes behind the answers of chats; or none");
  set->callback([cli, command, &code] { code = compose::settings_set(*cli, *command); });
}

}  // namespace sovmesh
