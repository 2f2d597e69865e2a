#include "control/admin_people.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "access/password_rules.h"
#include "control/admin_access.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/json_text.h"

namespace sovmesh::control {
namespace {

using access::Action;
using access::Membership;
using access::Owner;
using access::Resource;
using access::Session;
using access::User;
using Memberships = std::vector<Membership>;

constexpr std::size_t kDisplayNameMax = 128;
constexpr std::size_t kTenantUsersMax = 1'000;  // memberships, where its own people give them

Owner owner_of(const Membership& membership) { return Owner::of(membership.grant.tenant()); }

Resource user_resource(const access::Grant& grant) {
  return grant.tenant() ? Resource::users : Resource::platform_users;
}
Resource membership_resource(const access::Grant& grant) {
  return grant.tenant() ? Resource::memberships : Resource::platform_memberships;
}

bool is_self(const AdminRequest& request, access::UserId user) {
  return request.call.caller.user == user;
}

bool sees_membership(const AdminRequest& request, const Membership& membership) {
  return is_self(request, membership.user) ||
         may(request, Action::read, membership_resource(membership.grant), owner_of(membership))
             .has_value();
}

bool sees_person(const AdminRequest& request, access::UserId user, const Memberships& all) {
  if (is_self(request, user)) return true;
  if (may(request, Action::read, Resource::platform_users, Owner::platform())) return true;
  return std::ranges::any_of(all, [&](const Membership& membership) {
    return may(request, Action::read, user_resource(membership.grant), owner_of(membership))
        .has_value();
  });
}

std::unexpected<Error> no_such_user(std::string_view name) {
  return client_error(Code::not_found, fmt::format("there is no user '{}'", name));
}

Result<void> put_display_name(const std::optional<std::string>& name, User& user) {
  if (!name) return {};
  const bool has_controls = std::ranges::any_of(
      *name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name->empty() || name->size() > kDisplayNameMax || has_controls)
    return client_error(Code::invalid_value,
                        fmt::format("want 1..{} bytes on one line", kDisplayNameMax),
                        "display_name");
  user.display_name = *name;
  return {};
}

// What a caller says of a role and where it holds.
Result<access::Grant> grant_of(const std::string& role, const std::optional<std::string>& tenant,
                               const store::ControlData& data) {
  const auto parsed = access::parse_role(role);
  if (!parsed) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < access::kRoles; ++i)
      names.push_back(access::name(static_cast<access::Role>(i)));
    return client_error(Code::invalid_value, fmt::format("want one of {}", fmt::join(names, ", ")),
                        "role");
  }
  std::optional<TenantId> where;
  if (tenant) {
    auto found = find_tenant(data, *tenant);
    if (!found) return fail(std::move(found).error().with_param("tenant"));
    where = found->id;
  }
  return access::Grant::make(*parsed, where);
}

// Before a tenant's own people give another role in it.
Result<void> check_room(const AdminRequest& request, const access::Grant& grant) {
  if (sees_all(request) || !grant.tenant()) return {};
  TRY(const Memberships all, request.store->memberships());
  const auto there = std::ranges::count_if(
      all, [&](const Membership& one) { return one.grant.tenant() == grant.tenant(); });
  if (std::cmp_less(there, kTenantUsersMax)) return {};
  return client_error(Code::conflict,
                      fmt::format("the tenant has {} memberships already", kTenantUsersMax));
}

Result<void> note_password(AdminRequest& request, access::UserId user) {
  const bool is_trusted =
      may(request, Action::create, Resource::platform_memberships, Owner::platform()).has_value();
  return is_trusted ? request.store->put_value(trust_of(user), "1")
                    : request.store->remove_value(trust_of(user));
}

// Whether `grant` is beyond people who may vouch for the account so far: the person is nothing yet
// where it holds, nor on the platform.
bool is_beyond(const access::Grant& grant, const Memberships& memberships) {
  return std::ranges::none_of(memberships, [&](const Membership& one) {
    return !one.grant.tenant() || one.grant.tenant() == grant.tenant();
  });
}

