#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compose/webhook_hub.h"
#include "control/event_log.h"
#include "http/server_fixture.h"
#include "rt/task_group.h"
#include "tests/flow/access_world.h"

// Webhooks of the admin API: made, told of events over a simulated network, changed, ended.
namespace sovmesh::control {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class Receiver : public http::Handler {
 public:
  struct Delivery {
    std::string path;
    std::string id;
    std::string timestamp;
    std::string signature;
    std::string body;
  };
  rt::Task<void> handle(http::Exchange& exchange) override {
    Delivery got;
    got.path = exchange.head().path;
    for (const auto& [name, to] : {std::pair("webhook-id", &got.id),
                                   {"webhook-timestamp", &got.timestamp},
                                   {"webhook-signature", &got.signature}}) {
      *to = exchange.head().fields.find(name).value_or("");
    }
    auto body = co_await exchange.read_body({});
    if (body) got.body = body->bytes();
    all.push_back(got);
    http::ResponseHead head;
    head.status = status;
    co_await exchange.respond(head, "");
  }
  std::vector<std::string> types(const std::string& path) const {
    std::vector<std::string> out;
    for (const Delivery& one : all)
      if (one.path == path) out.push_back(json::parse(one.body).value("type", ""));
    return out;
  }
  int status = 204;
  std::vector<Delivery> all;
};

class Literals : public rt::Resolver {
 public:
  rt::Task<Result<std::vector<rt::IpAddress>>> resolve(std::string host, rt::Until) override {
    co_return std::vector{*rt::IpAddress::parse(host)};
  }
};

class WebhooksTest : public AccessWorld {
 protected:
  WebhooksTest() {
    fill();
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:0"), {});
    server_ = std::make_unique<http::Server>(world_.loop(), *std::move(listener), receiver_,
                                             http::ServerOptions());
    tasks_.spawn(server_->run());
    origin_ = "http://" + rt::to_text(server_->local());
    silent_ = *network_.listen(*rt::parse_endpoint("127.0.0.1:0"), {});
    start({origin_, "http://" + rt::to_text(silent_->local())});
  }
  ~WebhooksTest() override {
    stop();
    pool_.close_idle();
    world_.run(server_->drain(world_.loop().in(seconds(0))), minutes(60));
    server_.reset();
    world_.run_for(seconds(1));
  }

  // The API and the hub of a process.
  void start(const std::vector<std::string>& allowed) {
    ASSERT_THAT(publisher_.publish(), Succeeds());
    events_ = std::make_unique<EventLog>(world_.clock());
    hub_ = std::make_unique<compose::WebhookHub>(
        compose::WebhookHub::Parts{.records = publisher_.webhooks(),
                                   .events = *events_,
                                   .authenticator = authenticator_,
                                   .allowed = *webhook::Allowed::make(allowed),
                                   .loop = world_.loop(),
                                   .pool = pool_,
                                   .random = world_.random()});
    AdminApi::Parts parts = admin_parts(ledger_);
    parts.events = events_.get();
    parts.webhooks = hub_->desk();
    api_ = std::make_unique<AdminApi>(std::move(parts));
    stopping_ = std::make_unique<rt::Event>(world_.loop());
    tasks_.spawn(hub_->run(*stopping_));
  }
  void stop() {
    stopping_->set();
    world_.run_for(seconds(1));
    api_.reset();
    hub_.reset();
  }

  TenantId tenant(const std::string& slug) {
    return {*Ulid::parse(member(must("GET", "tenants/" + slug), "id"))};
  }
  void note(const std::string& kind, const std::string& of = {}) {
    Event event{.kind = kind, .subject = "somewhere", .text = kind};
    if (!of.empty()) event.tenant = Event::Tenant{.id = tenant(of), .slug = of};
    events_->note(std::move(event));
  }
  std::string body(const std::string& name, const std::string& tenant = {},
                   const std::string& events = R"(["*"])") {
    return R"({"name":")" + name + R"(","url":")" + origin_ + "/" + name + R"(","events":)" +
           events + (tenant.empty() ? "" : R"(,"tenant":")" + tenant + "\"") + "}";
  }
  json object(const std::string& name) { return json::parse(must("GET", "webhooks/" + name)); }

