#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/hash.h"
#include "control/admin_resources.h"
#include "tests/flow/access_world.h"

// Who may do what through the admin API.
namespace sovmesh::control {
namespace {

using access::Action;
using access::Decision;
using access::Owner;
using access::Resource;
using testing::HasSubstr;
using testing::Not;

class AdminAccessTest : public AccessWorld {
 protected:
  AdminAccessTest() {
    fill();
    for (const char* const tenant : {"aurora", "borealis"})
      must("POST", "webhooks",
           fmt_body(
               R"({"tenant":"%","name":"pager","url":"https://hooks.example/%","events":["*"]})",
               tenant));
  }
};

TEST_F(AdminAccessTest, ATenantsPeopleSeeNothingOfOthers) {
  for (const char* const login :
       {"aurora.tenant-admin", "aurora.tenant-developer", "aurora.tenant-viewer"}) {
    for (const char* const list : {"tenants", "projects", "keys", "limits", "models", "webhooks"}) {
      const std::string shown = ok(login, "GET", list);
      EXPECT_THAT(shown, HasSubstr(R"("id":)")) << login << list;
      EXPECT_THAT(shown, Not(HasSubstr("borealis"))) << login << list;
      EXPECT_THAT(shown, Not(HasSubstr("theirs"))) << login << list;
      EXPECT_THAT(shown, Not(HasSubstr("tiny"))) << "nor where a model runs";
    }
  }
  const std::string people = ok("aurora.tenant-admin", "GET", "users");
  EXPECT_THAT(people, HasSubstr("aurora.tenant-viewer"));
  EXPECT_THAT(people, Not(HasSubstr("borealis")));
  EXPECT_THAT(people, Not(HasSubstr("platform-admin")));
  EXPECT_THAT(ok("aurora.tenant-admin", "GET", "memberships"), Not(HasSubstr("borealis")));
  EXPECT_THAT(ok("auditor", "GET", "keys"), HasSubstr("borealis"));
}

// Foreign ids, and ids that nobody has, for every resource with an id.
struct Endpoint {
  const char* method;
  const char* path;  // {} is the id
  const char* body = "";
};
const std::vector<std::pair<std::string, std::vector<Endpoint>>>& endpoints() {
  static const std::vector<std::pair<std::string, std::vector<Endpoint>>> kAll{
      {"tenant",
       {{"GET", "tenants/{}"},
        {"PUT", "tenants/{}", R"({"slug":"{}"})"},
        {"PATCH", "tenants/{}", R"({"display_name":"x"})"},
        {"DELETE", "tenants/{}"},
        {"GET", "tenants/{}/settings"},
        {"PUT", "tenants/{}/settings", "{}"},
        {"PATCH", "tenants/{}/settings", R"({"disclaimer":{"text":"x"}})"},
        {"GET", "projects?tenant={}"},
        {"GET", "keys?tenant={}"},
        {"GET", "limits?tenant={}"},
        {"GET", "users?tenant={}"},
        {"GET", "memberships?tenant={}"},
        {"GET", "usage?tenant={}"},
        {"GET", "live?tenant={}"},
        {"GET", "events?tenant={}"},
        {"GET", "webhooks?tenant={}"},
        {"POST", "webhooks",
         R"({"tenant":"{}","name":"new-one","url":"https://hooks.example/","events":["*"]})"},
        {"GET", "requests?tenant={}"},
        {"GET", "usage?tenant={}&by=model"},
        {"GET", "usage/forecast?tenant={}"},
        {"GET", "statements/{}/2029-12"},
        {"POST", "statements/{}/adjustments", R"({"amount":"1","reason":"x"})"},
        {"GET", "audit/entries?tenant={}"},
        {"GET", "audit/export?tenant={}&size=1"},
        {"POST", "projects", R"({"tenant":"{}","slug":"new-one"})"},
        {"PUT", "projects", R"({"tenant":"{}","slug":"default"})"},
        {"POST", "keys", R"({"tenant":"{}"})"},
        {"PUT", "limits",
         R"({"tenant":"{}","project":"default","measure":"requests","window":"day","amount":1})"},
        {"PUT", "limits", R"({"tenant":"{}","measure":"requests","window":"day","amount":1})"},
        {"POST", "users", R"({"login":"eve","role":"tenant-viewer","tenant":"{}"})"},
        {"POST", "memberships",
         R"({"user":"aurora.tenant-viewer","role":"tenant-viewer","tenant":"{}"})"}}},
      {"project",
       {{"GET", "projects/{}"},
        {"PATCH", "projects/{}", R"({"display_name":"x"})"},
        {"DELETE", "projects/{}"},
        {"POST", "keys", R"({"tenant":"aurora","project":"{}"})"},
        {"PUT", "limits",
         R"({"tenant":"aurora","project":"{}","measure":"requests","window":"day","amount":1})"}}},
      {"key",
       {{"GET", "keys/{}"},
        {"PATCH", "keys/{}", R"({"display_name":"x"})"},
        {"PUT", "keys/{}", R"({"display_name":"x"})"},
        {"DELETE", "keys/{}"},
        {"POST", "keys/{}/revoke"},
        {"POST", "keys/{}/rotate"},
        {"PUT", "limits", R"({"key":"{}","measure":"requests","window":"day","amount":1})"}}},
      {"limit",
       {{"GET", "limits/{}"}, {"PATCH", "limits/{}", R"({"amount":1})"}, {"DELETE", "limits/{}"}}},
      {"model",
       {{"GET", "models/{}"},
        {"PUT", "models/{}", R"({"name":"{}","engine":"tiny"})"},
        {"PATCH", "models/{}", "{}"},
        {"DELETE", "models/{}"}}},
      {"user",
       {{"GET", "users/{}"},
        {"PATCH", "users/{}", R"({"disabled":true})"},
        {"PATCH", "users/{}", R"({"password":"a new one of 20 letters"})"},
        {"DELETE", "users/{}"},
        {"GET", "users/{}/sessions"},
        {"DELETE", "users/{}/sessions"},
        {"DELETE", "users/{}/sessions/01J9Z3M4N5P6Q7R8S9TAVBWCXD"},
        {"GET", "users/{}/tokens"},
        {"POST", "users/{}/tokens", R"({"name":"x"})"},
        {"DELETE", "users/{}/tokens/abcdefghijkl"},
        {"GET", "memberships?user={}"},
        {"POST", "memberships", R"({"user":"{}","role":"tenant-viewer","tenant":"aurora"})"}}},
      {"membership", {{"GET", "memberships/{}"}, {"DELETE", "memberships/{}"}}},
      {"webhook",
       {{"GET", "webhooks/{}"},
        {"PUT", "webhooks/{}", R"({"name":"other","url":"https://hooks.example/","events":["*"]})"},
        {"PATCH", "webhooks/{}", R"({"enabled":false})"},
        {"DELETE", "webhooks/{}"},
        {"POST", "webhooks/{}/rotate"},
        {"POST", "webhooks/{}/test"}}},
      {"request", {{"GET", "requests/{}"}, {"GET", "requests/{}?format=text"}}}};
  return kAll;
}

class ForeignIdTest : public AdminAccessTest {
 protected:
  ForeignIdTest() {
    metering::Intent intent{.request = {Ulid::make(world_.clock().wall_now(), world_.random())},
                            .tenant = (*store_->load()).tenants.back().id,
                            .model = "theirs",
                            .engine = "tiny"};
    request_ = intent.request.value.text();
    ledger_.records[intent.request].intent = intent;
  }
  // Several names of one object, where it has several; then such as nobody has.
  std::vector<std::pair<std::string, std::string>> ids(const std::string& kind) {
    const std::string nobody = Ulid::make(world_.clock().wall_now(), world_.random()).text();
    if (kind == "tenant") return {{"borealis", "unknown1"}, {tenant_id(), nobody}};
    if (kind == "project") return {{id_in("projects", "borealis"), nobody}};
    if (kind == "key") return {{id_in("keys", "borealis"), "abcdefghijkl"}};
    if (kind == "limit") return {{id_in("limits", "borealis"), nobody}};
    if (kind == "model") return {{"theirs", "no-such-model"}};
    if (kind == "user")
      return {{user_id("borealis.tenant-viewer"), nobody},
              {"borealis.tenant-viewer", "nobody.at-all"},
              {user_id("platform-admin"), nobody}};
    if (kind == "membership") return {{id_in("memberships", "borealis"), nobody}};
    if (kind == "webhook") return {{id_in("webhooks", "borealis"), nobody}};
    return {{request_, nobody}};
  }
  // Every object with its revision.
  std::string stored() {
    const store::ControlData data = *store_->load();
    std::string out;
    const auto add = [&](const auto& objects) {
      out += std::to_string(objects.size());
      for (const auto& one : objects)
        out += "." + std::to_string(one.meta.revision);
      out += "\n";
    };
    add(data.tenants);
    add(data.projects);
    add(data.keys);
    add(data.limits);
    add(data.webhooks);
    add(*store_->users());
    add(*store_->memberships());
    return out + std::to_string(data.models.size());
  }
  std::string tenant_id() { return member(must("GET", "tenants/borealis"), "id"); }
  static std::string with(std::string text, const std::string& id) {
    for (auto at = text.find("{}"); at != text.npos; at = text.find("{}", at + 1))
      text.replace(at, 2, id);
    return text;
  }
  static std::string without(std::string text, const std::string& id) {
    EXPECT_FALSE(id.empty());
    if (id.empty()) return text;
    for (auto at = text.find(id); at != text.npos; at = text.find(id))
      text.replace(at, id.size(), "#");
    return text;
  }
  std::string request_;
};

TEST_F(ForeignIdTest, ForeignAndUnknownAreOneAnswerEverywhere) {
  const std::string before = stored();
  int asked = 0;
  int not_found = 0;
  for (const char* const login :
       {"aurora.tenant-admin", "aurora.tenant-developer", "aurora.tenant-viewer"}) {
    for (const auto& [kind, all] : endpoints()) {
      for (const auto& [foreign, unknown] : ids(kind)) {
        for (const Endpoint& endpoint : all) {
          const auto ask = [&](const std::string& id) {
            return call(login, endpoint.method, with(endpoint.path, id), with(endpoint.body, id));
          };
          const auto theirs = ask(foreign);
          const auto nobodys = ask(unknown);
          const std::string where =
              std::string(login) + ": " + endpoint.method + " " + with(endpoint.path, foreign);
          ++asked;
          EXPECT_EQ(without(bytes_of(theirs), foreign), without(bytes_of(nobodys), unknown))
              << where;
          ASSERT_FALSE(theirs) << where << " " << theirs->body;
          const Code code = theirs.error().code();
          EXPECT_TRUE(code == Code::not_found || code == Code::insufficient_permissions)
              << where << ": " << theirs.error().message();
          not_found += code == Code::not_found ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GE(asked, 150);
  EXPECT_GE(not_found, 80);
  EXPECT_EQ(stored(), before) << "nothing was changed";
}

// Whatever the table of the API has below something of a tenant's is asked above.
TEST(ForeignIds, EveryPlaceOfATenantsThingsIsTried) {
  std::set<std::string> tried;
  for (const auto& [kind, all] : endpoints()) {
    for (const Endpoint& endpoint : all) {
      std::vector<std::string> path(1);
      for (const char c :
           std::string_view(endpoint.path).substr(0, std::string_view(endpoint.path).find('?')))
        c == '/' ? (void)path.emplace_back() : (void)(path.back() += c);
      const AdminResource* const place = find_admin_resource(path);
      ASSERT_TRUE(place != nullptr && place->has(endpoint.method)) << endpoint.path;
      tried.insert(std::string(endpoint.method) + " " + std::string(place->path));
    }
  }
  // Of the platform's things a tenant's people know nothing (403, before any is looked for), and
  // numbers of the log are everybody's.
  const std::set<std::string> kOthers{"engines", "routes", "rollouts", "prices",
                                      "pools",   "audit",  "artifacts"};
  for (const AdminResource& place : admin_resources()) {
    const std::string kind(place.path.substr(0, place.path.find('/')));
    if (!place.path.contains('{') || kOthers.contains(kind)) continue;
    for (const char* const method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
      if (!place.has(method)) continue;
      const std::string what = std::string(method) + " " + std::string(place.path);
      EXPECT_TRUE(tried.contains(what)) << what;
    }
  }
}

TEST_F(ForeignIdTest, ForWhoMayTheyAreThere) {
  for (const auto& [kind, all] : endpoints()) {
    for (const auto& [foreign, unknown] : ids(kind)) {
      if (std::string_view(all.front().path).starts_with("requests")) continue;
      EXPECT_THAT(call("", "GET", with(all.front().path, foreign)), Succeeds())
          << kind << ": else nothing is tested";
    }
  }
}

// Each role's calls against the rule itself: what the handlers do with it.
struct Cell {
  Action action;
  Resource resource;
  const char* method;
  const char* path;  // {} is the tenant, {kind} the id of one of its objects
  const char* body = "";
};
const std::vector<Cell> kOfTenants{
    {Action::read, Resource::tenants, "GET", "tenants/{}"},
    {Action::change, Resource::tenants, "PATCH", "tenants/{}", "{}"},
    {Action::remove, Resource::tenants, "DELETE", "tenants/{}"},
    {Action::read, Resource::settings, "GET", "tenants/{}/settings"},
    {Action::change, Resource::settings, "PATCH", "tenants/{}/settings", "{}"},
    {Action::change, Resource::settings, "PUT", "tenants/{}/settings", "{}"},
    {Action::read, Resource::projects, "GET", "projects/{projects}"},
    {Action::create, Resource::projects, "POST", "projects", R"({"tenant":"{}","slug":"default"})"},
    {Action::change, Resource::projects, "PATCH", "projects/{projects}", "{}"},
    {Action::remove, Resource::projects, "DELETE", "projects/{projects}"},
    {Action::read, Resource::keys, "GET", "keys/{keys}"},
    {Action::create, Resource::keys, "POST", "keys", R"({"tenant":"{}","owner":"someone"})"},
    {Action::change, Resource::keys, "PATCH", "keys/{keys}", "{}"},
    {Action::change, Resource::keys, "POST", "keys/{keys}/rotate", R"({"overlap":"0s"})"},
    {Action::change, Resource::keys, "POST", "keys/{keys}/revoke"},
    {Action::remove, Resource::keys, "DELETE", "keys/{keys}"},
    {Action::create, Resource::limits, "PUT", "limits",
     R"({"tenant":"{}","measure":"requests","window":"day","amount":9})"},
    {Action::create, Resource::sub_limits, "PUT", "limits",
     R"({"tenant":"{}","user":"x","measure":"requests","window":"day","amount":9})"},
    {Action::read, Resource::usage, "GET", "usage?tenant={}"},
    {Action::read, Resource::usage, "GET", "usage/forecast?tenant={}"},
    {Action::read, Resource::usage, "GET", "live?tenant={}"},
    {Action::read, Resource::requests, "GET", "requests?tenant={}"},
    {Action::read, Resource::events, "GET", "events?tenant={}"},
    {Action::read, Resource::webhooks, "GET", "webhooks/{webhooks}"},
    {Action::create, Resource::webhooks, "POST", "webhooks",
     R"({"tenant":"{}","name":"pager","url":"https://hooks.example/","events":["*"]})"},
    {Action::change, Resource::webhooks, "PATCH", "webhooks/{webhooks}", "{}"},
    {Action::change, Resource::webhooks, "PUT", "webhooks/{webhooks}", R"({"x":1})"},
    {Action::change, Resource::webhooks, "POST", "webhooks/{webhooks}/rotate", R"({"x":1})"},
    {Action::change, Resource::webhooks, "POST", "webhooks/{webhooks}/test", R"({"x":1})"},
    {Action::remove, Resource::webhooks, "DELETE", "webhooks/{webhooks}"},
    {Action::read, Resource::users, "GET", "users/{}.tenant-viewer"},
    {Action::create, Resource::users, "POST", "users",
     R"({"login":"{}.tenant-viewer","role":"tenant-viewer","tenant":"{}"})"},
    {Action::change, Resource::users, "PATCH", "users/{}.tenant-viewer", R"({"disabled":false})"},
    {Action::remove, Resource::users, "DELETE", "users/{}.tenant-viewer"},
    {Action::change, Resource::users, "DELETE", "users/{}.tenant-viewer/sessions"},
    {Action::create, Resource::memberships, "POST", "memberships",
     R"({"user":"{}.tenant-viewer","role":"tenant-viewer","tenant":"{}"})"}};
const std::vector<Cell> kOfThePlatform{
    {Action::create, Resource::tenants, "POST", "tenants", R"({"slug":"aurora"})"},
    {Action::create, Resource::models, "POST", "models", R"({"name":"ours","engine":"tiny"})"},
    {Action::read, Resource::engines, "GET", "engines"},
    {Action::create, Resource::engines, "POST", "engines", R"({"name":"tiny"})"},
    {Action::remove, Resource::engines, "DELETE", "engines/none"},
    {Action::change, Resource::engines, "POST", "engines/tiny/stop", R"({"x":1})"},
    {Action::change, Resource::engines, "POST", "engines/tiny/start", R"({"x":1})"},
    {Action::read, Resource::engine_logs, "GET", "engines/tiny/log"},
    {Action::read, Resource::prices, "GET", "prices"},
    {Action::read, Resource::routes, "GET", "routes"},
    {Action::create, Resource::routes, "POST", "routes", "{}"},
    {Action::remove, Resource::routes, "DELETE", "routes/none"},
    {Action::read, Resource::rollouts, "GET", "rollouts"},
    {Action::create, Resource::rollouts, "POST", "rollouts", "{}"},
    {Action::read, Resource::pools, "GET", "pools"},
    {Action::create, Resource::ledger, "POST", "ledger/verify"},
    {Action::read, Resource::system, "GET", "system"},
    {Action::create, Resource::audit_erasures, "POST", "audit/erase", "{}"},
    {Action::create, Resource::audit_upkeep, "POST", "audit/rotate-key", R"({"x":1})"},
    {Action::create, Resource::audit_upkeep, "POST", "audit/backup", "{}"},
    {Action::create, Resource::audit_holds, "POST", "audit/hold", "{}"},
    {Action::remove, Resource::audit_holds, "POST", "audit/release", "{}"},
    {Action::create, Resource::audit_checkpoints, "POST", "audit/witnessed", "{}"},
    {Action::read, Resource::audit_holds, "GET", "audit/holds"},
    {Action::read, Resource::platform_users, "GET", "users/platform-operator"},
    {Action::create, Resource::platform_users, "POST", "users",
     R"({"login":"platform-admin","role":"platform-admin"})"},
    {Action::change, Resource::platform_users, "PATCH", "users/platform-admin",
     R"({"password":"too short"})"},
    {Action::remove, Resource::platform_users, "DELETE", "users/platform-admin"},
    {Action::create, Resource::platform_memberships, "POST", "memberships",
     R"({"user":"platform-admin","role":"platform-admin"})"},
    {Action::create, Resource::webhooks, "POST", "webhooks",
     R"({"tenant":null,"name":"x","url":"https://hooks.example/","events":["*"]})"},
    {Action::create, Resource::setup_tokens, "POST", "setup/token", R"({"x":1})"}};

class AdminMatrixTest : public AdminAccessTest {
 protected:
  std::string filled(std::string text, const std::string& tenant) {
    for (const char* const kind : {"projects", "keys", "webhooks"}) {
      const std::string mark = "{" + std::string(kind) + "}";
      if (const auto at = text.find(mark); at != text.npos)
        text.replace(at, mark.size(), id_in(kind, tenant));
    }
    for (auto at = text.find("{}"); at != text.npos; at = text.find("{}", at + 1))
      if (text != "{}") text.replace(at, 2, tenant);
    return text;
  }
  void check(const std::string& login, const Cell& cell, const Owner& owner,
             const std::string& tenant) {
    // A revision that nothing has: what is allowed gets no further than that.
    const auto reply =
        call(login, cell.method, filled(cell.path, tenant),
             cell.body == std::string("{}") ? "{}" : filled(cell.body, tenant),
             std::string(cell.method) == "PATCH" || std::string(cell.method) == "DELETE"
                 ? std::optional<std::string>("\"99\"")
                 : std::nullopt);
    ++cells_;
    using Verdict = Decision::Verdict;
    const Verdict verdict =
        access::decide(caller(login), cell.action, cell.resource, owner).verdict;
    const std::string where =
        login + ": " + cell.method + " " + filled(cell.path, tenant) + ": " + bytes_of(reply);
    const bool refused = !reply && (reply.error().code() == Code::insufficient_permissions);
    const bool hidden = !reply && reply.error().code() == Code::not_found;
    if (verdict == Verdict::allowed) {
      const bool names_nothing = std::string(cell.path).ends_with("none");
      EXPECT_TRUE(!refused && (!hidden || names_nothing)) << where;
      EXPECT_TRUE(reply || reply.error().code() != Code::internal_error) << where;
    } else {
      EXPECT_TRUE(refused || hidden) << where;
      // Who may not do it to anything is told so before anything is looked for.
      const bool may_any =
          access::decide(caller(login), cell.action, cell.resource, Owner::any()).is_allowed();
      if (verdict == Verdict::hidden && may_any) EXPECT_TRUE(hidden) << where;
      if (verdict == Verdict::forbidden) EXPECT_TRUE(refused) << where;
    }
  }
  int cells_ = 0;
};

TEST_F(AdminMatrixTest, EveryHandlerDoesWhatTheRuleSays) {
  std::vector<std::string> logins{"platform-admin", "platform-operator", "auditor", "finance"};
  for (const char* const tenant : {"aurora", "borealis"})
    for (const char* const role : {"tenant-admin", "tenant-developer", "tenant-viewer"})
      logins.push_back(std::string(tenant) + "." + role);
  must("POST", "users", R"({"login":"no-roles"})");
  logins.emplace_back("no-roles");
  const auto tenants = (*store_->load()).tenants;
  for (const std::string& login : logins) {
    for (const tenancy::Tenant& tenant : tenants) {
      // One's own account is everybody's business.
      for (const Cell& cell : kOfTenants) {
        const std::string slug(tenant.slug.text());
        if (login == slug + ".tenant-viewer" && filled(cell.path, slug).contains(login)) continue;
        check(login, cell, Owner::of(tenant.id), slug);
      }
    }
    for (const Cell& cell : kOfThePlatform) {
      if (std::string(cell.path).ends_with(login)) continue;
      check(login, cell, Owner::platform(), "aurora");
    }
  }
  EXPECT_GE(cells_, 700);
}

TEST_F(AdminAccessTest, ADeveloperHasKeysOfHisOwn) {
  const std::string me = "aurora.tenant-developer";
  const std::string other = id_in("keys", "aurora");
  const std::string made = ok(me, "POST", "keys", R"({"tenant":"aurora"})");
  EXPECT_EQ(member(made, "owner"), me);
  const std::string path = "keys/" + member(made, "id");
  ok(me, "POST", path + "/rotate");
  ok(me, "PATCH", path, R"({"display_name":"mine"})");
  EXPECT_EQ(refusal(me, "PATCH", path, R"({"owner":"somebody"})"), Code::insufficient_permissions);
  EXPECT_EQ(refusal(me, "PATCH", path, R"({"owner":null})"), Code::insufficient_permissions);
  EXPECT_EQ(refusal(me, "POST", "keys", R"({"tenant":"aurora","owner":"somebody"})"),
            Code::insufficient_permissions);
  EXPECT_EQ(refusal(me, "POST", "keys/" + other + "/rotate"), Code::insufficient_permissions)
      << "he would get its text";
  ok(me, "DELETE", path);
}

TEST_F(AdminAccessTest, ATenantLimitsItsPartsAndNotItself) {
  const std::string me = "aurora.tenant-admin";
  ok(me, "PUT", "limits",
     R"({"tenant":"aurora","user":"ann","measure":"requests","window":"day","amount":3})");
  EXPECT_EQ(refusal(me, "PUT", "limits",
                    R"({"tenant":"aurora","measure":"requests","window":"day","amount":99})"),
            Code::insufficient_permissions);
  EXPECT_EQ(refusal(me, "PUT", "limits",
                    R"({"pool":"gpu","measure":"requests","window":"day","amount":99})"),
            Code::not_found);
  EXPECT_EQ(refusal(me, "PUT", "limits",
                    R"({"tenant":"aurora","user":"bo","name":"n","measure":"requests",)"
                    R"("window":"day","amount":3})"),
            Code::insufficient_permissions)
      << "a name that is taken would tell of others";
}

// What the model of a limit may be tells nothing of others, and neither does a refusal.
TEST_F(AdminAccessTest, ALimitOnAForeignModelIsRefusedAsOneOnNobodys) {
  must("POST", "routes", R"({"name":"their-route","versions":[{"model":"theirs","weight":1}]})");
  must("POST", "routes", R"({"name":"our-route","versions":[{"model":"ours","weight":1}]})");
  const auto limit = [&](const std::string& model) {
    return call("aurora.tenant-admin", "POST", "limits",
                R"({"tenant":"aurora","project":"default","measure":"requests","window":"day",)"
                R"("amount":1,"model":")" +
                    model + R"("})");
  };
  const std::string unknown = bytes_of(limit("unknown"));
  EXPECT_THAT(unknown, HasSubstr("ours"));
  EXPECT_THAT(unknown, Not(HasSubstr("their")));
  for (const char* const foreign : {"theirs", "their-route"}) {
    std::string refused = bytes_of(limit(foreign));
    const auto at = refused.find(foreign);
    ASSERT_NE(at, refused.npos);
    EXPECT_EQ(refused.replace(at, std::string(foreign).size(), "unknown"), unknown);
  }
  for (const char* const ours : {"ours", "shared", "our-route"})
    EXPECT_THAT(limit(ours), Succeeds()) << ours;
}

TEST_F(AdminAccessTest, ATenantsPeopleNeitherGiveNorTakeALimitItsName) {
  const std::string id =
      member(must("POST", "limits",
                  R"({"tenant":"aurora","project":"default","measure":"requests","window":"hour",)"
                  R"("amount":5,"name":"agreed"})"),
             "id");
  for (const char* const body : {R"({"name":"mine"})", R"({"name":null})"})
    EXPECT_EQ(refusal("aurora.tenant-admin", "PATCH", "limits/" + id, body),
              Code::insufficient_permissions)
        << body;
  EXPECT_THAT(ok("aurora.tenant-admin", "PATCH", "limits/" + id, R"({"amount":4})"),
              HasSubstr(R"("name":"agreed")"));
}

// Routes of the platform go by labels.
TEST_F(AdminAccessTest, OnlyThePlatformSetsLabelsOfKeys) {
  const std::string path = "keys/" + id_in("keys", "aurora");
  const std::string gold = R"({"labels":{"tier":"gold"}})";
  EXPECT_EQ(refusal("aurora.tenant-admin", "PATCH", path, gold), Code::insufficient_permissions);
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "keys",
                    R"({"tenant":"aurora","labels":{"tier":"gold"}})"),
            Code::insufficient_permissions);
  ok("platform-operator", "PATCH", path, gold);
  EXPECT_EQ(refusal("aurora.tenant-admin", "PATCH", path, R"({"labels":null})"),
            Code::insufficient_permissions);
  EXPECT_THAT(ok("aurora.tenant-admin", "PATCH", path, R"({"display_name":"x"})"),
              HasSubstr(R"("tier":"gold")"));
}

TEST_F(AdminAccessTest, OnesOwnNameMayBeInCapitals) {
  EXPECT_EQ(ok("aurora.tenant-viewer", "GET", "users/Aurora.Tenant-Viewer"),
            ok("aurora.tenant-viewer", "GET", "users/aurora.tenant-viewer"));
}

// Where a model runs is the platform's business; the signed entry, which says it, is for those who
// may read the log.
TEST_F(AdminAccessTest, WhereARequestRanIsNotForATenantsPeople) {
  metering::Intent intent{.request = {Ulid::make(world_.clock().wall_now(), world_.random())},
                          .tenant = (*store_->load()).tenants.front().id,
                          .model = "ours",
                          .engine = "tiny"};
  ledger_.records[intent.request].intent = intent;
  audit_.note({.request = intent.request});
  for (const char* const format : {"", "?format=text"}) {
    const std::string path = "requests/" + intent.request.value.text() + format;
    EXPECT_THAT(ok("auditor", "GET", path), HasSubstr("tiny"));
    for (const char* const login : {"aurora.tenant-admin", "aurora.tenant-developer"}) {
      const std::string shown = ok(login, "GET", path);
      EXPECT_THAT(shown, HasSubstr("ours"));
      EXPECT_THAT(shown, Not(HasSubstr("tiny"))) << login;
    }
    EXPECT_THAT(ok("aurora.tenant-admin", "GET", path), HasSubstr("fake.example/log"));
    EXPECT_THAT(ok("aurora.tenant-developer", "GET", path), Not(HasSubstr("fake.example/log")));
  }
  const std::string json = "requests/" + intent.request.value.text();
  EXPECT_THAT(ok("aurora.tenant-admin", "GET", json), HasSubstr("entry_base64"));
  EXPECT_THAT(ok("aurora.tenant-developer", "GET", json), Not(HasSubstr("entry_base64")));
}

TEST_F(AdminAccessTest, AnErasureCountsAnAccountThatIsStillThere) {
  const auto erase = [&](const std::string& login) {
    return must("POST", "audit/erase", R"({"tenant":"aurora","subject":")" + login + R"("})");
  };
  EXPECT_THAT(erase("aurora.tenant-viewer"), HasSubstr(R"("still_named":1)"));
  EXPECT_THAT(erase("borealis.tenant-viewer"), HasSubstr(R"("still_named":0)"))
      << "of another tenant";
  must("DELETE", "users/aurora.tenant-viewer");
  EXPECT_THAT(erase("aurora.tenant-viewer"), HasSubstr(R"("still_named":0)"));
}

// Whoever has the log could try names against a digest of what else is known.
TEST_F(AdminAccessTest, TheDigestOfAUserIsWithoutHisNames) {
  const auto after_rename = [&](const std::string& body) {
    ok("", "PATCH", "users/aurora.tenant-viewer", body);
    return audit_.entries.back().admin->after;
  };
  const auto digest_of_shown = [&] {
    auto user = nlohmann::json::parse(must("GET", "users/aurora.tenant-viewer"));
    const std::string whole = user.dump();
    user.erase("login");
    user.erase("display_name");
    return std::pair(sha256(whole), sha256(user.dump()));
  };
  const auto after = after_rename(R"({"display_name":"Vera"})");
  const auto [whole, nameless] = digest_of_shown();
  EXPECT_NE(after, whole);
  EXPECT_EQ(after, nameless);
}

TEST_F(AdminAccessTest, NobodyGivesMoreThanHeMayGive) {
  EXPECT_EQ(refusal("platform-operator", "POST", "memberships",
                    R"({"user":"platform-operator","role":"platform-admin"})"),
            Code::insufficient_permissions);
  EXPECT_EQ(refusal("platform-operator", "PATCH", "users/platform-admin",
                    R"({"password":"orange ladder 12 south"})"),
            Code::insufficient_permissions);
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "memberships",
                    R"({"user":"aurora.tenant-admin","role":"finance"})"),
            Code::not_found)
      << "what is the platform's is not there for him";
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "memberships",
                    R"({"user":"aurora.tenant-admin","role":"tenant-admin","tenant":"borealis"})"),
            Code::not_found);
  ok("aurora.tenant-admin", "POST", "memberships",
     R"({"user":"aurora.tenant-viewer","role":"tenant-developer","tenant":"aurora"})");
}

TEST_F(AdminAccessTest, WhoIsMoreThanATenantsMemberIsNotManagedByIt) {
  must("POST", "memberships",
       R"({"user":"borealis.tenant-viewer","role":"tenant-viewer","tenant":"aurora"})");
  const std::string me = "aurora.tenant-admin";
  const std::string shown = ok(me, "GET", "users/borealis.tenant-viewer");
  EXPECT_THAT(shown, Not(HasSubstr(R"("tenant":"borealis")"))) << "what else he is is not told";
  for (const char* const body :
       {R"({"password":"orange ladder 12 south"})", R"({"disabled":true})", R"({"login":"x"})"})
    EXPECT_EQ(refusal(me, "PATCH", "users/borealis.tenant-viewer", body),
              Code::insufficient_permissions);
  EXPECT_EQ(refusal(me, "DELETE", "users/borealis.tenant-viewer"), Code::insufficient_permissions);
  EXPECT_EQ(refusal(me, "GET", "users/borealis.tenant-viewer/sessions"),
            Code::insufficient_permissions);
  // But he takes back what he gave.
  const std::string mine = member(ok(me, "GET", "memberships?user=borealis.tenant-viewer"), "id");
  ok(me, "DELETE", "memberships/" + mine);
  EXPECT_EQ(refusal(me, "GET", "users/borealis.tenant-viewer"), Code::not_found);
}

// Whoever made an account must not get in where he could not have let it.
TEST_F(AdminAccessTest, ARoleBeyondWhoSetThePasswordTakesThePassword) {
  const std::string with_password = std::string(R"("password":")") + kPassword + "\"";
  ok("aurora.tenant-admin", "POST", "users",
     R"({"login":"cfo@platform","role":"tenant-viewer","tenant":"aurora",)" + with_password + "}");
  const auto sign_in = [&] {
    return api_->logins().begin({.login = "cfo@platform", .password = Secret(kPassword)});
  };
  const auto begun = sign_in();
  ASSERT_THAT(begun, Succeeds());
  EXPECT_THAT(ok("aurora.tenant-admin", "POST", "memberships",
                 R"({"user":"cfo@platform","role":"tenant-developer","tenant":"aurora"})"),
              Not(HasSubstr("password_reset")));
  EXPECT_THAT(
      ok("platform-admin", "POST", "memberships", R"({"user":"cfo@platform","role":"finance"})"),
      HasSubstr(R"("password_reset":true)"));
  EXPECT_FALSE(*api_->logins().shown(begun->token.reveal()));
  EXPECT_THAT(sign_in(), FailsWith(Code::invalid_api_key));
  ok("platform-admin", "PATCH", "users/cfo@platform", "{" + with_password + "}");
  EXPECT_THAT(sign_in(), Succeeds());
}

TEST_F(AdminAccessTest, APasswordOfAnAdministratorsStaysWhateverRoleComes) {
  const std::string with_password = std::string(R"("password":")") + kPassword + "\"";
  must("POST", "users", R"({"login":"ann",)" + with_password + "}");
  for (const char* const grant :
       {R"("role":"tenant-viewer","tenant":"aurora")",
        R"("role":"tenant-viewer","tenant":"borealis")", R"("role":"finance")"})
    EXPECT_THAT(must("POST", "memberships", R"({"user":"ann",)" + std::string(grant) + "}"),
                Not(HasSubstr("password_reset")));
}

// What a tenant's administrator set outlives neither the tenant nor the role.
TEST_F(AdminAccessTest, APasswordOfATenantThatIsGoneOpensNothing) {
  ok("aurora.tenant-admin", "POST", "users",
     R"({"login":"eve","role":"tenant-viewer","tenant":"aurora","password":")" +
         std::string(kPassword) + "\"}");
  must("DELETE", "tenants/aurora");
  EXPECT_THAT(must("POST", "memberships", R"({"user":"eve","role":"finance"})"),
              HasSubstr(R"("password_reset":true)"));
}

TEST_F(AdminAccessTest, TheKeysOfWhoIsOutAreRevoked) {
  const std::string me = "aurora.tenant-developer";
  const auto key_of_mine = [&] {
    return "keys/" + member(ok(me, "POST", "keys", R"({"tenant":"aurora"})"), "id");
  };
  const std::string foreign =
      "keys/" +
      member(must("POST", "keys", R"({"tenant":"borealis","owner":")" + me + "\"}"), "id");
  const std::string first = key_of_mine();
  EXPECT_THAT(must("GET", first), HasSubstr(R"("revoked_at":null)"));
  must("PATCH", "users/" + me, R"({"disabled":true})");
  EXPECT_THAT(must("GET", first), Not(HasSubstr(R"("revoked_at":null)")));
  must("PATCH", "users/" + me, R"({"disabled":false})");
  const std::string second = key_of_mine();
  must("DELETE", "users/" + me);
  EXPECT_THAT(must("GET", second), Not(HasSubstr(R"("revoked_at":null)")));
  EXPECT_THAT(must("GET", foreign), HasSubstr(R"("revoked_at":null)"))
      << "where there was no role it is another one's";
}

