// The time until a login is refused does not tell whether there is such a user, whether he is
// disabled, or has no password. A planted early return shows that the measurement would see it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "control/logins.h"
#include "store_sqlite/open.h"
#include "tests/support/manual_clock.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seeded_random.h"
#include "tests/timing/welch.h"

namespace sovmesh::timing {
namespace {

// A try takes some 30 ms, and the brake lets nobody make as many as this in a day.
constexpr std::size_t kTries = 400;

class LoginTiming : public testing::Test {
 protected:
  LoginTiming() {
    make("there", "blue kettle 47 north");
    make("disabled", "blue kettle 47 north", true);
    make("without-password", "");
    make("service", "", false, access::UserKind::service);
  }
  void make(const std::string& login, const std::string& password, bool disabled = false,
            access::UserKind kind = access::UserKind::person) {
    access::User user{.id = {Ulid::make(clock_.wall_now(), random_)},
                      .login = login,
                      .display_name = login,
                      .password_hash = {},
                      .disabled = disabled,
                      .kind = kind};
    if (!password.empty()) user.password_hash = *logins_.hash(password, login);
    EXPECT_THAT(store_->create(std::move(user)), Succeeds());
  }
  // Kind 0: of somebody who is there. Kind 1: of nobody who can sign in.
  auto chooser() {
    return [this](std::size_t kind, std::size_t i) {
      constexpr std::array kNobodies{"nobody-at-all", "disabled", "without-password", "service"};
      login_ = kind == 0 ? "there" : kNobodies.at(i);
      clock_.advance(access::LoginBrake::kForgottenAfter);
    };
  }
  void refuse() {
    const auto begun = logins_.begin(
        {.login = login_, .password = Secret("a guess of mine"), .user_agent = {}, .address = "a"});
    if (begun || begun.error().code() != Code::invalid_api_key) std::abort();
  }

  ManualClock clock_;
  SeededRandom random_{1};
  store_sqlite::SimDisk disk_{1};
  std::unique_ptr<store::ControlStore> store_ =
      *store_sqlite::open_control_store(disk_, "control.db", clock_);
  control::Logins logins_{{*store_, nullptr, clock_, random_, {}}};
  std::string login_;
};

TEST_F(LoginTiming, TellsNothingOfWhoIsThere) {
  constexpr std::size_t kVariants = 4;
  chooser()(1, 0);
  refuse();  // makes what nobody's password is compared with
  const Comparison got = least_of_three(kVariants, chooser(), [this] { refuse(); }, kTries);
  fmt::print("wrong password - nobody: t {:.2f}, {:.0f} of {:.0f} cycles\n", got.t, got.difference,
             got.mean);
  EXPECT_LT(std::abs(got.t), kLeak);
  EXPECT_LT(std::abs(got.difference), got.mean / 20);
}

TEST_F(LoginTiming, WouldShowAnEarlyReturnForNobody) {
  const Comparison got = compare_times(
      1, 4, chooser(),
      [this] {
        if (login_ == "there") refuse();
      },
      kTries / 4);
  EXPECT_GT(std::abs(got.t), kLeak);
}

}  // namespace
}  // namespace sovmesh::timing
