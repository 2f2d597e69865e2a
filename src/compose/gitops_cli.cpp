#include "compose/gitops_cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "compose/gitops_calls.h"
#include "compose/gitops_live.h"
#include "compose/gitops_plan.h"
#include "compose/serve.h"
#include "config/values.h"

namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;
using config::Finding;
using gitops::Action;
using gitops::Call;
using gitops::Document;
using gitops::Json;
using gitops::Kind;
using gitops::Live;
using gitops::LiveByKey;
using gitops::Step;

constexpr std::size_t kFilesMax = 10'000;
constexpr std::size_t kDepthMax = 16;  // of folders
constexpr std::size_t kDocumentsMax = 200'000;
constexpr int kPagesMax = 10'000;
constexpr std::size_t kProgressEvery = 25;

int complain(const Error& error) {
  fmt::print(stderr, "sovmesh: {}\n", printable(std::string(error.message())));
  return error.code() == Code::dependency_unavailable ? kExitUnreachable : kExitWrong;
}

// They may have names that anybody chose.
std::string text_of(std::vector<Finding> findings) {
  for (Finding& finding : findings) {
    finding.position.file = printable(std::move(finding.position.file));
    finding.message = printable(std::move(finding.message));
  }
  return config::to_text(findings);
}

int complain(const std::vector<Finding>& findings) {
  fmt::print(stderr, "{}", text_of(findings));
  fmt::print(stderr, "sovmesh: {} {}; nothing was changed\n", findings.size(),
             findings.size() == 1 ? "error" : "errors");
  return kExitWrong;
}

// The API's refusal, with the member that it blames.
Error refusal_of(const AdminAnswer& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  std::string why = fmt::format("the server answered {}", answer.status);
  std::string param;
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    const Json& error = body["error"];
    if (error.value("message", Json()).is_string()) why = error["message"].get<std::string>();
    if (error.value("param", Json()).is_string()) param = error["param"].get<std::string>();
  }
  const Code code = answer.status == 403   ? Code::insufficient_permissions
                    : answer.status == 404 ? Code::not_found
                                           : Code::invalid_value;
  return Error(code, Blame::client, printable(std::move(why))).with_param(std::move(param));
}

// A list to its last page; one object as a list of it.
Result<Json> rows_of(AdminHttp& http, std::string_view path) {
  Json rows = Json::array();
  const bool is_list = !path.ends_with("/settings");
  std::string target = is_list ? fmt::format("{}?limit=1000", path) : std::string(path);
  for (int page = 0; page < kPagesMax; ++page) {
    TRY(const AdminAnswer answer, http.ask("GET", target, {}));
    if (answer.status >= 300) return fail(refusal_of(answer));
    Json body = Json::parse(answer.body, nullptr, false);
    if (body.is_object() && !body.contains("data")) return Json::array({std::move(body)});
    if (!body.is_object() || !body["data"].is_array())
      return our_error(Code::upstream_invalid_response, "the server's answer is no list");
    std::ranges::move(body["data"], std::back_inserter(rows));
    if (!body.value("has_more", false) || !body["next"].is_string()) return rows;
    target = fmt::format("{}?limit=1000&after={}", path, url_part(body["next"].get<std::string>()));
  }
  return our_error(Code::upstream_invalid_response, "the server's list has no end");
}

gitops::LiveReader reader_of(AdminHttp& http) {
  return gitops::LiveReader([&http](std::string_view path) { return rows_of(http, path); });
}

std::string names_text(const std::set<Kind>& kinds) {
  std::vector<std::string_view> names;
  for (const Kind kind : kinds)
    names.push_back(gitops::rules_of(kind).plural);
  return fmt::format("{}", fmt::join(names, ", "));
}

// --- export ---------------------------------------------------------------------------------

Result<void> write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return {};
  return our_error(Code::io_error, fmt::format("cannot write '{}'", path.string()));
}

// Objects of one kind, with "---" between them.
std::string documents_text(const std::vector<const Live*>& objects) {
  std::string text;
  for (const Live* const one : objects)
    text += (text.empty() ? "" : "---\n") + gitops::document_text(*one);
  return text;
}

