#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "commands.h"
#include "compose/admin_cli.h"

// The commands that talk to a running server through the admin API.
namespace sovmesh {
namespace {

using compose::AdminCli;
using Columns = std::vector<std::string>;

// A JSON object of the options that were given.
class Members {
 public:
  void text(std::string_view name, const std::string& value) {
    if (!value.empty()) append_json_string(begin(name), value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    std::string& out = begin(name);
    out += '[';
    for (const std::string& value : values) {
      if (out.back() != '[') out += ',';
      append_json_string(out, value);
    }
    out += ']';
  }
  void raw(std::string_view name, std::string_view json) { begin(name) += json; }
  std::string end() const { return out_ + "}"; }

 private:
  std::string& begin(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    return out_ += ':';
  }
  std::string out_ = "{";
};

// One kind of object: what its commands share.
struct Kind {
  CLI::App* app;
  std::string path;  // "/api/v1/tenants"
  Columns columns;
  std::shared_ptr<AdminCli> cli;
  int& code;
};

void add_common(CLI::App& command, AdminCli& cli) {
  command.add_option("--data-dir", cli.data_dir, "Data folder of the running server")
      ->envname("SM_DATA_DIR")
      ->capture_default_str();
  command.add_flag("--json", cli.json, "Print the API's JSON answer");
}

Kind add_kind(CLI::App& app, int& code, const std::string& name, Columns columns) {
  CLI::App* kind = app.add_subcommand(name, "Manage " + name + "s of the running server");
  kind->require_subcommand(1);
  auto cli = std::make_shared<AdminCli>();
  cli->data_dir = "/var/lib/sovmesh";
  return {kind, "/api/v1/" + name + "s", std::move(columns), std::move(cli), code};
}

CLI::App* add_verb(const Kind& kind, const std::string& verb, const std::string& help) {
  CLI::App* command = kind.app->add_subcommand(verb, help);
  add_common(*command, *kind.cli);
  return command;
}

// A verb on one object that is named on the command line.
void add_on_one(const Kind& kind, const std::string& verb, const std::string& help,
                const std::string& method, const std::string& suffix, const std::string& body) {
  CLI::App* command = add_verb(kind, verb, help);
  const auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "Its name or id")->required();
  command->callback([kind, name, method, suffix, body] {
    kind.code = compose::admin_call(
        *kind.cli, method, kind.path + "/" + compose::url_part(*name) + suffix, body, kind.columns);
  });
}

void add_list(const Kind& kind, bool by_tenant) {
  CLI::App* command = add_verb(kind, "list", "List them");
  const auto tenant = std::make_shared<std::string>();
  if (by_tenant) command->add_option("--tenant", *tenant, "Only those of this tenant");
  command->callback([kind, tenant] {
    std::string target = kind.path + (kind.path.ends_with("/engines") ? "" : "?limit=1000");
    if (!tenant->empty()) target += "&tenant=" + compose::url_part(*tenant);
    kind.code = compose::admin_call(*kind.cli, "GET", target, {}, kind.columns);
  });
}

void post(const Kind& kind, const Members& members) {
  kind.code = compose::admin_call(*kind.cli, "POST", kind.path, members.end(), kind.columns);
}

void add_tenants(CLI::App& app, int& code) {
  const Kind kind =
      add_kind(app, code, "tenant", {"slug", "display_name", "suspended", "managed_by", "id"});
  add_list(kind, false);
  add_on_one(kind, "show", "Show one", "GET", "", "");
  add_on_one(kind, "suspend", "Refuse its requests", "PATCH", "", R"({"suspended":true})");
  add_on_one(kind, "resume", "Serve it again", "PATCH", "", R"({"suspended":false})");
  add_on_one(kind, "delete", "Delete it with its projects and keys", "DELETE", "", "");
  CLI::App* create = add_verb(kind, "create", "Create one");
  struct Flags {
    std::string slug;
    std::string display_name;
    std::vector<std::string> hosts;
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("NAME", flags->slug, "3..40 of a-z, 0-9 and -")->required();
  create->add_option("--display-name", flags->display_name, "Its name for people");
  create->add_option("--host", flags->hosts, "A host name of its own; repeatable");
  create->callback([kind, flags] {
    Members members;
    members.text("slug", flags->slug);
    members.text("display_name", flags->display_name);
    members.texts("hosts", flags->hosts);
    post(kind, members);
  });
}

void add_projects(CLI::App& app, int& code) {
  const Kind kind =
      add_kind(app, code, "project", {"slug", "tenant", "display_name", "managed_by", "id"});
  add_list(kind, true);
  add_on_one(kind, "show", "Show one", "GET", "", "");
  add_on_one(kind, "delete", "Delete it with its keys", "DELETE", "", "");
  CLI::App* create = add_verb(kind, "create", "Create one");
  struct Flags {
    std::string tenant;
    std::string slug;
    std::string display_name;
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("NAME", flags->slug, "3..40 of a-z, 0-9 and -")->required();
  create->add_option("--tenant", flags->tenant, "The tenant it belongs to")->required();
  create->add_option("--display-name", flags->display_name, "Its name for people");
  create->callback([kind, flags] {
    Members members;
    members.text("tenant", flags->tenant);
    members.text("slug", flags->slug);
    members.text("display_name", flags->display_name);
    post(kind, members);
  });
}

void add_keys(CLI::App& app, int& code) {
  const Kind kind = add_kind(app, code, "key",
                             {"id", "tenant", "project", "display_name", "last_four", "revoked_at",
                              "expires_at", "managed_by"});
  add_list(kind, true);
  add_on_one(kind, "show", "Show one (never its text)", "GET", "", "");
  add_on_one(kind, "revoke", "End it now; its record stays", "POST", "/revoke", "{}");
  add_on_one(kind, "delete", "Delete it", "DELETE", "", "");
  kind.app->add_subcommand("generate", "Print a fresh key for a configuration file, offline")
      ->callback([&code] { code = compose::generate_key(); });
  CLI::App* create = add_verb(kind, "create", "Create one; its text is shown this once");
  struct Flags {
    std::string tenant;
    std::string project;
    std::string display_name;
    std::string owner;
    std::string expires_at;
    std::vector<std::string> scopes;
    std::vector<std::string> models;
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("--tenant", flags->tenant, "The tenant it belongs to")->required();
  create->add_option("--project", flags->project, "A project of the tenant (default: default)");
  create->add_option("--display-name", flags->display_name, "Its name for people");
  create->add_option("--owner", flags->owner, "The user whose limits it counts against");
  create->add_option("--expires-at", flags->expires_at, "As 2027-01-31T12:00:00Z");
  create->add_option("--scope", flags->scopes, "inference, read:models, read:usage; default all");
  create->add_option("--model", flags->models, "Only this model; repeatable");
  create->callback([kind, flags] {
    Members members;
    members.text("tenant", flags->tenant);
    members.text("project", flags->project);
    members.text("display_name", flags->display_name);
    members.text("owner", flags->owner);
    members.text("expires_at", flags->expires_at);
    members.texts("scopes", flags->scopes);
    members.texts("models", flags->models);
    post(kind, members);
  });
}

void add_models(CLI::App& app, int& code) {
  const Kind kind =
      add_kind(app, code, "model", {"name", "engine", "engine_model", "tenants", "managed_by"});
  add_list(kind, false);
  add_on_one(kind, "show", "Show one", "GET", "", "");
  add_on_one(kind, "delete", "Delete it", "DELETE", "", "");
  CLI::App* create = add_verb(kind, "create", "Create one");
  struct Flags {
    std::string name;
    std::string engine;
    std::string engine_model;
    int adapter = -1;
    bool embeddings = false;
    std::vector<std::string> tenants;
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("NAME", flags->name, "What tenants call it")->required();
  create->add_option("--engine", flags->engine, "The engine that serves it")->required();
  create->add_option("--engine-model", flags->engine_model, "What that engine calls it");
  create->add_option("--adapter", flags->adapter, "Number of its LoRA adapter");
  create->add_flag("--embeddings", flags->embeddings, "It answers /v1/embeddings");
  create->add_option("--tenant", flags->tenants, "Only this tenant sees it; repeatable");
  create->callback([kind, flags] {
    Members members;
    members.text("name", flags->name);
    members.text("engine", flags->engine);
    members.text("engine_model", flags->engine_model);
    if (flags->adapter >= 0) members.raw("adapter", std::to_string(flags->adapter));
    if (flags->embeddings) members.raw("embeddings", "true");
    members.texts("tenants", flags->tenants);
    post(kind, members);
  });
}

void add_usage(CLI::App& app, int& code) {
  CLI::App* usage = app.add_subcommand("usage", "Sum a tenant's usage");
  struct Flags {
    AdminCli cli{.data_dir = "/var/lib/sovmesh"};
    std::string tenant;
    std::string by;
    std::string from;
    std::string until;
  };
  const auto flags = std::make_shared<Flags>();
  add_common(*usage, flags->cli);
  usage->add_option("--tenant", flags->tenant, "The tenant")->required();
  usage->add_option("--by", flags->by, "One sum per model, key, project or day")
      ->check(CLI::IsMember({"model", "key", "project", "day"}));
  usage->add_option("--from", flags->from, "From this time on, as 2027-01-31T12:00:00Z");
  usage->add_option("--until", flags->until, "Before this time");
  usage->callback([flags, &code] {
    std::string target = "/api/v1/usage?tenant=" + compose::url_part(flags->tenant);
    if (!flags->by.empty()) target += "&by=" + flags->by;
    if (!flags->from.empty()) target += "&from=" + compose::url_part(flags->from);
    if (!flags->until.empty()) target += "&until=" + compose::url_part(flags->until);
    code = compose::admin_call(flags->cli, "GET", target, {},
                               {"group", "requests", "open", "prompt_tokens", "cached_tokens",
                                "generated_tokens", "delivered_tokens"});
  });
}

}  // namespace

void add_admin_commands(CLI::App& app, int& code) {
  add_tenants(app, code);
  add_projects(app, code);
  add_keys(app, code);
  add_models(app, code);
  const Kind engine = add_kind(app, code, "engine", {"name", "state", "slots", "restarts", "pid"});
  add_list(engine, false);
  add_on_one(engine, "show", "Show one", "GET", "", "");
  add_usage(app, code);
}

}  // namespace sovmesh
