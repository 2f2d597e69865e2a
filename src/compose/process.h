#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compose/budgets.h"
#include "compose/checkpoint_webhook.h"
#include "compose/config_view.h"
#include "compose/event_webhook.h"
#include "compose/ledger_check.h"
#include "compose/pool_history.h"
#include "compose/serve.h"
#include "compose/webhook_hub.h"
#include "compose/worker.h"
#include "control/admin_api.h"
#include "control/admin_streams.h"
#include "control/directory_publisher.h"
#include "control/event_log.h"
#include "control/recorded_changes.h"
#include "control/rollouts.h"
#include "engine/engine_news.h"
#include "engine/engine_switch.h"
#include "engine/model_list.h"
#include "gateway/data_plane.h"
#include "gateway/decisions.h"
#include "gateway/dispatcher.h"
#include "gateway/engine_health.h"
#include "gateway/engine_set.h"
#include "gateway/live_counts.h"
#include "gateway/mirror.h"
#include "gateway/overload.h"
#include "gateway/replay.h"
#include "gateway/usage.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "rt/listen_sockets.h"
#include "rt/real.h"
#include "store/control_store.h"
#include "store/ledger.h"
#include "webhook/sender.h"

namespace sovmesh::engine_remote {
class RemoteEngine;
}

namespace sovmesh::compose {

// Every object of a serving process, in the order of construction (members die in reverse). The
// only place besides engines.cpp that names concrete classes.
class Process {
 public:
  struct Data;  // the data folder with its lock and the SQLite adapters

  explicit Process(ServeOptions options);
  ~Process();

  Result<void> open();  // data folder, stores, snapshot, engines, listeners: nothing runs yet
  int run();            // until a signal or the guest ends it

 private:
  Result<void> open_data();
  Result<void> open_identity();
  Result<control::DirectoryPublisher::Applied> apply(const config::Config& config,
                                                     std::string_view why);
  Result<void> use(const control::DirectoryPublisher::State& next);
  Result<void> make_workers();
  Result<void> make_engines();
  Result<std::shared_ptr<engine::Engine>> make_managed(const config::Engine& wanted);
  Result<std::shared_ptr<engine_remote::RemoteEngine>> make_remote(const config::Engine& wanted);
  Result<void> check_api_engine(const store::EngineRecord& record);
  void run_api_engines(const std::vector<store::EngineRecord>& records);
  rt::Task<void> stop_engine(std::shared_ptr<engine::Engine> engine);
  Result<void> make_listeners();
  Result<void> add_listeners(const std::vector<std::string>& wanted, ListenerPlan plan,
                             std::vector<std::string>& bound);
  Result<void> add_data_listeners();
  Result<void> add_operator_listeners();
  Result<void> show_setup_token();  // process_setup.cpp
  void watch_gauges();
  void watch_health();
  void watch_ledger();
  void watch_overload();
  void apply_overload(const routing::OverloadActions& actions);
  void watch_pools();
  // process_live.cpp
  struct LiveLoad {
    std::vector<control::LiveView::Pool> pools;
    std::vector<control::LiveView::Engine> engines;
    std::map<std::string, control::LiveView::Tenant> tenants;  // by slug: what runs and waits
  };
  struct KnownLoad {
    Instant at{};
    std::shared_ptr<const LiveLoad> load;
  };
  std::shared_ptr<const LiveLoad> live_load();
  control::LiveView live_view(const std::set<TenantId>* whose);
  void note_event(control::Event event) const;
  void note_threshold(const limits::Threshold& crossed) const;
  void watch_streams();
  std::vector<std::shared_ptr<engine::Engine>> engine_list() const;
  std::vector<std::string> not_ready() const;
  std::vector<std::string> tenant_names() const;
  std::vector<control::PoolPart> pool_parts() const;
  http::ServerOptions server_options() const;
  void print_ready() const;
  void on_signal(int number);
  enum class Stop : std::uint8_t { usual, hurried, handed_over };
  void begin_stop(Stop stop);
  Result<void> take_sockets();
  Result<void> take_place();
  rt::Task<void> pass_place_on();
  void let_sockets_go();
  rt::Task<bool> pass_to(rt::Socket& peer);
  struct Reload;
  void watch_config_files();
  void files_changed();
  rt::Task<void> reload_when_quiet();
  void reload();
  Reload reload_now();
  rt::Task<void> reload_task();
  void note_reload(const Reload& done);
  void note_removed(const std::vector<std::string>& tenants) const;
  void note_revision(const std::string& revision);
  rt::Task<void> run_guest();
  rt::Task<void> start_up();
  rt::Task<void> note_drained();
  rt::Task<void> stop_engines();
  rt::Task<void> keep_probing_engines();
  rt::Task<void> probe_engine(std::shared_ptr<engine::Engine> engine);
  control::EngineWork engine_work();
  void note_engine(const std::string& name, const engine::Status& status);
  Result<void> print_first_key();
  void on_models(const std::string& name, const Result<std::vector<engine::ListedModel>>& listed);
  rt::Task<void> publish_discovered();
  Result<void> make_webhooks();
  void start_webhooks();
  void count_deliveries(std::string_view webhook, std::function<webhook::Sender::Stats()> stats);
  rt::Task<void> tell_budget_events();
  void set_audit(const std::function<void(gateway::AuditPolicy&)>& change);
  void hash_models();
  rt::Task<void> hash_models_task();
  void erase_old_answers();
  rt::Task<void> keep_watching_disk();
  bool enter_recovered_now();
  rt::Task<void> keep_entering_recovered();
  rt::Task<void> keep_erasing_answers();
  Result<void> open_rollouts();
  rollout::Readiness readiness_of(const catalog::Model& model) const;
  void tell_rollout(const rollout::Rollout& rollout) const;
  void note_rollout(const rollout::Rollout& rollout, std::string_view what) const;
  rt::Task<void> keep_looking_at_rollouts();
  rt::Task<void> keep_pool_history();

