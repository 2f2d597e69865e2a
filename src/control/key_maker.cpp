#include "control/key_maker.h"

#include <algorithm>

#include "control/admin_objects.h"
#include "tenancy/key_format.h"

namespace sovmesh::control {

void seal(tenancy::Key& key, const identity::Authenticator& authenticator, std::string_view text) {
  constexpr std::size_t kShown = 4;
  key.pepper_id = authenticator.newest_pepper();
  key.hmac = authenticator.key_hmac(key.pepper_id, text);
  key.last_four = text.substr(text.size() - kShown);
}

Result<std::optional<FirstKey>> make_first_key(store::ControlStore& store,
                                               const identity::Authenticator& authenticator,
                                               Random& random, std::string_view tenant_name) {
  TRY(const store::ControlData data, store.load());
  TRY(const tenancy::Tenant tenant, find_tenant(data, tenant_name));
  if (std::ranges::find(data.keys, tenant.id, &tenancy::Key::tenant) != data.keys.end())
    return std::nullopt;
  const auto project = std::ranges::find_if(data.projects, [&](const tenancy::Project& p) {
    return p.tenant == tenant.id && p.slug.text() == "default";
  });
  if (project == data.projects.end())
    return our_error(Code::internal_error, "the tenant has no project 'default'");
  tenancy::NewKey made = tenancy::generate_key(random);
  tenancy::Key key{.id = made.id, .tenant = tenant.id, .project = project->id};
  key.display_name = "first";
  key.scopes.set();
  seal(key, authenticator, made.text.reveal());
  TRY(key, store.create(std::move(key)));
  return FirstKey{.key = std::move(key), .text = std::move(made.text)};
}

}  // namespace sovmesh::control
