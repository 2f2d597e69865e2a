#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/data_plane.h"
#include "gateway/mirror.h"
#include "gateway/replay.h"
#include "gateway/usage.h"
#include "http/server.h"
#include "limits/local_limiter.h"
#include "rt/sim/blocking.h"
#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "sim/engine_sim.h"
#include "tenancy/key_format.h"
#include "tests/flow/scripted_engine.h"
#include "tests/support/fake_audit.h"
#include "tests/support/fake_engine.h"
#include "tests/support/memory_ledger.h"
#include "tests/support/memory_replays.h"

namespace sovmesh::flow {

// The lines of a log, kept.
class MemorySink : public observe::LogSink {
 public:
  void write(std::string&& line) override { lines.push_back(std::move(line)); }
  std::uint64_t dropped() const override { return 0; }
  std::vector<std::string> lines;
};

// A listener whose next accepts may fail, as when a process has run out of file descriptors.
class TroubledListener : public rt::Listener {
 public:
  struct Trouble {
    int failures_left = 0;
    int accepts = 0;  // asked for, the failed ones too
  };
  TroubledListener(std::unique_ptr<rt::Listener> inner, Trouble& trouble)
      : inner_(std::move(inner)), trouble_(trouble) {}
  rt::Task<Result<std::unique_ptr<rt::Socket>>> accept(rt::Until until) override;
  rt::Endpoint local() const override { return inner_->local(); }

 private:
  std::unique_ptr<rt::Listener> inner_;
  Trouble& trouble_;
};

// On the scripted engine.
inline constexpr std::string_view kLongModel =
    "a-model-with-a-name-that-is-so-long-that-every-chunk-of-an-answer-grows-by-it-until-the-end";

// A whole gateway in one simulated machine: the data plane on 127.0.0.1:8080, a simulated engine
// at 10.0.0.2:8000 with its twin at 10.0.0.4:8000, a scripted one at 10.0.0.3:8000, two tenants
// with a key each.
//
// Models: "chat" and "embed" for everybody, "aurora-only" for aurora, "quick" with short times (8 s
// to the first token, 4 s between two), "script" and "script-embed" on the scripted engine, "twins"
// on the simulated engine and its twin, "pair" on the scripted and the simulated one, with short
// times.
//
// Its destructor drains the gateway and expects that nothing is left: no open row, seat, socket or
// timer, and no broken invariant of the ledger.
class GatewayWorld {
 public:
  // Makes the ledger that is used instead of `ledger`.
  using LedgerMaker = std::function<std::unique_ptr<store::Ledger>(rt::sim::SimWorld& world)>;
  explicit GatewayWorld(std::uint64_t seed = 7, sim::EngineSimOptions engine_options = {},
                        int slots = 16, http::ServerLimits limits = {},
                        const LedgerMaker& make_ledger = {});
  ~GatewayWorld();
  GatewayWorld(const GatewayWorld&) = delete;
  GatewayWorld& operator=(const GatewayWorld&) = delete;

  const std::string& key(std::string_view tenant) const {
    return tenant == "aurora" ? aurora_key_ : borealis_key_;
  }
  const gateway::Dispatcher& dispatcher() const { return dispatcher_; }
  // As an administrator stops it.
  void stop(FakeEngine& stopped) {
    stopped.take_out_of_service();
    dispatcher_.engines_changed();
  }
  // Parts of the pool that all engines are in.
  void set_members(std::vector<fairness::NodeSpec> members) {
    dispatcher_.configure({{.name = "", .engines = {}, .members = std::move(members)}});
  }
  static TenantId tenant_id(std::string_view tenant);
  void revoke(std::string_view tenant);
  void put_in_pool(const std::string& name_of_engine, const std::string& shared);
  void take_scope(std::string_view tenant, tenancy::Scope scope);
  void set_max_priority(std::string_view tenant, PriorityClass highest);
  // A limit of a whole tenant on the wall clock's time; `scope` etc. as given.
  void limit(limits::Limit limit);
  limits::Limit tenant_limit(std::string_view tenant, limits::Measure measure,
                             limits::Window window, std::int64_t amount) const;
  // What has been used and is held of each limit.
  std::vector<limits::Status> balances();
  void set_prices(std::vector<metering::PriceTerms> terms);
  void set_audit(gateway::AuditPolicy policy) {
    audit_.publish(std::make_shared<const gateway::AuditPolicy>(std::move(policy)));
  }
  void set_settings(std::string_view tenant, tenancy::Settings wanted);
  // Aurora's whole answers are kept for repeats of an Idempotency-Key.
  void keep_answers();
  // A route over models of this world, from now on; one of the same name is replaced.
  void drop_routes() { routes_.clear(); }  // as of the next change
  void set_route(catalog::Route route);
  // Requests go by these from now on.
  void use_rollouts(const gateway::RolloutsInForce& rollouts) { services_.rollouts = &rollouts; }
  const Snapshot<identity::Directory>& directory() const { return directory_; }
  // From now on a tenant's key may only use these names.
  void label_key(std::string_view tenant, std::map<std::string, std::string> labels);
  void narrow_key(std::string_view tenant, std::set<ModelName> models);
  // A model as it is from now on.
  void change_model(std::string_view model, std::function<void(catalog::Model&)> change);
  // A model that the directory no longer has.
  void withdraw(std::string_view model);
  // Lets what is under way end; the engine's connections may stay open.
  bool settle(std::chrono::milliseconds limit = std::chrono::minutes(3));