  rt::sim::SimNetwork network_{world_};
  Literals resolver_;
  http::ClientPool pool_{world_.loop(), network_, resolver_, {}};
  Receiver receiver_;
  rt::TaskGroup tasks_{world_.loop(), 8};
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<rt::Listener> silent_;  // nobody answers there
  std::string origin_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<compose::WebhookHub> hub_;
  std::unique_ptr<rt::Event> stopping_;
};

TEST_F(WebhooksTest, WhatHappensIsDeliveredAndSignedWithTheSecretThatIsShownOnce) {
  const std::string made = must("POST", "webhooks", body("pager"));
  const std::string secret = member(made, "secret");
  ASSERT_THAT(secret, StartsWith("whsec_"));
  note("engine.state");
  world_.run_for(seconds(1));
  ASSERT_THAT(receiver_.types("/pager"), ElementsAre("engine.state"));
  const Receiver::Delivery& got = receiver_.all.front();
  EXPECT_EQ(got.signature,
            webhook::sign(Secret(secret), got.id, std::stoll(got.timestamp), got.body));
  const json said = json::parse(got.body);
  EXPECT_EQ(said["data"]["severity"], "info");
  EXPECT_TRUE(said["data"]["tenant"].is_null());
  const json now = object("pager");
  EXPECT_EQ(now["state"], "ok");
  EXPECT_EQ(now["deliveries"]["delivered"], 1);
  EXPECT_EQ(now["deliveries"]["last_status"], 204);
  EXPECT_TRUE(now["deliveries"]["last_error"].is_null());
  for (const char* const path : {"webhooks", "webhooks/pager"})
    EXPECT_THAT(must("GET", path), Not(HasSubstr("secret"))) << path;
  for (const FakeAudit::Entry& entry : audit_.entries)
    EXPECT_THAT(entry.admin->detail + entry.admin->object, Not(HasSubstr(secret.substr(6, 20))));
  EXPECT_THAT(actions(), Contains("webhook.create"));
  EXPECT_THAT(store_->load()->webhooks.at(0).secret, Not(HasSubstr(secret.substr(6, 20))));
}

TEST_F(WebhooksTest, ATenantsWebhookIsToldOfThatTenantAlone) {
  must("POST", "webhooks", body("all"));
  ok("aurora.tenant-admin", "POST", "webhooks", body("ours", "aurora"));
  ok("borealis.tenant-admin", "POST", "webhooks", body("theirs", "borealis", R"(["limit.*"])"));
  world_.run_for(seconds(1));
  note("config.reload");
  note("limit.threshold", "aurora");
  note("limit.threshold", "borealis");
  note("key.create", "borealis");
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.types("/all"),
              ElementsAre("config.reload", "limit.threshold", "limit.threshold", "key.create"));
  EXPECT_THAT(receiver_.types("/ours"), ElementsAre("limit.threshold"));
  EXPECT_THAT(receiver_.types("/theirs"), ElementsAre("limit.threshold"));
}

