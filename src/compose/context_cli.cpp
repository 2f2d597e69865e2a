#include "compose/context_cli.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "compose/admin_cli.h"
#include "compose/serve.h"
#include "compose/user_cli.h"
#include "http/url.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr std::size_t kNameMax = 64;
constexpr std::string_view kCookie = "sm_session=";
constexpr const char* kSession = "/api/v1/session";

int complain(const Error& error) {
  fmt::print(stderr, "sovmesh: {}\n", error.message());
  if (error.code() == Code::dependency_unavailable) return kExitUnreachable;
  return error.code() == Code::config_invalid ? kExitConfig : kExitUsage;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, [](char c) {
    return is_base62({&c, 1}) || c == '.' || c == '_' || c == '-';
  });
}

// Of the host, as it stands in the URL.
Result<std::string> usual_name(const std::string& url) {
  const auto parsed = http::parse_url(url, "");
  if (!parsed)
    return client_error(Code::invalid_value,
                        "want the address as https://HOST or http://HOST:PORT, nothing else");
  std::string name = parsed->unix_path.empty() ? parsed->host : "local";
  std::ranges::replace(name, ':', '-');
  return name;
}

// Signs in as somebody; the session is the place's then.
Result<void> sign_in(const LoginOptions& options, Context& context) {
  TRY(const std::string password, read_secret_line(options.password_file, "Password"));
  TRY(AdminHttp http, AdminHttp::connect(context.place));
  const std::string body = json{{"login", options.login}, {"password", password}}.dump();
  TRY(const AdminAnswer answer, http.ask("POST", "/api/v1/sessions", body));
  const json said = json::parse(answer.body, nullptr, false);
  if (answer.status != 201 || !said.is_object()) {
    std::string why = fmt::format("the server answered {}", answer.status);
    if (said.is_object() && said.contains("error")) why = said["error"].value("message", why);
    return client_error(Code::invalid_value, printable(std::move(why)));
  }
  std::string_view cookie = answer.set_cookie;
  if (!cookie.starts_with(kCookie))
    return our_error(Code::upstream_invalid_response, "the server's answer has no session");
  cookie.remove_prefix(kCookie.size());
  context.place.session = Secret(std::string(cookie.substr(0, cookie.find(';'))));
  context.place.csrf_token = Secret(said.value("csrf_token", ""));
  context.login = options.login;
  context.expires_at = said.value("expires_at", "");
  return {};
}

// Who we are there, by what the server says.
Result<std::string> who(const Context& context) {
  TRY(AdminHttp http, AdminHttp::connect(context.place));
  TRY(const AdminAnswer answer, http.ask("GET", kSession, {}));
  if (answer.status == 401)
    return client_error(Code::invalid_value, "the server does not know this token");
  const json said = json::parse(answer.body, nullptr, false);
  if (answer.status != 200 || !said.is_object())
    return our_error(Code::upstream_invalid_response,
                     fmt::format("this is no admin API: it answered {}", answer.status));
  const json user = said.value("user", json());
  return user.is_object() ? printable(user.value("login", "")) : std::string("the admin token");
}

// `user`: empty while nobody knows whose token it will be.
Result<void> check_name(const Contexts& contexts, const std::string& name,
                        const LoginOptions& options, const std::string& user) {
  if (options.replace) return {};
  const auto is_free = contexts.check_free(name, options.url, user);
  if (is_free) return {};
  return client_error(Code::conflict, printable(std::string(is_free.error().message())));
}

// Where nobody is there any more the session ends by itself.
void end_session(const Context& context) {
  if (context.place.session.empty()) return;
  if (auto http = AdminHttp::connect(context.place); http) (void)http->ask("DELETE", kSession, {});
}

Result<void> keep(Context context, const LoginOptions& options) {
  TRY(const std::string path, contexts_path());
  const Context mine = context;
  Result<void> kept = change_contexts(path, [&](Contexts& contexts) -> Result<void> {
    // Again: somebody else may have taken the name meanwhile, and now it is known who we are.
    TRY_VOID(check_name(contexts, context.name, options, context.user));
    contexts.current = context.name;
    contexts.put(std::move(context));
    return {};
  });
  if (!kept) end_session(mine);
  return kept;
}

