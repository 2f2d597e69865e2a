#include "control/mirror_view.h"

#include <gmock/gmock.h>

#include "rollout/in_force.h"

namespace sovmesh::control {
namespace {

using testing::HasSubstr;
using testing::Not;

ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

TEST(MirrorView, ShowsHowCopiesEndedAndBothSides) {
  const catalog::Mirror mirror{.version = named("new"), .share = 250};
  EXPECT_EQ(comparison_json(mirror, nullptr),
            R"({"version":"new","share":"2.5%","in_flight_max":4,"prompt_bytes_max":1048576})");
  rollout::Arm requests;
  rollout::Arm copies;
  for (int i = 0; i < 10; ++i) {
    rollout::add(requests, {.output_tokens = 16});
    rollout::add(copies, {.failed = i == 0, .output_tokens = 16});
  }
  MirrorView seen{.version = named("new"),
                  .outcomes = {{"answered", 9}, {"failed", 1}, {"full", 3}},
                  .report = rollout::compare(requests, copies)};
  const std::string json = comparison_json(mirror, &seen);
  EXPECT_THAT(json, HasSubstr(R"("copies":{"answered":9,"failed":1,"full":3})"));
  EXPECT_THAT(json, HasSubstr(R"("name":"errors","stable":0.0)"));
  EXPECT_THAT(json, HasSubstr(R"(stable     the requests themselves, 10 requests)"));
  seen.version = named("older");
  EXPECT_THAT(comparison_json(mirror, &seen), Not(HasSubstr("copies")))
      << "that was another mirror's";
}

}  // namespace
}  // namespace sovmesh::control
