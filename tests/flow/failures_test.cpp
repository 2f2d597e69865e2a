// Engines and ledgers that fail: what the client sees, what is recorded, what is kept.

#include <gmock/gmock.h>

#include <array>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kChat = "/v1/chat/completions";

std::string with_fault(std::string_view fault) { return "[[sim:" + std::string(fault) + "]]"; }

class Failures : public testing::Test {
 protected:
  // Every test ends with closed books.
  void TearDown() override {
    EXPECT_TRUE(gateway_.settle());
    EXPECT_THAT(gateway_.ledger.violations, IsEmpty());
  }
  Answer ask(std::string_view fault, std::string_view more, std::string_view model = "chat",
             std::string_view fields = "") {
    Client client(gateway_);
    client.post(kChat, chat_body(with_fault(fault), more, model), "aurora", fields);
    return client.answer();
  }
  void expect_error_event(const Answer& answer, std::string_view fault) {
    EXPECT_EQ(answer.status, 200) << fault;
    EXPECT_TRUE(answer.has(R"("content":"one ")")) << fault << "\n" << answer.body;
    EXPECT_EQ(answer.count(R"(data: {"error":)"), 1U) << fault << "\n" << answer.body;
    EXPECT_FALSE(answer.has("[DONE]")) << fault;
    EXPECT_EQ(gateway_.pool.idle(), 0U) << fault << ": the connection must not be used again";
  }
  metering::Counts last_counts() const {
    const auto& settlement = gateway_.ledger.last().settlement;
    return settlement ? settlement->counts : metering::Counts();
  }
  metering::Finish last_finish() const {
    const auto& settlement = gateway_.ledger.last().settlement;
    return settlement ? settlement->finish : metering::Finish::aborted;
  }

  GatewayWorld gateway_;
};

