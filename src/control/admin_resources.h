#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sovmesh::control {

// A place of the admin API, and what can be done there.
struct AdminResource {
  std::string_view path;     // below /api/v1/; "{name}" stands for anything but nothing
  std::string_view methods;  // "GET, POST"

  bool has(std::string_view method) const;
  std::string allow() const;  // for a 405: what can be read answers HEAD, too
};

// THE table: whatever is not in it is answered 404 or 405 before any handler is asked.
// api/openapi.yaml describes the same places; tests/openapi compares the two.
std::span<const AdminResource> admin_resources();
// `path`: decoded, below /api/v1/. Null: there is no such place.
const AdminResource* find_admin_resource(const std::vector<std::string>& path);

}  // namespace sovmesh::control
