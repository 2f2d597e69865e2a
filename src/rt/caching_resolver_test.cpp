#include "rt/caching_resolver.h"

#include <gmock/gmock.h>

#include <deque>

#include "rt/test_loop.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Addresses = std::vector<IpAddress>;

class NoRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override { std::ranges::fill(out, 0); }
};

// Name servers that answer when the test says so.
class ManualLookUp final : public LookUp {
 public:
  struct Question {
    std::string host;
    Done done;
  };
  explicit ManualLookUp(std::deque<Question>& questions) : questions_(questions) {}
  void start(const std::string& host, Done done) override {
    questions_.push_back({host, std::move(done)});
  }

 private:
  std::deque<Question>& questions_;
};

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

class CachingResolverTest : public ::testing::Test {
 protected:
  using Answer = Result<Addresses>;
  Task<Answer> ask(std::string host, milliseconds patience = seconds(10)) {
    auto task = resolver_.resolve(std::move(host), {loop_.in(patience), nullptr});
    task.start();
    loop_.settle();
    return task;
  }
  void reply(Result<LookUp::Answer> answer) {
    ASSERT_FALSE(questions_.empty());
    auto question = std::move(questions_.front());
    questions_.pop_front();
    question.done(std::move(answer));
    loop_.settle();
  }
  void reply(std::string_view address, seconds ttl) {
    reply(LookUp::Answer{.addresses = {ip(address)}, .ttl = ttl});
  }
  void reply_failure() { reply(upstream_error(Code::upstream_error, "SERVFAIL")); }
  // Asks, answers, and lets the answer's time pass.
  void remember(std::string_view address) {
    auto task = ask("engine.example");
    reply(address, seconds(60));
    ASSERT_TRUE(task.done());
  }

  ManualClock clock_;
  TestLoop loop_{clock_};
  NoRandom random_;
  std::deque<ManualLookUp::Question> questions_;
  CachingResolver resolver_{loop_, random_, std::make_unique<ManualLookUp>(questions_)};
};

TEST_F(CachingResolverTest, AnswersLiteralsAndLocalhostAtOnce) {
  for (const char* name : {"192.0.2.1", "2001:db8::1", "localhost", "a.LOCALHOST."}) {
    auto task = ask(name);
    ASSERT_TRUE(task.done()) << name;
    EXPECT_THAT(task.result(), Succeeds());
  }
  EXPECT_TRUE(questions_.empty());
}

TEST_F(CachingResolverTest, RefusesWhatIsNoHostName) {
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a/b"),
                                  std::string("-\0", 2), std::string(254, 'a'), std::string(".")}) {
    auto task = ask(name);
    ASSERT_TRUE(task.done());
    EXPECT_THAT(task.result(), FailsWith(Code::config_invalid));
  }
  EXPECT_TRUE(questions_.empty());
}

TEST_F(CachingResolverTest, ManyWaitForOneLookUp) {
  auto first = ask("Engine.example");
  auto second = ask("engine.EXAMPLE.");
  EXPECT_EQ(questions_.size(), 1U);
  reply("192.0.2.1", seconds(60));
  ASSERT_TRUE(first.done() && second.done());
  EXPECT_THAT(first.result(), HasValue(Addresses{ip("192.0.2.1")}));
  EXPECT_THAT(second.result(), HasValue(Addresses{ip("192.0.2.1")}));
}

TEST_F(CachingResolverTest, KeepsAnAnswerForItsTimeWithinBounds) {
  remember("192.0.2.1");
  loop_.pass(seconds(59));
  EXPECT_TRUE(ask("engine.example").done());
  loop_.pass(seconds(2));
  auto again = ask("engine.example");
  EXPECT_FALSE(again.done());
  reply("192.0.2.2", seconds(0));  // kept for kTtlMin
  EXPECT_THAT(again.result(), HasValue(Addresses{ip("192.0.2.2")}));
  loop_.pass(seconds(4));
  EXPECT_TRUE(ask("engine.example").done());
  loop_.pass(seconds(2));
  auto third = ask("engine.example");
  reply("192.0.2.3", hours(24));  // kept for kTtlMax
  loop_.pass(seconds(301));
  auto fourth = ask("engine.example");
  EXPECT_EQ(questions_.size(), 1U);
  reply_failure();
}

