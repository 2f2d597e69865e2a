#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "control/directory_publisher.h"
#include "gateway/admission.h"
#include "limits/local_limiter.h"
#include "metering/price.h"
#include "observe/metrics.h"
#include "store/control_store.h"
#include "store/ledger.h"

namespace sovmesh::compose {

// What configuration and admin API say of money and limits, in force: the limiter with its counters
// (which the ledger fills after a start), and prices.
class Budgets {
 public:
  Budgets(const control::DirectoryPublisher& publisher, store::ControlStore& store,
          store::Ledger& ledger, const Clock& clock)
      : publisher_(publisher),
        store_(store),
        ledger_(ledger),
        clock_(clock),
        tariff_{limiter_, estimates_, publisher.prices()} {}

  // Puts in force what the publisher has published, all or nothing. Blocks: what was used before is
  // read from the ledger first. After an error (Code::metering_unavailable) the limits in force are
  // what they were, and is_behind() until a later call succeeds. Any thread.
  Result<void> refresh();
  bool is_behind() const { return is_behind_; }

  const gateway::Tariff& tariff() const { return tariff_; }
  limits::Limiter& limiter() { return limiter_; }
  // Decisions by limit, for the metrics page.
  void add_metrics(observe::Registry& registry);
  // One JSON text for each threshold that was crossed since the last call.
  std::vector<std::string> take_events();

 private:
  struct Turn {};
  using Used = std::map<limits::ScopeKey, std::vector<limits::SeedPart>>;
  using Currencies = std::map<TenantId, std::string>;
  Result<void> refresh_alone();
  Result<void> seed_all(WallTime now);
  Result<void> seed(const limits::SeedWanted& wanted, const Currencies& currencies, WallTime now);

  const control::DirectoryPublisher& publisher_;
  store::ControlStore& store_;
  store::Ledger& ledger_;
  const Clock& clock_;
  Guarded<Turn> turn_;  // refreshes one at a time
  std::atomic<bool> is_behind_ = false;
  limits::LocalLimiter limiter_;
  limits::OutputEstimate estimates_;
  gateway::Tariff tariff_;
};

}  // namespace sovmesh::compose
