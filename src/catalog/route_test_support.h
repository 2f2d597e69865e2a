#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "catalog/route.h"

namespace sovmesh::catalog {

inline ModelName model(std::string_view name) { return ModelName::parse(name).value(); }

inline TenantId tenant(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return {Ulid::from_bytes(bytes)};
}

// "chat": the stable version "old" and the canary "new".
inline Route two_versions(std::int64_t old_weight, std::int64_t new_weight) {
  return {.name = model("chat"),
          .versions = {{.model = model("old"), .weight = old_weight},
                       {.model = model("new"), .weight = new_weight, .stage = Stage::canary}}};
}

}  // namespace sovmesh::catalog
