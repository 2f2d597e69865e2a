#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "metering/usage.h"

namespace sovmesh::control {

// A correction that somebody booked: it stands in the statement of the month that was open.
struct Adjustment {
  static constexpr std::size_t kIdMax = 64;       // bytes
  static constexpr std::size_t kReasonMax = 256;  // bytes
  std::string id;                                 // unique within the tenant
  std::string month;                              // "2026-11": whose statement has it
  WallTime at{};
  std::int64_t amount_micro = 0;  // negative: in the tenant's favour
  std::string currency;
  std::string reason;
  friend bool operator==(const Adjustment&, const Adjustment&) = default;
};

// What one project used of one model under one price, booked on one cost centre.
struct StatementLine {
  std::string project;
  std::string project_id;
  std::string cost_centre;
  std::string model;
  std::string price;  // version; empty: unpriced
  std::string currency;
  metering::Totals sums;
  friend bool operator==(const StatementLine&, const StatementLine&) = default;
};

// What a tenant owes for a month, as a document: everything it was made from stands in it.
struct Statement {
  static constexpr std::size_t kLinesMax = 10'000;

  std::string tenant;  // slug when it was made
  std::string tenant_id;
  std::string tenant_name;
  std::string month;
  std::string time_zone;
  WallTime from{};
  WallTime until{};
  bool preliminary =
      false;  // the month is not over, or not everything of it is known to be durable
  WallTime generated_at{};
  std::vector<StatementLine> lines;
  std::vector<Adjustment> adjustments;
  struct PriceText {
    std::string id;
    std::string text;  // canonical terms; the id is made from them. Empty: not known any more
    friend bool operator==(const PriceText&, const PriceText&) = default;
  };
  std::vector<PriceText> prices;  // of the lines
  std::int64_t first_seq = 0;     // the ledger's rows it is made from; 0: none
  std::int64_t last_seq = 0;
  std::string audit_checkpoint;  // empty: no audit log
  // The stored statement of the month before, so that a chain of them cannot be changed.
  std::string previous_month;
  std::string previous_sha256;

  struct Total {
    std::int64_t usage_micro = 0;
    std::int64_t adjustments_micro = 0;
    std::int64_t due_micro() const { return usage_micro + adjustments_micro; }
  };
  std::map<std::string, Total> totals() const;  // by currency
  metering::Totals sums() const;                // of all lines; its cost adds up currencies
  friend bool operator==(const Statement&, const Statement&) = default;
};

// The document itself. Parsing what was written gives the same statement, and writing that the same
// bytes.
std::string statement_json(const Statement& statement);
Result<Statement> parse_statement(std::string_view json);

// What people read of it. `sha256`: of the document; empty when it is not stored.
std::string statement_text(const Statement& statement, std::string_view sha256);
std::string statement_csv(const Statement& statement);
// One page without anything from elsewhere, ready to print.
std::string statement_html(const Statement& statement, std::string_view sha256);

std::string adjustments_json(const std::vector<Adjustment>& adjustments);
Result<std::vector<Adjustment>> parse_adjustments(std::string_view json);

}  // namespace sovmesh::control
