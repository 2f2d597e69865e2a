#include "gateway/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/csv.h"
#include "base/decimal.h"
#include "base/local_date.h"
#include "base/time_text.h"

namespace sovmesh::gateway {
namespace {

using GroupBy = store::UsageQuery::GroupBy;
using Parameters = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kCsv = "text/csv; charset=utf-8";
constexpr std::size_t kDaysUsual = 92;

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    constexpr std::string_view kDigits = "0123456789abcdef0123456789ABCDEF";
    const auto high = i + 2 < text.size() ? kDigits.find(text[i + 1]) : kDigits.npos;
    const auto low = i + 2 < text.size() ? kDigits.find(text[i + 2]) : kDigits.npos;
    if (high == kDigits.npos || low == kDigits.npos) return std::nullopt;
    out += static_cast<char>(high % 16 * 16 + low % 16);
    i += 2;
  }
  return is_valid_utf8(out) ? std::optional(std::move(out)) : std::nullopt;
}

Result<Parameters> parse_query(std::string_view query) {
  Parameters out;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    if (one.empty()) continue;
    const auto equals = std::min(one.find('='), one.size());
    auto name = decode(one.substr(0, equals));
    auto value = decode(one.substr(std::min(equals + 1, one.size())));
    if (!name || !value)
      return client_error(Code::invalid_request, "The query of the URL is not well formed.");
    if (!out.emplace(*name, *std::move(value)).second)
      return client_error(Code::invalid_value, "This parameter stands twice in the query.", *name);
  }
  return out;
}

std::optional<std::string> take(Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::nullopt;
  std::string value = std::move(found->second);
  parameters.erase(found);
  return value;
}

Result<void> no_more(const Parameters& parameters) {
  if (parameters.empty()) return {};
  return client_error(Code::unsupported_parameter, "Unknown query parameter.",
                      parameters.begin()->first);
}

Result<std::optional<WallTime>> time_of(TimeZone zone, const std::optional<std::string>& text,
                                        const char* name) {
  if (!text) return std::nullopt;
  if (const auto day = find_day(zone, *text); day) return day->begin;
  if (const auto time = parse_rfc3339(*text); time) return time;
  return client_error(Code::invalid_value, "Want 2027-01-31T12:00:00Z, or a day: 2027-01-31.",
                      name);
}

Result<std::size_t> limit_of(const std::optional<std::string>& text, std::size_t usual) {
  if (!text) return usual;
  const auto limit = parse_u64(*text);
  if (limit && *limit >= 1 && *limit <= kUsageGroupsMax) return *limit;
  return client_error(Code::invalid_value, fmt::format("Want 1 to {}.", kUsageGroupsMax), "limit");
}

Result<bool> wants_csv(const std::optional<std::string>& text) {
  if (!text || *text == "json") return false;
  if (*text == "csv") return true;
  return client_error(Code::invalid_value, "Want csv or json.", "format");
}

// What both endpoints ask the ledger for, before anything else is said: the caller's own.
store::UsageQuery query_of(const UsageScope& scope) {
  store::UsageQuery query;
  query.tenant = scope.tenant;
  query.project = scope.project;
  return query;
}

Result<void> set_times(Parameters& parameters, TimeZone zone, store::UsageQuery& query) {
  TRY(query.from, time_of(zone, take(parameters, "from"), "from"));
  TRY(query.until, time_of(zone, take(parameters, "until"), "until"));
  if (query.from && query.until && *query.from >= *query.until)
    return client_error(Code::invalid_value, "Want a time after 'from'.", "until");
  return {};
}

// A JSON object, written member by member.
class Object {
 public:
  Object& text(std::string_view name, std::string_view value) {
    append_json_string(begin(name), value);
    return *this;
  }
  Object& number(std::string_view name, std::int64_t value) {
    begin(name) += std::to_string(value);
    return *this;
  }
  Object& raw(std::string_view name, std::string_view json) {
    begin(name) += json;
    return *this;
  }
  std::string end() { return out_ + "}"; }

 private:
  std::string& begin(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    return out_ += ':';
  }
  std::string out_ = "{";
};

std::string shown(const std::optional<WallTime>& time) {
  return time ? "\"" + to_rfc3339(*time) + "\"" : "null";
}

