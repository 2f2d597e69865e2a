#include <pthread.h>

#include <csignal>
#include <vector>

#include "rt/real_test.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

// Real-time signals: each one sent is delivered, and nobody else in this program uses them.
class SignalsTest : public RealLoopTest {
 protected:
  void TearDown() override {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGRTMIN);
    ::sigaddset(&set, SIGRTMIN + 1);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  }
};

TEST_F(SignalsTest, DeliversSignalsToTheLoop) {
  std::vector<int> seen;
  const auto watch = watch_signals(*loop_, {SIGRTMIN, SIGRTMIN + 1},
                                   [&seen](int number) { seen.push_back(number); });
  ASSERT_THAT(watch, Succeeds());
  ::kill(::getpid(), SIGRTMIN);
  ::kill(::getpid(), SIGRTMIN + 1);
  ::kill(::getpid(), SIGRTMIN);
  ASSERT_TRUE(drive([&] { return seen.size() == 3; }));
  EXPECT_EQ(std::ranges::count(seen, SIGRTMIN), 2);
}

TEST_F(SignalsTest, TheCallbackMayEndTheWatch) {
  Result<std::unique_ptr<SignalWatch>> watch = nullptr;
  bool called = false;
  watch = watch_signals(*loop_, {SIGRTMIN}, [&](int) {
    called = true;
    watch->reset();
  });
  ASSERT_THAT(watch, Succeeds());
  ::kill(::getpid(), SIGRTMIN);
  EXPECT_TRUE(drive([&] { return called; }));
  EXPECT_EQ(*watch, nullptr);
}

}  // namespace
}  // namespace sovmesh::rt
