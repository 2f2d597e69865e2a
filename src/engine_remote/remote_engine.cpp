#include "engine_remote/remote_engine.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/capabilities.h"
#include "engine/health.h"
#include "engine/load_reader.h"
#include "engine/status_board.h"
#include "http/url.h"
#include "rt/task_group.h"

namespace sovmesh::engine_remote {
namespace {

using State = engine::State;

http::ClientLimits probe_limits() {
  http::ClientLimits limits;
  limits.idle_max = 2;  // health, and load
  return limits;
}

std::unexpected<Error> invalid(const engine::RemoteSpec& spec, std::string_view what) {
  return our_error(Code::config_invalid, "engine " + spec.name + ": " + std::string(what));
}

// It becomes a header field: one with a line break could forge others.
bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<void> check_settings(const engine::RemoteSpec& spec, const http::Url& url) {
  if (spec.slots < 1 || spec.slots > 65'536) return invalid(spec, "slots must be 1..65536");
  if (!is_header_value(spec.api_key.reveal()))
    return invalid(spec, "its api_key has a character that no key has");
  if (!spec.ca_pem.empty() && !url.is_tls)
    return invalid(spec, "a CA has no effect without https://");
  if (spec.probe_interval < std::chrono::milliseconds(100))
    return invalid(spec, "probe_interval must be 100 ms or more");
  return {};
}

struct Prepared {
  http::Url url;
  engine::Capabilities capabilities;
  http::Origin origin;
};

Result<http::Origin> origin_of(const engine::RemoteSpec& spec, const http::Url& url) {
  http::Origin origin;
  origin.host = url.unix_path.empty() ? url.host : "localhost";
  origin.port = url.port;
  origin.unix_path = url.unix_path;
  if (url.is_tls) {
    auto context = rt::TlsClientContext::make(spec.ca_pem, {"http/1.1"});
    if (!context) return fail(std::move(context).error().in_context("engine " + spec.name));
    origin.tls = *std::move(context);
  }
  return origin;
}

Result<Prepared> prepare(const engine::RemoteSpec& spec) {
  auto url = http::parse_url(spec.url, "/v1");
  if (!url) return fail(std::move(url).error().in_context("engine " + spec.name));
  TRY_VOID(check_settings(spec, *url));
  auto capabilities =
      engine::override_capabilities(engine::default_capabilities(spec.dialect), spec.capabilities);
  if (!capabilities) return fail(std::move(capabilities).error().in_context("engine " + spec.name));
  TRY(http::Origin origin, origin_of(spec, *url));
  return Prepared{*std::move(url), *capabilities, std::move(origin)};
}

}  // namespace

// The part that lives on the engine's loop.
class RemoteEngine::Watch {
 public:
  Watch(Surroundings around, engine::RemoteSpec spec, engine::Capabilities capabilities,
        http::Url url, http::Origin origin)
      : around_(std::move(around)),
        spec_(std::move(spec)),
        capabilities_(capabilities),
        base_path_(std::move(url.path)),
        origin_(std::move(origin)),
        board_(around_.loop.clock()),
        pool_(around_.loop, around_.network, around_.resolver, probe_limits()) {}

  void begin() {
    if (run_ || board_.own_state() != State::starting) return;
    run_.emplace(*this);
    run_->tasks.spawn(run_->prober.run(run_->tasks.cancelled()));
  }
  rt::Task<void> stop() {
    if (run_) {
      run_->tasks.cancel();
      const rt::Until until{rt::Deadline::never(), nullptr};  // a cancelled probe ends at once
      co_await run_->tasks.join(until);
      run_.reset();
      pool_.close_idle();
    }
    change({.state = State::stopped, .reason = "stopped", .pid = {}, .hopeless = true});
  }
  void suspect() {
    if (run_) run_->prober.suspect();
  }

  const engine::RemoteSpec& spec() const { return spec_; }
  const engine::Capabilities& capabilities() const { return capabilities_; }
  std::string_view base_path() const { return base_path_; }
  const http::Origin& origin() const { return origin_; }
  engine::StatusBoard& board() { return board_; }
  const engine::LoadBoard& load() const { return load_; }
  rt::Loop& loop() { return around_.loop; }

 private:
  struct Run {
    explicit Run(Watch& watch)
        : prober(watch.around_.loop, watch.around_.random, watch.pool_, watch.origin_,
                 watch.spec_.api_key,
                 {.dialect = watch.spec_.dialect,
                  .base_path = watch.base_path_,
                  .interval = watch.spec_.probe_interval,
                  .on_model_list = watch.list_reader()},
                 [&watch](const Result<void>& verdict) { watch.on_verdict(verdict); }),
          reader(watch.around_.loop, watch.around_.random, watch.pool_, watch.origin_,
                 watch.spec_.api_key,
                 {.dialect = watch.spec_.dialect, .base_path = watch.base_path_}, watch.load_),
          tasks(watch.around_.loop, 2) {}
    engine::HealthProber prober;
    engine::LoadReader reader;
    bool is_reading = false;
    rt::TaskGroup tasks;
  };

