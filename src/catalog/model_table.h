#pragma once

#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "catalog/records.h"

namespace sovmesh::catalog {

class ModelIndex;

// All models of one snapshot. Immutable. Foreign and unknown names run the same look-ups and give
// the same nothing.
class ModelTable {
 public:
  explicit ModelTable(std::vector<Model> models);
  ~ModelTable();

  // The model `name` when `tenant` may use it and `key_models` (nothing: no restriction) holds it.
  const Model* find(std::string_view name, TenantId tenant,
                    const std::set<ModelName>* key_models) const;
  // What the caller may use, by name.
  std::vector<const Model*> visible(TenantId tenant, const std::set<ModelName>* key_models) const;
  const std::vector<Model>& all() const { return models_; }

 private:
  std::vector<Model> models_;  // by name
  std::unique_ptr<const ModelIndex> index_;
};

}  // namespace sovmesh::catalog
