#include "compose/process.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <set>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "compose/audit.h"
#include "compose/backup_notes.h"
#include "compose/certificate.h"
#include "compose/data.h"
#include "compose/disk_watch.h"
#include "compose/first_uses.h"
#include "compose/model_files.h"
#include "compose/placing.h"
#include "compose/pools.h"
#include "compose/recovered.h"
#include "compose/restored.h"
#include "control/admin_handler.h"
#include "control/console_handler.h"
#include "control/key_maker.h"
#include "control/limit_set.h"
#include "control/metrics_handler.h"
#include "http/cors.h"
#include "rt/blocking.h"

namespace sovmesh::compose {
namespace {

constexpr std::size_t kBlockingThreads = 4;
constexpr std::size_t kBlockingQueueMax = 1'024;
constexpr std::chrono::milliseconds kHurriedDrain{5'000};
// How often streams look whether they have to end, and how long they have then to say so: within
// the shortest drain, too.
constexpr std::chrono::milliseconds kLookUpMax{4'000};
constexpr std::chrono::milliseconds kGoodbyeMax{500};
constexpr std::chrono::milliseconds kAuditFlush{10'000};
constexpr std::chrono::milliseconds kDiskLook{250};
constexpr std::chrono::milliseconds kEraseAnswersEvery{60'000};
constexpr std::chrono::milliseconds kEnterRecoveredEvery{10'000};
// How late the decision of a rollout may be.
constexpr std::chrono::milliseconds kLookAtRolloutsEvery{250};

std::chrono::milliseconds look_up_of(std::chrono::milliseconds drain) {
  return std::min(kLookUpMax, drain / 4);
}
std::chrono::milliseconds last_words_of(std::chrono::milliseconds drain) {
  return look_up_of(drain) + std::min(kGoodbyeMax, drain / 4);
}

// Whatever goes wrong while the folder is opened is the folder's: a full disk, no permission.
Error of_data_dir(const std::string& folder, Error error) {
  if (error.code() == Code::config_invalid || error.code() == Code::conflict) return error;
  std::error_code unknown;
  const auto free = std::filesystem::space(folder, unknown).available;
  if (unknown || free >= static_cast<std::uintmax_t>(kStartRoom))
    return {Code::data_dir_invalid, Blame::us, error.message()};
  return {
      Code::data_dir_invalid, Blame::us,
      fmt::format("data folder {}: its disk is full: {} bytes are free, and a start needs up to "
                  "{}. Make room and start again; nothing was lost ({})",
                  folder, free, kStartRoom, error.message())};
}

Result<rt::Endpoint> listen_address(const std::string& text) {
  Result<rt::Endpoint> endpoint = rt::parse_endpoint(text);
  if (endpoint) return endpoint;
  return our_error(Code::config_invalid,
                   fmt::format("server: listen '{}': {}", text, endpoint.error().message()));
}

// A port in use, an address that is not ours.
Error of_listener(const Error& error) {
  return {Code::dependency_unavailable, Blame::us, error.message()};
}

observe::Level level_of(const std::string& text) {
  for (const auto level : {observe::Level::debug, observe::Level::warning, observe::Level::error}) {
    if (observe::name(level) == text) return level;
  }
  return observe::Level::info;
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    append_json_string(out, text);
  }
  return out + "]";
}

// An exception that leaves a task is a bug: it ends its task only, and an operator should see it.
std::atomic<const observe::Log*> escape_log = nullptr;

void log_escape(std::exception_ptr escaped) {
  const observe::Log* const log = escape_log.load();
  if (log == nullptr) return;
  try {
    std::rethrow_exception(std::move(escaped));
  } catch (const std::exception& e) {
    log->say(observe::Level::error, "task_failed", e.what());
  } catch (...) {
    log->say(observe::Level::error, "task_failed", "an unknown exception");
  }
}

}  // namespace

Process::Process(ServeOptions options)
    : options_(std::move(options)),
      clock_(rt::make_system_clock()),
      random_(rt::make_system_random()),
      events_(std::make_unique<control::EventLog>(*clock_)) {
  // The engines' sandboxes and the sockets in it want an absolute path.
  options_.data_dir = std::filesystem::absolute(options_.data_dir).lexically_normal().string();
}

Process::~Process() {
  let_sockets_go();
  // Workers go first: what they run refers to everything else. The watch needs its loop to end.
  watch_.reset();
  data_planes_.clear();
  engines_.publish({});
  workers_.clear();
  pool_.reset();  // what still runs there refers to the stores
  rt::TaskGroup::set_on_escape(nullptr);
  escape_log = nullptr;
}

Result<void> Process::open() {
  TRY_VOID(take_sockets());
  TRY(log_sink_, observe::make_file_sink(options_.config.log.path));
  log_ = std::make_unique<observe::Log>(*log_sink_, *clock_, level_of(options_.config.log.level));
  escape_log = log_.get();
  rt::TaskGroup::set_on_escape(log_escape);
  metrics_ = std::make_unique<gateway::RequestMetrics>(registry_);
  reload_success_ = &registry_
                         .gauges("config_last_reload_success",
                                 "1 when the last reload of the configuration worked.", {})
                         .with({});
  reload_success_->set(1);
  restart_pending_ =
      &registry_
           .gauges("config_restart_pending",
                   "1 while the file has changes that only a restart puts in force.", {})
           .with({});
  config_info_ =
      &registry_.gauges("config_info", "1 for the revision that is in force.", {"revision"});
  note_revision(options_.config.revision);
  TRY_VOID(make_workers());
  TRY_VOID(take_place());
  for (const auto step : {&Process::open_data, &Process::open_identity}) {
    if (Result<void> done = (this->*step)(); !done)
      return fail(of_data_dir(options_.data_dir, std::move(done).error()));
  }
  TRY_VOID(make_engines());
  TRY_VOID(make_webhooks());
  return make_listeners();
}

Result<void> Process::make_workers() {
  const int wanted = options_.config.server.workers;
  const unsigned count = wanted > 0 ? static_cast<unsigned>(wanted)
                                    : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) {
    TRY(rt::RealWorker machine, rt::make_worker(*clock_, *random_));
    workers_.push_back(std::make_unique<Worker>(std::move(machine), http::ClientLimits{}));
  }
  pool_ = rt::make_blocking_pool(kBlockingThreads, kBlockingQueueMax);
  return {};
}

Result<void> Process::open_data() {
  TRY(data_, Data::open(options_.data_dir, options_.config, *clock_, *random_, *log_,
                        options_.sabotage_drop_one_token));
  TRY_VOID(record_backups(options_.data_dir, data_->audit().get()));
  TRY(const std::string restored,
      record_restore(options_.data_dir, data_->audit().get(), data_->control()));
  if (!restored.empty()) log_->say(observe::Level::warning, "restored", restored);
  set_audit([this](gateway::AuditPolicy& policy) {
    const config::Audit& audit = options_.config.audit;
    policy = {.log = data_->audit().get(),
              .fail_closed = audit.fail_closed,
              .site = audit.site,
              .jurisdiction = audit.jurisdiction};
    if (policy.log != nullptr) {
      policy.first_use = [uses = std::make_shared<FirstUses>(data_->control(), data_->audit(),
                                                             *pool_)](const tenancy::Key& key) {
        return uses->note(key);
      };
    }
    for (const config::Engine& engine : options_.config.engines)
      policy.engines[engine.name] = {.site = engine.site, .jurisdiction = engine.jurisdiction};
    for (const auto& [engine, pool] : control::pool_of_engine(options_.config.pools))
      policy.engines[engine].pool = pool;
  });
  return {};
}

// False: to be tried again. The server runs without, and says so.
bool Process::enter_recovered_now() {
  const auto entered = enter_recovered(data_->ledger(), data_->audit().get());
  if (entered) return true;
  log_->say(observe::Level::warning, "recovered",
            fmt::format("requests that a crash left have no entry in the audit log yet: {}",
                        entered.error().message()));
  return false;
}

// What the start could not enter, as on a full disk.
rt::Task<void> Process::keep_entering_recovered() {
  Worker& first = *workers_.front();
  for (;;) {
    const rt::Until next{first.loop().in(kEnterRecoveredEvery), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), next)) co_return;
    auto work = [this]() -> Result<bool> { return enter_recovered_now(); };
    const Result<bool> done = co_await rt::run_blocking(*pool_, first.loop(), std::move(work));
    if (done && *done) co_return;
  }
}

void Process::set_audit(const std::function<void(gateway::AuditPolicy&)>& change) {
  audit_facts_.with([&](gateway::AuditPolicy& policy) {
    change(policy);
    audit_policy_.publish(std::make_shared<const gateway::AuditPolicy>(policy));
  });
}

Result<void> Process::open_identity() {
  TRY(auto peppers, data_->peppers());
  authenticator_ =
      std::make_unique<identity::Authenticator>(std::move(peppers), options_.config.server.hosts);
  publisher_ = std::make_unique<control::DirectoryPublisher>(data_->control(), *authenticator_,
                                                             *clock_, *random_);
  budgets_ = std::make_unique<Budgets>(*publisher_, data_->ledger(), *clock_);
  budgets_->add_metrics(registry_);
  changes_ = std::make_unique<control::RecordedChanges>(
      control::RecordedChanges::Parts{data_->control(), *publisher_, data_->audit().get(),
                                      [this](const Budgets::State& next) { return use(next); }});
  TRY_VOID(changes_->settle());
  TRY(const auto applied, apply(options_.config, "start"));
  config_view_.with([&](ConfigView& view) {
    view = {.file = options_.config_path,
            .config = options_.config,
            .loaded_at = wall_now(),
            .restart_pending = {},
            .refused = {}};
  });
  note_removed(applied.removed_tenants);
  are_recovered_entered_ = enter_recovered_now();
  TRY_VOID(open_rollouts());
  return options_.first_key_for.empty() ? Result<void>() : print_first_key();
}

// All or nothing: who counts by limits and who shares by pools.
Result<void> Process::use(const control::DirectoryPublisher::State& next) {
  TRY(const std::vector<gateway::PoolSettings> pools, pool_settings(*next.pools));
  TRY_VOID(budgets_->use(next));
  if (dispatcher_) dispatcher_->configure(pools);
  return {};
}

// A configuration takes effect, with limits and an entry in the audit log, or nothing changes.
Result<control::DirectoryPublisher::Applied> Process::apply(const config::Config& config,
                                                            std::string_view why) {
  control::DirectoryPublisher::Applied applied;
  TRY_VOID(changes_->make(
      std::string(kConfigApply),
      [&](const auto& agree) -> Result<void> {
        TRY(applied, publisher_->apply(config, agree));
        return {};
      },
      [&](store::ControlStore&) -> Result<std::optional<store::AdminEntry>> {
        return config_entry(config, why);
      }));
  set_audit([&](gateway::AuditPolicy& policy) {
    policy.model_digests.clear();
    for (const config::Model& model : config.models) {
      if (!model.digest.empty()) policy.model_digests.emplace(model.name, model.digest);
    }
  });
  return applied;
}

Result<void> Process::print_first_key() {
  constexpr std::string_view kKeyCreate = "key.create";
  std::optional<control::FirstKey> made;
  const auto make = [&](store::ControlStore& store) -> Result<void> {
    TRY(made, control::make_first_key(store, *authenticator_, *random_, options_.first_key_for));
    return {};
  };
  TRY_VOID(changes_->make(
      std::string(kKeyCreate), [&](const auto& agree) { return publisher_->change(make, agree); },
      [&](store::ControlStore&) -> Result<std::optional<store::AdminEntry>> {
        if (!made) return std::nullopt;
        store::AdminEntry entry;
        entry.action = std::string(kKeyCreate);
        entry.tenant = made->key.tenant;
        entry.object = fmt::format("keys/{}", made->key.id.text());
        return entry;
      }));
  if (!made) return {};
  fmt::print(stderr,
             "sovmesh: this is the API key of tenant '{}'. It is shown this once: only its HMAC is "
             "kept.\n\n    {}\n\n",
             options_.first_key_for, made->text.reveal());
  std::fflush(stderr);
  return {};
}

rt::Task<void> Process::note_drained() {
  ++drained_workers_;
  co_return;
}

http::ServerOptions Process::server_options() const {
  const config::Server& server = options_.config.server;
  http::ServerOptions out;
  out.limits.head_bytes_max = static_cast<std::size_t>(server.head_bytes_max);
  out.limits.fields_max = static_cast<std::size_t>(server.fields_max);
  out.limits.connections_max = static_cast<std::size_t>(server.connections_max);
  out.limits.connections_per_ip_max = static_cast<std::size_t>(server.connections_per_ip_max);
  out.limits.streams_max = static_cast<std::size_t>(server.streams_per_connection_max);
  out.limits.head_time = server.head_time;
  out.limits.keep_alive = server.keep_alive;
  out.limits.write_stall = server.write_stall;
  out.limits.half_close_is_abort = !server.half_close_keep;
  return out;
}

Result<void> Process::make_listeners() {
  const config::Server& server = options_.config.server;
  settings_.body.bytes_max = static_cast<std::size_t>(server.body_bytes_max);
  settings_.body.total = server.body_time;
  settings_.client_stall = server.write_stall;
  settings_.look_up = look_up_of(server.drain_time);
  TRY(const std::vector<gateway::PoolSettings> pools, pool_settings(*publisher_->state().pools));
  health_ = std::make_unique<gateway::EngineHealth>(*clock_, *random_, *log_);
  health_->tell([this](const std::string& engine, std::string_view state) {
    const bool is_out = state == "ejected";
    note_event(
        {.kind = fmt::format("engine.{}", state),
         .severity = is_out ? control::Severity::warning : control::Severity::info,
         .subject = "engines/" + engine,
         .text = fmt::format("engine {} {}", engine,
                             is_out ? "fails too often: it is left out for a while" : "is back")});
  });
  dispatcher_ = std::make_unique<gateway::Dispatcher>(
      *clock_, *random_,
      gateway::Dispatcher::Limits{
          .waiting_per_tenant_max = static_cast<std::size_t>(server.queue_per_tenant_max),
          .wait_max = server.queue_time,
          .tenants = [this] { return tenant_names(); },
          .health = health_.get(),
          .directory = &publisher_->directory()},
      pools);
  pool_history_ = std::make_unique<PoolHistory>(data_->control(), *dispatcher_, *clock_);
  if (const Result<void> restored = pool_history_->restore(); !restored)
    log_->say(observe::Level::warning, "pool_history", restored.error().message());
  usage_reports_ =
      std::make_unique<gateway::UsageReports>(data_->ledger(), *pool_, data_->audit().get());
  replays_ = std::make_unique<gateway::Replays>(data_->replays(), *pool_, *log_);
  services_ = std::make_unique<gateway::Services>(
      gateway::Services{*clock_, *random_, publisher_->directory(), *authenticator_, engines_,
                        *dispatcher_, *health_, overload_, data_->ledger(), budgets_->tariff(),
                        audit_policy_, *metrics_, *log_, usage_reports_.get(), replays_.get(),
                        &rollouts_->in_force(), &decisions_, &mirrors_, &live_});
  for (const auto& worker : workers_) {
    auto plane = std::make_unique<gateway::DataPlane>(*services_, settings_, readiness_,
                                                      worker->loop(), worker->upstream());
    data_planes_.push_back(plane.get());
    worker->on_cut_off([plane = plane.get()] { plane->cut_off(); });
    worker->keep(std::move(plane));
    worker->on_drained([this] { return note_drained(); });
  }
  workers_.front()->on_drained([this] { return stop_engines(); });
  workers_.front()->on_last_accept([this] {
    let_sockets_go();
    admin_streams_->end_all();
  });
  TRY_VOID(add_data_listeners());
  TRY_VOID(add_operator_listeners());
  return show_setup_token();
}

std::vector<std::string> Process::tenant_names() const {
  std::vector<std::string> names;
  const auto directory = publisher_->directory().get();
  for (const identity::TenantEntry* tenant : directory->tenants())
    names.emplace_back(tenant->record.slug.text());
  return names;
}

// Engines that are asleep until somebody needs them keep nobody waiting.
std::vector<std::string> Process::not_ready() const {
  std::vector<std::string> reasons;
  if (!readiness_.ready()) reasons.emplace_back("the process is starting or draining");
  if (!data_->ledger().accepts())
    reasons.push_back(fmt::format("the usage ledger takes no records{}",
                                  data_->ledger().stats().disk_full ? ": the disk is full" : ""));
  else if (disk_is_full_)
    reasons.emplace_back("the disk of the data folder is full");
  for (const auto& engine : engine_list()) {
    const engine::Status status = engine->status();
    if (engine->is_out_of_service()) continue;  // as an administrator wants it
    if (status.state == engine::State::ready || status.state == engine::State::stopped) continue;
    reasons.push_back(fmt::format("engine {}: {}{}{}", engine->name(), engine::name(status.state),
                                  status.reason.empty() ? "" : ": ", status.reason));
  }
  return reasons;
}

// What operators talk to lives on the first worker: the admin API and the metrics page.
Result<void> Process::add_operator_listeners() {
  watch_gauges();
  auto metrics =
      std::make_unique<control::MetricsHandler>(registry_, [this] { return not_ready(); });
  admin_ = std::make_unique<control::AdminApi>(control::AdminApi::Parts{
      data_->control(),
      data_->ledger(),
      *publisher_,
      *changes_,
      *authenticator_,
      *clock_,
      *random_,
      [this] { return engine_list(); },
      [this] { return not_ready(); },
      [this](const store::EngineRecord& record) { return check_api_engine(record); },
      [this](const std::vector<store::EngineRecord>& records) { run_api_engines(records); },
      [this](WallTime now, std::size_t max) { return budgets_->limiter().status(now, max); },
      data_->audit().get(),
      [this](const engine::Engine& engine) { return name(health_->condition(engine)); },
      rollouts_.get(),
      [this] { return pool_parts(); },
      check_pool,
      [this](RequestId request) -> std::optional<control::Placing> {
        const auto decision = decisions_.find(request);
        if (!decision) return std::nullopt;
        return placing_of(*decision);
      },
      [this](const ModelName& route) { return mirror_view_of(mirrors_.comparison(route)); },
      identity::PasswordCost{},
      {*clock_,
       [files = ModelFiles(options_.data_dir)](const auto& artifact) {
         return files.has(artifact);
       },
       [this](const auto& artifact) {
         return ModelFiles(options_.data_dir).engine_of(artifact, options_.config.engines);
       },
       [files = ModelFiles(options_.data_dir)](const auto& artifact) { files.drop(artifact); }},
      [this] {
        const auto pools = publisher_->state().pools;
        return config_view_.with([&](const ConfigView& view) { return view.json(*pools); });
      },
      [this](const std::set<TenantId>* whose) { return live_view(whose); },
      events_.get(),
      webhook_hub_->desk(),
      engine_work()});
  admin_streams_ = std::make_unique<control::AdminStreams>(workers_.front()->loop(), *pool_);
  watch_streams();
  const config::Server& server = options_.config.server;
  auto admin = std::make_unique<control::AdminHandler>(
      *admin_, *pool_, data_->admin_token(), static_cast<unsigned>(::geteuid()),
      [this] { return revision_; }, data_->audit().get(),
      control::AdminHandler::Rate{
          .bounds = {.per_second = server.admin_rate, .burst = server.admin_burst},
          .refused =
              &registry_.counters("sm_admin_rate_limited_total",
                                  "Calls of the admin API that came too often.", {"caller"})});
  admin->stream_by(*admin_streams_);
  const ListenerPlan metrics_plan{
      .handler = metrics.get(), .options = server_options(), .outlives_drain = true};
  auto console = std::make_unique<control::ConsoleHandler>(control::console_files(), *admin,
                                                           *data_planes_.front());
  const ListenerPlan admin_plan{.handler = console.get(), .options = server_options()};
  TRY_VOID(add_listeners(server.metrics_listen, metrics_plan, bound_.metrics_listen));
  std::vector<std::string> local;  // not of the ready line: its place follows from the data folder
  TRY_VOID(add_listeners({"unix:" + data_->admin_socket()}, admin_plan, local));
  TRY_VOID(add_listeners(server.admin_listen, admin_plan, bound_.admin_listen));
  workers_.front()->keep(std::move(metrics));
  workers_.front()->keep(std::move(admin));
  workers_.front()->keep(std::move(console));
  return {};
}

// Every worker listens on every data address; the first one settles what port 0 means.
Result<void> Process::add_data_listeners() {
  http::ServerOptions options = server_options();
  if (options_.config.server.tls) {
    TRY(auto certificate, read_certificate(*options_.config.server.tls));
    certificate_ = std::make_unique<Snapshot<rt::TlsServerContext>>(std::move(certificate));
    options.tls = [this] { return certificate_->get(); };
  }
  std::vector<http::Handler*> handlers(data_planes_.begin(), data_planes_.end());
  if (const auto& origins = options_.config.server.cors_origins; !origins.empty()) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto cors = std::make_unique<http::CorsHandler>(*data_planes_[i], origins);
      handlers[i] = cors.get();
      workers_[i]->keep(std::move(cors));
    }
  }
  for (const std::string& text : options_.config.server.listen) {
    TRY(rt::Endpoint endpoint, listen_address(text));
    const std::vector<rt::Fd> given = given_sockets_.take(endpoint);
    const bool is_ip = std::holds_alternative<rt::IpEndpoint>(endpoint);
    const bool is_shared = workers_.size() > 1 && is_ip && given.empty();
    // Each of the sockets given has connections of its own waiting; workers may share one.
    const std::size_t listeners =
        given.empty() ? (is_shared ? workers_.size() : 1) : std::max(given.size(), workers_.size());
    for (std::size_t i = 0; i < listeners; ++i) {
      const std::size_t at = i % workers_.size();
      rt::Fd socket;
      if (!given.empty()) {
        TRY(socket, rt::duplicate(given[i % given.size()].get()));
      }
      const bool is_new = given.empty() || i < given.size();
      auto bound = workers_[at]->add_listener({.endpoint = endpoint,
                                               .handler = handlers[at],
                                               .options = options,
                                               .reuse_port = is_shared,
                                               .can_wait = true,
                                               .shared = is_new ? &passable_ : nullptr},
                                              std::move(socket));
      if (!bound) return fail(of_listener(bound.error()));
      endpoint = *std::move(bound);
    }
    if (!is_ip && !given.empty() && !sockets_outlive_us_)  // its file is ours now
      passable_.back().file = rt::ListenerFile::of(std::get<rt::UnixEndpoint>(endpoint).path);
    bound_.listen.push_back(rt::to_text(endpoint));
  }
  for (const std::string& text : given_sockets_.left())
    log_->say(observe::Level::warning, "listen",
              fmt::format("'{}' was given and is not used", text));
  given_sockets_ = {};
  return {};
}

