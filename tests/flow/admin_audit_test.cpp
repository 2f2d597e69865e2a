#include <gmock/gmock.h>

#include <memory>

#include "audit_files/entry_form.h"
#include "control/admin_api.h"
#include "control/rollouts.h"
#include "rt/sim/sim.h"
#include "store_sqlite/open.h"
#include "tests/support/memory_ledger.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

// What the admin API and the audit log promise each other.
namespace sovmesh::control {
namespace {

using audit_files::SimFiles;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class AdminAuditTest : public testing::Test {
 protected:
  AdminAuditTest() {
    EXPECT_THAT(audit_.open(), Succeeds());
    changes_ = std::make_unique<RecordedChanges>(
        RecordedChanges::Parts{*store_, publisher_, audit_.log.get()});
    api_ = std::make_unique<AdminApi>(
        AdminApi::Parts{*store_,
                        ledger_,
                        publisher_,
                        *changes_,
                        authenticator_,
                        world_.clock(),
                        world_.random(),
                        [] { return std::vector<std::shared_ptr<engine::Engine>>(); },
                        [] { return std::vector<std::string>(); },
                        {},
                        {},
                        {},
                        audit_.log.get(),
                        {},
                        &rollouts_});
  }
  Result<AdminReply> call(std::string method, std::string path, std::string body = {}) {
    const auto question = std::min(path.find('?'), path.size());
    return api_->call({.method = std::move(method),
                       .path = "/api/v1/" + path.substr(0, question),
                       .query = path.substr(std::min(question + 1, path.size())),
                       .body = std::move(body),
                       .actor_type = store::AdminEntry::Actor::local_user,
                       .actor = "uid:1000",
                       .source = "socket",
                       .caller = access::Caller::machine_owner()});
  }
  static std::string member_id(const Result<AdminReply>& reply) {
    const std::string start = R"("id":")";
    const auto at = reply->body.find(start) + start.size();
    return reply->body.substr(at, reply->body.find('"', at) - at);
  }
  // Bytes of all entries, newest first.
  std::string entries(std::string action = {}) {
    std::string all;
    const auto page = audit_.log->list({.action = std::move(action)}, 1'000);
    EXPECT_THAT(page, Succeeds());
    for (const store::AuditRecord& record : page->records)
      all += record.bytes + "\n";
    return all;
  }
  // Of the changes of tenants, newest first.
  std::vector<std::string> outcomes() {
    std::vector<std::string> all;
    for (const store::AuditRecord& record : audit_.log->list({.action = "tenant.*"}, 100)->records)
      all.emplace_back(record.bytes.contains(R"("outcome":"ok")") ? "ok" : "failed");
    return all;
  }
  DirectoryPublisher::Work make_tenant() {
    return [this](store::ControlStore& store) -> Result<void> {
      TRY_VOID(store.create(tenancy::Tenant{.id = {Ulid::make({}, world_.random())},
                                            .slug = *TenantSlug::parse("aurora")}));
      return {};
    };
  }
  static RecordedChanges::Tell tell() {
    return [](store::ControlStore&) { return store::AdminEntry{.action = "tenant.create"}; };
  }
  std::uint64_t size() { return audit_.log->stats().size; }

  rt::sim::SimWorld world_{1};
  store_sqlite::SimDisk disk_{1};
  std::unique_ptr<store::ControlStore> store_ =
      *store_sqlite::open_control_store(disk_, "control.db", world_.clock());
  // Counts requests, as far as erasing asks.
  class CountingLedger : public MemoryLedger {
    Result<std::vector<store::UsageSum>> sum(const store::UsageQuery& query) override {
      store::UsageSum sum;
      for (const auto& [id, row] : records)
        sum.requests += row.intent.tenant == query.tenant && row.intent.user == query.user ? 1 : 0;
      return std::vector{sum};
    }
  };
  CountingLedger ledger_;
  identity::Authenticator authenticator_{{{1, Secret("pepper")}}, {}};
  DirectoryPublisher publisher_{*store_, authenticator_, world_.clock(), world_.random()};
  Rollouts rollouts_{{*store_, publisher_.directory(), world_.clock(), [](const catalog::Model&) {
                        return rollout::Readiness{.ready = true, .why = {}};
                      }}};
  audit_files::TestLog audit_;
  std::unique_ptr<RecordedChanges> changes_;
  std::unique_ptr<AdminApi> api_;
};

TEST_F(AdminAuditTest, EveryChangeIsRecordedBeforeItIsAnswered) {
  const std::uint64_t before = size();
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  ASSERT_THAT(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"), Succeeds());
  ASSERT_THAT(call("PATCH", "tenants/aurora", R"({"suspended":true})"), Succeeds());
  ASSERT_THAT(call("DELETE", "tenants/aurora"), Succeeds());
  EXPECT_EQ(size(), before + 4);
  EXPECT_THAT(entries("tenant.*"), HasSubstr("tenant.delete"));
  EXPECT_THAT(entries("key.create"), HasSubstr(R"("actor_type":"user")"));
  EXPECT_THAT(entries(), Not(HasSubstr("alice")));
  EXPECT_THAT(entries(), Not(HasSubstr("uid:1000")));
}

TEST_F(AdminAuditTest, AShareOfAPoolChangesWithItsEntryOrNotAtAll) {
  config::Config config;
  config.tenants = {{.name = "aurora"}};
  config.pools = {{.name = "gpu", .engines = {"tiny"}}};
  ASSERT_THAT(publisher_.apply(config), Succeeds());
  const std::uint64_t before = size();
  ASSERT_THAT(call("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":3})"), Succeeds());
  ASSERT_THAT(call("POST", "pools/gpu/remove", R"({"tenant":"aurora"})"), Succeeds());
  EXPECT_EQ(size(), before + 2);
  EXPECT_THAT(entries("pool.set"), HasSubstr("pools/gpu"));
  EXPECT_THAT(entries("pool.remove"), HasSubstr(R"("outcome":"ok")"));
  audit_.files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(call("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":5})"),
              FailsWith(Code::dependency_unavailable));
  EXPECT_TRUE(store_->load()->pool_members.empty());
  EXPECT_TRUE(publisher_.state().pools->at(0).members.empty());
}

TEST_F(AdminAuditTest, ARouteAndItsRolloutChangeWithAnEntryOfWhoDidIt) {
  config::Config config;
  config.engines = {{.name = "tiny"}};
  config.models = {{.name = "old", .engine = "tiny"}, {.name = "new", .engine = "tiny"}};
  ASSERT_THAT(publisher_.apply(config), Succeeds());
  const std::uint64_t before = size();
  ASSERT_THAT(call("POST", "routes",
                   R"({"name":"chat","versions":[{"model":"old","weight":1},)"
                   R"({"model":"new","stage":"canary"}]})"),
              Succeeds());
  ASSERT_THAT(call("PATCH", "routes/chat", R"({"sticky":"user"})"), Succeeds());
  ASSERT_THAT(call("PATCH", "routes/chat", "{}"), Succeeds());  // changes nothing: no entry
  ASSERT_THAT(call("POST", "rollouts", R"({"route":"chat","candidate":"new"})"), Succeeds());
  for (const char* act : {"pause", "resume", "promote"})
    ASSERT_THAT(call("POST", std::string("rollouts/chat/") + act), Succeeds()) << act;
  ASSERT_THAT(call("POST", "rollouts", R"({"route":"chat","candidate":"old"})"), Succeeds());
  ASSERT_THAT(call("POST", "rollouts/chat/abort"), Succeeds());
  ASSERT_THAT(call("DELETE", "routes/chat"), Succeeds());
  EXPECT_EQ(size(), before + 9);
  const auto page =
      audit_.log->list({.subject = store::AuditSubject{std::nullopt, "uid:1000"}}, 100);
  ASSERT_THAT(page, Succeeds());
  EXPECT_EQ(page->records.size(), 9U) << "who it was can be asked for";
  EXPECT_THAT(entries("route.update"), HasSubstr(R"("object_ref":"routes/chat")"));
  EXPECT_THAT(entries("rollout.pause"), HasSubstr(R"("actor_type":"user")"));
  EXPECT_THAT(entries("rollout.abort"), HasSubstr(R"("outcome":"ok")"));

  audit_.files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(call("POST", "routes", R"({"name":"chat","versions":[{"model":"old","weight":1}]})"),
              FailsWith(Code::dependency_unavailable));
  EXPECT_TRUE(stored_routes(*store_)->empty());
  EXPECT_TRUE(publisher_.directory().get()->models().routes().empty());
}

TEST_F(AdminAuditTest, WhatIsReadOfObjectsIsNotRecordedAndWhatIsReadOfTheLogIs) {
  const std::uint64_t before = size();
  ASSERT_THAT(call("GET", "tenants"), Succeeds());
  EXPECT_EQ(size(), before);
  ASSERT_THAT(call("GET", "audit/entries"), Succeeds());
  EXPECT_EQ(size(), before + 1);
  EXPECT_THAT(entries("audit.read"), HasSubstr("audit/entries"));
}

TEST_F(AdminAuditTest, ARefusedChangeIsNoEntry) {
  const std::uint64_t before = size();
  EXPECT_THAT(call("POST", "tenants", R"({"slug":"A"})"), FailsWith(Code::invalid_value));
  EXPECT_EQ(size(), before);
}

TEST_F(AdminAuditTest, NothingChangesThatCannotBeRecorded) {
  audit_.files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(audit_.log->append({.action = "test"}), FailsWith(Code::dependency_unavailable));
  EXPECT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"),
              FailsWith(Code::dependency_unavailable));
  EXPECT_TRUE(store_->load()->tenants.empty());
  audit_.files.fail_write(0, Code::overloaded, 0);
  EXPECT_THAT(audit_.log->append({.action = "test"}), Succeeds());
  EXPECT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
}

TEST_F(AdminAuditTest, OnAFullDiskWhatReadsGoesOnAndWhatChangesDoesNot) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  audit_.files.set_free_bytes(0);
  audit_.files.fail_write(1, Code::overloaded);
  EXPECT_THAT(audit_.log->append({.action = "test"}), FailsWith(Code::dependency_unavailable));
  EXPECT_THAT(call("POST", "ledger/verify"), Succeeds()) << "it leaves no entry";
  EXPECT_THAT(call("GET", "audit/holds"), Succeeds());
  EXPECT_THAT(call("POST", "audit/backup", R"({"created_at":"2027-01-31T12:00:00Z"})"), Succeeds());
  EXPECT_THAT(entries("audit.read"), HasSubstr("audit/holds"));
  EXPECT_THAT(call("POST", "tenants", R"({"slug":"borealis"})"),
              FailsWith(Code::dependency_unavailable));
  EXPECT_EQ(store_->load()->tenants.size(), 1U);
}