TEST_F(Failures, BeforeTheFirstByteAreABadGateway) {
  for (const std::string_view more : {std::string_view(), kStream}) {
    for (const char* fault : {"die-before", "close-before", "garbage-head", "endless-head",
                              "cl-and-te", "html", "bad-chunk-after"}) {
      const Answer answer = ask(fault, more);
      EXPECT_EQ(answer.status, 502) << fault << more << "\n" << answer.body;
      EXPECT_TRUE(answer.has(R"("code":"upstream_)")) << fault << "\n" << answer.body;
      EXPECT_TRUE(answer.complete) << fault;
      EXPECT_EQ(gateway_.pool.idle(), 0U) << fault;
      EXPECT_EQ(last_finish(), metering::Finish::upstream_error) << fault;
    }
  }
}

constexpr std::array kBreaksAfterThree{"die-after=3",        "eof-after=3",      "end-after=3",
                                       "error-after=3",      "garbage-after=3",  "nul-after=3",
                                       "no-choices-after=3", "bad-chunk-after=3"};

TEST_F(Failures, AfterTheFirstByteAreAnErrorEvent) {
  for (const std::string fault : kBreaksAfterThree) {
    const Answer answer = ask("rate=100," + fault, kStream);
    expect_error_event(answer, fault);
    EXPECT_TRUE(answer.has(R"("content":"mesh ")")) << fault << "\n" << answer.body;
    EXPECT_TRUE(answer.complete) << fault;
    EXPECT_EQ(last_finish(), metering::Finish::upstream_error) << fault;
    // What one read brings together with a broken chunk is not trusted either.
    EXPECT_GE(last_counts().generated, fault.starts_with("bad-chunk") ? 2 : 3) << fault;
    EXPECT_EQ(last_counts().delivered, last_counts().generated) << fault;
  }
}

TEST_F(Failures, OfAnEngineThatSendsTooMuchOrNoTextAreAnErrorEvent) {
  for (const std::string fault :
       {"bad-utf8-after=3", "huge-number-after=3", "huge-line", "huge-line=20000000"}) {
    const Answer answer = ask("rate=100," + fault, kStream);
    expect_error_event(answer, fault);
    EXPECT_TRUE(answer.complete) << fault;
    EXPECT_LT(answer.body.size(), 10'000U) << fault;
    EXPECT_EQ(last_finish(), metering::Finish::upstream_error) << fault;
    EXPECT_EQ(last_counts().delivered, last_counts().generated) << fault;
    EXPECT_EQ(ask(fault, "").status, 502) << fault;
  }
}

// An engine so fast that tokens and failure come together: what of it the client is told depends on
// how the bytes fall, but never the number of tokens delivered.
TEST_F(Failures, ThatComeTogetherWithTokensCountWhatTheClientGot) {
  int statuses = 0;
  for (int round = 0; round < 40; ++round) {
    gateway_.ledger.sync_time = std::chrono::milliseconds(round % 4);
    for (const std::string fault : kBreaksAfterThree) {
      const Answer answer = ask(fault, kStream);
      const std::size_t tokens = answer.count(R"("content":")") - answer.count(R"("content":"")");
      EXPECT_EQ(last_counts().delivered, static_cast<std::int64_t>(tokens)) << fault;
      EXPECT_TRUE(answer.status == 502 || answer.status == 200) << fault;
      EXPECT_EQ(answer.count(R"("error":)"), 1U) << fault << "\n" << answer.body;
      EXPECT_TRUE(answer.complete) << fault;
      EXPECT_EQ(gateway_.pool.idle(), 0U) << fault;
      EXPECT_EQ(last_finish(), metering::Finish::upstream_error) << fault;
      // Of a stream the client has seen the beginning of it gets all there is.
      if (answer.status == 200)
        EXPECT_EQ(last_counts().delivered, last_counts().generated) << fault;
      if (answer.status == 502) ++statuses;
    }
  }
  EXPECT_GT(statuses, 20) << "both must happen";
  EXPECT_LT(statuses, 300);
}

TEST_F(Failures, OfAStreamAreABadGatewayForAClientThatWaitsForTheWhole) {
  for (const char* fault : {"die-after=3", "eof-after=3", "end-after=3", "garbage-after=3",
                            "nul-after=3", "no-choices-after=3", "no-done"}) {
    const Answer answer = ask(fault, "");
    EXPECT_EQ(answer.status, 502) << fault << "\n" << answer.body;
    EXPECT_EQ(gateway_.pool.idle(), 0U) << fault;
  }
}

TEST_F(Failures, AStreamWithoutItsEndIsNoCleanEnd) {
  for (const char* fault : {"rate=100,no-done", "rate=100,no-finish"}) {
    expect_error_event(ask(fault, kStream), fault);
  }
}

// Whether the client has had its end when the surplus comes depends on how the bytes fall.
TEST_F(Failures, MoreThanOneEndIsNeverForwarded) {
  for (const std::string fault : {"duplicate-done", "data-after-done", "extra-bytes"}) {
    for (int round = 0; round < 20; ++round) {
      const Answer answer = ask("rate=100,tokens=3," + fault, kStream);
      EXPECT_EQ(answer.status, 200) << fault;
      EXPECT_EQ(answer.count("[DONE]") + answer.count(R"("error":)"), 1U) << fault << "\n"
                                                                          << answer.body;
      EXPECT_TRUE(answer.complete) << fault;
      gateway_.world.run_for(100ms);
      EXPECT_EQ(gateway_.pool.idle(), 0U) << fault << ": the connection must not be used again";
    }
    const Answer at_once = ask(fault, "");
    EXPECT_TRUE(at_once.status == 200 || at_once.status == 502) << fault;
    EXPECT_EQ(gateway_.pool.idle(), 0U) << fault;
  }
}

TEST_F(Failures, InsideHttp200GetTheirRealStatus) {
  for (const std::string_view more : {std::string_view(), kStream}) {
    EXPECT_EQ(ask("error-event=400", more).status, 400) << more;
    EXPECT_EQ(ask("error-body=400", more).status, 400) << more;
    const Answer answer = ask("error-event=500", more);
    EXPECT_GE(answer.status, 500) << more;
    EXPECT_FALSE(answer.has("[DONE]"));
  }
}

TEST_F(Failures, AWrongContentLengthIsABadGateway) {
  gateway_.engine->capabilities_.counts_cancelled_plain = true;  // relay plain answers as they come
  for (const char* fault : {"length=10", "length=-10"}) {
    const Answer answer = ask(fault, "");
    EXPECT_EQ(answer.status, 502) << fault << "\n" << answer.body;
    EXPECT_EQ(gateway_.pool.idle(), 0U) << fault;
  }
}

TEST_F(Failures, SilenceBeforeTheFirstTokenEndsAtItsTime) {
  for (const std::string_view more : {std::string_view(), kStream}) {
    const Instant asked = gateway_.world.now();
    const Answer answer = ask("never", more, "quick");
    EXPECT_EQ(answer.status, 504);
    EXPECT_TRUE(answer.has(R"("code":"first_token_timeout")")) << answer.body;
    EXPECT_NEAR(std::chrono::duration<double>(gateway_.world.now() - asked).count(), 8.0, 0.2);
    EXPECT_EQ(last_finish(), metering::Finish::upstream_timeout);
  }
}

TEST_F(Failures, SilenceAmidAnAnswerEndsAtItsTime) {
  for (const char* fault : {"stall-after=3", "stall-comments-after=3"}) {
    const Instant asked = gateway_.world.now();
    const Answer answer = ask(fault, kStream, "quick");
    expect_error_event(answer, fault);
    EXPECT_TRUE(answer.has(R"("code":"upstream_timeout")")) << answer.body;
    EXPECT_NEAR(std::chrono::duration<double>(gateway_.world.now() - asked).count(), 4.0, 0.2)
        << fault;
    EXPECT_EQ(last_finish(), metering::Finish::upstream_timeout);
  }
}

TEST_F(Failures, TheClientsOwnDeadlineHolds) {
  const Instant asked = gateway_.world.now();
  const Answer answer = ask("never", "", "chat", "x-sm-timeout-ms: 1500\r\n");
  EXPECT_EQ(answer.status, 504);
  EXPECT_TRUE(answer.has(R"("code":"upstream_timeout")")) << answer.body;
  EXPECT_NEAR(std::chrono::duration<double>(gateway_.world.now() - asked).count(), 1.5, 0.2);
}

TEST_F(Failures, ABrokenLedgerCancelsTheEngine) {
  gateway_.ledger.broken = true;
  for (const std::string_view more : {std::string_view(), kStream}) {
    const Answer answer = ask("rate=5", more);
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.has(R"("code":"metering_unavailable")")) << answer.body;
  }
  EXPECT_TRUE(gateway_.world.run_until(
      [this] { return gateway_.engine_sim.counts().cancelled == 2; }, 250ms));
  EXPECT_THAT(gateway_.ledger.order, IsEmpty());
}

TEST_F(Failures, ALedgerThatRefusesStopsTheRequestBeforeItsDispatch) {
  gateway_.ledger.refuses = true;
  const Answer answer = ask("rate=5", kStream);
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has(R"("code":"metering_unavailable")")) << answer.body;
  EXPECT_THAT(answer.head, HasSubstr("\r\nretry-after: "));
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 0);
}

TEST_F(Failures, AnEngineThatIsNotThereIsABadGateway) {
  gateway_.world.wire().set_reach(rt::parse_endpoint("10.0.0.2:8000").value(),
                                  rt::sim::Reach::refuse);
  const Answer answer = ask("tokens=3", "");
  EXPECT_EQ(answer.status, 502);
  EXPECT_GE(gateway_.engine->suspected_, 1);
  EXPECT_THAT(gateway_.ledger.order, IsEmpty());
}

}  // namespace
}  // namespace sovmesh::flow
