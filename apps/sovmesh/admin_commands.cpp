#include <CLI/CLI.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "compose/admin_cli.h"
#include "compose/engine_cli.h"
#include "compose/pool_cli.h"
#include "compose/rollout_cli.h"
#include "compose/route_cli.h"
#include "connection.h"
#include "members.h"
#include "sim_options.h"

// The commands that talk to a running server through the admin API.
namespace sovmesh {
namespace {

constexpr const char* kJsonHelp = "Print the API's JSON answer";

using compose::AdminCli;
using Columns = std::vector<std::string>;

// What is wrong with it; empty: nothing.
std::string is_label(const std::string& text) {
  const bool fits = text == "none" || (text.find('=') != text.npos && !text.starts_with('='));
  return fits ? "" : "want NAME=VALUE, not '" + text + "'";
}

// One kind of object: what its commands share.
struct Kind {
  CLI::App* app;
  std::string path;  // "/api/v1/tenants"
  Columns columns;
  std::shared_ptr<AdminCli> cli;
  int& code;
};

Kind add_kind(CLI::App& app, int& code, const std::string& name, Columns columns) {
  CLI::App* kind = app.add_subcommand(name, "Manage " + name + "s of the running server");
  kind->require_subcommand(1);
  auto cli = std::make_shared<AdminCli>();
  cli->data_dir = "/var/lib/sovmesh";
  return {kind, "/api/v1/" + name + "s", std::move(columns), std::move(cli), code};
}

CLI::App* add_verb(const Kind& kind, const std::string& verb, const std::string& help) {
  CLI::App* command = kind.app->add_subcommand(verb, help);
  add_connection(*command, *kind.cli, kJsonHelp);
  add_output(*command, *kind.cli);
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
      add_kind(app, code, "tenant",
               {"slug", "display_name", "suspended", "time_zone", "currency", "managed_by", "id"});
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
    std::string time_zone;
    std::string currency;

    void offer(CLI::App& command) {
      command.add_option("--display-name", display_name, "Its name for people");
      command.add_option("--host", hosts, "A host name of its own; repeatable, replaces all");
      command.add_option("--time-zone", time_zone,
                         "Where its days and months begin, as Europe/Copenhagen (default: UTC)");
      command.add_option("--currency", currency,
                         "What it is billed in, 3 capitals (default: EUR); stays while it has "
                         "limits of money");
    }
    Members members() const {
      Members out;
      out.text("display_name", display_name);
      out.texts("hosts", hosts);
      out.text("time_zone", time_zone);
      out.text("currency", currency);
      return out;
    }
  };
  const auto flags = std::make_shared<Flags>();
  create->add_option("NAME", flags->slug, "3..40 of a-z, 0-9 and -")->required();
  flags->offer(*create);
  create->callback([kind, flags] {
    Members members = flags->members();
    members.text("slug", flags->slug);
    post(kind, members);
  });
  const auto name = std::make_shared<std::string>();
  CLI::App* update = add_update(kind, name);
  flags->offer(*update);
  update->callback([kind, flags, name] { patch(kind, *name, flags->members()); });
  add_tenant_settings(*kind.app, code);
}

void add_projects(CLI::App& app, int& code) {
  const Kind kind = add_kind(app, code, "project",
                             {"slug", "tenant", "display_name", "cost_centre", "managed_by", "id"});
  add_list(kind, true);
  add_on_one(kind, "show", "Show one", "GET", "", "");
  add_on_one(kind, "delete", "Delete it with its keys", "DELETE", "", "");
  CLI::App* create = add_verb(kind, "create", "Create one");
  struct Flags {
    std::string tenant;
    std::string slug;
    std::string display_name;
    std::string cost_centre;
  };
  const auto flags = std::make_shared<Flags>();
  const char* cost_centre = "Where its costs are booked, at most 64 characters";
  create->add_option("NAME", flags->slug, "3..40 of a-z, 0-9 and -")->required();
  create->add_option("--tenant", flags->tenant, "The tenant it belongs to")->required();
  create->add_option("--display-name", flags->display_name, "Its name for people");
  create->add_option("--cost-centre", flags->cost_centre, cost_centre);
  create->callback([kind, flags] {
    Members members;
    members.text("tenant", flags->tenant);
    members.text("slug", flags->slug);
    members.text("display_name", flags->display_name);
    members.text("cost_centre", flags->cost_centre);
    post(kind, members);
  });
  const auto id = std::make_shared<std::string>();
  CLI::App* update = add_update(kind, id);
  update->add_option("--display-name", flags->display_name, "Its name for people");
  update->add_option("--cost-centre", flags->cost_centre, cost_centre);
  update->callback([kind, flags, id] {
    Members members;
    members.text("display_name", flags->display_name);
    members.text("cost_centre", flags->cost_centre);
    patch(kind, *id, members);
  });
}

void add_rotate(const Kind& kind) {
  const auto id = std::make_shared<std::string>();
  const auto overlap = std::make_shared<std::string>();
  CLI::App* rotate =
      add_verb(kind, "rotate", "Give it a new text, which is shown this once; its id stays");
  rotate->add_option("ID", *id, "Its id")->required();
  rotate->add_option(
      "--overlap", *overlap,
      "How long the old text works beside the new one, as 24h (default: not at all)");
  rotate->callback([kind, id, overlap] {
    Members members;
    members.text("overlap", *overlap);
    kind.code =
        compose::admin_call(*kind.cli, "POST", kind.path + "/" + compose::url_part(*id) + "/rotate",
                            members.end(), kind.columns);
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
    std::string max_priority;
    std::vector<std::string> scopes;
    std::vector<std::string> models;
    std::vector<std::string> labels;

    void offer(CLI::App& command) {
      command.add_option("--display-name", display_name, "Its name for people");
      command.add_option("--owner", owner, "The user whose limits it counts against");
      command.add_option("--expires-at", expires_at, "As 2027-01-31T12:00:00Z");
      command.add_option("--max-priority", max_priority,
                         "Highest class of its requests: interactive (default), agent or batch");
      command.add_option("--scope", scopes, "inference, read:models, read:usage; default all");
      command.add_option("--model", models, "Only this model; repeatable");
      command
          .add_option("--label", labels,
                      "NAME=VALUE that routes may go by; repeatable, replaces all, none takes back")
          ->check(is_label);
    }
    Members members() const {
      Members out;
      out.text("display_name", display_name);
      out.labels("labels", labels);
      out.text("owner", owner);
      out.text("expires_at", expires_at);
      out.text("max_priority", max_priority);
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
  add_rotate(kind);
}

void add_models(CLI::App& app, int& code) {
  const Kind kind =
      add_kind(app, code, "model", {"name", "engines", "engine_model", "tenants", "managed_by"});
  add_list(kind, false);
  add_artifact_commands(*kind.app, code);
  add_on_one(kind, "show", "Show one", "GET", "", "");
  add_on_one(kind, "delete", "Delete it", "DELETE", "", "");
  CLI::App* create = add_verb(kind, "create", "Create one");
  struct Flags {
    std::string name;
    std::vector<std::string> engines;
    std::string engine_model;
    std::string artifact;
    int adapter = -1;
    std::int64_t context_tokens = -1;
    std::int64_t output_tokens_max = -1;
    bool embeddings = false;
    std::vector<std::string> tenants;

    void offer(CLI::App& command) {
      command.add_option("--engine-model", engine_model, "What that engine calls it");
      command.add_option("--artifact", artifact,
                         "NAME@VERSION that it serves: its stage says who may call it");
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
      out.texts("engines", engines);
      out.text("engine_model", engine_model);
      out.text("artifact", artifact);
      if (adapter >= 0) out.raw("adapter", std::to_string(adapter));
      if (context_tokens >= 0) out.raw("context_tokens", std::to_string(context_tokens));
      if (output_tokens_max >= 0) out.raw("output_tokens_max", std::to_string(output_tokens_max));
      if (embeddings) out.raw("embeddings", "true");
      out.texts("tenants", tenants);
      return out;
    }
  };
  const auto flags = std::make_shared<Flags>();
  const char* engine_help = "The engine that serves it; repeatable: replicas, replaces all";
  create->add_option("NAME", flags->name, "What tenants call it")->required();
  create->add_option("--engine", flags->engines, engine_help)->required();
  flags->offer(*create);
  create->callback([kind, flags] {
    Members members = flags->members();
    members.text("name", flags->name);
    post(kind, members);
  });
  const auto name = std::make_shared<std::string>();
  CLI::App* update = add_update(kind, name);
  update->add_option("--engine", flags->engines, engine_help);
  flags->offer(*update);
  update->callback([kind, flags, name] { patch(kind, *name, flags->members()); });
}

void add_engine_work(const Kind& kind) {
  CLI::App* stop = add_verb(
      kind, "stop", "Take it out of service; it stays so until it is started, or the server is");
  const auto name = std::make_shared<std::string>();
  const auto number = std::make_shared<int>(-1);
  stop->add_option("NAME", *name, "Its name or id")->required();
  stop->add_option("--grace", *number,
                   "Seconds that what runs there may go on, before its process ends (default: 30)")
      ->check(CLI::Range(0, 600));
  stop->callback([kind, name, number] {
    Members members;
    if (*number >= 0) members.raw("grace_s", std::to_string(*number));
    kind.code =
        compose::admin_call(*kind.cli, "POST", kind.path + "/" + compose::url_part(*name) + "/stop",
                            members.end(), kind.columns);
  });
  add_on_one(kind, "start", "Put it back in service, and start it", "POST", "/start", "{}");
  CLI::App* log = add_verb(
      kind, "log",
      "What its process wrote until it answered requests; later lines may quote them, and are only "
      "counted");
  log->add_option("NAME", *name, "Its name or id")->required();
  log->add_option("--lines", *number, "The newest so many (default: all that are kept, 200)")
      ->check(CLI::Range(1, 1000));
  log->callback([kind, name, number] {
    const std::string lines = *number > 0 ? "?lines=" + std::to_string(*number) : "";
    kind.code = compose::engine_log(*kind.cli, *name, lines);
  });
}

void add_engines(CLI::App& app, int& code) {
  const Kind kind =
      add_kind(app, code, "engine",
               {"name", "state", "condition", "dialect", "slots", "restarts", "managed_by"});
  add_list(kind, false);
  add_on_one(kind, "show", "Show one", "GET", "", "");
  add_on_one(kind, "delete", "Stop using it; no model may need it", "DELETE", "", "");
  add_engine_work(kind);
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
      ->check(CLI::IsMember({"openai", "vllm", "sglang", "llama_cpp", "tgi", "tensorrt_llm"}));
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

// `limit set`: what is wanted, whether it is there already or not.
struct LimitFlags {
  std::string tenant;
  std::string project;
  std::string user;
  std::string key;
  std::string pool;
  std::string measure;
  std::string window;
  std::string amount;
  std::string model;
  std::string name;
  bool rolling = false;
  bool shadow = false;

  void offer(CLI::App& command) {
    command.add_option("--tenant", tenant, "Of all of this tenant, or of the one below");
    auto* one = command.add_option("--project", project, "Of this project of the tenant");
    auto* two = command.add_option("--user", user,
                                   "Of this owner of keys of the tenant; '*': of each of them");
    auto* three = command.add_option("--key", key, "Of this key, by its id");
    auto* four = command.add_option("--pool", pool, "Of what runs on this pool's engines");
    one->excludes(two)->excludes(three)->excludes(four);
    two->excludes(three)->excludes(four);
    three->excludes(four);
    command.add_option("--measure", measure, "What is counted")
        ->required()
        ->check(CLI::IsMember({"requests", "input_tokens", "output_tokens", "total_tokens",
                               "concurrency", "money", "gpu_seconds"}));
    command
        .add_option("--window", window, "In what time, by the tenant's clock; concurrency has none")
        ->check(CLI::IsMember({"second", "minute", "hour", "day", "month", "lifetime"}));
    command
        .add_option("--amount", amount,
                    "How much: a whole number; of money and gpu_seconds up to 6 decimals")
        ->required();
    command.add_flag("--rolling", rolling, "Count the time just past, not from the window's start");
    command.add_option("--model", model, "Only requests to this model count");
    command.add_option("--name", name, "A name for people, in errors and metrics");
  }
  Members members(bool says_shadow) const {
    Members out;
    out.text("tenant", tenant);
    out.text("project", project);
    out.text("user", user);
    out.text("key", key);
    out.text("pool", pool);
    out.text("measure", measure);
    out.text("window", window);
    out.text("amount", amount);
    out.text("model", model);
    out.text("name", name);
    if (rolling) out.raw("rolling", "true");
    if (says_shadow) out.raw("shadow", shadow ? "true" : "false");
    return out;
  }
};

void add_limits(CLI::App& app, int& code) {
  const Kind kind = add_kind(app, code, "limit",
                             {"name", "amount", "currency", "used", "reserved", "use", "resets",
                              "shadow", "managed_by", "id"});
  add_list(kind, true);
  add_on_one(kind, "show", "Show one, with what is used of it", "GET", "", "");
  add_on_one(kind, "remove", "Remove it", "DELETE", "", "");
  CLI::App* set = add_verb(
      kind, "set", "Create one, or change the amount of the one that is the same otherwise");
  set->footer(
      "What was used of a limit stays used when its amount changes.\n"
      "  sovmesh limit set --tenant acme --measure requests --window minute --amount 600\n"
      "  sovmesh limit set --tenant acme --measure money --window month --amount 250.00\n"
      "  sovmesh limit set --tenant acme --user '*' --measure concurrency --amount 4\n"
      "  sovmesh limit set --key 0123456789ab --measure total_tokens --window day --amount "
      "1000000");
  const auto flags = std::make_shared<LimitFlags>();
  flags->offer(*set);
  auto* shadow = set->add_flag("--shadow,!--no-shadow", flags->shadow,
                               "Refuse nothing, only count what would have been refused");
  set->callback([kind, flags, shadow] {
    kind.code = compose::admin_call(*kind.cli, "PUT", kind.path,
                                    flags->members(shadow->count() > 0).end(), kind.columns);
  });
}

void add_prices(CLI::App& app, int& code) {
  const Kind kind = add_kind(app, code, "price",
                             {"model", "currency", "label", "from", "in_force", "per_call", "input",
                              "cached_input", "output", "gpu_second", "id"});
  kind.app->description("Show the prices of the configuration in force");
  CLI::App* list = add_verb(kind, "list",
                            "List them, those to come as well; money per call, per "
                            "1,000,000 tokens, per GPU second");
  const auto model = std::make_shared<std::string>();
  list->add_option("--model", *model, "Only those of this model");
  list->callback([kind, model] {
    std::string target = kind.path + "?limit=1000";
    if (!model->empty()) target += "&model=" + compose::url_part(*model);
    kind.code = compose::admin_call(*kind.cli, "GET", target, {}, kind.columns);
  });
  add_on_one(kind, "show", "Show one version, by its id", "GET", "", "");
}

// `route create|update`.
void offer_route(CLI::App& command, compose::RouteCommand& route) {
  compose::RouteWords& words = route.words;
  auto* from = command.add_option(
      "--from", route.from, "All of it: a file with the YAML of one route, or - (standard input)");
  const auto option = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->allow_extra_args(false)->excludes(from);
  };
  option("--version", words.versions,
         "MODEL=WEIGHT[:STAGE], stable (the first one's), canary or experiment; repeatable, "
         "replaces all");
  option("--sticky", words.sticky, "Who stays at one version: session (default), user or tenant");
  option("--header", words.headers,
         "NAME:VALUE=MODEL: where requests with this header go; repeatable, replaces all; or none");
  option(
      "--key-label", words.key_labels,
      "NAME:VALUE=MODEL: where requests go whose key has this label; repeatable, behind those by "
      "header, with which it replaces all; or none");
  option("--grey", words.grey, "CHANNEL=MODEL, for who names it in x-sm-channel; or none");
  option("--grey-tenant", words.grey_tenants, "A tenant that takes part in it; repeatable");
  option("--mirror", words.mirror,
         "MODEL=PERCENT: a version of the weight 0 that gets copies of so many requests; or none");
  option("--fallback", words.fallbacks,
         "MODEL or route:ROUTE, while a version's engine is not healthy or when it fails; "
         "repeatable, in order, "
         "replaces all; or none");
}

void add_route_change(const Kind& kind, const std::string& verb, const std::string& help,
                      int (*change)(const AdminCli&, const compose::RouteCommand&)) {
  CLI::App* command = add_verb(kind, verb, help);
  const auto route = std::make_shared<compose::RouteCommand>();
  command->add_option("NAME", route->name, "What tenants call; --from has it, too");
  offer_route(*command, *route);
  command->callback([kind, route, change] { kind.code = change(*kind.cli, *route); });
}

void add_routes(CLI::App& app, int& code) {
  const Kind kind =
      add_kind(app, code, "route", {"name", "models", "sticky", "rollout", "managed_by"});
  kind.app->footer(
      "  sovmesh route create llama --version llama-v1=90 --version llama-v2=10 \\\n"
      "    --header x-app:beta=llama-v2 --fallback llama-small\n"
      "  sovmesh route show llama > llama.yaml; sovmesh route update --from llama.yaml");
  add_list(kind, false);
  CLI::App* show =
      add_verb(kind, "show", "Show one as --from takes it, with what versions get now");
  const auto name = std::make_shared<std::string>();
  show->add_option("NAME", *name, "Its name")->required();
  show->callback([kind, name] { kind.code = compose::route_show(*kind.cli, *name); });
  add_route_change(kind, "create", "Create one, in force at once", compose::route_create);
  add_route_change(kind, "update", "Change what the options name, or all of it by --from",
                   compose::route_update);
  add_on_one(kind, "delete", "Delete it; no rollout may go on", "DELETE", "", "");
  CLI::App* compare =
      add_verb(kind, "compare", "Show its requests and their copies at its mirror side by side");
  const auto route = std::make_shared<std::string>();
  compare->add_option("ROUTE", *route, "The route")->required();
  compare->callback([kind, route] { kind.code = compose::route_compare(*kind.cli, *route); });
}

void add_rollout_start(const Kind& kind) {
  CLI::App* start = add_verb(kind, "start", "Move a route's weight to another version, by steps");
  start->footer(
      "Without --step: 1%:10m, 5%:10m, 25%:30m, 50%:30m. Without --gate: error_rate:1%,\n"
      "refusal_rate:5%, ttft:41%, tpot:41%.\n"
      "  sovmesh rollout start llama --candidate llama-v2 --step 5%:10m --step 50%:30m\n"
      "  sovmesh rollout start llama --candidate llama-v2 --gate error_rate:1%:5% \\\n"
      "    --gate 'ttft:41%:p95<2s'");
  struct Flags {
    std::string route;
    std::string candidate;
    std::vector<std::string> steps;
    std::vector<std::string> gates;
    std::string decision_interval;
    std::string ready_within;
    std::int64_t sample_min = 0;
    std::int64_t design_effect = 0;
  };
  const auto flags = std::make_shared<Flags>();
  start->add_option("ROUTE", flags->route, "The route")->required();
  start->add_option("--candidate", flags->candidate, "The version that is to take over")
      ->required();
  start->add_option("--step", flags->steps, "SHARE%:DURATION; repeatable, in order");
  start->add_option("--gate", flags->gates,
                    "MEASURE:TOLERANCE%[:OBJECTIVE]; repeatable. Measures: error_rate, "
                    "refusal_rate, ttft, tpot");
  start->add_option("--decision-interval", flags->decision_interval,
                    "How often it is decided (default: 1m)");
  start->add_option("--ready-within", flags->ready_within,
                    "How long is waited for the candidate's engine (default: 10m)");
  start->add_option("--sample-min", flags->sample_min,
                    "Requests of the candidate before a gate has a verdict (default: 200)");
  start->add_option("--design-effect", flags->design_effect,
                    "How much requests of one conversation are alike (default: 2)");
  start->callback([kind, flags] {
    Members members;
    members.text("route", flags->route);
    members.text("candidate", flags->candidate);
    members.texts("steps", flags->steps);
    members.texts("gates", flags->gates);
    members.text("decision_interval", flags->decision_interval);
    members.text("ready_within", flags->ready_within);
    if (flags->sample_min > 0) members.raw("sample_min", std::to_string(flags->sample_min));
    if (flags->design_effect > 0)
      members.raw("design_effect", std::to_string(flags->design_effect));
    post(kind, members);
  });
}

void add_rollouts(CLI::App& app, int& code) {
  const Kind kind =
      add_kind(app, code, "rollout",
               {"route", "candidate", "state", "share", "step", "candidate_requests", "reason"});
  add_list(kind, false);
  add_rollout_start(kind);
  CLI::App* status = add_verb(kind, "status", "Where it stands, with both versions side by side");
  const auto route = std::make_shared<std::string>();
  status->add_option("ROUTE", *route, "The route")->required();
  status->callback([kind, route] { kind.code = compose::rollout_status(*kind.cli, *route); });
  add_on_one(kind, "pause", "Hold its share; gates still roll back", "POST", "/pause", "{}");
  add_on_one(kind, "resume", "Let it go on", "POST", "/resume", "{}");
  add_on_one(kind, "promote", "Give the candidate everything now", "POST", "/promote", "{}");
  CLI::App* abort =
      add_verb(kind, "abort", "Take the candidate's share back now; streams end where they are");
  const auto reason = std::make_shared<std::string>();
  abort->add_option("ROUTE", *route, "The route")->required();
  abort->add_option("--reason", *reason, "Why, for its history");
  abort->callback([kind, route, reason] {
    Members members;
    members.text("reason", *reason);
    kind.code = compose::admin_call(*kind.cli, "POST",
                                    kind.path + "/" + compose::url_part(*route) + "/abort",
                                    members.end(), kind.columns);
  });
}

// The share of a tenant or project in a pool.
struct ShareFlags {
  std::string pool;
  std::string tenant;
  std::string project;
  // What it gets, by the API's names; "none" takes back.
  std::map<std::string, std::string> values;

  void offer(CLI::App& command) {
    command.add_option("NAME", pool, "The pool")->required();
    command.add_option("--tenant", tenant, "Its share, or of the project below")->required();
    command.add_option("--project", project, "Of this project of the tenant");
  }
  void offer_values(CLI::App& command) {
    const auto value = [&](const char* option, const char* name, const char* help) {
      command.add_option(option, values[name], help);
    };
    value("--guaranteed", "guaranteed", "GPUs that it has whenever it wants them");
    value("--weight", "weight", "Its part of what is borrowed: 0.001 to 1000");
    value("--borrowing-limit", "borrowing_limit", "Most GPUs beyond that, or none");
    value("--lending-limit", "lending_limit",
          "Most GPUs of what is guaranteed that others may use, or none");
    value("--cohort", "cohort", "The cohort that the tenant is in, or none");
    value("--concurrency-max", "concurrency_max", "Most of its requests at work, or none");
    value("--user-concurrency-max", "user_concurrency_max", "The same of each user, or none");
  }
  Members members() const {
    Members out;
    out.text("tenant", tenant);
    out.text("project", project);
    for (const auto& [name, value] : values) {
      if (value == "none") {
        out.raw(name, "null");
      } else if (name.ends_with("_max") && parse_u64(value)) {
        out.raw(name, value);
      } else {
        out.text(name, value);
      }
    }
    return out;
  }
};

void add_pool_change(const Kind& kind, const std::string& verb, const std::string& help) {
  CLI::App* command = add_verb(kind, verb, help);
  const auto flags = std::make_shared<ShareFlags>();
  flags->offer(*command);
  if (verb == "set") flags->offer_values(*command);
  command->callback([kind, flags, verb] {
    kind.code = compose::admin_call(*kind.cli, "POST",
                                    kind.path + "/" + compose::url_part(flags->pool) + "/" + verb,
                                    flags->members().end(), kind.columns);
  });
}

void add_pool_simulate(const Kind& kind) {
  CLI::App* command =
      add_verb(kind, "simulate", "What waits would have been with other shares; changes nothing");
  command->footer(
      "  sovmesh pool simulate gpu --from 2026-10-01 --share aurora=3:0.5 --share borealis=1:1:2\n"
      "  sovmesh pool simulate gpu --size aurora=350000 --size borealis=60000 --budget 2400000");
  const auto name = std::make_shared<std::string>();
  const auto replay = std::make_shared<compose::SimReplay>();
  command->add_option("NAME", *name, "The pool")->required();
  replay->pool.endpoints = 0;
  add_replay_options(*command, *replay);
  command->callback([kind, name, replay] {
    replay->recorded.data_dir = kind.cli->data_dir;
    kind.code = compose::pool_simulate(*kind.cli, *name, *replay);
  });
}

void add_pools(CLI::App& app, int& code) {
  const Kind kind = add_kind(app, code, "pool",
                             {"pool", "part", "level", "guaranteed", "weight", "used", "borrowed",
                              "lent", "waiting", "running"});
  kind.app->description("What tenants have and use of shared engines");
  CLI::App* list = add_verb(kind, "list", "List pools and their parts; rates in GPUs");
  const auto pool = std::make_shared<std::string>();
  list->add_option("--pool", *pool, "Only this pool");
  list->callback([kind, pool] {
    std::string target = kind.path + "?limit=1000";
    if (!pool->empty()) target += "&pool=" + compose::url_part(*pool);
    kind.code = compose::admin_call(*kind.cli, "GET", target, {}, kind.columns);
  });
  CLI::App* show = add_verb(kind, "show", "Show one with its parts, and bars of what they use");
  show->add_option("NAME", *pool, "The pool")->required();
  show->callback([kind, pool] { kind.code = compose::pool_show(*kind.cli, *pool); });
  add_pool_change(kind, "set", "Give a tenant or project a share; what is not said stays");
  add_pool_change(kind, "remove", "Take its share back: it has weight 1 and no guarantee");
  add_pool_simulate(kind);
}

}  // namespace

void add_admin_commands(CLI::App& app, int& code) {
  add_tenants(app, code);
  add_projects(app, code);
  add_keys(app, code);
  add_models(app, code);
  add_engines(app, code);
  add_limits(app, code);
  add_prices(app, code);
  add_routes(app, code);
  add_rollouts(app, code);
  add_pools(app, code);
}

}  // namespace sovmesh