// The disk fills up between the change and its entry: the data path must not see the change.
TEST_F(AdminAuditTest, WhatCouldNotBeRecordedDoesNotTakeEffect) {
  const auto seen = publisher_.directory().get();
  audit_.files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"),
              FailsWith(Code::dependency_unavailable));
  EXPECT_EQ(publisher_.directory().get(), seen) << "published";
  EXPECT_TRUE(store_->load()->tenants.empty()) << "the next reload would publish it";
  audit_.files.fail_write(0, Code::overloaded, 0);
  ASSERT_THAT(audit_.log->append({.action = "test"}), Succeeds());
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"borealis"})"), Succeeds());
  EXPECT_THAT(outcomes(), ElementsAre("ok", "failed")) << "what was tried is told of";
}

// The disk of the control store fails when the entry is there already.
TEST_F(AdminAuditTest, AChangeThatCannotBeStoredIsToldOfAsFailed) {
  const auto seen = publisher_.directory().get();
  const auto fails = changes_->make(
      "tenant.create",
      [&](const auto& agree) {
        return publisher_.change(make_tenant(), [&](auto& store, const auto& next) -> Result<void> {
          TRY_VOID(agree(store, next));
          return our_error(Code::io_error, "the disk is gone");
        });
      },
      tell());
  EXPECT_THAT(fails, FailsWith(Code::io_error));
  EXPECT_EQ(publisher_.directory().get(), seen);
  EXPECT_TRUE(store_->load()->tenants.empty());
  EXPECT_THAT(outcomes(), ElementsAre("failed", "ok")) << "newest first";
}

