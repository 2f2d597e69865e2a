#pragma once

#include <gmock/gmock.h>

#include "base/result.h"

namespace sovmesh {

// EXPECT_THAT(parse("x"), HasValue(3)); EXPECT_THAT(parse("y"), FailsWith(Code::invalid_value));
// EXPECT_THAT(store.open(), Succeeds()) prints the error when it does not.
// There is no "fails somehow" matcher on purpose: name the failure you expect.
// NOLINTBEGIN(readability-identifier-naming): matchers are named like gMock's own.
MATCHER_P(HasValue, expected, "holds the value") {
  if (!arg) {
    *result_listener << "failed: " << name(arg.error().code()) << ": " << arg.error().message();
    return false;
  }
  return *arg == expected;
}

MATCHER(Succeeds, "succeeds") {
  if (arg) return true;
  *result_listener << "failed: " << name(arg.error().code()) << ": " << arg.error().message();
  return false;
}

MATCHER_P(FailsWith, code, "fails with the given code") {
  if (arg) {
    *result_listener << "succeeded";
    return false;
  }
  *result_listener << "failed: " << name(arg.error().code()) << ": " << arg.error().message();
  return arg.error().code() == code;
}
// NOLINTEND(readability-identifier-naming)

}  // namespace sovmesh
