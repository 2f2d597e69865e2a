#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "compose/admin_cli.h"
#include "connection.h"
#include "members.h"

// `sovmesh webhook`: who is told of events.
namespace sovmesh {
namespace {

constexpr const char* kPath = "/api/v1/webhooks";

struct WebhookFlags {
  compose::AdminCli cli;
  std::string webhook;  // name or id
  std::string name;
  std::string tenant;
  std::string url;
  std::vector<std::string> events;
  bool enabled = true;
};
using Flags = std::shared_ptr<WebhookFlags>;

int call(const WebhookFlags& flags, std::string_view method, const std::string& target,
         const std::string& body = {}) {
  return compose::admin_call(flags.cli, method, target, body,
                             {"name", "tenant", "url", "events", "state", "id"});
}

std::string path_of(const WebhookFlags& flags) {
  return std::string(kPath) + "/" + compose::url_part(flags.webhook);
}

CLI::App* add_verb(CLI::App& webhook, const Flags& flags, const char* verb, const char* help) {
  CLI::App* command = webhook.add_subcommand(verb, help);
  add_connection(*command, flags->cli, "Print the API's JSON answer");
  add_output(*command, flags->cli);
  return command;
}

CLI::App* add_on_one(CLI::App& webhook, const Flags& flags, const char* verb, const char* help) {
  CLI::App* command = add_verb(webhook, flags, verb, help);
  command->add_option("NAME", flags->webhook, "Its id, or the name of one of the platform's")
      ->required();
  return command;
}

void add_call(CLI::App& webhook, const Flags& flags, int& code, const char* verb, const char* help,
              const char* method, const char* suffix) {
  add_on_one(webhook, flags, verb, help)->callback([flags, &code, method, suffix] {
    code = call(*flags, method, path_of(*flags) + suffix);
  });
}

CLI::Option* offer(CLI::App& command, WebhookFlags& flags) {
  command.add_option("--url", flags.url, "Where to post: a place that webhooks.allowed names");
  command
      .add_option("--event", flags.events,
                  "A kind of event, engine.* or *; repeatable, replaces all (default: *)")
      ->allow_extra_args(false);
  return command.add_flag("--enabled,!--disabled", flags.enabled, "Whether it is told (default)");
}

}  // namespace

void add_webhook_commands(CLI::App& app, int& code) {
  CLI::App& webhook =
      *app.add_subcommand("webhook", "Manage who is told of events by the running server");
  webhook.require_subcommand(1);
  webhook.footer(
      "  sovmesh webhook create pager --url https://hooks.example.com/sm --event 'engine.*'\n"
      "  sovmesh webhook create budgets --tenant acme --url https://hooks.acme.example/sm "
      "--event limit.threshold\n"
      "  sovmesh webhook test pager; sovmesh webhook show pager");
  const auto flags = std::make_shared<WebhookFlags>();
  flags->cli.data_dir = "/var/lib/sovmesh";

  CLI::App* list = add_verb(webhook, flags, "list", "List them");
  list->add_option("--tenant", flags->tenant, "Only those of this tenant");
  list->callback([flags, &code] {
    std::string target = std::string(kPath) + "?limit=1000";
    if (!flags->tenant.empty()) target += "&tenant=" + compose::url_part(flags->tenant);
    code = call(*flags, "GET", target);
  });

  CLI::App* create =
      add_verb(webhook, flags, "create", "Create one; its secret is shown this once");
  create->add_option("NAME", flags->name, "3..40 of a-z, 0-9 and -")->required();
  create->add_option("--tenant", flags->tenant,
                     "Whose it is, and told of its events alone (default: the platform's)");
  CLI::Option* const made_enabled = offer(*create, *flags);
  create->get_option("--url")->required();
  create->callback([flags, made_enabled, &code] {
    Members members;
    members.text("name", flags->name);
    members.text("tenant", flags->tenant);
    members.text("url", flags->url);
    members.texts("events", flags->events.empty() ? std::vector<std::string>{"*"} : flags->events);
    if (made_enabled->count() > 0) members.raw("enabled", flags->enabled ? "true" : "false");
    code = call(*flags, "POST", kPath, members.end());
  });

  CLI::App* update =
      add_on_one(webhook, flags, "update", "Change what the options name, and only that");
  update->add_option("--name", flags->name, "Another name");
  CLI::Option* const says_enabled = offer(*update, *flags);
  update->callback([flags, says_enabled, &code] {
    Members members;
    members.text("name", flags->name);
    members.text("url", flags->url);
    members.texts("events", flags->events);
    if (says_enabled->count() > 0) members.raw("enabled", flags->enabled ? "true" : "false");
    code = call(*flags, "PATCH", path_of(*flags), members.end());
  });

  add_call(webhook, flags, code, "show", "Show one, with what came of its deliveries", "GET", "");
  add_call(webhook, flags, code, "rotate",
           "Give it a new secret, which is shown this once; the one before ends at once", "POST",
           "/rotate");
  add_call(webhook, flags, code, "test", "Send it an event, webhook.test", "POST", "/test");
  add_call(webhook, flags, code, "delete", "Delete it: what waits is not delivered", "DELETE", "");
}

}  // namespace sovmesh
