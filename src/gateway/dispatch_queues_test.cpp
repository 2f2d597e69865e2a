// Engines that no pool names: who shares a queue with whom, and what becomes of it when models come
// and go.

#include "gateway/dispatch_queues.h"

#include <gmock/gmock.h>

#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gateway/dispatcher_test.h"
#include "identity/directory.h"

namespace sovmesh::gateway {
namespace {

using testing::ElementsAre;
using Engines = std::vector<std::shared_ptr<engine::Engine>>;
using Models = std::vector<std::vector<std::string>>;

std::shared_ptr<const identity::Directory> directory_of(const Models& models) {
  identity::DirectoryData data;
  for (std::size_t i = 0; i < models.size(); ++i) {
    std::array<unsigned char, 16> id{};
    id[14] = static_cast<unsigned char>(i / 256);
    id[15] = static_cast<unsigned char>(i % 256);
    data.models.push_back({.id = ModelId{Ulid::from_bytes(id)},
                           .name = ModelName::parse("model-" + std::to_string(i)).value(),
                           .engine = models[i].front(),
                           .engines = models[i],
                           .engine_model = "m"});
  }
  return identity::Directory::build(std::move(data)).value();
}

SeatRequest request_of(unsigned char who, Engines engines) {
  return {.engines = std::move(engines),
          .slots = {.tenant = tenant(who)},
          .tenant = "t" + std::to_string(who),
          .input_tokens = 100,
          .output_max = 1'000,
          .output_expected = 10};
}

class QueuesTest : public testing::Test {
 protected:
  void TearDown() override { loop_.end(); }

  std::shared_ptr<engine::Engine> add(const std::string& name, int slots) {
    return engines_.emplace(name, std::make_shared<FakeEngine>(name, slots)).first->second;
  }
  void publish(const Models& models) { directory_.publish(directory_of(models)); }

  static rt::Task<void> run(Dispatcher& dispatcher, SeatRequest wanted, rt::Loop& loop,
                            rt::Event* gone, std::optional<Result<Seat>>& result) {
    const rt::Until until{rt::Deadline::never(), gone};
    result.emplace(co_await dispatcher.seat(std::move(wanted), loop, until));
  }
  using Asked = std::optional<Result<Seat>>;
  Asked& ask(unsigned char who, Engines engines, rt::Event* gone = nullptr) {
    auto& result = results_.emplace_back();
    group_.spawn(run(dispatcher_, request_of(who, std::move(engines)), loop_, gone, result));
    loop_.settle();
    return result;
  }
  void give_back(Asked& asked) {
    asked.reset();
    loop_.settle();
  }
  static bool is_seated(const Asked& asked) { return asked && *asked; }

