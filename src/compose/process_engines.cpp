#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compose/audit.h"
#include "compose/data.h"
#include "compose/engines.h"
#include "compose/model_digests.h"
#include "compose/process.h"
#include "engine/canary.h"
#include "engine_process/managed_engine.h"
#include "engine_process/memory.h"
#include "engine_remote/remote_engine.h"

// The engines of a process: made, watched, replaced and stopped here.
namespace sovmesh::compose {
namespace {

constexpr std::chrono::milliseconds kEngineStop{5'000};
constexpr std::chrono::milliseconds kDiscoveryRetry{1'000};
constexpr std::chrono::milliseconds kProbeLook{5'000};

config::Engine engine_of(const store::EngineRecord& record) {
  config::Engine engine;
  engine.name = record.name;
  engine.dialect = record.dialect;
  engine.url = record.url;
  engine.slots = static_cast<int>(record.slots);
  engine.position = {.file = "admin API"};
  return engine;
}

}  // namespace

Result<std::shared_ptr<engine::Engine>> Process::make_managed(const config::Engine& wanted) {
  const std::string& name = wanted.name;
  rt::RealWorker& machine = workers_.front()->machine();
  TRY(engine::ManagedSpec spec, managed_spec(wanted, data_->run_dir()));
  const auto on_change = [this, name](const engine::Status& status) { note_engine(name, status); };
  const auto on_log = [this, name](std::string_view text) {
    if (!log_->on(observe::Level::info)) return;
    observe::LogLine line = log_->line(observe::Level::info, "engine_output");
    line.add("engine", name).add("message", text);
    log_->write(std::move(line));
  };
  const bool at_boot = spec.start_at_boot;
  TRY(auto made,
      engine_process::ManagedEngine::make(
          {*machine.loop, *machine.network, *machine.resolver, *machine.processes, *random_, on_log,
           on_change, [](int pid) { return engine_process::resident_bytes(pid); }},
          std::move(spec)));
  if (at_boot) made->start();
  return made;
}

Result<std::shared_ptr<engine_remote::RemoteEngine>> Process::make_remote(
    const config::Engine& wanted) {
  const std::string& name = wanted.name;
  rt::RealWorker& machine = workers_.front()->machine();
  TRY(engine::RemoteSpec spec, remote_spec(wanted));
  const auto on_change = [this, name](const engine::Status& status) { note_engine(name, status); };
  const auto on_list = [this, name](const Result<std::vector<engine::ListedModel>>& listed) {
    on_models(name, listed);
  };
  return engine_remote::RemoteEngine::make(
      {*machine.loop, *machine.network, *machine.resolver, *random_, on_change, on_list},
      std::move(spec));
}

Result<void> Process::make_engines() {
  Worker& first = *workers_.front();
  engine_switch_ = std::make_unique<engine::EngineSwitch>(engine::EngineSwitch::Parts{
      first.loop(), first.tasks(),
      [this](const engine::Engine& engine) { return dispatcher_->in_use(engine); },
      [this](const engine::Engine& engine) {
        note_engine(std::string(engine.name()), engine.status());
      },
      [this] { dispatcher_->engines_changed(); }});
  gateway::EngineSet::Map engines;
  for (const config::Engine& wanted : options_.config.engines) {
    if (wanted.managed) {
      TRY(engines[wanted.name], make_managed(wanted));
    } else {
      TRY(const auto made, make_remote(wanted));
      made->start();
      engines[wanted.name] = made;
    }
  }
  TRY(const store::ControlData data, data_->control().load());
  for (const store::EngineRecord& record : data.engines) {
    const auto made = make_remote(engine_of(record));
    if (made) {
      (*made)->start();
      engines[record.name] = *made;
      engine_revisions_[record.name] = record.meta.revision;
    } else {  // who made it through the API must be able to remove it there
      log_->say(observe::Level::error, "engine_state", made.error().message());
    }
  }
  engines_.publish(std::move(engines));
  return {};
}

Result<void> Process::check_api_engine(const store::EngineRecord& record) {
  const auto made = make_remote(engine_of(record));
  if (made) return {};
  return client_error(Code::invalid_value, made.error().message(), "url");
}

// On a thread of the blocking pool, one call at a time.
void Process::run_api_engines(const std::vector<store::EngineRecord>& records) {
  gateway::EngineSet::Map engines = *engines_.all();
  std::vector<std::shared_ptr<engine::Engine>> gone;
  const auto is_as_before = [&](const store::EngineRecord& record) {
    const auto running = engine_revisions_.find(record.name);
    return running != engine_revisions_.end() && running->second == record.meta.revision;
  };
  // One that was replaced begins anew; no model uses it then.
  std::erase_if(engines, [&](const auto& entry) {
    const auto& [name, engine] = entry;
    const auto record = std::ranges::find(records, name, &store::EngineRecord::name);
    const bool stays = std::ranges::find(options_.config.engines, name, &config::Engine::name) !=
                           options_.config.engines.end() ||
                       (record != records.end() && is_as_before(*record));
    if (!stays) {
      gone.push_back(engine);
      engine_news_.forget(name);
    }
    return !stays;
  });
  engine_revisions_.clear();
  for (const store::EngineRecord& record : records) {
    engine_revisions_[record.name] = record.meta.revision;
    if (engines.contains(record.name)) continue;
    const auto made = make_remote(engine_of(record));
    if (!made) {  // it could be made when it was checked
      log_->say(observe::Level::error, "engine_state", made.error().message());
      continue;
    }
    (*made)->start();
    engines[record.name] = *made;
  }
  engines_.publish(std::move(engines));
  Worker& first = *workers_.front();
  for (const auto& engine : gone) {
    first.loop().post([this, engine] { workers_.front()->spawn(stop_engine(engine)); });
  }
}

rt::Task<void> Process::stop_engine(std::shared_ptr<engine::Engine> engine) {
  co_await engine->stop(workers_.front()->loop().in(kEngineStop));
}

control::EngineWork Process::engine_work() {
  return {
      .stop = [this](const std::shared_ptr<engine::Engine>& engine,
                     std::chrono::seconds grace) { engine_switch_->stop(engine, grace); },
      .start =
          [this](const std::shared_ptr<engine::Engine>& engine) { engine_switch_->start(engine); },
      .in_flight = [this](const engine::Engine& engine) { return dispatcher_->in_use(engine); }};
}

void Process::note_engine(const std::string& name, const engine::Status& status) {
  if (!engine_news_.is_news(name, status)) return;
  const bool bad =
      status.state == engine::State::unhealthy || status.state == engine::State::backing_off;
  observe::LogLine line =
      log_->line(bad ? observe::Level::warning : observe::Level::info, "engine_state");
  line.add("engine", name).add("state", engine::name(status.state)).add("reason", status.reason);
  log_->write(std::move(line));
  note_event({.kind = "engine.state",
              .severity = bad ? control::Severity::warning : control::Severity::info,
              .subject = "engines/" + name,
              .text = fmt::format("engine {} is {}{}{}", name, engine::name(status.state),
                                  status.reason.empty() ? "" : ": ", status.reason)});
  if (status.state == engine::State::ready) hash_models();
  if (data_ != nullptr) record_engine(data_->audit(), *pool_, name, engine::name(status.state));
}

// What managed engines serve, for audit entries: at the start, and when one has come up, perhaps
// with another file.
void Process::hash_models() {
  hash_models_again_ = true;
  if (data_->audit() == nullptr) return;
  if (!std::exchange(hashing_models_, true)) workers_.front()->spawn(hash_models_task());
}

rt::Task<void> Process::hash_models_task() {
  while (std::exchange(hash_models_again_, false)) {
    const auto work = [this]() -> Result<void> {
      ModelDigests digests(data_->control(), is_stopping_);
      for (const config::Engine& engine : options_.config.engines) {
        if (!engine.managed) continue;
        gateway::AuditPolicy::Engine facts{.site = engine.site,
                                           .jurisdiction = engine.jurisdiction};
        const Result<void> read = digests.read(engine, facts);
        set_audit([&](gateway::AuditPolicy& policy) { policy.engines[engine.name] = facts; });
        if (!read && !is_stopping_)
          log_->say(observe::Level::warning, "model_digest", read.error().message());
      }
      return {};
    };
    (void)co_await rt::run_blocking(*pool_, workers_.front()->loop(), work);
  }
  hashing_models_ = false;
}

void Process::on_models(const std::string& name,
                        const Result<std::vector<engine::ListedModel>>& listed) {
  if (!listed) {
    observe::LogLine line = log_->line(observe::Level::warning, "engine_models");
    line.add("engine", name).add("message", listed.error().message());
    log_->write(std::move(line));
    return;
  }
  discovered_.insert_or_assign(name, *listed);
  if (!std::exchange(publishing_discovered_, true)) workers_.front()->spawn(publish_discovered());
}

rt::Task<void> Process::publish_discovered() {
  while (!discovered_.empty()) {
    auto lists = std::exchange(discovered_, {});
    const auto work = [this, &lists]() -> Result<void> {
      for (const auto& [name, listed] : lists)
        TRY_VOID(publisher_->discover(name, listed));
      return {};
    };
    const Result<void> done = co_await rt::run_blocking(*pool_, workers_.front()->loop(), work);
    const std::string message =
        done ? fmt::format("{} models of engines are offered", publisher_->discovered().size())
             : "the models of an engine cannot be offered: " + done.error().message();
    log_->say(done ? observe::Level::info : observe::Level::error, "engine_models", message);
    if (done) continue;
    discovered_.merge(lists);  // what has come meanwhile is newer and stays
    Worker& worker = *workers_.front();
    const rt::Until pause{worker.loop().in(kDiscoveryRetry), &worker.tasks().cancelled()};
    if (!co_await rt::sleep(worker.loop(), pause)) break;
  }
  publishing_discovered_ = false;
}

// Engines that have nothing to do and whose replicas could take over are made to generate one token
// now and then.
rt::Task<void> Process::keep_probing_engines() {
  Worker& first = *workers_.front();
  for (;;) {
    const rt::Until next{first.loop().in(kProbeLook), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), next)) co_return;
    for (const auto& engine : engine_list())
      if (engine->is_ready() && health_->take_probe(*engine)) first.spawn(probe_engine(engine));
  }
}

rt::Task<void> Process::probe_engine(std::shared_ptr<engine::Engine> engine) {
  Worker& first = *workers_.front();
  const auto directory = publisher_->directory().get();
  const std::vector<catalog::Model>& models = directory->models().all();
  const auto model = std::ranges::find_if(models, [&](const catalog::Model& one) {
    return (one.chat || one.completions) &&
           std::ranges::find(one.engines, engine->name()) != one.engines.end();
  });
  if (model == models.end()) co_return;
  const rt::Until until{first.loop().in(model->first_token_timeout), &first.tasks().cancelled()};
  const Result<void> done = co_await engine::generate_one(first.upstream(), *engine,
                                                          model->engine_model, model->chat, until);
  if (first.tasks().cancelled().is_set()) co_return;
  health_->probed(*engine, done.has_value());
  if (!done) engine->suspect();
}

// After the last worker has drained: nobody uses an engine any more.
rt::Task<void> Process::stop_engines() {
  rt::Loop& loop = workers_.front()->loop();
  rt::Event never(loop);
  while (drained_workers_.load() + 1 < workers_.size()) {
    co_await never.wait({loop.in(std::chrono::milliseconds(20)), nullptr});
  }
  for (const auto& [name, engine] : *engines_.all())
    co_await engine->stop(loop.in(kEngineStop));
}

std::vector<std::shared_ptr<engine::Engine>> Process::engine_list() const {
  std::vector<std::shared_ptr<engine::Engine>> list;
  for (const auto& [name, engine] : *engines_.all())
    list.push_back(engine);
  return list;
}

}  // namespace sovmesh::compose
