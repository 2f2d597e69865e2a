#include "compose/user_cli.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <optional>

#include "compose/serve.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

// While it lives the terminal shows nothing of what is typed.
class HiddenInput {
 public:
  HiddenInput() {
    is_on_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!is_on_) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
  ~HiddenInput() {
    if (is_on_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool is_on_ = false;
};

Result<std::string> first_line(std::istream& in, const std::string& where) {
  std::string line;
  if (std::getline(in, line) && !line.empty()) return line;
  return client_error(Code::invalid_value, fmt::format("there is nothing in {}", where));
}

Result<std::string> ask(const std::string& question) {
  fmt::print(stderr, "{}: ", question);
  const HiddenInput hidden;
  auto line = first_line(std::cin, "what was typed");
  fmt::print(stderr, "\n");
  return line;
}

// Nothing: it is to be asked for.
std::optional<Result<std::string>> from_file(const std::string& file) {
  if (file == "-") return first_line(std::cin, "standard input");
  if (!file.empty()) {
    std::ifstream in(file);
    return first_line(in, fmt::format("'{}'", file));
  }
  if (::isatty(STDIN_FILENO) != 0) return std::nullopt;
  return client_error(Code::invalid_value,
                      "no terminal to ask at: name a file with it, or - for standard input");
}

}  // namespace

Result<std::string> read_password(const std::string& file) {
  if (auto line = from_file(file)) return *std::move(line);
  TRY(std::string first, ask("Password (at least 12 characters)"));
  TRY(const std::string again, ask("Once more"));
  if (first == again) return first;
  return client_error(Code::invalid_value, "these are two passwords");
}

Result<std::string> read_secret_line(const std::string& file, const char* what) {
  const bool is_piped = file.empty() && ::isatty(STDIN_FILENO) == 0;
  if (auto line = from_file(is_piped ? "-" : file)) return *std::move(line);
  return ask(what);
}

int revoke_role(const AdminCli& cli, const std::string& user, const std::string& role,
                const std::string& tenant) {
  const auto answer =
      admin_ask(cli, "GET", "/api/v1/memberships?limit=1000&user=" + url_part(user), {});
  if (!answer || answer->status >= 300) return admin_failed(answer);
  const json body = json::parse(answer->body, nullptr, false);
  for (const json& one : body.value("data", json::array())) {
    const json where = one.value("tenant", json());
    const bool is_there = tenant.empty() ? where.is_null() : where == tenant;
    if (one.value("role", "") == role && is_there)
      return admin_call(cli, "DELETE", "/api/v1/memberships/" + one.value("id", ""), {}, {});
  }
  fmt::print(stderr, "sovmesh: '{}' has no role {} {}\n", printable(user), printable(role),
             tenant.empty() ? "on the platform" : "in tenant '" + printable(tenant) + "'");
  return kExitFailed;
}

}  // namespace sovmesh::compose
