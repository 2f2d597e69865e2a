#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "control/statement.h"
#include "store/audit.h"
#include "store/control_store.h"
#include "store/ledger.h"

namespace sovmesh::control {

// Makes statements and keeps those of months that are over. Blocks: call it on the blocking pool.
// One call at a time.
//   S1  a month closes once: what was stored for it is what everybody gets from then on
//   S2  the lines add up to what the ledger's own sum of the month says, to the micro-unit
//   S3  months that are closed tile time, whatever happens to the tenant's time zone
//   S4  an adjustment is booked once for its id, and never stands in a month that was closed before
class Statements {
 public:
  static constexpr std::size_t kAdjustmentsMax = 10'000;  // of one tenant

  // `audit` may be null.
  Statements(store::ControlStore& store, store::Ledger& ledger, store::Audit* audit,
             const Clock& clock)
      : store_(store), ledger_(ledger), audit_(audit), clock_(clock) {}

  struct Document {
    Statement statement;
    std::string json;
    std::string sha256;  // of `json`; empty while it is preliminary
  };
  // `tenant` by slug or id; `month` as "2026-11" of the tenant's clock. The first call after the
  // month's end closes it. Code::not_found for a month in which there was nothing to charge yet.
  // `who` asks: for the audit log's entry.
  Result<Document> of_month(const std::string& tenant, const std::string& month,
                            store::AdminEntry who = {});

  struct NewAdjustment {
    std::string id;
    std::string amount;  // "-12.50"
    std::string reason;
  };
  // Booked in the open month. The same id again returns what was booked; Code::conflict when it
  // differs.
  Result<Adjustment> adjust(const std::string& tenant, const NewAdjustment& wanted,
                            store::AdminEntry who = {});

 private:
  struct Whose;
  Result<Whose> whose(const std::string& tenant);
  Result<std::optional<Document>> stored(TenantId tenant, std::string_view month);
  Result<Document> make(const Whose& whose, const std::string& month);
  Result<void> close(const Whose& whose, const Document& document, store::AdminEntry entry);
  Result<std::vector<Adjustment>> adjustments(TenantId tenant);
  Result<std::string> open_month(const Whose& whose);
  Result<void> record(store::AdminEntry entry);

  store::ControlStore& store_;
  store::Ledger& ledger_;
  store::Audit* audit_;
  const Clock& clock_;
};

// The lines of a period. Code::overloaded when there are more than Statement::kLinesMax.
struct StatementLines {
  std::vector<StatementLine> lines;
  std::int64_t first_seq = 0;
  std::int64_t last_seq = 0;
};
Result<StatementLines> read_lines(store::Ledger& ledger, const store::ControlData& data,
                                  TenantId tenant, WallTime from, WallTime until);

}  // namespace sovmesh::control
