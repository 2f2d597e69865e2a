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
#include "store/ledger.h"

namespace sovmesh::compose {

// What configuration and admin API say of money and limits, in force: the limiter with its counters
// (which the ledger fills after a start), and prices.
class Budgets {
 public:
  using State = control::DirectoryPublisher::State;

  Budgets(const control::DirectoryPublisher& publisher, store::Ledger& ledger, const Clock& clock)
      : ledger_(ledger), clock_(clock), tariff_{limiter_, estimates_, publisher.prices()} {}

  // Puts in force the limits of a state that is about to be published, all or nothing. Blocks: what
  // was used before is read from the ledger first. After an error (Code::metering_unavailable) the
  // limits in force are what they were. Any thread.
  Result<void> use(const State& next);

  const gateway::Tariff& tariff() const { return tariff_; }
  limits::Limiter& limiter() { return limiter_; }
  // Decisions by limit, for the metrics page.
  void add_metrics(observe::Registry& registry);
  // The thresholds that were crossed since the last call, each also as the JSON text of a webhook.
  struct Event {
    limits::Threshold crossed;
    std::string json;
  };
  std::vector<Event> take_events();

 private:
  struct Turn {};
  using Used = std::map<limits::ScopeKey, std::vector<limits::SeedPart>>;
  using Currencies = std::map<TenantId, std::string>;
  Result<void> use_alone(const State& next);
  Result<void> seed_all(const State& next, WallTime now);
  Result<void> seed(const limits::SeedWanted& wanted, const Currencies& currencies,
                    const identity::Directory& directory, WallTime now);

  store::Ledger& ledger_;
  const Clock& clock_;
  Guarded<Turn> turn_;  // changes one at a time
  limits::LocalLimiter limiter_;
  limits::OutputEstimate estimates_;
  gateway::Tariff tariff_;
};

}  // namespace sovmesh::compose
