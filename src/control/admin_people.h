#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/records.h"
#include "base/result.h"
#include "control/access_tokens.h"
#include "control/admin_call.h"
#include "control/logins.h"
#include "store/audit.h"

namespace sovmesh::control {

// Users, their memberships, sessions and access tokens in the admin API. A tenant's administrator
// sees and manages those who are in the tenant alone; whoever may give a role may manage those who
// have it.
class AdminPeople {
 public:
  AdminPeople(Logins& logins, AccessTokens& tokens) : logins_(logins), tokens_(tokens) {}

  // Before a write's turn: what takes long and much memory, hashing a password. Whether the caller
  // may set it is decided in the turn.
  Result<void> prepare(AdminRequest& request);

  Result<AdminReply> users(AdminRequest& request);
  Result<AdminReply> memberships(AdminRequest& request);
  Result<AdminReply> session(AdminRequest& request);  // the caller's own
  Result<AdminReply> setup(AdminRequest& request);

  // What the audit log, and holds on it, may call a user; the login comes first. Nothing where the
  // caller sees no such user.
  Result<std::vector<store::AuditSubject>> known_as(const AdminRequest& request,
                                                    const std::string& name) const;

 private:
  struct Person {
    access::User user;
    std::vector<access::Membership> memberships;  // all of them
  };
  Result<Person> find_user(const AdminRequest& request, const std::string& name) const;
  Result<std::vector<Person>> seen_users(const AdminRequest& request) const;
  Result<AdminReply> list_users(AdminRequest& request);
  Result<AdminReply> create_user(AdminRequest& request);
  Result<AdminReply> change_user(AdminRequest& request, Person person);
  Result<AdminReply> remove_user(AdminRequest& request, const Person& person);
  Result<AdminReply> sessions_of(AdminRequest& request, const Person& person);
  // admin_tokens.cpp
  Result<AdminReply> tokens_of(AdminRequest& request, const Person& person);
  Result<AdminReply> create_token(AdminRequest& request, const Person& person);
  Result<AdminReply> list_memberships(AdminRequest& request);
  Result<AdminReply> create_membership(AdminRequest& request);
  Result<AdminReply> remove_membership(AdminRequest& request, const access::Membership& membership);
  WallTime now() const;
  Result<AdminReply> show(const AdminRequest& request, const Person& person, int status) const;

  Logins& logins_;
  AccessTokens& tokens_;
};

// Whoever may do it to each of a person's roles may do it to the person: decides the request.
Result<void> may_manage(AdminRequest& request, access::Action action,
                        const std::vector<access::Membership>& memberships);
// Of a password that somebody who may give every role has set: the name of the value that says so.
// Whoever changes his own does not change whose word the account rests on.
std::string trust_of(access::UserId user);

}  // namespace sovmesh::control
