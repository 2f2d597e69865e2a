#include "tests/flow/gateway_world.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "engine/capabilities.h"
#include "tests/support/count_text.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGateway = "127.0.0.1:8080";
constexpr std::string_view kEngine = "10.0.0.2:8000";
constexpr std::string_view kScripted = "10.0.0.3:8000";
constexpr std::string_view kTwin = "10.0.0.4:8000";

template <class IdType>
IdType id_of(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return {Ulid::from_bytes(bytes)};
}
unsigned char number_of(std::string_view tenant) { return tenant == "aurora" ? 1 : 2; }

catalog::Model make_model(unsigned char n, std::string_view name) {
  catalog::Model model{.id = id_of<ModelId>(n),
                       .name = ModelName::parse(name).value(),
                       .engine = "engine",
                       .engine_model = "sim"};
  return model;
}

rt::Task<std::unique_ptr<rt::Socket>> connect(rt::Network& network, rt::Until until) {
  rt::Endpoint endpoint = rt::parse_endpoint(kGateway).value();
  auto socket = co_await network.connect(std::move(endpoint), until);
  co_return socket ? *std::move(socket) : nullptr;
}

rt::Task<void> write(rt::Socket& socket, std::string bytes, rt::Until until) {
  // A gateway that has closed meanwhile shows in what the test hears.
  (void)co_await rt::write_all(socket, bytes, until);
}

// Takes chunk framing off `raw`; says whether its end was seen.
bool dechunk(std::string_view raw, std::string& body) {
  for (;;) {
    const std::size_t line = raw.find("\r\n");
    if (line == std::string_view::npos) return false;
    std::size_t size = 0;
    if (std::from_chars(raw.data(), raw.data() + line, size, 16).ec != std::errc()) return false;
    raw.remove_prefix(line + 2);
    if (size == 0) return raw.starts_with("\r\n");
    body += raw.substr(0, size);
    if (raw.size() < size + 2) return false;
    raw.remove_prefix(size + 2);
  }
}

}  // namespace

rt::Task<Result<std::unique_ptr<rt::Socket>>> TroubledListener::accept(rt::Until until) {
  ++trouble_.accepts;
  if (trouble_.failures_left > 0) {
    --trouble_.failures_left;
    co_return fail(rt::io_error(EMFILE, "accept"));
  }
  co_return co_await inner_->accept(until);
}

GatewayWorld::GatewayWorld(std::uint64_t seed, sim::EngineSimOptions engine_options, int slots,
                           http::ServerLimits limits, const LedgerMaker& make_ledger)
    : world(seed),
      engine_sim(world.loop(), engine_options),
      twin_sim(world.loop(), std::move(engine_options)),
      scripted(world.loop()),
      engine(std::make_shared<FakeEngine>("engine", slots)),
      scripted_engine(std::make_shared<FakeEngine>("scripted", slots)),
      twin(std::make_shared<FakeEngine>("twin", slots)),
      made_ledger(make_ledger ? make_ledger(world) : nullptr),
      authenticator_({{1, Secret("a pepper of thirty-two characters")}}, {}),
      directory_(nullptr),
      services_{world.clock(), world.random(), directory_, authenticator_, engines_,   dispatcher_,
                health,        overload,       books(),    tariff_,        audit_,     metrics_,
                log,           &usage_reports, &replays_,  nullptr,        &decisions, &mirrors_},
      plane_(services_, settings, readiness, world.loop(), pool),
      tasks_(world.loop(), 4) {
  for (const std::string_view tenant : {"aurora", "borealis"}) {
    const tenancy::NewKey made = tenancy::generate_key(world.random());
    (tenant == "aurora" ? aurora_key_ : borealis_key_) = made.text.reveal();
    keys_.push_back(make_key(made, tenant));
  }
  directory_.publish(make_directory());
  engine->origin_.host = "10.0.0.2";
  scripted_engine->origin_.host = "10.0.0.3";
  twin->origin_.host = "10.0.0.4";
  for (const auto& made : {engine, scripted_engine, twin}) {
    made->capabilities_ = engine::default_capabilities(llmapi::Dialect::vllm);
    made->capabilities_.embeddings = true;
    made->origin_.port = 8000;
  }
  engines_.publish({{"engine", engine}, {"scripted", scripted_engine}, {"twin", twin}});
  readiness.set_ready(true);
  tasks_.spawn(engine_sim.serve(network.listen(rt::parse_endpoint(kEngine).value(), {}).value()));
  tasks_.spawn(twin_sim.serve(network.listen(rt::parse_endpoint(kTwin).value(), {}).value()));
  tasks_.spawn(scripted.serve(network.listen(rt::parse_endpoint(kScripted).value(), {}).value()));
  auto listener = std::make_unique<TroubledListener>(
      network.listen(rt::parse_endpoint(kGateway).value(), {}).value(), accept_trouble);
  server_ = std::make_unique<http::Server>(world.loop(), std::move(listener), plane_,
                                           http::ServerOptions{.limits = limits, .tls = {}});
  tasks_.spawn(server_->run());
}

