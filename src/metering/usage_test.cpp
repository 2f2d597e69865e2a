#include "metering/usage.h"

#include <gtest/gtest.h>

namespace sovmesh::metering {
namespace {

TEST(Drift, BeginsAboveTwoPercent) {
  EXPECT_FALSE(drifts(100, 100));
  EXPECT_FALSE(drifts(100, 98));
  EXPECT_FALSE(drifts(100, 102));
  EXPECT_TRUE(drifts(100, 97));
  EXPECT_TRUE(drifts(100, 103));
  EXPECT_FALSE(drifts(0, 0));
  EXPECT_TRUE(drifts(0, 1));
}

}  // namespace
}  // namespace sovmesh::metering
