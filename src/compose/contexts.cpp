#include "compose/contexts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>

#include "access/password_rules.h"
#include "compose/yaml_text.h"
#include "config/values.h"
#include "config/yaml_tree.h"
#include "http/url.h"
#include "rt/fd.h"

namespace sovmesh::compose {
namespace {

using config::YamlNode;

constexpr std::size_t kBytesMax = 1U << 20;

std::unexpected<Error> wrong(std::string message) {
  return our_error(Code::config_invalid, std::move(message));
}

std::unexpected<Error> failed(const std::string& what, const std::string& path) {
  const int why = errno;
  return wrong(fmt::format("cannot {} '{}': {}", what, path,
                           std::strerror(why)));  // NOLINT(concurrency-mt-unsafe): one thread
}

std::string text_at(const YamlNode& map, std::string_view name) {
  const YamlNode* const node = map.find(name);
  return node != nullptr && node->is_scalar() ? node->text : std::string();
}

Result<Context> read_context(const YamlNode& node) {
  constexpr std::array<std::string_view, 10> kMembers{
      "name",       "url",        "ca_file", "token", "session",
      "csrf_token", "clear_text", "login",   "user",  "expires_at"};
  for (const YamlNode& name : node.names) {
    if (std::ranges::find(kMembers, name.text) == kMembers.end())
      return wrong(fmt::format("{}: error: unknown member '{}'", name.position.text(), name.text));
  }
  Context context{.name = text_at(node, "name"),
                  .place = {.url = text_at(node, "url"),
                            .ca_file = text_at(node, "ca_file"),
                            .token = Secret(text_at(node, "token")),
                            .session = Secret(text_at(node, "session")),
                            .csrf_token = Secret(text_at(node, "csrf_token")),
                            .may_be_clear = text_at(node, "clear_text") == "true"},
                  .login = text_at(node, "login"),
                  .user = text_at(node, "user"),
                  .expires_at = text_at(node, "expires_at")};
  if (context.name.empty() || context.place.url.empty())
    return wrong(fmt::format("{}: error: a context needs name and url", node.position.text()));
  return context;
}

// What is written holds secrets: it goes from here into the file alone.
Secret file_text(const Contexts& contexts) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Context& context : contexts.all) {
    nlohmann::ordered_json one{{"name", context.name}, {"url", context.place.url}};
    const auto put = [&](const char* name, std::string_view text) {
      if (!text.empty()) one[name] = text;
    };
    put("ca_file", context.place.ca_file);
    put("login", context.login);
    put("user", context.user);
    put("token", context.place.token.reveal());
    put("session", context.place.session.reveal());
    put("csrf_token", context.place.csrf_token.reveal());
    put("expires_at", context.expires_at);
    if (context.place.may_be_clear) one["clear_text"] = true;
    all.push_back(std::move(one));
  }
  return Secret("# Written by `sovmesh login` and `sovmesh context`. Keep it to yourself.\n" +
                yaml_text({{"current", contexts.current}, {"contexts", std::move(all)}}));
}

Result<void> write_private(const std::string& path, const Secret& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed("write", path);
  std::string_view rest = text.reveal();
  bool is_fine = ::fchmod(fd, 0600) == 0;
  while (is_fine && !rest.empty()) {
    const ssize_t written = ::write(fd, rest.data(), rest.size());
    is_fine = written > 0;
    if (is_fine) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  is_fine = is_fine && ::fsync(fd) == 0;
  ::close(fd);
  if (!is_fine) return failed("write", path);
  return {};
}

// As the server compares them.
bool is_same_user(std::string_view a, std::string_view b) {
  const auto login_a = access::parse_login(a);
  const auto login_b = access::parse_login(b);
  return login_a && login_b ? *login_a == *login_b : a == b;
}

bool is_same_server(std::string_view a, std::string_view b) {
  const auto url_a = http::parse_url(a, "");
  const auto url_b = http::parse_url(b, "");
  if (!url_a || !url_b) return a == b;
  return std::tie(url_a->is_tls, url_a->host, url_a->port, url_a->unix_path, url_a->path) ==
         std::tie(url_b->is_tls, url_b->host, url_b->port, url_b->unix_path, url_b->path);
}

// Readable by its owner alone.
void make_folder_of(const std::string& path) {
  const mode_t before = ::umask(0077);
  std::error_code ignored;  // who writes into it says why
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  ::umask(before);
}

// Held until it is closed, by the kernel also when its holder is killed.
Result<rt::Fd> lock_file(const std::string& path) {
  constexpr int kAgainMs = 10;
  rt::Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return failed("write", path);
  for (auto left = kContextsPatience.count(); ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
       left -= kAgainMs) {
    if (errno != EWOULDBLOCK && errno != EINTR) return failed("lock", path);
    if (left <= 0)
      return client_error(
          Code::conflict,
          fmt::format("another sovmesh is changing the contexts and holds '{}': try again when it "
                      "has ended",
                      path));
    (void)::poll(nullptr, 0, kAgainMs);
  }
  return lock;
}

}  // namespace