TEST_F(WebhooksTest, ForeignIsAsIfItWereNotThere) {
  const std::string theirs =
      member(ok("borealis.tenant-admin", "POST", "webhooks", body("theirs", "borealis")), "id");
  const std::string platforms = member(must("POST", "webhooks", body("pager")), "id");
  const std::string never = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  const auto plain = [&](const char* method, const std::string& id, const std::string& verb) {
    std::string bytes =
        bytes_of(call("aurora.tenant-admin", method, "webhooks/" + id + verb,
                      std::string(method) == "PATCH" ? R"({"enabled":false})" : ""));
    for (auto at = bytes.find(id); at != bytes.npos; at = bytes.find(id, at))
      bytes.replace(at, id.size(), "ID");
    return bytes;
  };
  for (const auto& [method, verb] : std::vector<std::pair<const char*, std::string>>{
           {"GET", ""}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/rotate"}, {"POST", "/test"}}) {
    EXPECT_THAT(plain(method, theirs, verb), StartsWith("404"));
    EXPECT_EQ(plain(method, theirs, verb), plain(method, never, verb)) << method << verb;
    EXPECT_EQ(plain(method, platforms, verb), plain(method, never, verb)) << method << verb;
    EXPECT_EQ(plain(method, "pager", verb), plain(method, "another", verb)) << method << verb;
  }
  EXPECT_THAT(ok("aurora.tenant-admin", "GET", "webhooks"), Not(HasSubstr("theirs")));
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "webhooks", body("mine", "borealis")),
            Code::not_found);
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "webhooks", body("mine")),
            Code::missing_required_parameter);
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "webhooks",
                    R"({"name":"mine","url":")" + origin_ + R"(/x","events":["*"],"tenant":null})"),
            Code::not_found);
}

TEST_F(WebhooksTest, WhoMayOnlyReadSeesNoPath) {
  const std::string id =
      member(ok("aurora.tenant-admin", "POST", "webhooks", body("ours", "aurora")), "id");
  for (const char* const login : {"aurora.tenant-admin", "platform-operator"})
    EXPECT_EQ(member(ok(login, "GET", "webhooks/" + id), "url"), origin_ + "/ours") << login;
  EXPECT_EQ(member(ok("auditor", "GET", "webhooks/" + id), "url"), origin_);
  EXPECT_THAT(ok("auditor", "GET", "webhooks"), Not(HasSubstr("/ours")));
  for (const char* const login : {"aurora.tenant-developer", "aurora.tenant-viewer"}) {
    EXPECT_EQ(member(ok(login, "GET", "webhooks/" + id), "url"), origin_) << login;
    EXPECT_EQ(refusal(login, "POST", "webhooks", body("mine", "aurora")),
              Code::insufficient_permissions);
    EXPECT_EQ(refusal(login, "POST", "webhooks/" + id + "/test"), Code::insufficient_permissions);
  }
  EXPECT_EQ(refusal("auditor", "DELETE", "webhooks/" + id), Code::insufficient_permissions);
  EXPECT_EQ(refusal("finance", "GET", "webhooks"), Code::insufficient_permissions);
}

TEST_F(WebhooksTest, AReceiverThatHangsKeepsNobodyWaiting) {
  must("POST", "webhooks",
       R"({"name":"silent","url":"http://)" + rt::to_text(silent_->local()) +
           R"(/x","events":["*"]})");
  must("POST", "webhooks", body("pager"));
  for (int i = 0; i < 5; ++i)
    note("engine.state");
  world_.run_for(seconds(1));
  EXPECT_EQ(receiver_.types("/pager").size(), 5U);
  world_.run_for(seconds(30));
  const json silent = object("silent");
  EXPECT_EQ(silent["state"], "failing");
  EXPECT_EQ(silent["deliveries"]["waiting"], 5);
  EXPECT_GE(silent["deliveries"]["retried"], 1);
  EXPECT_TRUE(silent["deliveries"]["last_status"].is_null());
  EXPECT_FALSE(silent["deliveries"]["last_error"].is_null());
}

TEST_F(WebhooksTest, WhatIsRefusedIsTriedAgain) {
  must("POST", "webhooks", body("pager"));
  receiver_.status = 500;
  note("engine.state");
  world_.run_for(seconds(1));
  EXPECT_EQ(object("pager")["state"], "failing");
  EXPECT_EQ(object("pager")["deliveries"]["last_status"], 500);
  receiver_.status = 204;
  world_.run_for(seconds(10));
  EXPECT_EQ(object("pager")["state"], "ok");
  EXPECT_EQ(object("pager")["deliveries"]["delivered"], 1);
}