  ServeOptions options_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<rt::BlockingPool> pool_;
  std::unique_ptr<observe::LogSink> log_sink_;
  std::unique_ptr<observe::Log> log_;
  observe::Registry registry_;
  std::unique_ptr<gateway::RequestMetrics> metrics_;
  observe::Gauge* reload_success_ = nullptr;
  observe::Gauge* restart_pending_ = nullptr;
  observe::Family<observe::Gauge>* config_info_ = nullptr;
  std::string revision_;  // of the configuration in force; of the first worker
  Guarded<ConfigView> config_view_;
  // Of the API's engines that run, by name; of whoever makes and changes engines, one at a time.
  std::map<std::string, std::int64_t> engine_revisions_;
  std::unique_ptr<Data> data_;
  std::unique_ptr<identity::Authenticator> authenticator_;
  std::unique_ptr<control::DirectoryPublisher> publisher_;
  std::unique_ptr<Budgets> budgets_;
  std::unique_ptr<LedgerCheck> ledger_check_;  // null: never
  std::unique_ptr<control::RecordedChanges> changes_;
  std::unique_ptr<control::Rollouts> rollouts_;
  // What audit_policy_ is published from.
  Guarded<gateway::AuditPolicy> audit_facts_;
  Snapshot<gateway::AuditPolicy> audit_policy_{std::make_shared<const gateway::AuditPolicy>()};
  gateway::EngineSet engines_;
  std::unique_ptr<control::AdminApi> admin_;
  gateway::Decisions decisions_;
  gateway::Mirrors mirrors_{registry_};
  gateway::LiveCounts live_;
  Guarded<KnownLoad> live_load_;
  std::unique_ptr<control::EventLog> events_;
  std::unique_ptr<control::AdminStreams> admin_streams_;  // of the first worker
  std::unique_ptr<PoolHistory> pool_history_;
  std::unique_ptr<gateway::EngineHealth> health_;
  std::unique_ptr<gateway::Dispatcher> dispatcher_;
  gateway::Overload overload_;
  gateway::Readiness readiness_;
  std::unique_ptr<Snapshot<rt::TlsServerContext>> certificate_;  // null: clear text
  // Of the first worker.
  bool reloading_ = false;
  bool reload_wanted_ = false;
  bool files_changed_ = false;
  bool settling_ = false;
  std::vector<std::string> watched_;
  std::unique_ptr<rt::FileWatch> watch_;
  // Model lists that engines gave and that are not published yet; on the first worker.
  std::map<std::string, std::vector<engine::ListedModel>> discovered_;
  bool publishing_discovered_ = false;
  bool hashing_models_ = false;  // of the first worker
  bool hash_models_again_ = false;
  std::atomic<bool> is_stopping_ = false;
  bool are_recovered_entered_ = false;      // by the start
  std::atomic<bool> disk_is_full_ = false;  // as the last look at it was
  gateway::Settings settings_;
  std::unique_ptr<gateway::UsageReports> usage_reports_;
  std::unique_ptr<gateway::Replays> replays_;
  std::unique_ptr<gateway::Services> services_;
  std::unique_ptr<engine::EngineSwitch> engine_switch_;  // of the first worker
  engine::EngineNews engine_news_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<gateway::DataPlane*> data_planes_;           // owned by their workers
  std::unique_ptr<webhook::Sender> budget_webhook_;        // of the first worker; null: none wanted
  std::unique_ptr<CheckpointWebhook> checkpoint_webhook_;  // the same
  std::unique_ptr<EventWebhook> rollout_webhook_;          // the same, but for note()
  std::unique_ptr<WebhookHub> webhook_hub_;  // of the first worker, but for its desk()
  Bound bound_;
  rt::ListenSockets given_sockets_;  // that nobody listens on yet
  bool sockets_outlive_us_ = false;  // the service manager's
  // Handles on the sockets of the data listeners, while we accept; of the first worker.
  std::vector<rt::SharedListener> passable_;
  int exit_code_ = kExitOk;
  int stop_signals_ = 0;
  std::atomic<std::size_t> drained_workers_{0};
};

}  // namespace sovmesh::compose