// Takes away what somebody who could not have given a role may know: a password that no platform
// admin has set, and tokens that none has made.
struct Taken {
  bool password = false;
  std::int64_t tokens = 0;
};
Result<Taken> take_what_others_know(AdminRequest& request, User user) {
  Taken taken;
  TRY(taken.tokens, request.store->remove_tokens(user.id, true));
  TRY(const auto trust, request.store->get_value(trust_of(user.id)));
  taken.password = !trust && !user.password_hash.empty();
  if (!taken.password) return taken;
  user.password_hash.clear();
  TRY_VOID(request.store->update(user));
  TRY_VOID(request.store->end_sessions(user.id, std::nullopt));
  return taken;
}

// As it is stored now: its revision grows with its memberships.
Result<User> present_user(AdminRequest& request, access::UserId id) {
  TRY(const std::optional<User> user, request.store->user(id));
  if (!user) return client_error(Code::not_found, "the user is gone");
  return *user;
}

// What a caller may say of a user.
struct UserFields {
  std::optional<std::string> login;
  std::optional<std::string> display_name;
  std::optional<std::string> password;

  static UserFields read(JsonBody& body) {
    return {.login = body.text("login"),
            .display_name = body.text("display_name"),
            .password = body.text("password")};
  }
};

struct NewUser {
  UserFields fields;
  access::UserKind kind = access::UserKind::person;
  std::optional<std::string> role;
  std::optional<std::string> tenant;

  static Result<NewUser> read(const AdminRequest& request) {
    JsonBody body(request.call.body);
    NewUser out;
    out.fields.login = body.required_text("login");
    out.fields.display_name = body.text("display_name");
    out.fields.password = body.text("password");
    const std::string kind = body.text("kind").value_or("person");
    out.role = body.text("role");
    out.tenant = body.text("tenant");
    TRY_VOID(body.done());
    const auto parsed = access::parse_user_kind(kind);
    if (!parsed) return client_error(Code::invalid_value, "want person or service", "kind");
    out.kind = *parsed;
    return out;
  }
};

struct UserChange {
  UserFields fields;
  std::optional<bool> disabled;
  std::string current_password;
  bool is_empty = false;

  static Result<UserChange> read(const AdminRequest& request) {
    JsonBody body(request.call.body);
    UserChange out;
    out.fields = UserFields::read(body);
    out.disabled = body.flag("disabled");
    out.current_password = body.text("current_password").value_or("");
    TRY_VOID(body.done());
    out.is_empty = body.is_empty();
    return out;
  }
};

// Puts in what prepare() has made of it.
Result<void> put_password(const AdminRequest& request, const std::string& password, User& user) {
  if (user.kind == access::UserKind::service)
    return client_error(Code::invalid_value,
                        "a service account has no password: make an access token for it",
                        "password");
  TRY_VOID(access::check_password(password, user.login));
  if (request.password_hash.empty())
    return client_error(Code::conflict, "the user changed meanwhile: try again");
  user.password_hash = request.password_hash;
  return {};
}

// The keys whose owner this person is: in the tenants where there is a role, by the login. What the
// file declares changes there alone.
Result<std::vector<tenancy::Key>> keys_of(AdminRequest& request, const std::string& login,
                                          const Memberships& memberships) {
  TRY(store::ControlData data, request.store->load());
  data.keys.erase_if([&](const tenancy::Key& key) {
    return key.owner != login || key.meta.ownership.by != tenancy::Ownership::By::api ||
           std::ranges::none_of(memberships, [&](const Membership& one) {
             return one.grant.tenant() == key.tenant;
           });
  });
  return std::move(data.keys).take();
}

// Whoever is out is out with all that would still speak for him, and leaves nothing to somebody who
// gets the login later.
Result<void> revoke_keys(AdminRequest& request, const std::string& login,
                         const Memberships& memberships, WallTime now) {
  TRY(std::vector<tenancy::Key> keys, keys_of(request, login, memberships));
  for (tenancy::Key& key : keys) {
    if (key.revoked_at) continue;
    key.revoked_at = now;
    TRY_VOID(request.store->update(key));
  }
  return {};
}