  rt::ManualClock clock_;
  rt::TestLoop loop_{clock_};
  SeededRandom random_{7};
  std::map<std::string, std::shared_ptr<FakeEngine>> engines_;
  Snapshot<identity::Directory> directory_{directory_of({})};
  Dispatcher dispatcher_{
      clock_, random_, {.waiting_per_tenant_max = 1'000, .directory = &directory_}};
  std::deque<Asked> results_;
  rt::TaskGroup group_{loop_, 100'000};
};

TEST_F(QueuesTest, ATenantsBoundIsThatOfEachGroup) {
  const auto a = add("a", 1);
  const auto b = add("b", 1);
  publish({{"a"}, {"b"}});
  Dispatcher dispatcher(clock_, random_, {.waiting_per_tenant_max = 2, .directory = &directory_});
  const auto ask = [&](const auto& engine) -> Asked& {
    auto& result = results_.emplace_back();
    group_.spawn(run(dispatcher, request_of(1, {engine}), loop_, nullptr, result));
    loop_.settle();
    return result;
  };
  for (int i = 0; i < 3; ++i)
    ask(a);
  EXPECT_THAT(*ask(a), FailsWith(Code::queue_full));
  ask(b);
  EXPECT_FALSE(ask(b)) << "it waits";
  EXPECT_EQ(dispatcher.load().waiting, 3U);
  while (!results_.empty()) {
    results_.pop_front();
    loop_.settle();
  }
}

TEST_F(QueuesTest, ThePoolWithoutANameIsTheSumOfItsGroups) {
  const Engines all{add("a", 1), add("b", 1), add("c", 1)};
  publish({{"a"}, {"b"}});
  for (const auto& engine : all) {
    for (int i = 0; i < 3; ++i) {
      Asked& asked = ask(1, {engine});
      if (is_seated(asked)) (*asked)->note_tokens(10, clock_.now());
    }
  }
  const auto views = dispatcher_.pools();
  ASSERT_EQ(views.size(), 1U);
  EXPECT_EQ(views[0].name, "");
  const auto& nodes = views[0].report.nodes;
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[1].path, "t1");
  for (const fairness::NodeReport& node : nodes) {
    EXPECT_EQ(node.waiting, 6U);
    EXPECT_EQ(node.running, 3U);
    EXPECT_EQ(node.used_total, 3 * (100 * 100 + 10 * 1'000));
  }
  EXPECT_EQ(views[0].report.classes[0].waiting, 6U);
  EXPECT_EQ(dispatcher_.load().waiting_by_class[0], 6U);
  EXPECT_EQ(dispatcher_.load().running, 3U);
  results_.clear();
}

// Which queue has what, and that no slot is given twice, while who waits and runs goes over.
TEST_F(QueuesTest, WhoWaitsGoesAlongWhenItsEngineIsConnected) {
  const auto a = add("a", 1);
  const auto b = add("b", 1);
  publish({{"a"}, {"b"}});
  Asked& on_a = ask(1, {a});
  Asked& on_b = ask(2, {b});
  Asked& for_a = ask(1, {a});
  Asked& for_b = ask(2, {b});
  publish({{"a"}, {"b"}, {"b", "a"}});
  Asked& for_both = ask(3, {a, b});
  EXPECT_FALSE(for_both) << "both are full, whoever has them";
  EXPECT_EQ(dispatcher_.load().waiting, 3U);
  EXPECT_EQ(dispatcher_.load().running, 2U);
  give_back(on_a);
  EXPECT_TRUE(is_seated(for_a) != is_seated(for_both));
  EXPECT_FALSE(for_b);
  give_back(is_seated(for_a) ? for_a : for_both);
  EXPECT_TRUE(is_seated(for_a) || is_seated(for_both));
  EXPECT_FALSE(for_b) << "the other engine is busy all the time";
  publish({{"a"}, {"b"}});
  give_back(on_b);
  EXPECT_TRUE(is_seated(for_b));
  results_.clear();
  loop_.settle();
  EXPECT_EQ(dispatcher_.load().running, 0U);
  EXPECT_EQ(dispatcher_.load().waiting, 0U);
}

TEST_F(QueuesTest, WhoGoesAlongIsServedInTheOrderOfArrival) {
  constexpr int kWaiting = 40;
  const auto a = add("a", 1);
  const auto b = add("b", 1);
  publish({{"a"}, {"b"}});
  ask(1, {a});
  Asked* holder = &ask(1, {b});
  std::vector<Asked*> waiting;
  for (int i = 0; i < kWaiting; ++i)
    waiting.push_back(&ask(1, {b}));
  publish({{"a"}, {"b"}, {"a", "b"}});
  ask(2, {a});
  ask(2, {b});
  EXPECT_EQ(dispatcher_.load().waiting, kWaiting + 2U);
  std::vector<int> served;
  const auto note_served = [&] {
    for (int i = 0; i < kWaiting; ++i)
      if (is_seated(*waiting[static_cast<std::size_t>(i)])) {
        served.push_back(i);
        holder = waiting[static_cast<std::size_t>(i)];
      }
  };
  for (int i = 0; i < 2 * kWaiting && served.size() < kWaiting; ++i) {
    give_back(*holder);
    note_served();
    if (is_seated(results_.back())) holder = &results_.back();
  }
  std::vector<int> arrived(kWaiting);
  std::iota(arrived.begin(), arrived.end(), 0);
  EXPECT_EQ(served, arrived);
  results_.clear();
}

// Many models wait for engines of their own in one queue.
TEST_F(QueuesTest, ASlotThatIsGivenBackIsOfferedToItsOwnModelAlone) {
  constexpr std::size_t kModels = 200;
  std::vector<Engines> models;
  std::deque<Asked*> held;
  PoolSettings settings{.name = "all"};
  for (std::size_t i = 0; i < kModels; ++i) {
    models.push_back({add("e" + std::to_string(i), 1)});
    settings.engines.emplace_back(models.back().front()->name());
  }
  Dispatcher dispatcher(clock_, random_, {.waiting_per_tenant_max = 10'000}, {settings});
  const auto ask = [&](const Engines& engines, unsigned char who) -> Asked& {
    auto& result = results_.emplace_back();
    group_.spawn(run(dispatcher, request_of(who, engines), loop_, nullptr, result));
    loop_.settle();
    return result;
  };
  for (const Engines& engines : models) {
    held.push_back(&ask(engines, 1));
    for (unsigned char who = 1; who <= 3; ++who)
      ask(engines, who);
  }
  const auto offers = [&] {
    std::uint64_t sum = 0;
    for (const Dispatcher::PoolView& view : dispatcher.pools())
      sum += view.report.offers_total;
    return sum;
  };
  EXPECT_EQ(dispatcher.load().running, kModels);
  EXPECT_EQ(dispatcher.load().waiting, 3 * kModels);
  EXPECT_LE(offers(), 4 * kModels) << "who comes is tried once";
  const std::uint64_t before = offers();
  for (Asked* each : held)
    give_back(*each);
  EXPECT_EQ(dispatcher.load().waiting, 2 * kModels);
  EXPECT_LE(offers() - before, 2 * kModels) << "who gets it, and who is found to be full";
  while (dispatcher.load().running > 0) {
    for (Asked& each : results_)
      if (is_seated(each)) give_back(each);
  }
  results_.clear();
}

// Together they are more than its tenant may have waiting.
TEST_F(QueuesTest, WhoWaitsIsNotRefusedWhenItsEngineIsConnected) {
  Dispatcher narrow(clock_, random_, {.waiting_per_tenant_max = 3, .directory = &directory_});
  const auto a = add("a", 1);
  const auto b = add("b", 1);
  publish({{"a"}, {"b"}});
  std::deque<Asked> asked;
  const auto come = [&](Engines engines) {
    group_.spawn(
        run(narrow, request_of(1, std::move(engines)), loop_, nullptr, asked.emplace_back()));
    loop_.settle();
  };
  for (int i = 0; i < 4; ++i) {
    come({a});
    come({b});
  }
  EXPECT_EQ(narrow.load().waiting, 6U);
  publish({{"a"}, {"b"}, {"b", "a"}});
  come({a, b});
  EXPECT_TRUE(asked.back() && !*asked.back()) << "there are too many already";
  EXPECT_EQ(narrow.load().waiting, 6U);
  for (Asked& each : asked) {
    if (!is_seated(each)) continue;
    give_back(each);
  }
  loop_.settle();
  EXPECT_EQ(std::ranges::count_if(asked, [](const Asked& each) { return each && !*each; }), 1);
  for (int round = 0; round < 4; ++round)
    for (Asked& each : asked)
      if (is_seated(each)) give_back(each);
  EXPECT_EQ(narrow.load().waiting, 0U);
  asked.clear();
  loop_.settle();
}

// What a tenant has had of an engine counts when that is in another queue, too.
TEST_F(QueuesTest, WhatTenantsHaveHadGoesAlong) {
  const auto a = add("a", 1);
  const auto b = add("b", 1);
  publish({{"a", "b"}});
  Asked& first = ask(1, {a, b});
  (*first)->note_usage({.input_tokens = 100, .output_tokens = 50'000});
  Asked& second = ask(2, {a, b});
  ASSERT_TRUE(is_seated(first) && is_seated(second));
  give_back(first);
  publish({{"a"}, {"b"}});
  Asked& holder = ask(3, {a});
  Asked& holder_too = ask(3, {b});
  Asked& later = ask(1, {a, b});
  Asked& later_too = ask(2, {a, b});
  EXPECT_FALSE(later);
  EXPECT_FALSE(later_too);
  give_back(holder);
  give_back(holder_too);
  give_back(second);
  EXPECT_TRUE(is_seated(later_too)) << "it has had less";
  results_.clear();
}

TEST_F(QueuesTest, GroupsBeyondTheBoundShareOne) {
  Models models;
  for (std::size_t i = 100; i < 100 + DispatchQueues::kGroupsMax + 2; ++i)
    models.push_back({"e" + std::to_string(i)});
  publish(models);
  for (const auto& model : models) {
    const auto engine = add(model.front(), 1);
    ask(1, {engine});
    ask(1, {engine});
  }
  EXPECT_EQ(dispatcher_.load().running, models.size());
  EXPECT_EQ(dispatcher_.load().waiting, models.size());
  std::set<std::string> first_engines;
  for (const Dispatcher::History& one : dispatcher_.history())
    first_engines.insert(one.engine);
  EXPECT_EQ(first_engines.size(), DispatchQueues::kGroupsMax + 1);
  EXPECT_TRUE(first_engines.contains("")) << "that of the last two";
  results_.clear();
}

TEST_F(QueuesTest, HistoryOfAGroupIsThatOfWhoHasItsEngineAfterARestart) {
  const auto a = add("a", 1);
  const auto b = add("b", 1);
  publish({{"a"}, {"b"}});
  Asked& asked = ask(1, {b});
  (*asked)->note_usage({.input_tokens = 100, .output_tokens = 5'000});
  give_back(asked);
  const auto saved = dispatcher_.history();
  publish({{"0", "b"}, {"a"}});
  Dispatcher next(
      clock_, random_,
      {.tenants = [] { return std::vector<std::string>{"t1"}; }, .directory = &directory_});
  next.restore(saved, 0s);
  std::vector<std::string> with_rows;
  for (const Dispatcher::History& one : next.history())
    if (!one.rows.empty()) with_rows.push_back(one.engine);
  EXPECT_THAT(with_rows, ElementsAre("0"));
}

// One model's requests, by a seed, each served for as long as it says.
struct Served {
  std::size_t request;
  Instant when;
  std::string engine;
  friend bool operator==(const Served&, const Served&) = default;
};

class Flood : public testing::TestWithParam<unsigned> {
 protected:
  // A flood at the model on "x", and what the model on "y" and "z" serves, when and to whom.
  static std::vector<Served> served(unsigned seed, std::size_t flood, bool are_apart) {
    rt::ManualClock clock;
    rt::TestLoop loop{clock};
    SeededRandom random{7};
    const Engines quiet{std::make_shared<FakeEngine>("y", 2), std::make_shared<FakeEngine>("z", 1)};
    const Engines flooded{std::make_shared<FakeEngine>("x", 2)};
    const Snapshot<identity::Directory> directory(directory_of({{"x"}, {"y", "z"}}));
    Dispatcher dispatcher(clock, random,
                          {.waiting_per_tenant_max = 20,
                           .wait_max = 2s,
                           .directory = are_apart ? &directory : nullptr});
    std::vector<Served> all;
    std::vector<Served> nobody;
    rt::TaskGroup group(loop, 10'000);
    std::mt19937 draw(seed);
    std::mt19937 flood_draw(seed + 1);
    for (std::size_t i = 0; i < 300; ++i) {
      for (std::size_t n = 0; n < flood; ++n)
        group.spawn(one(dispatcher, loop, flooded, n, flood_draw, nobody));
      group.spawn(one(dispatcher, loop, quiet, i, draw, all));
      loop.settle();
      loop.pass(std::chrono::milliseconds(draw() % 30));
    }
    loop.pass(10s);
    loop.end();
    return all;
  }

 private:
  static rt::Task<void> one(Dispatcher& dispatcher, rt::Loop& loop, const Engines& engines,
                            std::size_t number, std::mt19937& draw, std::vector<Served>& served) {
    SeatRequest request = request_of(static_cast<unsigned char>(draw() % 4), engines);
    request.user = draw() % 2;
    request.priority = fairness::kAllClasses[draw() % fairness::kClasses];
    request.input_tokens = static_cast<std::int64_t>(draw() % 1'000);
    const auto time = std::chrono::milliseconds(20 + draw() % 80);
    const rt::Until until{rt::Deadline::never(), nullptr};
    Result<Seat> seat = co_await dispatcher.seat(std::move(request), loop, until);
    if (!seat) {
      served.push_back({.request = number, .when = loop.now(), .engine = ""});
      co_return;
    }
    served.push_back(
        {.request = number, .when = loop.now(), .engine = std::string(seat->engine().name())});
    const rt::Until end{loop.in(time), nullptr};
    co_await rt::sleep(loop, end);
    seat->note_usage({.input_tokens = 100, .output_tokens = time.count()});
  }
};

TEST_P(Flood, AtOneModelChangesNothingAtAnUnconnectedOne) {
  const std::vector<Served> alone = served(GetParam(), 0, true);
  EXPECT_EQ(alone.size(), 300U);
  EXPECT_TRUE(served(GetParam(), 3, true) == alone);
  EXPECT_FALSE(served(GetParam(), 3, false) == alone) << "in one queue it does";
}
INSTANTIATE_TEST_SUITE_P(Queues, Flood, testing::Range(1U, 9U));

// Requests come, hang up and end while models connect the engines at random.
TEST_F(QueuesTest, NoSlotIsLostOrGivenTwiceWhateverModelsComeAndGo) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 draw(seed);
    std::map<std::string, std::shared_ptr<FakeEngine>> engines;
    for (const char* name : {"a", "b", "c", "d"})
      engines.emplace(name, std::make_shared<FakeEngine>(name, 1 + static_cast<int>(draw() % 3)));
    const auto some = [&] {
      std::vector<std::string> names;
      for (const auto& [name, engine] : engines)
        if (draw() % 3 == 0) names.push_back(name);
      if (names.empty()) names.emplace_back(1, static_cast<char>('a' + draw() % 4));
      return names;
    };
    std::deque<rt::Event> gone;
    std::vector<Asked*> asked;
    for (int step = 0; step < 400; ++step) {
      if (draw() % 8 == 0) {
        Models models;
        for (unsigned n = draw() % 4; n > 0; --n)
          models.push_back(some());
        publish(models);
      }
      if (draw() % 2 == 0) {
        Engines wanted;
        for (const std::string& name : some())
          wanted.push_back(engines.at(name));
        asked.push_back(
            &ask(static_cast<unsigned char>(draw() % 5), wanted, &gone.emplace_back(loop_)));
      }
      if (!asked.empty() && draw() % 2 == 0) {
        Asked& one = *asked[draw() % asked.size()];
        if (is_seated(one)) give_back(one);
      }
      if (!gone.empty() && draw() % 16 == 0) gone[draw() % gone.size()].set();
      loop_.pass(std::chrono::milliseconds(draw() % 3));
      std::map<std::string, int> running;
      for (const Asked* one : asked)
        if (is_seated(*one)) ++running[std::string((*one)->value().engine().name())];
      for (const auto& [name, count] : running)
        ASSERT_LE(count, engines.at(name)->slots()) << name;
    }
    for (bool goes_on = true; goes_on;) {
      goes_on = false;
      for (Asked* one : asked) {
        if (!is_seated(*one)) continue;
        give_back(*one);
        goes_on = true;
      }
    }
    EXPECT_EQ(dispatcher_.load().running, 0U);
    EXPECT_EQ(dispatcher_.load().waiting, 0U) << "nobody is left behind";
    publish({});
    for (const auto& [name, engine] : engines) {
      std::vector<Asked*> all;
      for (int i = 0; i < engine->slots(); ++i)
        EXPECT_TRUE(is_seated(*all.emplace_back(&ask(9, {engine})))) << name;
      for (Asked* one : all)
        give_back(*one);
    }
    results_.clear();
  }
}

}  // namespace
}  // namespace sovmesh::gateway