// kill -9 between the entry and the commit.
TEST_F(AdminAuditTest, AProcessThatDiesBetweenEntryAndCommitIsToldOfByTheNext) {
  store_sqlite::SimDisk left(1);
  ASSERT_THAT(changes_->make(
                  "tenant.create",
                  [&](const auto& agree) {
                    return publisher_.change(make_tenant(), [&](auto& store, const auto& next) {
                      const Result<void> agreed = agree(store, next);
                      left.copy_from(disk_);
                      return agreed;
                    });
                  },
                  tell()),
              Succeeds());
  ASSERT_THAT(outcomes(), ElementsAre("ok"));
  const auto store = *store_sqlite::open_control_store(left, "control.db", world_.clock());
  EXPECT_TRUE(store->load()->tenants.empty());
  RecordedChanges next({*store, publisher_, audit_.log.get()});
  ASSERT_THAT(next.settle(), Succeeds());
  EXPECT_THAT(outcomes(), ElementsAre("failed", "ok"));
  ASSERT_THAT(next.settle(), Succeeds());
  EXPECT_THAT(outcomes(), ElementsAre("failed", "ok")) << "told once";
}

// A configuration whose limits cannot be counted is not half in force.
TEST_F(AdminAuditTest, AConfigurationIsInForceWithItsLimitsOrNotAtAll) {
  int uses = 0;
  RecordedChanges changes({*store_, publisher_, audit_.log.get(),
                           [&](const RecordedChanges::State& next) -> Result<void> {
                             ++uses;
                             if (next.directory->tenant_by_slug("aurora") == nullptr) return {};
                             return our_error(Code::io_error, "the ledger cannot be read");
                           }});
  config::Config config;
  config.tenants.push_back({.name = "aurora"});
  const auto seen = publisher_.directory().get();
  const auto apply = [&](const auto& agree) -> Result<void> {
    TRY_VOID(publisher_.apply(config, agree));
    return {};
  };
  EXPECT_THAT(changes.make("tenant.create", apply, tell()), FailsWith(Code::io_error));
  EXPECT_EQ(publisher_.directory().get(), seen);
  EXPECT_TRUE(store_->load()->tenants.empty());
  EXPECT_THAT(outcomes(), ElementsAre()) << "the caller tells of what was refused";

  config.tenants.front().name = "borealis";
  audit_.files.fail_write(1, Code::overloaded, SimFiles::kForever);
  uses = 0;
  EXPECT_THAT(changes.make("tenant.create", apply, tell()),
              FailsWith(Code::dependency_unavailable));
  EXPECT_EQ(uses, 2) << "the limits of before are in force again";
  EXPECT_EQ(publisher_.directory().get(), seen);
  EXPECT_TRUE(store_->load()->tenants.empty());
}