Result<void> write_folder(const fs::path& folder,
                          const std::map<Kind, std::vector<const Live*>>& by_kind) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  for (const gitops::KindRules& rules : gitops::all_kinds()) {
    const fs::path path = folder / fmt::format("{}.yaml", rules.plural);
    const auto found = by_kind.find(rules.kind);
    if (found != by_kind.end())
      TRY_VOID(write_file(path, documents_text(found->second)));
    else if (fs::exists(path, failed))  // of an export of before: there are none any more
      TRY_VOID(write_file(path, ""));
  }
  return {};
}

// --- documents ------------------------------------------------------------------------------

Result<void> add_folder(const fs::path& folder, std::vector<std::string>& files,
                        std::size_t depth = 0) {
  if (depth > kDepthMax)
    return client_error(Code::invalid_value,
                        fmt::format("'{}': folders that deep are not read", folder.string()));
  std::error_code failed;
  std::set<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder, failed))
    entries.insert(entry.path());
  if (failed)
    return client_error(Code::invalid_value, fmt::format("cannot read '{}'", folder.string()));
  for (const fs::path& path : entries) {
    if (path.filename().string().starts_with('.')) continue;
    if (fs::is_directory(path, failed)) {
      TRY_VOID(add_folder(path, files, depth + 1));
    } else if (path.extension() == ".yaml" || path.extension() == ".yml") {
      if (!fs::is_regular_file(path, failed))  // a FIFO would never end
        return client_error(Code::invalid_value,
                            fmt::format("'{}' is no regular file", path.string()));
      files.push_back(path.string());
    }
  }
  if (files.size() > kFilesMax)
    return client_error(Code::invalid_value,
                        fmt::format("more than {} files are too many", kFilesMax));
  return {};
}

Result<std::string> text_of(const std::string& file) {
  if (file != "-") return config::read_text_file(file, config::kYamlBytesMax);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

std::vector<Document> read_all(const std::vector<std::string>& paths,
                               std::vector<Finding>& findings) {
  const auto wrong = [&](const std::string& where, const Error& error) {
    findings.push_back({.position = {.file = where}, .message = std::string(error.message())});
  };
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code failed;
    if (path == "-" || !fs::is_directory(path, failed)) {
      files.push_back(path);
    } else if (const auto added = add_folder(path, files); !added) {
      wrong(path, added.error());
    }
  }
  std::vector<Document> documents;
  for (const std::string& file : files) {
    const auto text = text_of(file);
    if (!text) {
      wrong(file, text.error());
      continue;
    }
    std::ranges::move(
        gitops::read_documents(file == "-" ? "standard input" : file, *text, findings),
        std::back_inserter(documents));
    if (documents.size() > kDocumentsMax)
      wrong(file, Error(Code::invalid_value, Blame::client, "too many documents"));
  }
  if (documents.empty() && findings.empty())
    wrong(fmt::format("{}", fmt::join(paths, ", ")),
          Error(Code::invalid_value, Blame::client, "there are no documents: nothing to do"));
  gitops::check_twice(documents, findings);
  return documents;
}

// --- plan, check, write ---------------------------------------------------------------------

class Apply {
 public:
  Apply(AdminHttp http, ApplyOptions options, bool only_show = false)
      : http_(std::move(http)),
        options_(std::move(options)),
        plan_{.prune = options_.prune,
              .create_keys = options_.create_keys,
              .change_keys = options_.change_keys,
              .only_show = only_show},
        reader_(reader_of(http_)) {}
  Apply(const Apply&) = delete;
  Apply& operator=(const Apply&) = delete;

