#include "compose/live_load.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/result_matchers.h"

namespace sovmesh::compose {
namespace {

std::int64_t words(const std::string& text) {
  return std::ranges::count(text, ' ') + (text.empty() ? 0 : 1);
}

des::Workload two_requests() {
  des::Workload workload;
  workload.block_tokens = 4;
  workload.keys = {1, 2, 3, 1, 2, 9};
  workload.arrivals = {{.input_tokens = 14, .chain_begin = 0, .chain_size = 3},
                       {.input_tokens = 15, .chain_begin = 3, .chain_size = 3}};
  return workload;
}

TEST(LivePrompt, HasAWordForEachTokenButItsRole) {
  const des::Workload workload = two_requests();
  EXPECT_EQ(words(live_prompt(workload, 0)), 13);
  EXPECT_EQ(words(live_prompt(workload, 1)), 14);
  EXPECT_EQ(live_prompt(workload, 0), live_prompt(workload, 0));
}

TEST(LivePrompt, SharesWhatTheKeysShare) {
  const des::Workload workload = two_requests();
  const std::string a = live_prompt(workload, 0);
  const std::string b = live_prompt(workload, 1);
  const auto same = std::ranges::mismatch(a, b).in1 - a.begin();
  EXPECT_EQ(words(a.substr(0, static_cast<std::size_t>(same))), 9) << "two blocks and a space";
}

TEST(PlayLive, RefusesWhatItCannotPlay) {
  des::Workload workload = two_requests();
  EXPECT_THAT(play_live(workload, {.url = "https://far", .key = Secret("k"), .models = {"m"}}),
              FailsWith(Code::invalid_value));
  workload.arrivals.resize(kLiveRequestsMax + 1);
  EXPECT_THAT(play_live(workload, {.url = "http://x:1", .key = Secret("k"), .models = {"m"}}),
              FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::compose