// Wherever the process dies, log and store say the same afterwards.
TEST_F(AdminAuditTest, WhereverTheProcessDiesTheLogTellsWhatTheStoreHas) {
  int made = 0;
  int not_made = 0;
  bool ended = false;
  for (std::uint64_t at = 1; !ended; ++at) {
    store_sqlite::SimDisk disk(at);
    audit_files::TestLog log;
    ASSERT_THAT(log.open(), Succeeds());
    const auto run = [&](const auto& use) {
      const auto store = *store_sqlite::open_control_store(disk, "control.db", world_.clock());
      DirectoryPublisher publisher(*store, authenticator_, world_.clock(), world_.random());
      RecordedChanges changes({*store, publisher, log.log.get()});
      use(*store, publisher, changes);
    };
    run([&](auto&, auto& publisher, auto& changes) {
      ASSERT_THAT(publisher.publish(), Succeeds());
      disk.end_at_call(at, at % 2 == 0 ? store_sqlite::SimDisk::End::kill
                                       : store_sqlite::SimDisk::End::power_loss);
      ended =
          changes
              .make(
                  "tenant.create",
                  [&](const auto& agree) { return publisher.change(make_tenant(), agree); }, tell())
              .has_value() &&
          disk.powered();
    });
    disk.power_on();
    run([&](auto& store, auto&, auto& changes) {
      ASSERT_THAT(changes.settle(), Succeeds());
      const bool is_there = !store.load()->tenants.empty();
      ++(is_there ? made : not_made);
      const auto told = log.log->list({.action = "tenant.create"}, 10)->records;
      const bool said = !told.empty() && told.front().bytes.contains(R"("outcome":"ok")");
      EXPECT_EQ(said, is_there) << "at call " << at;
    });
  }
  EXPECT_GT(made, 1);
  EXPECT_GT(not_made, 10);
}

TEST_F(AdminAuditTest, AProofComesWithAllThatVerifiesIt) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  const auto reply = call("GET", "audit/entries/2/proof");
  ASSERT_THAT(reply, Succeeds());
  for (const std::string part :
       {R"("bytes":"{\"v\":1,)", R"("proof":[")", R"("checkpoint":"test.)", R"("keys":"test.)"})
    EXPECT_THAT(reply->body, HasSubstr(part));
  EXPECT_THAT(call("GET", "audit/entries/99/proof"), FailsWith(Code::not_found));
  EXPECT_THAT(call("GET", "audit/entries/x"), FailsWith(Code::invalid_value));
}

TEST_F(AdminAuditTest, AnErasureDoesNotNameItsSubject) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  ASSERT_THAT(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"), Succeeds());
  ASSERT_THAT(call("POST", "audit/erase", R"({"tenant":"aurora","subject":"alice"})"), Succeeds());
  EXPECT_THAT(call("POST", "audit/erase", R"({"tenant":"aurora","subject":"alice"})"),
              FailsWith(Code::not_found));
  const std::uint64_t end = size();
  for (std::uint64_t i = 0; i < end; ++i) {
    EXPECT_THAT(audit_.log->entry(i)->bytes, Not(HasSubstr("alice")));
    if (const auto detail = audit_.log->detail(i)) {
      EXPECT_THAT(*detail, Not(HasSubstr("alice")));
    }
  }
}

TEST_F(AdminAuditTest, AnErasureSaysWhatItErasedAlsoOfWhomTheLogDoesNotKnow) {
  const std::string tenant = member_id(call("POST", "tenants", R"({"slug":"aurora"})"));
  const std::string alice = R"({"tenant":"aurora","subject":"alice"})";
  metering::Intent& intent = ledger_.records[RequestId{}].intent;
  intent.tenant = TenantId{*Ulid::parse(tenant)};
  intent.user = "alice";
  const auto erased = call("POST", "audit/erase", alice);
  ASSERT_THAT(erased, Succeeds()) << "only the ledger knew the name";
  EXPECT_THAT(erased->body, HasSubstr(R"("log_key":false,"revoked_keys":0,"ledger_subjects":1)"));
  EXPECT_THAT(call("POST", "audit/erase", alice), FailsWith(Code::not_found));
}

TEST_F(AdminAuditTest, ARevokedKeyForgetsItsOwnerAndOneInUseIsToldOf) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  const std::string body = R"({"tenant":"aurora","owner":"alice"})";
  const std::string revoked = member_id(call("POST", "keys", body));
  const std::string in_use = member_id(call("POST", "keys", body));
  ASSERT_THAT(call("POST", "keys/" + revoked + "/revoke", ""), Succeeds());
  const std::string alice = R"({"tenant":"aurora","subject":"alice"})";
  const auto erased = call("POST", "audit/erase", alice);
  ASSERT_THAT(erased, Succeeds());
  EXPECT_THAT(erased->body, HasSubstr(R"("log_key":true,"revoked_keys":1)"));
  EXPECT_THAT(erased->body, HasSubstr(R"("still_named":1)"));
  EXPECT_THAT(call("GET", "keys/" + revoked)->body, HasSubstr(R"("owner":null)"));
  EXPECT_THAT(call("GET", "keys/" + in_use)->body, HasSubstr(R"("owner":"alice")"));
  EXPECT_THAT(entries("key.forget"), HasSubstr(R"("count":1)"));
  const auto again = call("POST", "audit/erase", alice);
  EXPECT_THAT(again, FailsWith(Code::not_found));
  EXPECT_THAT(again.error().message(), HasSubstr("not revoked"));
  // The key was revoked later: the log does not know the name any more.
  ASSERT_THAT(call("POST", "keys/" + in_use + "/revoke", ""), Succeeds());
  EXPECT_THAT(call("POST", "audit/erase", alice), Succeeds());
  EXPECT_THAT(call("GET", "keys/" + in_use)->body, HasSubstr(R"("owner":null)"));
}

