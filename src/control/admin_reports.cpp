#include <fmt/format.h>

#include <utility>

#include "base/time_text.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_text.h"

// What the admin API only tells: usage, the system.
namespace sovmesh::control {
namespace {

using GroupBy = store::UsageQuery::GroupBy;

constexpr std::chrono::milliseconds kFlushMax{1'000};

Result<GroupBy> parse_group(const std::string& text) {
  if (text.empty()) return GroupBy::none;
  if (text == "model") return GroupBy::model;
  if (text == "key") return GroupBy::key;
  if (text == "project") return GroupBy::project;
  if (text == "day") return GroupBy::day;
  return client_error(Code::invalid_value, "want model, key, project or day", "by");
}

Result<std::optional<WallTime>> parse_time(const std::optional<std::string>& text,
                                           const char* name) {
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) return client_error(Code::invalid_value, "want a time: 2027-01-31T12:00:00Z", name);
  return time;
}

std::string sum_json(const store::UsageSum& sum, const std::string& group) {
  return JsonText()
      .text("group", std::string_view(group))
      .number("requests", sum.requests)
      .number("open", sum.open)
      .number("prompt_tokens", sum.prompt)
      .number("cached_tokens", sum.cached)
      .number("generated_tokens", sum.generated)
      .number("delivered_tokens", sum.delivered)
      .end();
}

// The tenant by slug or id; a dead tenant's usage stays readable under its id.
Result<TenantId> tenant_of_report(const store::ControlData& data, const std::string& name) {
  if (const auto tenant = find_tenant(data, name); tenant) return tenant->id;
  if (const auto id = Ulid::parse(name); id) return TenantId{*id};
  return client_error(Code::not_found, "there is no such tenant", "tenant");
}

}  // namespace

Result<AdminReply> AdminApi::usage(Request& request) {
  if (!request.is("GET", 1)) return fail(no_such_method(request, "GET"));
  const auto tenant = request.take("tenant");
  if (!tenant) {
    return client_error(Code::missing_required_parameter, "say whose: tenant=SLUG", "tenant");
  }
  const std::string by = request.take("by").value_or("");
  const auto key = request.take("key");
  store::UsageQuery query;
  query.model = request.take("model");
  TRY(query.from, parse_time(request.take("from"), "from"));
  TRY(query.until, parse_time(request.take("until"), "until"));
  TRY_VOID(request.no_more_query());
  TRY(query.group_by, parse_group(by));
  if (key) {
    TRY(query.key, KeyId::parse(*key));
  }
  TRY(const store::ControlData data, parts_.store.load());
  TRY(query.tenant, tenant_of_report(data, *tenant));
  // Who asks right after an answer finds it. When the disk is in trouble the sum is of what is
  // durable, which is worth more than no sum.
  (void)parts_.ledger.flush(kFlushMax);
  TRY(const std::vector<store::UsageSum> sums, parts_.ledger.sum(query));
  std::vector<std::string> shown;
  for (const store::UsageSum& sum : sums) {
    std::string group = sum.group;
    if (query.group_by == GroupBy::project) {
      if (const auto project = find_project(data, group); project) group = project->slug.text();
    }
    shown.push_back(sum_json(sum, group));
  }
  return AdminReply{.body = JsonText()
                                .text("tenant", std::string_view(*tenant))
                                .text("by", std::string_view(by))
                                .raw("data", json_list(shown))
                                .end()};
}

Result<AdminReply> AdminApi::system(Request& request) {
  if (!request.is("GET", 1)) return fail(no_such_method(request, "GET"));
  TRY_VOID(request.no_more_query());
  const std::vector<std::string> reasons = parts_.not_ready();
  const store::LedgerStats ledger = parts_.ledger.stats();
  const std::string ledger_json =
      JsonText()
          .flag("accepts", parts_.ledger.accepts())
          .number("waiting", static_cast<std::int64_t>(ledger.waiting))
          .number("records", static_cast<std::int64_t>(ledger.records))
          .number("failures", static_cast<std::int64_t>(ledger.failures))
          .end();
  const auto directory = parts_.publisher.directory().get();
  return AdminReply{.body = JsonText()
                                .text("version", SM_VERSION)
                                .flag("ready", reasons.empty())
                                .texts("not_ready", reasons)
                                .number("directory_version", directory->version())
                                .raw("ledger", ledger_json)
                                .end()};
}

}  // namespace sovmesh::control