TEST_F(AdminAccessTest, KeysFollowTheirOwnersName) {
  const std::string key =
      "keys/" +
      member(ok("aurora.tenant-developer", "POST", "keys", R"({"tenant":"aurora"})"), "id");
  must("PATCH", "users/aurora.tenant-developer", R"({"login":"Dora"})");
  EXPECT_EQ(member(ok("dora", "GET", key), "owner"), "dora");
  ok("dora", "POST", key + "/rotate");
}

TEST_F(AdminAccessTest, AnAdministratorDoesNotGiveUpHisRole) {
  const std::string path =
      "memberships/" + member(must("GET", "memberships?user=platform-admin"), "id");
  EXPECT_EQ(refusal("platform-admin", "DELETE", path), Code::conflict);
  must("DELETE", path);
}

TEST_F(AdminAccessTest, ALastRoleGoesWithTheUserOrByThePlatform) {
  const std::string path =
      "memberships/" + member(must("GET", "memberships?user=aurora.tenant-viewer"), "id");
  EXPECT_EQ(refusal("aurora.tenant-admin", "DELETE", path), Code::conflict);
  EXPECT_EQ(refusal("platform-operator", "DELETE", path), Code::conflict);
  ok("platform-admin", "DELETE", path);
  ok("aurora.tenant-admin", "DELETE", "users/aurora.tenant-developer");
}

