#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "base/hash.h"
#include "tests/flow/access_world.h"

// What reviews of the admin API found, so that it stays mended.
namespace sovmesh::control {
namespace {

using testing::HasSubstr;
using testing::Not;

class AdminReviewTest : public AccessWorld {
 protected:
  AdminReviewTest() { fill(); }
};

// All else of a key can be known, and of a user's limit.
TEST_F(AdminReviewTest, TheDigestOfAKeyOrALimitIsWithoutItsOwnersName) {
  const auto check = [&](const std::string& method, const std::string& path,
                         const std::string& body, const std::vector<std::string>& names) {
    const auto reply = call("", method, path, body);
    ASSERT_THAT(reply, Succeeds());
    auto object = nlohmann::json::parse(reply->body);
    const auto after = audit_.entries.back().admin->after;
    object.erase("key");
    EXPECT_THAT(object.dump(), HasSubstr("annika"));
    EXPECT_NE(after, sha256(object.dump())) << path;
    for (const std::string& name : names)
      object.erase(name);
    EXPECT_THAT(object.dump(), Not(HasSubstr("annika")));
  };
  check("POST", "keys", R"({"tenant":"aurora","owner":"annika"})", {"owner"});
  check("PUT", "limits",
        R"({"tenant":"aurora","user":"annika","measure":"requests","window":"day","amount":5})",
        {"user", "name"});
}

// Of a user, so that whoever read it sees that the roles are others now.
TEST_F(AdminReviewTest, TheETagOfAUserChangesWithTheMemberships) {
  const auto etag = [&] { return call("", "GET", "users/finance")->etag; };
  const std::string first = etag();
  const std::string given = must("POST", "memberships", R"({"user":"finance","role":"auditor"})");
  const std::string second = etag();
  EXPECT_NE(first, second);
  EXPECT_THAT(call("", "DELETE", "users/finance", "", first), FailsWith(Code::precondition_failed));
  must("DELETE", "memberships/" + member(given, "id"));
  EXPECT_NE(etag(), second);
  const auto made = call("", "POST", "users", R"({"login":"new","role":"finance"})");
  EXPECT_EQ(made->etag, call("", "GET", "users/new")->etag);
}

// What hashing takes, nobody else waits for: it is over before a write's turn begins.
TEST_F(AdminReviewTest, APasswordIsHashedBeforeTheTurnOfWrites) {
  constexpr std::size_t kSaltBytes = 16;
  struct Salt : Random {
    Salt(Random& from, std::vector<std::string>& log) : from_(from), log_(log) {}
    void fill(std::span<unsigned char> out) override {
      if (out.size() == kSaltBytes) log_.emplace_back("hash");
      from_.fill(out);
    }
    Random& from_;
    std::vector<std::string>& log_;
  };
  struct Turn : FakeAudit {
    store::AuditStats stats() const override {
      log->emplace_back("turn");
      return FakeAudit::stats();
    }
    std::vector<std::string>* log = nullptr;
  };
  std::vector<std::string> log;
  Salt random(world_.random(), log);
  Turn audit;
  audit.log = &log;
  RecordedChanges changes({*store_, publisher_, &audit});
  AdminApi::Parts parts{*store_,
                        ledger_,
                        publisher_,
                        changes,
                        authenticator_,
                        world_.clock(),
                        random,
                        [this] { return engines_; },
                        [] { return std::vector<std::string>(); }};
  parts.audit = &audit;
  parts.password_cost = {.memory_kib = 64, .passes = 1};
  AdminApi api(std::move(parts));
  const auto write = [&](const std::string& method, const std::string& path,
                         const std::string& body) {
    log.clear();
    EXPECT_THAT(api.call({.method = method,
                          .path = "/api/v1/" + path,
                          .query = "",
                          .body = body,
                          .caller = access::Caller::machine_owner()}),
                Succeeds());
    EXPECT_EQ(log, (std::vector<std::string>{"hash", "turn"})) << method;
  };
  write("POST", "users", R"({"login":"new","password":"blue kettle 47 north"})");
  write("PATCH", "users/new", R"({"password":"orange ladder 12 south"})");
}

}  // namespace
}  // namespace sovmesh::control
