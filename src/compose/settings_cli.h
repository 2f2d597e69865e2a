#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// `sovmesh tenant settings`: what a tenant wants of its own requests.
struct SettingsCommand {
  std::string tenant;
  std::string from;    // a file with JSON as `show` prints it, or "-"; empty: by the words below
  bool clear = false;  // take everything back
  std::vector<std::string> models;    // "any" alone: all
  std::vector<std::string> defaults;  // NAME=VALUE; an empty VALUE takes back
  std::vector<std::string> maximums;
  std::string on_excess;
  std::optional<std::string> disclaimer;  // "none": there is to be none
};

// Prints what `--from` takes.
int settings_show(const AdminCli& cli, const std::string& tenant);
int settings_set(const AdminCli& cli, const SettingsCommand& command);

}  // namespace sovmesh::compose
