#include "compose/prompt_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sovmesh::compose {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string refusal(const std::string& text) {
  const auto set = parse_prompt_set(text);
  return set ? "it was read" : set.error().message();
}

std::string one(const std::string& members) {
  return R"({"name":"s","cases":[{"name":"c","prompt":"p")" + members + "}]}";
}

TEST(PromptSet, IsReadWhole) {
  const auto set = parse_prompt_set(
      one(R"(,"system":"be brief","max_tokens":7,"contains":["a"],"excludes":["b"],"json":true)"
          R"(,"stopped":true)"));
  ASSERT_TRUE(set) << set.error().message();
  const PromptCase& read = set->cases.at(0);
  EXPECT_EQ(set->name, "s");
  EXPECT_EQ(read.system, "be brief");
  EXPECT_EQ(read.max_tokens, 7);
  EXPECT_THAT(read.contains, ElementsAre("a"));
  EXPECT_THAT(read.excludes, ElementsAre("b"));
  EXPECT_TRUE(read.json && read.stopped);
}

TEST(PromptSet, WhatWouldCheckNothingIsRefused) {
  EXPECT_THAT(refusal(one("")), HasSubstr("any answer would pass"));
  EXPECT_THAT(refusal(one(R"(,"contain":["a"])")), HasSubstr("'contain': unknown"));
  EXPECT_THAT(refusal(one(R"(,"contains":[""])")), HasSubstr("want a list of texts"));
  EXPECT_THAT(refusal(one(R"(,"contains":"a")")), HasSubstr("want a list of texts"));
  EXPECT_THAT(refusal(one(R"(,"json":1)")), HasSubstr("want true or false"));
  EXPECT_THAT(refusal(one(R"(,"json":true,"max_tokens":0)")), HasSubstr("want 1 to"));
  EXPECT_THAT(refusal(R"({"name":"s","cases":[]})"), HasSubstr("want 1 to 1000 cases"));
  EXPECT_THAT(refusal(R"({"name":"s"})"), HasSubstr("'cases'"));
  EXPECT_THAT(refusal("["), HasSubstr("JSON object"));
  EXPECT_THAT(refusal(R"({"name":"s","cases":[{"name":"c","prompt":"p","json":true},)"
                      R"({"name":"c","prompt":"q","json":true}]})"),
              HasSubstr("cases[1]: a case named 'c'"));
}

TEST(PromptSet, AnAnswerIsJudgedByWhatWasAsked) {
  PromptCase wanted{.name = "c", .contains = {"yes"}, .excludes = {"no"}};
  EXPECT_THAT(failures_of(wanted, {.text = "yes!"}), IsEmpty());
  EXPECT_THAT(failures_of(wanted, {.text = "no"}),
              ElementsAre(R"(does not contain "yes")", R"(contains "no")"));
  wanted = {.name = "c", .json = true, .stopped = true};
  EXPECT_THAT(failures_of(wanted, {.text = R"({"a":1})", .stopped = true}), IsEmpty());
  EXPECT_THAT(failures_of(wanted, {.text = "{", .stopped = false}),
              ElementsAre("is not JSON", "does not end by itself"));
}

TEST(PromptSet, TellsWhatBecameBetterAndWorse) {
  const std::vector<CaseResult> before{
      {.name = "a"}, {.name = "b", .failures = {"x"}}, {.name = "c"}};
  const std::vector<CaseResult> now{
      {.name = "a", .failures = {"x"}}, {.name = "b"}, {.name = "c"}, {.name = "d"}};
  EXPECT_EQ(compared(results_json(before), now), "worse   a\nbetter  b\n");
}

}  // namespace
}  // namespace sovmesh::compose