Result<Contexts> read_contexts() {
  TRY(const std::string path, contexts_path());
  return load_contexts(path);
}

Result<std::string> log_in(const LoginOptions& options) {
  Context context{.name = options.name, .place = {}, .login = {}, .expires_at = {}};
  if (context.name.empty()) {
    TRY(context.name, usual_name(options.url));
  }
  if (!is_name(context.name))
    return client_error(Code::invalid_value,
                        fmt::format("--name: want 1..{} of letters, digits and ._-", kNameMax));
  // Before anybody types a secret, or signs in for nothing.
  TRY(const Contexts before, read_contexts());
  TRY_VOID(check_name(before, context.name, options, options.login));
  context.place.url = options.url;
  context.place.ca_file = options.ca_file;
  context.place.may_be_clear = options.may_be_clear;
  if (options.login.empty()) {
    TRY(std::string token, read_secret_line(options.token_file, "Token"));
    context.place.token = Secret(std::move(token));
  } else {
    TRY_VOID(sign_in(options, context));
  }
  TRY(context.user, who(context));
  std::string said =
      fmt::format("{}: {} at {}", context.name, context.user, printable(options.url));
  TRY_VOID(keep(std::move(context), options));
  return said;
}

std::unexpected<Error> no_such(const Contexts& contexts, const std::string& name) {
  std::string known;
  for (const Context& one : contexts.all)
    known += (known.empty() ? "" : ", ") + one.name;
  return client_error(
      Code::invalid_value,
      fmt::format("there is no context '{}'; {}", printable(name),
                  known.empty() ? "`sovmesh login URL` makes one" : "there are: " + known));
}

Result<void> use(const std::string& name) {
  TRY(const std::string path, contexts_path());
  return change_contexts(path, [&](Contexts& contexts) -> Result<void> {
    if (contexts.find(name) == nullptr) return no_such(contexts, name);
    contexts.current = name;
    return {};
  });
}

Result<void> remove(const std::string& name) {
  TRY(const std::string path, contexts_path());
  std::optional<Context> gone;
  TRY_VOID(change_contexts(path, [&](Contexts& contexts) -> Result<void> {
    const Context* const found = contexts.find(name);
    if (found == nullptr) return no_such(contexts, name);
    gone = *found;
    std::erase_if(contexts.all, [&](const Context& one) { return one.name == name; });
    if (contexts.current == name) contexts.current.clear();
    return {};
  }));
  end_session(*gone);
  return {};
}

}  // namespace

int login(const LoginOptions& options) {
  const auto done = log_in(options);
  if (!done) return complain(done.error());
  fmt::print("{}\n", *done);
  return kExitOk;
}

int context_list(bool is_json) {
  const auto contexts = read_contexts();
  if (!contexts) return complain(contexts.error());
  json all = json::array();
  for (const Context& one : contexts->all) {
    const bool is_current = one.name == contexts->current;
    const std::string who = one.login.empty() ? "token " + one.place.token.masked() : one.login;
    if (!is_json)
      fmt::print("{} {}  {}  {}{}\n", is_current ? '*' : ' ', one.name, one.place.url, who,
                 one.expires_at.empty() ? "" : "  until " + one.expires_at);
    all.push_back({{"name", one.name},
                   {"current", is_current},
                   {"url", one.place.url},
                   {"login", one.login.empty() ? json() : json(one.login)},
                   {"expires_at", one.expires_at.empty() ? json() : json(one.expires_at)}});
  }
  if (is_json) fmt::print("{}\n", all.dump());
  return kExitOk;
}

int context_use(const std::string& name) {
  const auto done = use(name);
  return done ? kExitOk : complain(done.error());
}

int context_remove(const std::string& name) {
  const auto done = remove(name);
  return done ? kExitOk : complain(done.error());
}

}  // namespace sovmesh::compose
