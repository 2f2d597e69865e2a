#pragma once

#include <string>
#include <vector>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// Exit codes of the three: 0 done, or nothing to do; 1 `diff`: there are differences; 2 an error;
// 3 nobody there.
inline constexpr int kExitDiffers = 1;
inline constexpr int kExitWrong = 2;

struct ExportOptions {
  std::string out = "-";  // a folder, with a file for each kind; "-": standard output
  bool all = false;       // also what the configuration file and engines manage, marked as theirs
};
int gitops_export(const AdminCli& cli, const ExportOptions& options);

struct ApplyOptions {
  std::vector<std::string> files;  // files and folders of *.yaml; "-": standard input
  bool dry_run = false;
  bool prune = false;
  bool create_keys = false;
  bool change_keys = false;  // of `apply`: also those that are there; `diff` shows what differs
  bool yes = false;          // do not ask before something is removed
};
int gitops_diff(const AdminCli& cli, const ApplyOptions& options);
int gitops_apply(const AdminCli& cli, const ApplyOptions& options);

}  // namespace sovmesh::compose
