#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "gateway/record.h"
#include "limits/estimate.h"
#include "limits/limiter.h"
#include "llmapi/request.h"
#include "metering/price.h"

namespace sovmesh::gateway {

// What decides about a request's share of limits and its price. Shared by all workers.
struct Tariff {
  limits::Limiter& limiter;
  limits::OutputEstimate& estimates;
  const Snapshot<metering::PriceBook>& prices;
};

// What one request holds of the limits that apply to it, from before it waits for an engine until
// its row is settled. Given back by the destructor when it never ran.
class Admission {
 public:
  Admission() = default;  // nothing applies
  Admission(limits::Reservation reservation, std::shared_ptr<const metering::Price> price,
            std::int64_t characters)
      : reservation_(std::move(reservation)), price_(std::move(price)), characters_(characters) {}

  bool is_limited() const { return reservation_ && reservation_->is_limited(); }
  const std::shared_ptr<const metering::Price>& price() const { return price_; }
  std::int64_t input_characters() const { return characters_; }
  // Input and output tokens that are held now.
  std::int64_t held_output() const { return reservation_ ? reservation_->held().output_tokens : 0; }
  std::int64_t held_tokens() const {
    return reservation_ ? reservation_->held().input_tokens + held_output() : 0;
  }

  // The answer has come so far: takes another slice when what is held is used up. An error: the
  // limits are dry, and the answer must end.
  Result<void> cover(const metering::Counts& so_far, WallTime now);
  // The request is over.
  void settle(const metering::Counts& counts, const metering::Charge& charge, WallTime now);
  // What it costs, as the ledger will say.
  metering::Charge charge(const metering::Settlement& settlement,
                          std::chrono::nanoseconds open_for) const;

 private:
  std::optional<limits::Reservation> reservation_;
  std::shared_ptr<const metering::Price> price_;  // null: unpriced
  std::int64_t characters_ = 0;
};

// An answer of unknown length whose limits may run out while it comes: only a stream can be ended.
bool may_run_dry(const llmapi::Request& request, const Admission& admission);

// All or nothing of every limit that applies to this request. Says in the record where its caller
// stands, whatever the verdict.
Result<Admission> admit(const Tariff& tariff, const llmapi::Request& request,
                        const std::string& engine, RequestRecord& record, WallTime now);

}  // namespace sovmesh::gateway