const Context* Contexts::find(std::string_view name) const {
  const auto found = std::ranges::find(all, name, &Context::name);
  return found == all.end() ? nullptr : &*found;
}

void Contexts::put(Context context) {
  const auto found = std::ranges::find(all, context.name, &Context::name);
  if (found == all.end())
    all.push_back(std::move(context));
  else
    *found = std::move(context);
}

Result<void> Contexts::check_free(std::string_view name, std::string_view url,
                                  std::string_view user) const {
  const Context* const there = find(name);
  if (there == nullptr) return {};
  const std::string& theirs = there->user.empty() ? there->login : there->user;
  const bool is_same = user.empty() || is_same_user(theirs, user);
  if (is_same && is_same_server(there->place.url, url)) return {};
  return client_error(
      Code::conflict,
      fmt::format("the context '{}' is that of {} at {}: choose another name with --name, or give "
                  "--replace to forget that one",
                  name, theirs.empty() ? "a token" : theirs, there->place.url));
}

Result<std::string> contexts_path() {
  const char* const config = std::getenv("XDG_CONFIG_HOME");  // NOLINT(concurrency-mt-unsafe)
  if (config != nullptr && *config == '/') return std::string(config) + "/sovmesh/contexts.yaml";
  const char* const home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): one thread
  if (home != nullptr && *home == '/') return std::string(home) + "/.config/sovmesh/contexts.yaml";
  return wrong("neither HOME nor XDG_CONFIG_HOME says where contexts are kept");
}

Result<Contexts> load_contexts(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Contexts();
    return failed("read", path);
  }
  if (!S_ISREG(info.st_mode)) return wrong(fmt::format("'{}' is no file", path));
  if ((info.st_mode & 077U) != 0)
    return wrong(
        fmt::format("'{0}' holds tokens and others can read it (mode {1:o}): chmod 600 "
                    "'{0}', and make new tokens if somebody may have",
                    path, info.st_mode & 07777U));
  TRY(const std::string text, config::read_text_file(path, kBytesMax));
  std::vector<config::Finding> findings;
  const auto documents = config::read_yaml(path, text, findings);
  if (!findings.empty()) return wrong(config::to_text(findings));
  Contexts contexts;
  if (documents.empty()) return contexts;
  contexts.current = text_at(documents.front(), "current");
  const YamlNode* const all = documents.front().find("contexts");
  if (all == nullptr || !all->is_list()) return contexts;
  if (all->values.size() > kContextsMax)
    return wrong(fmt::format("'{}': more than {} contexts", path, kContextsMax));
  for (const YamlNode& node : all->values) {
    TRY(Context context, read_context(node));
    contexts.put(std::move(context));
  }
  if (!contexts.current.empty() && contexts.find(contexts.current) == nullptr)
    return wrong(
        fmt::format("'{}': the current context '{}' is not among them", path, contexts.current));
  return contexts;
}

Result<void> save_contexts(const std::string& path, const Contexts& contexts) {
  if (contexts.all.size() > kContextsMax)
    return wrong(fmt::format("more than {} contexts: remove some", kContextsMax));
  make_folder_of(path);
  const std::string next = fmt::format("{}.{}", path, ::getpid());
  Result<void> written = write_private(next, file_text(contexts));
  if (written && ::rename(next.c_str(), path.c_str()) != 0) written = failed("replace", path);
  if (!written) ::unlink(next.c_str());
  return written;
}

Result<void> change_contexts(const std::string& path,
                             const std::function<Result<void>(Contexts&)>& change) {
  make_folder_of(path);
  TRY(const rt::Fd lock, lock_file(path + ".lock"));
  TRY(Contexts contexts, load_contexts(path));
  TRY_VOID(change(contexts));
  return save_contexts(path, contexts);
}

Result<std::optional<Context>> current_context() {
  const auto path = contexts_path();
  if (!path) return std::nullopt;  // a service without a home has none
  TRY(const Contexts contexts, load_contexts(*path));
  const Context* const current = contexts.find(contexts.current);
  return current == nullptr ? std::nullopt : std::optional(*current);
}

}  // namespace sovmesh::compose
