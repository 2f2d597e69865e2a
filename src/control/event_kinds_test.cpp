#include "control/event_kinds.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Patterns = std::vector<std::string>;

TEST(EventKinds, APatternIsAKindTheBeginningOfOneOrEverything) {
  EXPECT_TRUE(fits_pattern("engine.state", "engine.state"));
  EXPECT_TRUE(fits_pattern("engine.state", "engine.*"));
  EXPECT_TRUE(fits_pattern("engine.state", "*"));
  EXPECT_FALSE(fits_pattern("engine.state", "engine"));
  EXPECT_FALSE(fits_pattern("engine.state", "key.*"));
}

TEST(EventKinds, PatternsAreKeptSortedAndOnce) {
  EXPECT_THAT(*event_patterns({"limit.*", "engine.state", "limit.*"}),
              ElementsAre("engine.state", "limit.*"));
  EXPECT_THAT(*event_patterns({"*"}), ElementsAre("*"));
}

TEST(EventKinds, WhatNoKindFitsIsRefusedWithTheList) {
  for (const char* const pattern :
       {"", ".*", "budget.*", "engine", "engine.", "engin*", "**", "*.*", "*.state", "engine.st*",
        "Engine.state", "engine.state "}) {
    const auto made = event_patterns({pattern});
    ASSERT_THAT(made, FailsWith(Code::invalid_value)) << pattern;
    EXPECT_THAT(made.error().message(), HasSubstr("limit.threshold")) << pattern;
    EXPECT_EQ(made.error().param(), "events");
  }
}

TEST(EventKinds, PatternsAreBounded) {
  EXPECT_THAT(event_patterns({}), FailsWith(Code::invalid_value));
  EXPECT_THAT(event_patterns(Patterns(kEventPatternsMax, "*")), Succeeds());
  EXPECT_THAT(event_patterns(Patterns(kEventPatternsMax + 1, "*")), FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::control