Result<void> rename_owner(AdminRequest& request, const std::string& from, const std::string& to,
                          const Memberships& memberships) {
  TRY(std::vector<tenancy::Key> keys, keys_of(request, from, memberships));
  for (tenancy::Key& key : keys) {
    key.owner = to;
    TRY_VOID(request.store->update(key));
  }
  return {};
}

std::string session_line(const Session& session, bool is_current) {
  return JsonText()
      .text("id", session.id.value.text())
      .time("created_at", session.created_at)
      .time("seen_at", session.seen_at)
      .time("expires_at", session.expires_at)
      .text("user_agent", std::string_view(session.user_agent))
      .text("source", std::string_view(session.source))
      .flag("current", is_current)
      .end();
}

}  // namespace

Result<void> may_manage(AdminRequest& request, Action action, const Memberships& memberships) {
  if (memberships.empty())
    TRY_VOID(may(request, action, Resource::platform_users, Owner::platform()));
  for (const Membership& membership : memberships) {
    if (may(request, action, user_resource(membership.grant), owner_of(membership))) continue;
    return client_error(Code::insufficient_permissions,
                        "this person has roles beyond those that you may give: only somebody who "
                        "may give all of them may do this");
  }
  request.is_decided = true;
  return {};
}

std::string trust_of(access::UserId user) { return "password_by_platform/" + user.value.text(); }

WallTime AdminPeople::now() const { return logins_.parts().clock.wall_now(); }

Result<std::vector<store::AuditSubject>> AdminPeople::known_as(const AdminRequest& request,
                                                               const std::string& name) const {
  std::vector<store::AuditSubject> out;
  const auto person = find_user(request, name);
  if (!person && person.error().code() == Code::not_found) return out;
  if (!person) return fail(person.error());
  const std::string& login = person->user.login;
  out.push_back({.tenant = std::nullopt, .id = login});
  out.push_back({.tenant = std::nullopt, .id = "user:" + person->user.id.value.text()});
  for (const Membership& one : person->memberships)
    if (one.grant.tenant()) out.push_back({.tenant = one.grant.tenant(), .id = login});
  return out;
}

Result<AdminPeople::Person> AdminPeople::find_user(const AdminRequest& request,
                                                   const std::string& name) const {
  std::optional<User> user;
  if (const auto id = Ulid::parse(name); id) {
    TRY(user, request.store->user({*id}));
  } else if (const auto login = access::parse_login(name); login) {
    TRY(user, request.store->user_named(*login));
  }
  if (!user) return no_such_user(name);
  Person person{.user = *std::move(user)};
  TRY(person.memberships, request.store->memberships_of(person.user.id));
  if (!sees_person(request, person.user.id, person.memberships)) return no_such_user(name);
  return person;
}

Result<std::vector<AdminPeople::Person>> AdminPeople::seen_users(
    const AdminRequest& request) const {
  TRY(std::vector<User> users, request.store->users());
  TRY(Memberships all, request.store->memberships());
  std::map<access::UserId, Memberships> by_user;
  for (Membership& membership : all)
    by_user[membership.user].push_back(std::move(membership));
  std::vector<Person> out;
  for (User& user : users) {
    Memberships& own = by_user[user.id];
    if (sees_person(request, user.id, own))
      out.push_back({.user = std::move(user), .memberships = std::move(own)});
  }
  return out;
}

Result<AdminReply> AdminPeople::show(const AdminRequest& request, const Person& person,
                                     int status) const {
  TRY(const store::ControlData data, request.store->load());
  Memberships shown = person.memberships;
  std::erase_if(shown, [&](const Membership& one) { return !sees_membership(request, one); });
  return AdminReply{status, user_json(person.user, shown, data),
                    etag_of(person.user.meta.revision)};
}

