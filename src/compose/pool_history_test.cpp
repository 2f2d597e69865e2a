#include "compose/pool_history.h"

#include <gmock/gmock.h>

#include "identity/directory.h"
#include "rt/sim/sim.h"
#include "tests/support/fake_engine.h"
#include "tests/support/memory_control.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::compose {
namespace {

class PoolHistoryTest : public testing::Test {
 protected:
  // A process: one that is killed just ends.
  struct Life {
    explicit Life(PoolHistoryTest& test)
        : dispatcher(test.world_.clock(), test.world_.random(),
                     {.tenants = [] { return std::vector<std::string>{"aurora", "boreal"}; },
                      .directory = &test.directory_}),
          history(test.store_, dispatcher, test.world_.clock()) {}
    gateway::Dispatcher dispatcher;
    PoolHistory history;
  };
  void use(Life& life, const std::string& tenant) {
    gateway::SeatRequest request;
    request.engines = {engine_};
    request.tenant = tenant;
    request.input_tokens = 10'000;
    auto seat =
        life.dispatcher.seat(std::move(request), world_.loop(), {rt::Deadline::never(), nullptr});
    seat.start();
    world_.run_until([&] { return seat.done(); }, std::chrono::seconds(1));
    auto taken = seat.result();
    ASSERT_THAT(taken, Succeeds());
    taken->note_usage({.input_tokens = 10'000});
  }
  static double borrowed(const Life& life, const std::string& tenant) {
    for (const auto& pool : life.dispatcher.history())
      for (const fairness::HistoryRow& row : pool.rows)
        if (row.path == tenant) return row.borrowed;
    return 0;
  }

  // One model on these engines.
  void publish(const std::vector<std::string>& engines) {
    identity::DirectoryData data;
    data.models.push_back({.name = ModelName::parse("m").value(),
                           .engine = engines.front(),
                           .engines = engines,
                           .engine_model = "m"});
    directory_.publish(identity::Directory::build(std::move(data)).value());
  }

  rt::sim::SimWorld world_{1};
  MemoryControl store_;
  Snapshot<identity::Directory> directory_{identity::Directory::build({}).value()};
  std::shared_ptr<engine::Engine> engine_ = std::make_shared<FakeEngine>("tiny", 4);
};

TEST_F(PoolHistoryTest, OutlivesAProcessThatIsKilled) {
  {
    Life first(*this);
    EXPECT_THAT(first.history.restore(), Succeeds()) << "there is none yet";
    use(first, "aurora");
    ASSERT_THAT(first.history.save(), Succeeds());
    use(first, "aurora");  // since the last time: lost
  }
  world_.run_for(std::chrono::hours(24));
  Life second(*this);
  ASSERT_THAT(second.history.restore(), Succeeds());
  EXPECT_NEAR(borrowed(second, "aurora"), 10'000 * 100 / 2, 50) << "half of it after a day";
  EXPECT_EQ(borrowed(second, "boreal"), 0);
}

TEST_F(PoolHistoryTest, OfAGroupOfEnginesIsThatOfWhoHasItsFirstOneLater) {
  publish({"tiny"});
  {
    Life first(*this);
    use(first, "aurora");
    ASSERT_THAT(first.history.save(), Succeeds());
  }
  EXPECT_TRUE(store_.values["pool_history"].contains(R"("engine":"tiny")"));
  publish({"another", "tiny"});
  Life second(*this);
  ASSERT_THAT(second.history.restore(), Succeeds());
  EXPECT_NEAR(borrowed(second, "aurora"), 10'000 * 100, 50);
}

TEST_F(PoolHistoryTest, WritesOnlyWhenSomethingWasUsed) {
  Life life(*this);
  ASSERT_THAT(life.history.save(), Succeeds());
  EXPECT_TRUE(store_.values.empty());
  use(life, "aurora");
  ASSERT_THAT(life.history.save(), Succeeds());
  ASSERT_EQ(store_.values.size(), 1U);
  store_.values.clear();
  ASSERT_THAT(life.history.save(), Succeeds());
  EXPECT_TRUE(store_.values.empty());
}

TEST_F(PoolHistoryTest, WhatCannotBeReadIsToldAndForgotten) {
  Life life(*this);
  for (const char* broken :
       {"", "{}", "[]", R"({"at_us":1,"pools":[{"pool":"","rows":[{"path":7}]}]})"}) {
    store_.values["pool_history"] = broken;
    EXPECT_THAT(life.history.restore(), FailsWith(Code::data_dir_invalid)) << broken;
  }
  store_.values["pool_history"] =
      R"({"at_us":1,"pools":[{"pool":"gone","rows":[{"path":"x","borrowed":1,"lead":[0,0,0]}]}]})";
  EXPECT_THAT(life.history.restore(), Succeeds());
}

}  // namespace
}  // namespace sovmesh::compose
