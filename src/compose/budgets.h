#pragma once

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

  // Puts in force what the publisher has published, all or nothing. Blocks: counters of new limits
  // are read from the ledger. Any thread.
  Result<void> refresh();

  const gateway::Tariff& tariff() const { return tariff_; }
  limits::Limiter& limiter() { return limiter_; }
  // Decisions by limit, for the metrics page.
  void add_metrics(observe::Registry& registry);
  // One JSON text for each threshold that was crossed since the last call.
  std::vector<std::string> take_events();

 private:
  struct Turn {};
  using Currencies = std::map<TenantId, std::string>;
  Result<void> refresh_alone();
  Result<void> seed(const limits::SeedWanted& wanted, const Currencies& currencies, WallTime now);

  const control::DirectoryPublisher& publisher_;
  store::ControlStore& store_;
  store::Ledger& ledger_;
  const Clock& clock_;
  Guarded<Turn> turn_;  // refreshes one at a time
  limits::LocalLimiter limiter_;
  limits::OutputEstimate estimates_;
  gateway::Tariff tariff_;
};

}  // namespace sovmesh::compose
