#include "compose/demo.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "compose/chat_client.h"
#include "compose/engines.h"
#include "compose/serve.h"
#include "config/process_environment.h"
#include "rt/real.h"
#include "store_sqlite/data_dir.h"
#include "tenancy/key_format.h"

namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTinyModel = "models/tiny/sovmesh-tiny.gguf";
constexpr const char* kPirateAdapter = "models/tiny/sovmesh-tiny-pirate.gguf";
constexpr const char* kFirstQuestion = "What is Sovereign Mesh?";
constexpr std::chrono::seconds kAnswerTime{120};
constexpr std::chrono::seconds kEngineTime{10};  // of the user's own: it should be up
constexpr std::chrono::milliseconds kListPause{50};

struct DemoTenant {
  std::string name;
  Secret key;
};

std::string default_data_dir() {
  if (const auto xdg = config::process_environment("XDG_DATA_HOME")) return *xdg + "/sovmesh-demo";
  return config::process_environment("HOME").value_or("/tmp") + "/.local/share/sovmesh-demo";
}

// The tenant's key survives restarts in a file of its own, so that a pasted key keeps working.
Result<Secret> demo_key(const std::string& secrets, const std::string& tenant) {
  const fs::path path = fs::path(secrets) / ("demo-" + tenant + ".key");
  if (std::ifstream file(path); file) {
    std::string text;
    std::getline(file, text);
    if (tenancy::parse_key(text)) return Secret(std::move(text));
  }
  std::error_code failed;
  const auto random = rt::make_system_random();
  const tenancy::NewKey made = tenancy::generate_key(*random);
  std::ofstream file(path, std::ios::trunc);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, failed);
  file << made.text.reveal() << '\n';
  file.close();
  if (!file) {
    return our_error(Code::data_dir_invalid, fmt::format("cannot write '{}'", path.string()));
  }
  return made.text;
}

// The keys go into the data folder before the server takes it.
Result<std::vector<DemoTenant>> demo_tenants(const std::string& data_dir) {
  std::error_code failed;  // then the folder cannot be made either, and that says why
  fs::create_directories(fs::absolute(data_dir).parent_path(), failed);
  TRY(const store_sqlite::DataDir folder, store_sqlite::DataDir::open(data_dir));
  std::vector<DemoTenant> tenants;
  for (const char* name : {"aurora", "borealis"}) {
    TRY(Secret key, demo_key(folder.secrets(), name));
    tenants.push_back({name, std::move(key)});
  }
  return tenants;
}

config::Model demo_model(const std::string& name, const std::string& engine_model) {
  config::Model model;
  model.name = name;
  model.engine = "demo";
  model.engine_model = engine_model;
  return model;
}

Result<void> add_engine(const DemoOptions& options, config::Config& config) {
  config::Engine engine;
  engine.name = "demo";
  if (!options.engine_url.empty()) {
    engine.url = options.engine_url;
    engine.api_key = Secret(options.engine_api_key);
    engine.dialect = options.engine_dialect;
    engine.discover_models = options.engine_model.empty();
    if (!engine.discover_models)
      config.models.push_back(demo_model(options.engine_model, options.engine_model));
  } else if (!options.model_file.empty()) {
    engine.managed = true;
    engine.model_file = options.model_file;
    const std::string name = fs::path(options.model_file).stem().string();
    config.models.push_back(demo_model(name, name));
    config.models.back().embeddings = true;
  } else {
    engine.managed = true;
    TRY(engine.model_file, find_shipped_file(kTinyModel));
    TRY(std::string adapter, find_shipped_file(kPirateAdapter));
    engine.adapter_files = {std::move(adapter)};
    config.models.push_back(demo_model("sovmesh-tiny", "sovmesh-tiny"));
    config.models.back().embeddings = true;
    config.models.push_back(demo_model("sovmesh-tiny-pirate", "sovmesh-tiny"));
    config.models.back().adapter = 0;
    config.models.back().tenants = {{"aurora"}};  // a model of one tenant alone
  }
  config.engines.push_back(std::move(engine));
  return {};
}

