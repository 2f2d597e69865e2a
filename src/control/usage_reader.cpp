#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/local_date.h"
#include "base/time_text.h"
#include "control/admin_objects.h"
#include "control/usage_report.h"

namespace sovmesh::control {
namespace {

using GroupBy = store::UsageQuery::GroupBy;

struct Grouping {
  std::string_view name;
  GroupBy by;
};
constexpr std::array kGroupings{
    Grouping{"model", GroupBy::model},
    Grouping{"key", GroupBy::key},
    Grouping{"project", GroupBy::project},
    Grouping{"user", GroupBy::user},
    Grouping{"cost_centre", GroupBy::cost_centre},
    Grouping{"cost-centre", GroupBy::cost_centre},
    Grouping{"day", GroupBy::day},
    Grouping{"month", GroupBy::month},
    Grouping{"engine", GroupBy::engine},
    Grouping{"tenant", GroupBy::tenant},
    Grouping{"revision", GroupBy::revision},
    Grouping{"price", GroupBy::price},
};

Result<GroupBy> parse_group(std::string_view text) {
  if (text.empty()) return GroupBy::none;
  const auto found = std::ranges::find(kGroupings, text, &Grouping::name);
  if (found != kGroupings.end()) return found->by;
  return client_error(Code::invalid_value, fmt::format("want {}", usage_groupings()), "by");
}

// Names that only mean something within one tenant.
bool is_of_a_tenant(GroupBy by) {
  return by == GroupBy::key || by == GroupBy::project || by == GroupBy::user ||
         by == GroupBy::cost_centre;
}
bool is_period(GroupBy by) { return by == GroupBy::day || by == GroupBy::month; }

Result<std::optional<WallTime>> parse_time(TimeZone zone, const std::string& text,
                                           const char* name) {
  if (text.empty()) return std::nullopt;
  if (const auto day = find_day(zone, text); day) return day->begin;
  if (const auto time = parse_rfc3339(text); time) return time;
  return client_error(Code::invalid_value,
                      "want a time: 2027-01-31T12:00:00Z, or a day: 2027-01-31", name);
}

class Reader {
 public:
  Reader(store::Ledger& ledger, const store::ControlData& data, const UsageAsk& ask, WallTime now)
      : ledger_(ledger), data_(data), ask_(ask), now_(now) {}

  Result<UsageReport> read() && {
    report_.tenant = ask_.tenant;
    report_.by = ask_.by;
    TRY(by_, parse_group(ask_.by));
    TRY_VOID(set_whose());
    TRY_VOID(set_filters());
    TRY_VOID(set_times());
    if (is_period(by_)) {
      TRY_VOID(set_edges());
    } else {
      query_.group_by = by_;
      query_.from = report_.from;
      query_.until = report_.until;
    }
    TRY_VOID(query_.all_tenants && is_of_a_tenant(by_) ? read_each() : read_one(query_));
    return std::move(report_);
  }

 private:
  Result<void> set_whose() {
    query_.all_tenants = ask_.tenant.empty();
    if (!query_.all_tenants) {
      TRY(query_.tenant, tenant_of_report(data_, ask_.tenant));
      zone_ = zone_of(data_, query_.tenant);
    }
    report_.time_zone = zone_.name();
    return {};
  }

  Result<void> set_filters() {
    const auto set = [](std::optional<std::string>& to, const std::string& from) {
      if (!from.empty()) to = from;
    };
    set(query_.model, ask_.model);
    set(query_.user, ask_.user);
    set(query_.cost_centre, ask_.cost_centre);
    set(query_.engine, ask_.engine);
    if (!ask_.key.empty()) {
      TRY(query_.key, KeyId::parse(ask_.key));
    }
    if (!ask_.project.empty()) {
      TRY(query_.project, project());
    }
    return {};
  }

  Result<ProjectId> project() const {
    auto known = find_project_of(data_, query_.tenant, ask_.project);
    if (known) return known->id;
    if (const auto id = Ulid::parse(ask_.project); id) return ProjectId{*id};
    if (ask_.tenant.empty())
      return client_error(Code::invalid_value, "say its tenant, or the project's id", "project");
    return fail(std::move(known).error());
  }

  Result<void> set_times() {
    TRY(report_.from, parse_time(zone_, ask_.from, "from"));
    TRY(report_.until, parse_time(zone_, ask_.until, "until"));
    if (report_.from && report_.until && *report_.from >= *report_.until)
      return client_error(Code::invalid_value, "want a time after 'from'", "until");
    if (ask_.month.empty()) return {};
    const auto month = find_month(zone_, ask_.month);
    if (!month || report_.from || report_.until)
      return client_error(Code::invalid_value, "want 2027-01, and neither 'from' nor 'until'",
                          "month");
    report_.from = month->begin;
    report_.until = month->end;
    return {};
  }

  TimeZone::Period period_at(WallTime time) const {
    return by_ == GroupBy::day ? zone_.day(time) : zone_.month(time);
  }