Result<AdminReply> AdminPeople::users(AdminRequest& request) {
  if (request.is("GET", 1)) return list_users(request);
  if (request.is("POST", 1)) return create_user(request);
  if (request.path.size() < 2) return fail(no_such_method(request));
  TRY(Person person, find_user(request, request.path[1]));
  request.object = person.user.id.value.text();
  request.tenant = only_tenant(person.memberships);
  if (request.path.size() > 2)
    return request.path[2] == "tokens" ? tokens_of(request, person) : sessions_of(request, person);
  TRY_VOID(request.no_more_query());
  if (request.call.method == "GET") return show(request, person, 200);
  if (request.call.method == "PATCH") return change_user(request, std::move(person));
  if (request.call.method == "DELETE") return remove_user(request, person);
  return fail(no_such_method(request));
}

Result<AdminReply> AdminPeople::list_users(AdminRequest& request) {
  const auto tenant = request.take("tenant");
  TRY(const Narrowing only, narrowing(request));
  TRY(const store::ControlData data, load_seen(request));
  TRY(std::vector<Person> wanted, seen_users(request));
  std::erase_if(wanted, [&](const Person& person) {
    return !only.fits(managed_by(person.user.meta), {person.user.login, person.user.display_name});
  });
  if (tenant) {
    TRY(const tenancy::Tenant of, find_tenant(data, *tenant));
    std::erase_if(wanted, [&](const Person& person) {
      return std::ranges::none_of(person.memberships, [&](const Membership& membership) {
        return membership.grant.tenant() == of.id;
      });
    });
  }
  return page<Person>(
      request, wanted, [](const Person& person) { return person.user.id.value.text(); },
      [&](const Person& person) {
        Memberships shown = person.memberships;
        std::erase_if(shown, [&](const Membership& one) { return !sees_membership(request, one); });
        return user_json(person.user, shown, data);
      });
}

Result<void> AdminPeople::prepare(AdminRequest& request) {
  const bool makes = request.is("POST", 1);
  if (!makes && !request.is("PATCH", 2)) return {};
  std::string login;
  std::optional<std::string> password;
  if (makes) {
    TRY(const NewUser wanted, NewUser::read(request));
    password = wanted.fields.password;
    login = *wanted.fields.login;
  } else {
    TRY(const UserChange wanted, UserChange::read(request));
    password = wanted.fields.password;
    const auto person = find_user(request, request.path[1]);
    if (!password || !person) return {};  // the turn says so
    login = wanted.fields.login.value_or(person->user.login);
    // Slowed as a login is, and as long.
    const bool has_one = !person->user.password_hash.empty();
    if (is_self(request, person->user.id) && has_one && !request.call.by_token) {
      TRY_VOID(logins_.confirm(person->user, wanted.current_password, request.call.source));
      request.confirmed_hash = person->user.password_hash;
    }
  }
  const auto parsed = access::parse_login(login);
  if (!password || !parsed || !access::check_password(*password, *parsed)) return {};
  TRY(request.password_hash, logins_.hash(*password, *parsed));
  return {};
}

// With a first role, without which a tenant's administrator would not see whom he made.
Result<AdminReply> AdminPeople::create_user(AdminRequest& request) {
  TRY(const NewUser wanted, NewUser::read(request));
  const auto& [fields, kind, role, tenant] = wanted;
  TRY_VOID(request.no_more_query());
  TRY_VOID(must_want_new(request));
  TRY(const std::string login, access::parse_login(*fields.login));
  TRY(const store::ControlData data, load_seen(request));
  if (tenant && !role)
    return client_error(Code::missing_required_parameter, "say which role in the tenant", "role");
  std::optional<access::Grant> grant;
  if (role) {
    TRY(grant, grant_of(*role, tenant, data));
    TRY_VOID(may(request, membership_resource(*grant), Owner::of(grant->tenant())));
    TRY_VOID(may(request, user_resource(*grant), Owner::of(grant->tenant())));
    TRY_VOID(check_room(request, *grant));
  } else {
    TRY_VOID(may(request, Resource::platform_users, Owner::platform()));
  }
  TRY(const std::vector<User> all, request.store->users());
  if (all.size() >= access::kUsersMax)
    return client_error(Code::conflict, fmt::format("there are {} users already", all.size()));
  User user{.id = {request.ids->next()},
            .login = login,
            .display_name = login,
            .password_hash = {},
            .kind = kind};
  TRY_VOID(put_display_name(fields.display_name, user));
  if (request.call.by_token && kind == access::UserKind::person)
    return client_error(Code::insufficient_permissions,
                        "an access token makes no people, who would outlive it: sign in", "kind");
  if (fields.password) TRY_VOID(put_password(request, *fields.password, user));
  Person person;
  TRY(person.user, request.store->create(std::move(user)));
  if (fields.password) TRY_VOID(note_password(request, person.user.id));
  if (grant) {
    request.tenant = grant->tenant();
    TRY(Membership made,
        request.store->create(
            Membership{.id = {request.ids->next()}, .user = person.user.id, .grant = *grant}));
    person.memberships.push_back(std::move(made));
    TRY(person.user, present_user(request, person.user.id));
  }
  return show(request, person, 201);
}