UsageReply list_of(std::string more, const std::vector<std::string>& items, std::string next) {
  std::string body = R"({"object":"list",)" + std::move(more) + R"("data":[)";
  for (std::size_t i = 0; i < items.size(); ++i)
    body += (i == 0 ? "" : ",") + items[i];
  body += next.empty() ? R"(],"has_more":false,"next":null})" : R"(],"has_more":true,"next":)";
  if (!next.empty()) {
    append_json_string(body, next);
    body += '}';
  }
  return {.content_type = std::string(kJson), .body = std::move(body), .next = std::move(next)};
}

// ---- sums

struct Group {
  std::string name;
  std::vector<store::UsageSum> sums;  // one for each currency
};

class SumReader {
 public:
  SumReader(store::Ledger& ledger, const UsageScope& scope, WallTime now)
      : ledger_(ledger), scope_(scope), now_(now), query_(query_of(scope)) {}

  Result<UsageReply> read(std::string_view url_query) && {
    TRY(Parameters parameters, parse_query(url_query));
    TRY_VOID(set_times(parameters, scope_.zone, query_));
    TRY_VOID(set_group(take(parameters, "group_by").value_or("")));
    const auto before = take(parameters, "before");
    TRY(const std::size_t limit, limit_of(take(parameters, "limit"), kUsageGroupsUsual));
    TRY(const bool csv, wants_csv(take(parameters, "format")));
    TRY_VOID(no_more(parameters));
    if (query_.group_by == GroupBy::day) {
      TRY_VOID(set_days(before));
    }
    const store::UsageQuery asked = by_edges();
    TRY(const std::vector<store::UsageSum> sums, ledger_.sum(asked));
    std::vector<Group> groups = groups_of(sums, before);
    std::string next;
    if (groups.size() > limit) {
      groups.resize(limit);
      next = groups.back().name;
    }
    return csv ? to_csv(groups, std::move(next)) : to_json(groups, std::move(next));
  }

 private:
  Result<void> set_group(std::string text) {
    constexpr std::array<std::pair<std::string_view, GroupBy>, 5> kGroups{
        {{"model", GroupBy::model},
         {"key", GroupBy::key},
         {"day", GroupBy::day},
         {"user", GroupBy::user},
         {"cost_centre", GroupBy::cost_centre}}};
    if (text.empty()) return {};
    for (const auto& [name, by] : kGroups) {
      if (name == text) query_.group_by = by;
    }
    if (query_.group_by == GroupBy::none)
      return client_error(Code::invalid_value, "Want model, key, day, user or cost_centre.",
                          "group_by");
    group_by_ = std::move(text);
    return {};
  }

  Result<void> set_days(const std::optional<std::string>& before) {
    // The ledger's clock never goes back, so that its last rows may be a little ahead of ours.
    WallTime until = query_.until.value_or(scope_.zone.day(now_ + std::chrono::days(1)).end);
    if (before) {
      const auto day = find_day(scope_.zone, *before);
      if (!day) return client_error(Code::invalid_value, "Want a day: 2027-01-31.", "before");
      until = std::min(until, day->begin);
    }
    const WallTime from = query_.from.value_or(
        scope_.zone.day(std::max(until - std::chrono::days(kDaysUsual), WallTime{})).begin);
    edges_.push_back(from);
    while (edges_.back() < until) {
      if (edges_.size() == store::UsageQuery::kEdgesMax)
        return client_error(Code::invalid_value, "That is too many days.", "from");
      edges_.push_back(std::min(scope_.zone.day(edges_.back()).end, until));
    }
    return {};
  }

  store::UsageQuery by_edges() const {
    store::UsageQuery query = query_;
    if (query_.group_by != GroupBy::day) return query;
    query.group_by = GroupBy::none;
    query.from.reset();
    query.until.reset();
    query.edges = edges_;
    // Nothing but what has not begun was asked for: an empty interval.
    if (query.edges.size() < 2) query.edges.push_back(query.edges.back() + std::chrono::seconds(1));
    return query;
  }

  std::string name_of(const store::UsageSum& sum) const {
    return query_.group_by == GroupBy::day ? day_text(scope_.zone, edges_[sum.interval])
                                           : sum.group;
  }