Result<void> Process::add_listeners(const std::vector<std::string>& wanted, ListenerPlan plan,
                                    std::vector<std::string>& bound) {
  for (const std::string& text : wanted) {
    TRY(plan.endpoint, listen_address(text));
    const auto local = workers_.front()->add_listener(plan);
    if (!local) return fail(of_listener(local.error()));
    bound.push_back(rt::to_text(*local));
  }
  return {};
}

void Process::print_ready() const {
  fmt::print(R"({{"event":"ready","version":"{}","pid":{},"listen":{},"admin_listen":{},)"
             R"("metrics_listen":{}}})"
             "\n",
             SM_VERSION, ::getpid(), json_list(bound_.listen), json_list(bound_.admin_listen),
             json_list(bound_.metrics_listen));
  std::fflush(stdout);
}

rt::Task<void> Process::start_up() {
  data_->start_is_over();
  if (options_.print_ready) print_ready();
  readiness_.set_ready(true);
  watch_config_files();
  Worker& first = *workers_.front();
  start_webhooks();
  if (const auto every = options_.config.ledger.verify_every; every.count() > 0) {
    ledger_check_ = std::make_unique<LedgerCheck>(
        LedgerCheck::Parts{data_->ledger(), *clock_, *log_, data_->audit().get()});
    first.spawn(ledger_check_->run(first.loop(), first.tasks().cancelled(), every));
  }
  first.spawn(keep_watching_disk());
  if (!are_recovered_entered_) first.spawn(keep_entering_recovered());
  first.spawn(keep_erasing_answers());
  first.spawn(keep_looking_at_rollouts());
  first.spawn(keep_pool_history());
  first.spawn(keep_probing_engines());
  watch_overload();
  first.spawn(pass_place_on());
  hash_models();
  log_->say(observe::Level::info, "ready",
            fmt::format("listening on {}", json_list(bound_.listen)));
  co_return;
}