TEST_F(WebhooksTest, NothingOfARequestBecomesAPlaceThatTheFileDoesNotName) {
  for (const std::string url : {"https://evil.example/", "http://169.254.169.254/latest"}) {
    const auto reply =
        call("", "POST", "webhooks", R"({"name":"pager","url":")" + url + R"(","events":["*"]})");
    ASSERT_THAT(reply, FailsWith(Code::invalid_value));
    EXPECT_THAT(reply.error().message(), HasSubstr("webhooks.allowed"));
  }
  must("POST", "webhooks", body("pager"));
  EXPECT_EQ(refusal("", "PATCH", "webhooks/pager", R"({"url":"https://evil.example/"})"),
            Code::invalid_value);
  for (const char* const url : {"", " ", "/pager"}) {
    const std::string whole =
        R"({"name":"empty","url":")" + std::string(url) + R"(","events":["*"]})";
    EXPECT_EQ(refusal("", "POST", "webhooks", whole), Code::invalid_value) << url;
    EXPECT_EQ(refusal("", "PUT", "webhooks/pager", whole), Code::invalid_value) << url;
    EXPECT_EQ(refusal("", "PATCH", "webhooks/pager", R"({"url":")" + std::string(url) + R"("})"),
              Code::invalid_value)
        << url;
  }
  store::WebhookRecord record = store_->load()->webhooks.at(0);
  record.url.clear();  // as a release of before took it
  ASSERT_THAT(store_->update(record), Succeeds());
  EXPECT_EQ(refusal("", "PATCH", "webhooks/pager", R"({"url":""})"), Code::invalid_value);
  stop();
  start({});
  const auto reply = call("", "POST", "webhooks", body("another"));
  ASSERT_THAT(reply, FailsWith(Code::conflict));
  EXPECT_THAT(reply.error().message(), HasSubstr("webhooks.allowed"));
}

TEST_F(WebhooksTest, OneThatIsNoLongerAllowedIsNotCalledAndSaysSo) {
  must("POST", "webhooks", body("pager"));
  stop();
  start({"https://elsewhere.example"});
  world_.run_for(seconds(1));
  note("engine.state");
  world_.run_for(seconds(30));
  EXPECT_THAT(receiver_.all, IsEmpty());
  EXPECT_EQ(object("pager")["state"], "not_allowed");
  EXPECT_EQ(refusal("", "POST", "webhooks/pager/test"), Code::conflict);
  must("PATCH", "webhooks/pager", R"({"events":["key.*"]})");
  EXPECT_EQ(object("pager")["state"], "not_allowed");
}

TEST_F(WebhooksTest, ARestartKeepsWebhooksAndTheirSecrets) {
  const std::string secret = member(must("POST", "webhooks", body("pager")), "secret");
  stop();
  start({origin_});
  note("engine.state");
  world_.run_for(seconds(1));
  ASSERT_THAT(receiver_.types("/pager"), ElementsAre("engine.state"));
  const Receiver::Delivery& got = receiver_.all.front();
  EXPECT_EQ(got.signature,
            webhook::sign(Secret(secret), got.id, std::stoll(got.timestamp), got.body));
}

TEST_F(WebhooksTest, ChangesTakeEffectWithoutARestart) {
  must("POST", "webhooks", body("pager"));
  world_.run_for(seconds(1));
  const std::string secret = member(must("POST", "webhooks/pager/rotate"), "secret");
  must("PATCH", "webhooks/pager",
       R"({"url":")" + origin_ + R"(/moved","events":["engine.*","engine.*"]})");
  world_.run_for(seconds(1));
  note("engine.state");
  note("config.reload");
  world_.run_for(seconds(1));
  ASSERT_THAT(receiver_.types("/moved"), ElementsAre("engine.state"));
  EXPECT_EQ(receiver_.all.size(), 1U);
  const Receiver::Delivery& got = receiver_.all.front();
  EXPECT_EQ(got.signature,
            webhook::sign(Secret(secret), got.id, std::stoll(got.timestamp), got.body));
  EXPECT_EQ(object("pager")["events"], json::array({"engine.*"}));
}

TEST_F(WebhooksTest, WhatIsDisabledOrDeletedEnds) {
  must("POST", "webhooks", body("one"));
  must("POST", "webhooks", body("two"));
  world_.run_for(seconds(1));
  receiver_.status = 500;
  note("engine.state");
  world_.run_for(seconds(1));
  must("PATCH", "webhooks/one", R"({"enabled":false})");
  must("DELETE", "webhooks/two");
  world_.run_for(seconds(1));
  const std::size_t tried = receiver_.all.size();
  receiver_.status = 204;
  world_.run_for(minutes(5));
  EXPECT_EQ(receiver_.all.size(), tried) << "neither is tried again";
  EXPECT_EQ(object("one")["state"], "disabled");
  EXPECT_EQ(object("one")["deliveries"]["dropped"], 1);
  EXPECT_EQ(object("one")["deliveries"]["waiting"], 0);
  EXPECT_EQ(refusal("", "GET", "webhooks/two"), Code::not_found);
  EXPECT_EQ(refusal("", "POST", "webhooks/one/test"), Code::conflict);
  EXPECT_EQ(hub_->stats().dropped, 2U);
  must("PATCH", "webhooks/one", R"({"enabled":true})");
  world_.run_for(seconds(1));
  note("config.reload");
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.types("/one"), Contains("config.reload"));
}

