#include "control/stored_routes.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "control/file_routes.h"
#include "control/json_text.h"
#include "control/rollout_json.h"
#include "control/route_json.h"

namespace sovmesh::control {
namespace {

using nlohmann::json;

constexpr const char* kIndex = "routes";  // the store's value that names them

std::string value_name(const std::string& route) { return fmt::format("route/{}", route); }

std::int64_t micros_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}
WallTime time_of(const json& micros) {
  return WallTime(std::chrono::microseconds(micros.get<std::int64_t>()));
}

std::string record_json(const RouteRecord& record) {
  return JsonText()
      .raw("route", route_json(record.route))
      .number("revision", record.meta.revision)
      .number("created_at", micros_of(record.meta.created_at))
      .number("updated_at", micros_of(record.meta.updated_at))
      .end();
}

Result<RouteRecord> parse_record(const std::string& text) {
  const auto unreadable = [](std::string_view why) {
    return our_error(Code::internal_error, fmt::format("a stored route cannot be read: {}", why));
  };
  try {
    const json from = json::parse(text);
    RouteRecord record;
    const auto read = read_route(from.at("route").dump(), RouteText::whole, record.route);
    if (!read) return unreadable(read.error().message());
    record.meta.revision = from.at("revision").get<std::int64_t>();
    record.meta.created_at = time_of(from.at("created_at"));
    record.meta.updated_at = time_of(from.at("updated_at"));
    return record;
  } catch (const std::exception& broken) {
    return unreadable(broken.what());
  }
}

Result<std::vector<ModelName>> names_in(store::ControlStore& store) {
  TRY(const auto index, store.get_value(kIndex));
  return names_of_index(index.value_or(""));
}

}  // namespace

Result<std::vector<RouteRecord>> stored_routes(store::ControlStore& store) {
  TRY(const std::vector<ModelName> names, names_in(store));
  std::vector<RouteRecord> records;
  for (const ModelName& name : names) {
    TRY(const auto text, store.get_value(value_name(std::string(name.text()))));
    TRY(RouteRecord record, parse_record(text.value_or("")));
    records.push_back(std::move(record));
  }
  return records;
}

Result<void> store_route(store::ControlStore& store, const RouteRecord& record) {
  TRY(ModelName name, ModelName::parse(record.route.name));
  TRY_VOID(store.put_value(value_name(record.route.name), record_json(record)));
  TRY(std::vector<ModelName> names, names_in(store));
  if (std::ranges::find(names, name) != names.end()) return {};
  names.push_back(std::move(name));
  return store.put_value(kIndex, index_json(names));
}

Result<void> remove_stored_route(store::ControlStore& store, const std::string& name) {
  TRY(std::vector<ModelName> names, names_in(store));
  std::erase_if(names, [&](const ModelName& other) { return other.text() == name; });
  TRY_VOID(store.put_value(kIndex, index_json(names)));
  return store.remove_value(value_name(name));
}

Result<std::vector<catalog::Route>> api_routes(store::ControlStore& store,
                                               const std::vector<tenancy::Tenant>& tenants) {
  const auto lives = [&](const std::string& id) {
    return std::ranges::any_of(tenants,
                               [&](const auto& tenant) { return tenant.id.value.text() == id; });
  };
  const auto by_id = [](const std::string& text) -> Result<TenantId> {
    TRY(const Ulid id, Ulid::parse(text));
    return TenantId{id};
  };
  TRY(std::vector<RouteRecord> records, stored_routes(store));
  std::vector<catalog::Route> routes;
  for (RouteRecord& record : records) {
    if (record.route.grey)
      std::erase_if(record.route.grey->tenants, [&](const auto& id) { return !lives(id); });
    TRY(catalog::Route route, route_of(record.route, by_id));
    route.created_at = record.meta.created_at;
    route.updated_at = record.meta.updated_at;
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace sovmesh::control
