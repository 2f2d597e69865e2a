#include "compose/admin_cli.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "compose/limit_text.h"
#include "compose/serve.h"
#include "rt/net.h"
#include "rt/real.h"
#include "tenancy/key_format.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr int kUnavailable = 503;
constexpr std::size_t kAnswerBytesMax = 64U << 20;
constexpr timeval kPatience{.tv_sec = 60, .tv_usec = 0};

struct Answer {
  int status = 0;
  std::string body;
};

std::unexpected<Error> unreachable(const std::string& path) {
  return our_error(
      Code::dependency_unavailable,
      fmt::format("cannot reach the server at '{}': {}. Is `sovmesh serve` running, with this "
                  "--data-dir, as this user or root?",
                  path, std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe): one thread
}

Result<int> connect_to(int family, const sockaddr* address, socklen_t length,
                       const std::string& shown) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return unreachable(shown);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (::connect(fd, address, length) != 0) {
    const int why = errno;
    ::close(fd);
    errno = why;
    return unreachable(shown);
  }
  return fd;
}

// The sockets API wants its general type.
template <class T>
const sockaddr* general(const T& address) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<int> connect_to_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return unreachable(path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return connect_to(AF_UNIX, general(address), sizeof address, path);
}

Result<int> connect_to_address(const std::string& text) {
  TRY(const rt::Endpoint endpoint, rt::parse_endpoint(text));
  const auto* ip = std::get_if<rt::IpEndpoint>(&endpoint);
  if (ip == nullptr) return our_error(Code::invalid_value, "--admin: want ADDR:PORT");
  const std::string literal = ip->ip.text();
  sockaddr_in six_less{};
  six_less.sin_family = AF_INET;
  six_less.sin_port = htons(ip->port);
  if (::inet_pton(AF_INET, literal.c_str(), &six_less.sin_addr) == 1)
    return connect_to(AF_INET, general(six_less), sizeof six_less, text);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(ip->port);
  if (::inet_pton(AF_INET6, literal.c_str(), &six.sin6_addr) == 1)
    return connect_to(AF_INET6, general(six), sizeof six, text);
  return our_error(Code::invalid_value, "--admin: want ADDR:PORT");
}

// The server closes behind its answer ("connection: close"), which has a content-length.
Result<std::string> exchange(int fd, std::string_view request, const std::string& path) {
  while (!request.empty()) {
    const ssize_t sent = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0) return unreachable(path);
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string all;
  std::array<char, std::size_t{16} * 1024> block{};
  while (all.size() < kAnswerBytesMax) {
    const ssize_t got = ::recv(fd, block.data(), block.size(), 0);
    if (got < 0) return unreachable(path);
    if (got == 0) return all;
    all.append(block.data(), static_cast<std::size_t>(got));
  }
  return our_error(Code::upstream_invalid_response, "the server's answer is too long");
}

Result<Answer> parse_answer(std::string_view all) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  const auto end = all.find("\r\n\r\n");
  const auto status =
      all.starts_with(kVersion) ? parse_u64(all.substr(kVersion.size(), 3)) : std::nullopt;
  if (end == all.npos || !status)
    return our_error(Code::upstream_invalid_response, "the server's answer is not HTTP");
  return Answer{static_cast<int>(*status), std::string(all.substr(end + 4))};
}

Result<std::string> token_of(const AdminCli& cli) {
  const std::string path = cli.token_file.empty() ? cli.data_dir + "/admin.token" : cli.token_file;
  std::ifstream file(path);
  std::string token;
  std::getline(file, token);
  if (!token.empty()) return token;
  return our_error(Code::invalid_value, fmt::format("no token in '{}'", path));
}

Result<Answer> call(const AdminCli& cli, std::string_view method, std::string_view target,
                    std::string_view body) {
  const bool local = cli.address.empty();
  const std::string where = local ? cli.data_dir + "/admin.sock" : cli.address;
  std::string request = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", method,
                                    target, local ? "localhost" : cli.address);
  if (!local) {
    TRY(const std::string token, token_of(cli));
    request += fmt::format("authorization: Bearer {}\r\n", token);
  }
  if (method != "GET")
    request += fmt::format("content-type: application/json\r\ncontent-length: {}\r\n", body.size());
  request += "\r\n";
  request += body;
  TRY(const int fd, local ? connect_to_socket(where) : connect_to_address(where));
  const Result<std::string> all = exchange(fd, request, where);
  ::close(fd);
  if (!all) return fail(all.error());
  return parse_answer(*all);
}

}  // namespace

// A terminal obeys control characters, and names may be anybody's.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
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

int print_refusal(const Answer& answer, const json& body) {
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
  Answer answer;
  json body;  // discarded when it is none
};

Result<Reply> ask(const AdminCli& cli, std::string_view method, std::string_view target,
                  std::string_view body) {
  TRY(Answer answer, call(cli, method, target, body));
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
  if (cli.json) {
    fmt::print("{}\n", answer.body.empty() ? "{}" : answer.body);
  } else if (parsed.is_object()) {
    print(parsed, columns);
  }
  return kExitOk;
}

Result<AdminAnswer> admin_ask(const AdminCli& cli, std::string_view method, std::string_view target,
                              std::string_view body) {
  TRY(Answer answer, call(cli, method, target, body));
  return AdminAnswer{answer.status, std::move(answer.body)};
}

int admin_failed(const Result<AdminAnswer>& answer) {
  if (answer)
    return print_refusal({answer->status, answer->body}, json::parse(answer->body, nullptr, false));
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
