#include "catalog/model_table.h"

#include <algorithm>
#include <utility>

#include "catalog/model_index.h"

namespace sovmesh::catalog {
namespace {

template <class T>
const T* named(const std::vector<T>& sorted, const ModelName& name) {
  const auto found = std::ranges::lower_bound(sorted, name, {}, &T::name);
  return found == sorted.end() || found->name != name ? nullptr : &*found;
}

bool is_for(const Model& model, TenantId tenant) {
  return model.for_all_tenants || model.tenants.contains(tenant);
}

// What stands for a route in lists: the least that any of its versions allows, for whoever may use
// one of them.
Model face_of(const Route& route, const std::vector<const Model*>& versions) {
  Model face{.id = {}, .name = route.name};
  face.for_all_tenants = false;
  face.created_at = route.created_at;
  for (const Model* version : versions) {
    face.for_all_tenants = face.for_all_tenants || version->for_all_tenants;
    face.tenants.insert(version->tenants.begin(), version->tenants.end());
    if (version->name == route.stable().model) face.owned_by = version->owned_by;
    if (version->context_tokens == 0) continue;
    face.context_tokens = face.context_tokens == 0
                              ? version->context_tokens
                              : std::min(face.context_tokens, version->context_tokens);
  }
  return face;
}

}  // namespace

ModelTable::ModelTable(std::vector<Model> models, std::vector<Route> routes)
    : models_(std::move(models)), routes_(std::move(routes)) {
  std::ranges::sort(models_, {}, &Model::name);
  std::ranges::sort(routes_, {}, &Route::name);
  std::vector<std::pair<Model, const Route*>> listed;
  for (const Model& model : models_) {
    if (!named(routes_, model.name)) listed.emplace_back(model, nullptr);
  }
  for (const Route& route : routes_) {
    std::vector<const Model*> versions;
    for (const RouteVersion& version : route.versions) {
      if (const Model* known = named(models_, version.model)) versions.push_back(known);
    }
    listed.emplace_back(face_of(route, versions), &route);
  }
  std::ranges::sort(listed, {}, [](const auto& entry) { return entry.first.name; });
  for (auto& [model, route] : listed) {
    listed_.push_back(std::move(model));
    route_behind_.push_back(route);
  }
  index_ = std::make_unique<ModelIndex>(listed_);
}

ModelTable::~ModelTable() = default;

const Model* ModelTable::find(std::string_view name, TenantId tenant,
                              const std::set<ModelName>* key_models) const {
  const auto row = permitted_row(*index_, name, tenant, key_models);
  return row ? &listed_[index_->model(*row)] : nullptr;
}

std::vector<const Model*> ModelTable::visible(TenantId tenant,
                                              const std::set<ModelName>* key_models) const {
  std::vector<const Model*> out;
  for (const Model& model : listed_) {
    if (find(model.name.text(), tenant, key_models) != nullptr) out.push_back(&model);
  }
  return out;
}

const Route* ModelTable::route_behind(const Model& listed) const {
  return route_behind_[static_cast<std::size_t>(&listed - listed_.data())];
}

const Route* ModelTable::route(const ModelName& name) const { return named(routes_, name); }

const Model* ModelTable::model(const ModelName& name) const { return named(models_, name); }

bool ModelTable::may_answer(const ModelName& model, TenantId tenant,
                            const std::set<ModelName>* key_models) const {
  const Model* const known = this->model(model);
  if (known == nullptr || !is_for(*known, tenant)) return false;
  if (key_models == nullptr || key_models->contains(model)) return true;
  return std::ranges::any_of(*key_models, [&](const ModelName& own) {
    const Route* const named_route = route(own);
    return named_route != nullptr && named_route->version(model) != nullptr;
  });
}

}  // namespace sovmesh::catalog