TEST_F(AdminAuditTest, WhoHadADeletedKeyOrLimitIsKnownAndErased) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  const std::string key = member_id(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"));
  const std::string limit =
      member_id(call("POST", "limits",
                     R"({"tenant":"aurora","user":"bob","measure":"requests","window":"day",)"
                     R"("amount":5})"));
  const std::string alice = R"({"tenant":"aurora","subject":"alice"})";
  ASSERT_THAT(call("POST", "audit/erase", alice), Succeeds());
  ASSERT_THAT(call("DELETE", "keys/" + key), Succeeds());
  ASSERT_THAT(call("DELETE", "limits/" + limit), Succeeds());
  EXPECT_THAT(call("POST", "audit/erase", alice), Succeeds());
  EXPECT_THAT(call("POST", "audit/erase", R"({"tenant":"aurora","subject":"bob"})"), Succeeds());
  EXPECT_THAT(entries(), Not(HasSubstr("alice")));
  const auto nobody = call("POST", "audit/erase", alice);
  EXPECT_THAT(nobody, FailsWith(Code::not_found));
}

// The log's key is gone, and the API key too: only what the file has not written over is left.
TEST_F(AdminAuditTest, WhatIsLeftOfANameInTheStoreIsOverwrittenAndTold) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  const std::string key =
      member_id(call("POST", "keys", R"({"tenant":"aurora","owner":"annika.lindqvist"})"));
  const std::string annika = R"({"tenant":"aurora","subject":"annika.lindqvist"})";
  // Deleted by a process that had no audit log.
  ASSERT_THAT(call("POST", "audit/erase", annika), Succeeds());
  ASSERT_THAT(publisher_.change([&](store::ControlStore& store) -> Result<void> {
    const auto id = *KeyId::parse(key);
    TRY(const store::ControlData data, store.load());
    return store.remove(id, data.keys.front().meta.revision);
  }),
              Succeeds());
  const auto done = call("POST", "audit/erase", annika);
  ASSERT_THAT(done, Succeeds());
  EXPECT_THAT(done->body, HasSubstr(R"("log_key":false)"));
  EXPECT_THAT(done->body, HasSubstr(R"("overwritten":true,"still_named":0)"));
  EXPECT_THAT(entries("control.erase"), Not(HasSubstr("annika")));
  EXPECT_THAT(entries("control.erase"), HasSubstr(R"("outcome":"ok")"));
  EXPECT_THAT(call("POST", "audit/erase", annika), FailsWith(Code::not_found)) << "it is gone";
}

TEST_F(AdminAuditTest, ANameWhoseLettersAreStillInTheStoreIsNotSaidToBeGone) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  ASSERT_THAT(call("POST", "keys", R"({"tenant":"aurora","owner":"annika.lindqvist"})"),
              Succeeds());
  const auto part = call("POST", "audit/erase", R"({"tenant":"aurora","subject":"annika"})");
  EXPECT_THAT(part, FailsWith(Code::not_found));
  EXPECT_THAT(part.error().message(), HasSubstr("its letters still"));
}

