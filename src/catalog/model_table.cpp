#include "catalog/model_table.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace sovmesh::catalog {

struct ModelTable::Index {
  std::unordered_map<std::string_view, const Model*> by_name;  // views into models_
  // Stands in for an unknown name, so that it takes the same steps as a foreign one.
  Model nobody{.id = {}, .name = *ModelName::parse("nobody")};
};

namespace {

bool allows(const Model& model, TenantId tenant, const std::set<ModelName>* key_models) {
  // Both look-ups always happen: which of them said no must not show in the time taken.
  const bool tenant_may = model.tenants.contains(tenant) || model.for_all_tenants;
  const bool key_may = key_models == nullptr || key_models->contains(model.name);
  return tenant_may && key_may;
}

}  // namespace

ModelTable::ModelTable(std::vector<Model> models)
    : models_(std::move(models)), index_(std::make_unique<Index>()) {
  std::ranges::sort(models_, {}, &Model::name);
  for (const Model& model : models_)
    index_->by_name.emplace(model.name.text(), &model);
  index_->nobody.for_all_tenants = false;
}

ModelTable::~ModelTable() = default;

const Model* ModelTable::find(std::string_view name, TenantId tenant,
                              const std::set<ModelName>* key_models) const {
  const auto it = index_->by_name.find(name);
  const Model* found = it == index_->by_name.end() ? &index_->nobody : it->second;
  return allows(*found, tenant, key_models) ? found : nullptr;
}

std::vector<const Model*> ModelTable::visible(TenantId tenant,
                                              const std::set<ModelName>* key_models) const {
  std::vector<const Model*> out;
  for (const Model& model : models_) {
    if (allows(model, tenant, key_models)) out.push_back(&model);
  }
  return out;
}

}  // namespace sovmesh::catalog
