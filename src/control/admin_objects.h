#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/records.h"
#include "control/json_text.h"
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

// What the configuration file declares changes there alone: Code::conflict that says where.
Result<void> must_be_ours(const tenancy::Meta& meta, std::string_view what);
Result<void> must_be_ours(const catalog::Model& model);
std::unexpected<Error> files_alone(std::string_view what, std::string_view source);

}  // namespace sovmesh::control
