#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/dispatcher.h"
#include "rt/task_group.h"
#include "rt/test_loop.h"
#include "tests/support/fake_engine.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::gateway {

using namespace std::chrono_literals;

inline TenantId tenant(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return {Ulid::from_bytes(bytes)};
}

// Until what did not fit is tried again.
inline constexpr auto kSoon = 20ms;

class DispatcherTest : public testing::Test {
 protected:
  void SetUp() override { use_slots(2); }
  void TearDown() override { loop_.end(); }

  void use_slots(int count) {
    engine_ = std::make_shared<FakeEngine>("e", count);
    engine_->capabilities_.tenant_slots = true;
  }
  static rt::Task<void> run(Dispatcher& dispatcher, SeatRequest wanted, rt::Loop& loop,
                            rt::Until until, std::optional<Result<Seat>>& result) {
    result.emplace(co_await dispatcher.seat(std::move(wanted), loop, until));
  }

  SeatRequest wanted(TenantId who, int slots = 1) const {
    return {
        .engines = {engine_}, .slots = {.tenant = who, .slots = slots}, .tenant = who.value.text()};
  }
  std::optional<Result<Seat>>& ask(TenantId who, int slots = 1, rt::Event* cancelled = nullptr) {
    return ask(wanted(who, slots), cancelled);
  }
  std::optional<Result<Seat>>& ask(SeatRequest wanted, rt::Event* cancelled = nullptr) {
    auto& result = results_.emplace_back();
    group_.spawn(
        run(dispatcher_, std::move(wanted), loop_, {rt::Deadline::never(), cancelled}, result));
    loop_.settle();
    return result;
  }
  std::optional<Result<Seat>>& embed(TenantId who) {
    return ask(SeatRequest{.engines = {engine_},
                           .slots = {.tenant = who, .in_any_slot = true},
                           .tenant = who.value.text()});
  }
  void answer(std::optional<Result<Seat>>& seat) {
    (*seat)->note_own_cache();
    give_back(seat);
  }
  void give_back(std::optional<Result<Seat>>& seat) {
    seat.reset();
    loop_.settle();
  }

  rt::ManualClock clock_;
  rt::TestLoop loop_{clock_};
  std::shared_ptr<FakeEngine> engine_;
  SeededRandom random_{7};
  Dispatcher dispatcher_{clock_, random_, {.waiting_per_tenant_max = 3, .wait_max = 30s}};
  std::deque<std::optional<Result<Seat>>> results_;
  rt::TaskGroup group_{loop_, 1'000};
};

}  // namespace sovmesh::gateway
