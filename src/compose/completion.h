#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// What shells are told of a command: as the command line itself has it.
struct CommandOption {
  std::vector<std::string> names;  // "--out", "-o"; empty: a positional
  std::string positional;          // "NAME"; empty: an option
  std::string help;
  std::vector<std::string> values;  // those that there are; empty: any
  bool takes_value = false;
};
struct CommandInfo {
  std::string path;  // "tenant list"; empty: the program
  std::string help;
  std::vector<std::string> subcommands;
  std::vector<CommandOption> options;
};

// A script for the shell. It asks `sovmesh completion names KIND` for names of live objects, which
// is silent where there is no server.
std::string bash_completion(const std::vector<CommandInfo>& commands);
std::string zsh_completion(const std::vector<CommandInfo>& commands);
std::string fish_completion(const std::vector<CommandInfo>& commands);

// Whose names an option or a positional of this command takes: "tenant" for `tenant show NAME` and
// for --tenant; empty: nobody's.
std::string_view named_kind(std::string_view path, const CommandOption& option);

// Prints the names of the objects of a kind, one a line. An exit code.
int completion_names(const AdminCli& cli, const std::string& kind);

}  // namespace sovmesh::compose
