#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "control/access_tokens.h"
#include "control/admin_artifacts.h"
#include "control/admin_call.h"
#include "control/admin_feed.h"
#include "control/admin_people.h"
#include "control/directory_publisher.h"
#include "control/live.h"
#include "control/mirror_view.h"
#include "control/placing.h"
#include "control/recorded_changes.h"
#include "control/statements.h"
#include "control/stored_routes.h"
#include "control/webhooks.h"
#include "engine/engine.h"
#include "identity/authenticator.h"
#include "limits/limiter.h"
#include "rollout/rollout.h"
#include "store/audit.h"
#include "store/control_store.h"
#include "store/ledger.h"

namespace sovmesh::control {

class EventLog;
struct Event;
class Rollouts;

// A pool, cohort, tenant or project and what it has of a pool. Rates in GPUs, over the last whole
// minute.
struct PoolPart {
  std::string pool;  // empty: that of the engines in no pool
  std::string path;  // "east/aurora/web"; empty: the pool itself
  std::string_view level;
  double guaranteed = 0, weight = 1;
  double used = 0, borrowed = 0, lent = 0;
  double history = 0;  // GPU-seconds borrowed, as the half-life leaves them
  std::int64_t waiting = 0, running = 0;
};

// What administrators do to engines that run. Empty: nothing.
struct EngineWork {
  // Out of service when it returns; what runs may go on for `grace`.
  std::function<void(const std::shared_ptr<engine::Engine>&, std::chrono::seconds grace)> stop = {};
  std::function<void(const std::shared_ptr<engine::Engine>&)> start = {};
  // Slots of it that requests have at this moment.
  std::function<std::size_t(const engine::Engine&)> in_flight = {};
};

// The admin API below /api/v1 without its transport: who calls has been settled before, and each
// call is asked about in access::decide() (admin_access.h). Blocks on
// the stores: any thread of the blocking pool; writes take turns. What a write changed is in the
// audit log and published to the data path before call() returns, or it is not changed.
class AdminApi {
 public:
  struct Parts {
    store::ControlStore& store;
    store::Ledger& ledger;
    DirectoryPublisher& publisher;
    RecordedChanges& changes;
    const identity::Authenticator& authenticator;
    const Clock& clock;
    Random& random;
    std::function<std::vector<std::shared_ptr<engine::Engine>>()> engines;
    std::function<std::vector<std::string>()> not_ready;  // reasons, as /readyz gives them
    // Whether such an engine could run (its URL, its dialect). Empty: any could.
    std::function<Result<void>(const store::EngineRecord&)> check_engine = {};
    // Makes the API's engines that run be exactly these, before it returns; one that has passed
    // `check_engine` can be made. Empty: none run.
    std::function<void(const std::vector<store::EngineRecord>&)> run_engines = {};
    // What is used of limits at this moment, by their names in publisher.limits(); at most so many.
    // Empty: nobody counts.
    std::function<std::vector<limits::Status>(WallTime now, std::size_t max)> limit_status = {};
    // Where reports, reads of the log itself and what is no change of the store are recorded; the
    // same as that of `changes`. Null: nowhere.
    store::Audit* audit = nullptr;
    // How requests see an engine: "in", "ejected"... Empty: nobody looks.
    std::function<std::string_view(const engine::Engine&)> engine_condition = {};
    Rollouts* rollouts = nullptr;  // null: there are none here
    // What is used of pools at this moment. Empty: there are none.
    std::function<std::vector<PoolPart>()> pools = {};
    // Whether a pool could be shared so: an error of the caller says what is wrong. Empty: any
    // could.
    std::function<Result<void>(const config::Pool&)> check_pool = {};
    // How one of the latest requests was placed. Empty: nobody remembers.
    std::function<std::optional<Placing>(RequestId)> placing = {};
    // What came of the copies of a route's requests; nothing: there was none. Empty: none is made.
    std::function<std::optional<MirrorView>(const ModelName& route)> mirror = {};
    identity::PasswordCost password_cost = {};
    AdminArtifacts::Parts artifacts{clock};
    // The configuration in force as JSON, secrets as references. Empty: there is none here.
    std::function<std::string()> config = {};
    ReadLive live = {};          // empty: nobody counts
    EventLog* events = nullptr;  // null: nobody keeps any
    WebhookDesk webhooks = {};
    EngineWork engine_work = {};
  };
  static constexpr std::size_t kEnginesMax = 64;  // of the API

  static constexpr std::chrono::seconds kGraceUsual{30};  // of what runs on a stopped engine
  static constexpr std::chrono::seconds kGraceMax{600};
  static constexpr std::int64_t kLogLinesMax = 1'000;  // asked for at once

  static constexpr std::size_t kLimitsMax = 10'000;       // of the API
  static constexpr std::size_t kPoolMembersMax = 10'000;  // of the API
  static constexpr std::size_t kStatusesMax = 20'000;     // balances looked at for one answer

