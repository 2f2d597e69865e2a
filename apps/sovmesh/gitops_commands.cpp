#include <CLI/CLI.hpp>

#include <memory>

#include "commands.h"
#include "compose/gitops_cli.h"
#include "connection.h"

// sovmesh export, diff, apply: the objects of a running server as files.
namespace sovmesh {
namespace {

using compose::AdminCli;

constexpr const char* kExitCodes =
    "Exit codes: 0 done, or nothing to do; 1 (diff) there are differences; 2 an error, with file, "
    "line and column; 3 no server there. docs/gitops.md has the documents.\n";

struct Flags {
  AdminCli cli{.data_dir = "/var/lib/sovmesh", .address = {}, .token_file = {}};
  compose::ExportOptions exported;
  compose::ApplyOptions applied;
};

CLI::App* add_command(CLI::App& app, const std::shared_ptr<Flags>& flags, const char* name,
                      const char* help, const char* examples) {
  CLI::App* command = app.add_subcommand(name, help);
  command->footer(std::string(kExitCodes) + examples);
  add_connection(*command, flags->cli, nullptr);
  return command;
}

void offer_files(CLI::App& command, compose::ApplyOptions& options) {
  command
      .add_option("-f,--file", options.files,
                  "A file of documents, a folder of *.yaml, or - (standard input); repeatable")
      ->required()
      ->type_name("PATH");
  command.add_flag("--prune", options.prune,
                   "Also remove what the API manages and no document names, of those kinds that "
                   "the documents have; never users and memberships");
  command.add_flag("--create-keys", options.create_keys,
                   "Make keys and webhooks that are missing; their texts are new, and printed this "
                   "once");
}

}  // namespace

void add_gitops_commands(CLI::App& app, int& code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* exported =
      add_command(app, flags, "export", "Write all objects of the running server as YAML documents",
                  "  sovmesh export -o mesh/\n  sovmesh export --all | less");
  exported
      ->add_option("-o,--out", flags->exported.out,
                   "Folder for a file of each kind, or - for standard output")
      ->capture_default_str();
  exported->add_flag("--all", flags->exported.all,
                     "Also what the configuration file and engines manage, marked as theirs");
  exported->callback(
      [flags, &code] { code = compose::gitops_export(flags->cli, flags->exported); });

  CLI::App* diff = add_command(app, flags, "diff", "Show what `apply` would do, and change nothing",
                               "  sovmesh diff -f mesh/ --prune");
  offer_files(*diff, flags->applied);
  diff->callback([flags, &code] { code = compose::gitops_diff(flags->cli, flags->applied); });

  CLI::App* apply = add_command(app, flags, "apply",
                                "Make the running server as the documents say: all are checked "
                                "before the first one is written",
                                "  sovmesh apply -f mesh/\n"
                                "  sovmesh apply -f mesh/ --prune --yes\n"
                                "  sovmesh export | ssh there sovmesh apply -f - --create-keys");
  offer_files(*apply, flags->applied);
  apply->add_flag("--change-keys", flags->applied.change_keys,
                  "Also change keys that differ; a name may have come to be another key's, so look "
                  "at the ids first");
  apply->add_flag("--dry-run", flags->applied.dry_run, "Check, show what would be done, and end");
  apply->add_flag("--yes", flags->applied.yes, "Do not ask before something is removed");
  apply->callback([flags, &code] { code = compose::gitops_apply(flags->cli, flags->applied); });
}

}  // namespace sovmesh