GatewayWorld::~GatewayWorld() {
  world.run(server_->drain(world.loop().in(1s)));
  pool.close_idle();
  engine_sim.stop();
  twin_sim.stop();
  scripted.stop();
  world.run_until([this] { return dispatcher_.load().running == 0; }, 1min);
  made_ledger.reset();
  EXPECT_TRUE(world.run_until_idle(2h)) << "something goes on for ever";
  EXPECT_EQ(tasks_.size(), 0U);
  EXPECT_EQ(world.wire().open_sockets(), 0U);
  EXPECT_EQ(world.wire().open_listeners(), 0U);
  EXPECT_EQ(world.armed_timers(), 0U);
  EXPECT_EQ(dispatcher_.load().running, 0U);
  EXPECT_EQ(dispatcher_.load().waiting, 0U);
  for (const limits::Status& status : balances())
    EXPECT_EQ(status.reserved, 0) << status.limit << " has held back something for nobody";
  EXPECT_EQ(ledger.open_rows(), 0U);
  EXPECT_THAT(ledger.violations, testing::IsEmpty());
}

void GatewayWorld::limit(limits::Limit limit) {
  limit.name = "limit-" + std::to_string(limits_.size());
  limits_.push_back(std::move(limit));
  const WallTime now = world.clock().wall_now();
  ASSERT_TRUE(limiter.configure(limits_, now));
  for (const limits::SeedWanted& wanted : limiter.counters_wanted(now))
    limiter.seeded(wanted);
}

limits::Limit GatewayWorld::tenant_limit(std::string_view tenant, limits::Measure measure,
                                         limits::Window window, std::int64_t amount) const {
  limits::Limit limit{.target = limits::Target::one(limits::ScopeKey::of(tenant_id(tenant)),
                                                    "tenant:" + std::string(tenant))};
  limit.measure = measure;
  limit.window = window;
  limit.amount = amount;
  return limit;
}

void GatewayWorld::set_settings(std::string_view tenant, tenancy::Settings wanted) {
  ASSERT_TRUE(tenancy::check(wanted));
  tenant_settings_[tenant_id(tenant)] = identity::TenantSettings::make(std::move(wanted), 1);
  directory_.publish(make_directory());
}

void GatewayWorld::keep_answers() {
  keeps_answers_ = true;
  directory_.publish(make_directory());
}