Result<config::Config> demo_config(const DemoOptions& options,
                                   const std::vector<DemoTenant>& tenants) {
  config::Config config;
  config.server.listen = options.listen;
  if (config.server.listen.empty()) {
    config.server.listen = {options.check ? "127.0.0.1:0" : "127.0.0.1:8080"};
  }
  config.server.admin_listen = {options.check ? "127.0.0.1:0" : "127.0.0.1:8081"};
  config.server.metrics_listen = {options.check ? "127.0.0.1:0" : "127.0.0.1:9090"};
  config.server.workers = 1;
  config.log.path = options.log_path.empty() ? options.data_dir + "/demo.log" : options.log_path;
  for (const DemoTenant& tenant : tenants) {
    config::Tenant spec;
    spec.name = tenant.name;
    config::Key key;
    key.name = "demo";
    key.secret = tenant.key;
    spec.keys.push_back(std::move(key));
    config.tenants.push_back(std::move(spec));
  }
  TRY_VOID(add_engine(options, config));
  return config;
}

http::Origin own_origin(const Running& running) {
  const auto endpoint = rt::parse_endpoint(running.bound.listen.front());
  const auto& ip = std::get<rt::IpEndpoint>(*endpoint);
  return {.host = ip.ip.text(), .port = ip.port, .unix_path = {}, .tls = nullptr};
}

// What the demo's guest task works with; outlives the process.
struct Guest {
  std::vector<DemoTenant> tenants;
  std::string model;  // empty: the first one that the engine lists
  bool check = false;
  bool is_own_engine = false;  // of the user's own

  rt::Task<int> run(Running& running);
  rt::Task<Result<void>> find_engine(Running& running);
  rt::Task<int> show(Running& running);
  rt::Task<int> verify(Running& running);
  Result<void> agree_with_answer(const metering::Counts& counts, const Answer& answer,
                                 bool stream) const;
  rt::Task<Result<void>> verify_one(Running& running, const http::Origin& origin,
                                    const DemoTenant& tenant, bool stream);
};

void print_banner(const Guest& guest, const std::string& base_url) {
  fmt::print("\nSovereign Mesh is running. Two tenants share one engine:\n\n");
  for (const DemoTenant& tenant : guest.tenants) {
    fmt::print("  # {}\n  export OPENAI_BASE_URL={} OPENAI_API_KEY={}\n\n", tenant.name, base_url,
               tenant.key.reveal());
  }
  fmt::print(
      "Try it with curl:\n\n"
      "  curl -N $OPENAI_BASE_URL/chat/completions -H \"Authorization: Bearer $OPENAI_API_KEY\" "
      "\\\n"
      "    -H 'Content-Type: application/json' \\\n"
      "    -d '{{\"model\":\"{}\",\"stream\":true,\"messages\":[{{\"role\":\"user\","
      "\"content\":\"Who are you?\"}}]}}'\n\n"
      "or with Python (pip install openai):\n\n"
      "  from openai import OpenAI\n"
      "  client = OpenAI()\n"
      "  for event in client.chat.completions.create(model=\"{}\", stream=True,\n"
      "          messages=[{{\"role\": \"user\", \"content\": \"Tell me a story.\"}}]):\n"
      "      print(event.choices[0].delta.content or \"\", end=\"\", flush=True)\n\n",
      guest.model, guest.model);
}

// An engine of the user's own may be slow to answer, or not be there.
rt::Task<Result<void>> Guest::find_engine(Running& running) {
  const rt::Until until{running.loop.in(kEngineTime), &running.stopping};
  engine::Engine& engine = *running.engines.front();
  if (Result<void> ready = co_await engine.ensure_ready(running.loop, until); !ready) {
    const engine::Status status = engine.status();
    co_return our_error(
        Code::dependency_unavailable,
        "the engine is not ready: " +
            (status.reason.empty() ? std::string(ready.error().message()) : status.reason));
  }
  while (model.empty()) {
    const auto directory = running.directory.get();
    if (const auto& models = directory->models().all(); !models.empty()) {
      model = models.front().name.text();
      break;
    }
    const rt::Deadline pause = running.loop.in(kListPause);
    if (until.deadline.passed(running.loop.now()) ||
        !co_await rt::sleep(running.loop, {pause, &running.stopping}))
      co_return our_error(Code::dependency_unavailable,
                          "the engine lists no models; name one with --engine-model");
  }
  co_return Result<void>();
}

