#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "compose/completion.h"
#include "connection.h"

// sovmesh completion: scripts for shells, made of the commands' own definitions.
namespace sovmesh {
namespace {

using compose::CommandInfo;
using compose::CommandOption;

// "TEXT:{table,json,yaml}" is how the library says what there is to choose from.
std::vector<std::string> values_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.rfind('}');
  std::vector<std::string> values;
  if (begin == type.npos || end == type.npos || end < begin) return values;
  std::string all = type.substr(begin + 1, end - begin - 1);
  for (std::size_t at = 0; at <= all.size();) {
    const std::size_t comma = std::min(all.find(',', at), all.size());
    std::string value = all.substr(at, comma - at);
    value = value.substr(0, value.find("->"));  // of one that stands for another
    if (!value.empty()) values.push_back(std::move(value));
    at = comma + 1;
  }
  return values;
}

CommandOption info_of(const CLI::Option& option) {
  CommandOption info{.names = {},
                     .positional = {},
                     .help = option.get_description(),
                     .values = values_of(option),
                     .takes_value = option.get_items_expected_max() > 0};
  for (const std::string& name : option.get_lnames())
    info.names.push_back("--" + name);
  for (const std::string& name : option.get_snames())
    info.names.push_back("-" + name);
  if (info.names.empty()) info.positional = option.get_name(true);
  return info;
}

// Those without a group are not for people.
void add_all(const CLI::App& command, const std::string& path, std::vector<CommandInfo>& out) {
  const std::size_t own = out.size();
  out.push_back(
      {.path = path, .help = command.get_description(), .subcommands = {}, .options = {}});
  for (const CLI::Option* const option : command.get_options())
    if (!option->get_group().empty()) out[own].options.push_back(info_of(*option));
  for (const CLI::App* const sub : command.get_subcommands({})) {
    if (sub->get_group().empty()) continue;
    out[own].subcommands.push_back(sub->get_name());
    add_all(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
}

std::vector<CommandInfo> all_commands(const CLI::App& app) {
  std::vector<CommandInfo> commands;
  add_all(app, "", commands);
  return commands;
}

}  // namespace

void add_completion_command(CLI::App& app, int& code) {
  CLI::App* completion = app.add_subcommand("completion", "Print a script that completes commands");
  completion->require_subcommand(1);
  completion->footer(
      "  source <(sovmesh completion bash)     # in ~/.bashrc\n"
      "  source <(sovmesh completion zsh)      # in ~/.zshrc, behind compinit\n"
      "  sovmesh completion fish > ~/.config/fish/completions/sovmesh.fish");
  const auto add = [&](const char* name, const char* help,
                       std::string (*write)(const std::vector<CommandInfo>&)) {
    CLI::App* command = completion->add_subcommand(name, help);
    command->callback([&app, &code, write] {
      std::fputs(write(all_commands(app)).c_str(), stdout);
      code = 0;
    });
  };
  add("bash", "For bash", compose::bash_completion);
  add("zsh", "For zsh", compose::zsh_completion);
  add("fish", "For fish", compose::fish_completion);
  // What the scripts ask.
  struct Asked {
    compose::AdminCli cli{.data_dir = "/var/lib/sovmesh", .address = {}, .token_file = {}};
    std::string kind;
  };
  const auto asked = std::make_shared<Asked>();
  CLI::App* names = completion->add_subcommand("names", "Names of live objects of a kind");
  names->group("");
  add_connection(*names, asked->cli, nullptr);
  names->add_option("KIND", asked->kind, "tenant, model and so on")->required();
  names->callback([asked, &code] { code = compose::completion_names(asked->cli, asked->kind); });
}

}  // namespace sovmesh