  // Everything that can be known before the first write; an exit code when it cannot be done.
  std::optional<int> prepare() {
    std::vector<Finding> findings;
    documents_ = read_all(options_.files, findings);
    if (!findings.empty()) return complain(findings);
    std::set<Kind> hidden;
    auto live = reader_.read_all(hidden);
    if (!live) return complain(live.error());
    live_ = *std::move(live);
    for (const Document& document : documents_) {
      if (hidden.contains(document.kind))
        add_finding(findings, document,
                    Error(Code::insufficient_permissions, Blame::client,
                          fmt::format("you may not see {}", document.rules().plural)));
    }
    steps_ = gitops::plan(documents_, live_, plan_, findings);
    check_people(findings);
    mark_removals_that_wait();
    if (!findings.empty()) return complain(findings);
    for (Step& step : steps_) {
      if (!step.has_to_wait) {
        if (const auto tried = try_out(step, findings); !tried) return complain(tried.error());
      }
    }
    if (!findings.empty()) return complain(findings);
    return std::nullopt;
  }

  // What is to do, as text; empty: nothing.
  std::string text() const {
    std::string out;
    for (const Step& step : steps_)
      out += gitops::step_text(step);
    return out;
  }

  int write() {
    if (const auto refused = confirm()) return *refused;
    for (const gitops::KindRules& rules : gitops::all_kinds()) {
      if (const auto code = write_kind(rules.kind)) return *code;
    }
    for (Step& step : steps_) {
      if (step.action != Action::remove) continue;
      if (const auto code = write_step(step)) return *code;
    }
    fmt::print(stderr, "{} created, {} changed, {} removed, {} as they were\n", done_[0], done_[1],
               done_[2], count(Action::keep));
    for (const gitops::KindRules& rules : gitops::all_kinds()) {
      const auto left = std::ranges::count_if(steps_, [&](const Step& step) {
        return step.action == Action::left_out && step.object().kind == rules.kind;
      });
      if (left > 0)
        fmt::print(stderr, "{} {} left out: --create-keys makes them\n", left, rules.plural);
    }
    return kExitOk;
  }

 private:
  static void add_finding(std::vector<Finding>& findings, const Document& document,
                          const Error& error) {
    findings.push_back({.position = document.at(error.param()),
                        .message = fmt::format("{}: {}", document.title(), error.message())});
  }
  static void add_finding(std::vector<Finding>& findings, const Step& step, const Error& error) {
    if (step.document != nullptr) return add_finding(findings, *step.document, error);
    findings.push_back(
        {.position = {.file = "--prune"},
         .message = fmt::format("{}: {}", printable(step.live->title()), error.message())});
  }
  std::size_t count(Action action) const {
    return static_cast<std::size_t>(std::ranges::count(steps_, action, &Step::action));
  }

  // The API tries no writes of memberships: who and where must be there, or be made.
  void check_people(std::vector<Finding>& findings) const {
    std::set<std::string> known;
    for (const Document& document : documents_)
      known.insert(document.key());
    for (const Step& step : steps_) {
      if (step.document == nullptr || step.document->kind != Kind::membership) continue;
      for (const std::string& needed : references_of(*step.document)) {
        if (live_.contains(needed) || known.contains(needed)) continue;
        const bool is_user = needed.starts_with("user");
        add_finding(findings, *step.document,
                    Error(Code::not_found, Blame::client,
                          fmt::format("there is no {0} '{1}', and no document makes it",
                                      is_user ? "user" : "tenant",
                                      step.document->text(is_user ? "user" : "tenant")))
                        .with_param(is_user ? "user" : "tenant"));
      }
    }
  }

  // What others still name can only be removed behind them.
  void mark_removals_that_wait() {
    std::set<std::string> named;
    for (const auto& [key, one] : live_)
      for (std::string& reference : references_of(one))
        named.insert(std::move(reference));
    for (Step& step : steps_)
      if (step.action == Action::remove && named.contains(step.live->key()))
        step.has_to_wait = true;
  }

  const Document* first_role_of(const Step& step) const {
    if (step.document == nullptr || step.document->kind != Kind::user) return nullptr;
    const auto found = std::ranges::find_if(documents_, [&](const Document& one) {
      return one.kind == Kind::membership && one.text("user") == step.document->text("name");
    });
    return found == documents_.end() ? nullptr : &*found;
  }

