#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "access/decision.h"

// Every caller x resource x action x owner, against an expectation that was written for people and
// shares nothing with the table: for each role what it is there for, in words.
namespace sovmesh::access {
namespace {

using Verdict = Decision::Verdict;
using Decide = std::function<Decision(const Caller&, Action, Resource, const Owner&)>;

const TenantId kAurora{Ulid::from_bytes({1})};
const TenantId kBorealis{Ulid::from_bytes({2})};
const TenantId kStranger{Ulid::from_bytes({3})};  // nobody is a member of it

using Set = std::set<std::pair<std::string, Action>>;  // resource's name

Set all_of(const std::vector<std::string>& names, const std::vector<Action>& actions) {
  Set out;
  for (const std::string& name : names)
    for (const Action action : actions)
      out.emplace(name, action);
  return out;
}
Set operator+(Set a, const Set& b) {
  a.insert(b.begin(), b.end());
  return a;
}
Set operator-(Set a, const Set& b) {
  for (const auto& one : b)
    a.erase(one);
  return a;
}

const std::vector<Action> kRead{Action::read};
const std::vector<Action> kWrite{Action::create, Action::change, Action::remove};
const std::vector<Action> kEverything{Action::read, Action::create, Action::change, Action::remove};

// What a tenant has and everybody in it may look at.
const std::vector<std::string> kOfATenant{"tenants", "projects",   "keys",   "own keys",
                                          "limits",  "sub-limits", "models", "usage",
                                          "events",  "webhooks"};
// What is written by hand at all.
const std::vector<std::string> kMade{"tenants",    "projects", "keys",      "own keys", "limits",
                                     "sub-limits", "models",   "artifacts", "engines",  "routes",
                                     "rollouts",   "pools",    "webhooks"};
const Set kSettings = all_of({"settings"}, {Action::read, Action::change});
const std::vector<std::string> kPeople{"users", "memberships"};
const std::vector<std::string> kPlatformPeople{"platform users", "platform memberships"};

Set operator_set() {
  return all_of(kMade, kEverything) + kSettings + all_of(kPeople, kEverything) +
         all_of(kPlatformPeople, kRead) +
         all_of({"prices", "usage", "statements", "requests", "events", "system", "engine logs",
                 "audit entries", "audit checkpoints", "audit holds", "audit log"},
                kRead) +
         all_of({"ledger", "audit checkpoints", "audit upkeep"}, {Action::create});
}

Set make_set(Role role) {
  switch (role) {
    case Role::platform_admin:
      return operator_set() + all_of(kPlatformPeople, kEverything) +
             all_of({"adjustments", "audit holds", "audit erasures", "setup tokens"},
                    {Action::create}) +
             all_of({"audit holds"}, {Action::remove});
    case Role::platform_operator:
      return operator_set();
    case Role::auditor:  // sees everything, changes nothing but holds, erasures and notes of the
                         // log
      return all_of(kMade, kRead) + all_of({"settings"}, kRead) + all_of(kPeople, kRead) +
             all_of(kPlatformPeople, kRead) +
             all_of({"prices", "usage", "statements", "requests", "events", "system",
                     "audit entries", "audit checkpoints", "audit holds", "audit log"},
                    kRead) +
             all_of({"ledger", "audit checkpoints", "audit holds", "audit erasures"},
                    {Action::create}) +
             all_of({"audit holds"}, {Action::remove});
    case Role::finance:  // money, and what it is made of; no keys, no texts, no people
      return all_of({"tenants", "projects", "limits", "sub-limits", "models", "prices", "pools",
                     "usage", "statements", "system", "audit checkpoints"},
                    kRead) +
             all_of({"adjustments", "ledger"}, {Action::create});
    case Role::tenant_admin:
      return all_of(kOfATenant, kRead) + kSettings + all_of(kPeople, kEverything) +
             all_of({"projects", "keys", "own keys", "sub-limits", "webhooks"}, kWrite) +
             all_of({"statements", "requests", "audit entries", "audit checkpoints"}, kRead);
    case Role::tenant_developer:
      return all_of(kOfATenant, kRead) + all_of({"own keys"}, kWrite) +
             all_of({"requests", "settings"}, kRead);
    case Role::tenant_viewer:
      return all_of(kOfATenant, kRead) + all_of({"settings"}, kRead) - all_of({"requests"}, kRead);
  }
  return {};
}

const Set& may(Role role) {
  static const std::vector<Set> kSets = [] {
    std::vector<Set> sets;
    for (std::size_t i = 0; i < kRoles; ++i)
      sets.push_back(make_set(static_cast<Role>(i)));
    return sets;
  }();
  return kSets.at(static_cast<std::size_t>(role));
}

const std::set<std::string> kThePlatforms{"artifacts",   "engines",        "prices",
                                          "routes",      "rollouts",       "pools",
                                          "ledger",      "system",         "audit checkpoints",
                                          "audit holds", "audit erasures", "audit upkeep",
                                          "audit log",   "setup tokens",   "engine logs"};

Verdict expected(const std::vector<Grant>& grants, Action action, Resource resource,
                 const std::optional<std::optional<TenantId>>& owner) {
  const std::string what(name(resource));
  const bool platforms = kThePlatforms.contains(what);
  bool allowed = false;
  bool sees = false;
  for (const Grant& grant : grants) {
    const bool here = !grant.tenant() || platforms || !owner || *owner == grant.tenant();
    allowed = allowed || (here && may(grant.role()).contains({what, action}));
    sees = sees || (here && may(grant.role()).contains({what, Action::read}));
  }
  if (allowed) return Verdict::allowed;
  if (grants.empty() || platforms || !owner || sees) return Verdict::forbidden;
  return Verdict::hidden;
}

std::vector<std::vector<Grant>> callers() {
  std::vector<Grant> single;
  for (std::size_t i = 0; i < kRoles; ++i) {
    const auto role = static_cast<Role>(i);
    if (!is_of_tenant(role)) {
      single.push_back(*Grant::make(role, std::nullopt));
      continue;
    }
    for (const TenantId tenant : {kAurora, kBorealis})
      single.push_back(*Grant::make(role, tenant));
  }
  std::vector<std::vector<Grant>> out{{}};
  for (std::size_t i = 0; i < single.size(); ++i) {
    out.push_back({single[i]});
    for (std::size_t j = i + 1; j < single.size(); ++j)
      out.push_back({single[i], single[j]});
  }
  return out;
}

struct Walk {
  int cells = 0;
  int deviations = 0;
  std::string first;
};

Walk walk(const Decide& decide_it) {
  Walk out;
  const std::vector<std::optional<std::optional<TenantId>>> owners{
      std::nullopt, std::optional<TenantId>(), kAurora, kBorealis, kStranger};
  for (const std::vector<Grant>& grants : callers()) {
    Caller caller;
    caller.grants = grants;
    for (std::size_t r = 0; r < kResources; ++r) {
      for (std::size_t a = 0; a < kActions; ++a) {
        for (const auto& owner : owners) {
          const auto resource = static_cast<Resource>(r);
          const auto action = static_cast<Action>(a);
          const Decision decision =
              decide_it(caller, action, resource, owner ? Owner::of(*owner) : Owner::any());
          ++out.cells;
          if (decision.verdict == expected(grants, action, resource, owner)) continue;
          if (out.deviations++ == 0)
            out.first = std::string(name(action)).append(" ").append(name(resource)) + " as " +
                        (grants.empty() ? "nobody" : std::string(name(grants.front().role())));
        }
      }
    }
  }
  return out;
}

TEST(AccessMatrix, EveryCellIsAsItWasMeant) {
  const Walk walked = walk(decide);
  EXPECT_GE(walked.cells, 10'000);
  EXPECT_EQ(walked.deviations, 0) << "the first: " << walked.first;
}

// Defects of the kind that happen: each must be found.
TEST(AccessMatrix, PlantedDefectsAreFound) {
  const std::vector<std::pair<std::string, Decide>> defects{
      {"owners are not looked at",
       [](const Caller& caller, Action action, Resource resource, const Owner&) {
         return decide(caller, action, resource, Owner::any());
       }},
      {"foreign is told from unknown",
       [](const Caller& caller, Action action, Resource resource, const Owner& owner) {
         Decision decision = decide(caller, action, resource, owner);
         if (decision.verdict == Verdict::hidden) decision.verdict = Verdict::forbidden;
         return decision;
       }},
      {"only the first role counts",
       [](Caller caller, Action action, Resource resource, const Owner& owner) {
         if (caller.grants.size() > 1) caller.grants.pop_back();
         return decide(caller, action, resource, owner);
       }},
      {"who may read may remove, of one resource, for one role",
       [](const Caller& caller, Action action, Resource resource, const Owner& owner) {
         const bool here = resource == Resource::statements && caller.grants.size() == 1 &&
                           caller.grants[0].role() == Role::finance && action == Action::remove;
         return decide(caller, here ? Action::read : action, resource, owner);
       }},
      {"an operator is an administrator",
       [](Caller caller, Action action, Resource resource, const Owner& owner) {
         for (Grant& grant : caller.grants)
           if (grant.role() == Role::platform_operator)
             grant = *Grant::make(Role::platform_admin, std::nullopt);
         return decide(caller, action, resource, owner);
       }},
      {"nobody sees the platform",
       [](const Caller& caller, Action action, Resource resource, const Owner& owner) {
         if (caller.grants.empty()) return decide(Caller::machine_owner(), action, resource, owner);
         return decide(caller, action, resource, owner);
       }}};
  for (const auto& [name, defect] : defects)
    EXPECT_GT(walk(defect).deviations, 0) << name;
}

}  // namespace
}  // namespace sovmesh::access