  rt::sim::SimWorld world;
  rt::sim::SimNetwork network{world};
  rt::sim::SimResolver resolver{world};
  sim::EngineSim engine_sim;
  sim::EngineSim twin_sim;
  ScriptedEngine scripted;
  std::shared_ptr<FakeEngine> engine;
  std::shared_ptr<FakeEngine> scripted_engine;
  std::shared_ptr<FakeEngine> twin;
  TroubledListener::Trouble accept_trouble;
  MemoryLedger ledger;
  std::unique_ptr<store::Ledger> made_ledger;
  store::Ledger& books() { return made_ledger ? *made_ledger : ledger; }
  rt::sim::SimBlockingPool blocking{world, 2, 64};
  FakeAudit report_audit;
  gateway::UsageReports usage_reports{books(), blocking, &report_audit};
  MemorySink sink;
  observe::Log log{sink, world.clock(), observe::Level::debug};
  gateway::Overload overload;
  gateway::EngineHealth health{world.clock(), world.random(), log};
  gateway::Decisions decisions;
  MemoryReplays kept;
  limits::LocalLimiter limiter;
  limits::OutputEstimate estimates;
  gateway::Settings settings;
  http::ClientPool pool{world.loop(), network, resolver, {}};
  gateway::Readiness readiness;

  http::Server& server() { return *server_; }
  gateway::DataPlane& plane() { return plane_; }
  std::string metrics() { return registry_.render(); }
  const gateway::Mirrors& mirrors() const { return mirrors_; }

 private:
  identity::DirectoryData directory_data() const;
  std::shared_ptr<const identity::Directory> make_directory() const;
  tenancy::Key make_key(const tenancy::NewKey& made, std::string_view tenant) const;

  std::string aurora_key_;
  std::string borealis_key_;
  identity::Authenticator authenticator_;
  std::vector<tenancy::Key> keys_;
  std::set<std::string, std::less<>> withdrawn_;
  std::map<std::string, std::function<void(catalog::Model&)>, std::less<>> model_changes_;
  std::vector<catalog::Route> routes_;
  std::map<std::string, std::string, std::less<>> pool_of_engine_;
  Snapshot<identity::Directory> directory_;
  gateway::EngineSet engines_;
  gateway::Dispatcher dispatcher_{
      world.clock(), world.random(), {.health = &health, .directory = &directory_}};
  observe::Registry registry_;
  gateway::RequestMetrics metrics_{registry_};
  gateway::Mirrors mirrors_{registry_};
  gateway::Replays replays_{kept, blocking, log};
  bool keeps_answers_ = false;
  std::map<TenantId, std::shared_ptr<const identity::TenantSettings>> tenant_settings_;
  std::vector<limits::Limit> limits_;
  Snapshot<metering::PriceBook> prices_{std::make_shared<const metering::PriceBook>()};
  Snapshot<gateway::AuditPolicy> audit_{std::make_shared<const gateway::AuditPolicy>()};
  gateway::Tariff tariff_{limiter, estimates, prices_};
  gateway::Services services_;
  gateway::DataPlane plane_;
  std::unique_ptr<http::Server> server_;
  rt::TaskGroup tasks_;
};

// An HTTP answer as it came over the wire.
struct Answer {
  int status = 0;  // 0: no head came
  std::string head;
  std::string body;       // without chunk framing
  bool complete = false;  // framed end seen

  bool has(std::string_view text) const { return body.find(text) != std::string::npos; }
  std::size_t count(std::string_view text) const;
};

// Without what is different in each answer: ids, date, times.
std::string without_ids(std::string text);

// A client that speaks plain bytes.
class Client {
 public:
  explicit Client(GatewayWorld& gateway);

  void send(const std::string& bytes);
  // POST with the tenant's key.
  void post(std::string_view path, const std::string& body, std::string_view tenant = "aurora",
            std::string_view more_fields = "");
  void get(std::string_view path, std::string_view tenant = "aurora");
  // The answer, as far as it came within `limit`. Forgets it, so that the next one can be asked
  // for.
  Answer answer(std::chrono::milliseconds limit = std::chrono::minutes(3));
  // Waits for these bytes.
  bool wait_for(std::string_view text, std::chrono::milliseconds limit = std::chrono::minutes(1));
  // Takes what is there.
  void pump();
  Answer parsed() const;
  const std::string& heard() const { return heard_; }
  bool ended() const { return ended_; }
  void hang_up() { socket_.reset(); }
  // As hang_up(), with an RST.
  void reset();
  rt::sim::ConnectionId connection() const { return rt::sim::Wire::id_of(*socket_); }
  bool refused() const { return socket_ == nullptr; }  // nobody listens

 private:
  GatewayWorld& gateway_;
  std::unique_ptr<rt::Socket> socket_;
  std::string heard_;
  bool ended_ = false;
};

// The bytes of post().
std::string post_bytes(const GatewayWorld& gateway, std::string_view path, const std::string& body,
                       std::string_view tenant = "aurora", std::string_view more_fields = "");

// {"model":MODEL,"messages":[...]MORE}
std::string chat_body(std::string_view content, std::string_view more = "",
                      std::string_view model = "chat");
inline constexpr std::string_view kStream = R"(,"stream":true)";

}  // namespace sovmesh::flow
