#include "compose/admin_cli.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "compose/contexts.h"
#include "compose/limit_text.h"
#include "compose/serve.h"
#include "compose/yaml_text.h"
#include "rt/net.h"
#include "rt/real.h"
#include "tenancy/key_format.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr int kUnavailable = 503;

Result<Secret> token_of(const AdminCli& cli) {
  const bool is_named = !cli.token_file.empty();
  if (const char* const said =
          std::getenv("SM_TOKEN");  // NOLINT(concurrency-mt-unsafe): one thread
      !is_named && said != nullptr && *said != '\0')
    return Secret(said);
  if (!is_named && !cli.url.empty())
    return client_error(
        Code::invalid_value,
        "no token for --admin-url: --token-file FILE, SM_TOKEN in the environment, or "
        "`sovmesh login` once");
  const std::string path = is_named ? cli.token_file : cli.data_dir + "/admin.token";
  std::ifstream file(path);
  std::string token;
  std::getline(file, token);
  if (!token.empty()) return Secret(std::move(token));
  return our_error(Code::invalid_value, fmt::format("no token in '{}'", path));
}

Result<AdminAnswer> call(const AdminCli& cli, std::string_view method, std::string_view target,
                         std::string_view body) {
  TRY(AdminHttp http, connect(cli));
  return http.ask(method, target, body);
}

}  // namespace

Result<AdminHttp> connect(const AdminCli& cli) {
  if (cli.is_unnamed) {
    TRY(const auto context, current_context());
    if (context) return AdminHttp::connect(context->place);
  }
  AdminPlace place;
  if (!cli.url.empty()) {
    place.url = cli.url;
  } else if (!cli.address.empty()) {
    TRY(const rt::Endpoint endpoint, rt::parse_endpoint(cli.address));
    if (std::get_if<rt::IpEndpoint>(&endpoint) == nullptr)
      return our_error(Code::invalid_value, "--admin: want ADDR:PORT");
    place.url = "http://" + cli.address;
    place.may_be_clear = true;  // whoever says so has an address of his own network
  } else {
    place.url = "unix:" + cli.data_dir + "/admin.sock";
    return AdminHttp::connect(place);
  }
  TRY(place.token, token_of(cli));
  return AdminHttp::connect(place);
}

namespace {

// Whether a C1 control (U+0080 to U+009F) or what turns the direction of text around (U+200E,
// U+200F, U+202A to U+202E, U+2066 to U+2069) begins there, in UTF-8; its bytes, or 0.
std::size_t hidden_control(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto is_in = [](unsigned value, unsigned first, unsigned last) {
    return value >= first && value <= last;
  };
  if (byte(0) == 0xc2 && is_in(byte(1), 0x80, 0x9f)) return 2;
  if (byte(0) != 0xe2) return 0;
  const bool turns =
      (byte(1) == 0x80 && (is_in(byte(2), 0x8e, 0x8f) || is_in(byte(2), 0xaa, 0xae))) ||
      (byte(1) == 0x81 && is_in(byte(2), 0xa6, 0xa9));
  return turns ? 3 : 0;
}

}  // namespace

// A terminal obeys control characters, and names may be anybody's.
std::string printable(std::string text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t hidden = hidden_control(std::string_view(text).substr(at));
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f || hidden > 0;
    out += is_control ? '?' : c;
    at += std::max<std::size_t>(hidden, 1);
  }
  return out;
}

namespace {

std::string shown(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return printable(value.get<std::string>());
  if (!value.is_array()) return value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  for (const json& entry : value)
    out += (out.empty() ? "" : ",") + shown(entry);
  return out.empty() ? "-" : out;
}

// Columns that are worked out of members.
constexpr const char* kBalances = "balances";   // of a limit for each: a table of their own
constexpr std::string_view kUse = "use";        // of a limit
constexpr std::string_view kResets = "resets";  // reset_at, for people

std::string cell(const json& row, const std::string& column) {
  const auto text = [&](const char* name) { return shown(row.value(name, json())); };
  if (column == kUse) return use_bar(text("used"), text("reserved"), text("amount"));
  if (column == kResets) return short_time(text("reset_at"));
  return shown(row.value(column, json()));
}

void print_table(const json& rows, const std::vector<std::string>& columns) {
  std::vector<std::vector<std::string>> cells{columns};
  for (const json& row : rows) {
    auto& line = cells.emplace_back();
    for (const std::string& column : columns)
      line.push_back(cell(row, column));
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : cells) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i)
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  }
}

