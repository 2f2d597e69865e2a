#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "base/hash.h"
#include "base/secret.h"

namespace sovmesh::config {

// Where a setting stands, for error messages: "sovmesh.yaml:12:5".
struct Position {
  std::string file;
  int line = 0;  // from 1; 0 when the value comes from a flag or the environment
  int column = 0;
  std::string text() const;
};

// The settings that an object of a YAML file really has, by name, and where each stands: what is
// written with its default value looks like what is not written. Empty for objects from elsewhere.
class Given {
 public:
  void add(std::string name, Position at) { at_.emplace_back(std::move(name), std::move(at)); }
  const Position* find(std::string_view name) const {
    for (const auto& [known, at] : at_)
      if (known == name) return &at;
    return nullptr;
  }

 private:
  std::vector<std::pair<std::string, Position>> at_;
};

struct TlsFiles {
  std::string certificate;  // PEM chain
  std::string key;          // PEM private key
  Position position;
};

struct Server {
  int workers = 0;  // 0: one per CPU
  std::vector<std::string> listen{"127.0.0.1:8080"};
  std::vector<std::string> admin_listen{"127.0.0.1:8081"};
  std::int64_t admin_rate = 100;   // calls a second; 0: no bound
  std::int64_t admin_burst = 500;  // at once
  std::vector<std::string> metrics_listen{"127.0.0.1:9090"};
  std::vector<std::string> hosts;         // empty: any host
  std::vector<std::string> cors_origins;  // empty: no CORS
  std::optional<TlsFiles> tls;
  std::int64_t body_bytes_max = 32 << 20;
  std::int64_t head_bytes_max = 64 << 10;
  int fields_max = 100;
  int connections_max = 10'000;
  int connections_per_ip_max = 2'000;
  int streams_per_connection_max = 100;
  std::chrono::milliseconds head_time{10'000};
  std::chrono::milliseconds body_time{60'000};
  std::chrono::milliseconds keep_alive{75'000};
  std::chrono::milliseconds write_stall{30'000};
  bool half_close_keep = false;
  std::chrono::milliseconds accept_after_term{10'000};  // endpoint propagation before the drain
  std::chrono::milliseconds drain_time{300'000};
  int queue_per_tenant_max = 64;
  std::chrono::milliseconds queue_time{30'000};
  Position position;
};

struct Logging {
  std::string path = "-";  // "-": standard error
  std::string level = "info";
};

struct Security {
  std::optional<Secret> pepper;  // nothing: DATA_DIR/secrets/pepper.1, made at the first start
  Position position;
};

struct Engine {
  std::string name;
  bool managed = false;
  // managed
  std::string model_file;
  std::vector<std::string> adapter_files;
  std::string program;  // empty: SM_LLAMA_SERVER, llama-server on PATH, ours
  int slots = 0;        // 0: 4 when managed, 64 when remote
  std::int64_t context_tokens = 2048;
  int threads = 1;
  bool embeddings = true;
  bool start_at_boot = true;
  std::int64_t memory_max_bytes = 0;
  bool sandbox = true;
  // remote
  std::string dialect = "openai";
  std::string url;
  Secret api_key;
  std::string ca_pem;  // contents of ca_file
  std::map<std::string, bool> capabilities;
  bool discover_models = false;  // offer what its GET /models lists, to every tenant
  bool read_load = true;         // from its metrics page
  std::string site;              // empty: the gateway's
  std::string jurisdiction;      // empty: the gateway's
  Position position;
  Given given;
};

struct Model {
  std::string name;
  std::string engine;                // this or...
  std::vector<std::string> engines;  // ...these: replicas of each other
  std::string engine_model;          // empty: the public name
  std::optional<int> adapter;
  std::string digest;    // SHA-256 of its files, hex; empty: not known
  std::string artifact;  // "assistant@1.2"; empty: none of the registry
  std::string owned_by = "sovereign-mesh";
  bool chat = true;
  bool completions = true;
  bool embeddings = false;
  std::optional<std::vector<std::string>> tenants;  // nothing: all
  std::int64_t context_tokens = 0;
  std::int64_t output_tokens_max = 0;
  int choices_max = 8;
  std::vector<std::string> extra_fields;
  bool reject_unknown_fields = true;
  std::chrono::milliseconds first_token_timeout{60'000};
  std::chrono::milliseconds stall_timeout{15'000};
  std::chrono::milliseconds total_timeout{600'000};
  std::optional<std::chrono::milliseconds> commit_after{15'000};  // nothing: never
  Position position;
  Given given;
};

struct RouteVersion {
  std::string model;
  std::int64_t weight = 0;
  std::string stage = "stable";
  Position position;
};

struct HeaderMatch {
  std::string name;
  std::string value;
  Position position;
};

struct KeyLabel {
  std::string name;
  std::string value;
  Position position;
};

struct RouteCondition {
  std::string name;
  std::string version;
  std::vector<HeaderMatch> headers;
  std::vector<KeyLabel> key_labels;
  std::string tenant;   // empty: any
  std::string project;  // of the tenant; empty: any
  Position position;
};

struct GreyChannel {
  std::string name;
  std::string version;
  std::vector<std::string> tenants;
  std::optional<KeyLabel> key_label;
  Position position;
};

// One of both.
struct RouteFallback {
  std::string model;
  std::string route;
  Position position;
};

// A version that gets copies of requests.
struct RouteMirror {
  std::string version;
  Decimal share;  // percent
  int in_flight_max = 4;
  std::int64_t prompt_bytes_max = std::int64_t{1} << 20;
  Position position;
};

struct RouteTimeouts {
  std::optional<std::chrono::milliseconds> connect;
  std::optional<std::chrono::milliseconds> first_token;
  std::chrono::milliseconds first_token_per_1000{0};
  std::optional<std::chrono::milliseconds> inter_token;
  std::optional<std::chrono::milliseconds> total;
  Position position;
};

// A public name whose requests are spread over models.
struct Route {
  std::string name;
  std::vector<RouteVersion> versions;
  std::string sticky = "session";
  std::optional<GreyChannel> grey;
  std::vector<RouteCondition> conditions;
  std::optional<RouteMirror> mirror;
  std::vector<RouteFallback> fallbacks;
  std::optional<RouteTimeouts> timeouts;
  Position position;
  Given given;
};

inline std::vector<std::string> engines_of(const Model& model) {
  return model.engines.empty() ? std::vector{model.engine} : model.engines;
}

// How much of something is allowed in a time. Whose it is follows from where it stands.
struct Limit {
  std::string name;                   // for people; empty: made from the rest
  std::string measure;                // "requests", "output_tokens", ...
  std::optional<std::string> window;  // "day", ...; nothing for concurrency
  Decimal amount;  // a whole number; of money and gpu_seconds exact to a millionth
  bool rolling = false;
  bool shadow = false;
  std::optional<std::string> model;  // only requests to it
  Position position;
  Given given;
};

struct Key {
  std::string name;
  std::string project = "default";
  Secret secret;  // the whole key, from file: or env:
  std::vector<std::string> scopes{"inference", "read:models", "read:usage"};
  std::optional<std::vector<std::string>> models;
  std::optional<std::string> expires_at;  // RFC 3339
  std::optional<std::string> owner;
  std::string max_priority = "interactive";
  std::map<std::string, std::string> labels;
  std::vector<Limit> limits;
  Position position;
  Given given;
};

struct Project {
  std::string name;
  std::string display_name;
  std::string cost_centre;
  std::vector<Limit> limits;
  Position position;
  Given given;
};

// An owner of keys; "*": each one, with a balance of his own.
struct User {
  std::string name;
  std::vector<Limit> limits;
  Position position;
};

// Whole answers that are kept to be given again.
struct Replay {
  std::chrono::milliseconds ttl{3'600'000};
  std::int64_t bytes_max = std::int64_t{64} << 20;
  Position position;
};

// Values of request parameters; nothing: not set.
struct ParameterDefaults {
  std::optional<std::int64_t> max_tokens;
  std::optional<Decimal> temperature;
  std::optional<Decimal> top_p;
  std::optional<Decimal> presence_penalty;
  std::optional<Decimal> frequency_penalty;
};
struct ParameterMaximums : ParameterDefaults {
  std::optional<std::int64_t> n;
};

struct SystemPrompt {
  std::string name;
  std::string text;
  std::optional<std::vector<std::string>> models;    // nothing: any
  std::optional<std::vector<std::string>> projects;  // nothing: any
  std::string mode = "prepend";
  Position position;
};

struct Disclaimer {
  std::string text;
};

// What a tenant wants of its own requests.
struct TenantSettings {
  std::optional<std::vector<std::string>> models;  // nothing: all that it may use
  std::optional<ParameterDefaults> defaults;
  std::optional<ParameterMaximums> maximums;
  std::string on_excess = "refuse";
  std::vector<SystemPrompt> system_prompts;
  std::optional<Disclaimer> disclaimer;
  Position position;
};

struct Tenant {
  std::string name;
  std::string display_name;
  std::vector<std::string> hosts;
  bool suspended = false;
  std::string time_zone = "UTC";           // where its days and months begin
  std::string currency = "EUR";            // of its money limits and of what it is billed
  std::optional<Replay> replay;            // nothing: answers are not kept
  std::optional<TenantSettings> settings;  // nothing: as the admin API says
  std::vector<Limit> limits;
  std::vector<Project> projects;  // "default" exists always
  std::vector<User> users;
  std::vector<Key> keys;
  Position position;
  Given given;
};

// What a part of a pool gets of it, in GPUs.
struct PoolShare {
  Decimal guaranteed;
  std::optional<Decimal> borrowing_limit;  // nothing: no limit
  std::optional<Decimal> lending_limit;    // nothing: all of it
  Decimal weight{.whole = 1};
  Position position;
  Given given;
};

// Tenants that lend to each other first.
struct Cohort : PoolShare {
  std::string name;
  std::string cohort;  // the larger one that it is in; empty: none
};

// A tenant or one of its projects.
struct Member : PoolShare {
  std::string tenant;
  std::string project;  // empty: the tenant
  std::string cohort;   // of a tenant; empty: none
  std::optional<int> concurrency_max;
  std::optional<int> user_concurrency_max;
};

// What a pool's requests are meant to meet.
struct PoolTargets {
  std::chrono::milliseconds first_token{0};
  std::chrono::milliseconds first_token_per_1000{125};
  std::chrono::milliseconds per_token{60};
  Position position;
};

// Engines that share limits, and whose work is shared by rules.
struct Pool {
  std::string name;
  std::vector<std::string> engines;
  std::vector<Limit> limits;
  std::optional<Decimal> capacity;  // GPUs; nothing: what is guaranteed
  std::chrono::milliseconds locality_window{0};
  std::chrono::milliseconds reclaim_after{1'000};
  int borrower_tokens_max = 1'024;
  int interactive_share = 60;  // percent
  int agent_share = 30;
  int batch_share = 10;
  std::optional<PoolTargets> targets;
  std::vector<Cohort> cohorts;
  std::vector<Member> members;
  Position position;
  Given given;
};

// GPU time that a token takes, in microseconds: what an engine cannot tell per request.
struct GseRates {
  Decimal prompt_us;
  Decimal cached_us;
  Decimal output_us;
  Position position;
};

// What the estimate of energy needs to know of the hardware.
struct EnergyRates {
  std::int64_t watts = 0;  // per GPU-second
  Decimal pue{.whole = 1};
  std::int64_t g_co2e_per_kwh = 0;
  Position position;
};

// What one model costs in one currency from one moment on. Money in units of the currency.
struct Price {
  std::string model;
  std::string currency = "EUR";
  std::string label;
  std::optional<std::string> from;  // RFC 3339 date or time; nothing: always
  Decimal per_call;
  Decimal input;                        // per 1,000,000 tokens, as the next two
  std::optional<Decimal> cached_input;  // nothing: as `input`
  Decimal output;
  Decimal characters;  // per 1,000,000
  Decimal concurrency_hour;
  Decimal gpu_second;
  std::optional<GseRates> gse;
  std::optional<EnergyRates> energy;
  bool api_model = false;  // the admin API makes the model: the file cannot know it
  Position position;
  Given given;
};

struct Webhook {
  std::string url;
  Secret secret;
  Position position;
};

struct Webhooks {
  std::optional<Webhook> budget_events;
  std::optional<Webhook> audit_checkpoints;
  std::optional<Webhook> rollout_events;
  std::vector<std::string> allowed;  // where webhooks of the admin API may go
  Position position;
};

struct Audit {
  bool enabled = true;
  bool fail_closed = false;
  std::string origin;  // empty: made at the log's first start
  std::string site;
  std::string jurisdiction;
  std::string export_path;  // empty: none
  std::vector<std::string> witness_keys;
  std::chrono::milliseconds checkpoint_interval{1'000};
  int keep_days = 400;
  Position position;
  Given given;
};

struct Ledger {
  int keep_days = 400;
  std::chrono::milliseconds verify_every = std::chrono::hours(24);  // 0: never
  Position position;
  Given given;
};

struct Config {
  Server server;
  Logging log;
  Security security;
  std::vector<Engine> engines;
  std::vector<Model> models;
  std::vector<Route> routes;
  std::vector<Tenant> tenants;
  std::vector<Pool> pools;
  std::vector<Price> prices;
  Webhooks webhooks;
  Audit audit;
  Ledger ledger;
  Digest digest{};       // SHA-256 of what was read
  std::string revision;  // its first 12 hex characters: shown by metrics and the admin API
  std::vector<std::string> files;  // the YAML files
};

}  // namespace sovmesh::config
