#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "commands.h"
#include "compose/context_cli.h"

// sovmesh login, context: the servers that somebody works with.
namespace sovmesh {
namespace {

void add_login(CLI::App& app, int& code) {
  CLI::App* login = app.add_subcommand(
      "login", "Keep the place of a server and what speaks for you there; commands go to it then");
  login->footer(
      "The token is that of DATA_DIR/admin.token, or one of your own. It is kept in\n"
      "~/.config/sovmesh/contexts.yaml, which only you can read.\n"
      "  sovmesh login https://mesh.example < token\n"
      "  sovmesh login https://mesh.example --name ann --login ann@aurora.example\n"
      "Every command goes there until `sovmesh context use` says otherwise; --data-dir, --admin\n"
      "and --admin-url go before it.");
  const auto options = std::make_shared<compose::LoginOptions>();
  login->add_option("URL", options->url, "https://HOST or http://HOST:PORT of the admin API")
      ->required();
  login->add_option("--name", options->name, "A short name for it (default: the host)");
  CLI::Option* token = login->add_option(
      "--token-file", options->token_file,
      "File with the token, or - for standard input (default: ask, or standard input)");
  CLI::Option* user =
      login->add_option("--login", options->login, "Sign in as this user, by password")
          ->excludes(token);
  login
      ->add_option("--password-file", options->password_file,
                   "Its first line is the password; - for standard input (default: ask)")
      ->needs(user);
  login->add_option("--ca-file", options->ca_file,
                    "Trust these certificates alone (PEM; default: those of this machine)");
  login->add_flag("--clear-text", options->may_be_clear,
                  "Over http:// to another machine: everybody on the way can read the token");
  login->add_flag("--replace", options->replace,
                  "Forget a context of this name that is of another server or user");
  login->callback([options, &code] { code = compose::login(*options); });
}

}  // namespace

void add_context_commands(CLI::App& app, int& code) {
  add_login(app, code);
  CLI::App* context = app.add_subcommand("context", "The servers that `login` has kept");
  context->require_subcommand(1);
  const auto json = std::make_shared<bool>(false);
  CLI::App* list = context->add_subcommand("list", "List them; * is where commands go");
  list->add_flag("--json", *json, "Print JSON");
  list->callback([json, &code] { code = compose::context_list(*json); });
  const auto name = std::make_shared<std::string>();
  CLI::App* use = context->add_subcommand("use", "Let commands go to this one");
  use->add_option("NAME", *name, "Its name")->required();
  use->callback([name, &code] { code = compose::context_use(*name); });
  CLI::App* remove = context->add_subcommand("remove", "Forget it; a session there ends");
  remove->add_option("NAME", *name, "Its name")->required();
  remove->callback([name, &code] { code = compose::context_remove(*name); });
}

}  // namespace sovmesh
