#include "compose/route_cli.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "compose/serve.h"
#include "config/load.h"
#include "config/process_environment.h"
#include "config/values.h"
#include "control/route_json.h"

namespace sovmesh::compose {
namespace {

constexpr std::size_t kFileMax = 1U << 20;  // bytes
constexpr std::string_view kRoutes = "/api/v1/routes";

std::string target_of(const std::string& name) {
  return fmt::format("{}/{}", kRoutes, url_part(name));
}

Result<std::string> read_all(const std::string& from) {
  if (from != "-") return config::read_text_file(from, kFileMax);
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (text.size() > kFileMax)
    return client_error(Code::invalid_value, "standard input: more than 1 MiB is no route");
  return text;
}

Result<config::Route> route_from(const std::string& from) {
  TRY(const std::string text, read_all(from));
  config::LoadedRoute loaded =
      config::load_route(from == "-" ? "standard input" : from, text, config::process_environment);
  if (loaded.route) return *std::move(loaded.route);
  std::string why = config::to_text(loaded.findings);
  if (why.ends_with('\n')) why.pop_back();
  return client_error(Code::invalid_value, std::move(why));
}

// What is to be sent, and to which route.
struct Wish {
  std::string name;
  std::string body;
  bool is_whole = false;
};

Result<Wish> wish_of(const RouteCommand& command) {
  if (!command.from.empty()) {
    TRY(const config::Route route, route_from(command.from));
    if (!command.name.empty() && command.name != route.name)
      return client_error(Code::invalid_value, fmt::format("{} has the route '{}', not '{}'",
                                                           command.from, route.name, command.name));
    return Wish{.name = route.name, .body = control::route_json(route), .is_whole = true};
  }
  if (command.name.empty())
    return client_error(Code::invalid_value, "say which route: NAME, or a file with it (--from)");
  TRY(const std::string members, route_members(command.words));
  std::string body = R"({"name":)";
  append_json_string(body, command.name);
  body += members.empty() ? "}" : "," + members + "}";
  return Wish{.name = command.name, .body = std::move(body)};
}

int print_route(const AdminCli& cli, const Result<AdminAnswer>& answer) {
  if (!answer || answer->status >= 300) return admin_failed(answer);
  if (!print_plainly(cli, answer->body)) fmt::print("{}", route_yaml(answer->body));
  return kExitOk;
}

int refused(const Error& error) {
  fmt::print(stderr, "sovmesh: {}\n", error.message());
  return kExitUsage;
}

}  // namespace

int route_create(const AdminCli& cli, const RouteCommand& command) {
  const Result<Wish> wish = wish_of(command);
  if (!wish) return refused(wish.error());
  return print_route(cli, admin_ask(cli, "POST", kRoutes, wish->body));
}

int route_update(const AdminCli& cli, const RouteCommand& command) {
  if (command.from.empty() && command.words == RouteWords{})
    return refused(
        {Code::invalid_value, Blame::client, "say what is to change, by option or --from"});
  const Result<Wish> wish = wish_of(command);
  if (!wish) return refused(wish.error());
  return print_route(
      cli, admin_ask(cli, wish->is_whole ? "PUT" : "PATCH", target_of(wish->name), wish->body));
}

int route_show(const AdminCli& cli, const std::string& name) {
  return print_route(cli, admin_ask(cli, "GET", target_of(name), {}));
}

}  // namespace sovmesh::compose