  // Lets the server work it out, and take it back. What differs in form alone is as it should be.
  Result<void> try_out(Step& step, std::vector<Finding>& findings) {
    if (!step.object().rules().can_be_tried) return {};
    for (const Call& call : calls_of(step, live_, first_role_of(step))) {
      TRY(const AdminAnswer answer,
          http_.ask(call.method, call.target + "?dry_run=true", call.body, call.if_match));
      if (answer.status >= 300) {
        add_finding(findings, step, refusal_of(answer));
        return {};
      }
      const Json told = Json::parse(answer.body, nullptr, false);
      if (step.action == Action::change && told.is_object() && told.value("action", "") == "none")
        step.action = Action::keep;
    }
    return {};
  }

  // Before something is removed somebody who is there says yes.
  std::optional<int> confirm() const {
    const std::size_t removals = count(Action::remove);
    if (removals == 0 || options_.yes) return std::nullopt;
    for (const Step& step : steps_)
      if (step.action == Action::remove) fmt::print(stderr, "{}", gitops::step_text(step));
    if (::isatty(STDIN_FILENO) == 0) {
      fmt::print(stderr, "sovmesh: {} would be removed; say --yes\n", removals);
      return kExitWrong;
    }
    fmt::print(stderr, "Remove these {}? Type yes: ", removals);
    std::string said;
    std::getline(std::cin, said);
    if (said == "yes") return std::nullopt;
    fmt::print(stderr, "sovmesh: nothing was changed\n");
    return kExitWrong;
  }

  // What could not be tried before, because what it names was not there, is tried before the first
  // write of its kind.
  std::optional<int> write_kind(Kind kind) {
    std::vector<Step*> steps;
    bool waits = false;
    for (Step& step : steps_) {
      if (step.document == nullptr || step.document->kind != kind) continue;
      steps.push_back(&step);
      waits = waits || step.has_to_wait;
    }
    if (waits) {
      if (kind == Kind::limit && keys_made_) {
        if (const auto read = reader_.read_again(Kind::key, live_); !read)
          return complain(read.error());
      }
      if (const auto read = reader_.read_again(kind, live_); !read) return complain(read.error());
      std::vector<Finding> findings;
      for (Step* const step : steps) {
        look_again(*step, findings);
        if (names_one_to_come(*step)) continue;  // the write itself is its check
        if (const auto tried = try_out(*step, findings); !tried) return complain(tried.error());
      }
      if (!findings.empty()) {
        fmt::print(stderr, "{}", text_of(findings));
        return give_up();
      }
    }
    for (Step* const step : steps)
      if (const auto code = write_step(*step)) return code;
    return std::nullopt;
  }

  // A route that falls back to one that is made just before it.
  bool names_one_to_come(const Step& step) const {
    return std::ranges::any_of(references_of(*step.document), [&](const std::string& needed) {
      return !live_.contains(needed) && needed.starts_with("route\n") &&
             step.document->kind == Kind::route;
    });
  }

  void look_again(Step& step, std::vector<Finding>& findings) const {
    const auto found = live_.find(step.document->key());
    const std::string id = step.live ? step.live->id : std::string();
    step.live.reset();
    if (found != live_.end()) step.live = found->second;
    if (step.action == Action::left_out) return;
    if (!step.live) {
      step.action = Action::create;
      return;
    }
    step.changes = gitops::changes_between(*step.live, *step.document);
    step.action = step.changes.empty() ? Action::keep : Action::change;
    if (step.object().kind != Kind::key || step.action == Action::keep) return;
    // Meanwhile somebody may have made or revoked one of that name.
    auto why = gitops::why_key_stays(*step.live, step.changes, plan_);
    if (!why && step.live->id != id) why = "is another one now: check its id, and run it again";
    if (why) add_finding(findings, step, Error(Code::invalid_value, Blame::client, *why));
  }

  int give_up() const {
    fmt::print(stderr,
               "sovmesh: stopped: {} of {} done; they stay. Mend it and run the same again\n",
               done_[0] + done_[1] + done_[2], steps_.size() - count(Action::keep));
    return kExitWrong;
  }

