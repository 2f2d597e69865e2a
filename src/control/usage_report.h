#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time_zone.h"
#include "store/control_store.h"
#include "store/ledger.h"

namespace sovmesh::control {

// What a usage report is asked for, in the words of the caller. Empty: not said.
struct UsageAsk {
  std::string tenant;  // slug or id; empty: all, which by key, project, user or cost centre are
                       // told apart
  std::string by;      // empty, or one of usage_groupings()
  std::string from;    // RFC 3339, or a day of the tenant's: "2026-11-25"
  std::string until;   // the same; exclusive
  std::string month;   // "2026-11", instead of from and until
  std::string project;
  std::string key;
  std::string model;
  std::string user;
  std::string cost_centre;
  std::string engine;
};

// One line: a sum, and of what.
struct UsageLine {
  std::string tenant;                      // slug, or the id of one that is gone; empty: of all
  std::string group;                       // slug of a project, id of a key, "2026-11-25"...
  std::string label;                       // what people call it, when that is something else
  std::optional<TimeZone::Period> period;  // of a day or month
  store::UsageSum sum;
};

struct UsageReport {
  std::string tenant;     // as asked; empty: all
  std::string by;         // as asked
  std::string time_zone;  // whose days and months these are
  std::optional<WallTime> from;
  std::optional<WallTime> until;
  std::vector<UsageLine> lines;
  std::vector<std::string> periods;  // all days or months asked for, those without usage too
};

// Days and months of one report.
inline constexpr std::size_t kUsageDaysMax = store::UsageQuery::kEdgesMax - 1;
inline constexpr std::size_t kUsageMonthsUsual = 120;

// "model, key, ...": for messages.
std::string_view usage_groupings();

// Blocks on the ledger.
Result<UsageReport> read_usage(store::Ledger& ledger, const store::ControlData& data,
                               const UsageAsk& ask, WallTime now);

// The tenant by slug or id; a dead tenant's usage stays readable under its id.
Result<TenantId> tenant_of_report(const store::ControlData& data, const std::string& name);
// Its slug; the id of one that is gone.
std::string shown_tenant(const store::ControlData& data, TenantId id);
std::string shown_project(const store::ControlData& data, ProjectId id);
std::string shown_key(const store::ControlData& data, const KeyId& id);  // its display name
// UTC for a tenant that is gone.
TimeZone zone_of(const store::ControlData& data, TenantId id);

std::string usage_json(const UsageReport& report);
std::string usage_csv(const UsageReport& report);
std::string usage_text(const UsageReport& report);
// Bars of plain characters, in lines of at most `columns`.
enum class ChartOf : std::uint8_t { tokens, requests, cost };
Result<ChartOf> parse_chart(std::string_view text);
std::string usage_chart(const UsageReport& report, ChartOf of, std::size_t columns);

}  // namespace sovmesh::control
