#include <CLI/CLI.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "commands.h"
#include "compose/admin_cli.h"
#include "compose/report_cli.h"
#include "connection.h"

// What the commands tell of usage: the server renders, they print.
namespace sovmesh {
namespace {

constexpr const char* kJsonHelp = "The same as --format json";

using compose::AdminCli;

// A report's place in the admin API, with the parameters that were given.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}
  void add(std::string_view name, const std::string& value) {
    if (value.empty()) return;
    text_ += is_first_ ? '?' : '&';
    is_first_ = false;
    text_ += std::string(name) + "=" + compose::url_part(value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool is_first_ = true;
};

// The words of --format as the API has them. "table" is what people call its text.
std::string format_of(const AdminCli& cli, const std::string& format) {
  if (cli.output == compose::Output::json) return "json";
  return format == "table" ? "text" : format;
}

// Characters of a line of this terminal; nothing when there is none.
std::string terminal_width() {
  winsize size{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size.ws_col == 0 ? "" : std::to_string(std::clamp<int>(size.ws_col, 40, 400));
}

struct UsageFlags {
  AdminCli cli{.data_dir = "/var/lib/sovmesh"};
  std::string tenant, by, from, until, month, project, key, model, user, cost_centre, engine;
  std::string format = "table";
  std::string chart;
  bool forecast = false;

  std::string target() const {
    Target out(forecast ? "/api/v1/usage/forecast" : "/api/v1/usage");
    out.add("tenant", tenant);
    if (!forecast) add_question(out);
    out.add("format", chart.empty() ? format_of(cli, format) : "");
    return out.text();
  }

 private:
  void add_question(Target& out) const {
    out.add("by", by);
    out.add("from", from);
    out.add("until", until);
    out.add("month", month);
    out.add("project", project);
    out.add("key", key);
    out.add("model", model);
    out.add("user", user);
    out.add("cost_centre", cost_centre);
    out.add("engine", engine);
    out.add("chart", chart);
    if (!chart.empty()) out.add("width", terminal_width());
  }
};

void add_usage(CLI::App& app, int& code) {
  CLI::App* usage = app.add_subcommand("usage", "Show usage: tokens, engine time, energy, cost");
  const auto flags = std::make_shared<UsageFlags>();
  add_connection(*usage, flags->cli, kJsonHelp);
  usage->add_option("--tenant", flags->tenant, "The tenant (default: all)");
  usage->add_option("--by", flags->by, "One sum for each of these")
      ->check(CLI::IsMember({"tenant", "project", "key", "user", "cost-centre", "model", "day",
                             "month", "engine", "revision", "price"}));
  usage->add_option("--from", flags->from, "From this time on: 2027-01-31 or 2027-01-31T12:00:00Z");
  usage->add_option("--until", flags->until, "Before this time");
  usage->add_option("--month", flags->month, "Of this month: 2027-01");
  usage->add_option("--project", flags->project, "Of this project alone");
  usage->add_option("--key", flags->key, "Of the key with this id alone");
  usage->add_option("--model", flags->model, "Of this model alone");
  usage->add_option("--user", flags->user, "Of this user alone");
  usage->add_option("--cost-centre", flags->cost_centre, "Of this cost centre alone");
  usage->add_option("--engine", flags->engine, "Of this engine alone");
  usage->add_option("--format", flags->format, "table, csv or json")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->capture_default_str();
  CLI::Option* chart =
      usage->add_option("--chart", flags->chart, "Draw bars: tokens, requests or cost")
          ->expected(0, 1)
          ->default_str("tokens")
          ->check(CLI::IsMember({"tokens", "requests", "cost"}));
  usage
      ->add_flag("--forecast", flags->forecast,
                 "What the tenant's month will have been at its end, with a range")
      ->excludes(chart);
  usage->callback([flags, chart, &code] {
    if (!chart->empty() && flags->chart.empty()) flags->chart = "tokens";
    code = compose::print_report(flags->cli, flags->target());
  });
}

struct StatementFlags {
  AdminCli cli{.data_dir = "/var/lib/sovmesh"};
  std::string tenant, month;
  std::string format = "text";
  std::string amount, reason, id;
};

void add_adjust(CLI::App& statement, int& code) {
  CLI::App* adjust = statement.add_subcommand(
      "adjust", "Book a correction: it stands in the statement of the month that is open");
  const auto flags = std::make_shared<StatementFlags>();
  add_connection(*adjust, flags->cli, kJsonHelp);
  adjust->add_option("--tenant", flags->tenant, "The tenant")->required();
  adjust->add_option("--amount", flags->amount, "In the tenant's currency, as -12.50")->required();
  adjust->add_option("--reason", flags->reason, "Why: stands in the statement")->required();
  adjust->add_option("--id", flags->id,
                     "A name of your choice: the same one again books nothing (default: made up)");
  adjust->callback([flags, &code] {
    std::string body = R"({"amount":)";
    append_json_string(body, flags->amount);
    body += R"(,"reason":)";
    append_json_string(body, flags->reason);
    if (!flags->id.empty()) {
      body += R"(,"id":)";
      append_json_string(body, flags->id);
    }
    code = compose::admin_call(
        flags->cli, "POST",
        "/api/v1/statements/" + compose::url_part(flags->tenant) + "/adjustments", body + "}", {});
  });
}

void add_statement(CLI::App& app, int& code) {
  CLI::App* statement = app.add_subcommand("statement", "Show what a tenant owes for a month");
  const auto flags = std::make_shared<StatementFlags>();
  add_connection(*statement, flags->cli, kJsonHelp);
  CLI::Option* tenant = statement->add_option("--tenant", flags->tenant, "The tenant");
  CLI::Option* month = statement->add_option("--month", flags->month, "The month: 2027-01");
  statement->add_option("--format", flags->format, "text, csv, json or html (to print)")
      ->check(CLI::IsMember({"text", "csv", "json", "html"}))
      ->capture_default_str();
  statement->require_subcommand(0, 1);
  add_adjust(*statement, code);
  statement->callback([statement, tenant, month, flags, &code] {
    if (!statement->get_subcommands().empty()) return;
    if (tenant->empty()) throw CLI::RequiredError("--tenant");
    if (month->empty()) throw CLI::RequiredError("--month");
    Target target("/api/v1/statements/" + compose::url_part(flags->tenant) + "/" +
                  compose::url_part(flags->month));
    target.add("format", format_of(flags->cli, flags->format));
    code = compose::print_report(flags->cli, target.text());
  });
}

void add_explain(CLI::App& app, int& code) {
  CLI::App* explain = app.add_subcommand("explain", "Show why something is as it is");
  explain->require_subcommand(1);
  CLI::App* request = explain->add_subcommand("request", "The life of one request");
  struct Flags {
    AdminCli cli{.data_dir = "/var/lib/sovmesh"};
    std::string id;
    std::string format = "text";
  };
  const auto flags = std::make_shared<Flags>();
  add_connection(*request, flags->cli, kJsonHelp);
  request->add_option("id", flags->id, "Its id, as x-sm-request-id has it")->required();
  request->add_option("--format", flags->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  request->callback([flags, &code] {
    Target target("/api/v1/requests/" + compose::url_part(flags->id));
    target.add("format", format_of(flags->cli, flags->format));
    code = compose::print_report(flags->cli, target.text());
  });
}

void add_requests(CLI::App& app, int& code) {
  CLI::App* request = app.add_subcommand("request", "Show requests");
  request->require_subcommand(1);
  CLI::App* list = request->add_subcommand("list", "List them, the newest first");
  struct Flags {
    AdminCli cli{.data_dir = "/var/lib/sovmesh", .rows_max = 50};
    std::string tenant, project, key, model, status, since, until;
  };
  const auto flags = std::make_shared<Flags>();
  add_connection(*list, flags->cli, "Print the API's JSON answer");
  add_output(*list, flags->cli);
  list->add_option("--tenant", flags->tenant, "Of this tenant alone");
  list->add_option("--project", flags->project,
                   "Of this project alone: slug (with --tenant) or id");
  list->add_option("--key", flags->key, "Of the key with this id alone");
  list->add_option("--model", flags->model, "Of this model alone");
  list->add_option("--status", flags->status, "open, completed, cancelled or failed")
      ->check(CLI::IsMember({"open", "completed", "cancelled", "failed"}));
  list->add_option("--since", flags->since, "Ended at this time or later: 2027-01-31T12:00:00Z");
  list->add_option("--until", flags->until, "Ended before this time");
  list->add_option("--max", flags->cli.rows_max, "At most so many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->callback([flags, &code] {
    Target target("/api/v1/requests");
    target.add("limit", std::to_string(std::min<std::size_t>(flags->cli.rows_max, 1'000)));
    target.add("tenant", flags->tenant);
    target.add("project", flags->project);
    target.add("key", flags->key);
    target.add("model", flags->model);
    target.add("status", flags->status);
    target.add("since", flags->since);
    target.add("until", flags->until);
    code = compose::admin_call(
        flags->cli, "GET", target.text(), {},
        {"id", "opened_at", "tenant", "project", "key", "model", "status", "outcome",
         "prompt_tokens", "output_tokens", "cost", "currency", "total_ms"});
  });
}

void add_ledger(CLI::App& app, int& code) {
  CLI::App* ledger = app.add_subcommand("ledger", "Look after the usage ledger");
  ledger->require_subcommand(1);
  CLI::App* verify = ledger->add_subcommand("verify",
                                            "Compute every balance from the rows again. Exit code "
                                            "1: one differs, others: it could not be "
                                            "done");
  struct Flags {
    AdminCli cli{.data_dir = "/var/lib/sovmesh"};
    bool offline = false;
  };
  const auto flags = std::make_shared<Flags>();
  add_connection(*verify, flags->cli, "Print the figures as JSON");
  verify->add_flag("--offline", flags->offline,
                   "Read the data folder itself; no server need run. Changes nothing");
  verify->callback([flags, &code] {
    code = flags->offline ? compose::verify_ledger_offline(
                                flags->cli.data_dir, flags->cli.output == compose::Output::json)
                          : compose::verify_ledger_online(flags->cli);
  });
}

}  // namespace

void add_report_commands(CLI::App& app, int& code) {
  add_usage(app, code);
  add_statement(app, code);
  add_explain(app, code);
  add_requests(app, code);
  add_ledger(app, code);
}

}  // namespace sovmesh