rt::Task<int> Guest::run(Running& running) {
  if (is_own_engine) {
    if (const Result<void> found = co_await find_engine(running); !found) {
      fmt::print(stderr, "sovmesh demo: {}\n", found.error().message());
      co_return kExitUnreachable;
    }
  }
  if (check) co_return co_await verify(running);
  co_return co_await show(running);
}

rt::Task<int> Guest::show(Running& running) {
  const http::Origin origin = own_origin(running);
  const std::string base_url = fmt::format("http://{}/v1", running.bound.listen.front());
  print_banner(*this, base_url);
  fmt::print("A first answer, streamed, for {}:\n\n  {}\n  > ", tenants.front().name,
             kFirstQuestion);
  std::fflush(stdout);
  const Question question{
      .model = model, .text = kFirstQuestion, .max_tokens = 128, .stream = true};
  const auto on_text = [](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  };
  const Result<Answer> answer =
      co_await ask(running.client, origin, tenants.front().key, question, on_text,
                   {running.loop.in(kAnswerTime), &running.stopping});
  if (!answer) {
    fmt::print(stderr, "\nsovmesh demo: no answer: {}\n", answer.error().message());
    co_return kExitFailed;
  }
  fmt::print("\n\n  {} prompt + {} output tokens, counted to tenant {} ({})\n\nCtrl-C stops.\n",
             answer->prompt_tokens, answer->completion_tokens, tenants.front().name,
             answer->request_id);
  std::fflush(stdout);
  co_return ServeOptions::kKeepRunning;
}

rt::Task<Result<engine::EngineCounters>> engine_counters(Running& running, engine::Engine& engine) {
  http::ClientRequest request{.method = "GET", .target = "/metrics", .fields = {}, .body = {}};
  const rt::Until until{running.loop.in(std::chrono::seconds(10)), &running.stopping};
  CO_TRY(
      const http::ClientResponse page,
      co_await http::fetch(running.client, engine.origin(), std::move(request), 1U << 20, until));
  if (page.status != 200) {
    co_return upstream_error(Code::upstream_error,
                             fmt::format("the engine's /metrics answered {}", page.status));
  }
  co_return engine::parse_counters(engine.dialect(), page.body);
}

rt::Task<Result<store::UsageRow>> usage_row(Running& running, const std::string& tenant,
                                            const std::string& request_id) {
  store::Ledger& ledger = running.ledger;
  store::UsageQuery query;
  query.tenant = running.directory.get()->tenant_by_slug(tenant)->record.id;
  const auto read = [&ledger, query, request_id]() -> Result<store::UsageRow> {
    TRY_VOID(ledger.flush());
    TRY(const std::vector<store::UsageRow> rows, ledger.rows(query, 10));
    for (const store::UsageRow& row : rows) {
      if ("req_" + row.request.value.hex() == request_id) return row;
    }
    return our_error(Code::not_found, fmt::format("no usage row for {}", request_id));
  };
  co_return co_await rt::run_blocking(running.pool, running.loop, read);
}

// Says each comparison; an error when one fails.
Result<void> agree(std::string_view what, std::int64_t ledger, std::string_view other_name,
                   std::int64_t other) {
  const bool same = ledger == other;
  fmt::print("    {:<8} ledger {:>5} {} {} {:>5}\n", what, ledger, same ? "=" : "!=", other_name,
             other);
  if (same) return {};
  return our_error(Code::internal_error,
                   fmt::format("{} tokens: the ledger says {}, the {} says {}", what, ledger,
                               other_name, other));
}

