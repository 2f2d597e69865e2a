#include "control/admin_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "config/values.h"
#include "control/admin_objects.h"
#include "control/admin_resources.h"
#include "control/json_body.h"
#include "control/json_text.h"
#include "control/report_text.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kRoot = "/api/v1/";
constexpr std::string_view kDefaultProject = "default";
// What is in the control store.
constexpr std::array<std::string_view, 9> kChangeable{
    "tenants", "projects", "keys", "models", "engines", "limits", "routes", "rollouts", "pools"};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return client_error(Code::invalid_request, "the URL has a broken %-escape");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!is_valid_utf8(out)) return client_error(Code::invalid_request, "the URL is not UTF-8");
  return out;
}

Result<void> check_length(const std::string& text, const std::string& param) {
  if (characters(text) <= AdminApi::kUrlTextMax) return {};
  return client_error(Code::string_above_max_length,
                      fmt::format("want at most {} characters", AdminApi::kUrlTextMax), param);
}

Result<std::vector<std::string>> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (true) {
    const auto end = std::min(text.find(separator), text.size());
    TRY(out.emplace_back(), decode(text.substr(0, end)));
    TRY_VOID(check_length(out.back(), ""));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

AdminApi::AdminApi(Parts parts)
    : parts_(std::move(parts)),
      ids_(parts_.clock, parts_.random),
      statements_(parts_.store, parts_.ledger, parts_.audit, parts_.clock) {}

std::optional<std::string> AdminApi::Request::take(const std::string& name) {
  const auto node = query.extract(name);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

Result<bool> AdminApi::Request::take_flag(const std::string& name) {
  const std::string text = take(name).value_or("false");
  if (text == "true" || text == "false") return text == "true";
  return client_error(Code::invalid_value, "want true or false", name);
}

Result<void> AdminApi::Request::no_more_query() const {
  if (query.empty()) return {};
  const std::string& name = query.begin()->first;
  return client_error(Code::unsupported_parameter, "unknown query parameter", name);
}

Result<AdminApi::Request> AdminApi::take_apart(const AdminCall& call) {
  const std::string_view path = call.path;
  if (!path.starts_with(kRoot)) return client_error(Code::unknown_url, "there is no such resource");
  Request request{.call = call, .path = {}, .query = {}, .store = &parts_.store};
  TRY(request.path, split(path.substr(kRoot.size()), '/'));
  std::string_view rest = call.query;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    const auto equals = std::min(one.find('='), one.size());
    TRY(std::string name, decode(one.substr(0, equals)));
    TRY(std::string value, decode(one.substr(std::min(equals + 1, one.size()))));
    TRY_VOID(check_length(value, name));
    // The pool of the engines that are in none has no name.
    if (value.empty() && name != "pool")
      return client_error(Code::invalid_value, "has no value: leave it out", name);
    if (request.query.contains(name))
      return client_error(Code::invalid_value, fmt::format("'{}' stands twice in the query", name),
                          name);
    request.query.emplace(std::move(name), std::move(value));
  }
  return request;
}

Error AdminApi::no_such_method(const Request& request) {
  const AdminResource* const resource = find_admin_resource(request.path);
  if (resource == nullptr) return {Code::unknown_url, Blame::client, "there is no such resource"};
  return Error(Code::method_not_supported, Blame::client,
               "this resource does not answer " + request.call.method)
      .with_allow(resource->allow());
}

Result<std::int64_t> AdminApi::revision(const Request& request, std::int64_t present) {
  const auto& wanted = request.call.if_match;
  if (!wanted || *wanted == "*" || *wanted == etag_of(present)) return present;
  return client_error(Code::precondition_failed,
                      fmt::format("the object is at revision {}; read it again", present));
}

Result<void> AdminApi::must_want_new(const Request& request) {
  if (!request.call.if_match) return {};
  return client_error(Code::precondition_failed, "there is no such object yet: leave If-Match out");
}

Result<void> AdminApi::must_be_name_of_path(const Request& request, const std::string& name,
                                            const char* param) {
  if (request.path.size() == 1 || request.path[1] == name) return {};
  return client_error(Code::invalid_value,
                      fmt::format("want the name of the path, '{}'", request.path[1]), param);
}

template <class T>
Result<AdminReply> AdminApi::page(Request& request, const std::vector<T>& all,
                                  const std::function<std::string(const T&)>& id,
                                  const std::function<std::string(const T&)>& show) {
  const auto limit_text = request.take("limit");
  const auto after = request.take("after");
  TRY_VOID(request.no_more_query());
  const auto limit = limit_text ? parse_u64(*limit_text) : kPageUsual;
  if (!limit || *limit == 0 || *limit > kPageMax) {
    return client_error(Code::invalid_value, fmt::format("limit: want 1..{}", kPageMax), "limit");
  }
  std::map<std::string, const T*> sorted;
  for (const T& object : all)
    sorted.emplace(id(object), &object);
  auto it = after ? sorted.upper_bound(*after) : sorted.begin();
  std::vector<std::string> shown;
  std::string last;
  for (; it != sorted.end() && shown.size() < *limit; ++it) {
    last = it->first;
    shown.push_back(show(*it->second));
  }
  JsonText json;
  json.raw("data", json_list(shown)).flag("has_more", it != sorted.end());
  it == sorted.end() ? json.null("next") : json.text("next", std::string_view(last));
  return AdminReply{.body = json.end()};
}
// Other files list these.
template Result<AdminReply> AdminApi::page(Request&, const std::vector<PoolPart>&,
                                           const std::function<std::string(const PoolPart&)>&,
                                           const std::function<std::string(const PoolPart&)>&);
template Result<AdminReply> AdminApi::page(Request&, const std::vector<tenancy::Key>&,
                                           const std::function<std::string(const tenancy::Key&)>&,
                                           const std::function<std::string(const tenancy::Key&)>&);
template Result<AdminReply> AdminApi::page(
    Request&, const std::vector<catalog::Model>&,
    const std::function<std::string(const catalog::Model&)>&,
    const std::function<std::string(const catalog::Model&)>&);
template Result<AdminReply> AdminApi::page(
    Request&, const std::vector<std::shared_ptr<engine::Engine>>&,
    const std::function<std::string(const std::shared_ptr<engine::Engine>&)>&,
    const std::function<std::string(const std::shared_ptr<engine::Engine>&)>&);
template Result<AdminReply> AdminApi::page(
    Request&, const std::vector<store::LimitRecord>&,
    const std::function<std::string(const store::LimitRecord&)>&,
    const std::function<std::string(const store::LimitRecord&)>&);
template Result<AdminReply> AdminApi::page(
    Request&, const std::vector<catalog::Route>&,
    const std::function<std::string(const catalog::Route&)>&,
    const std::function<std::string(const catalog::Route&)>&);
template Result<AdminReply> AdminApi::page(
    Request&, const std::vector<rollout::Rollout>&,
    const std::function<std::string(const rollout::Rollout&)>&,
    const std::function<std::string(const rollout::Rollout&)>&);
template Result<AdminReply> AdminApi::page(
    Request&, const std::vector<std::shared_ptr<const metering::Price>>&,
    const std::function<std::string(const std::shared_ptr<const metering::Price>&)>&,
    const std::function<std::string(const std::shared_ptr<const metering::Price>&)>&);

template Result<AdminReply> AdminApi::page(
    Request&, const std::vector<store::AuditHold>&,
    const std::function<std::string(const store::AuditHold&)>&,
    const std::function<std::string(const store::AuditHold&)>&);

Result<AdminReply> AdminApi::call(const AdminCall& call) {
  TRY(Request request, take_apart(call));
  const AdminResource* const resource = find_admin_resource(request.path);
  if (resource == nullptr || !resource->has(call.method)) return fail(no_such_method(request));
  TRY_VOID(may_record(request));
  if (call.method == "GET") {
    TRY(AdminReply reply, route(request));
    TRY_VOID(record_read(request));
    return reply;
  }
  const std::string& kind = request.path.front();
  // Take turns and record by themselves; verifying is long, and no write.
  if (kind == "audit" || kind == "ledger") return route(request);
  return ids_.with([&](UlidSource& ids) -> Result<AdminReply> {
    request.ids = &ids;
    const bool is_change = std::ranges::find(kChangeable, kind) != kChangeable.end();
    if (!is_change) return route(request);
    TRY(const bool is_trial, request.take_flag("dry_run"));
    return is_trial ? dry_run(request) : change(request);
  });
}

// All or nothing: what nobody can prove is not changed.
Result<AdminReply> AdminApi::change(Request& request) {
  TRY_VOID(may_delete(request));
  AdminReply reply;
  const auto work = [&](store::ControlStore& store) -> Result<void> {
    request.store = &store;
    TRY(reply, route(request));
    return {};
  };
  TRY_VOID(parts_.changes.make(
      action_of(request.call.method, request.path),
      [&](const auto& agree) { return parts_.publisher.change(work, agree); },
      [&](store::ControlStore&) { return change_entry(request, reply); }));
  if (request.afterwards) request.afterwards(reply);
  return reply;
}

Result<AdminReply> AdminApi::route(Request& request) {
  const std::string& kind = request.path.front();
  if (kind == "tenants") return tenants(request);
  if (kind == "projects") return projects(request);
  if (kind == "keys") return keys(request);
  if (kind == "models") return models(request);
  if (kind == "engines") return engines(request);
  if (kind == "limits") return limits(request);
  if (kind == "prices") return prices(request);
  if (kind == "routes") return routes(request);
  if (kind == "rollouts") return rollouts(request);
  if (kind == "pools") return pools(request);
  if (kind == "usage") return usage(request);
  if (kind == "statements") return statements(request);
  if (kind == "requests") return explain_request(request);
  if (kind == "ledger") return verify_ledger(request);
  if (kind == "system") return system(request);
  if (kind == "audit") return audit(request);
  return client_error(Code::unknown_url, "there is no such resource");
}

Result<AdminReply> AdminApi::tenants(Request& request) {
  if (request.is("POST", 1) || request.is("PUT", 2)) return create_tenant(request);
  TRY(const store::ControlData data, request.store->load());
  if (request.is("GET", 1)) {
    return page<tenancy::Tenant>(
        request, data.tenants, [](const tenancy::Tenant& t) { return t.id.value.text(); },
        [](const tenancy::Tenant& t) { return to_json(t); });
  }
  if (request.path.size() != 2) return fail(no_such_method(request));
  TRY_VOID(request.no_more_query());
  TRY(tenancy::Tenant tenant, find_tenant(data, request.path[1]));
  if (request.call.method == "GET")
    return AdminReply{.body = to_json(tenant), .etag = etag_of(tenant.meta.revision)};
  if (request.call.method == "PATCH") return change_tenant(request, std::move(tenant));
  if (request.call.method != "DELETE") return fail(no_such_method(request));
  TRY_VOID(must_be_ours(tenant.meta, fmt::format("tenant '{}'", tenant.slug.text())));
  TRY(const std::int64_t at, revision(request, tenant.meta.revision));
  request.tenant = tenant.id;
  TRY_VOID(request.store->remove(tenant.id, at));
  return AdminReply{.status = 204};
}

namespace {

// The data path refuses a state in which two tenants claim one host, so it must not be stored.
Result<void> check_hosts(const store::ControlData& data, const tenancy::Tenant& tenant) {
  for (auto it = tenant.hosts.begin(); it != tenant.hosts.end(); ++it) {
    TRY_VOID(check_host_name(*it));
    bool taken = std::find(tenant.hosts.begin(), it, *it) != it;
    for (const tenancy::Tenant& other : data.tenants)
      taken = taken ||
              (other.id != tenant.id && std::ranges::find(other.hosts, *it) != other.hosts.end());
    if (taken)
      return client_error(Code::conflict, fmt::format("the host '{}' is taken", *it), "hosts");
  }
  return {};
}

// What limits and bills need to know of a tenant.
struct MeteringFields {
  std::optional<std::string> time_zone;
  std::optional<std::string> currency;

  static MeteringFields read(JsonBody& body) {
    return {.time_zone = body.text("time_zone"), .currency = body.text("currency")};
  }

  Result<void> put_into(tenancy::Tenant& tenant, const store::ControlData& data) const {
    if (time_zone) {
      if (const auto fits = config::check_time_zone(*time_zone); !fits)
        return client_error(Code::invalid_value, fits.error().message(), "time_zone");
      tenant.time_zone = *time_zone;
    }
    if (!currency || *currency == tenant.currency) return {};
    if (const auto fits = config::check_currency(*currency); !fits)
      return client_error(Code::invalid_value, fits.error().message(), "currency");
    // 250 of one currency are not 250 of another one.
    const bool counts_money = std::ranges::any_of(data.limits, [&](const auto& limit) {
      return limit.holder.tenant == tenant.id && limit.measure == limits::Measure::money_micro;
    });
    if (counts_money) {
      return client_error(
          Code::conflict,
          fmt::format("the tenant has limits of money in {}: remove them first", tenant.currency),
          "currency");
    }
    tenant.currency = *currency;
    return {};
  }
};

Result<void> put_cost_centre(const std::optional<std::string>& text, bool is_null,
                             tenancy::Project& project) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (text && (text->size() > tenancy::kCostCentreMax || std::ranges::any_of(*text, is_control))) {
    return client_error(Code::invalid_value,
                        fmt::format("want at most {} bytes on one line", tenancy::kCostCentreMax),
                        "cost_centre");
  }
  if (text) project.cost_centre = *text;
  if (is_null) project.cost_centre.clear();
  return {};
}

}  // namespace