std::vector<limits::Status> GatewayWorld::balances() {
  return limiter.status(world.clock().wall_now(), 1'000);
}

void GatewayWorld::set_prices(std::vector<metering::PriceTerms> terms) {
  std::vector<std::shared_ptr<const metering::Price>> prices;
  for (metering::PriceTerms& one : terms)
    prices.push_back(metering::Price::make(std::move(one)).value());
  prices_.publish(std::make_shared<const metering::PriceBook>(
      metering::PriceBook::make(std::move(prices)).value()));
}

tenancy::Key GatewayWorld::make_key(const tenancy::NewKey& made, std::string_view tenant) const {
  tenancy::Key key{.id = made.id,
                   .tenant = id_of<TenantId>(number_of(tenant)),
                   .project = id_of<ProjectId>(number_of(tenant))};
  key.scopes.set();
  key.pepper_id = 1;
  key.hmac = authenticator_.key_hmac(1, made.text.reveal());
  return key;
}

identity::DirectoryData GatewayWorld::directory_data() const {
  identity::DirectoryData data;
  for (const std::string_view tenant : {"aurora", "borealis"}) {
    const TenantId id = id_of<TenantId>(number_of(tenant));
    data.tenants.push_back({.id = id, .slug = TenantSlug::parse(tenant).value()});
    data.projects.push_back({.id = id_of<ProjectId>(number_of(tenant)),
                             .tenant = id,
                             .slug = ProjectSlug::parse("default").value()});
    data.digest_keys[id] = {.id = "dk1", .key = Secret("digest key of " + std::string(tenant))};
  }
  if (keeps_answers_) data.replays[tenant_id("aurora")] = {.ttl = 1h, .bytes_max = 1 << 20};
  data.settings = tenant_settings_;
  data.keys = keys_;
  data.pool_of_engine = pool_of_engine_;
  data.models.push_back(make_model(1, "chat"));
  data.models.push_back(make_model(2, "embed"));
  data.models.back().embeddings = true;
  data.models.push_back(make_model(3, "aurora-only"));
  data.models.back().for_all_tenants = false;
  data.models.back().tenants = {id_of<TenantId>(number_of("aurora"))};
  data.models.push_back(make_model(4, "quick"));
  data.models.back().first_token_timeout = 8s;
  data.models.back().stall_timeout = 4s;
  for (const auto& [n, name] : {std::pair(5, "script"), std::pair(6, "script-embed")}) {
    data.models.push_back(make_model(static_cast<unsigned char>(n), name));
    data.models.back().engine = "scripted";
    data.models.back().embeddings = true;
    data.models.back().first_token_timeout = 8s;
    data.models.back().stall_timeout = 4s;
  }
  data.models.push_back(make_model(7, kLongModel));
  data.models.back().engine = "scripted";
  data.models.push_back(make_model(8, "twins"));
  data.models.back().engines = {"engine", "twin"};
  data.models.back().embeddings = true;
  data.models.push_back(make_model(9, "pair"));
  data.models.back().engines = {"scripted", "engine"};
  data.models.back().first_token_timeout = 8s;
  data.models.back().stall_timeout = 4s;
  data.routes = routes_;
  for (catalog::Model& model : data.models) {
    const auto change = model_changes_.find(model.name.text());
    if (change != model_changes_.end()) change->second(model);
  }
  std::erase_if(data.models, [this](const auto& m) { return withdrawn_.contains(m.name.text()); });
  return data;
}

void GatewayWorld::change_model(std::string_view model,
                                std::function<void(catalog::Model&)> change) {
  model_changes_.insert_or_assign(std::string(model), std::move(change));
  directory_.publish(make_directory());
}

void GatewayWorld::set_route(catalog::Route route) {
  ASSERT_TRUE(catalog::validate(route));
  std::erase_if(routes_, [&](const catalog::Route& other) { return other.name == route.name; });
  routes_.push_back(std::move(route));
  directory_.publish(make_directory());
}

void GatewayWorld::label_key(std::string_view tenant, std::map<std::string, std::string> labels) {
  for (tenancy::Key& key : keys_) {
    if (key.tenant == tenant_id(tenant)) key.labels = labels;
  }
  directory_.publish(make_directory());
}

void GatewayWorld::narrow_key(std::string_view tenant, std::set<ModelName> models) {
  for (tenancy::Key& key : keys_) {
    if (key.tenant == tenant_id(tenant)) key.models = models;
  }
  directory_.publish(make_directory());
}

void GatewayWorld::withdraw(std::string_view model) {
  withdrawn_.emplace(model);
  directory_.publish(make_directory());
}

std::shared_ptr<const identity::Directory> GatewayWorld::make_directory() const {
  return identity::Directory::build(directory_data()).value();
}

TenantId GatewayWorld::tenant_id(std::string_view tenant) {
  return id_of<TenantId>(number_of(tenant));
}

void GatewayWorld::put_in_pool(const std::string& name_of_engine, const std::string& shared) {
  pool_of_engine_[name_of_engine] = shared;
  directory_.publish(make_directory());
}

void GatewayWorld::take_scope(std::string_view tenant, tenancy::Scope scope) {
  for (tenancy::Key& key : keys_) {
    if (key.tenant == tenant_id(tenant)) key.scopes.reset(static_cast<std::size_t>(scope));
  }
  directory_.publish(make_directory());
}

void GatewayWorld::set_max_priority(std::string_view tenant, PriorityClass highest) {
  for (tenancy::Key& key : keys_) {
    if (key.tenant == tenant_id(tenant)) key.max_priority = highest;
  }
  directory_.publish(make_directory());
}

void GatewayWorld::revoke(std::string_view tenant) {
  for (auto& key : keys_) {
    if (key.tenant == id_of<TenantId>(number_of(tenant))) key.revoked_at = world.clock().wall_now();
  }
  directory_.publish(make_directory());
}

bool GatewayWorld::settle(std::chrono::milliseconds limit) {
  return world.run_until(
      [this] {
        return ledger.open_rows() == 0 && dispatcher_.load().running == 0 &&
               engine_sim.counts().running == 0 && twin_sim.counts().running == 0;
      },
      limit);
}

std::size_t Answer::count(std::string_view text) const { return count_text(body, text); }

std::string without_ids(std::string text) {
  const auto cut = [&text](std::string_view name, std::string_view ends) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      const std::size_t from = at + name.size();
      text.erase(from, text.find_first_of(ends, from) - from);
    }
  };
  for (const char* name : {"x-request-id: ", "x-sm-request-id: ", "date: ", "x-sm-overhead-ms: ",
                           "openai-processing-ms: "})
    cut(name, "\r");
  for (const char* name : {R"("request_id":")", R"("rid":")", R"("id":")", R"("created":)"})
    cut(name, "\",}");
  return text;
}

