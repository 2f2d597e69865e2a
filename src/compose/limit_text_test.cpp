#include "compose/limit_text.h"

#include <gtest/gtest.h>

namespace sovmesh::compose {
namespace {

TEST(UseBar, ShowsWhatIsUsedAndWhatIsReserved) {
  EXPECT_EQ(use_bar("0", "0", "100"), "[..........]   0%");
  EXPECT_EQ(use_bar("30", "0", "100"), "[###.......]  30%");
  EXPECT_EQ(use_bar("30", "20", "100"), "[###++.....]  50%");
  EXPECT_EQ(use_bar("100", "0", "100"), "[##########] 100%");
  EXPECT_EQ(use_bar("62.50", "0.00", "250.00"), "[##........]  25%");
}

TEST(UseBar, ALittleIsNotNothingAndNotQuiteAllIsNotAll) {
  EXPECT_EQ(use_bar("1", "0", "1000000000000000"), "[#.........]   0%");
  EXPECT_EQ(use_bar("999999999999999", "0", "1000000000000000"), "[#########.]  99%");
  EXPECT_EQ(use_bar("0", "1", "1000"), "[+.........]   0%");
}

TEST(UseBar, MoreThanAllIsSaid) {
  EXPECT_EQ(use_bar("250", "0", "100"), "[##########] 250%");
  EXPECT_EQ(use_bar("1000000", "0", "1"), "[##########] 9999%");
}

TEST(UseBar, WhatNobodyCountsHasNone) {
  EXPECT_EQ(use_bar("-", "-", "100"), "");
  EXPECT_EQ(use_bar("1", "1", "0"), "");
}

TEST(ShortTime, LeavesOutMicroseconds) {
  EXPECT_EQ(short_time("2026-12-01T00:00:00.000000Z"), "2026-12-01T00:00:00Z");
  EXPECT_EQ(short_time("-"), "-");
}

}  // namespace
}  // namespace sovmesh::compose
