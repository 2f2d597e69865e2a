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
  command
      .add_option("--admin", cli.address,
                  "ADDR:PORT of an admin listener elsewhere (default: the data folder's socket)")
      ->envname("SM_ADMIN");
  command.add_option("--token-file", cli.token_file,
                     "File with the token for --admin (default: admin.token of the data folder)");
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
    std::string target = kind.path + "?limit=1000";
    if (!tenant->empty()) target += "&tenant=" + compose::url_part(*tenant);
    kind.code = compose::admin_call(*kind.cli, "GET", target, {}, kind.columns);
  });
}

// `update NAME ...`: changes what the given options name.
CLI::App* add_update(const Kind& kind, const std::shared_ptr<std::string>& name) {
  CLI::App* command = add_verb(kind, "update", "Change what the options name, and only that");
  command->add_option("NAME", *name, "Its name or id")->required();
  return command;
}

void patch(const Kind& kind, const std::string& name, const Members& members) {
  kind.code = compose::admin_call(*kind.cli, "PATCH", kind.path + "/" + compose::url_part(name),
                                  members.end(), kind.columns);
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
  const auto name = std::make_shared<std::string>();
  CLI::App* update = add_update(kind, name);
  update->add_option("--display-name", flags->display_name, "Its name for people");
  update->add_option("--host", flags->hosts, "A host name of its own; repeatable, replaces all");
  update->callback([kind, flags, name] {
    Members members;
    members.text("display_name", flags->display_name);
    members.texts("hosts", flags->hosts);
    patch(kind, *name, members);
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
  const auto id = std::make_shared<std::string>();
  CLI::App* update = add_update(kind, id);
  update->add_option("--display-name", flags->display_name, "Its name for people");
  update->callback([kind, flags, id] {
    Members members;
    members.text("display_name", flags->display_name);
    patch(kind, *id, members);
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
    std::string id;
    std::string tenant;
    std::string project;
    std::string display_name;
    std::string owner;
    std::string expires_at;
    std::string overlap;
    std::vector<std::string> scopes;
    std::vector<std::string> models;

    void offer(CLI::App& command) {
      command.add_option("--display-name", display_name, "Its name for people");
      command.add_option("--owner", owner, "The user whose limits it counts against");
      command.add_option("--expires-at", expires_at, "As 2027-01-31T12:00:00Z");
      command.add_option("--scope", scopes, "inference, read:models, read:usage; default all");
      command.add_option("--model", models, "Only this model; repeatable");
    }
    Members members() const {
      Members out;
      out.text("display_name", display_name);
      out.text("owner", owner);
      out.text("expires_at", expires_at);
      out.texts("scopes", scopes);
      out.texts("models", models);
      return out;
    }
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("--tenant", flags->tenant, "The tenant it belongs to")->required();
  create->add_option("--project", flags->project, "A project of the tenant (default: default)");
  flags->offer(*create);
  create->callback([kind, flags] {
    Members members = flags->members();
    members.text("tenant", flags->tenant);
    members.text("project", flags->project);
    post(kind, members);
  });
  const auto id = std::make_shared<std::string>();
  CLI::App* update = add_update(kind, id);
  flags->offer(*update);
  update->callback([kind, flags, id] { patch(kind, *id, flags->members()); });
  CLI::App* rotate =
      add_verb(kind, "rotate", "Give it a new text, which is shown this once; its id stays");
  rotate->add_option("ID", flags->id, "Its id")->required();
  rotate->add_option(
      "--overlap", flags->overlap,
      "How long the old text works beside the new one, as 24h (default: not at all)");
  rotate->callback([kind, flags] {
    Members members;
    members.text("overlap", flags->overlap);
    kind.code = compose::admin_call(*kind.cli, "POST",
                                    kind.path + "/" + compose::url_part(flags->id) + "/rotate",
                                    members.end(), kind.columns);
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
    std::int64_t context_tokens = -1;
    std::int64_t output_tokens_max = -1;
    bool embeddings = false;
    std::vector<std::string> tenants;

    void offer(CLI::App& command) {
      command.add_option("--engine-model", engine_model, "What that engine calls it");
      command.add_option("--adapter", adapter, "Number of its LoRA adapter");
      command.add_option("--context-tokens", context_tokens,
                         "Tokens of prompt and answer together; 0: the engine decides");
      command.add_option("--output-tokens-max", output_tokens_max,
                         "Largest max_tokens of a request; 0: no bound");
      command.add_flag("--embeddings", embeddings, "It answers /v1/embeddings");
      command.add_option("--tenant", tenants, "Only this tenant sees it; repeatable");
    }
    Members members() const {
      Members out;
      out.text("engine", engine);
      out.text("engine_model", engine_model);
      if (adapter >= 0) out.raw("adapter", std::to_string(adapter));
      if (context_tokens >= 0) out.raw("context_tokens", std::to_string(context_tokens));
      if (output_tokens_max >= 0) out.raw("output_tokens_max", std::to_string(output_tokens_max));
      if (embeddings) out.raw("embeddings", "true");
      out.texts("tenants", tenants);
      return out;
    }
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("NAME", flags->name, "What tenants call it")->required();
  create->add_option("--engine", flags->engine, "The engine that serves it")->required();
  flags->offer(*create);
  create->callback([kind, flags] {
    Members members = flags->members();
    members.text("name", flags->name);
    post(kind, members);
  });
  const auto name = std::make_shared<std::string>();
  CLI::App* update = add_update(kind, name);
  update->add_option("--engine", flags->engine, "The engine that serves it");
  flags->offer(*update);
  update->callback([kind, flags, name] { patch(kind, *name, flags->members()); });
}

void add_engines(CLI::App& app, int& code) {
  const Kind kind = add_kind(app, code, "engine",
                             {"name", "state", "dialect", "slots", "restarts", "managed_by"});
  add_list(kind, false);
  add_on_one(kind, "show", "Show one", "GET", "", "");
  add_on_one(kind, "delete", "Stop using it; no model may need it", "DELETE", "", "");
  CLI::App* create = add_verb(kind, "create", "Use a server elsewhere, without a restart");
  struct Flags {
    std::string name;
    std::string url;
    std::string dialect;
    int slots = 0;
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("NAME", flags->name, "1..40 of a-z, 0-9 and -")->required();
  create->add_option("--url", flags->url, "As http://HOST:PORT/v1, https://... or unix:/PATH")
      ->required();
  create->add_option("--dialect", flags->dialect, "What kind of server it is (default: openai)")
      ->check(CLI::IsMember({"openai", "vllm", "sglang", "llama_cpp"}));
  create->add_option("--slots", flags->slots, "Requests it runs at once (default: 64)");
  create->callback([kind, flags] {
    Members members;
    members.text("name", flags->name);
    members.text("url", flags->url);
    members.text("dialect", flags->dialect);
    if (flags->slots > 0) members.raw("slots", std::to_string(flags->slots));
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
  add_engines(app, code);
  add_usage(app, code);
}

}  // namespace sovmesh
