#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "compose/audit.h"
#include "compose/certificate.h"
#include "compose/data.h"
#include "compose/preflight.h"
#include "compose/process.h"
#include "config/load.h"
#include "config/process_environment.h"

// Changing what runs without a restart: on SIGHUP, and when a file of the configuration changes.
namespace sovmesh::compose {
namespace {

// Editors and scripts write several files, one after the other: a reload waits until nothing has
// changed for this long, but not for ever.
constexpr std::chrono::milliseconds kQuiet{200};
constexpr int kQuietTriesMax = 10;

}  // namespace

void Process::watch_config_files() {
  if (options_.config_path.empty() || watched_ == options_.config_files) return;
  watched_ = options_.config_files;
  auto watch = rt::watch_files(workers_.front()->loop(), watched_, [this] { files_changed(); },
                               {.read_since = options_.config_read_at});
  if (watch) {
    watch_ = *std::move(watch);
    return;
  }
  log_->say(observe::Level::warning, "config_reload",
            "the files of the configuration are not watched, send SIGHUP after a change: " +
                watch.error().message());
}

void Process::files_changed() {
  files_changed_ = true;
  if (!std::exchange(settling_, true)) workers_.front()->spawn(reload_when_quiet());
}

rt::Task<void> Process::reload_when_quiet() {
  Worker& first = *workers_.front();
  for (int i = 0; i < kQuietTriesMax && std::exchange(files_changed_, false); ++i) {
    const rt::Until quiet{first.loop().in(kQuiet), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), quiet)) co_return;
  }
  settling_ = false;
  reload();
}

void Process::reload() {
  if (options_.config_path.empty()) return;
  reload_wanted_ = true;
  if (!std::exchange(reloading_, true)) workers_.front()->spawn(reload_task());
}

// What one reading of all files came to.
struct Process::Reload {
  Result<std::string> revision = our_error(Code::internal_error, "not read");
  std::vector<std::string> pending;  // sections that differ from what runs
  std::vector<std::string> files;
  std::vector<std::string> removed_tenants;
  std::vector<config::Finding> warnings;
};

// Everything is read and checked before anything changes. On a thread of the blocking pool.
Process::Reload Process::reload_now() {
  config::Loaded loaded = config::load(options_.config_path, config::process_environment,
                                       config::process_environment_names());
  Reload out{.files = std::move(loaded.files)};
  out.revision = [&]() -> Result<std::string> {
    if (!loaded.config) return our_error(Code::config_invalid, config::to_text(loaded.findings));
    config::Config& config = *loaded.config;
    if (const auto findings = preflight(config); !findings.empty())
      return our_error(Code::config_invalid, fmt::format("{}", fmt::join(findings, "\n")));
    std::shared_ptr<const rt::TlsServerContext> certificate;
    if (certificate_ && config.server.tls) {
      TRY(certificate, read_certificate(*config.server.tls));
    }
    for (const config::Model& model : config.models) {
      for (const std::string& engine : config::engines_of(model)) {
        if (engines_.find(engine)) continue;
        return our_error(Code::config_invalid, model.position.text() + ": error: the engine '" +
                                                   engine + "' is new: engines need a restart");
      }
    }
    for (const auto& [name, digest] : config::fixed_parts(config)) {
      if (options_.fixed_parts.at(name) != digest) out.pending.push_back(name);
    }
    config.engines = options_.config.engines;  // those that run
    TRY(auto applied, apply(config, "reload"));
    out.removed_tenants = std::move(applied.removed_tenants);
    config_view_.with([&](ConfigView& view) {
      view = {.file = options_.config_path,
              .config = config::in_force(config, options_.config, out.pending),
              .loaded_at = wall_now(),
              .restart_pending = out.pending,
              .refused = {}};
    });
    erase_old_answers();
    if (certificate) certificate_->publish(std::move(certificate));
    out.warnings = std::move(loaded.findings);  // an error would have ended this
    std::ranges::move(config::check_dates(config, wall_now()), std::back_inserter(out.warnings));
    return config.revision;
  }();
  if (out.revision) return out;
  const std::string refused = loaded.config ? loaded.config->revision : std::string();
  config_view_.with([&](ConfigView& view) {
    view.refused = {.at = wall_now(), .revision = refused, .error = out.revision.error().message()};
  });
  const auto recorded = record_refused_config(data_->audit().get(), refused, out.revision.error());
  if (!recorded) log_->say(observe::Level::error, "audit", recorded.error().message());
  return out;
}

rt::Task<void> Process::reload_task() {
  while (std::exchange(reload_wanted_, false)) {
    const WallTime began = workers_.front()->loop().clock().wall_now();
    const auto work = [this]() -> Result<Reload> { return reload_now(); };
    Result<Reload> done = co_await rt::run_blocking(*pool_, workers_.front()->loop(), work);
    if (done) {
      note_reload(*done);
    } else {
      note_reload({.revision = fail(done.error())});
    }
    if (!done || done->files == watched_) continue;
    options_.config_files = std::move(done->files);
    options_.config_read_at = began;
    watch_config_files();
  }
  reloading_ = false;
}

void Process::note_reload(const Reload& done) {
  reload_success_->set(done.revision ? 1 : 0);
  note_event({.kind = "config.reload",
              .severity = done.revision ? control::Severity::info : control::Severity::error,
              .subject = "config",
              .text = done.revision ? "the configuration is in force: revision " + *done.revision
                                    : "the last good configuration stays: " +
                                          done.revision.error().message()});
  if (!done.revision) {
    log_->say(observe::Level::error, "config_reload",
              "the last good configuration stays: " + done.revision.error().message());
    return;
  }
  note_revision(*done.revision);
  note_removed(done.removed_tenants);
  for (const config::Finding& finding : done.warnings) {
    log_->say(observe::Level::warning, "config_warning",
              finding.position.text() + ": " + finding.message);
  }
  restart_pending_->set(done.pending.empty() ? 0 : 1);
  observe::LogLine line = log_->line(
      done.pending.empty() ? observe::Level::info : observe::Level::warning, "config_reload");
  std::string message = "tenants, keys, models and certificate are in force";
  if (!done.pending.empty()) {
    message += fmt::format("; changes of {} need a restart", fmt::join(done.pending, ", "));
  }
  line.add("revision", *done.revision).add("message", message);
  log_->write(std::move(line));
}

// Perhaps a slip of an editor: they do not come back as what they were.
void Process::note_removed(const std::vector<std::string>& tenants) const {
  if (tenants.empty()) return;
  log_->say(observe::Level::warning, "tenants_removed",
            fmt::format("the configuration no longer has {}: removed for good, with projects and "
                        "keys; under the same name they would be new tenants",
                        fmt::join(tenants, ", ")));
}

void Process::note_revision(const std::string& revision) {
  revision_ = revision;
  config_info_->only({revision_}).set(1);
}

}  // namespace sovmesh::compose
