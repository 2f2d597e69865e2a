#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "rt/real.h"
#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/upgrade/fixture.h"

// make_upgrade_fixture DIR: writes a data folder of the present schema, for tests/upgrade/data/N.
// Run it once per schema, before the next migration is written, and commit what it makes.
namespace sovmesh::upgrade {
namespace {

namespace fs = std::filesystem;
using store_sqlite::real_disk;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return *std::move(result);
}

void write_control(const std::string& path, const Clock& clock) {
  const auto store = must(store_sqlite::open_control_store(real_disk(), path, clock));
  must(store->create(tenancy::Tenant{.id = kTenant,
                                     .slug = must(TenantSlug::parse("aurora")),
                                     .display_name = "Aurora",
                                     .hosts = {"ai.aurora.example"},
                                     .time_zone = "Europe/Copenhagen",
                                     .currency = "DKK"}));
  must(store->create(tenancy::Project{.id = kProject,
                                      .tenant = kTenant,
                                      .slug = must(ProjectSlug::parse("default")),
                                      .cost_centre = "4711"}));
  tenancy::Key key{.id = must(KeyId::parse(kKey)), .tenant = kTenant, .project = kProject};
  key.scopes.set(0);
  key.models = std::set{must(ModelName::parse("tiny"))};
  key.max_priority = PriorityClass::batch;
  key.hmac.fill(7);
  key.last_four = "wxyz";
  key.previous = {.pepper_id = 1, .until = kOpenedAt};
  key.previous->hmac.fill(9);
  must(store->create(key));
  must(store->create(catalog::Model{.id = kModel,
                                    .name = must(ModelName::parse("tiny")),
                                    .engine = "local",
                                    .engine_model = "tiny.gguf"}));
  must(store->create(store::EngineRecord{
      .id = kEngine, .name = "gpu-1", .dialect = "vllm", .url = "https://gpu-1.example"}));
  must(store->create(
      store::LimitRecord{.id = kLimit,
                         .holder = {.scope = limits::Scope::user, .tenant = kTenant, .name = "ann"},
                         .measure = limits::Measure::money_micro,
                         .window = limits::Window::month,
                         .amount = 250'000'000}));
  must(store->create(store::WebhookRecord{.id = kWebhook,
                                          .tenant = kTenant,
                                          .name = "pager",
                                          .url = "https://hooks.example/x",
                                          .events = {"*"},
                                          .secret = "sealed"}));
  must(store->create(
      access::User{.id = kUser, .login = "ann@aurora.example", .password_hash = "$argon2id$"}));
  must(store->create(
      access::Membership{.id = kMembership,
                         .user = kUser,
                         .grant = must(access::Grant::make(access::Role::tenant_admin, kTenant))}));
  if (!store->put_value(kValueName, kValue)) throw std::runtime_error("put_value");
}

metering::Intent intent(RequestId request) {
  return {.request = request,
          .tenant = kTenant,
          .project = kProject,
          .key = must(KeyId::parse(kKey)),
          .model = "tiny",
          .engine = "local",
          .streamed = true,
          .prompt_estimate = 20,
          .output_max = 64,
          .opened_at = kOpenedAt,
          .price = must(metering::Price::make(price_terms())),
          .model_revision = "r1",
          .user = "ida",
          .cost_centre = "4711",
          .reserved_tokens = 84,
          .input_characters = 80};
}

// Leaves one row settled, one open with a checkpoint, and a part of both in the write-ahead log.
void write_ledger(const fs::path& work, const fs::path& out) {
  rt::sim::SimWorld world(1);
  auto runner = std::make_unique<store_sqlite::ManualRunner>();
  store_sqlite::ManualRunner& writer = *runner;
  const auto ledger = must(store_sqlite::open_ledger(real_disk(), work / "ledger.db", world.clock(),
                                                     std::move(runner), {.reserve_bytes = 0}));
  const auto open = [&](metering::Intent wanted) {
    auto task = ledger->open(std::move(wanted), world.loop());
    task.start();
    world.run_for(std::chrono::seconds(1));
    writer.step();
    world.run_until([&] { return task.done(); }, std::chrono::seconds(1));
    return must(task.result());
  };
  store::OpenRow settled = open(intent(kSettled));
  std::move(settled).settle({.counts = {.prompt = 10,
                                        .cached = 2,
                                        .generated = 30,
                                        .reasoning = 5,
                                        .delivered = 29,
                                        .source = metering::Source::engine_final},
                             .finish = metering::Finish::length,
                             .drift = true,
                             .settled_at = kOpenedAt + std::chrono::seconds(2)});
  const metering::Idempotency key = idempotency_key();
  metering::Intent keyed = intent(kLeftOpen);
  keyed.idempotency = key;
  store::OpenRow left_open = open(keyed);
  left_open.checkpoint({.prompt = 11, .generated = 12, .delivered = 12});
  if (!ledger->flush()) throw std::runtime_error("flush");
  for (const char* name : {"ledger.db", "ledger.db-wal", "ledger.db.created"})
    fs::copy_file(work / name, out / name, fs::copy_options::overwrite_existing);
  std::move(left_open).settle({});
}

void make(const fs::path& out) {
  fs::create_directories(out);
  rt::sim::SimWorld world(1);
  write_control(out / "control.db", world.clock());
  const fs::path work = out / "work";
  fs::create_directories(work);
  write_ledger(work, out);
  fs::remove_all(work);
}

}  // namespace
}  // namespace sovmesh::upgrade

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: make_upgrade_fixture DIR\n", stderr);
    return 2;
  }
  try {
    sovmesh::upgrade::make(arguments[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_upgrade_fixture: %s\n", error.what());
    return 1;
  }
  return 0;
}
