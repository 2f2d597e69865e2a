#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "rt/blocking.h"
#include "store/audit.h"

namespace sovmesh::compose {

// The log in DATA_DIR/audit with its signer process. Null when it is off. `log` gets what goes
// wrong with that process, and outlives it.
Result<std::unique_ptr<store::Audit>> open_audit_log(const std::string& data_dir,
                                                     const config::Audit& settings,
                                                     const Clock& clock, Random& random,
                                                     const observe::Log& log,
                                                     std::shared_ptr<std::atomic<bool>> has_all);
// The role `sovmesh audit-signer`: answers on its socket until that ends.
struct AuditSignerOptions {
  std::string key_file;
  std::string state_file;
  std::string origin;
  bool new_log = false;
};
int run_audit_signer(const AuditSignerOptions& options);

inline constexpr std::string_view kConfigApply = "config.apply";
// A configuration takes effect.
store::AdminEntry config_entry(const config::Config& config, std::string_view why);
// One does not. `revision`: empty when it could not be read at all. Blocks.
Result<void> record_refused_config(store::Audit* audit, const std::string& revision,
                                   const Error& why);
// An engine was loaded, or is gone. Does not wait; the log lives as long as the work.
void record_engine(std::shared_ptr<store::Audit> audit, rt::BlockingPool& pool,
                   const std::string& name, std::string_view state);
void watch_audit(observe::Registry& registry, const store::Audit& audit);

}  // namespace sovmesh::compose