TEST_F(AdminAccessTest, ATenantHasABoundOfUsersThatItsOwnPeopleMake) {
  const TenantId aurora = (*store_->load()).tenants.front().id;
  UlidSource ids(world_.clock(), world_.random());
  for (int i = 3; i < 1'000; ++i) {
    const access::UserId id{ids.next()};
    ASSERT_THAT(store_->create(access::User{.id = id, .login = "user-" + std::to_string(i)}),
                Succeeds());
    ASSERT_THAT(store_->create(access::Membership{
                    .id = {ids.next()},
                    .user = id,
                    .grant = *access::Grant::make(access::Role::tenant_viewer, aurora)}),
                Succeeds());
  }
  const std::string one_more = R"({"login":"one-more","role":"tenant-viewer","tenant":"aurora"})";
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "users", one_more), Code::conflict);
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "memberships",
                    R"({"user":"user-7","role":"tenant-developer","tenant":"aurora"})"),
            Code::conflict);
  must("POST", "users", one_more);
}

TEST_F(AdminAccessTest, EntriesOfATenantsPeopleNameTheTenant) {
  const TenantId aurora = (*store_->load()).tenants.front().id;
  const std::string path = "users/aurora.tenant-viewer";
  ok("aurora.tenant-admin", "POST", "memberships",
     R"({"user":"aurora.tenant-viewer","role":"tenant-developer","tenant":"aurora"})");
  must("PATCH", path, R"({"display_name":"x"})");
  EXPECT_EQ(audit_.entries.back().admin->tenant, aurora);
  must("DELETE", path + "/sessions");
  EXPECT_EQ(audit_.entries.back().admin->action, "session.revoke");
  EXPECT_EQ(audit_.entries.back().admin->tenant, aurora);
  must("POST", "memberships", R"({"user":"aurora.tenant-viewer","role":"finance"})");
  must("DELETE", path);
  EXPECT_EQ(audit_.entries.back().admin->tenant, std::nullopt);
}