// Kept answers that are too old, and those of tenants that are gone or no longer want them.
// Blocking.
void Process::erase_old_answers() {
  std::set<TenantId> wanted;
  const auto directory = publisher_->directory().get();
  for (const identity::TenantEntry* tenant : directory->tenants())
    if (tenant->replay) wanted.insert(tenant->record.id);
  data_->replays().retain(wanted);
}

rt::Task<void> Process::keep_watching_disk() {
  Worker& first = *workers_.front();
  DiskWatch watch(data_->ledger(), data_->audit().get(), *log_);
  for (;;) {
    if (const std::optional<bool> is_full = watch.look())
      note_event({.kind = *is_full ? "disk.full" : "disk.over",
                  .severity = *is_full ? control::Severity::error : control::Severity::warning,
                  .subject = "system",
                  .text = *is_full ? "the disk of the data folder is full: new requests are refused"
                                   : "there is room on the disk again: requests are taken"});
    const rt::Until next{first.loop().in(kDiskLook), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), next)) co_return;
  }
}

rt::Task<void> Process::keep_erasing_answers() {
  Worker& first = *workers_.front();
  for (;;) {
    auto work = [this]() -> Result<void> {
      erase_old_answers();
      return {};
    };
    (void)co_await rt::run_blocking(*pool_, first.loop(), std::move(work));
    const rt::Until next{first.loop().in(kEraseAnswersEvery), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), next)) co_return;
  }
}

