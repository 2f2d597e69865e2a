#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/placing.h"
#include "limits/limit.h"
#include "metering/price.h"
#include "store/audit.h"
#include "store/control_store.h"
#include "store/ledger.h"

namespace sovmesh::control {

// One step of a charge: so much of something, at a rate, in whole micro-units (rounded down).
struct CostLine {
  std::string name;  // "input tokens"
  std::int64_t quantity = 0;
  std::string unit;       // of the quantity: "tokens", "us"
  std::int64_t rate = 0;  // micro-units per...
  std::string per;        // "1,000,000 tokens"
  std::int64_t amount = 0;
};
// How the charge of such usage comes to be. What the parts lose by being rounded down alone is the
// last line, so that they add up to cost_of() exactly.
std::vector<CostLine> cost_lines(const metering::Price& price, const metering::Usage& usage);
metering::Usage usage_of(const store::UsageRow& row);

// All that is known of one request.
struct Explanation {
  store::UsageRow row;
  std::shared_ptr<const metering::Price> price;  // null: unpriced
  std::string tenant;                            // names; ids where the object is gone
  std::string project;
  std::string key;
  // That it would count against at this moment: limits, and which engines a pool has, change.
  std::vector<std::string> limits;
  WallTime limits_at{};
  // The audit log's entry: nothing when there is no audit log, or none of this request.
  std::optional<store::AuditRecord> entry;
  std::optional<store::AuditProof> proof;
  std::string audit_note;          // why something of it is missing
  std::optional<Placing> placing;  // nothing: it is not remembered any more

  // Its class, and the pool of its engines (empty: they are in none).
  struct Turn {
    std::string priority;
    std::string pool;
  };
  std::optional<Turn> shown_turn;  // where something is hidden
  // As `placing`, else the audit log has it. Nothing: neither says.
  std::optional<Turn> turn() const;

  std::vector<CostLine> lines() const;
  // Whether the row's charge follows from its price and figures; true for what is open.
  bool adds_up() const;
};

// "req_" + 32 hexadecimal digits, these digits alone, or the ULID. Code::invalid_value.
Result<RequestId> parse_request_id(std::string_view text);

// Which of these a row counts against. `pool`: that its engine is in now; empty: none.
std::vector<std::string> limits_of(const std::vector<limits::Limit>& all,
                                   const store::UsageRow& row, std::string_view pool);

Error no_such_request();  // Code::not_found
// Blocks on the ledger and the audit log. Code::not_found when the ledger has no such row.
Result<Explanation> explain(store::Ledger& ledger, store::Audit* audit,
                            const store::ControlData& data, RequestId request);
// For who may not know where a model runs: without its engine and pool. The signed entry, which
// names them, stays only for who `reads_entries` of the tenant in the audit log.
void hide_place(Explanation& explanation, bool reads_entries);
std::string explanation_json(const Explanation& explanation);
std::string explanation_text(const Explanation& explanation);

// A request that got the answer of an earlier one again: the ledger has only that one.
struct Replay {
  RequestId request;
  RequestId first;
  store::AuditRecord entry;
};
// Nothing when the audit log knows of no such replay. Blocks.
std::optional<Replay> find_replay(store::Audit* audit, RequestId request);
std::string replay_json(const Replay& replay);
std::string replay_text(const Replay& replay);

// A request that the ledger does not have: it was refused before any engine was asked, or it waits.
std::string unbooked_json(RequestId request, const Placing& placing);
std::string unbooked_text(RequestId request, const Placing& placing);

}  // namespace sovmesh::control