TEST_F(AdminAuditTest, AHoldOnANameThatNobodyHasIsTakenWithAWarning) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  ASSERT_THAT(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"), Succeeds());
  const auto known = call("POST", "audit/hold", R"({"tenant":"aurora","subject":"alice"})");
  ASSERT_THAT(known, Succeeds());
  EXPECT_THAT(known->body, HasSubstr(R"("known":true)"));
  EXPECT_THAT(known->body, Not(HasSubstr("warning")));
  const auto slip = call("POST", "audit/hold", R"({"tenant":"aurora","subject":"alcie"})");
  ASSERT_THAT(slip, Succeeds());
  EXPECT_THAT(slip->body, HasSubstr(R"("known":false)"));
  EXPECT_THAT(slip->body, HasSubstr(R"("warning":"nobody of this name)"));
  EXPECT_EQ(audit_.log->holds()->size(), 2U);
}

TEST_F(AdminAuditTest, APatternThatIsNotReadIsRefused) {
  for (const std::string& query :
       {"action=*.create", "action=key.*e", "object=*", "action=key.*"}) {
    const auto reply = call("GET", "audit/entries?" + query);
    const bool fits = query == "object=*" || query == "action=key.*";
    EXPECT_EQ(reply.has_value(), fits) << query;
    if (!reply) EXPECT_EQ(reply.error().code(), Code::invalid_value);
  }
}

TEST_F(AdminAuditTest, WhatIsDeletedHasItsTenantInTheEntry) {
  config::Config config;
  config.pools = {{.name = "gpu", .engines = {"tiny"}}};
  ASSERT_THAT(publisher_.apply(config), Succeeds());
  const std::string tenant = member_id(call("POST", "tenants", R"({"slug":"aurora"})"));
  const std::string key = member_id(call("POST", "keys", R"({"tenant":"aurora"})"));
  ASSERT_THAT(call("POST", "pools/gpu/set", R"({"tenant":"aurora","weight":3})"), Succeeds());
  ASSERT_THAT(call("POST", "pools/gpu/remove", R"({"tenant":"aurora"})"), Succeeds());
  ASSERT_THAT(call("DELETE", "keys/" + key), Succeeds());
  ASSERT_THAT(call("DELETE", "tenants/aurora"), Succeeds());
  for (const char* action : {"pool.set", "pool.remove", "key.delete", "tenant.delete"})
    EXPECT_THAT(entries(action), HasSubstr(R"("tenant":")" + tenant)) << action;
}

TEST_F(AdminAuditTest, ARepeatedRequestIsExplainedByItsFirst) {
  const store::RequestEntry first = audit_.request();
  store::RequestEntry again = audit_.request();
  again.settled = first.request;
  audit_.log->note(again);
  const std::string id = audit_files::shown_id(again.request);
  const auto json = call("GET", "requests/" + id);
  ASSERT_THAT(json, Succeeds());
  EXPECT_THAT(json->body, HasSubstr(R"("state":"replayed")"));
  EXPECT_THAT(json->body, HasSubstr(R"("replay_of":")" + audit_files::shown_id(first.request)));
  const auto text = call("GET", "requests/" + id + "?format=text");
  ASSERT_THAT(text, Succeeds());
  EXPECT_THAT(text->body, HasSubstr(audit_files::shown_id(first.request)));
  EXPECT_THAT(call("GET", "requests/" + audit_files::shown_id(first.request)),
              FailsWith(Code::not_found));
}

TEST_F(AdminAuditTest, AnErasureReachesTheLedger) {
  const std::string tenant = member_id(call("POST", "tenants", R"({"slug":"aurora"})"));
  ASSERT_THAT(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"), Succeeds());
  metering::Intent& intent = ledger_.records[RequestId{}].intent;
  intent.tenant = TenantId{*Ulid::parse(tenant)};
  intent.user = "alice";
  const std::string alice = R"({"tenant":"aurora","subject":"alice"})";
  ASSERT_THAT(call("POST", "audit/hold", alice), Succeeds());
  EXPECT_THAT(call("POST", "audit/erase", alice), FailsWith(Code::conflict));
  EXPECT_EQ(intent.user, "alice") << "held";
  ASSERT_THAT(call("POST", "audit/release", alice), Succeeds());

  ledger_.broken = true;
  EXPECT_THAT(call("POST", "audit/erase", alice), FailsWith(Code::dependency_unavailable));
  EXPECT_THAT(entries("ledger.erase"), HasSubstr(R"("outcome":"failed")"));
  ledger_.broken = false;
  const auto again = call("POST", "audit/erase", alice);
  ASSERT_THAT(again, Succeeds()) << "it goes on where it failed";
  EXPECT_THAT(again->body, HasSubstr(R"("ledger_subjects":1)"));
  EXPECT_THAT(intent.user, testing::StartsWith("erased-"));
  EXPECT_THAT(entries("ledger.erase"), HasSubstr(intent.user)) << "so that the two can be joined";
  EXPECT_THAT(entries(), Not(HasSubstr("alice")));
  EXPECT_THAT(call("POST", "audit/erase", alice), FailsWith(Code::not_found));
}

TEST_F(AdminAuditTest, HoldsAreListed) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"borealis"})"), Succeeds());
  EXPECT_THAT(call("GET", "audit/holds")->body, HasSubstr(R"("data":[])"));
  ASSERT_THAT(
      call("POST", "audit/hold", R"({"tenant":"aurora","subject":"alice","reason":"case 7"})"),
      Succeeds());
  ASSERT_THAT(call("POST", "audit/hold", R"({"tenant":"borealis"})"), Succeeds());
  ASSERT_THAT(call("POST", "audit/hold", R"({"subject":"uid:1000"})"), Succeeds());
  const std::string all = call("GET", "audit/holds")->body;
  EXPECT_THAT(all, HasSubstr(R"("subject":"alice","whole_tenant":false,"since":")"));
  EXPECT_THAT(all, HasSubstr(R"("reason":"case 7")"));
  EXPECT_THAT(all, HasSubstr(R"("subject":null,"whole_tenant":true)"));
  EXPECT_THAT(all, HasSubstr(R"("tenant":null,"tenant_id":null,"subject":"uid:1000")"));
  const std::string one = call("GET", "audit/holds?tenant=aurora")->body;
  EXPECT_THAT(one, HasSubstr("alice"));
  EXPECT_THAT(one, Not(HasSubstr("uid:1000")));
  EXPECT_THAT(call("GET", "audit/holds?limit=1")->body, HasSubstr(R"("has_more":true)"));
  EXPECT_THAT(entries("audit.read"), HasSubstr("audit/holds"));
}

TEST_F(AdminAuditTest, AHoldThatIsNotOnCannotBeTakenOff) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  const std::string alice = R"({"tenant":"aurora","subject":"alice"})";
  const std::uint64_t before = size();
  EXPECT_THAT(call("POST", "audit/release", alice), FailsWith(Code::not_found));
  EXPECT_EQ(size(), before) << "nothing is written";
  ASSERT_THAT(call("POST", "audit/hold", R"({"tenant":"aurora"})"), Succeeds());
  const auto wrong = call("POST", "audit/release", alice);
  EXPECT_THAT(wrong, FailsWith(Code::not_found));
  EXPECT_THAT(wrong.error().message(), HasSubstr("whole tenant"));
}

TEST_F(AdminAuditTest, WhatIsUnderAHoldIsNotDeletedAndWhoTriedIsAnEntry) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"borealis"})"), Succeeds());
  const std::string key = member_id(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"));
  const std::string other = member_id(call("POST", "keys", R"({"tenant":"aurora","owner":"bob"})"));
  const std::string alice = R"({"tenant":"aurora","subject":"alice"})";
  ASSERT_THAT(call("POST", "audit/hold", alice), Succeeds());
  const std::string project = store_->load()->projects.front().id.value.text();
  for (const std::string& path :
       {std::string("tenants/aurora"), "projects/" + project, "keys/" + key}) {
    const auto refused = call("DELETE", path);
    EXPECT_THAT(refused, FailsWith(Code::conflict)) << path;
    EXPECT_THAT(refused.error().message(), HasSubstr("legal hold"));
    EXPECT_THAT(entries(), HasSubstr(R"("outcome":"denied")"));
    EXPECT_THAT(entries(), HasSubstr(path));
  }
  EXPECT_THAT(call("DELETE", "keys/" + other), Succeeds());
  EXPECT_THAT(call("DELETE", "tenants/borealis"), Succeeds());

  EXPECT_THAT(call("POST", "audit/erase", alice), FailsWith(Code::conflict));
  EXPECT_THAT(entries("audit.erase"), HasSubstr(R"("outcome":"denied")"));
  EXPECT_THAT(entries("audit.erase"), HasSubstr(R"("reason":"under a legal hold")"));
  EXPECT_THAT(entries(), Not(HasSubstr("alice")));

  ASSERT_THAT(call("POST", "audit/release", alice), Succeeds());
  EXPECT_THAT(call("DELETE", "tenants/aurora"), Succeeds());
}