void print(const json& answer, const std::vector<std::string>& columns) {
  if (const auto data = answer.find("data"); data != answer.end() && data->is_array()) {
    print_table(*data, columns);
    return;
  }
  for (const auto& [name, value] : answer.items()) {
    if (name != kBalances) fmt::print("{}: {}\n", name, shown(value));
  }
  if (const std::string bar = cell(answer, std::string(kUse)); !bar.empty())
    fmt::print("{}: {}\n", kUse, bar);
  if (const auto balances = answer.find(kBalances); balances != answer.end()) {
    json rows = *balances;
    for (json& row : rows)
      row["amount"] = answer.value("amount", json());
    fmt::print("\n");
    print_table(rows, {"scope", "used", "reserved", std::string(kUse), std::string(kResets)});
  }
}

int print_refusal(const AdminAnswer& answer, const json& body) {
  std::string why = fmt::format("the server answered {}", answer.status);
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    const json& error = body["error"];
    why = shown(error.value("message", json()));
    if (const json param = error.value("param", json()); param.is_string())
      why += fmt::format(" ({})", param.get<std::string>());
  }
  fmt::print(stderr, "sovmesh: {}\n", why);
  return answer.status == kUnavailable ? kExitUnavailable : kExitFailed;
}

constexpr int kPagesMax = 10'000;

struct Reply {
  AdminAnswer answer;
  json body;  // discarded when it is none
};

Result<Reply> ask(const AdminCli& cli, std::string_view method, std::string_view target,
                  std::string_view body) {
  TRY(AdminAnswer answer, call(cli, method, target, body));
  json parsed = json::parse(answer.body, nullptr, false);
  return Reply{std::move(answer), std::move(parsed)};
}

bool has_more(const json& body) {
  return body.is_object() && body.value("has_more", false) && body.contains("next") &&
         body["next"].is_string() && body.contains("data") && body["data"].is_array();
}

// A list has pages: the reply to the last one, with the rows of all.
Result<Reply> ask_for_all(const AdminCli& cli, std::string_view method, std::string_view target,
                          std::string_view body) {
  TRY(Reply reply, ask(cli, method, target, body));
  const auto has_enough = [&] {
    return cli.rows_max > 0 && reply.body["data"].size() >= cli.rows_max;
  };
  for (int i = 0; i < kPagesMax && has_more(reply.body) && !has_enough(); ++i) {
    json rows = std::move(reply.body["data"]);
    const std::string next = url_part(reply.body["next"].get<std::string>());
    TRY(reply, ask(cli, method, fmt::format("{}&after={}", target, next), body));
    if (reply.answer.status >= 300) break;
    json& more = reply.body["data"];
    rows.insert(rows.end(), more.begin(), more.end());
    more = std::move(rows);
    reply.answer.body = reply.body.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return reply;
}

}  // namespace

int admin_call(const AdminCli& cli, std::string_view method, std::string_view target,
               std::string_view body, const std::vector<std::string>& columns) {
  const Result<Reply> reply = ask_for_all(cli, method, target, body);
  if (!reply) {
    fmt::print(stderr, "sovmesh: {}\n", reply.error().message());
    return reply.error().code() == Code::invalid_value ? kExitUsage : kExitUnreachable;
  }
  const auto& [answer, parsed] = *reply;
  if (answer.status >= 300) return print_refusal(answer, parsed);
  if (!print_plainly(cli, answer.body) && parsed.is_object()) print(parsed, columns);
  return kExitOk;
}

bool print_plainly(const AdminCli& cli, const std::string& body) {
  const std::string text = body.empty() ? "{}" : body;
  if (cli.output == Output::table) return false;
  const auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
  if (cli.output == Output::json || parsed.is_discarded())
    fmt::print("{}\n", text);
  else
    fmt::print("{}", yaml_text(parsed.contains("data") ? parsed["data"] : parsed));
  return true;
}

Result<AdminAnswer> admin_ask(const AdminCli& cli, std::string_view method, std::string_view target,
                              std::string_view body) {
  return call(cli, method, target, body);
}

int admin_failed(const Result<AdminAnswer>& answer) {
  if (answer) return print_refusal(*answer, json::parse(answer->body, nullptr, false));
  fmt::print(stderr, "sovmesh: {}\n", answer.error().message());
  return answer.error().code() == Code::invalid_value ? kExitUsage : kExitUnreachable;
}

std::string url_part(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = is_base62(std::string_view(&c, 1)) || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

int generate_key() {
  const auto random = rt::make_system_random();
  fmt::print("{}\n", tenancy::generate_key(*random).text.reveal());
  return kExitOk;
}

}  // namespace sovmesh::compose