Result<void> Guest::agree_with_answer(const metering::Counts& counts, const Answer& answer,
                                      bool stream) const {
  TRY_VOID(agree("prompt", counts.prompt, "answer", answer.prompt_tokens));
  TRY_VOID(agree("output", counts.generated, "answer", answer.completion_tokens));
  if (!stream) return {};
  // Each content-bearing event is one token. llama.cpp also counts the one that ended the text;
  // others differ, so that either count can be theirs.
  const std::int64_t with_end = answer.chunks + (answer.stopped ? 1 : 0);
  const bool has_end = !is_own_engine || counts.generated == with_end;
  return agree("output", counts.generated, "client's count", has_end ? with_end : answer.chunks);
}

rt::Task<Result<void>> Guest::verify_one(Running& running, const http::Origin& origin,
                                         const DemoTenant& tenant, bool stream) {
  engine::Engine& engine = *running.engines.front();
  fmt::print("  {} {}: {}\n", tenant.name, stream ? "streamed" : "plain", kFirstQuestion);
  const rt::Until started{running.loop.in(kAnswerTime), &running.stopping};
  CO_TRY_VOID(co_await engine.ensure_ready(running.loop, started));
  const Result<engine::EngineCounters> before = co_await engine_counters(running, engine);
  const Question question{
      .model = model, .text = kFirstQuestion, .max_tokens = 64, .stream = stream};
  CO_TRY(const Answer answer, co_await ask(running.client, origin, tenant.key, question, {},
                                           {running.loop.in(kAnswerTime), &running.stopping}));
  fmt::print("    > {}\n", answer.text);
  CO_TRY(const store::UsageRow row, co_await usage_row(running, tenant.name, answer.request_id));
  const metering::Counts& counts = row.settlement.counts;
  CO_TRY_VOID(agree_with_answer(counts, answer, stream));
  if (!before) {
    fmt::print("    the engine has no counters to compare with: {}\n", before.error().message());
    co_return Result<void>();
  }
  CO_TRY(const engine::EngineCounters after, co_await engine_counters(running, engine));
  CO_TRY_VOID(agree("prompt", counts.prompt, "engine's counter",
                    after.prompt_tokens - before->prompt_tokens));
  CO_TRY_VOID(agree("output", counts.generated, "engine's counter",
                    after.generated_tokens - before->generated_tokens));
  co_return Result<void>();
}

rt::Task<int> Guest::verify(Running& running) {
  const http::Origin origin = own_origin(running);
  fmt::print("One question per tenant, plain and streamed; every count must agree:\n");
  for (const DemoTenant& tenant : tenants) {
    for (const bool stream : {false, true}) {
      const Result<void> done = co_await verify_one(running, origin, tenant, stream);
      if (!done) {
        fmt::print(stderr, "sovmesh demo: check failed: {}\n", done.error().message());
        co_return kExitFailed;
      }
    }
  }
  fmt::print("All counts agree.\n");
  std::fflush(stdout);
  co_return kExitOk;
}

}  // namespace

int run_demo(DemoOptions options) {
  if (options.data_dir.empty()) options.data_dir = default_data_dir();
  Guest guest;
  guest.check = options.check;
  Result<std::vector<DemoTenant>> tenants = demo_tenants(options.data_dir);
  if (!tenants) {
    fmt::print(stderr, "sovmesh demo: {}\n", tenants.error().message());
    return kExitDataDir;
  }
  guest.tenants = *std::move(tenants);
  Result<config::Config> config = demo_config(options, guest.tenants);
  if (!config) {
    fmt::print(stderr, "sovmesh demo: {}\n", config.error().message());
    return exit_code_of(config.error());
  }
  if (!config->models.empty()) guest.model = config->models.front().name;
  guest.is_own_engine = !options.engine_url.empty();
  ServeOptions serving;
  serving.config = *std::move(config);
  serving.data_dir = options.data_dir;
  serving.print_ready = false;
  serving.stop_at_once = true;
  serving.guest = [&guest](Running& running) { return guest.run(running); };
  serving.sabotage_drop_one_token = options.sabotage_drop_one_token;
  return serve(std::move(serving));
}

}  // namespace sovmesh::compose