// PUT says all of the tenant that it names, whether it is there or not.
Result<AdminReply> AdminApi::create_tenant(Request& request) {
  JsonBody body(request.call.body);
  const std::string name = body.required_text("slug");
  auto display_name = body.text("display_name");
  auto hosts = body.texts("hosts");
  const auto suspended = body.flag("suspended");
  MeteringFields metering = MeteringFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(TenantSlug slug, TenantSlug::parse(name));
  TRY_VOID(must_be_name_of_path(request, name, "slug"));
  TRY(const store::ControlData data, request.store->load());
  const auto there = std::ranges::find(data.tenants, slug, &tenancy::Tenant::slug);
  const bool is_there = there != data.tenants.end();
  if (is_there) TRY_VOID(must_be_ours(there->meta, fmt::format("tenant '{}'", name)));
  const bool replaces = is_there && request.call.method == "PUT";
  if (!replaces) TRY_VOID(must_want_new(request));
  tenancy::Tenant tenant{.id = replaces ? there->id : TenantId{request.ids->next()},
                         .slug = std::move(slug)};
  tenant.display_name = std::move(display_name).value_or(name);
  tenant.hosts = std::move(hosts).value_or(std::vector<std::string>());
  tenant.suspended = suspended.value_or(false);
  if (replaces) {  // that the currency becomes another one is looked at, the usual one as well
    metering.currency = metering.currency.value_or(tenant.currency);
    tenant.currency = there->currency;
  }
  TRY_VOID(check_hosts(data, tenant));
  TRY_VOID(metering.put_into(tenant, data));
  if (replaces) {
    tenant.meta = there->meta;
    TRY(tenant.meta.revision, revision(request, there->meta.revision));
    if (to_json(tenant) != to_json(*there)) {
      TRY(tenant, request.store->update(tenant));
    }
    return AdminReply{200, to_json(tenant), etag_of(tenant.meta.revision)};
  }
  TRY(tenant, request.store->create(std::move(tenant)));
  TRY(ProjectSlug project, ProjectSlug::parse(kDefaultProject));
  TRY_VOID(request.store->create(tenancy::Project{.id = {request.ids->next()},
                                                  .tenant = tenant.id,
                                                  .slug = std::move(project),
                                                  .display_name = std::string(kDefaultProject)}));
  return AdminReply{201, to_json(tenant), etag_of(tenant.meta.revision)};
}

