#include "compose/settings_cli.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "compose/serve.h"
#include "config/values.h"

namespace sovmesh::compose {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kFileMax = 1U << 20;  // bytes

std::string target_of(const std::string& tenant) {
  return fmt::format("/api/v1/tenants/{}/settings", url_part(tenant));
}

Result<std::string> read_all(const std::string& from) {
  if (from != "-") return config::read_text_file(from, kFileMax);
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (text.size() > kFileMax)
    return client_error(Code::invalid_value, "standard input: more than 1 MiB is no settings");
  return text;
}

// NAME=VALUE each, a number; nothing behind '=' takes back.
Result<ordered_json> values_of(const std::vector<std::string>& texts) {
  ordered_json out = ordered_json::object();
  for (const std::string& text : texts) {
    const auto equals = std::min(text.find('='), text.size());
    const std::string value = text.substr(std::min(equals + 1, text.size()));
    ordered_json number =
        value.empty() ? ordered_json() : ordered_json::parse(value, nullptr, false);
    if (equals == 0 || equals == text.size() || !(number.is_number() || number.is_null()))
      return client_error(Code::invalid_value,
                          fmt::format("want NAME=NUMBER, as temperature=0.2, not '{}'", text));
    out[text.substr(0, equals)] = std::move(number);
  }
  return out;
}

struct Wish {
  std::string method;
  std::string body;
};

Result<Wish> wish_of(const SettingsCommand& command) {
  if (command.clear) return Wish{"PUT", "{}"};
  if (!command.from.empty()) {
    TRY(std::string text, read_all(command.from));
    return Wish{"PUT", std::move(text)};
  }
  ordered_json body = ordered_json::object();
  if (command.models == std::vector<std::string>{"any"}) {
    body["models"] = nullptr;
  } else if (!command.models.empty()) {
    body["models"] = command.models;
  }
  if (!command.defaults.empty()) {
    TRY(body["defaults"], values_of(command.defaults));
  }
  if (!command.maximums.empty()) {
    TRY(body["maximums"], values_of(command.maximums));
  }
  if (!command.on_excess.empty()) body["on_excess"] = command.on_excess;
  if (command.disclaimer == "none") {
    body["disclaimer"] = nullptr;
  } else if (command.disclaimer) {
    body["disclaimer"] = {{"text", *command.disclaimer}};
  }
  if (body.empty())
    return client_error(Code::invalid_value, "say what is to change, by option, --from or --clear");
  return Wish{"PATCH", body.dump(-1, ' ', false, ordered_json::error_handler_t::replace)};
}

int print_settings(const AdminCli& cli, const Result<AdminAnswer>& answer) {
  if (!answer || answer->status >= 300) return admin_failed(answer);
  if (print_plainly(cli, answer->body)) return kExitOk;
  ordered_json shown = ordered_json::parse(answer->body, nullptr, false);
  // Not what can be set.
  for (const char* const name :
       {"tenant", "bounds", "revision", "created_at", "updated_at", "managed_by", "source"})
    if (shown.is_object()) shown.erase(name);
  fmt::print("{}\n", shown.dump(2, ' ', false, ordered_json::error_handler_t::replace));
  return kExitOk;
}

}  // namespace

int settings_show(const AdminCli& cli, const std::string& tenant) {
  return print_settings(cli, admin_ask(cli, "GET", target_of(tenant), {}));
}

int settings_set(const AdminCli& cli, const SettingsCommand& command) {
  const Result<Wish> wish = wish_of(command);
  if (!wish) {
    fmt::print(stderr, "sovmesh: {}\n", wish.error().message());
    return kExitUsage;
  }
  return print_settings(cli, admin_ask(cli, wish->method, target_of(command.tenant), wish->body));
}

}  // namespace sovmesh::compose