  // In falling order of their names: the newest day first.
  std::vector<Group> groups_of(const std::vector<store::UsageSum>& sums,
                               const std::optional<std::string>& before) const {
    std::map<std::string, Group, std::greater<>> found;
    for (const store::UsageSum& sum : sums) {
      const std::string name = name_of(sum);
      if (before && query_.group_by != GroupBy::day && name >= *before) continue;
      Group& group = found[name];
      group.name = name;
      group.sums.push_back(sum);
    }
    std::vector<Group> out;
    for (auto& [name, group] : found)
      out.push_back(std::move(group));
    return out;
  }

  std::string sum_json(const Group& group, const store::UsageSum& sum) const {
    return Object()
        .text("object", "usage")
        .text("group", group.name)
        .number("requests", sum.requests)
        .number("open_requests", sum.open)
        .number("input_tokens", sum.prompt)
        .number("cached_input_tokens", sum.cached)
        .number("output_tokens", sum.generated)
        .number("reasoning_tokens", sum.reasoning)
        .number("delivered_tokens", sum.delivered)
        .text("gse_seconds", micro_text(sum.gse_us))
        .number("energy_mj", sum.energy_mj)
        .text("energy_method", metering::name(sum.energy_method))
        .number("co2_ug", sum.co2_ug)
        .text("cost", micro_text(sum.cost_micro, 2))
        .number("cost_micro", sum.cost_micro)
        .text("currency", sum.currency)
        .number("unpriced_requests", sum.unpriced)
        .number("recovered_requests", sum.recovered)
        .end();
  }

  UsageReply to_json(const std::vector<Group>& groups, std::string next) const {
    std::vector<std::string> items;
    for (const Group& group : groups) {
      for (const store::UsageSum& sum : group.sums)
        items.push_back(sum_json(group, sum));
    }
    std::string more = R"("group_by":)";
    if (group_by_.empty())
      more += "null";
    else
      append_json_string(more, group_by_);
    more += fmt::format(R"(,"from":{},"until":{},"time_zone":)", shown(query_.from),
                        shown(query_.until));
    append_json_string(more, scope_.zone.name());
    return list_of(more + ",", items, std::move(next));
  }

  static UsageReply to_csv(const std::vector<Group>& groups, std::string next) {
    CsvWriter csv;
    for (const std::string_view name :
         {"group", "requests", "open_requests", "input_tokens", "cached_input_tokens",
          "output_tokens", "reasoning_tokens", "delivered_tokens", "gse_seconds", "energy_mj",
          "cost", "currency", "unpriced_requests", "recovered_requests"})
      csv.plain(name);
    csv.end_line();
    for (const Group& group : groups) {
      for (const store::UsageSum& sum : group.sums) {
        csv.text(group.name).number(sum.requests).number(sum.open).number(sum.prompt);
        csv.number(sum.cached).number(sum.generated).number(sum.reasoning).number(sum.delivered);
        csv.plain(micro_text(sum.gse_us)).number(sum.energy_mj);
        csv.plain(micro_text(sum.cost_micro, 2)).text(sum.currency);
        csv.number(sum.unpriced).number(sum.recovered);
        csv.end_line();
      }
    }
    return {.content_type = std::string(kCsv), .body = csv.take(), .next = std::move(next)};
  }

  store::Ledger& ledger_;
  const UsageScope& scope_;
  WallTime now_;
  store::UsageQuery query_;
  std::string group_by_;
  std::vector<WallTime> edges_;
};

// ---- single requests

// "req_" + 32 hexadecimal digits.
std::optional<RequestId> parse_id(std::string_view text) {
  if (!text.starts_with("req_") || text.size() != 36) return std::nullopt;
  text.remove_prefix(4);
  std::array<unsigned char, 16> bytes{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bytes.at(i / 2) = static_cast<unsigned char>(bytes.at(i / 2) * 16U + digit);
  }
  return RequestId{Ulid::from_bytes(bytes)};
}