TEST_F(AdminAccessTest, WhoHasNoRoleMayNothingButSeeHimself) {
  must("POST", "users", R"({"login":"new-one"})");
  EXPECT_EQ(refusal("new-one", "GET", "tenants"), Code::insufficient_permissions);
  EXPECT_THAT(ok("new-one", "GET", "users/new-one"), HasSubstr("new-one"));
  EXPECT_EQ(refusal("new-one", "PATCH", "users/new-one", R"({"disabled":false})"),
            Code::insufficient_permissions);
  EXPECT_EQ(refusal("new-one", "DELETE", "users/new-one"), Code::insufficient_permissions);
}

// Members that a body must not have for people, and that the server settles.
TEST_F(AdminAccessTest, ABodySaysNoMoreThanItMay) {
  for (const char* const member :
       {R"("id":"01J9Z3M4N5P6Q7R8S9TAVBWCXD")", R"("password_hash":"x")", R"("revision":7)",
        R"("managed_by":"file")", R"("memberships":[])", R"("is_admin":true)",
        R"("created_at":"2030-01-01T00:00:00Z")"}) {
    const std::string body = std::string(R"({"display_name":"x",)") + member + "}";
    EXPECT_EQ(refusal("aurora.tenant-admin", "PATCH", "users/aurora.tenant-admin", body),
              Code::unsupported_parameter)
        << member;
    EXPECT_EQ(refusal("platform-admin", "POST", "users",
                      std::string(R"({"login":"eve",)") + member + "}"),
              Code::unsupported_parameter)
        << member;
  }
}