  Result<void> set_edges() {
    const std::size_t most = by_ == GroupBy::day ? kUsageDaysMax : kUsageMonthsUsual;
    // A ledger's clock never goes back, so that its last rows may be a little ahead of ours.
    const WallTime until = report_.until.value_or(zone_.day(now_ + std::chrono::days(1)).end);
    if (!report_.from) {
      const auto back = std::chrono::days(by_ == GroupBy::day ? most - 2 : most * 30 - 60);
      report_.from = period_at(std::max(until - back, WallTime{})).begin;
    }
    query_.edges.push_back(*report_.from);
    while (query_.edges.back() < until) {
      if (query_.edges.size() > most)
        return client_error(Code::invalid_value,
                            fmt::format("at most {} of them in one report", most), "from");
      report_.periods.push_back(label_of(query_.edges.back()));
      query_.edges.push_back(std::min(period_at(query_.edges.back()).end, until));
    }
    if (query_.edges.size() < 2)
      return client_error(Code::invalid_value, "'from' lies in the future", "from");
    return {};
  }

  std::string label_of(WallTime time) const {
    return by_ == GroupBy::day ? day_text(zone_, time) : month_text(zone_, time);
  }

  Result<void> read_one(const store::UsageQuery& query) {
    TRY(const std::vector<store::UsageSum> sums, ledger_.sum(query));
    for (const store::UsageSum& sum : sums)
      report_.lines.push_back(line_of(sum, query));
    if (by_ == GroupBy::tenant) std::ranges::sort(report_.lines, {}, &UsageLine::group);
    return {};
  }

  // The tenants that have usage, those that are gone too.
  Result<void> read_each() {
    store::UsageQuery whose = query_;
    whose.group_by = GroupBy::tenant;
    TRY(const std::vector<store::UsageSum> sums, ledger_.sum(whose));
    std::map<std::string, TenantId> tenants;
    for (const store::UsageSum& sum : sums)
      tenants.emplace(shown_tenant(data_, sum.tenant), sum.tenant);
    for (const auto& [name, id] : tenants) {
      store::UsageQuery query = query_;
      query.all_tenants = false;
      query.tenant = id;
      TRY_VOID(read_one(query));
    }
    return {};
  }

  UsageLine line_of(const store::UsageSum& sum, const store::UsageQuery& query) const {
    UsageLine line{.tenant = query.all_tenants ? "" : shown_tenant(data_, query.tenant),
                   .group = sum.group,
                   .sum = sum};
    if (by_ == GroupBy::tenant) line.group = line.tenant = shown_tenant(data_, sum.tenant);
    if (is_period(by_)) {
      line.period = {query.edges[sum.interval], query.edges[sum.interval + 1]};
      line.group = label_of(line.period->begin);
    }
    if (by_ == GroupBy::project) {
      if (const auto id = Ulid::parse(sum.group); id)
        line.group = shown_project(data_, ProjectId{*id});
    }
    if (by_ == GroupBy::key) {
      if (const auto id = KeyId::parse(sum.group); id) line.label = shown_key(data_, *id);
    }
    return line;
  }

  store::Ledger& ledger_;
  const store::ControlData& data_;
  const UsageAsk& ask_;
  WallTime now_;
  GroupBy by_ = GroupBy::none;
  TimeZone zone_;
  store::UsageQuery query_;
  UsageReport report_;
};

}  // namespace

std::string_view usage_groupings() {
  return "model, key, project, user, cost_centre, day, month, engine, tenant, revision or price";
}

Result<UsageReport> read_usage(store::Ledger& ledger, const store::ControlData& data,
                               const UsageAsk& ask, WallTime now) {
  return Reader(ledger, data, ask, now).read();
}

Result<TenantId> tenant_of_report(const store::ControlData& data, const std::string& name) {
  auto tenant = find_tenant(data, name);
  if (tenant) return tenant->id;
  if (const auto id = Ulid::parse(name); id) return TenantId{*id};
  return fail(std::move(tenant).error().with_param("tenant"));
}

std::string shown_tenant(const store::ControlData& data, TenantId id) {
  const auto found = std::ranges::find(data.tenants, id, &tenancy::Tenant::id);
  return found == data.tenants.end() ? id.value.text() : std::string(found->slug.text());
}

std::string shown_project(const store::ControlData& data, ProjectId id) {
  const auto found = std::ranges::find(data.projects, id, &tenancy::Project::id);
  return found == data.projects.end() ? id.value.text() : std::string(found->slug.text());
}

std::string shown_key(const store::ControlData& data, const KeyId& id) {
  const auto found = std::ranges::find(data.keys, id, &tenancy::Key::id);
  return found == data.keys.end() ? std::string() : found->display_name;
}

TimeZone zone_of(const store::ControlData& data, TenantId id) {
  const auto found = std::ranges::find(data.tenants, id, &tenancy::Tenant::id);
  if (found == data.tenants.end()) return TimeZone::utc();
  return TimeZone::find(found->time_zone).value_or(TimeZone::utc());
}

}  // namespace sovmesh::control