// Where the page after a request begins. Somebody else's request is as unknown as one that never
// was.
Result<std::int64_t> place_before(store::Ledger& ledger, const UsageScope& scope,
                                  const std::optional<std::string>& before) {
  if (!before) return INT64_MAX;  // settled ones alone: open ones have no place
  const auto id = parse_id(*before);
  std::optional<store::UsageRow> row;
  if (id) {
    TRY(row, ledger.find(*id));
  }
  if (row && row->tenant == scope.tenant && row->project == scope.project && row->seq > 0)
    return row->seq;
  return client_error(Code::invalid_value, "There is no such request: want `next` of a page.",
                      "before");
}

std::string row_json(const store::UsageRow& row) {
  const metering::Counts& counts = row.settlement.counts;
  return Object()
      .text("object", "usage.request")
      .text("id", shown_id(row.request))
      .text("opened_at", to_rfc3339(row.opened_at))
      .text("booked_at", to_rfc3339(row.booked_at))
      .text("key", row.key.text())
      .text("user", row.user)
      .text("cost_centre", row.cost_centre)
      .text("model", row.model)
      .text("operation", metering::name(row.operation))
      .text("finish", metering::name(row.settlement.finish))
      .number("input_tokens", counts.prompt)
      .number("cached_input_tokens", counts.cached)
      .number("output_tokens", counts.generated)
      .number("reasoning_tokens", counts.reasoning)
      .number("delivered_tokens", counts.delivered)
      .text("gse_seconds", micro_text(row.charge.gse_us))
      .text("cost", micro_text(row.charge.cost_micro, 2))
      .number("cost_micro", row.charge.cost_micro)
      .text("currency", row.currency)
      .text("price", row.price_version)
      .raw("lower_bound", row.is_lower_bound() ? "true" : "false")
      .end();
}

std::string rows_csv(const std::vector<store::UsageRow>& rows) {
  CsvWriter csv;
  for (const std::string_view name :
       {"id", "opened_at", "booked_at", "key", "user", "cost_centre", "model", "operation",
        "finish", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens",
        "delivered_tokens", "gse_seconds", "cost", "currency", "price", "lower_bound"})
    csv.plain(name);
  csv.end_line();
  for (const store::UsageRow& row : rows) {
    const metering::Counts& counts = row.settlement.counts;
    csv.plain(shown_id(row.request)).plain(to_rfc3339(row.opened_at));
    csv.plain(to_rfc3339(row.booked_at)).plain(row.key.text()).text(row.user);
    csv.text(row.cost_centre).text(row.model).plain(metering::name(row.operation));
    csv.plain(metering::name(row.settlement.finish)).number(counts.prompt).number(counts.cached);
    csv.number(counts.generated).number(counts.reasoning).number(counts.delivered);
    csv.plain(micro_text(row.charge.gse_us)).plain(micro_text(row.charge.cost_micro, 2));
    csv.text(row.currency).text(row.price_version);
    csv.plain(row.is_lower_bound() ? "true" : "false");
    csv.end_line();
  }
  return csv.take();
}

}  // namespace

Result<UsageReply> own_usage(store::Ledger& ledger, const UsageScope& scope, std::string_view query,
                             WallTime now) {
  return SumReader(ledger, scope, now).read(query);
}

Result<UsageReply> own_requests(store::Ledger& ledger, const UsageScope& scope,
                                std::string_view url_query) {
  TRY(Parameters parameters, parse_query(url_query));
  store::UsageQuery query = query_of(scope);
  TRY_VOID(set_times(parameters, scope.zone, query));
  const auto before = take(parameters, "before");
  TRY(const std::size_t limit, limit_of(take(parameters, "limit"), kUsageRowsUsual));
  TRY(const bool csv, wants_csv(take(parameters, "format")));
  TRY_VOID(no_more(parameters));
  TRY(query.before_seq, place_before(ledger, scope, before));
  TRY(std::vector<store::UsageRow> rows, ledger.rows(query, limit + 1));
  std::string next;
  if (rows.size() > limit) {
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(limit), rows.end());
    next = shown_id(rows.back().request);
  }
  if (csv) return UsageReply{std::string(kCsv), rows_csv(rows), std::move(next)};
  std::vector<std::string> items;
  for (const store::UsageRow& row : rows)
    items.push_back(row_json(row));
  return list_of("", items, std::move(next));
}

}  // namespace sovmesh::gateway