Result<AdminReply> AdminPeople::change_user(AdminRequest& request, Person person) {
  TRY(const UserChange wanted, UserChange::read(request));
  const auto& [fields, disabled, current_password, is_empty] = wanted;
  User& user = person.user;
  const User before = user;
  const bool is_own = is_self(request, user.id);
  if (is_own && !fields.login && !disabled) {
    request.is_decided = true;  // his own name and password
  } else {
    TRY_VOID(may_manage(request, Action::change, person.memberships));
  }
  if (fields.password && request.call.by_token)
    return client_error(Code::insufficient_permissions,
                        "an access token changes no passwords: sign in", "password");
  if (is_own && disabled.value_or(false))
    return client_error(Code::conflict, "you cannot disable yourself", "disabled");
  TRY(user.meta.revision, revision(request, user.meta.revision));
  if (is_empty) return show(request, person, 200);
  if (fields.login) {
    TRY(user.login, access::parse_login(*fields.login));
  }
  TRY_VOID(put_display_name(fields.display_name, user));
  if (fields.password) {
    if (is_own && request.confirmed_hash != before.password_hash)
      return client_error(Code::conflict, "your password changed meanwhile: try again");
    TRY_VOID(put_password(request, *fields.password, user));
  }
  if (disabled) user.disabled = *disabled;
  TRY(user, request.store->update(user));
  if (user.login != before.login)
    TRY_VOID(rename_owner(request, before.login, user.login, person.memberships));
  if (user.disabled && !before.disabled)
    TRY_VOID(revoke_keys(request, user.login, person.memberships, now()));
  if (fields.password && !is_own) TRY_VOID(note_password(request, user.id));
  // Who had the old password, or is out, is out everywhere, with what he made to come back by; he
  // who changes his own stays.
  if (fields.password || user.disabled) {
    std::optional<access::SessionId> but;
    if (is_own && request.call.signed_in) but = request.call.signed_in->session.id;
    TRY_VOID(request.store->end_sessions(user.id, but));
    TRY_VOID(request.store->remove_tokens(user.id, false));
  }
  return show(request, person, 200);
}

Result<AdminReply> AdminPeople::remove_user(AdminRequest& request, const Person& person) {
  TRY_VOID(may_manage(request, Action::remove, person.memberships));
  if (is_self(request, person.user.id))
    return client_error(Code::conflict, "you cannot delete yourself: somebody else can");
  TRY(const std::int64_t at, revision(request, person.user.meta.revision));
  TRY_VOID(revoke_keys(request, person.user.login, person.memberships, now()));
  TRY_VOID(request.store->remove_value(trust_of(person.user.id)));
  TRY_VOID(request.store->remove(person.user.id, at));
  return AdminReply{.status = 204};
}

