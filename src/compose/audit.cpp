#include "compose/audit.h"

#include <fmt/format.h>

#include <utility>

#include "audit_files/audit_log.h"
#include "audit_files/signer_process.h"
#include "base/bytes.h"
#include "rt/real.h"

namespace sovmesh::compose {
namespace {

// Ourselves, whatever has become of the file since.
constexpr const char* kOwnProgram = "/proc/self/exe";

}  // namespace

Result<std::unique_ptr<store::Audit>> open_audit_log(const std::string& data_dir,
                                                     const config::Audit& settings,
                                                     const Clock& clock, Random& random,
                                                     const observe::Log& log,
                                                     std::shared_ptr<std::atomic<bool>> has_all) {
  if (!settings.enabled) return nullptr;
  const auto troubles = std::make_shared<audit_files::SignerTroubles>();
  troubles->say = [&log](std::string_view what) {
    log.say(observe::Level::warning, "audit_signer", what);
  };
  const audit_files::Options options{.folder = data_dir + "/audit",
                                     .secrets = data_dir + "/secrets",
                                     .origin = settings.origin,
                                     .checkpoint_every = settings.checkpoint_interval,
                                     .keep_days = settings.keep_days,
                                     .export_folder = settings.export_path,
                                     .signer_troubles = troubles,
                                     .has_all = std::move(has_all),
                                     .witness_keys = settings.witness_keys};
  const auto make_signer = [&](const audit_files::SignerPlace& place) {
    return audit_files::start_signer_process(
        {.program = kOwnProgram, .place = place, .troubles = troubles});
  };
  return audit_files::open_audit(audit_files::real_files(), clock, random, options, make_signer,
                                 audit_files::WriterRuns::on_thread);
}

int run_audit_signer(const AuditSignerOptions& options) {
  const auto random = rt::make_system_random();
  return audit_files::run_signer(audit_files::kSignerSocket, *random,
                                 {.key_file = options.key_file,
                                  .state_file = options.state_file,
                                  .origin = options.origin,
                                  .new_log = options.new_log});
}

store::AdminEntry config_entry(const config::Config& config, std::string_view why) {
  store::AdminEntry entry;
  entry.action = std::string(kConfigApply);
  entry.actor_type = store::AdminEntry::Actor::config;
  entry.object = "config/" + config.revision;
  entry.config = config.revision;
  entry.config_digest = config.digest;
  entry.reason = std::string(why);
  return entry;
}

// The message names objects of the file, perhaps after people: it is kept encrypted.
Result<void> record_refused_config(store::Audit* audit, const std::string& revision,
                                   const Error& why) {
  if (audit == nullptr) return {};
  store::AdminEntry entry;
  entry.action = std::string(kConfigApply);
  entry.actor_type = store::AdminEntry::Actor::config;
  entry.object = "config" + (revision.empty() ? "" : "/" + revision);
  entry.outcome = "failed";
  entry.reason = fmt::format("{}; the configuration before stays", name(why.code()));
  entry.detail = R"({"error":)";
  append_json_string(entry.detail, why.message());
  entry.detail += "}";
  TRY_VOID(audit->append(std::move(entry)));
  return {};
}

void record_engine(std::shared_ptr<store::Audit> audit, rt::BlockingPool& pool,
                   const std::string& name, std::string_view state) {
  if (audit == nullptr || (state != "ready" && state != "stopped" && state != "unhealthy")) return;
  store::AdminEntry entry;
  entry.action = state == "ready" ? "engine.ready" : "engine.gone";
  entry.object = "engine/" + name;
  entry.reason = std::string(state);
  // A log that takes nothing is seen by everybody else, too: nobody waits for this one.
  (void)pool.submit(
      [audit = std::move(audit), entry = std::move(entry)] { (void)audit->append(entry); });
}

void watch_audit(observe::Registry& registry, const store::Audit& audit) {
  auto& newest =
      registry.gauges("sm_audit_seq", "Number of the newest durable audit entry, from 0", {});
  auto& lag = registry.gauges("sm_audit_lag_entries", "Audit entries not yet durable", {});
  auto& unsigned_entries = registry.gauges("sm_audit_unsigned_entries",
                                           "Audit entries that no checkpoint covers yet", {});
  auto& accepts = registry.gauges("sm_audit_accepts", "1 while the audit log takes entries", {});
  auto& gaps = registry.totals("sm_audit_gap_total", "Requests that got no audit entry", {});
  auto& late = registry.totals("sm_audit_signer_late_total",
                               "Deadlines that passed without the signer's answer", {});
  auto& killed = registry.totals("sm_audit_signer_killed_total",
                                 "Times the signer was killed because of that", {});
  auto& summed = registry.totals("sm_audit_summed_total",
                                 "Refused requests that are counted in a sum's entry", {});
  auto& failures =
      registry.totals("sm_audit_failures_total", "Failed writes, syncs and signatures", {});
  registry.on_render([&audit, &newest, &lag, &unsigned_entries, &accepts, &gaps, &late, &killed,
                      &summed, &failures] {
    const store::AuditStats stats = audit.stats();
    newest.with({}).set(static_cast<double>(stats.size) - 1);
    lag.with({}).set(static_cast<double>(stats.waiting));
    unsigned_entries.with({}).set(static_cast<double>(stats.size - stats.signed_size));
    accepts.with({}).set(audit.accepts() ? 1 : 0);
    gaps.with({}).set(static_cast<double>(stats.gaps));
    late.with({}).set(static_cast<double>(stats.signer_late));
    killed.with({}).set(static_cast<double>(stats.signer_killed));
    summed.with({}).set(static_cast<double>(stats.summed));
    failures.with({}).set(static_cast<double>(stats.failures));
  });
}

}  // namespace sovmesh::compose
