#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/records.h"
#include "access/roles.h"
#include "base/ids.h"

namespace sovmesh::access {

enum class Action : std::uint8_t { read, create, change, remove };
constexpr std::size_t kActions = 4;
std::string_view name(Action action);

// Kinds of things that somebody may or may not touch.
enum class Resource : std::uint8_t {
  tenants,
  settings,  // what a tenant wants of its own requests
  projects,
  keys,
  own_keys,    // those whose owner is the caller
  limits,      // of a whole tenant, or of a pool
  sub_limits,  // of a project, user or key
  models,
  artifacts,
  engines,
  engine_logs,  // the last lines that an engine's process wrote
  prices,
  routes,
  rollouts,
  pools,
  usage,
  statements,
  adjustments,
  requests,
  ledger,
  system,
  audit_entries,
  audit_checkpoints,
  audit_holds,
  audit_erasures,
  audit_upkeep,    // another signing key, a note of a backup
  audit_log,       // its files: the entries of everybody
  users,           // whose memberships are in one tenant
  platform_users,  // who are more than that, or nothing yet
  memberships,
  platform_memberships,
  setup_tokens,
  events,
  webhooks,  // of a tenant's events; the platform's are of all
};
constexpr std::size_t kResources = 34;
std::string_view name(Resource resource);  // "own keys"

// Whose an object is.
class Owner {
 public:
  static Owner platform() { return Owner(Kind::platform, {}); }
  static Owner of(TenantId tenant) { return Owner(Kind::tenant, tenant); }
  // Nobody looked yet: of a list, or before an object is looked for.
  static Owner any() { return Owner(Kind::any, {}); }
  static Owner of(const std::optional<TenantId>& tenant) {
    return tenant ? of(*tenant) : platform();
  }

  bool is_any() const { return kind_ == Kind::any; }
  bool is(TenantId tenant) const { return kind_ == Kind::tenant && tenant_ == tenant; }

 private:
  enum class Kind : std::uint8_t { platform, tenant, any };
  Owner(Kind kind, TenantId tenant) : kind_(kind), tenant_(tenant) {}
  Kind kind_;
  TenantId tenant_;
};

// Who calls, and what he is where. Whoever proves who he is in another way only has to make one.
struct Caller {
  std::optional<UserId> user;  // nothing: the owner of the machine, or the admin token
  std::string login;
  std::vector<Grant> grants;

  static Caller nobody() { return {}; }
  static Caller machine_owner();  // a platform admin
};

struct Decision {
  enum class Verdict : std::uint8_t {
    allowed,
    hidden,    // as if there were no such thing: 404
    forbidden  // 403
  };
  Verdict verdict = Verdict::forbidden;
  std::string_view reason;

  bool is_allowed() const { return verdict == Verdict::allowed; }
};

// THE rule, over the table in decision.cpp; nothing else decides. Pure.
//
//   a role on the platform     counts for every owner
//   a role in a tenant         counts for what is that tenant's, and for what is the platform's and
//                              the table gives to it
//   no role allows it          hidden when the object is a tenant's (or a person's) and the caller
//                              may not even read it, else forbidden
Decision decide(const Caller& caller, Action action, Resource resource, const Owner& owner);

// Whether the resource's objects are those of tenants.
bool is_of_tenants(Resource resource);
// Whether the role alone, where it holds, allows it.
bool allows(Role role, Action action, Resource resource);

// The table as Markdown: a row for each resource, a column for each role.
std::string table_text();

}  // namespace sovmesh::access
