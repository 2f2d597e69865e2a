#include "control/admin_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "config/values.h"
#include "control/admin_access.h"
#include "control/admin_objects.h"
#include "control/admin_resources.h"
#include "control/json_body.h"
#include "control/json_text.h"
#include "control/report_text.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kRoot = "/api/v1/";
constexpr std::string_view kDefaultProject = "default";
constexpr std::size_t kTenantProjectsMax = 1'000;  // where its own people make them
// What is in the control store.
constexpr std::array<std::string_view, 13> kChangeable{
    "tenants", "projects", "keys",  "models", "artifacts",   "engines", "limits",
    "routes",  "rollouts", "pools", "users",  "memberships", "webhooks"};

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
      logins_({parts_.store, parts_.audit, parts_.clock, parts_.random, parts_.password_cost}),
      tokens_({parts_.store, parts_.authenticator, parts_.clock, parts_.random}),
      people_(logins_, tokens_),
      artifacts_(parts_.artifacts),
      ids_(parts_.clock, parts_.random),
      statements_(parts_.store, parts_.ledger, parts_.audit, parts_.clock) {}

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

Result<AdminReply> AdminApi::call(const AdminCall& call) {
  TRY(Request request, take_apart(call));
  const AdminResource* const resource = find_admin_resource(request.path);
  if (resource == nullptr || !resource->has(call.method)) return fail(no_such_method(request));
  TRY_VOID(may_begin(request));
  TRY_VOID(may_record(request));
  if (request.reads()) {
    TRY(AdminReply reply, route(request));
    TRY_VOID(record_read(request));
    return reply;
  }
  const std::string& kind = request.path.front();
  const bool is_change = std::ranges::find(kChangeable, kind) != kChangeable.end();
  // What only happens, or is added to, has no revision; one's session says so itself.
  if (!is_change && kind != "session") TRY_VOID(must_want_new(request));
  // Take turns and record by themselves; verifying is long, and no write.
  if (kind == "audit" || kind == "ledger") {
    TRY(AdminReply reply, answer(request));
    note_change(request, reply);
    return reply;
  }
  if (kind == "users") TRY_VOID(people_.prepare(request));
  return ids_.with([&](UlidSource& ids) -> Result<AdminReply> {
    request.ids = &ids;
    if (!is_change) return answer(request);
    if (kind == "users" || kind == "memberships") return change(request);
    TRY(const bool is_trial, request.take_flag("dry_run"));
    return is_trial ? dry_run(request) : change(request);
  });
}

// A write about whose object nobody asked whether the caller may is undone: an error of ours.
Result<AdminReply> AdminApi::answer(Request& request) {
  TRY(AdminReply reply, route(request));
  if (request.is_decided) return reply;
  return our_error(Code::internal_error, "nobody decided whether this caller may do this");
}

// All or nothing: what nobody can prove is not changed.
Result<AdminReply> AdminApi::change(Request& request) {
  TRY_VOID(may_lose(request));
  AdminReply reply;
  const auto work = [&](store::ControlStore& store) -> Result<void> {
    request.store = &store;
    TRY(reply, answer(request));
    return {};
  };
  TRY_VOID(parts_.changes.make(
      action_of(request.call.method, request.path),
      [&](const auto& agree) { return parts_.publisher.change(work, agree); },
      [&](store::ControlStore&) { return change_entry(request, reply); }));
  if (request.afterwards) request.afterwards(reply);
  note_change(request, reply);
  return reply;
}

Result<AdminReply> AdminApi::route(Request& request) {
  const std::string& kind = request.path.front();
  if (kind == "tenants") return tenants(request);
  if (kind == "projects") return projects(request);
  if (kind == "keys") return keys(request);
  if (kind == "models") return models(request);
  if (kind == "artifacts") return artifacts_.call(request);
  if (kind == "engines") return engines(request);
  if (kind == "limits") return limits(request);
  if (kind == "prices") return prices(request);
  if (kind == "routes") return routes(request);
  if (kind == "rollouts") return rollouts(request);
  if (kind == "pools") return pools(request);
  if (kind == "usage") return usage(request);
  if (kind == "statements") return statements(request);
  if (kind == "requests") return requests(request);
  if (kind == "live") return live(request);
  if (kind == "events") return events(request);
  if (kind == "ledger") return verify_ledger(request);
  if (kind == "system") return system(request);
  if (kind == "audit") return audit(request);
  if (kind == "roles") return roles(request);
  if (kind == "config") return config(request);
  if (kind == "users") return people_.users(request);
  if (kind == "memberships") return people_.memberships(request);
  if (kind == "session") return people_.session(request);
  if (kind == "setup") return people_.setup(request);
  if (kind == "webhooks") return webhooks(request);
  return client_error(Code::unknown_url, "there is no such resource");
}

