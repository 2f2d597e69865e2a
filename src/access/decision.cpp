#include "access/decision.h"

#include <algorithm>
#include <iterator>

namespace sovmesh::access {
namespace {

constexpr std::string_view kLetters = "rcud";  // in the order of Action

struct Row {
  Resource resource;
  bool of_tenants;
  std::array<std::string_view, kRoles> may;  // letters for each Role
};

constexpr bool kT = true;   // its objects are tenants'
constexpr bool kP = false;  // the platform's

using enum Resource;
// THE table. In the order of the enum; a column for each Role, in the order of that enum.
constexpr Row kTable[] = {
    // clang-format off
    //                          platform-       auditor      tenant-
    //                          admin   operator     finance admin   developer viewer
    {tenants,              kT, {"rcud", "rcud", "r",   "r", "r",    "r",    "r"}},
    {settings,             kT, {"ru",   "ru",   "r",   "",  "ru",   "r",    "r"}},
    {projects,             kT, {"rcud", "rcud", "r",   "r", "rcud", "r",    "r"}},
    {keys,                 kT, {"rcud", "rcud", "r",   "",  "rcud", "r",    "r"}},
    {own_keys,             kT, {"rcud", "rcud", "r",   "",  "rcud", "rcud", "r"}},
    {limits,               kT, {"rcud", "rcud", "r",   "r", "r",    "r",    "r"}},
    {sub_limits,           kT, {"rcud", "rcud", "r",   "r", "rcud", "r",    "r"}},
    {models,               kT, {"rcud", "rcud", "r",   "r", "r",    "r",    "r"}},
    {artifacts,            kP, {"rcud", "rcud", "r",   "",  "",     "",     ""}},
    {engines,              kP, {"rcud", "rcud", "r",   "",  "",     "",     ""}},
    {engine_logs,          kP, {"r",    "r",    "",    "",  "",     "",     ""}},
    {prices,               kP, {"r",    "r",    "r",   "r", "",     "",     ""}},
    {routes,               kP, {"rcud", "rcud", "r",   "",  "",     "",     ""}},
    {rollouts,             kP, {"rcud", "rcud", "r",   "",  "",     "",     ""}},
    {pools,                kP, {"rcud", "rcud", "r",   "r", "",     "",     ""}},
    {usage,                kT, {"r",    "r",    "r",   "r", "r",    "r",    "r"}},
    {statements,           kT, {"r",    "r",    "r",   "r", "r",    "",     ""}},
    {adjustments,          kT, {"c",    "",     "",    "c", "",     "",     ""}},
    {requests,             kT, {"r",    "r",    "r",   "",  "r",    "r",    ""}},
    {ledger,               kP, {"c",    "c",    "c",   "c", "",     "",     ""}},
    {system,               kP, {"r",    "r",    "r",   "r", "",     "",     ""}},
    {audit_entries,        kT, {"r",    "r",    "r",   "",  "r",    "",     ""}},
    {audit_checkpoints,    kP, {"rc",   "rc",   "rc",  "r", "r",    "",     ""}},
    {audit_holds,          kP, {"rcd",  "r",    "rcd", "",  "",     "",     ""}},
    {audit_erasures,       kP, {"c",    "",     "c",   "",  "",     "",     ""}},
    {audit_upkeep,         kP, {"c",    "c",    "",    "",  "",     "",     ""}},
    {audit_log,            kP, {"r",    "r",    "r",   "",  "",     "",     ""}},
    {users,                kT, {"rcud", "rcud", "r",   "",  "rcud", "",     ""}},
    {platform_users,       kT, {"rcud", "r",    "r",   "",  "",     "",     ""}},
    {memberships,          kT, {"rcud", "rcud", "r",   "",  "rcud", "",     ""}},
    {platform_memberships, kT, {"rcud", "r",    "r",   "",  "",     "",     ""}},
    {setup_tokens,         kP, {"c",    "",     "",    "",  "",     "",     ""}},
    {events,               kT, {"r",    "r",    "r",   "",  "r",    "r",    "r"}},
    {webhooks,             kT, {"rcud", "rcud", "r",   "",  "rcud", "r",    "r"}},
    // clang-format on
};
constexpr std::array<std::string_view, kResources> kNames{// clang-format off
    "tenants", "settings", "projects", "keys", "own keys", "limits", "sub-limits", "models",
    "artifacts", "engines", "engine logs", "prices", "routes", "rollouts", "pools", "usage",
    "statements", "adjustments", "requests", "ledger", "system", "audit entries",
    "audit checkpoints", "audit holds", "audit erasures", "audit upkeep", "audit log", "users",
    "platform users", "memberships", "platform memberships", "setup tokens", "events",
    "webhooks"};
                                                          // clang-format on
consteval bool is_in_order() {
  for (std::size_t i = 0; i < std::size(kTable); ++i)
    if (kTable[i].resource != static_cast<Resource>(i)) return false;
  return std::size(kTable) == kResources;
}
static_assert(is_in_order());
consteval bool has_only_letters() {
  for (const Row& row : kTable)
    for (const std::string_view may : row.may)
      if (may.find_first_not_of(kLetters) != std::string_view::npos) return false;
  return true;
}
static_assert(has_only_letters());

const Row& row_of(Resource resource) { return kTable[static_cast<std::size_t>(resource)]; }

bool counts(const Grant& grant, Action action, const Row& row, const Owner& owner) {
  if (!allows(grant.role(), action, row.resource)) return false;
  return !grant.tenant() || !row.of_tenants || owner.is_any() || owner.is(*grant.tenant());
}

}  // namespace

std::string_view name(Action action) {
  constexpr std::array<std::string_view, kActions> kWords{"read", "create", "change", "remove"};
  return kWords.at(static_cast<std::size_t>(action));
}

std::string_view name(Resource resource) { return kNames.at(static_cast<std::size_t>(resource)); }

bool is_of_tenants(Resource resource) { return row_of(resource).of_tenants; }

bool allows(Role role, Action action, Resource resource) {
  const std::string_view may = row_of(resource).may.at(static_cast<std::size_t>(role));
  return may.contains(kLetters.at(static_cast<std::size_t>(action)));
}

Caller Caller::machine_owner() {
  Caller caller;
  caller.grants.push_back(*Grant::make(Role::platform_admin, std::nullopt));
  return caller;
}

Decision decide(const Caller& caller, Action action, Resource resource, const Owner& owner) {
  const Row& row = row_of(resource);
  const auto may = [&](Action wanted) {
    return std::ranges::any_of(
        caller.grants, [&](const Grant& grant) { return counts(grant, wanted, row, owner); });
  };
  if (may(action)) return {Decision::Verdict::allowed, "a role allows it"};
  if (caller.grants.empty())
    return {Decision::Verdict::forbidden, "you have no role yet: ask whoever made your account"};
  if (row.of_tenants && !owner.is_any() && !may(Action::read))
    return {Decision::Verdict::hidden, "it is not yours to see"};
  return {Decision::Verdict::forbidden, "none of your roles allows it"};
}

}  // namespace sovmesh::access
