#include "sim/faults.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::sim {
namespace {

TEST(Faults, TakeTheirArgumentEitherWay) {
  EXPECT_EQ(parse_fault("die-after:3")->argument, 3);
  EXPECT_EQ(parse_fault("die-after=3")->kind, FaultKind::die_after);
  EXPECT_EQ(parse_fault("status")->argument, 503) << "left out: the usual one";
  EXPECT_EQ(parse_fault("length=-5")->argument, -5);
}

TEST(Faults, UnknownOnesAndOddArgumentsAreRefused) {
  for (const char* text : {"", "die", "die-after:", "die-after=x", "crlf=1", "die-after=1e3"})
    EXPECT_THAT(parse_fault(text), FailsWith(Code::config_invalid)) << text;
}

TEST(Faults, ComeFromTheLastUserMessageOnly) {
  const auto faults = faults_in_prompt(
      R"({"messages":[{"role":"user","content":"[[sim:never]]"},)"
      R"({"role":"assistant","content":"a"},)"
      R"({"role":"user","content":"b [[sim:die-after=3,crlf]] c [[sim:rate=5]]"}]})");
  ASSERT_THAT(faults, Succeeds());
  const FaultSet set({}, *faults);
  EXPECT_EQ(set.get(FaultKind::die_after), 3);
  EXPECT_EQ(set.get(FaultKind::rate), 5);
  EXPECT_TRUE(set.has(FaultKind::crlf));
  EXPECT_FALSE(set.has(FaultKind::never));
}

TEST(Faults, OfTheRequestComeBeforeThoseOfTheEngine) {
  const FaultSet set({{FaultKind::tokens, 5}, {FaultKind::crlf, 0}}, {{FaultKind::tokens, 9}});
  EXPECT_EQ(set.get(FaultKind::tokens), 9);
  EXPECT_TRUE(set.has(FaultKind::crlf));
}

TEST(Faults, ATypingErrorInAPromptIsAnError) {
  EXPECT_THAT(faults_in_prompt(R"("user" [[sim:dye-after=3]])"), FailsWith(Code::config_invalid));
  EXPECT_THAT(faults_in_prompt(R"("user" [[sim:crlf)"), FailsWith(Code::config_invalid));
}

}  // namespace
}  // namespace sovmesh::sim