Result<AdminReply> AdminApi::tenants(Request& request) {
  if (request.path.size() == 3) return tenant_settings(request);
  if (request.is("POST", 1) || request.is("PUT", 2)) return create_tenant(request);
  TRY(const store::ControlData data, load_seen(request));
  if (request.is("GET", 1)) {
    TRY(const Narrowing only, narrowing(request));
    std::vector<tenancy::Tenant> wanted = data.tenants;
    std::erase_if(wanted, [&](const tenancy::Tenant& t) {
      return !only.fits(managed_by(t.meta), {t.slug.text(), t.display_name});
    });
    return page<tenancy::Tenant>(
        request, wanted, [](const tenancy::Tenant& t) { return t.id.value.text(); },
        [](const tenancy::Tenant& t) { return to_json(t); });
  }
  if (request.path.size() != 2) return fail(no_such_method(request));
  TRY_VOID(request.no_more_query());
  TRY(tenancy::Tenant tenant, find_tenant(data, request.path[1]));
  TRY_VOID(may(request, access::Resource::tenants, access::Owner::of(tenant.id)));
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
  if (request.is("POST", 1) || request.is("PUT", 1)) return create_project(request);
  TRY(store::ControlData data, load_seen(request));
  if (request.is("GET", 1)) {
    TRY(const Narrowing only, narrowing(request));
    std::vector<tenancy::Project> wanted = data.projects;
    std::erase_if(wanted, [&](const tenancy::Project& p) {
      return !only.fits(managed_by(p.meta), {p.slug.text(), p.display_name});
    });
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
  TRY_VOID(may(request, access::Resource::projects, access::Owner::of(project.tenant)));
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

// PUT says all of the tenant's project of that name, whether it is there or not.
Result<AdminReply> AdminApi::create_project(Request& request) {
  JsonBody body(request.call.body);
  const std::string tenant_name = body.required_text("tenant");
  const std::string name = body.required_text("slug");
  auto display_name = body.text("display_name");
  const auto cost_centre = body.text("cost_centre");
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(ProjectSlug slug, ProjectSlug::parse(name));
  TRY(const store::ControlData data, load_seen(request));
  TRY(const tenancy::Tenant tenant, find_tenant(data, tenant_name));
  TRY_VOID(may(request, access::Resource::projects, access::Owner::of(tenant.id)));
  const auto there = std::ranges::find_if(data.projects, [&](const tenancy::Project& other) {
    return other.tenant == tenant.id && other.slug == slug;
  });
  if (there != data.projects.end())
    TRY_VOID(must_be_ours(there->meta, fmt::format("project '{}'", name)));
  if (there != data.projects.end() && request.call.method == "PUT") {
    tenancy::Project wanted = *there;
    TRY(wanted.meta.revision, revision(request, there->meta.revision));
    wanted.display_name = std::move(display_name).value_or(name);
    TRY_VOID(put_cost_centre(cost_centre, !cost_centre, wanted));
    request.changes_nothing = to_json(wanted, data) == to_json(*there, data);
    if (!request.changes_nothing) {
      TRY(wanted, request.store->update(wanted));
    }
    return AdminReply{200, to_json(wanted, data), etag_of(wanted.meta.revision)};
  }
  TRY_VOID(must_want_new(request));
  if (!sees_all(request) && data.projects.size() >= kTenantProjectsMax)
    return client_error(Code::conflict,
                        fmt::format("you have {} projects already", kTenantProjectsMax));
  tenancy::Project project{.id = {request.ids->next()},
                           .tenant = tenant.id,
                           .slug = std::move(slug),
                           .display_name = std::move(display_name).value_or(name)};
  TRY_VOID(put_cost_centre(cost_centre, false, project));
  TRY(const tenancy::Project made, request.store->create(std::move(project)));
  return AdminReply{201, to_json(made, data), etag_of(made.meta.revision)};
}

}  // namespace sovmesh::control
