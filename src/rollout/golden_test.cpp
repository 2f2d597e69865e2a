// The plain example, told in full: tests/golden/rollout. With SM_UPDATE_GOLDEN=1 in the environment
// the expected files are written instead of compared.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "rollout/report.h"
#include "rollout/rollout_test_support.h"

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;

void expect_file(const char* file, const std::string& text) {
  const auto path = std::filesystem::path(SM_SOURCE_DIR) / "tests/golden/rollout" / file;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread.
  if (std::getenv("SM_UPDATE_GOLDEN")) std::ofstream(path, std::ios::binary) << text;
  std::ifstream in(path, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text) << path;
}

// A thousand conversations by version, as the route sends them now.
std::string spread(const catalog::Route& route, const catalog::Shift* shift) {
  int to_new = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::string session = "conversation-" + std::to_string(i);
    const auto choice =
        catalog::choose(route, {.session = session}, [](const ModelName&) { return true; }, shift);
    to_new += route.versions[choice->version].model == model("new");
  }
  return fmt::format("old {:>4}  new {:>4}", 1'000 - to_new, to_new);
}

// One line a minute: what was decided, then where conversations go.
class Story {
 public:
  explicit Story(catalog::Route route) : route_(std::move(route)) {
    text_ =
        fmt::format("{:>2} min  {:<9}  {}  stable 90, canary 10\n", 0, "", spread(route_, nullptr));
  }
  void minute(const Figures& candidate) {
    ++minutes_;
    const Look look = look_of(1'000, rollout_.share(), {}, candidate);
    const Decision decision =
        decide(rollout_, look, {.ready = true}, at(std::chrono::seconds(60 * minutes_)));
    const auto shift = rollout_.shift(route_);
    text_ += fmt::format("{:>2} min  {:<9}  {}  {}\n", minutes_, name(decision.act),
                         spread(route_, shift ? &*shift : nullptr), decision.reason);
  }
  Rollout& rollout() { return rollout_; }
  void settle() {
    route_ = settled(route_, rollout_).value();
    text_ += fmt::format("settled            {}  ", spread(route_, nullptr));
    for (const catalog::RouteVersion& version : route_.versions)
      text_ += fmt::format("{} {} {}; ", name(version.stage), version.model.text(), version.weight);
    text_ += "\n\n";
    for (const Event& event : rollout_.events)
      text_ += fmt::format("{:<11}  {:>5.1f} %  {}\n", name(event.state), event.share / 100.0,
                           event.text);
  }
  const std::string& text() const { return text_; }

 private:
  catalog::Route route_;
  Rollout rollout_ = start({}, steps_of_ten(), 0, at(0s));
  int minutes_ = 0;
  std::string text_;
};

TEST(RolloutGolden, StepsOfTenFromNinetyToTenUntilTheCandidateGetsBad) {
  Story story(chat(90, 10));
  for (int minute = 0; !is_over(story.rollout().state); ++minute)
    story.minute({.error_rate = minute < 8 ? 0.01 : 0.21});
  story.settle();
  expect_file("rolled_back.txt", story.text());
  expect_file("report.txt",
              report_text(compare(story.rollout().seen.stable, story.rollout().seen.candidate),
                          "old", "new"));
}

TEST(RolloutGolden, StepsOfTenToPromotion) {
  Story story(chat(90, 10));
  while (!is_over(story.rollout().state))
    story.minute({});
  story.settle();
  expect_file("promoted.txt", story.text());
}

}  // namespace
}  // namespace sovmesh::rollout