TEST_F(WebhooksTest, ATestGoesToTheOneAlone) {
  must("POST", "webhooks", body("pager", {}, R"(["key.*"])"));
  must("POST", "webhooks", body("other"));
  const auto reply = call("", "POST", "webhooks/pager/test");
  ASSERT_THAT(reply, Succeeds());
  EXPECT_EQ(reply->status, 202);
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.types("/pager"), ElementsAre("webhook.test"));
  EXPECT_THAT(receiver_.types("/other"), IsEmpty());
}

TEST_F(WebhooksTest, ATestSaysWhoseWebhookItIs) {
  const std::string id =
      member(ok("aurora.tenant-admin", "POST", "webhooks", body("ours", "aurora")), "id");
  ok("aurora.tenant-admin", "POST", "webhooks/" + id + "/test");
  must("POST", "webhooks", body("pager"));
  must("POST", "webhooks/pager/test");
  world_.run_for(seconds(1));
  ASSERT_THAT(receiver_.types("/ours"), ElementsAre("webhook.test"));
  ASSERT_THAT(receiver_.types("/pager"), ElementsAre("webhook.test"));
  for (const Receiver::Delivery& got : receiver_.all)
    EXPECT_EQ(json::parse(got.body)["data"]["tenant"],
              got.path == "/ours" ? json("aurora") : json());
}

TEST_F(WebhooksTest, ATestThatCannotBeSignedIsRefusedUntilItIsRotated) {
  must("POST", "webhooks", body("pager"));
  store::WebhookRecord record = store_->load()->webhooks.at(0);
  record.pepper_id = 9;  // one that is no more
  ASSERT_THAT(store_->update(record), Succeeds());
  ASSERT_THAT(publisher_.publish(), Succeeds());
  world_.run_for(seconds(1));
  EXPECT_EQ(object("pager")["state"], "failing");
  const auto reply = call("", "POST", "webhooks/pager/test");
  ASSERT_THAT(reply, FailsWith(Code::conflict));
  EXPECT_THAT(reply.error().message(), HasSubstr("rotate it"));
  must("POST", "webhooks/pager/rotate");
  must("POST", "webhooks/pager/test");
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.types("/pager"), ElementsAre("webhook.test"));
  EXPECT_EQ(object("pager")["state"], "ok");
}