TEST_F(AdminAccessTest, PasswordsAreInNoAnswerAndNoEntry) {
  const std::string secret = "orange ladder 12 south";
  const std::string made =
      must("POST", "users", R"({"login":"zoe","password":")" + secret + R"("})");
  EXPECT_THAT(made, HasSubstr(R"("has_password":true)"));
  EXPECT_THAT(made, Not(HasSubstr("argon2")));
  ok("", "PATCH", "users/zoe", R"({"password":"green ladder 12 south"})");
  ok("", "PATCH", "%75sers/zoe", R"({"password":"black ladder 12 south"})");
  for (const FakeAudit::Entry& entry : audit_.entries) {
    EXPECT_THAT(entry.admin->detail, Not(HasSubstr("ladder")));
    EXPECT_THAT(entry.admin->detail, Not(HasSubstr("zoe")));
  }
  must("DELETE", "users/zoe");
  EXPECT_EQ(audit_.entries.back().admin->action, "user.delete");
  EXPECT_EQ(audit_.entries.back().admin->object, "users/" + member(made, "id"));
}

TEST_F(AdminAccessTest, AnUnknownKindOfThingIsNothingForAnybody) {
  for (const char* const login : {"", "aurora.tenant-admin"})
    EXPECT_EQ(refusal(login, "GET", "nothing"), Code::unknown_url);
}

TEST_F(AdminAccessTest, ATenantsPeopleReadTheirOwnUsage) {
  EXPECT_THAT(ok("aurora.tenant-viewer", "GET", "usage"), HasSubstr(R"("tenant":"aurora")"))
      << "theirs, without being asked";
  EXPECT_EQ(refusal("aurora.tenant-viewer", "GET", "usage?by=engine"),
            Code::insufficient_permissions);
  EXPECT_EQ(refusal("aurora.tenant-viewer", "GET", "statements/aurora/2029-12"),
            Code::insufficient_permissions);
}

}  // namespace
}  // namespace sovmesh::control