// users/{id}/sessions[/{id}]
Result<AdminReply> AdminPeople::sessions_of(AdminRequest& request, const Person& person) {
  if (request.path[2] != "sessions" || request.path.size() > 4)
    return client_error(Code::unknown_url, "there is no such resource");
  if (is_self(request, person.user.id)) {
    request.is_decided = true;
  } else {
    TRY_VOID(
        may_manage(request, request.reads() ? Action::read : Action::change, person.memberships));
  }
  if (request.is("GET", 3)) {
    TRY(std::vector<Session> all, request.store->sessions_of(person.user.id));
    std::erase_if(all, [&](const Session& session) { return session.is_over(now()); });
    const auto& current = request.call.signed_in;
    return page<Session>(
        request, all, [](const Session& session) { return session.id.value.text(); },
        [&](const Session& session) {
          return session_line(session, current && current->session.id == session.id);
        });
  }
  TRY_VOID(request.no_more_query());
  if (request.call.method != "DELETE") return fail(no_such_method(request));
  TRY_VOID(must_be_without_revision(request));
  if (request.path.size() == 3) {
    TRY_VOID(request.store->end_sessions(person.user.id, std::nullopt));
    return AdminReply{.status = 204};
  }
  const auto id = Ulid::parse(request.path[3]);
  if (!id) return client_error(Code::not_found, "there is no such session");
  TRY_VOID(request.store->end_session(person.user.id, {*id}));
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminPeople::memberships(AdminRequest& request) {
  if (request.is("GET", 1)) return list_memberships(request);
  if (request.is("POST", 1)) return create_membership(request);
  if (request.path.size() != 2) return fail(no_such_method(request));
  TRY_VOID(request.no_more_query());
  TRY(const Memberships all, request.store->memberships());
  const auto found = std::ranges::find_if(all, [&](const Membership& one) {
    return one.id.value.text() == request.path[1] && sees_membership(request, one);
  });
  if (found == all.end())
    return client_error(Code::not_found,
                        fmt::format("there is no membership '{}'", request.path[1]));
  if (request.call.method == "DELETE") return remove_membership(request, *found);
  if (request.call.method != "GET") return fail(no_such_method(request));
  TRY(const store::ControlData data, request.store->load());
  return AdminReply{.body = membership_json(*found, data), .etag = etag_of(found->meta.revision)};
}

Result<AdminReply> AdminPeople::list_memberships(AdminRequest& request) {
  const auto tenant = request.take("tenant");
  const auto user = request.take("user");
  TRY(const store::ControlData data, load_seen(request));
  TRY(Memberships wanted, request.store->memberships());
  std::erase_if(wanted, [&](const Membership& one) { return !sees_membership(request, one); });
  if (tenant) {
    TRY(const tenancy::Tenant of, find_tenant(data, *tenant));
    std::erase_if(wanted, [&](const Membership& one) { return one.grant.tenant() != of.id; });
  }
  if (user) {
    TRY(const Person person, find_user(request, *user));
    std::erase_if(wanted, [&](const Membership& one) { return one.user != person.user.id; });
  }
  return page<Membership>(
      request, wanted, [](const Membership& one) { return one.id.value.text(); },
      [&](const Membership& one) { return membership_json(one, data); });
}

Result<AdminReply> AdminPeople::create_membership(AdminRequest& request) {
  JsonBody body(request.call.body);
  const std::string user = body.required_text("user");
  const std::string role = body.required_text("role");
  const auto tenant = body.text("tenant");
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY_VOID(must_want_new(request));
  TRY(const store::ControlData data, load_seen(request));
  TRY(const access::Grant grant, grant_of(role, tenant, data));
  TRY_VOID(may(request, membership_resource(grant), Owner::of(grant.tenant())));
  TRY(Person person, find_user(request, user));
  TRY_VOID(check_room(request, grant));
  if (person.memberships.size() >= access::kMembershipsMax)
    return client_error(Code::conflict,
                        fmt::format("the user has {} roles already", access::kMembershipsMax));
  request.tenant = grant.tenant();
  TRY(const Membership made,
      request.store->create(
          Membership{.id = {request.ids->next()}, .user = person.user.id, .grant = grant}));
  Taken taken;
  if (is_beyond(grant, person.memberships)) {
    TRY(const User account, present_user(request, person.user.id));
    TRY(taken, take_what_others_know(request, account));
  }
  return AdminReply{201, membership_json(made, data, taken.password, taken.tokens),
                    etag_of(made.meta.revision)};
}

Result<AdminReply> AdminPeople::remove_membership(AdminRequest& request,
                                                  const Membership& membership) {
  TRY_VOID(may(request, membership_resource(membership.grant), owner_of(membership)));
  // Another administrator is left that way; the owner of the machine has no need of one.
  if (is_self(request, membership.user) && membership.grant.role() == access::Role::platform_admin)
    return client_error(Code::conflict,
                        "you cannot take platform-admin from yourself: another one can");
  TRY(const Memberships all, request.store->memberships_of(membership.user));
  if (all.size() == 1 && !may(request, Action::change, Resource::platform_users, Owner::platform()))
    return client_error(Code::conflict,
                        "it is the user's last role, without which you would not see the user any "
                        "more: delete the user");
  TRY(const std::int64_t at, revision(request, membership.meta.revision));
  request.tenant = membership.grant.tenant();
  TRY_VOID(request.store->remove(membership.id, at));
  return AdminReply{.status = 204};
}

// GET says who the caller is and what he may; DELETE signs him out.
Result<AdminReply> AdminPeople::session(AdminRequest& request) {
  TRY_VOID(request.no_more_query());
  const AdminCall& call = request.call;
  if (request.is("GET", 1)) {
    TRY(const store::ControlData data, request.store->load());
    if (!call.caller.user) return AdminReply{.body = session_json(data, call.caller, nullptr)};
    TRY(const std::optional<User> user, request.store->user(*call.caller.user));
    if (!user) return client_error(Code::invalid_api_key, "the session is over");
    Logins::Shown shown{.user = *user};
    if (call.signed_in) {
      shown.session = call.signed_in->session;
      shown.csrf_token = call.signed_in->csrf_token;
    }
    TRY(shown.memberships, request.store->memberships_of(user->id));
    return AdminReply{.body = session_json(data, call.caller, &shown)};
  }
  if (!request.is("DELETE", 1)) return fail(no_such_method(request));
  if (!call.signed_in)
    return client_error(Code::not_found, "there is no session: a token does not sign in");
  TRY_VOID(must_be_without_revision(request));
  request.is_decided = true;
  const Session& session = call.signed_in->session;
  if (store::Audit* const audit = logins_.parts().audit; audit != nullptr) {
    store::AdminEntry entry;
    entry.action = "session.ended";
    entry.actor_type = call.actor_type;
    entry.actor = call.actor;
    entry.object = "session/" + session.id.value.text();
    TRY_VOID(audit->append(std::move(entry)));
  }
  TRY_VOID(request.store->end_session(session.user, session.id));
  return AdminReply{.status = 204};
}

// POST setup/token: another one-time token that makes a platform admin.
Result<AdminReply> AdminPeople::setup(AdminRequest& request) {
  if (request.path != std::vector<std::string>{"setup", "token"})
    return client_error(Code::unknown_url, "there is no such resource");
  if (request.call.method != "POST") return fail(no_such_method(request));
  if (request.call.by_token)
    return client_error(Code::insufficient_permissions,
                        "an access token makes no setup token, who uses it would outlive it: "
                        "sign in");
  TRY_VOID(request.no_more_query());
  TRY_VOID(JsonBody(request.call.body).done());
  TRY_VOID(must_want_new(request));
  if (store::Audit* const audit = logins_.parts().audit; audit != nullptr) {
    store::AdminEntry entry;
    entry.action = "setup.token";
    entry.actor_type = request.call.actor_type;
    entry.actor = request.call.actor;
    TRY_VOID(audit->append(std::move(entry)));
  }
  TRY(const Secret token, logins_.new_setup_token());
  const WallTime until = logins_.parts().clock.wall_now() + Logins::kSetupTokenLife;
  return AdminReply{
      .status = 201,
      .body = JsonText().text("token", token.reveal()).time("expires_at", until).end()};
}

}  // namespace sovmesh::control