  std::optional<int> write_step(Step& step) {
    const auto calls = calls_of(step, live_, first_role_of(step));
    if (calls.empty()) return std::nullopt;
    for (const Call& call : calls) {
      const auto answer = http_.ask(call.method, call.target, call.body, call.if_match);
      if (!answer) {
        const int code = complain(answer.error());
        (void)give_up();
        return code;
      }
      // Whatever it belonged to took it along.
      if (step.action == Action::remove && answer->status == 404) continue;
      if (answer->status >= 300) {
        std::vector<Finding> findings;
        add_finding(findings, step, refusal_of(*answer));
        fmt::print(stderr, "{}", text_of(findings));
        return give_up();
      }
      tell(step, *answer);
    }
    ++done_[step.action == Action::create ? 0 : step.action == Action::change ? 1 : 2];
    if (step.object().kind == Kind::key && step.action == Action::create) keys_made_ = true;
    fmt::print("{}", gitops::step_text(step));
    std::fflush(stdout);
    show_progress();
    return std::nullopt;
  }

  // What is shown once, and what else the caller would not expect.
  static void tell(const Step& step, const AdminAnswer& answer) {
    const Json body = Json::parse(answer.body, nullptr, false);
    if (!body.is_object()) return;
    if (const std::string_view name = step.object().rules().text; !name.empty()) {
      const Json text = body.value(std::string(name), Json());
      if (text.is_string())
        fmt::print("{}: {}\n", printable(step.object().title()), text.get<std::string>());
    }
    if (body.value("password_reset", false))
      fmt::print(stderr, "{}: the password was reset; set another one\n",
                 printable(step.object().title()));
  }

  // Where standard output goes into a file, whoever waits sees that it goes on.
  void show_progress() {
    const std::size_t done = done_[0] + done_[1] + done_[2];
    if (done % kProgressEvery != 0 || ::isatty(STDERR_FILENO) == 0) return;
    fmt::print(stderr, "{} of {}\n", done, steps_.size() - count(Action::keep));
  }

  AdminHttp http_;
  ApplyOptions options_;
  gitops::PlanOptions plan_;
  gitops::LiveReader reader_;
  std::vector<Document> documents_;
  LiveByKey live_;
  std::vector<Step> steps_;
  std::array<std::size_t, 3> done_{};  // created, changed, removed
  bool keys_made_ = false;
};

}  // namespace

int gitops_export(const AdminCli& cli, const ExportOptions& options) {
  auto http = connect(cli);
  if (!http) return complain(http.error());
  std::set<Kind> hidden;
  gitops::LiveReader reader = reader_of(*http);
  const auto live = reader.read_all(hidden);
  if (!live) return complain(live.error());
  std::map<Kind, std::vector<const Live*>> by_kind;
  for (const auto& [key, one] : *live)
    if (one.managed_by.empty() || options.all) by_kind[one.kind].push_back(&one);
  if (!hidden.empty())
    fmt::print(stderr, "sovmesh: left out, because you may not see them: {}\n", names_text(hidden));
  if (options.out != "-") {
    if (const auto written = write_folder(options.out, by_kind); !written)
      return complain(written.error());
    return kExitOk;
  }
  std::string text;
  for (const auto& [kind, objects] : by_kind)
    text += (text.empty() ? "" : "---\n") + documents_text(objects);
  const bool is_written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return is_written ? kExitOk : kExitWrong;
}

int gitops_diff(const AdminCli& cli, const ApplyOptions& options) {
  auto http = connect(cli);
  if (!http) return complain(http.error());
  Apply apply(*std::move(http), options, true);
  if (const auto failed = apply.prepare()) return *failed;
  const std::string text = apply.text();
  fmt::print("{}", text);
  return text.empty() ? kExitOk : kExitDiffers;
}

int gitops_apply(const AdminCli& cli, const ApplyOptions& options) {
  auto http = connect(cli);
  if (!http) return complain(http.error());
  Apply apply(*std::move(http), options);
  if (const auto failed = apply.prepare()) return *failed;
  if (!options.dry_run) return apply.write();
  fmt::print("{}", apply.text());
  return kExitOk;
}

}  // namespace sovmesh::compose
