#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/records.h"
#include "control/json_text.h"
#include "identity/directory.h"
#include "store/control_store.h"
#include "tenancy/records.h"

namespace sovmesh::control {

// Objects as the admin API shows and names them.
std::string to_json(const tenancy::Tenant& tenant);
std::string to_json(const tenancy::Project& project, const store::ControlData& data);
// `text`: the whole key, shown once at its creation; empty otherwise.
std::string to_json(const tenancy::Key& key, const store::ControlData& data,
                    std::string_view text = {});
std::string to_json(const catalog::Model& model, const store::ControlData& data);
// A remote engine that the admin API made, without its state.
std::string to_json(const store::EngineRecord& engine);
// The members that every stored object ends with. `owner`: who manages it when it is neither the
// file nor the API.
void add_meta(JsonText& json, const tenancy::Meta& meta, std::string_view owner = {});
// Its id when it is gone.
std::string slug_of(const store::ControlData& data, TenantId id);
std::string slug_of(const store::ControlData& data, ProjectId id);
std::string etag_of(std::int64_t revision);

// All that serve it, `model.engine` first.
std::vector<std::string> engines_of(const catalog::Model& model);

// By slug or id; by id; by id; by id; by name or id. Code::not_found otherwise.
Result<tenancy::Tenant> find_tenant(const store::ControlData& data, std::string_view name);
Result<tenancy::Project> find_project(const store::ControlData& data, std::string_view id);
Result<tenancy::Key> find_key(const store::ControlData& data, std::string_view id);
Result<store::LimitRecord> find_limit(const store::ControlData& data, std::string_view id);
Result<catalog::Model> find_model(const store::ControlData& data, std::string_view name);

// By slug or id.
Result<tenancy::Project> find_project_of(const store::ControlData& data, TenantId tenant,
                                         std::string_view name);

// Code::not_found that says which ones there are, kNamesShown at most.
constexpr std::size_t kNamesShown = 10;
std::unexpected<Error> no_such(std::string_view kind, std::string_view name,
                               std::span<const std::string> known, std::string param = {});
std::vector<std::string> model_names(const identity::Directory& directory);
std::vector<std::string> route_names(const identity::Directory& directory);

// What the configuration file declares changes there alone: Code::conflict that says where.
Result<void> must_be_ours(const tenancy::Meta& meta, std::string_view what);
Result<void> must_be_ours(const catalog::Model& model);
std::unexpected<Error> files_alone(std::string_view what, std::string_view source);

}  // namespace sovmesh::control
