#include "sim/des/orders.h"

#include <gmock/gmock.h>

namespace sovmesh::des {
namespace {

using testing::ElementsAre;

constexpr Instant kNow{};

struct Everywhere final : Placer {
  std::optional<EndpointNumber> place(RequestNumber) override {
    return room-- > 0 ? std::optional<EndpointNumber>(0) : std::nullopt;
  }
  std::optional<double> gain(RequestNumber) override { return 0; }
  void hold(RequestNumber) override {}
  void drop_hold(RequestNumber) override {}
  int room = 1'000;
};

class OrdersTest : public testing::Test {
 protected:
  RequestNumber request(std::uint32_t tenant, std::uint32_t input) {
    workload_.arrivals.push_back({.tenant = tenant, .input_tokens = input});
    return static_cast<RequestNumber>(workload_.arrivals.size() - 1);
  }
  void push(Order& order, RequestNumber request) {
    std::vector<RequestNumber> refused;
    order.push(request, kNow, refused);
    EXPECT_TRUE(refused.empty());
  }
  std::vector<RequestNumber> drain(Order& order) {
    std::vector<RequestNumber> out;
    while (const auto placed = order.next(placer_, kNow))
      out.push_back(placed->request);
    return out;
  }
  Workload workload_{.tenants = {"a", "b", "c"}};
  Everywhere placer_;
};

TEST_F(OrdersTest, FcfsKeepsTheOrderAndItsHeadWaitsForRoom) {
  Fcfs order;
  for (int i = 0; i < 3; ++i)
    push(order, request(0, 1));
  placer_.room = 2;
  EXPECT_THAT(drain(order), ElementsAre(0, 1));
  EXPECT_EQ(order.waiting(), 1U);
}

TEST_F(OrdersTest, RoundRobinCountsRequestsNotTokens) {
  for (int i = 0; i < 3; ++i)
    request(0, 10'000);
  request(1, 1);
  request(1, 1);
  RoundRobinOrder order(workload_);
  for (RequestNumber i = 0; i < 5; ++i)
    push(order, i);
  EXPECT_THAT(drain(order), ElementsAre(0, 3, 1, 4, 2));
}

TEST_F(OrdersTest, CompletionChargedServesTheLowestCounterAndSeesOutputLate) {
  for (int i = 0; i < 3; ++i)
    request(0, 100);
  for (int i = 0; i < 3; ++i)
    request(1, 300);
  CompletionCharged order(workload_, {.uncached_input = 1, .output = 10}, {1, 1, 1});
  for (RequestNumber i = 0; i < 6; ++i)
    push(order, i);
  // a: 100, b: 300, a: 200, a: 300, then b.
  EXPECT_THAT(drain(order), ElementsAre(0, 3, 1, 2, 4, 5));
  EXPECT_EQ(order.counter(0), 300);
  order.on_done(0, 50, kNow);
  EXPECT_EQ(order.counter(0), 800);
}

TEST_F(OrdersTest, CompletionChargedLiftsWhoComesBack) {
  for (int i = 0; i < 4; ++i)
    request(0, 100);
  const RequestNumber late = request(1, 100);
  CompletionCharged order(workload_, {.uncached_input = 1}, {1, 1, 1});
  for (RequestNumber i = 0; i < 4; ++i)
    push(order, i);
  placer_.room = 3;
  EXPECT_EQ(drain(order).size(), 3U);
  push(order, late);
  EXPECT_EQ(order.counter(1), 300);  // not 0: it has no credit for the time it was away
}

TEST_F(OrdersTest, CompletionChargedDividesByWeight) {
  for (int i = 0; i < 4; ++i)
    request(0, 100);
  for (int i = 0; i < 4; ++i)
    request(1, 100);
  CompletionCharged order(workload_, {.uncached_input = 1}, {3, 1, 1});
  for (RequestNumber i = 0; i < 8; ++i)
    push(order, i);
  placer_.room = 4;
  drain(order);
  EXPECT_EQ(order.counter(0), 100);  // three of them
  EXPECT_EQ(order.counter(1), 100);  // one
}

}  // namespace
}  // namespace sovmesh::des
