// Streams that are faster than the books: what a crash would lose of them waits, unless the ledger
// cannot write at all.

#include <gmock/gmock.h>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using metering::Finish;
using store::OpenRow;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kChat = "/v1/chat/completions";

class Books : public testing::Test {
 protected:
  Books() { gateway_.ledger.only_saves = true; }
  ~Books() override {
    EXPECT_TRUE(gateway_.settle());
    EXPECT_THAT(gateway_.ledger.violations, IsEmpty());
  }
  std::unique_ptr<Client> post(std::int64_t tokens) {
    auto client = std::make_unique<Client>(gateway_);
    client->post(kChat, chat_body("[[sim:tokens=" + std::to_string(tokens) + "]]", kStream));
    return client;
  }
  // Until its row is open.
  std::unique_ptr<Client> stream(std::int64_t tokens) {
    auto client = post(tokens);
    EXPECT_TRUE(gateway_.world.run_until([&] { return gateway_.ledger.open_rows() == 1; }, 1s));
    return client;
  }
  static std::int64_t heard(const Client& client) {
    return static_cast<std::int64_t>(client.parsed().count(R"("delta":{"content":")"));
  }
  std::int64_t durable() const { return gateway_.ledger.last().durable->load(); }
  const metering::Settlement& last() { return *gateway_.ledger.last().settlement; }

  GatewayWorld gateway_;
};

TEST_F(Books, AStreamIsNeverMoreThanItsBoundAheadOfTheDisk) {
  gateway_.ledger.sync_time = 30ms;
  const auto client = stream(3'000);
  std::int64_t furthest = 0;
  while (gateway_.ledger.open_rows() > 0) {
    gateway_.world.run_for(1ms);
    client->pump();
    furthest = std::max(furthest, heard(*client) - durable());
  }
  EXPECT_LE(furthest, OpenRow::kUnsavedMax);
  EXPECT_GT(furthest, 0);
  EXPECT_GT(gateway_.ledger.saves, 1);
  EXPECT_TRUE(client->answer().has("[DONE]"));
  EXPECT_EQ(last().finish, Finish::stop);
  EXPECT_EQ(last().counts.delivered, 3'000);
  EXPECT_TRUE(gateway_.metrics().contains("sm_unsaved_answers_total 0"));
}

TEST_F(Books, AShortStreamWaitsForNothing) {
  const auto client = post(OpenRow::kUnsavedMax);
  EXPECT_TRUE(client->answer().has("[DONE]"));
  EXPECT_EQ(gateway_.ledger.saves, 0);
}

TEST_F(Books, WhereTheLedgerCannotWriteAStreamGoesOnAtOnce) {
  const auto client = stream(3'000);
  gateway_.ledger.broken = true;
  const Instant asked = gateway_.world.now();
  EXPECT_TRUE(client->answer().has("[DONE]"));
  EXPECT_LT(gateway_.world.now() - asked, 500ms);
  EXPECT_EQ(last().counts.delivered, 3'000);
  EXPECT_EQ(gateway_.ledger.vain_saves, 1) << "once is enough";
  EXPECT_TRUE(gateway_.metrics().contains("sm_unsaved_answers_total 1"));
  EXPECT_THAT(gateway_.sink.lines, testing::Contains(HasSubstr("answer_unsaved")));
}

TEST_F(Books, ALedgerThatHangsHoldsAStreamUpForASecond) {
  const auto client = stream(3'000);
  gateway_.ledger.sync_time = 1h;
  const Instant asked = gateway_.world.now();
  EXPECT_TRUE(client->answer().has("[DONE]"));
  EXPECT_GE(gateway_.world.now() - asked, 1s);
  EXPECT_LT(gateway_.world.now() - asked, 2s);
  EXPECT_EQ(gateway_.ledger.vain_saves, 1);
}

TEST_F(Books, AStreamIsHeldBackAgainWhenTheLedgerWritesAgain) {
  const auto client = stream(20'000);
  gateway_.ledger.broken = true;
  ASSERT_TRUE(gateway_.world.run_until([&] { return gateway_.ledger.vain_saves == 1; }, 1s));
  gateway_.ledger.broken = false;
  gateway_.ledger.only_saves = false;
  ASSERT_TRUE(gateway_.world.run_until([&] { return durable() > OpenRow::kUnsavedMax; }, 1s));
  gateway_.ledger.only_saves = true;
  gateway_.ledger.sync_time = 5ms;
  EXPECT_TRUE(client->answer().has("[DONE]"));
  EXPECT_GT(gateway_.ledger.saves, 1);
}

TEST_F(Books, AClientThatLeavesWhileItsStreamWaitsPaysForWhatHasCome) {
  const auto client = stream(3'000);
  gateway_.ledger.sync_time = 800ms;
  gateway_.world.run_for(400ms);
  client->pump();
  const std::int64_t got = heard(*client);
  EXPECT_LE(got, OpenRow::kUnsavedMax);
  client->hang_up();
  EXPECT_TRUE(gateway_.settle(100ms)) << "not when the wait is over";
  EXPECT_EQ(last().finish, Finish::client_closed);
  EXPECT_GT(last().counts.generated, OpenRow::kUnsavedMax);
  EXPECT_LE(last().counts.generated, gateway_.engine_sim.counts().generated_tokens);
  EXPECT_LE(last().counts.delivered, OpenRow::kUnsavedMax);
}

}  // namespace
}  // namespace sovmesh::flow
