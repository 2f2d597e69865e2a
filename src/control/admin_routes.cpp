#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/file_routes.h"
#include "control/mirror_view.h"
#include "control/rollouts.h"
#include "control/route_json.h"

// The routes of the admin API: the file's, which are read here, and those that it makes itself.
namespace sovmesh::control {
namespace {

std::string what(std::string_view route) { return fmt::format("route '{}'", route); }

// Of each version's requests now.
std::vector<std::string> shares_of(const catalog::Route& route,
                                   const rollout::RoutesInForce& rollouts) {
  const auto rollout = rollouts.find(route.name);
  const auto weights = catalog::effective_weights(
      route, rollout == rollouts.end() ? nullptr : &rollout->second.shift);
  std::int64_t sum = 0;
  for (const std::int64_t weight : weights)
    sum += weight;
  std::vector<std::string> shares;
  for (std::size_t i = 0; i < route.versions.size(); ++i) {
    const auto part = static_cast<double>(weights.at(i));
    shares.push_back(
        fmt::format("{:.4g}%", sum == 0 ? 0 : 100.0 * part / static_cast<double>(sum)));
  }
  return shares;
}

std::string tenant_name(const identity::Directory& directory, TenantId id) {
  const identity::TenantEntry* const tenant = directory.tenant(id);
  return tenant == nullptr ? id.value.text() : std::string(tenant->record.slug.text());
}

const RouteRecord* record_named(const std::vector<RouteRecord>& records, std::string_view name) {
  const auto found =
      std::ranges::find_if(records, [&](const auto& record) { return record.route.name == name; });
  return found == records.end() ? nullptr : &*found;
}

std::vector<catalog::Route> all_but(const std::vector<catalog::Route>& routes,
                                    const ModelName& name) {
  std::vector<catalog::Route> others;
  for (const catalog::Route& route : routes)
    if (route.name != name) others.push_back(route);
  return others;
}

}  // namespace

std::string AdminApi::show_route(const catalog::Route& route, const RouteRecord* record,
                                 const identity::Directory& directory) const {
  const auto none = std::make_shared<const rollout::RoutesInForce>();
  const auto rollouts = parts_.rollouts ? parts_.rollouts->in_force().get() : none;
  std::vector<std::string> models;
  for (const catalog::RouteVersion& version : route.versions)
    models.emplace_back(version.model.text());
  JsonText json;
  add_route(json, spec_of(route, [&](TenantId tenant) { return tenant_name(directory, tenant); }),
            shares_of(route, *rollouts));
  json.texts("models", models).flag("rollout", rollouts->contains(route.name));
  if (route.from_file) {
    json.text("managed_by", "file").text("source", std::string_view(route.source));
  } else {  // without a record: it is being deleted
    add_meta(json, record == nullptr ? tenancy::Meta{} : record->meta);
  }
  return json.end();
}

std::optional<rollout::Rollout> AdminApi::running_rollout(const ModelName& route) const {
  if (parts_.rollouts == nullptr) return std::nullopt;
  auto found = parts_.rollouts->find(std::string(route.text()));
  if (!found || rollout::is_over(found->state)) return std::nullopt;
  return *std::move(found);
}

Result<AdminReply> AdminApi::routes(Request& request) {
  if (request.is("POST", 1)) return create_route(request);
  const auto directory = parts_.publisher.directory().get();
  TRY(const std::vector<RouteRecord> records, stored_routes(*request.store));
  if (request.is("GET", 1)) {
    TRY(const Narrowing only, narrowing(request));
    std::vector<catalog::Route> wanted(directory->models().routes().begin(),
                                       directory->models().routes().end());
    std::erase_if(wanted, [&](const catalog::Route& route) {
      return !only.fits(route.from_file ? "file" : "api", {route.name.text()});
    });
    return page<catalog::Route>(
        request, wanted, [](const catalog::Route& route) { return std::string(route.name.text()); },
        [&](const catalog::Route& route) {
          return show_route(route, record_named(records, route.name.text()), *directory);
        });
  }
  if (request.path.size() == 1) return fail(no_such_method(request));
  const bool wants_mirror = request.is("GET", 3) && request.path[2] == "mirror";
  if (request.path.size() != 2 && !wants_mirror) return fail(no_such_method(request));
  TRY_VOID(request.no_more_query());
  const auto name = ModelName::parse(request.path[1]);
  const catalog::Route* const route = name ? directory->models().route(*name) : nullptr;
  if (route == nullptr && request.call.method == "PUT") return create_route(request);
  if (route == nullptr) return no_such("route", request.path[1], route_names(*directory));
  if (wants_mirror) return show_mirror(*route);
  const RouteRecord* const record = record_named(records, route->name.text());
  if (request.call.method == "GET")
    return AdminReply{.body = show_route(*route, record, *directory),
                      .etag = record == nullptr ? "" : etag_of(record->meta.revision)};
  if (route->from_file) return files_alone(what(route->name.text()), route->source);
  if (record == nullptr) return no_such("route", request.path[1], route_names(*directory));
  if (request.call.method == "PATCH" || request.call.method == "PUT")
    return change_route(request, *record);
  if (request.call.method == "DELETE") return delete_route(request, *record);
  return fail(no_such_method(request));
}

// What came of the copies of its requests.
Result<AdminReply> AdminApi::show_mirror(const catalog::Route& route) const {
  if (!route.mirror) {
    return client_error(Code::not_found,
                        fmt::format("the route '{}' has no mirror; `mirror` of a route makes one",
                                    route.name.text()));
  }
  const auto seen = parts_.mirror ? parts_.mirror(route.name) : std::nullopt;
  return AdminReply{.body = comparison_json(*route.mirror, seen ? &*seen : nullptr)};
}

Result<AdminReply> AdminApi::create_route(Request& request) {
  TRY_VOID(request.no_more_query());
  RouteRecord record;
  TRY_VOID(read_route(request.call.body, RouteText::whole, record.route));
  TRY_VOID(must_be_name_of_path(request, record.route.name, "name"));
  TRY_VOID(must_want_new(request));
  auto parsed = ModelName::parse(record.route.name);
  if (!parsed) return fail(std::move(parsed).error().with_param("name"));
  const ModelName& name = *parsed;
  const auto directory = parts_.publisher.directory().get();
  if (const catalog::Route* const there = directory->models().route(name); there != nullptr) {
    if (there->from_file) return files_alone(what(name.text()), there->source);
    return client_error(Code::conflict, fmt::format("a {} exists already", what(name.text())),
                        "name");
  }
  TRY(const std::vector<RouteRecord> records, stored_routes(*request.store));
  if (records.size() >= kStoredRoutesMax)
    return client_error(Code::conflict, fmt::format("there are {} already", kStoredRoutesMax));
  record.meta.created_at = parts_.clock.wall_now();
  return write_route(request, std::move(record), 201);
}

// PUT says all of it anew, PATCH what is to be different.
Result<AdminReply> AdminApi::change_route(Request& request, RouteRecord record) {
  const bool is_whole = request.call.method == "PUT";
  const std::string name = record.route.name;
  const std::string before = route_json(record.route);
  if (is_whole) record.route = {};
  TRY_VOID(
      read_route(request.call.body, is_whole ? RouteText::whole : RouteText::change, record.route));
  if (record.route.name != name)
    return client_error(Code::invalid_value,
                        fmt::format("the {} keeps its name: create another one", what(name)),
                        "name");
  TRY(record.meta.revision, revision(request, record.meta.revision));
  return write_route(request, std::move(record), 200, before);
}

// The same check as the file's routes have, beside all that there are. `stored`: as it is stored
// now.
Result<AdminReply> AdminApi::write_route(Request& request, RouteRecord record, int status,
                                         const std::string& stored) {
  const auto directory = parts_.publisher.directory().get();
  const catalog::ModelTable& models = directory->models();
  TRY(const store::ControlData data, request.store->load());
  const auto named = [&](const std::string& tenant) -> Result<TenantId> {
    TRY(const tenancy::Tenant found, find_tenant(data, tenant));
    return found.id;
  };
  if (record.route.grey && status == 200) {  // those that have gone since it was written
    std::erase_if(record.route.grey->tenants, [&](const std::string& tenant) {
      return Ulid::parse(tenant) && !find_tenant(data, tenant);
    });
  }
  TRY(const catalog::Route route, route_of(record.route, named));
  TRY_VOID(check_api_route(route, all_but(models.routes(), route.name), models.all()));
  const catalog::Route* const before = models.route(route.name);
  const auto running = running_rollout(route.name);
  if (before != nullptr && before->revision != route.revision && running) {
    return client_error(
        Code::conflict,
        fmt::format("a rollout of it is {}: its versions and weights stay until that is over "
                    "(sovmesh rollout promote {} or abort)",
                    name(running->state), route.name.text()),
        "versions");
  }
  record.route = spec_of(route, [](TenantId tenant) { return tenant.value.text(); });
  request.changes_nothing = route_json(record.route) == stored;
  if (request.changes_nothing)
    return AdminReply{status, show_route(route, &record, *directory),
                      etag_of(record.meta.revision)};
  ++record.meta.revision;
  record.meta.updated_at = parts_.clock.wall_now();
  TRY_VOID(store_route(*request.store, record));
  request.afterwards = [this, record, route](AdminReply& reply) {
    if (parts_.rollouts != nullptr) parts_.rollouts->follow_routes();
    reply.body = show_route(route, &record, *parts_.publisher.directory().get());
  };
  return AdminReply{status, show_route(route, &record, *directory), etag_of(record.meta.revision)};
}

Result<AdminReply> AdminApi::delete_route(Request& request, const RouteRecord& record) {
  TRY(const ModelName name, ModelName::parse(record.route.name));
  TRY_VOID(revision(request, record.meta.revision));
  if (const auto running = running_rollout(name)) {
    return client_error(
        Code::conflict,
        fmt::format("a rollout of it is {}: abort that first (sovmesh rollout abort {})",
                    sovmesh::rollout::name(running->state), name.text()));
  }
  const auto directory = parts_.publisher.directory().get();
  for (const catalog::Route& other : directory->models().routes()) {
    const bool needs_it = std::ranges::any_of(other.fallbacks, [&](const auto& fallback) {
      return fallback.kind == catalog::Fallback::Kind::route && fallback.name == name;
    });
    if (needs_it)
      return client_error(Code::conflict,
                          fmt::format("the {} falls back to it", what(other.name.text())));
  }
  TRY_VOID(remove_stored_route(*request.store, record.route.name));
  TRY_VOID(Rollouts::erase(*request.store, name));
  request.afterwards = [this, name](AdminReply&) {
    if (parts_.rollouts != nullptr) parts_.rollouts->forget(name);
  };
  return AdminReply{.status = 204};
}

}  // namespace sovmesh::control
