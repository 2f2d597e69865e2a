#include "access/decision.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace sovmesh::access {
namespace {

using Verdict = Decision::Verdict;

const TenantId kOurs{Ulid::from_bytes({1})};
const TenantId kTheirs{Ulid::from_bytes({2})};

Caller with(Role role, std::optional<TenantId> tenant = {}) {
  Caller caller;
  caller.grants.push_back(*Grant::make(role, tenant));
  return caller;
}

TEST(Decision, WhatIsForeignIsAsIfItWereNotThere) {
  const Caller caller = with(Role::tenant_admin, kOurs);
  EXPECT_EQ(decide(caller, Action::read, Resource::keys, Owner::of(kOurs)).verdict,
            Verdict::allowed);
  for (const Action action : {Action::read, Action::change, Action::remove})
    EXPECT_EQ(decide(caller, action, Resource::keys, Owner::of(kTheirs)).verdict, Verdict::hidden);
}

TEST(Decision, WhatIsOnlyToReadIsForbiddenToChange) {
  const Caller caller = with(Role::tenant_viewer, kOurs);
  EXPECT_EQ(decide(caller, Action::change, Resource::keys, Owner::of(kOurs)).verdict,
            Verdict::forbidden);
}

TEST(Decision, ARoleInOneTenantIsNoneInAnother) {
  Caller caller = with(Role::tenant_admin, kOurs);
  caller.grants.push_back(*Grant::make(Role::tenant_viewer, kTheirs));
  EXPECT_EQ(decide(caller, Action::create, Resource::keys, Owner::of(kOurs)).verdict,
            Verdict::allowed);
  EXPECT_EQ(decide(caller, Action::create, Resource::keys, Owner::of(kTheirs)).verdict,
            Verdict::forbidden);
  EXPECT_EQ(decide(caller, Action::create, Resource::keys, Owner::any()).verdict, Verdict::allowed);
}

TEST(Decision, WhatIsThePlatformsIsForbiddenAndNoSecret) {
  EXPECT_EQ(
      decide(with(Role::tenant_admin, kOurs), Action::read, Resource::engines, Owner::platform())
          .verdict,
      Verdict::forbidden);
}

TEST(Decision, AnOperatorMakesNoAdministrators) {
  const Caller caller = with(Role::platform_operator);
  EXPECT_FALSE(decide(caller, Action::create, Resource::platform_memberships, Owner::platform())
                   .is_allowed());
  EXPECT_FALSE(
      decide(caller, Action::change, Resource::platform_users, Owner::platform()).is_allowed());
}

TEST(Decision, NobodyMayNothing) {
  for (std::size_t i = 0; i < kResources; ++i)
    EXPECT_FALSE(decide(Caller::nobody(), Action::read, static_cast<Resource>(i), Owner::any())
                     .is_allowed());
}

TEST(Grant, TenantsRolesHaveATenantAndOthersHaveNone) {
  EXPECT_FALSE(Grant::make(Role::tenant_admin, std::nullopt));
  EXPECT_FALSE(Grant::make(Role::platform_admin, kOurs));
  for (std::size_t i = 0; i < kRoles; ++i) {
    const auto role = static_cast<Role>(i);
    EXPECT_EQ(parse_role(name(role)), role);
    EXPECT_NE(Grant::make(role, kOurs).has_value(), Grant::make(role, std::nullopt).has_value());
  }
}

// docs/access.md has the table that decides.
TEST(Decision, TheDocumentedTableIsTheOneThatDecides) {
  std::ifstream in(std::string(SM_SOURCE_DIR) + "/docs/access.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(text.contains(table_text())) << "docs/access.md wants this table:\n" << table_text();
}

}  // namespace
}  // namespace sovmesh::access
