#include "connection.h"

#include <CLI/CLI.hpp>

namespace sovmesh {

void add_connection(CLI::App& command, compose::AdminCli& cli, const char* json_help) {
  command.add_option("--data-dir", cli.data_dir, "Data folder of the running server")
      ->envname("SM_DATA_DIR")
      ->capture_default_str();
  command
      .add_option("--admin", cli.address,
                  "ADDR:PORT of an admin listener elsewhere (default: the data folder's socket)")
      ->envname("SM_ADMIN");
  command.add_option("--token-file", cli.token_file,
                     "File with the token for --admin (default: admin.token of the data folder)");
  command.add_flag("--json", cli.json, json_help);
}

}  // namespace sovmesh
