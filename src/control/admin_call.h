#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/decision.h"
#include "base/ids.h"
#include "base/result.h"
#include "store/audit.h"
#include "store/control_store.h"

namespace sovmesh::control {

struct AdminCall {
  std::string method;  // that of a HEAD is GET
  std::string path;    // still percent-encoded
  std::string query;   // without '?'
  std::optional<std::string> if_match;
  std::string body;
  // Who calls, as the transport has settled it.
  store::AdminEntry::Actor actor_type = store::AdminEntry::Actor::system;
  std::string actor;   // "uid:1000", "admin-token", "user:01J..."
  std::string source;  // "10.1.2.3", "socket"
  access::Caller caller = access::Caller::nobody();
  // Of a browser that is signed in.
  struct SignedIn {
    access::Session session;
    std::string csrf_token;
  };
  std::optional<SignedIn> signed_in = {};
  bool by_token = false;  // the caller is a user by one of his access tokens
};

struct AdminReply {
  int status = 200;
  std::string body;  // JSON
  std::string etag;  // the object's revision in quotes; empty for lists
  std::string content_type = "application/json";  // of the body
  std::string set_cookie = {};                    // for the browser; empty: none
};

// A call taken apart. Query parameters that nobody asked for are an error of the caller.
struct AdminRequest {
  const AdminCall& call;
  std::vector<std::string> path;             // behind /api/v1/, decoded
  std::map<std::string, std::string> query;  // decoded
  store::ControlStore* store;                // a write's: what it does there is one change
  UlidSource* ids = nullptr;                 // of writes only
  // What it wants, and of which kinds the object may turn out to be; the first one says what is
  // seen of tenants.
  access::Action action = access::Action::read;
  std::vector<access::Resource> resources = {};
  // Somebody decided about the object's owner: a write without that does not happen.
  bool is_decided = false;
  // Whose it was, and which user's, of what is gone when its entry is made.
  std::optional<TenantId> tenant = {};
  std::optional<std::string> user = {};
  // Of the object, where the path has somebody's name instead: names are not for the log.
  std::optional<std::string> object = {};
  // What a write changes, as it was, where no GET of its path shows that. JSON.
  std::optional<std::string> present = {};
  bool changes_nothing = false;  // so it has no entry
  // Made before the write's turn: of the password that the body has, empty where it breaks the
  // rules; and what the caller has proven to know the present password of.
  std::string password_hash = {};
  std::string confirmed_hash = {};
  // What a write does, and says, when it has taken effect. Cannot fail it any more.
  std::function<void(AdminReply&)> afterwards = {};

  std::optional<std::string> take(const std::string& name);
  Result<bool> take_flag(const std::string& name);  // absent: false
  Result<void> no_more_query() const;
  bool reads() const { return call.method == "GET"; }
  bool is(std::string_view method, std::size_t parts) const {
    return call.method == method && path.size() == parts;
  }
};

Error no_such_method(const AdminRequest& request);
// The revision to change: the present one, which If-Match, when given, must name.
Result<std::int64_t> revision(const AdminRequest& request, std::int64_t present);
// Of what is not there yet no If-Match can be right.
Result<void> must_want_new(const AdminRequest& request);
// Of what has no revision an If-Match can only want that it is there: call it when that is known.
Result<void> must_be_without_revision(const AdminRequest& request);
// A body of a path that names an object names the same one.
Result<void> must_be_name_of_path(const AdminRequest& request, const std::string& name,
                                  const char* param);

constexpr std::size_t kPageMax = 1'000;  // objects of one page
constexpr std::size_t kPageUsual = 100;

// What a list was asked for: `limit` and `after` of the query, and nothing else is left in it.
struct PageAsk {
  std::size_t limit = kPageUsual;
  std::optional<std::string> after;
};
Result<PageAsk> page_ask(AdminRequest& request);
std::string page_json(const std::vector<std::string>& shown,
                      const std::optional<std::string>& next);

// What a list is narrowed to: `managed_by`, and `q`, a part of one of the object's names.
struct Narrowing {
  std::optional<std::string> managed_by;
  std::optional<std::string> q;  // lower case

  bool fits(std::string_view its_owner, std::initializer_list<std::string_view> its_names) const;
};
Result<Narrowing> narrowing(AdminRequest& request);
// As objects say it of themselves.
std::string_view managed_by(const tenancy::Meta& meta);

// The page of `all`, sorted by their ids.
template <class T>
Result<AdminReply> page(AdminRequest& request, const std::vector<T>& all,
                        const std::function<std::string(const T&)>& id,
                        const std::function<std::string(const T&)>& show) {
  TRY(const PageAsk ask, page_ask(request));
  std::map<std::string, const T*> sorted;
  for (const T& object : all)
    sorted.emplace(id(object), &object);
  auto it = ask.after ? sorted.upper_bound(*ask.after) : sorted.begin();
  std::vector<std::string> shown;
  std::string last;
  for (; it != sorted.end() && shown.size() < ask.limit; ++it) {
    last = it->first;
    shown.push_back(show(*it->second));
  }
  const auto next = it == sorted.end() ? std::nullopt : std::optional(last);
  return AdminReply{.body = page_json(shown, next)};
}

// The same of those of `all` that are wanted, where `all` is long and in the order of the ids.
template <class T>
Result<AdminReply> page_in_order(AdminRequest& request, const std::vector<T>& all,
                                 const std::function<std::string(const T&)>& id,
                                 const std::function<bool(const T&)>& is_wanted,
                                 const std::function<std::string(const T&)>& show) {
  TRY(const PageAsk ask, page_ask(request));
  auto it = all.begin();
  if (ask.after)
    it = std::ranges::partition_point(all, [&](const T& one) { return id(one) <= *ask.after; });
  std::vector<std::string> shown;
  std::string last;
  std::optional<std::string> next;
  for (; it != all.end(); ++it) {
    if (!is_wanted(*it)) continue;
    if (shown.size() == ask.limit) {
      next = last;
      break;
    }
    last = id(*it);
    shown.push_back(show(*it));
  }
  return AdminReply{.body = page_json(shown, next)};
}

}  // namespace sovmesh::control