  std::function<void(std::string_view)> list_reader() {
    if (!spec_.discover_models || !around_.on_models) return {};
    return [this](std::string_view json) { on_model_list(json); };
  }
  void on_model_list(std::string_view json) {
    const auto list = engine::parse_model_list(json);
    const bool is_news = list ? listed_ != *list : !list_is_broken_;
    list_is_broken_ = !list;
    if (!is_news) return;
    if (list) listed_ = *list;
    around_.on_models(list);
  }
  void on_verdict(const Result<void>& verdict) {
    const State before = board_.own_state();
    if (verdict) {
      if (before == State::ready) return;
      board_.count_start();
      change({.state = State::ready, .reason = {}, .pid = {}});
      read_load();
    } else {
      change({.state = State::unhealthy,
              .reason = verdict.error().message(),
              .pid = {},
              .hopeless = true,
              .retry_after = spec_.probe_interval});
    }
  }
  // From when it first answers: until then there is nothing to ask.
  void read_load() {
    if (!spec_.read_load || !engine::tells_load(spec_.dialect) || run_->is_reading) return;
    run_->is_reading = true;
    run_->tasks.spawn(run_->reader.run(run_->tasks.cancelled()));
  }
  void change(engine::StatusBoard::Change change) {
    const State before = board_.status().state;
    board_.set(std::move(change));
    if (around_.on_change && board_.status().state != before) around_.on_change(board_.status());
  }

  Surroundings around_;
  engine::RemoteSpec spec_;
  engine::Capabilities capabilities_;
  std::string base_path_;
  http::Origin origin_;
  engine::StatusBoard board_;
  engine::LoadBoard load_;
  http::ClientPool pool_;
  std::optional<std::vector<engine::ListedModel>> listed_;  // the last good list
  bool list_is_broken_ = false;
  std::optional<Run> run_;
};

Result<std::shared_ptr<RemoteEngine>> RemoteEngine::make(Surroundings around,
                                                         engine::RemoteSpec spec) {
  TRY(Prepared ready, prepare(spec));
  auto watch = std::make_shared<Watch>(std::move(around), std::move(spec), ready.capabilities,
                                       std::move(ready.url), std::move(ready.origin));
  return std::shared_ptr<RemoteEngine>(new RemoteEngine(std::move(watch)));
}

Result<void> RemoteEngine::check(const engine::RemoteSpec& spec) {
  TRY_VOID(prepare(spec));
  return {};
}

RemoteEngine::RemoteEngine(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
RemoteEngine::~RemoteEngine() = default;

void RemoteEngine::start() {
  if (!watch_->board().begin_start()) return;
  watch_->loop().post([weak = std::weak_ptr(watch_)] {
    if (const auto watch = weak.lock()) watch->begin();
  });
}

std::string_view RemoteEngine::name() const { return watch_->spec().name; }
llmapi::Dialect RemoteEngine::dialect() const { return watch_->spec().dialect; }
const engine::Capabilities& RemoteEngine::capabilities() const { return watch_->capabilities(); }
int RemoteEngine::slots() const { return watch_->spec().slots; }
const http::Origin& RemoteEngine::origin() const { return watch_->origin(); }
std::string_view RemoteEngine::base_path() const { return watch_->base_path(); }
const Secret& RemoteEngine::api_key() const { return watch_->spec().api_key; }
engine::Status RemoteEngine::status() const { return watch_->board().status(); }
std::optional<engine::LoadReading> RemoteEngine::load() const { return watch_->load().reading(); }
std::uint64_t RemoteEngine::load_version() const { return watch_->load().version(); }
bool RemoteEngine::is_ready() const { return watch_->board().is_ready(); }
std::uint64_t RemoteEngine::generation() const { return watch_->board().generation(); }

rt::Task<Result<void>> RemoteEngine::ensure_ready(rt::Loop& loop, rt::Until until) {
  start();
  co_return co_await watch_->board().wait_ready(loop, until);
}

void RemoteEngine::suspect() {
  watch_->loop().post([weak = std::weak_ptr(watch_)] {
    if (const auto watch = weak.lock()) watch->suspect();
  });
}

rt::Task<void> RemoteEngine::stop(rt::Deadline) { co_await watch_->stop(); }

bool RemoteEngine::is_out_of_service() const { return watch_->board().is_out_of_service(); }
void RemoteEngine::take_out_of_service() { watch_->board().set_out_of_service(true); }

void RemoteEngine::put_in_service() {
  watch_->board().set_out_of_service(false);
  start();
}

}  // namespace sovmesh::engine_remote
