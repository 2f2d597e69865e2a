#include "access/login_brake.h"

#include <gtest/gtest.h>

#include <string>

namespace sovmesh::access {
namespace {

using std::chrono::seconds;

class LoginBrakeTest : public testing::Test {
 protected:
  seconds begin(const std::string& login, const std::string& address) {
    return brake_.begin(login, address, now_);
  }
  // Tries as fast as it may for so long; says how often.
  int tries_in(seconds time, const std::string& login, const std::string& address) {
    int tries = 0;
    for (const Instant end = now_ + time; now_ < end; now_ += seconds(1))
      while (begin(login, address) == seconds(0) && tries < 100'000)
        ++tries;
    return tries;
  }

  LoginBrake brake_;
  Instant now_{std::chrono::hours(1)};
};

TEST_F(LoginBrakeTest, AFewSlipsOfTheFingersCostNothing) {
  for (int i = 0; i < LoginBrake::kFreeOfName; ++i)
    EXPECT_EQ(begin("ann", "10.0.0.1"), seconds(0));
}

TEST_F(LoginBrakeTest, WhoGuessesOneNameIsSlowedFromWhereverHeComes) {
  int tries = 0;
  for (int i = 0; i < 600; ++i) {
    if (begin("ann", "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)) ==
        seconds(0))
      ++tries;
    now_ += seconds(1);
  }
  EXPECT_LE(tries, LoginBrake::kFreeOfName + 30);
  EXPECT_GE(tries, 10) << "who is attacked can still sign in";
}

TEST_F(LoginBrakeTest, WhoTriesManyNamesFromOneAddressIsSlowed) {
  int tries = 0;
  for (int i = 0; i < 600; ++i) {
    if (begin("name-" + std::to_string(i), "10.0.0.1") == seconds(0)) ++tries;
    now_ += seconds(1);
  }
  EXPECT_LE(tries, LoginBrake::kFreeOfAddress + 12);
  EXPECT_EQ(begin("bob", "10.0.0.2"), seconds(0)) << "others are not";
}

TEST_F(LoginBrakeTest, TriesAtTheSameTimeCountBeforeTheyHaveFailed) {
  EXPECT_EQ(tries_in(seconds(1), "ann", "10.0.0.1"), LoginBrake::kFreeOfName + 1);
}

TEST_F(LoginBrakeTest, SuccessForgetsTheNameButNotTheAddress) {
  for (int i = 0; i < LoginBrake::kFreeOfAddress; ++i)
    ASSERT_EQ(begin("name-" + std::to_string(i), "10.0.0.1"), seconds(0));
  // The owner of one account signs in between his tries at others.
  int tries = 0;
  for (int i = 0; i < 300; ++i) {
    if (begin("own", "10.0.0.1") == seconds(0)) brake_.succeeded("own", "10.0.0.1");
    if (begin("victim-" + std::to_string(i), "10.0.0.1") == seconds(0)) ++tries;
    now_ += seconds(1);
  }
  EXPECT_LE(tries, 15);
}

TEST_F(LoginBrakeTest, APauseForgetsEverything) {
  tries_in(seconds(60), "ann", "10.0.0.1");
  now_ += LoginBrake::kForgottenAfter;
  EXPECT_EQ(begin("ann", "10.0.0.1"), seconds(0));
  EXPECT_EQ(begin("ann", "10.0.0.1"), seconds(0));
}

TEST_F(LoginBrakeTest, RefusedTriesPushNobodyOut) {
  tries_in(seconds(10), "ann", "10.0.0.1");
  for (int i = 0; i < LoginBrake::kFreeOfAddress; ++i)
    (void)begin("other-" + std::to_string(i), "10.0.0.1");
  const seconds of_ann = begin("ann", "10.0.0.9");
  const seconds of_address = begin("bob", "10.0.0.1");
  ASSERT_GT(of_ann, seconds(0));
  ASSERT_GT(of_address, seconds(0));
  const std::size_t names = brake_.names();
  for (int i = 0; i < 20'000; ++i)
    ASSERT_GT(begin("made-up-" + std::to_string(i), "10.0.0.1"), seconds(0));
  EXPECT_EQ(brake_.names(), names);
  EXPECT_EQ(begin("ann", "10.0.0.9"), of_ann);
  EXPECT_EQ(begin("bob", "10.0.0.1"), of_address);
}

TEST_F(LoginBrakeTest, TheTablesHaveABoundAndKeepWhoIsBusy) {
  for (std::size_t i = 0; i < 3 * LoginBrake::kEntriesMax; ++i) {
    if (i % 100 == 0) (void)begin("ann", "10.0.0.1");
    (void)begin("name-" + std::to_string(i), "from-" + std::to_string(i));
    now_ += std::chrono::milliseconds(1);
    ASSERT_LE(brake_.names(), LoginBrake::kEntriesMax);
    ASSERT_LE(brake_.addresses(), LoginBrake::kEntriesMax);
  }
  EXPECT_GT(begin("ann", "10.0.0.1"), seconds(0));
}

TEST_F(LoginBrakeTest, WhoHasToWaitIsNotPushedOut) {
  for (std::size_t i = 0; i < LoginBrake::kEntriesMax; ++i)
    for (int again = 0; again <= LoginBrake::kFreeOfName; ++again)
      (void)begin("name-" + std::to_string(i), "from-" + std::to_string(i));
  EXPECT_EQ(begin("one-more", "10.0.0.1"), LoginBrake::kFullWait);
  EXPECT_GT(begin("name-0", "10.0.0.1"), seconds(0));
  now_ += LoginBrake::kFullWait;
  EXPECT_EQ(begin("one-more", "10.0.0.1"), seconds(0)) << "they need not wait any more";
}

}  // namespace
}  // namespace sovmesh::access
