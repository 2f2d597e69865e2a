#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::engine {

// One model as an engine lists it.
struct ListedModel {
  std::string name;                 // a valid ModelName
  std::int64_t context_tokens = 0;  // 0: the engine does not say
  std::int64_t created = 0;         // seconds since 1970; 0: it does not say
  friend bool operator==(const ListedModel&, const ListedModel&) = default;
};

// The answer of GET /models, sorted by name. Names that no model of ours could have, and what
// comes after the first kListedModelsMax names, are left out.
constexpr std::size_t kListedModelsMax = 256;
Result<std::vector<ListedModel>> parse_model_list(std::string_view json);
// The same form again, for keeping.
std::string model_list_json(const std::vector<ListedModel>& models);

}  // namespace sovmesh::engine
