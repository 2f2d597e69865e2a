#pragma once

#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "catalog/records.h"
#include "catalog/route.h"

namespace sovmesh::catalog {

class ModelIndex;

// All models and routes of one snapshot. Immutable. Foreign and unknown names run the same look-ups
// and give the same nothing, be they of models or of routes.
class ModelTable {
 public:
  // Versions that are not among the models are never chosen.
  explicit ModelTable(std::vector<Model> models, std::vector<Route> routes = {});
  ~ModelTable();

  // What may be called by `name` when `tenant` may use it and `key_models` (nothing: no
  // restriction) holds it. For a route: what is listed in its place, with what the tenants may
  // expect of each version. It is no model that answers.
  const Model* find(std::string_view name, TenantId tenant,
                    const std::set<ModelName>* key_models) const;
  // What the caller may use, by name.
  std::vector<const Model*> visible(TenantId tenant, const std::set<ModelName>* key_models) const;

  // The route behind what find() gave; null: it is a model.
  const Route* route_behind(const Model& listed) const;
  const Route* route(const ModelName& name) const;
  // The model of this very name, also where a route of the same name stands in front of it.
  const Model* model(const ModelName& name) const;
  // Whether a route may choose `model` for the caller. A key that holds a route's name holds its
  // versions.
  bool may_answer(const ModelName& model, TenantId tenant,
                  const std::set<ModelName>* key_models) const;

  const std::vector<Model>& all() const { return models_; }
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Model> models_;  // by name, as the others
  std::vector<Route> routes_;
  std::vector<Model> listed_;               // what can be called
  std::vector<const Route*> route_behind_;  // by listed_; null: a model
  std::unique_ptr<const ModelIndex> index_;
};

}  // namespace sovmesh::catalog