Result<void> Process::open_rollouts() {
  rollouts_ = std::make_unique<control::Rollouts>(
      control::Rollouts::Parts{data_->control(), publisher_->directory(), *clock_,
                               [this](const catalog::Model& model) { return readiness_of(model); },
                               [this](const rollout::Rollout& rollout) { tell_rollout(rollout); },
                               [this](const rollout::Rollout& rollout, std::string_view what) {
                                 note_rollout(rollout, what);
                               }});
  return rollouts_->load();
}

rollout::Readiness Process::readiness_of(const catalog::Model& model) const {
  std::string why;
  const std::vector<std::string> one{model.engine};
  for (const std::string& name : model.engines.empty() ? one : model.engines) {
    const auto engine = engines_.find(name);
    if (engine && engine->is_ready()) return {.ready = true, .why = {}};
    why += fmt::format("{}engine {} is {}", why.empty() ? "" : ", ", name,
                       engine ? engine::name(engine->status().state) : "missing");
  }
  return {.ready = false, .why = std::move(why)};
}

// What a rollout did by itself, for operators and auditors.
void Process::tell_rollout(const rollout::Rollout& rollout) const {
  const rollout::Event& event = rollout.events.back();
  observe::LogLine line = log_->line(
      event.state == rollout::State::rolled_back ? observe::Level::warning : observe::Level::info,
      "rollout");
  line.add("model", rollout.plan.route.text())
      .add("version", rollout.plan.candidate.text())
      .add("state", rollout::name(event.state))
      .add("share", event.share)
      .add("message", event.text);
  log_->write(std::move(line));
  if (data_->audit() == nullptr) return;
  store::AdminEntry entry;
  entry.action = fmt::format("rollout.{}", rollout::name(event.state));
  entry.object = fmt::format("rollouts/{}", rollout.id.text());
  entry.reason = event.text.substr(0, 200);
  if (const auto recorded = data_->audit()->append(std::move(entry)); !recorded)
    log_->say(observe::Level::error, "audit", recorded.error().message());
}

