#include "control/statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "base/local_date.h"
#include "control/json_text.h"
#include "control/usage_report.h"

namespace sovmesh::control {
namespace {

using GroupBy = store::UsageQuery::GroupBy;

constexpr std::chrono::milliseconds kFlushMax{10'000};

std::string place_of(TenantId tenant, std::string_view month) {
  return fmt::format("statement/{}/{}", tenant.value.text(), month);
}
std::string adjustments_of(TenantId tenant) {
  return fmt::format("adjustments/{}", tenant.value.text());
}

// What people say of one group in which some requests are still open.
std::int64_t settled(const store::UsageSum& sum) { return sum.requests - sum.open; }

class LineReader {
 public:
  LineReader(store::Ledger& ledger, const store::ControlData& data, TenantId tenant, WallTime from,
             WallTime until)
      : ledger_(ledger), data_(data) {
    query_.tenant = tenant;
    query_.from = from;
    query_.until = until;
  }

  Result<StatementLines> read() && {
    TRY(const std::vector<std::string> projects, groups(query_, GroupBy::project));
    for (const std::string& project : projects) {
      TRY(const Ulid id, Ulid::parse(project));
      store::UsageQuery query = query_;
      query.project = ProjectId{id};
      TRY_VOID(read_project(query));
    }
    return std::move(out_);
  }

 private:
  // The groups that have settled rows, each once.
  Result<std::vector<std::string>> groups(store::UsageQuery query, GroupBy by) {
    query.group_by = by;
    TRY(const std::vector<store::UsageSum> sums, ledger_.sum(query));
    std::set<std::string> names;
    for (const store::UsageSum& sum : sums) {
      if (settled(sum) > 0) names.insert(sum.group);
    }
    return std::vector<std::string>(names.begin(), names.end());
  }

  Result<void> read_project(store::UsageQuery& query) {
    TRY(const std::vector<std::string> centres, groups(query, GroupBy::cost_centre));
    for (const std::string& centre : centres) {
      query.cost_centre = centre;
      query.model.reset();
      TRY(const std::vector<std::string> models, groups(query, GroupBy::model));
      for (const std::string& model : models) {
        query.model = model;
        TRY_VOID(read_model(query));
      }
    }
    return {};
  }

  Result<void> read_model(store::UsageQuery query) {
    query.group_by = GroupBy::price;
    TRY(const std::vector<store::UsageSum> sums, ledger_.sum(query));
    for (const store::UsageSum& sum : sums) {
      if (settled(sum) <= 0) continue;
      if (out_.lines.size() == Statement::kLinesMax)
        return our_error(Code::overloaded,
                         fmt::format("a statement has at most {} lines", Statement::kLinesMax));
      StatementLine line{.project = shown_project(data_, *query.project),
                         .project_id = query.project->value.text(),
                         .cost_centre = *query.cost_centre,
                         .model = *query.model,
                         .price = sum.group,
                         .currency = sum.currency,
                         .sums = sum};
      line.sums.requests = settled(sum);
      out_.lines.push_back(std::move(line));
      if (sum.first_seq == 0) continue;
      out_.first_seq =
          out_.first_seq == 0 ? sum.first_seq : std::min(out_.first_seq, sum.first_seq);
      out_.last_seq = std::max(out_.last_seq, sum.last_seq);
    }
    return {};
  }

  store::Ledger& ledger_;
  const store::ControlData& data_;
  store::UsageQuery query_;
  StatementLines out_;
};

// S2: the ledger adds up the same rows in one go. They differ when its kept sums are damaged.
Result<void> check_sum(store::Ledger& ledger, TenantId tenant, const Statement& statement) {
  store::UsageQuery query;
  query.tenant = tenant;
  query.from = statement.from;
  query.until = statement.until;
  TRY(const std::vector<store::UsageSum> sums, ledger.sum(query));
  std::map<std::string, metering::Totals> counted;
  std::map<std::string, metering::Totals> kept;
  for (const StatementLine& line : statement.lines)
    counted[line.currency] += line.sums;
  for (const store::UsageSum& sum : sums) {
    if (settled(sum) <= 0) continue;
    metering::Totals totals = sum;
    totals.requests = settled(sum);
    kept[sum.currency] += totals;
  }
  if (counted == kept) return {};
  return our_error(Code::internal_error,
                   "the lines of the statement do not add up to the ledger's own sum: run `sovmesh "
                   "ledger verify`");
}

Result<std::int64_t> parse_amount(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto decimal = parse_decimal(text);
  const auto micro = decimal ? decimal->micro() : std::nullopt;
  if (!micro || *micro == 0 || *micro > metering::kCostMax)
    return client_error(Code::invalid_value, "want an amount of money: -12.50", "amount");
  return negative ? -*micro : *micro;
}

Result<void> check_adjustment(const Statements::NewAdjustment& wanted) {
  const auto plain = [](char c) {
    return is_base62(std::string_view(&c, 1)) || c == '-' || c == '_' || c == '.';
  };
  if (wanted.id.empty() || wanted.id.size() > Adjustment::kIdMax ||
      !std::ranges::all_of(wanted.id, plain))
    return client_error(Code::invalid_value, "want 1 to 64 of A-Z a-z 0-9 . _ -", "id");
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (wanted.reason.empty() || wanted.reason.size() > Adjustment::kReasonMax ||
      std::ranges::any_of(wanted.reason, control))
    return client_error(Code::invalid_value, "want one line of 1 to 256 bytes", "reason");
  return {};
}

}  // namespace

// A tenant as reports know it: one that is gone has only its id.
struct Statements::Whose {
  TenantId id;
  store::ControlData data;
  std::optional<tenancy::Tenant> tenant;
  TimeZone zone;
};

Result<Statements::Whose> Statements::whose(const std::string& name) {
  Whose out;
  TRY(out.data, store_.load());
  TRY(out.id, tenant_of_report(out.data, name));
  const auto found = std::ranges::find(out.data.tenants, out.id, &tenancy::Tenant::id);
  if (found != out.data.tenants.end()) out.tenant = *found;
  out.zone = zone_of(out.data, out.id);
  return out;
}

Result<std::optional<Statements::Document>> Statements::stored(TenantId tenant,
                                                               std::string_view month) {
  TRY(const std::optional<std::string> value, store_.get_value(place_of(tenant, month)));
  if (!value) return std::optional<Document>();
  Document out{.statement = {}, .json = *value, .sha256 = to_hex(sha256(*value))};
  TRY(out.statement, parse_statement(out.json));
  return std::optional(std::move(out));
}

Result<Statements::Document> Statements::of_month(const std::string& tenant,
                                                  const std::string& month,
                                                  store::AdminEntry asker) {
  TRY(const Whose who, whose(tenant));
  if (!find_month(who.zone, month))
    return client_error(Code::invalid_value, "want a month: 2027-01", "month");
  TRY(std::optional<Document> there, stored(who.id, month));
  if (there) return *std::move(there);
  TRY(Document made, make(who, month));
  if (!made.statement.preliminary) {
    made.sha256 = to_hex(sha256(made.json));
    TRY_VOID(close(who, made, std::move(asker)));
  }
  return made;
}

Result<Statements::Document> Statements::make(const Whose& who, const std::string& month) {
  const TimeZone::Period period = *find_month(who.zone, month);
  Statement out{.tenant = shown_tenant(who.data, who.id),
                .tenant_id = who.id.value.text(),
                .tenant_name = who.tenant ? who.tenant->display_name : "",
                .month = month,
                .time_zone = std::string(who.zone.name()),
                .from = period.begin,
                .until = period.end};
  if (out.tenant_name.empty()) out.tenant_name = out.tenant;
  // S3: what is closed stays, its neighbours give way.
  TRY(const std::optional<Document> before, stored(who.id, month_before(month)));
  TRY(const std::optional<Document> after, stored(who.id, month_after(month)));
  if (before) {
    out.from = before->statement.until;
    out.previous_month = before->statement.month;
    out.previous_sha256 = before->sha256;
  }
  if (after) out.until = after->statement.from;
  out.generated_at = clock_.wall_now();
  if (out.generated_at < out.from)
    return client_error(Code::not_found, "that month has not begun", "month");
  const bool over = out.generated_at >= out.until;
  // Rows that were booked before the month's end may still wait to be durable.
  const bool complete = ledger_.flush(kFlushMax).has_value();
  out.preliminary = !over || !complete;
  TRY(StatementLines lines, read_lines(ledger_, who.data, who.id, out.from, out.until));
  out.lines = std::move(lines.lines);
  out.first_seq = lines.first_seq;
  out.last_seq = lines.last_seq;
  if (!out.preliminary) {
    TRY_VOID(check_sum(ledger_, who.id, out));
  }
  TRY(const std::vector<Adjustment> all, adjustments(who.id));
  std::ranges::copy_if(all, std::back_inserter(out.adjustments),
                       [&](const Adjustment& one) { return one.month == month; });
  const bool existed = who.tenant && who.tenant->meta.created_at < out.until;
  if (out.lines.empty() && out.adjustments.empty() && !existed)
    return client_error(Code::not_found, "there is nothing of that tenant in that month", "month");
  std::set<std::string> versions;
  for (const StatementLine& line : out.lines) {
    if (line.price.empty() || !versions.insert(line.price).second) continue;
    TRY(const auto price, ledger_.price(line.price));
    out.prices.push_back({line.price, price ? price->text() : ""});
  }
  if (audit_ != nullptr) {
    TRY(out.audit_checkpoint, audit_->checkpoint(true));
  }
  std::string json = statement_json(out);
  return Document{.statement = std::move(out), .json = std::move(json), .sha256 = {}};
}

Result<void> Statements::record(store::AdminEntry entry) {
  if (audit_ == nullptr) return {};
  TRY(const store::AuditReceipt receipt, audit_->append(std::move(entry)));
  (void)receipt;
  return {};
}

// The entry first: a statement that the audit log does not know of must not be.
Result<void> Statements::close(const Whose& who, const Document& document,
                               store::AdminEntry entry) {
  entry.action = "report.statement";
  entry.tenant = who.id;
  entry.object = fmt::format("statement:{}/{}", who.id.value.text(), document.statement.month);
  entry.after = sha256(document.json);
  TRY_VOID(record(std::move(entry)));
  return store_.put_value(place_of(who.id, document.statement.month), document.json);
}

Result<std::vector<Adjustment>> Statements::adjustments(TenantId tenant) {
  TRY(const std::optional<std::string> value, store_.get_value(adjustments_of(tenant)));
  if (!value) return std::vector<Adjustment>();
  return parse_adjustments(*value);
}

// The present month; a later one while clocks that went back have it closed already.
Result<std::string> Statements::open_month(const Whose& who) {
  std::string month = month_text(who.zone, clock_.wall_now());
  while (true) {
    TRY(const std::optional<std::string> closed, store_.get_value(place_of(who.id, month)));
    if (!closed) return month;
    month = month_after(month);
  }
}

Result<Adjustment> Statements::adjust(const std::string& tenant, const NewAdjustment& wanted,
                                      store::AdminEntry entry) {
  TRY_VOID(check_adjustment(wanted));
  TRY(const std::int64_t amount, parse_amount(wanted.amount));
  TRY(const Whose who, whose(tenant));
  if (!who.tenant) return client_error(Code::not_found, "there is no such tenant", "tenant");
  TRY(std::vector<Adjustment> all, adjustments(who.id));
  if (const auto same = std::ranges::find(all, wanted.id, &Adjustment::id); same != all.end()) {
    if (same->amount_micro == amount && same->reason == wanted.reason) return *same;
    return client_error(
        Code::conflict,
        fmt::format("'{}' was booked before, with another amount or reason", wanted.id), "id");
  }
  if (all.size() >= kAdjustmentsMax)
    return client_error(
        Code::conflict,
        fmt::format("the tenant has {} adjustments, the most there can be", kAdjustmentsMax));
  Adjustment made{.id = wanted.id,
                  .month = {},
                  .at = clock_.wall_now(),
                  .amount_micro = amount,
                  .currency = who.tenant->currency,
                  .reason = wanted.reason};
  TRY(made.month, open_month(who));
  all.push_back(made);
  entry.action = "report.adjustment";
  entry.tenant = who.id;
  entry.object = fmt::format("adjustment:{}/{}", who.id.value.text(), made.id);
  entry.after = sha256(adjustments_json({made}));
  entry.detail = adjustments_json({made});
  TRY_VOID(record(std::move(entry)));
  TRY_VOID(store_.put_value(adjustments_of(who.id), adjustments_json(all)));
  return made;
}

Result<StatementLines> read_lines(store::Ledger& ledger, const store::ControlData& data,
                                  TenantId tenant, WallTime from, WallTime until) {
  return LineReader(ledger, data, tenant, from, until).read();
}

}  // namespace sovmesh::control
