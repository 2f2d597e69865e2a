#include "catalog/model_table.h"

#include <algorithm>

#include "catalog/model_index.h"

namespace sovmesh::catalog {

ModelTable::ModelTable(std::vector<Model> models) : models_(std::move(models)) {
  std::ranges::sort(models_, {}, &Model::name);
  index_ = std::make_unique<ModelIndex>(models_);
}

ModelTable::~ModelTable() = default;

const Model* ModelTable::find(std::string_view name, TenantId tenant,
                              const std::set<ModelName>* key_models) const {
  const auto row = permitted_row(*index_, name, tenant, key_models);
  return row ? &models_[index_->model(*row)] : nullptr;
}

std::vector<const Model*> ModelTable::visible(TenantId tenant,
                                              const std::set<ModelName>* key_models) const {
  std::vector<const Model*> out;
  for (const Model& model : models_) {
    if (find(model.name.text(), tenant, key_models) != nullptr) out.push_back(&model);
  }
  return out;
}

}  // namespace sovmesh::catalog