Result<AdminReply> AdminApi::change_tenant(Request& request, tenancy::Tenant tenant) {
  JsonBody body(request.call.body);
  auto display_name = body.text("display_name");
  auto hosts = body.texts("hosts");
  const auto suspended = body.flag("suspended");
  const MeteringFields metering = MeteringFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(must_be_ours(tenant.meta, fmt::format("tenant '{}'", tenant.slug.text())));
  TRY(tenant.meta.revision, revision(request, tenant.meta.revision));
  if (body.is_empty()) return AdminReply{200, to_json(tenant), etag_of(tenant.meta.revision)};
  if (display_name) tenant.display_name = *std::move(display_name);
  if (hosts) tenant.hosts = *std::move(hosts);
  if (suspended) tenant.suspended = *suspended;
  TRY(const store::ControlData data, request.store->load());
  TRY_VOID(check_hosts(data, tenant));
  TRY_VOID(metering.put_into(tenant, data));
  TRY(const tenancy::Tenant now, request.store->update(tenant));
  return AdminReply{200, to_json(now), etag_of(now.meta.revision)};
}

Result<AdminReply> AdminApi::projects(Request& request) {
  if (request.is("POST", 1)) return create_project(request);
  TRY(store::ControlData data, request.store->load());
  if (request.is("GET", 1)) {
    std::vector<tenancy::Project> wanted = data.projects;
    if (const auto name = request.take("tenant")) {
      TRY(const tenancy::Tenant tenant, find_tenant(data, *name));
      std::erase_if(wanted, [&](const tenancy::Project& p) { return p.tenant != tenant.id; });
    }
    return page<tenancy::Project>(
        request, wanted, [](const tenancy::Project& p) { return p.id.value.text(); },
        [&](const tenancy::Project& p) { return to_json(p, data); });
  }
  if (request.path.size() != 2) return fail(no_such_method(request));
  TRY_VOID(request.no_more_query());
  TRY(tenancy::Project project, find_project(data, request.path[1]));
  if (request.call.method == "GET")
    return AdminReply{.body = to_json(project, data), .etag = etag_of(project.meta.revision)};
  if (request.call.method == "PATCH") return change_project(request, std::move(project), data);
  if (request.call.method != "DELETE") return fail(no_such_method(request));
  TRY_VOID(must_be_ours(project.meta, fmt::format("project '{}'", project.slug.text())));
  TRY(const std::int64_t at, revision(request, project.meta.revision));
  request.tenant = project.tenant;
  TRY_VOID(request.store->remove(project.id, at));
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminApi::change_project(Request& request, tenancy::Project project,
                                            const store::ControlData& data) {
  JsonBody body(request.call.body);
  auto display_name = body.text("display_name");
  const auto cost_centre = body.text("cost_centre");
  const bool no_cost_centre = body.is_null("cost_centre");
  TRY_VOID(body.done());
  TRY_VOID(must_be_ours(project.meta, fmt::format("project '{}'", project.slug.text())));
  TRY(project.meta.revision, revision(request, project.meta.revision));
  if (display_name) project.display_name = *std::move(display_name);
  TRY_VOID(put_cost_centre(cost_centre, no_cost_centre, project));
  if (!body.is_empty()) {
    TRY(project, request.store->update(project));
  }
  return AdminReply{200, to_json(project, data), etag_of(project.meta.revision)};
}

Result<AdminReply> AdminApi::create_project(Request& request) {
  JsonBody body(request.call.body);
  const std::string tenant_name = body.required_text("tenant");
  const std::string name = body.required_text("slug");
  auto display_name = body.text("display_name");
  const auto cost_centre = body.text("cost_centre");
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(ProjectSlug slug, ProjectSlug::parse(name));
  TRY(const store::ControlData data, request.store->load());
  TRY_VOID(must_want_new(request));
  TRY(const tenancy::Tenant tenant, find_tenant(data, tenant_name));
  for (const tenancy::Project& other : data.projects) {
    if (other.tenant == tenant.id && other.slug == slug)
      TRY_VOID(must_be_ours(other.meta, fmt::format("project '{}'", name)));
  }
  tenancy::Project project{.id = {request.ids->next()},
                           .tenant = tenant.id,
                           .slug = std::move(slug),
                           .display_name = std::move(display_name).value_or(name)};
  TRY_VOID(put_cost_centre(cost_centre, false, project));
  TRY(const tenancy::Project made, request.store->create(std::move(project)));
  return AdminReply{201, to_json(made, data), etag_of(made.meta.revision)};
}

}  // namespace sovmesh::control