rt::Task<void> Process::keep_looking_at_rollouts() {
  Worker& first = *workers_.front();
  for (;;) {
    auto work = [this]() -> Result<void> {
      rollouts_->look();
      return {};
    };
    (void)co_await rt::run_blocking(*pool_, first.loop(), std::move(work));
    const rt::Until next{first.loop().in(kLookAtRolloutsEvery), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), next)) co_return;
  }
}

rt::Task<void> Process::keep_pool_history() {
  Worker& first = *workers_.front();
  for (;;) {
    const rt::Until next{first.loop().in(PoolHistory::kEvery), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), next)) co_return;
    auto work = [this]() -> Result<void> { return pool_history_->save(); };
    const Result<void> saved = co_await rt::run_blocking(*pool_, first.loop(), std::move(work));
    if (!saved) log_->say(observe::Level::warning, "pool_history", saved.error().message());
  }
}

rt::Task<void> Process::run_guest() {
  Worker& worker = *workers_.front();
  std::vector<std::shared_ptr<engine::Engine>> engines;
  for (const auto& [name, engine] : *engines_.all())
    engines.push_back(engine);
  Running running{.loop = worker.loop(),
                  .network = *worker.machine().network,
                  .client = worker.upstream(),
                  .bound = bound_,
                  .ledger = data_->ledger(),
                  .directory = publisher_->directory(),
                  .pool = *pool_,
                  .engines = std::move(engines),
                  .stopping = worker.tasks().cancelled()};
  const int code = co_await options_.guest(running);
  if (code == ServeOptions::kKeepRunning) co_return;
  exit_code_ = code;
  begin_stop(Stop::hurried);
}

