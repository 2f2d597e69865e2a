// A random mix of requests, faults and hang-ups, the same for the same seed.

#include <gmock/gmock.h>

#include <array>
#include <memory>
#include <vector>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

constexpr std::array<std::string_view, 14> kFaults{
    "tokens=5",        "tokens=40",       "rate=50",        "split=3",     "crlf",
    "comments",        "die-before",      "die-after=3",    "eof-after=2", "stall-after=2",
    "error-event=400", "garbage-after=1", "duplicate-done", "prefill=300"};

// The log of the whole run.
std::string run_mix(std::uint64_t seed) {
  GatewayWorld gateway(seed, {}, 3);
  Random& dice = gateway.world.chaos();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10; ++i) {
    auto client = std::make_unique<Client>(gateway);
    const std::string_view fault = kFaults[dice.below(kFaults.size())];
    client->post("/v1/chat/completions",
                 chat_body("[[sim:" + std::string(fault) + "]]",
                           dice.below(2) == 0 ? kStream : std::string_view(), "quick"),
                 dice.below(2) == 0 ? "aurora" : "borealis");
    gateway.world.run_for(std::chrono::milliseconds(dice.below(100)));
    if (dice.below(4) == 0) {
      client->hang_up();
    } else {
      clients.push_back(std::move(client));
    }
  }
  for (const auto& client : clients) {
    const Answer answer = client->answer(60s);
    EXPECT_GT(answer.status, 0) << "seed " << seed;
    EXPECT_TRUE(answer.complete) << "seed " << seed << "\n" << answer.body;
    EXPECT_EQ(answer.count("[DONE]") + answer.count(R"("error":)") +
                  answer.count(R"("object":"chat.completion",)"),
              1U)
        << "seed " << seed << "\n"
        << answer.body;
  }
  EXPECT_TRUE(gateway.settle()) << "seed " << seed;
  EXPECT_THAT(gateway.ledger.violations, IsEmpty()) << "seed " << seed;
  std::string log = gateway.world.log();
  for (const std::string& line : gateway.sink.lines)
    log += line + "\n";
  return log;
}

TEST(Seeds, AreRepeatedByteForByte) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::string first = run_mix(seed);
    ASSERT_TRUE(first == run_mix(seed)) << "seed " << seed;
    EXPECT_GT(first.size(), 1'000U);
  }
}

}  // namespace
}  // namespace sovmesh::flow
