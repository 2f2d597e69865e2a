#include "tenancy/records.h"

namespace sovmesh::tenancy {

std::string_view name(Scope scope) {
  switch (scope) {
    case Scope::inference:
      return "inference";
    case Scope::models_read:
      return "read:models";
    case Scope::usage_read:
      return "read:usage";
  }
  return "";
}

std::optional<Scope> parse_scope(std::string_view text) {
  for (const Scope scope : {Scope::inference, Scope::models_read, Scope::usage_read}) {
    if (name(scope) == text) return scope;
  }
  return std::nullopt;
}

}  // namespace sovmesh::tenancy
