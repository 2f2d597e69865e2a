#include "control/admin_resources.h"

#include <algorithm>
#include <array>

namespace sovmesh::control {
namespace {

constexpr std::string_view kRead = "GET";
constexpr std::string_view kAct = "POST";
constexpr std::string_view kList = "GET, POST";
constexpr std::string_view kObject = "GET, PATCH, DELETE";
constexpr std::string_view kWhole = "GET, PUT, PATCH, DELETE";

// Of two that fit, the first one counts.
constexpr std::array kResources{
    AdminResource{"tenants", kList},
    AdminResource{"tenants/{tenant}", kWhole},
    AdminResource{"tenants/{tenant}/settings", "GET, PUT, PATCH"},
    AdminResource{"projects", "GET, POST, PUT"},
    AdminResource{"projects/{project}", kObject},
    AdminResource{"keys", kList},
    AdminResource{"keys/{key}", kWhole},
    AdminResource{"keys/{key}/revoke", kAct},
    AdminResource{"keys/{key}/rotate", kAct},
    AdminResource{"models", kList},
    AdminResource{"models/{model}", kWhole},
    AdminResource{"artifacts", kList},
    AdminResource{"artifacts/{artifact}", kObject},
    AdminResource{"artifacts/{artifact}/move", kAct},
    AdminResource{"artifacts/{artifact}/tests", kList},
    AdminResource{"engines", kList},
    AdminResource{"engines/{engine}", "GET, PUT, DELETE"},
    AdminResource{"engines/{engine}/stop", kAct},
    AdminResource{"engines/{engine}/start", kAct},
    AdminResource{"engines/{engine}/log", kRead},
    AdminResource{"routes", kList},
    AdminResource{"routes/{route}", kWhole},
    AdminResource{"routes/{route}/mirror", kRead},
    AdminResource{"rollouts", kList},
    AdminResource{"rollouts/{route}", kRead},
    AdminResource{"rollouts/{route}/pause", kAct},
    AdminResource{"rollouts/{route}/resume", kAct},
    AdminResource{"rollouts/{route}/promote", kAct},
    AdminResource{"rollouts/{route}/abort", kAct},
    AdminResource{"limits", "GET, POST, PUT"},
    AdminResource{"limits/{limit}", kObject},
    AdminResource{"prices", kRead},
    AdminResource{"prices/{price}", kRead},
    AdminResource{"pools", kRead},
    AdminResource{"pools/{pool}", kRead},
    AdminResource{"pools/{pool}/set", kAct},
    AdminResource{"pools/{pool}/remove", kAct},
    AdminResource{"usage", kRead},
    AdminResource{"usage/forecast", kRead},
    AdminResource{"statements/{tenant}/adjustments", kAct},
    AdminResource{"statements/{tenant}/{month}", kRead},
    AdminResource{"requests", kRead},
    AdminResource{"requests/{request}", kRead},
    AdminResource{"live", kRead},
    AdminResource{"events", kRead},
    AdminResource{"webhooks", kList},
    AdminResource{"webhooks/{webhook}", kWhole},
    AdminResource{"webhooks/{webhook}/rotate", kAct},
    AdminResource{"webhooks/{webhook}/test", kAct},
    AdminResource{"ledger/verify", kAct},
    AdminResource{"audit/entries", kRead},
    AdminResource{"audit/entries/{entry}", kRead},
    AdminResource{"audit/entries/{entry}/proof", kRead},
    AdminResource{"audit/checkpoint", kRead},
    AdminResource{"audit/export", kRead},
    AdminResource{"audit/holds", kRead},
    AdminResource{"audit/hold", kAct},
    AdminResource{"audit/release", kAct},
    AdminResource{"audit/erase", kAct},
    AdminResource{"audit/witnessed", kAct},
    AdminResource{"audit/backup", kAct},
    AdminResource{"audit/rotate-key", kAct},
    AdminResource{"system", kRead},
    AdminResource{"roles", kRead},
    AdminResource{"config", kRead},
    AdminResource{"setup", kAct},
    AdminResource{"setup/token", kAct},
    AdminResource{"sessions", kAct},
    AdminResource{"session", "GET, DELETE"},
    AdminResource{"users", kList},
    AdminResource{"users/{user}", kObject},
    AdminResource{"users/{user}/sessions", "GET, DELETE"},
    AdminResource{"users/{user}/sessions/{session}", "DELETE"},
    AdminResource{"users/{user}/tokens", kList},
    AdminResource{"users/{user}/tokens/{token}", "DELETE"},
    AdminResource{"memberships", kList},
    AdminResource{"memberships/{membership}", "GET, DELETE"},
};

// Takes what stands before `separator`, and that too.
std::string_view take_part(std::string_view& text, std::string_view separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + separator.size(), text.size()));
  return part;
}

bool fits(std::string_view pattern, const std::vector<std::string>& path) {
  for (const std::string& part : path) {
    const std::string_view wanted = take_part(pattern, "/");
    if (wanted.empty()) return false;
    if (wanted.starts_with('{') ? part.empty() : wanted != part) return false;
  }
  return pattern.empty();
}

}  // namespace

bool AdminResource::has(std::string_view method) const {
  for (std::string_view left = methods; !left.empty();)
    if (take_part(left, ", ") == method) return true;
  return false;
}

std::string AdminResource::allow() const {
  const std::string all(methods);
  return has("GET") ? "GET, HEAD" + all.substr(kRead.size()) : all;
}

std::span<const AdminResource> admin_resources() { return kResources; }

const AdminResource* find_admin_resource(const std::vector<std::string>& path) {
  const auto found = std::ranges::find_if(
      kResources, [&](const AdminResource& resource) { return fits(resource.path, path); });
  return found == kResources.end() ? nullptr : &*found;
}

}  // namespace sovmesh::control
