#include "gateway/dispatcher_test.h"

namespace sovmesh::gateway {
namespace {

// Four slots, and a second until a request is late.
class TargetsTest : public DispatcherTest {
 protected:
  void SetUp() override { use_slots(4); }

  std::optional<Result<Seat>>& come(TenantId who) {
    auto& result = results_.emplace_back();
    group_.spawn(run(targeted_, wanted(who), loop_, {rt::Deadline::never(), nullptr}, result));
    loop_.settle();
    return result;
  }
  void make_tokens(std::optional<Result<Seat>>& seat, std::int64_t so_far) {
    (*seat)->note_tokens(so_far, clock_.now());
  }

  Dispatcher targeted_{
      clock_,
      random_,
      {.waiting_per_tenant_max = 8, .wait_max = 30s},
      {PoolSettings{
          .name = "p", .engines = {"e"}, .targets = routing::Targets{.first_token = 2s}}}};
};

TEST_F(TargetsTest, WhoIsLateBeginsWhereItSlowsNoStreamDown) {
  std::array<std::optional<Result<Seat>>*, 4> seats{};
  for (auto& seat : seats) {
    seat = &come(tenant(1));
    ASSERT_TRUE(*seat && **seat);
    make_tokens(*seat, 1);
  }
  auto& late = come(tenant(2));
  loop_.pass(2s);
  for (auto* seat : seats)
    make_tokens(*seat, 10);  // 200 ms a token
  give_back(*seats[3]);
  loop_.pass(kSoon);
  EXPECT_FALSE(late) << "there is a slot, and three streams that are too slow already";
  auto& in_time = come(tenant(3));
  EXPECT_TRUE(in_time && *in_time);
  give_back(in_time);
  for (auto* seat : std::span(seats).first(3))
    make_tokens(*seat, 1'000);  // 2 ms
  loop_.pass(kSoon);
  EXPECT_TRUE(late && *late);
}

TEST_F(TargetsTest, WhoIsInTimeGoesBeforeWhoIsLate) {
  std::array<std::optional<Result<Seat>>*, 4> seats{};
  for (auto& seat : seats)
    seat = &come(tenant(1));
  auto& late = come(tenant(2));
  loop_.pass(2s);
  auto& in_time = come(tenant(2));
  give_back(*seats[0]);
  EXPECT_TRUE(in_time && *in_time);
  EXPECT_FALSE(late);
  give_back(*seats[1]);
  EXPECT_TRUE(late && *late) << "no stream has begun: it slows nobody down";
}

TEST_F(TargetsTest, AnIdleEngineHasTimeForAnybody) {
  std::array<std::optional<Result<Seat>>*, 4> seats{};
  for (auto& seat : seats)
    seat = &come(tenant(1));
  auto& late = come(tenant(2));
  loop_.pass(20s);
  for (auto* seat : seats)
    give_back(*seat);
  EXPECT_TRUE(late && *late);
}

}  // namespace
}  // namespace sovmesh::gateway