  static constexpr std::size_t kUrlTextMax = 1'024;  // characters of one name or value in a URL

  explicit AdminApi(Parts parts);
  Result<AdminReply> call(const AdminCall& call);
  // For a stream of `live` or `events`.
  Result<AdminFeed> open_feed(const AdminCall& call, const std::optional<std::string>& last_id);
  // Of people who sign in.
  Logins& logins() { return logins_; }
  AccessTokens& tokens() { return tokens_; }

 private:
  using Request = AdminRequest;
  Result<Request> take_apart(const AdminCall& call);
  Result<AdminReply> answer(Request& request);
  Result<AdminReply> change(Request& request);
  // admin_dry_run.cpp
  Result<AdminReply> dry_run(Request& request);
  Result<AdminReply> present(const Request& request, const AdminReply& reply);
  Result<AdminReply> route(Request& request);
  Result<AdminReply> tenants(Request& request);
  Result<AdminReply> create_tenant(Request& request);
  Result<AdminReply> change_tenant(Request& request, tenancy::Tenant tenant);
  // admin_settings.cpp
  Result<AdminReply> tenant_settings(Request& request);
  Result<AdminReply> change_settings(Request& request, const tenancy::Tenant& tenant,
                                     store::SettingsRecord record);
  std::string show_settings(const tenancy::Tenant& tenant, const tenancy::Settings& settings,
                            const tenancy::Meta& meta) const;
  Result<AdminReply> projects(Request& request);
  Result<AdminReply> create_project(Request& request);
  Result<AdminReply> change_project(Request& request, tenancy::Project project,
                                    const store::ControlData& data);
  Result<AdminReply> keys(Request& request);
  Result<AdminReply> create_key(Request& request);
  Result<AdminReply> change_key(Request& request, tenancy::Key key);
  Result<AdminReply> replace_key(Request& request, tenancy::Key key);
  Result<AdminReply> rotate_key(Request& request, tenancy::Key key);
  Result<AdminReply> revoke_key(Request& request, tenancy::Key key);
  Result<AdminReply> models(Request& request);
  Result<AdminReply> create_model(Request& request);
  Result<AdminReply> change_model(Request& request, catalog::Model model);
  Result<void> check_model(const catalog::Model& model);
  Result<void> check_hides_nothing(const ModelName& name) const;
  Result<void> check_unused(const catalog::Model& model) const;
  Result<void> check_engine_of(const catalog::Model& model, const std::string& name);
  Result<AdminReply> engines(Request& request);
  Result<AdminReply> create_engine(Request& request);
  Result<AdminReply> replace_engine(Request& request, store::EngineRecord wanted,
                                    store::ControlData data);
  Result<AdminReply> delete_engine(Request& request, const std::string& name,
                                   store::ControlData data);
  std::vector<std::string> engine_names() const;
  void run_afterwards(Request& request, std::vector<store::EngineRecord> engines) const;
  Result<AdminReply> stop_engine(Request& request, const std::shared_ptr<engine::Engine>& engine,
                                 const store::ControlData& data);
  Result<AdminReply> start_engine(Request& request, const std::shared_ptr<engine::Engine>& engine,
                                  const store::ControlData& data);
  static Result<AdminReply> engine_log(Request& request, const engine::Engine& engine);
  AdminReply switched(Request& request, const std::shared_ptr<engine::Engine>& engine,
                      const store::ControlData& data, engine::Status expected,
                      std::function<void()> work) const;
  std::shared_ptr<engine::Engine> running_engine(const std::string& name) const;
  std::string show_engine(const engine::Engine& engine, const store::ControlData& data) const;
  std::string engine_state(const engine::Engine& engine, const engine::Status& status) const;
  std::string describe_engine(const engine::Engine& engine, const store::ControlData& data) const;
  Result<AdminReply> limits(Request& request);
  Result<AdminReply> put_limit(Request& request);
  Result<AdminReply> change_limit(Request& request, store::LimitRecord limit,
                                  const store::ControlData& data);
  Result<AdminReply> changed_limit(Request& request, store::LimitRecord limit,
                                   store::ControlData data, int status);
  Result<AdminReply> show_limit(const store::LimitRecord& limit, const store::ControlData& data,
                                int status);
  Result<AdminReply> written_limit(Request& request, store::LimitRecord limit,
                                   store::ControlData data, int status);
  Result<std::vector<std::string>> show_limits(const std::vector<store::LimitRecord>& wanted,
                                               const store::ControlData& data);
  Result<AdminReply> prices(Request& request);
  // admin_routes.cpp
  Result<AdminReply> routes(Request& request);
  Result<AdminReply> show_mirror(const catalog::Route& route) const;
  Result<AdminReply> create_route(Request& request);
  Result<AdminReply> change_route(Request& request, RouteRecord record);
  Result<AdminReply> delete_route(Request& request, const RouteRecord& record);
  Result<AdminReply> write_route(Request& request, RouteRecord record, int status,
                                 const std::string& stored = {});
  std::string show_route(const catalog::Route& route, const RouteRecord* record,
                         const identity::Directory& directory) const;
  std::optional<rollout::Rollout> running_rollout(const ModelName& route) const;
  // admin_rollouts.cpp
  Result<AdminReply> rollouts(Request& request);
  Result<AdminReply> start_rollout(Request& request);
  Result<AdminReply> change_rollout(Request& request, const rollout::Rollout& next, int status);
  // admin_pools.cpp
  Result<AdminReply> pools(Request& request);
  std::vector<std::string> pool_names() const;
  Result<AdminReply> show_pool(const config::Pool& pool) const;
  Result<AdminReply> set_pool_member(Request& request, const config::Pool& pool);
  Result<AdminReply> remove_pool_member(Request& request, const config::Pool& pool);
  Result<void> check_pool(const std::string& name, const store::ControlData& data) const;
  // admin_webhooks.cpp
  Result<AdminReply> webhooks(Request& request);
  Result<AdminReply> create_webhook(Request& request);
  Result<AdminReply> change_webhook(Request& request, store::WebhookRecord webhook,
                                    const store::ControlData& data);
  Result<AdminReply> rotate_webhook(Request& request, store::WebhookRecord webhook,
                                    const store::ControlData& data);
  Result<AdminReply> test_webhook(Request& request, const store::WebhookRecord& webhook,
                                  const store::ControlData& data);
  std::string_view state_of(const store::WebhookRecord& webhook, const WebhookReport& report) const;
  std::string show_webhook(const Request& request, const store::WebhookRecord& webhook,
                           const store::ControlData& data, std::string_view secret = {}) const;
  // admin_usage.cpp, admin_statements.cpp
  Result<AdminReply> usage(Request& request);
  Result<AdminReply> forecast(Request& request);
  Result<AdminReply> statements(Request& request);
  Result<AdminReply> adjust(Request& request);
  Result<AdminReply> explain_request(Request& request);
  Result<AdminReply> requests(Request& request);  // admin_requests.cpp
  // admin_watch.cpp
  Result<std::optional<std::set<TenantId>>> whose(Request& request);
  Result<AdminReply> live(Request& request);
  Result<AdminReply> events(Request& request);
  void note_change(const Request& request, const AdminReply& reply) const;
  Result<AdminReply> verify_ledger(Request& request);
  // admin_audit.cpp
  static std::string action_of(std::string_view method, const std::vector<std::string>& path);
  Result<void> may_record(const Request& request) const;
  Result<void> may_lose(const Request& request);
  Result<std::function<bool(const store::AuditHold&)>> what_is_lost(const Request& request);
  Result<void> record_read(const Request& request);
  Result<std::optional<store::AdminEntry>> change_entry(const Request& request,
                                                        const AdminReply& reply);
  Result<AdminReply> audit(Request& request);
  Result<AdminReply> audit_read(Request& request);
  Result<void> may_see_entry(const Request& request);
  Result<store::AuditSubject> listed(const Request& request,
                                     const std::optional<std::string>& tenant,
                                     const std::optional<std::string>& subject);
  Result<AdminReply> audit_list(Request& request);
  Result<AdminReply> audit_show(Request& request);
  Result<AdminReply> audit_proof(Request& request);
  Result<AdminReply> audit_export(Request& request);
  Result<AdminReply> audit_checkpoint(Request& request);
  Result<AdminReply> audit_witnessed(Request& request);
  Result<AdminReply> audit_holds(Request& request);
  Result<AdminReply> audit_write(Request& request);
  Result<AdminReply> audit_backup(Request& request);
  Result<AdminReply> erase_subject(const store::AuditSubject& subject, store::AdminEntry entry);
  Result<std::int64_t> forget_owner(const store::AuditSubject& subject, store::AdminEntry entry);
  Result<std::int64_t> still_named(const store::AuditSubject& subject) const;
  struct ErasedInLedger {
    std::optional<std::uint64_t> index;  // of the entry that says so
    std::int64_t subjects = 0;           // that had the name
  };
  Result<ErasedInLedger> erase_in_ledger(TenantId tenant, const std::string& user,
                                         store::AdminEntry entry);
  Result<bool> is_known(const store::AuditSubject& subject);
  Result<AdminReply> hold_subject(const store::AuditSubject& subject, store::AdminEntry entry);
  Result<store::AuditSubject> subject_of(const std::optional<std::string>& tenant,
                                         const std::optional<std::string>& id);
  store::AdminEntry entry_of(const Request& request, std::string action) const;
  Result<AdminReply> system(Request& request);
  // admin_roles.cpp
  static Result<AdminReply> roles(Request& request);
  Result<AdminReply> config(Request& request);

  Parts parts_;
  Logins logins_;
  AccessTokens tokens_;
  AdminPeople people_;
  AdminArtifacts artifacts_;
  Guarded<UlidSource> ids_;  // its lock is also the turn of writes
  Guarded<Statements> statements_;
};

}  // namespace sovmesh::control
