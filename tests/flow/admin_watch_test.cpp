#include <gmock/gmock.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/admin_handler.h"
#include "control/admin_streams.h"
#include "control/event_log.h"
#include "http/server_fixture.h"
#include "rt/task_group.h"
#include "tests/flow/access_world.h"
#include "tests/support/row_ledger.h"

// What people look at while it happens: requests, figures of this moment, events; as lists and as
// streams, over a simulated network.
namespace sovmesh::control {
namespace {

using access::Session;
using http::RawClient;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WatchWorld : public AccessWorld {
 protected:
  static constexpr const char* kToken = "the-admin-token";

  WatchWorld() {
    AdminApi::Parts parts = admin_parts(books_);
    parts.live = [this](const std::set<TenantId>* whose) { return view(whose); };
    parts.events = &events_;
    api_ = std::make_unique<AdminApi>(std::move(parts));
    fill();
  }
  ~WatchWorld() override { stop(); }

  LiveView view(const std::set<TenantId>* whose) {
    LiveView out{.at = world_.clock().wall_now(), .window_s = 10};
    out.all.requests_per_s = whose == nullptr ? 30 : 10.0 * static_cast<double>(whose->size());
    if (whose != nullptr) return out;
    out.engines.push_back({.name = "tiny", .state = "ready", .condition = {}, .slots = 4});
    out.pools.push_back({.name = "gpu"});
    return out;
  }
  TenantId tenant(const std::string& slug) {
    return {*Ulid::parse(member(must("GET", "tenants/" + slug), "id"))};
  }
  void note(const std::string& kind, const std::string& of = {}) {
    Event event{.kind = kind, .subject = "somewhere", .text = kind + " of " + of};
    if (!of.empty()) event.tenant = Event::Tenant{.id = tenant(of), .slug = of};
    events_.note(std::move(event));
  }

  // One request of a tenant's that has ended.
  RequestId served(const std::string& slug, const std::string& model = "shared") {
    store::UsageRow row{.request = {ids_.next()},
                        .tenant = tenant(slug),
                        .project = {ids_.next()},
                        .key = *KeyId::parse("abcdefghijkl")};
    row.model = model;
    row.engine = "tiny";
    row.seq = std::ssize(books_.all) + 1;
    row.booked_at = world_.clock().wall_now();
    row.settlement.counts = {.prompt = 7, .cached = 2, .generated = 5};
    books_.all.push_back(row);
    return row.request;
  }

  // --- over the network
  void start() {
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:0"), {});
    ASSERT_TRUE(listener);
    handler_ = std::make_unique<AdminHandler>(
        *api_, pool_, token_, 1'000, [] { return std::string("rev"); }, &audit_,
        AdminHandler::Rate{.bounds = {.per_second = 10'000, .burst = 10'000}});
    handler_->stream_by(streams_);
    http::ServerOptions options;
    server_ = std::make_unique<http::Server>(world_.loop(), *std::move(listener), *handler_,
                                             std::move(options));
    group_.spawn(server_->run());
  }
  void stop() {
    if (!server_) return;
    world_.run(server_->drain(world_.loop().in(seconds(0))), minutes(60));
    server_.reset();
    world_.run_for(milliseconds(1));
  }
  RawClient connect() {
    auto socket =
        world_.run(network_.connect(server_->local(), {world_.loop().in(seconds(1)), nullptr}));
    EXPECT_TRUE(socket);
    return {world_, *std::move(socket)};
  }
  static std::string get(const std::string& target, const std::string& who,
                         const std::string& more = "Accept: text/event-stream\r\n") {
    return "GET /api/v1/" + target + " HTTP/1.1\r\nHost: a\r\n" + who + more + "\r\n";
  }
  static std::string by_token() { return std::string("Authorization: Bearer ") + kToken + "\r\n"; }
  RawClient stream(const std::string& target, const std::string& who) {
    RawClient client = connect();
    client.send(get(target, who));
    return client;
  }
  // Signs somebody in; the field with the cookie.
  std::string sign_in(const std::string& login) {
    // Another password would end the sessions of before.
    if (have_password_.insert(login).second)
      must("PATCH", "users/" + login, fmt_body(R"({"password":"%"})", kPassword));
    const auto begun = api_->logins().begin({.login = login,
                                             .password = Secret(kPassword),
                                             .user_agent = "browser/1",
                                             .address = "10.0.0.1"});
    EXPECT_THAT(begun, Succeeds());
    session_ = begun->shown.session;
    return "Cookie: sm_session=" + std::string(begun->token.reveal()) + "\r\n";
  }
  static std::size_t count(const std::string& text, const std::string& what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
      ++found;
    return found;
  }

  UlidSource ids_{world_.clock(), world_.random()};
  RowLedger books_;
  EventLog events_{world_.clock()};
  rt::sim::SimNetwork network_{world_};
  rt::sim::SimBlockingPool pool_{world_, 2, 256};
  rt::TaskGroup group_{world_.loop(), 16};
  AdminStreams streams_{world_.loop(), pool_};
  Secret token_{kToken};
  std::set<std::string> have_password_;
  Session session_;
  std::unique_ptr<AdminHandler> handler_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(WatchWorld, RequestsOfOthersAreAsIfTheyWereNotThere) {
  served("aurora");
  const RequestId foreign = served("borealis");
  const std::string all = must("GET", "requests");
  EXPECT_EQ(count(all, R"("id":"req_)"), 2U);
  EXPECT_THAT(all, HasSubstr(R"("tenant":"aurora")"));
  const std::string own = ok("aurora.tenant-admin", "GET", "requests");
  EXPECT_EQ(count(own, R"("id":"req_)"), 1U);
  EXPECT_THAT(own, Not(HasSubstr("borealis")));
  EXPECT_THAT(own, Not(HasSubstr("tiny"))) << "nor where it ran";
  EXPECT_EQ(ok("aurora.tenant-developer", "GET", "requests"), own);
  EXPECT_EQ(refusal("aurora.tenant-viewer", "GET", "requests"), Code::insufficient_permissions);
  EXPECT_EQ(refusal("finance", "GET", "requests"), Code::insufficient_permissions);
  // What a foreign filter is answered is what an unknown one is, to the byte.
  const auto same = [&](const std::string& foreign_one, const std::string& unknown) {
    EXPECT_EQ(bytes_of(call("aurora.tenant-admin", "GET", "requests?" + foreign_one)),
              bytes_of(call("aurora.tenant-admin", "GET", "requests?" + unknown)))
        << foreign_one;
  };
  const store::UsageRow& row = *std::ranges::find(books_.all, foreign, &store::UsageRow::request);
  const std::string nobody = Ulid(ids_.next()).text();
  same("project=" + row.project.value.text(), "project=" + nobody);
  same("key=" + id_in("keys", "borealis"), "key=nobodyhasthi");
  same("model=theirs", "model=nothing");
  const std::string named =
      bytes_of(call("aurora.tenant-admin", "GET", "requests?tenant=borealis"));
  std::string unknown = bytes_of(call("aurora.tenant-admin", "GET", "requests?tenant=nobodyhe"));
  unknown.replace(unknown.find("nobodyhe"), 8, "borealis");
  EXPECT_EQ(named, unknown);
  EXPECT_THAT(actions(), testing::Contains("report.read"));
}

TEST_F(WatchWorld, RequestsComeInPagesByFiltersThatAreChecked) {
  for (int i = 0; i < 5; ++i)
    served("aurora", i == 2 ? "ours" : "shared");
  const std::string first = must("GET", "requests?limit=2");
  EXPECT_THAT(first, HasSubstr(R"("has_more":true)"));
  EXPECT_THAT(first, HasSubstr(R"("searched_until":"2)"));
  std::string next = member(first, "next");
  std::size_t found = 2;
  while (!next.empty()) {
    const std::string page = must("GET", "requests?limit=2&after=" + next);
    found += count(page, R"("id":"req_)");
    next = member(page, "next");
  }
  EXPECT_EQ(found, 5U);
  EXPECT_EQ(count(must("GET", "requests?model=ours"), R"("id":"req_)"), 1U);
  EXPECT_EQ(count(must("GET", "requests?status=failed"), R"("id":"req_)"), 0U);
  EXPECT_EQ(count(must("GET", "requests?status=completed"), R"("id":"req_)"), 5U);
  for (const char* const wrong :
       {"status=good", "since=yesterday", "until=1", "after=17", "after=s1", "after=o1x",
        "after=s99999999.1", "limit=0", "key=short", "colour=red", "project=web"})
    EXPECT_TRUE(refusal("", "GET", std::string("requests?") + wrong)) << wrong;
}

TEST_F(WatchWorld, LiveIsOfWhatTheCallerSees) {
  const std::string all = must("GET", "live");
  EXPECT_THAT(all, HasSubstr(R"("requests_per_s":30.000)"));
  EXPECT_THAT(all, HasSubstr(R"("engines":[{"name":"tiny")"));
  const std::string own = ok("aurora.tenant-viewer", "GET", "live");
  EXPECT_THAT(own, HasSubstr(R"("requests_per_s":10.000)"));
  EXPECT_THAT(own, Not(HasSubstr("engines")));
  EXPECT_THAT(own, Not(HasSubstr("pools")));
  EXPECT_THAT(must("GET", "live?tenant=aurora"), HasSubstr(R"("requests_per_s":10.000)"));
  EXPECT_THAT(ok("finance", "GET", "live"), HasSubstr(R"("pools")"));
  EXPECT_THAT(ok("finance", "GET", "live"), Not(HasSubstr("engines")));
  EXPECT_EQ(refusal("aurora.tenant-viewer", "GET", "live?tenant=borealis"), Code::not_found);
  EXPECT_EQ(refusal("aurora.tenant-viewer", "GET", "live?tenant=nobodyhe"), Code::not_found);
}

TEST_F(WatchWorld, EventsOfATenantAreSeenByItAndByThePlatform) {
  note("engine.state");
  note("key.create", "aurora");
  note("key.revoke", "borealis");
  EXPECT_EQ(count(must("GET", "events"), R"("kind")"),
            events_.newest([](const Event&) { return true; }, {}, 1'000).events.size());
  const std::string own = ok("aurora.tenant-developer", "GET", "events?limit=1");
  EXPECT_THAT(own, HasSubstr("key.create"));
  EXPECT_THAT(ok("aurora.tenant-developer", "GET", "events"), Not(HasSubstr("borealis")));
  EXPECT_THAT(ok("aurora.tenant-developer", "GET", "events"), Not(HasSubstr("engine")));
  EXPECT_EQ(refusal("finance", "GET", "events"), Code::insufficient_permissions);
  EXPECT_THAT(must("GET", "events?kind=engine.*"), Not(HasSubstr("key.")));
  EXPECT_THAT(must("GET", "events?tenant=borealis&kind=key.revoke"), HasSubstr("key.revoke"));
  EXPECT_EQ(count(must("GET", "events?severity=error"), R"("kind")"), 0U);
  for (const char* const wrong : {"kind=*x", "severity=bad", "after=x", "tenant=nobodyhe"})
    EXPECT_TRUE(refusal("", "GET", std::string("events?") + wrong)) << wrong;
}

TEST_F(WatchWorld, WhatIsDoneToKeysIsAnEventOfTheirTenant) {
  const std::string key = id_in("keys", "aurora");
  must("POST", "keys/" + key + "/revoke");
  const std::string events = ok("aurora.tenant-viewer", "GET", "events?kind=key.revoke");
  EXPECT_THAT(events, HasSubstr(R"("subject":"keys/)" + key));
  EXPECT_THAT(events, HasSubstr(R"("tenant":"aurora")"));
  EXPECT_EQ(count(ok("borealis.tenant-viewer", "GET", "events?kind=key.revoke"), "kind"), 0U);
  EXPECT_THAT(must("GET", "events"), Not(HasSubstr("sm-"))) << "no key is in them";
}

TEST_F(WatchWorld, ALiveStreamTellsOnceASecond) {
  start();
  RawClient client = stream("live", by_token());
  const std::string heard = client.receive(milliseconds(3'600));
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(heard, HasSubstr("content-type: text/event-stream"));
  EXPECT_EQ(count(heard, "event: live\ndata: {\"at\":"), 4U);
  EXPECT_EQ(streams_.stats().open[0], 1U);
  client.close();
  world_.run_for(seconds(2));
  EXPECT_EQ(streams_.stats().open[0], 0U) << "its place is free again";
}

TEST_F(WatchWorld, WithoutAskingForAStreamOneGetsOneObject) {
  start();
  RawClient client = connect();
  client.send(get("live", by_token(), "Accept: application/json\r\n"));
  EXPECT_THAT(client.receive(), HasSubstr("content-type: application/json"));
  client.send("HEAD /api/v1/live HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n" +
              by_token() + "\r\n");
  EXPECT_THAT(client.receive(), HasSubstr("content-type: application/json"));
  RawClient nobody = stream("live", "");
  EXPECT_THAT(nobody.receive(), StartsWith("HTTP/1.1 401"));
  RawClient wrong = stream("live?colour=red", by_token());
  EXPECT_THAT(wrong.receive(), StartsWith("HTTP/1.1 400"));
}

TEST_F(WatchWorld, AnEventStreamTellsOfWhatComesAndGoesOnFromWhatWasSeen) {
  start();
  note("before.all", "aurora");
  RawClient client = stream("events", sign_in("aurora.tenant-viewer"));
  EXPECT_THAT(client.receive(milliseconds(600)), Not(HasSubstr("data:")));
  note("key.create", "aurora");
  const std::string first_id = std::to_string(events_.last());
  note("key.create", "borealis");
  note("engine.state");
  note("key.revoke", "aurora");
  const std::string heard = client.receive(milliseconds(600));
  EXPECT_EQ(count(heard, "data: {"), 2U) << heard;
  EXPECT_THAT(heard, HasSubstr("id: " + first_id + "\ndata: {\"id\":\"" + first_id));
  EXPECT_THAT(heard, Not(HasSubstr("borealis")));
  EXPECT_THAT(client.receive(seconds(16)), HasSubstr(": keep-alive"));
  client.close();
  RawClient again = connect();
  again.send(get("events", sign_in("aurora.tenant-viewer"),
                 "Accept: text/event-stream\r\nLast-Event-ID: " + first_id + "\r\n"));
  const std::string rest = again.receive(milliseconds(600));
  EXPECT_EQ(count(rest, "data: {"), 1U) << rest;
  EXPECT_THAT(rest, HasSubstr("key.revoke"));
  RawClient lost = connect();
  lost.send(get("events", by_token(), "Accept: text/event-stream\r\nLast-Event-ID: x\r\n"));
  EXPECT_THAT(lost.receive(), StartsWith("HTTP/1.1 400"));
}

TEST_F(WatchWorld, WhatIsKeptNoMoreIsAGapInTheStream) {
  start();
  note("first.one");
  const std::string seen = std::to_string(events_.last());
  for (std::size_t i = 0; i <= EventLog::kEventsMax; ++i)
    events_.note({.kind = "a.b", .subject = "s", .text = "t"});
  RawClient client = connect();
  client.send(
      get("events", by_token(), "Accept: text/event-stream\r\nLast-Event-ID: " + seen + "\r\n"));
  EXPECT_THAT(client.receive(seconds(1)), HasSubstr("event: gap\ndata: {\"after\":\"" + seen));
}

TEST_F(WatchWorld, AnIdThatIsYetToComeIsAGapAndTheStreamGoesOnFromNow) {
  start();
  note("before.all");
  const std::string last = std::to_string(events_.last());
  const std::string future = std::to_string(events_.last() + 1'000'000);
  RawClient client = connect();
  client.send(
      get("events", by_token(), "Accept: text/event-stream\r\nLast-Event-ID: " + future + "\r\n"));
  const std::string told = client.receive(seconds(10));
  EXPECT_EQ(count(told, "event: gap"), 1U) << "once, although rights are asked for again: " << told;
  EXPECT_THAT(told, HasSubstr("id: " + last + "\nevent: gap\ndata: {\"after\":\"" + future));
  EXPECT_THAT(told, Not(HasSubstr("before.all")));
  note("after.all");
  EXPECT_THAT(client.receive(seconds(1)), HasSubstr("after.all"));
}

TEST_F(WatchWorld, AStreamEndsSoonAfterItsSession) {
  start();
  RawClient client = stream("live", sign_in("aurora.tenant-viewer"));
  EXPECT_THAT(client.receive(seconds(10)), Not(HasSubstr("event: end")));
  ASSERT_THAT(store_->end_session(session_.user, session_.id), Succeeds());
  const std::string heard = client.receive(seconds(6));
  EXPECT_THAT(heard, HasSubstr("event: end\ndata: {\"reason\":\"you may no longer read this"));
  EXPECT_THAT(heard, HasSubstr("\r\n0\r\n\r\n")) << "the answer is whole";
}

TEST_F(WatchWorld, AStreamEndsWhenTheRoleIsTakenAway) {
  start();
  RawClient client = stream("live", sign_in("aurora.tenant-viewer"));
  client.receive(seconds(2));
  const std::string id = member(must("GET", "memberships?user=aurora.tenant-viewer"), "id");
  must("DELETE", "memberships/" + id);
  EXPECT_THAT(client.receive(seconds(6)), HasSubstr("event: end"));
}

TEST_F(WatchWorld, AStreamDoesNotKeepItsSessionFromBeingIdle) {
  start();
  RawClient client = stream("live", sign_in("aurora.tenant-viewer"));
  client.receive(minutes(10));
  const auto sessions = store_->sessions_of(session_.user);
  ASSERT_THAT(sessions, Succeeds());
  EXPECT_LT(sessions->front().seen_at, world_.clock().wall_now() - minutes(9));
}

TEST_F(WatchWorld, AStreamLivesForAnHour) {
  start();
  RawClient client = stream("events", by_token());
  client.receive(minutes(59));
  EXPECT_EQ(streams_.stats().open[1], 1U);
  EXPECT_THAT(client.receive(minutes(2)),
              HasSubstr("event: end\ndata: {\"reason\":\"a stream lives"));
  EXPECT_EQ(streams_.stats().open[1], 0U);
}

TEST_F(WatchWorld, StreamsEndWhenTheServerDrains) {
  start();
  RawClient live = stream("live", by_token());
  RawClient events = stream("events", by_token());
  live.receive(milliseconds(500));
  streams_.end_all();
  EXPECT_THAT(live.receive(), HasSubstr("the server is stopping"));
  EXPECT_THAT(events.receive(), HasSubstr("the server is stopping"));
  RawClient late = stream("live", by_token());
  EXPECT_THAT(late.receive(), StartsWith("HTTP/1.1 503"));
}

TEST_F(WatchWorld, SoManyStreamsMayBeOpen) {
  start();
  std::vector<RawClient> clients;
  const auto open_some = [&](const std::string& who, std::size_t wanted) {
    for (std::size_t i = 0; i < wanted; ++i) {
      clients.push_back(stream(i % 2 == 0 ? "live" : "events", who));
      EXPECT_THAT(clients.back().receive(), StartsWith("HTTP/1.1 200"));
    }
  };
  open_some(by_token(), AdminStreams::kOfOneMax);
  RawClient one_more = stream("live", by_token());
  const std::string refused = one_more.receive();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(refused, HasSubstr("retry-after: 5"));
  clients.front().close();
  world_.run_for(seconds(2));
  open_some(by_token(), 1);
  open_some(sign_in("aurora.tenant-viewer"), AdminStreams::kOfOneMax);
  RawClient another = stream("live", sign_in("aurora.tenant-viewer"));
  EXPECT_THAT(another.receive(), HasSubstr("you have 8 streams open"))
      << "another session of the same user";
  for (const char* const who :
       {"platform-admin", "platform-operator", "auditor", "aurora.tenant-admin",
        "aurora.tenant-developer", "borealis.tenant-viewer"})
    open_some(sign_in(who), AdminStreams::kOfOneMax);
  RawClient last = stream("live", sign_in("borealis.tenant-admin"));
  EXPECT_THAT(last.receive(), HasSubstr("64 streams are open"));
  EXPECT_EQ(streams_.stats().refused, 3U);
}

// By the bytes that the system keeps of what nobody reads; 0: its usual ones.
class UnreadStream : public WatchWorld, public testing::WithParamInterface<std::size_t> {};

TEST_P(UnreadStream, IsDroppedHoweverMuchTheSystemTakes) {
  if (GetParam() > 0) world_.wire().options.send_buffer = GetParam();
  start();
  RawClient client = stream("events", by_token());
  client.receive(milliseconds(500));
  world_.wire().stall(rt::sim::Wire::id_of(client.socket()));
  for (int i = 0; i < 3'000; ++i)
    events_.note({.kind = "a.b", .subject = "s", .text = std::string(900, 't')});
  world_.run_for(minutes(1));
  EXPECT_EQ(streams_.stats().open[1], 0U);
  EXPECT_EQ(streams_.stats().dropped, 1U);
}

INSTANTIATE_TEST_SUITE_P(Buffers, UnreadStream,
                         testing::Values(std::size_t{0}, std::size_t{64} << 20));

}  // namespace
}  // namespace sovmesh::control
