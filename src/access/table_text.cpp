#include <string>

#include "access/decision.h"

namespace sovmesh::access {
namespace {

std::string cell_of(Role role, Resource resource) {
  constexpr std::string_view kLetters = "rcud";
  std::string text;
  for (std::size_t i = 0; i < kActions; ++i)
    if (allows(role, static_cast<Action>(i), resource)) text += kLetters[i];
  return text.empty() ? "·" : text;
}

}  // namespace

std::string table_text() {
  std::string out = "| resource | whose |";
  for (std::size_t i = 0; i < kRoles; ++i)
    out.append(" ").append(name(static_cast<Role>(i))).append(" |");
  out += "\n|---|---|";
  for (std::size_t i = 0; i < kRoles; ++i)
    out += "---|";
  for (std::size_t i = 0; i < kResources; ++i) {
    const auto resource = static_cast<Resource>(i);
    out.append("\n| ").append(name(resource)).append(" | ");
    out += is_of_tenants(resource) ? "tenant |" : "platform |";
    for (std::size_t j = 0; j < kRoles; ++j)
      out.append(" ").append(cell_of(static_cast<Role>(j), resource)).append(" |");
  }
  return out += "\n";
}

}  // namespace sovmesh::access