Client::Client(GatewayWorld& gateway)
    : gateway_(gateway),
      socket_(gateway.world.run(
          connect(gateway.network, rt::Until{gateway.world.loop().in(5s), nullptr}))) {}

void Client::send(const std::string& bytes) {
  const rt::Until until{gateway_.world.loop().in(10s), nullptr};
  gateway_.world.run(write(*socket_, bytes, until));
}

std::string post_bytes(const GatewayWorld& gateway, std::string_view path, const std::string& body,
                       std::string_view tenant, std::string_view more_fields) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\n"
      "content-type: application/json\r\ncontent-length: {}\r\n{}\r\n{}",
      path, gateway.key(tenant), body.size(), more_fields, body);
}

void Client::post(std::string_view path, const std::string& body, std::string_view tenant,
                  std::string_view more_fields) {
  send(post_bytes(gateway_, path, body, tenant, more_fields));
}

void Client::reset() {
  socket_->reset_on_close();
  socket_.reset();
}

void Client::get(std::string_view path, std::string_view tenant) {
  send(fmt::format("GET {} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\n\r\n", path,
                   gateway_.key(tenant)));
}

void Client::pump() {
  std::vector<char> buffer(std::size_t{64} * 1024);
  while (socket_ && !ended_) {
    const rt::IoResult got = socket_->try_read(buffer);
    if (got.status == rt::IoResult::Status::would_block) return;
    if (got.status == rt::IoResult::Status::ok) {
      heard_.append(buffer.data(), got.bytes);
    } else {
      ended_ = true;
    }
  }
}

Answer Client::parsed() const {
  Answer answer;
  const std::size_t end = heard_.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.head = heard_.substr(0, end + 2);
  const std::string_view rest = std::string_view(heard_).substr(end + 4);
  std::from_chars(heard_.data() + 9, heard_.data() + 12, answer.status);
  if (answer.head.find("\r\ntransfer-encoding: chunked\r\n") != std::string::npos) {
    answer.complete = dechunk(rest, answer.body);
    return answer;
  }
  answer.body = rest;
  constexpr std::string_view kLength = "\r\ncontent-length: ";
  const std::size_t at = answer.head.find(kLength);
  if (at == std::string::npos) return answer;
  std::size_t length = 0;
  std::from_chars(answer.head.data() + at + kLength.size(), answer.head.data() + answer.head.size(),
                  length);
  answer.complete = rest.size() == length;
  return answer;
}

Answer Client::answer(std::chrono::milliseconds limit) {
  std::size_t seen = std::string::npos;
  gateway_.world.run_until(
      [this, &seen] {
        pump();
        if (ended_) return true;
        if (heard_.size() == seen) return false;
        seen = heard_.size();
        // A long one is not looked through again for each piece.
        if (seen > std::size_t{64} * 1024 && !heard_.ends_with("0\r\n\r\n")) return false;
        return parsed().complete;
      },
      limit);
  Answer answer = parsed();
  heard_.clear();
  return answer;
}

bool Client::wait_for(std::string_view text, std::chrono::milliseconds limit) {
  return gateway_.world.run_until(
      [this, text] {
        pump();
        return heard_.find(text) != std::string::npos;
      },
      limit);
}

std::string chat_body(std::string_view content, std::string_view more, std::string_view model) {
  return fmt::format(R"({{"model":"{}","messages":[{{"role":"user","content":"{}"}}]{}}})", model,
                     content, more);
}

}  // namespace sovmesh::flow