TEST_F(WebhooksTest, ATestWaitsForASenderThatBeginsAgain) {
  must("POST", "webhooks", body("pager"));
  world_.run_for(seconds(1));
  must("PATCH", "webhooks/pager", R"({"enabled":false})");
  world_.run_for(compose::WebhookHub::kLook);
  must("PATCH", "webhooks/pager", R"({"enabled":true})");
  must("POST", "webhooks/pager/test");
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.types("/pager"), ElementsAre("webhook.test"));
}

TEST_F(WebhooksTest, WhatWaitsOutlivesARotation) {
  must("POST", "webhooks", body("pager"));
  receiver_.status = 500;
  note("engine.state");
  note("config.reload");
  world_.run_for(seconds(1));
  const std::string secret = member(must("POST", "webhooks/pager/rotate"), "secret");
  must("POST", "webhooks/pager/test");
  world_.run_for(2 * compose::WebhookHub::kLook);
  receiver_.status = 204;
  receiver_.all.clear();
  world_.run_for(seconds(10));
  EXPECT_THAT(receiver_.types("/pager"),
              ElementsAre("engine.state", "config.reload", "webhook.test"));
  for (const Receiver::Delivery& got : receiver_.all)
    EXPECT_EQ(got.signature,
              webhook::sign(Secret(secret), got.id, std::stoll(got.timestamp), got.body));
  EXPECT_EQ(object("pager")["deliveries"]["dropped"], 0);
}

TEST_F(WebhooksTest, AClockThatGoesBackSilencesNobody) {
  note("disk.full");
  world_.run_for(milliseconds(10));
  must("POST", "webhooks", body("pager"));
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.all, IsEmpty()) << "what was before it is not its own";
  world_.jump_wall(-std::chrono::hours(1));
  note("engine.state");
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.types("/pager"), ElementsAre("engine.state"));
}

// More than one look starts. A stop does not wait for the rest.
TEST_F(WebhooksTest, ManyBeginInSmallStepsAndMissNothing) {
  std::map<std::string, std::size_t> wanted;  // events of each path
  for (const std::string owner : {"", "aurora", "borealis"}) {
    for (std::size_t i = 0; i < store::WebhookRecord::kPerOwnerMax; ++i) {
      const std::string name = "hook-" + owner + std::to_string(i);
      must("POST", "webhooks", body(name, owner));
      wanted["/" + name] = owner.empty() ? 2 : 1;
    }
  }
  ASSERT_GT(wanted.size(), compose::WebhookHub::kStartsAtOnce);
  stop();
  start({origin_});
  stop();
  EXPECT_EQ(tasks_.size(), 1U) << "the receiver's alone";
  start({origin_});
  note("limit.threshold", "aurora");
  note("limit.threshold", "borealis");
  world_.run_for(seconds(3));
  for (const auto& [path, count] : wanted)
    EXPECT_EQ(receiver_.types(path).size(), count) << path;
}

