#include "connection.h"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

namespace sovmesh {

namespace {

using compose::Output;

}  // namespace

void add_connection(CLI::App& command, compose::AdminCli& cli, const char* json_help) {
  CLI::Option* const data_dir =
      command.add_option("--data-dir", cli.data_dir, "Data folder of the running server")
          ->envname("SM_DATA_DIR")
          ->capture_default_str();
  CLI::Option* const admin =
      command
          .add_option("--admin", cli.address,
                      "ADDR:PORT of an admin listener elsewhere (default: the data folder's "
                      "socket, or the place of `sovmesh context`)")
          ->envname("SM_ADMIN");
  CLI::Option* const url =
      command
          .add_option("--admin-url", cli.url, "https://HOST or http://HOST:PORT of an admin API")
          ->envname("SM_ADMIN_URL")
          ->excludes(admin);
  command.add_option("--token-file", cli.token_file,
                     "File with the token for --admin or --admin-url (default: $SM_TOKEN, then "
                     "admin.token of the data folder)");
  if (json_help != nullptr)
    command.add_flag_callback("--json", [&cli] { cli.output = Output::json; }, json_help);
  command.parse_complete_callback([&cli, data_dir, admin, url] {
    cli.is_unnamed = data_dir->count() + admin->count() + url->count() == 0;
  });
}

void add_output(CLI::App& command, compose::AdminCli& cli) {
  static const std::map<std::string, Output> kOutputs{
      {"table", Output::table}, {"json", Output::json}, {"yaml", Output::yaml}};
  command
      .add_option_function<std::string>(
          "--output", [&cli](const std::string& name) { cli.output = kOutputs.at(name); },
          "How it is printed: table (the usual), json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->excludes("--json");
}

}  // namespace sovmesh