TEST_F(AdminAuditTest, WhoIsUnderAHoldKeepsNameAndKeys) {
  ASSERT_THAT(call("POST", "tenants", R"({"slug":"aurora"})"), Succeeds());
  ASSERT_THAT(
      call("POST", "users", R"({"login":"alice","role":"tenant-viewer","tenant":"aurora"})"),
      Succeeds());
  const std::string key =
      "keys/" + member_id(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"));
  const std::string alice = R"({"tenant":"aurora","subject":"alice"})";
  ASSERT_THAT(call("POST", "audit/hold", alice), Succeeds());
  for (const char* const owner : {R"({"owner":"bob"})", R"({"owner":null})"})
    EXPECT_THAT(call("PATCH", key, owner), FailsWith(Code::conflict)) << owner;
  EXPECT_THAT(call("PATCH", key, R"({"owner":"alice","display_name":"hers"})"), Succeeds());
  EXPECT_THAT(call("PATCH", "users/alice", R"({"login":"bob"})"), FailsWith(Code::conflict));
  EXPECT_THAT(call("DELETE", "users/alice"), FailsWith(Code::conflict));
  EXPECT_THAT(entries("user.delete"), HasSubstr(R"("outcome":"denied")"));
  EXPECT_THAT(entries(), Not(HasSubstr("alice")));
  EXPECT_THAT(call("PATCH", "users/alice", R"({"login":"Alice","disabled":true})"), Succeeds());
  ASSERT_THAT(call("POST", "audit/release", alice), Succeeds());
  EXPECT_THAT(call("PATCH", key, R"({"owner":"bob"})"), Succeeds());
  EXPECT_THAT(call("PATCH", "users/alice", R"({"login":"bob"})"), Succeeds());
  EXPECT_THAT(call("DELETE", "users/bob"), Succeeds());
}

// The file must not do what the API may not.
TEST_F(AdminAuditTest, ATenantUnderAHoldStaysInForceWhenItsFileLeavesItOut) {
  config::Config config;
  config.tenants.push_back({.name = "aurora"});
  const auto apply = [&] {
    return changes_->make(
        "config.apply",
        [&](const auto& agree) -> Result<void> {
          TRY_VOID(publisher_.apply(config, agree));
          return {};
        },
        tell());
  };
  ASSERT_THAT(apply(), Succeeds());
  ASSERT_THAT(call("POST", "audit/hold", R"({"tenant":"aurora"})"), Succeeds());
  config.tenants.clear();
  const auto refused = apply();
  EXPECT_THAT(refused, FailsWith(Code::conflict));
  EXPECT_THAT(refused.error().message(), HasSubstr("'aurora' is under a legal hold"));
  EXPECT_EQ(store_->load()->tenants.size(), 1);
  ASSERT_THAT(call("POST", "audit/release", R"({"tenant":"aurora"})"), Succeeds());
  EXPECT_THAT(apply(), Succeeds());
}

TEST_F(AdminAuditTest, ADeletedTenantIsKnownByItsLastName) {
  const std::string tenant = member_id(call("POST", "tenants", R"({"slug":"aurora"})"));
  ASSERT_THAT(call("POST", "keys", R"({"tenant":"aurora","owner":"alice"})"), Succeeds());
  ASSERT_THAT(call("DELETE", "tenants/aurora"), Succeeds());
  ASSERT_THAT(call("POST", "audit/hold", R"({"tenant":"aurora"})"), Succeeds());
  EXPECT_THAT(call("GET", "audit/holds")->body, HasSubstr(R"("tenant_id":")" + tenant));
  ASSERT_THAT(call("POST", "audit/release", R"({"tenant":")" + tenant + "\"}"), Succeeds());
  ASSERT_THAT(call("POST", "audit/erase", R"({"tenant":"aurora","subject":"alice"})"), Succeeds());
  EXPECT_THAT(call("POST", "audit/hold", R"({"tenant":"corona"})"), FailsWith(Code::not_found));
}

TEST_F(AdminAuditTest, ABackupIsEnteredByWhoMadeIt) {
  ASSERT_THAT(
      call("POST", "audit/backup", R"({"created_at":"2027-01-31T12:00:00Z","ledger_seq":4711})"),
      Succeeds());
  EXPECT_THAT(entries("backup.create"), HasSubstr("backup/2027-01-31T12:00:00Z"));
  EXPECT_THAT(entries("backup.create"), HasSubstr("up to ledger row 4711"));
  EXPECT_THAT(call("POST", "audit/backup", R"({"created_at":"today"})"),
              FailsWith(Code::invalid_value));
}

TEST_F(AdminAuditTest, WritesToTheLogAreReadStrictly) {
  for (const std::string body : {R"({"subject":""})", R"({})", R"({"tenant":"nobody"})"})
    EXPECT_FALSE(call("POST", "audit/erase", body)) << body;
  EXPECT_THAT(call("POST", "audit/hold", "{}"), FailsWith(Code::missing_required_parameter));
  EXPECT_THAT(call("POST", "audit/rotate-key", R"({"subject":"x"})"),
              FailsWith(Code::unsupported_parameter));
  EXPECT_THAT(call("POST", "audit/forget", "{}"), FailsWith(Code::unknown_url));
  EXPECT_THAT(call("DELETE", "audit/entries"), FailsWith(Code::method_not_supported));
}

}  // namespace
}  // namespace sovmesh::control