TEST_F(WebhooksTest, WhatMakesNoSenseIsRefused) {
  const auto reply = call("", "POST", "webhooks", body("pager", {}, R"(["budget.*"])"));
  ASSERT_THAT(reply, FailsWith(Code::invalid_value));
  EXPECT_THAT(reply.error().message(), HasSubstr("limit.threshold"));
  for (const std::string& wrong :
       {body("pager", {}, "[]"), body("pager", {}, R"(["*x"])"), body("x"), body("Pager"),
        std::string(R"({"name":"pager","events":["*"]})"),
        std::string(R"({"name":"pager","url":")") + origin_ + R"(/"})", body("pager", "nobody"),
        std::string(R"({"name":"pager","url":")") + origin_ +
            R"(/","events":["*"],"secret":"whsec_mine"})"})
    EXPECT_TRUE(refusal("", "POST", "webhooks", wrong)) << wrong;
  must("POST", "webhooks", body("pager"));
  EXPECT_EQ(refusal("", "POST", "webhooks", body("pager")), Code::conflict);
  must("POST", "webhooks", body("pager", "aurora"));
  EXPECT_EQ(refusal("", "PATCH", "webhooks/pager", R"({"tenant":"aurora"})"),
            Code::unsupported_parameter);
  EXPECT_THAT(call("", "PATCH", "webhooks/pager", R"({"enabled":false})", "\"7\""),
              FailsWith(Code::precondition_failed));
}

TEST_F(WebhooksTest, ATenantHasSixteen) {
  for (std::size_t i = 0; i < store::WebhookRecord::kPerOwnerMax; ++i)
    ok("aurora.tenant-admin", "POST", "webhooks", body("hook-" + std::to_string(i), "aurora"));
  EXPECT_EQ(refusal("aurora.tenant-admin", "POST", "webhooks", body("one-more", "aurora")),
            Code::conflict);
  EXPECT_FALSE(refusal("borealis.tenant-admin", "POST", "webhooks", body("first", "borealis")));
}

TEST_F(WebhooksTest, ADryRunMakesNothingAndTellsNoSecret) {
  const std::string tried = must("POST", "webhooks?dry_run=true", body("pager"));
  EXPECT_THAT(tried, HasSubstr(R"("action":"create")"));
  EXPECT_THAT(tried, Not(HasSubstr("whsec_")));
  EXPECT_EQ(refusal("", "GET", "webhooks/pager"), Code::not_found);
  must("POST", "webhooks", body("pager"));
  EXPECT_THAT(must("POST", "webhooks/pager/rotate?dry_run=true"), Not(HasSubstr("whsec_")));
  EXPECT_THAT(must("PUT", "webhooks/pager?dry_run=true", body("pager")),
              HasSubstr(R"("action":"none")"));
  must("POST", "webhooks/pager/test?dry_run=true");
  world_.run_for(seconds(1));
  EXPECT_THAT(receiver_.all, IsEmpty());
}

TEST_F(WebhooksTest, PutSaysAllOfItButItsSecret) {
  must("POST", "webhooks", body("pager"));
  must("PATCH", "webhooks/pager", R"({"enabled":false})");
  const json now = json::parse(must("PUT", "webhooks/pager", body("pager", {}, R"(["key.*"])")));
  EXPECT_EQ(now["enabled"], true);
  EXPECT_EQ(now["events"], json::array({"key.*"}));
  EXPECT_FALSE(now.contains("secret"));
  EXPECT_EQ(refusal("", "PUT", "webhooks/pager", R"({"name":"pager","events":["*"]})"),
            Code::missing_required_parameter);
  EXPECT_EQ(refusal("", "PUT", "webhooks/nobody", body("nobody")), Code::not_found);
}

TEST_F(WebhooksTest, ATenantThatGoesTakesItsWebhooksAlong) {
  ok("aurora.tenant-admin", "POST", "webhooks", body("ours", "aurora"));
  world_.run_for(seconds(1));
  const TenantId gone = tenant("aurora");
  must("DELETE", "tenants/aurora");
  world_.run_for(seconds(1));
  events_->note({.kind = "limit.threshold",
                 .subject = "limits",
                 .tenant = Event::Tenant{.id = gone, .slug = "aurora"}});
  world_.run_for(seconds(5));
  EXPECT_THAT(receiver_.all, IsEmpty());
}

// What a receiver that is away for long misses is counted.
TEST_F(WebhooksTest, WhatWaitsIsBounded) {
  must("POST", "webhooks", body("pager"));
  world_.run_for(seconds(1));
  receiver_.status = 500;
  constexpr std::size_t kRoom = compose::WebhookHub::kWaitingMax;
  for (std::size_t i = 0; i < kRoom + 5; ++i)
    note("engine.state");
  world_.run_for(milliseconds(500));
  const json now = object("pager");
  EXPECT_EQ(now["deliveries"]["dropped"], 5);
  EXPECT_EQ(now["deliveries"]["waiting"], kRoom);
}

}  // namespace
}  // namespace sovmesh::control
