#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "control/json_text.h"
#include "identity/directory.h"
#include "store/control_store.h"
#include "tenancy/settings.h"

// What a tenant has set for its own requests: as JSON, as the file says it, as requests go by it.
namespace sovmesh::control {

// A whole document of the admin API. Errors have `param` set.
Result<tenancy::Settings> parse_settings(std::string_view json);
// What `now` becomes by a change: members that it names, null takes back.
Result<tenancy::Settings> change_settings(const tenancy::Settings& now, std::string_view json);
// The same as parse_settings() reads. Of equal settings the same text.
std::string settings_json(const tenancy::Settings& settings);
// Its members.
void add_settings(JsonText& json, const tenancy::Settings& settings);

// The file's, checked, but for whether its models are the tenant's.
Result<tenancy::Settings> settings_of(const config::TenantSettings& settings);

// The first name of a model that `may_name` refuses; its param is set.
using MayName = std::function<bool(const std::string& model)>;
Result<void> check_model_names(const tenancy::Settings& settings, const MayName& may_name);

// What the file declares for a tenant.
struct FileSettings {
  tenancy::Settings set;
  std::string source;  // "file:line:column"
};
using AllFileSettings = std::map<std::string, FileSettings, std::less<>>;  // by slug

// What a name may be when the file is in force.
struct NamesToBe {
  const std::vector<catalog::Model>& of_file;
  const std::vector<catalog::Model>& stored;  // the file's before, too
  const std::vector<catalog::Route>& routes_of_file;
  const std::vector<catalog::Route>& routes_of_api;
  bool discovers = false;  // engines list more, which nobody knows yet
};
// The settings that `tenant` has in the file. An error says where.
Result<FileSettings> file_settings_of(const config::Tenant& tenant, TenantId id,
                                      const NamesToBe& names,
                                      const std::vector<store::SettingsRecord>& stored);

// As requests go by them: the file's, else what is stored. What `now` has already of the same
// revision is not read again.
Result<std::map<TenantId, std::shared_ptr<const identity::TenantSettings>>> settings_in_force(
    const store::ControlData& stored, const AllFileSettings& declared,
    const identity::Directory& now);

}  // namespace sovmesh::control
