#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/admin_api.h"
#include "control/rollouts.h"
#include "http/error_reply.h"
#include "rt/sim/sim.h"
#include "store_sqlite/open.h"
#include "tests/support/fake_audit.h"
#include "tests/support/fake_engine.h"
#include "tests/support/memory_ledger.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::control {

// The admin API with people: two tenants, "aurora" and "borealis", each with a project, a key, a
// limit of its own and one of a project; a user for each role, whose login is where and what he
// is: "platform-admin", "aurora/tenant-admin" is "aurora.tenant-admin".
class AccessWorld : public testing::Test {
 protected:
  static constexpr const char* kPassword = "blue kettle 47 north";

  AccessWorld() {
    changes_ =
        std::make_unique<RecordedChanges>(RecordedChanges::Parts{*store_, publisher_, &audit_});
    AdminApi::Parts parts = admin_parts(ledger_);
    parts.webhooks.take_url = [](std::string_view url) -> Result<std::string> {
      return std::string(url);
    };
    api_ = std::make_unique<AdminApi>(std::move(parts));
  }

  // What every API of this world has.
  AdminApi::Parts admin_parts(store::Ledger& ledger) {
    AdminApi::Parts parts{*store_,
                          ledger,
                          publisher_,
                          *changes_,
                          authenticator_,
                          world_.clock(),
                          world_.random(),
                          [this] { return engines_; },
                          [] { return std::vector<std::string>(); }};
    parts.audit = &audit_;
    parts.rollouts = &rollouts_;
    parts.password_cost = {.memory_kib = 64, .passes = 1};
    return parts;
  }

  void fill() {
    for (const char* const tenant : {"aurora", "borealis"}) {
      must("POST", "tenants", fmt_body(R"({"slug":"%"})", tenant));
      must("POST", "keys", fmt_body(R"({"tenant":"%","owner":"someone"})", tenant));
      must("PUT", "limits",
           fmt_body(R"({"tenant":"%","measure":"requests","window":"day","amount":9})", tenant));
      must("PUT", "limits",
           fmt_body(R"({"tenant":"%","project":"default","measure":"requests",)"
                    R"("window":"day","amount":9})",
                    tenant));
      for (const char* const role : {"tenant-admin", "tenant-developer", "tenant-viewer"})
        must("POST", "users",
             fmt_body(R"({"login":"%.)" + std::string(role) + R"(","role":")" + role +
                          R"(","tenant":"%"})",
                      tenant));
    }
    for (const char* const role : {"platform-admin", "platform-operator", "auditor", "finance"})
      must("POST", "users", fmt_body(R"({"login":"%","role":"%"})", role));
    must("POST", "models", R"({"name":"shared","engine":"tiny"})");
    must("POST", "models", R"({"name":"ours","engine":"tiny","tenants":["aurora"]})");
    must("POST", "models", R"({"name":"theirs","engine":"tiny","tenants":["borealis"]})");
  }
  // Each % is `word`.
  static std::string fmt_body(std::string text, const std::string& word) {
    for (auto at = text.find('%'); at != text.npos; at = text.find('%', at + word.size()))
      text.replace(at, 1, word);
    return text;
  }

  access::Caller caller(const std::string& login) {
    if (login.empty()) return access::Caller::machine_owner();
    const auto user = *store_->user_named(login);
    EXPECT_TRUE(user) << login;
    access::Caller out{.user = user->id, .login = login, .grants = {}};
    for (const access::Membership& membership : *store_->memberships_of(user->id))
      out.grants.push_back(membership.grant);
    return out;
  }
  // `login`: who calls; empty: the owner of the machine.
  Result<AdminReply> call(const std::string& login, std::string method, const std::string& path,
                          std::string body = {}, std::optional<std::string> if_match = {}) {
    const auto question = std::min(path.find('?'), path.size());
    const access::Caller who = caller(login);
    return api_->call({.method = std::move(method),
                       .path = "/api/v1/" + path.substr(0, question),
                       .query = path.substr(std::min(question + 1, path.size())),
                       .if_match = std::move(if_match),
                       .body = std::move(body),
                       .actor_type = store::AdminEntry::Actor::user,
                       .actor = "user:" + login,
                       .source = "10.0.0.1",
                       .caller = who});
  }
  std::string must(std::string method, const std::string& path, std::string body = {}) {
    return ok("", std::move(method), path, std::move(body));
  }
  std::string ok(const std::string& login, std::string method, const std::string& path,
                 std::string body = {}) {
    const auto reply = call(login, std::move(method), path, std::move(body));
    EXPECT_TRUE(reply) << login << " " << path << ": " << reply.error().message();
    return reply ? reply->body : "";
  }
  std::optional<Code> refusal(const std::string& login, std::string method, const std::string& path,
                              std::string body = {}) {
    const auto reply = call(login, std::move(method), path, std::move(body));
    if (reply) return std::nullopt;
    return reply.error().code();
  }
  static std::string bytes_of(const Result<AdminReply>& reply) {
    if (reply) return std::to_string(reply->status) + reply->body;
    return std::to_string(http::error_head(reply.error()).status) +
           http::error_json(reply.error(), nullptr);
  }
  static std::string member(const std::string& json, const std::string& name) {
    const std::string start = "\"" + name + "\":\"";
    const auto at = json.find(start);
    if (at == json.npos) return "";
    return json.substr(at + start.size(), json.find('"', at + start.size()) - at - start.size());
  }
  // The id of the tenant's first object of a kind.
  std::string id_in(const std::string& kind, const std::string& tenant) {
    return member(must("GET", kind + "?tenant=" + tenant), "id");
  }
  std::string user_id(const std::string& login) {
    return (*store_->user_named(login))->id.value.text();
  }
  std::vector<std::string> actions() const {
    std::vector<std::string> out;
    for (const FakeAudit::Entry& entry : audit_.entries)
      if (entry.admin) out.push_back(entry.admin->action);
    return out;
  }

  rt::sim::SimWorld world_{1};
  store_sqlite::SimDisk disk_{1};
  std::unique_ptr<store::ControlStore> store_ =
      *store_sqlite::open_control_store(disk_, "control.db", world_.clock());
  MemoryLedger ledger_;
  FakeAudit audit_;
  identity::Authenticator authenticator_{{{1, Secret("pepper")}}, {}};
  DirectoryPublisher publisher_{*store_, authenticator_, world_.clock(), world_.random()};
  Rollouts rollouts_{{*store_, publisher_.directory(), world_.clock(), [](const catalog::Model&) {
                        return rollout::Readiness{.ready = true, .why = {}};
                      }}};
  std::vector<std::shared_ptr<engine::Engine>> engines_{std::make_shared<FakeEngine>("tiny", 4)};
  std::unique_ptr<RecordedChanges> changes_;
  std::unique_ptr<AdminApi> api_;
};

}  // namespace sovmesh::control