int Process::run() {
  Worker& first = *workers_.front();
  auto signals = rt::watch_signals(first.loop(), {SIGTERM, SIGINT, SIGHUP},
                                   [this](int number) { on_signal(number); });
  if (!signals) {
    fmt::print(stderr, "sovmesh: {}\n", signals.error().message());
    return kExitFailed;
  }
  for (std::size_t i = 1; i < workers_.size(); ++i)
    workers_[i]->start();
  first.spawn(start_up());
  if (options_.guest) first.spawn(run_guest());
  first.run();
  for (const auto& worker : workers_)
    worker->join();
  if (const auto saved = pool_history_->save(); !saved)
    log_->say(observe::Level::warning, "pool_history", saved.error().message());
  const Result<void> flushed = data_->ledger().flush();
  if (!flushed) log_->say(observe::Level::error, "ledger", flushed.error().message());
  if (const auto audit = data_->audit()) {
    if (const auto done = audit->flush(kAuditFlush); !done)
      log_->say(
          observe::Level::error, "audit",
          fmt::format("{}; entries that wait: {}", done.error().message(), audit->stats().waiting));
  }
  return exit_code_;
}

void Process::on_signal(int number) {
  if (number == SIGHUP) {
    reload();
    return;
  }
  ++stop_signals_;
  begin_stop(stop_signals_ > 1 || options_.stop_at_once ? Stop::hurried : Stop::usual);
}

void Process::begin_stop(Stop stop) {
  is_stopping_ = true;
  readiness_.set_ready(false);
  if (ledger_check_) ledger_check_->stop();
  const config::Server& server = options_.config.server;
  const Instant now = clock_->now();
  const bool hurry = stop == Stop::hurried;
  // Where sockets stay, new connections wait in them for whoever comes next.
  const bool at_once = stop != Stop::usual || sockets_outlive_us_;
  const Instant accept_until = at_once ? now : now + server.accept_after_term;
  const Instant deadline = accept_until + (hurry ? kHurriedDrain : server.drain_time);
  const Instant cut_off = deadline - last_words_of(server.drain_time);
  for (const auto& worker : workers_) {
    worker->begin_stop({.accept_until = rt::Deadline::at(accept_until),
                        .cut_off = rt::Deadline::at(cut_off),
                        .deadline = rt::Deadline::at(deadline)});
  }
}

}  // namespace sovmesh::compose
