#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "compose/admin_cli.h"
#include "compose/serve.h"
#include "compose/user_cli.h"
#include "connection.h"
#include "members.h"

// sovmesh user ...: people who sign in, and what they may do.
namespace sovmesh {
namespace {

constexpr const char* kJsonHelp = "Print the API's JSON answer";
constexpr const char* kUsers = "/api/v1/users";
constexpr const char* kRoleHelp =
    "platform-admin, platform-operator, auditor, finance; or with --tenant: tenant-admin, "
    "tenant-developer, tenant-viewer";

using compose::AdminCli;
const std::vector<std::string> kColumns{"login",    "display_name", "kind",
                                        "disabled", "has_password", "id"};

struct Flags {
  AdminCli cli;
  std::string login;
  std::string new_login;
  std::string display_name;
  std::string role;
  std::string tenant;
  std::string password_file;
  bool no_password = false;
  bool service = false;
  std::string token;
  std::string name;
  std::string expires_at;
  int days = 0;
  bool disable = false;
  bool enable = false;
};
using FlagsPtr = std::shared_ptr<Flags>;

// A verb of `sovmesh user`, with its login unless it is about nobody.
CLI::App* add_verb(CLI::App& user, const FlagsPtr& flags, const std::string& verb,
                   const std::string& help, bool of_one = true) {
  flags->cli.data_dir = "/var/lib/sovmesh";
  CLI::App* command = user.add_subcommand(verb, help);
  add_connection(*command, flags->cli, kJsonHelp);
  add_output(*command, flags->cli);
  if (of_one) command->add_option("LOGIN", flags->login, "E-mail address or name")->required();
  return command;
}

std::string path_of(const Flags& flags) {
  return std::string(kUsers) + "/" + compose::url_part(flags.login);
}

// Adds the password; an exit code when there is none.
int add_password(const Flags& flags, Members& members) {
  const auto password = compose::read_password(flags.password_file);
  if (!password) {
    std::fprintf(stderr, "sovmesh: %s\n", password.error().message().c_str());
    return 2;
  }
  members.text("password", *password);
  return 0;
}

void add_list(CLI::App& user, int& code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = add_verb(user, flags, "list", "List them", false);
  command->add_option("--tenant", flags->tenant, "Only those with a role in this tenant");
  command->callback([flags, &code] {
    std::string target = std::string(kUsers) + "?limit=1000";
    if (!flags->tenant.empty()) target += "&tenant=" + compose::url_part(flags->tenant);
    code = compose::admin_call(flags->cli, "GET", target, {}, kColumns);
  });
}

void add_create(CLI::App& user, int& code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = add_verb(user, flags, "create", "Create one, with a first role");
  command->add_option("--display-name", flags->display_name, "The name for people");
  command->add_option("--role", flags->role, kRoleHelp);
  command->add_option("--tenant", flags->tenant, "Where the role holds");
  command->add_option("--password-file", flags->password_file,
                      "Its first line is the password; - for standard input (default: ask)");
  command->add_flag("--no-password", flags->no_password, "Without one nobody can sign in as it");
  command
      ->add_flag("--service", flags->service,
                 "A service account: a program acts as it, with tokens of 'user token create'")
      ->excludes("--password-file");
  command->callback([flags, &code] {
    Members members;
    members.text("login", flags->login);
    members.text("display_name", flags->display_name);
    members.text("role", flags->role);
    members.text("tenant", flags->tenant);
    if (flags->service) members.text("kind", "service");
    if (!flags->no_password && !flags->service) {
      code = add_password(*flags, members);
      if (code != 0) return;
    }
    code = compose::admin_call(flags->cli, "POST", kUsers, members.end(), kColumns);
  });
}

void add_update(CLI::App& user, int& code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command =
      add_verb(user, flags, "update", "Change what the options name, and only that");
  command->add_option("--login", flags->new_login, "Another login");
  command->add_option("--display-name", flags->display_name, "The name for people");
  CLI::Option* disable =
      command->add_flag("--disable", flags->disable, "Nobody signs in as it; its sessions end");
  command->add_flag("--enable", flags->enable, "Take that back")->excludes(disable);
  command->callback([flags, &code] {
    Members members;
    members.text("login", flags->new_login);
    members.text("display_name", flags->display_name);
    if (flags->disable || flags->enable) members.raw("disabled", flags->disable ? "true" : "false");
    code = compose::admin_call(flags->cli, "PATCH", path_of(*flags), members.end(), kColumns);
  });
}

void add_passwd(CLI::App& user, int& code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = add_verb(user, flags, "passwd", "Set a password; its sessions end");
  command->add_option("--password-file", flags->password_file,
                      "Its first line is the password; - for standard input (default: ask)");
  command->callback([flags, &code] {
    Members members;
    code = add_password(*flags, members);
    if (code != 0) return;
    code = compose::admin_call(flags->cli, "PATCH", path_of(*flags), members.end(), kColumns);
  });
}

void add_roles(CLI::App& user, int& code) {
  for (const bool grants : {true, false}) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command = add_verb(user, flags, grants ? "grant" : "revoke",
                                 grants ? "Give a role" : "Take a role back");
    command->add_option("--role", flags->role, kRoleHelp)->required();
    command->add_option("--tenant", flags->tenant, "Where the role holds");
    command->callback([flags, grants, &code] {
      if (!grants) {
        code = compose::revoke_role(flags->cli, flags->login, flags->role, flags->tenant);
        return;
      }
      Members members;
      members.text("user", flags->login);
      members.text("role", flags->role);
      members.text("tenant", flags->tenant);
      code = compose::admin_call(flags->cli, "POST", "/api/v1/memberships", members.end(), {});
    });
  }
}

void add_token_commands(CLI::App& user, int& code) {
  CLI::App* token = user.add_subcommand("token", "Access tokens, by which programs act as a user");
  token->require_subcommand(1);
  const std::vector<std::string> columns{"id", "name", "last_four", "expires_at", "used_at"};
  const auto made = std::make_shared<Flags>();
  CLI::App* create = add_verb(*token, made, "create",
                              "Make one of a service account; its text is shown this once");
  create->add_option("--name", made->name, "What it is for")->required();
  CLI::Option* days = create->add_option("--days", made->days, "It ends after so many days");
  days->check(CLI::Range(1, 1830));
  create->add_option("--expires-at", made->expires_at, "When it ends, as 2027-01-31T12:00:00Z")
      ->excludes(days);
  create->callback([made, &code] {
    Members members;
    members.text("name", made->name);
    members.text("expires_at", made->expires_at);
    if (made->days > 0) members.raw("days", std::to_string(made->days));
    code = compose::admin_call(made->cli, "POST", path_of(*made) + "/tokens", members.end(), {});
  });
  const auto listed = std::make_shared<Flags>();
  add_verb(*token, listed, "list", "List a user's tokens")->callback([listed, columns, &code] {
    code = compose::admin_call(listed->cli, "GET", path_of(*listed) + "/tokens?limit=1000", {},
                               columns);
  });
  const auto revoked = std::make_shared<Flags>();
  CLI::App* revoke = add_verb(*token, revoked, "revoke", "Delete one: it works no more");
  revoke->add_option("TOKEN", revoked->token, "Its id, the part behind smt-")->required();
  revoke->callback([revoked, &code] {
    code = compose::admin_call(revoked->cli, "DELETE",
                               path_of(*revoked) + "/tokens/" + compose::url_part(revoked->token),
                               {}, {});
  });
}

void add_simple(CLI::App& user, int& code, const std::string& verb, const std::string& help,
                const std::string& method, const std::string& suffix) {
  const auto flags = std::make_shared<Flags>();
  add_verb(user, flags, verb, help)->callback([flags, method, suffix, &code] {
    code = compose::admin_call(flags->cli, method, path_of(*flags) + suffix, {}, kColumns);
  });
}

}  // namespace

void add_user_commands(CLI::App& app, int& code) {
  CLI::App* user = app.add_subcommand("user", "Manage people who sign in, and their roles");
  user->require_subcommand(1);
  add_list(*user, code);
  add_create(*user, code);
  add_update(*user, code);
  add_passwd(*user, code);
  add_roles(*user, code);
  add_token_commands(*user, code);
  add_simple(*user, code, "show", "Show one with its roles", "GET", "");
  add_simple(*user, code, "delete", "Delete it with its roles and sessions", "DELETE", "");
  add_simple(*user, code, "sign-out", "End all its sessions", "DELETE", "/sessions");
  const auto flags = std::make_shared<Flags>();
  add_verb(*user, flags, "setup-token",
           "Print a one-time token that makes a platform admin (POST /api/v1/setup)", false)
      ->callback([flags, &code] {
        code = compose::admin_call(flags->cli, "POST", "/api/v1/setup/token", "{}", {});
      });
}

}  // namespace sovmesh
