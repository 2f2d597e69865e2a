#include "compose/model_cli.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "compose/chat_client.h"
#include "compose/live_load.h"
#include "compose/model_check.h"
#include "compose/model_files.h"
#include "compose/prompt_set.h"
#include "compose/serve.h"
#include "config/values.h"
#include "rt/fd.h"
#include "rt/real.h"
#include "rt/task_group.h"

namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kArtifacts = "/api/v1/artifacts";
constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kSetMax = std::size_t{4} << 20;
constexpr std::chrono::minutes kAnswerMax{10};
constexpr mode_t kReadable = 0644;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

int refused(const Error& error) {
  fmt::print(stderr, "sovmesh: {}\n", error.message());
  return error.code() == Code::dependency_unavailable ? kExitUnreachable : kExitFailed;
}

std::unexpected<Error> failed(const fs::path& path) {
  return our_error(Code::io_error,
                   fmt::format("'{}': {}", path.string(),
                               std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe): one thread
}

// One line that is written over as long as people look on.
class Progress {
 public:
  Progress(std::string what, std::uint64_t all) : what_(std::move(what)), all_(all) {}
  ~Progress() {
    if (shows_) std::fputs("\r\033[K", stderr);
  }
  void at(std::uint64_t bytes) const {
    if (!shows_) return;
    fmt::print(stderr, "\r{} {} of {} MiB ({} %)\033[K", what_, bytes / kMiB, all_ / kMiB,
               all_ == 0 ? 100 : bytes * 100 / all_);
  }

 private:
  std::string what_;
  std::uint64_t all_;
  bool shows_ = ::isatty(STDERR_FILENO) == 1;
};

// A folder of its own in quarantine, gone with whatever is left in it.
class Quarantine {
 public:
  static Result<Quarantine> make(const ModelFiles& files) {
    const auto clock = rt::make_system_clock();
    const auto random = rt::make_system_random();
    const fs::path folder = files.quarantine() / Ulid::make(clock->wall_now(), *random).text();
    std::error_code why;
    fs::create_directories(folder, why);
    if (why)
      return our_error(Code::io_error, fmt::format("'{}': {}", folder.string(), why.message()));
    return Quarantine(folder);
  }
  Quarantine(Quarantine&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  Quarantine& operator=(Quarantine&&) = delete;
  ~Quarantine() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  const fs::path& folder() const { return folder_; }

 private:
  explicit Quarantine(fs::path folder) : folder_(std::move(folder)) {}
  fs::path folder_;
};

Result<void> copy_file(const fs::path& from, const fs::path& to, std::uint64_t& done,
                       const Progress& progress) {
  const rt::Fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source.valid()) return failed(from);
  const rt::Fd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kReadable));
  if (!target.valid()) return failed(to);
  std::string piece(kPiece, '\0');
  for (;;) {
    const ssize_t got = ::read(source.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(from);
    if (got == 0) break;
    for (std::string_view rest(piece.data(), static_cast<std::size_t>(got)); !rest.empty();) {
      const ssize_t put = ::write(target.get(), rest.data(), rest.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return failed(to);
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    done += static_cast<std::uint64_t>(got);
    progress.at(done);
  }
  // Others may read it: an engine runs as another user.
  if (::fchmod(target.get(), kReadable) != 0 || ::fsync(target.get()) != 0) return failed(to);
  return {};
}

// Said before anything is read: what a link leads to could be anything, and of a pipe or a device
// nobody knows how much there is.
Result<void> check_kind(const fs::path& from) {
  std::error_code why;
  if (fs::is_symlink(fs::symlink_status(from, why))) {
    return client_error(Code::invalid_value,
                        fmt::format("'{}' is a link, and links are not followed: name the file or "
                                    "folder that it leads to ('{}')",
                                    from.string(), fs::weakly_canonical(from, why).string()));
  }
  const fs::file_status is = fs::status(from, why);
  if (fs::exists(is) && !fs::is_regular_file(is) && !fs::is_directory(is)) {
    return client_error(Code::invalid_value,
                        fmt::format("'{}' is no regular file and no folder: write what it gives "
                                    "into a .gguf file (cat '{}' > FILE.gguf) and import that",
                                    from.string(), from.string()));
  }
  if (!fs::is_directory(is)) return {};
  for (fs::directory_iterator it(from, why), end; !why && it != end; it.increment(why)) {
    if (!it->is_symlink(why)) continue;
    return client_error(Code::invalid_value,
                        fmt::format("'{}' is a link, and links are not followed: make a folder of "
                                    "the files themselves (cp -rL '{}' FOLDER) and import that",
                                    it->path().string(), from.string()));
  }
  return {};
}

// The copy that is checked and kept: what becomes of the original meanwhile does not matter.
Result<fs::path> copy_model(const fs::path& from, const fs::path& into) {
  TRY_VOID(check_kind(from));
  TRY(const std::uint64_t all, bytes_of(from));
  std::error_code why;
  const fs::space_info space = fs::space(into, why);
  if (!why && space.available < all) {
    return our_error(Code::io_error,
                     fmt::format("the disk of '{}' has {} MiB left, the model has {} MiB",
                                 into.string(), space.available / kMiB, all / kMiB));
  }
  const Progress progress("copying", all);
  std::uint64_t done = 0;
  if (!fs::is_directory(from)) {
    if (from.extension() != ".gguf") {
      return client_error(Code::invalid_value,
                          "want a .gguf file, or a folder with .safetensors files");
    }
    const fs::path to = into / "model.gguf";
    TRY_VOID(copy_file(from, to, done, progress));
    return to;
  }
  const fs::path to = into / "model";
  fs::create_directory(to, why);
  if (why) return our_error(Code::io_error, fmt::format("'{}': {}", to.string(), why.message()));
  for (fs::directory_iterator it(from, why), end; !why && it != end; it.increment(why)) {
    if (!it->is_regular_file(why)) {
      return client_error(
          Code::invalid_value,
          fmt::format("'{}' is no file: a model's folder has files alone", it->path().string()));
    }
    TRY_VOID(copy_file(it->path(), to / it->path().filename(), done, progress));
  }
  if (why) return our_error(Code::io_error, fmt::format("'{}': {}", from.string(), why.message()));
  return to;
}

// In place of what may lie there: a copy that was cut off, or the same.
Result<void> put_in_place(const fs::path& from, const fs::path& to, const fs::path& quarantine) {
  std::error_code why;
  if (fs::is_directory(to, why)) fs::rename(to, quarantine / "before", why);
  fs::rename(from, to, why);
  if (why) return our_error(Code::io_error, fmt::format("'{}': {}", to.string(), why.message()));
  const rt::Fd folder(::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return failed(to.parent_path());
  return {};
}

// The files belong to whoever runs the server: root becomes him, for good. A process that changed
// its user has a /proc of root's until it says otherwise, and the child behind walls could not
// write down there who it is.
Result<void> become_owner_of(const std::string& data_dir) {
  struct stat found{};
  if (::stat(data_dir.c_str(), &found) != 0) return failed(data_dir);
  if (::geteuid() != 0 || found.st_uid == 0) return {};
  if (::setgroups(0, nullptr) != 0 || ::setresgid(found.st_gid, found.st_gid, found.st_gid) != 0 ||
      ::setresuid(found.st_uid, found.st_uid, found.st_uid) != 0 ||
      ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
    return failed(data_dir);
  return {};
}

// Copies that an import left which was killed.
void sweep(const fs::path& quarantine) {
  constexpr std::chrono::hours kOld{24};
  std::error_code ignored;
  for (fs::directory_iterator it(quarantine, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    const auto changed = it->last_write_time(ignored);
    if (!ignored && fs::file_time_type::clock::now() - changed > kOld)
      fs::remove_all(it->path(), ignored);
  }
}

std::string registration(const ModelImport& wanted, const ModelReport& report) {
  const modelfile::Header& header = report.header;
  json body = {{"name", wanted.name},
               {"version", wanted.version},
               {"format", report.format},
               {"digest", to_hex(report.digest)},
               {"bytes", report.bytes},
               {"architecture", header.architecture},
               {"quantisation", header.quantisation},
               {"parameters", header.parameters},
               {"context_tokens", header.context},
               {"licence", wanted.licence.empty() ? header.licence : wanted.licence},
               {"origin", wanted.origin},
               {"owner", wanted.owner}};
  for (const std::string& label : wanted.labels) {
    const auto equals = label.find('=');
    if (equals != label.npos) body["labels"][label.substr(0, equals)] = label.substr(equals + 1);
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> ask_api(const AdminCli& cli, std::string_view method, const std::string& target,
                     const std::string& body = {}) {
  TRY(const AdminAnswer answer, admin_ask(cli, method, target, body));
  const json object = json::parse(answer.body, nullptr, false);
  if (answer.status < 300) return object;
  const json error = object.is_object() ? object.value("error", json()) : json();
  return client_error(Code::invalid_request,
                      error.is_object() ? error.value("message", answer.body) : answer.body);
}

// Nothing is copied for nothing.
Result<void> must_be_new(const AdminCli& cli, const ModelImport& wanted) {
  TRY(const catalog::ArtifactName name, catalog::ArtifactName::make(wanted.name, wanted.version));
  TRY(const AdminAnswer answer,
      admin_ask(cli, "GET", fmt::format("{}/{}", kArtifacts, url_part(name.text())), {}));
  constexpr int kNotFound = 404;
  if (answer.status == kNotFound) return {};
  if (answer.status >= 300) {
    const json object = json::parse(answer.body, nullptr, false);
    return client_error(Code::invalid_request, object.is_object() && object.contains("error")
                                                   ? object["error"].value("message", "refused")
                                                   : answer.body);
  }
  return client_error(Code::conflict,
                      fmt::format("'{}' is there already; what is imported never changes: choose "
                                  "another version",
                                  name.text()));
}

Result<json> import_checked(const AdminCli& cli, const ModelImport& wanted) {
  TRY_VOID(become_owner_of(cli.data_dir));
  TRY_VOID(must_be_new(cli, wanted));
  const ModelFiles files(cli.data_dir);
  sweep(files.quarantine());
  TRY(const Quarantine quarantine, Quarantine::make(files));
  TRY(const fs::path copy, copy_model(wanted.path, quarantine.folder()));
  TRY(const std::uint64_t all, bytes_of(copy));
  const Progress progress("checking", all);
  TRY(const CheckedModel checked,
      check_model(copy, [&](std::uint64_t bytes) { progress.at(bytes); }));
  const ModelReport& report = checked.report;
  const fs::path place = files.place_of(report.digest, report.format);
  TRY_VOID(put_in_place(copy, place, quarantine.folder()));
  // Refused or unanswered, the files stay: another artifact may have them, or this one after all.
  TRY(json made, ask_api(cli, "POST", std::string(kArtifacts), registration(wanted, report)));
  made["path"] = place.string();
  made["checked_behind"] = checked.walls;
  return made;
}

// The one model that serves it, when nobody said which.
Result<std::string> model_of(const json& artifact, const ModelTest& wanted) {
  if (!wanted.model.empty()) return wanted.model;
  const auto models = artifact.value("models", std::vector<std::string>());
  if (models.size() == 1) return models.front();
  return client_error(
      Code::invalid_value,
      models.empty()
          ? fmt::format("no model serves '{}': create one on an engine that runs it (sovmesh model "
                        "create NAME --engine ENGINE --artifact {})",
                        wanted.artifact, wanted.artifact)
          : fmt::format("several models serve it ({}): say which with --model",
                        fmt::join(models, ", ")));
}

// Asks one prompt after the other, so that what they take can be compared.
class Examiner {
 public:
  Examiner(const PromptSet& set, std::string model, http::Origin origin, const Secret& key,
           const Clock& clock, rt::RealWorker& worker)
      : set_(set),
        model_(std::move(model)),
        origin_(std::move(origin)),
        key_(key),
        clock_(clock),
        loop_(*worker.loop),
        pool_(loop_, *worker.network, *worker.resolver, {}) {}

  rt::Task<void> run() {
    const bool shows = ::isatty(STDERR_FILENO) == 1;
    for (const PromptCase& one : set_.cases) {
      if (shows)
        fmt::print(stderr, "\r{} of {}: {}\033[K", results_.size() + 1, set_.cases.size(),
                   one.name);
      const Instant began = clock_.now();
      const rt::Until until{rt::Deadline::at(began + kAnswerMax), nullptr};
      const Question question{
          .model = model_, .text = one.prompt, .system = one.system, .max_tokens = one.max_tokens};
      const auto answer = co_await ask(pool_, origin_, key_, question, {}, until);
      CaseResult result{.name = one.name};
      result.milliseconds =
          std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - began).count();
      if (answer) {
        result.failures = failures_of(one, {.text = answer->text, .stopped = answer->stopped});
        result.output_tokens = answer->completion_tokens;
      } else {
        result.failures = {"no answer: " + answer.error().message().substr(0, 500)};
      }
      results_.push_back(std::move(result));
    }
    if (shows) std::fputs("\r\033[K", stderr);
    pool_.close_idle();
    loop_.stop();
  }
  const std::vector<CaseResult>& results() const { return results_; }

 private:
  const PromptSet& set_;
  std::string model_;
  http::Origin origin_;
  const Secret& key_;
  const Clock& clock_;
  rt::Loop& loop_;
  http::ClientPool pool_;
  std::vector<CaseResult> results_;
};

rt::Task<void> examine(Examiner* examiner) { co_await examiner->run(); }

Result<std::vector<CaseResult>> results_of(const PromptSet& set, const std::string& model,
                                           const ModelTest& wanted) {
  TRY(http::Origin origin, origin_of(wanted.url));
  const auto clock = rt::make_system_clock();
  const auto random = rt::make_system_random();
  TRY(rt::RealWorker worker, rt::make_worker(*clock, *random));
  Examiner examiner(set, model, std::move(origin), wanted.key, *clock, worker);
  rt::TaskGroup tasks(*worker.loop, 1);
  tasks.spawn(examine(&examiner));
  rt::run(worker);
  return examiner.results();
}

Result<int> test_checked(const AdminCli& cli, const ModelTest& wanted) {
  TRY(const std::string text, config::read_text_file(wanted.set_file, kSetMax));
  auto set = parse_prompt_set(text);
  if (!set) {
    return client_error(Code::invalid_value,
                        fmt::format("{}: {}", wanted.set_file, set.error().message()));
  }
  const std::string target = fmt::format("{}/{}", kArtifacts, url_part(wanted.artifact));
  TRY(const json artifact, ask_api(cli, "GET", target));
  TRY(const std::string model, model_of(artifact, wanted));
  TRY(const json earlier, ask_api(cli, "GET", target + "/tests?limit=1000"));
  TRY(const std::vector<CaseResult> results, results_of(*set, model, wanted));
  std::string body = R"({"set":)";
  append_json_string(body, set->name);
  body += R"(,"model":)";
  append_json_string(body, model);
  body += R"(,"results":)" + results_json(results) + "}";
  TRY(const json kept, ask_api(cli, "POST", target + "/tests", body));
  const auto bad =
      std::ranges::count_if(results, [](const auto& one) { return !one.failures.empty(); });
  if (cli.output == Output::json) {
    fmt::print("{}\n", kept.dump());
    return bad == 0 ? kExitOk : kExitFailed;
  }
  for (const CaseResult& result : results) {
    fmt::print("{}  {}  {} tokens, {} ms\n", result.failures.empty() ? "ok  " : "FAIL",
               printable(result.name), result.output_tokens, result.milliseconds);
    for (const std::string& failure : result.failures)
      fmt::print("      {}\n", printable(failure));
  }
  std::string before;
  for (const json& run : earlier.value("data", json::array()))
    if (run.value("set", std::string()) == set->name) before = run.value("results", json()).dump();
  const std::string changes = compared(before, results);
  if (!before.empty())
    fmt::print("since the run before: {}\n{}", changes.empty() ? "the same cases pass" : "",
               changes);
  fmt::print("{} of {} passed\n", static_cast<std::ptrdiff_t>(results.size()) - bad,
             results.size());
  return bad == 0 ? kExitOk : kExitFailed;
}

}  // namespace

int import_model(const AdminCli& cli, const ModelImport& wanted) {
  const auto made = import_checked(cli, wanted);
  if (!made) return refused(made.error());
  if (cli.output == Output::json) {
    fmt::print("{}\n", made->dump());
    return kExitOk;
  }
  const auto text = [&](const char* name) { return printable(made->value(name, std::string())); };
  fmt::print("imported {} as {}: {} {}, {} parameters, context {}, licence {}\n", text("artifact"),
             text("stage"), text("architecture"), text("quantisation"),
             made->value("parameters", std::int64_t{0}),
             made->value("context_tokens", std::int64_t{0}),
             text("licence").empty() ? "not said" : text("licence"));
  fmt::print("sha256 {}\n{}\n", text("digest"), text("path"));
  fmt::print("checked behind: {}\n",
             fmt::join(made->value("checked_behind", std::vector<std::string>()), ", "));
  return kExitOk;
}

int test_model(const AdminCli& cli, const ModelTest& wanted) {
  const auto code = test_checked(cli, wanted);
  return code ? *code : refused(code.error());
}

}  // namespace sovmesh::compose
