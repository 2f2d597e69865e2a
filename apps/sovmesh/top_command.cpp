#include <CLI/CLI.hpp>

#include <memory>

#include "commands.h"
#include "compose/top_cli.h"
#include "connection.h"

namespace sovmesh {

void add_top_command(CLI::App& app, int& code) {
  struct Flags {
    compose::AdminCli cli{.data_dir = "/var/lib/sovmesh", .address = {}, .token_file = {}};
    compose::TopOptions options;
    int seconds = 2;
  };
  const auto flags = std::make_shared<Flags>();
  CLI::App* top = app.add_subcommand(
      "top", "Watch engines, pools and tenants of the running server; q or Ctrl-C ends it");
  add_connection(*top, flags->cli, nullptr);
  top->add_flag("--once", flags->options.once,
                "Print it once and end; so it is, too, where standard output is no terminal");
  top->add_option("--interval", flags->seconds, "Seconds from one look to the next")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  top->callback([flags, &code] {
    flags->options.interval = std::chrono::seconds(flags->seconds);
    code = compose::top(flags->cli, flags->options);
  });
}

}  // namespace sovmesh