TEST_F(CachingResolverTest, GivesTheLastGoodAnswerForAnHourWhenServersFail) {
  remember("192.0.2.1");
  loop_.pass(minutes(30));
  auto stale = ask("engine.example");
  reply_failure();
  EXPECT_THAT(stale.result(), HasValue(Addresses{ip("192.0.2.1")}));
  loop_.pass(minutes(31));
  auto gone = ask("engine.example");
  reply_failure();
  EXPECT_THAT(gone.result(), FailsWith(Code::upstream_error));
}

TEST_F(CachingResolverTest, AnEmptyAnswerIsAFailure) {
  remember("192.0.2.1");
  loop_.pass(minutes(2));
  auto stale = ask("engine.example");
  reply(LookUp::Answer{});
  EXPECT_THAT(stale.result(), HasValue(Addresses{ip("192.0.2.1")}));
}

TEST_F(CachingResolverTest, RemembersAFailureForFiveSeconds) {
  auto first = ask("engine.example");
  reply_failure();
  EXPECT_THAT(first.result(), FailsWith(Code::upstream_error));
  loop_.pass(milliseconds(4900));
  auto second = ask("engine.example");
  ASSERT_TRUE(second.done());
  EXPECT_THAT(second.result(), FailsWith(Code::upstream_error));
  EXPECT_TRUE(questions_.empty());
  loop_.pass(milliseconds(200));
  auto third = ask("engine.example");
  EXPECT_EQ(questions_.size(), 1U);
  reply("192.0.2.1", seconds(60));
  EXPECT_THAT(third.result(), Succeeds());
}

TEST_F(CachingResolverTest, ASlowServerDoesNotHoldUpWhoHasAStaleAnswer) {
  remember("192.0.2.1");
  loop_.pass(minutes(2));
  auto task = ask("engine.example");
  loop_.pass(CachingResolver::kPatience + milliseconds(10));
  ASSERT_TRUE(task.done());
  EXPECT_THAT(task.result(), HasValue(Addresses{ip("192.0.2.1")}));
  reply("192.0.2.9", seconds(60));  // late, and kept all the same
  EXPECT_THAT(ask("engine.example").result(), HasValue(Addresses{ip("192.0.2.9")}));
}

TEST_F(CachingResolverTest, KeepsTheCallersDeadline) {
  auto task = ask("engine.example", milliseconds(100));
  loop_.pass(milliseconds(110));
  ASSERT_TRUE(task.done());
  EXPECT_THAT(task.result(), FailsWith(Code::timed_out));
  reply_failure();
}

TEST_F(CachingResolverTest, ACancelledWaitEndsAsCancelled) {
  Event cancelled(loop_);
  auto task = resolver_.resolve("engine.example", {loop_.in(seconds(10)), &cancelled});
  task.start();
  cancelled.set();
  loop_.settle();
  ASSERT_TRUE(task.done());
  EXPECT_THAT(task.result(), FailsWith(Code::cancelled));
  reply_failure();
}

TEST_F(CachingResolverTest, LooksUpABoundedNumberOfNamesAtOnce) {
  std::vector<Task<Answer>> tasks;
  for (std::size_t i = 0; i < CachingResolver::kParallelMax; ++i)
    tasks.push_back(ask("host" + std::to_string(i)));
  auto one_more = ask("another");
  ASSERT_TRUE(one_more.done());
  EXPECT_THAT(one_more.result(), FailsWith(Code::overloaded));
  EXPECT_EQ(questions_.size(), CachingResolver::kParallelMax);
  while (!questions_.empty())
    reply_failure();
}

TEST_F(CachingResolverTest, RemembersABoundedNumberOfNamesAndForgetsTheOldest) {
  for (std::size_t i = 0; i <= CachingResolver::kHostsMax; ++i) {
    auto task = ask("host" + std::to_string(i));
    reply("192.0.2.1", seconds(300));
    ASSERT_TRUE(task.done());
    loop_.pass(milliseconds(5));
  }
  EXPECT_EQ(resolver_.remembered(), CachingResolver::kHostsMax);
  EXPECT_TRUE(ask("host1").done());
  EXPECT_FALSE(ask("host0").done());
  reply_failure();
}

}  // namespace
}  // namespace sovmesh::rt
