#include "base/decimal.h"

#include <gtest/gtest.h>

#include <limits>

namespace sovmesh {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(Decimal, IsReadExactly) {
  EXPECT_EQ(parse_decimal("250")->micro(), 250'000'000);
  EXPECT_EQ(parse_decimal("250.00")->micro(), 250'000'000);
  EXPECT_EQ(parse_decimal("0.000001")->micro(), 1);
  EXPECT_EQ(parse_decimal("0.1")->micro(), 100'000) << "a double could not";
  EXPECT_EQ(parse_decimal("9223372036854.775807")->micro(), kMost);
  EXPECT_EQ(parse_decimal("9223372036854775807")->whole, kMost);
}

TEST(Decimal, WhatDoesNotFitIntoMillionthsIsNothing) {
  EXPECT_EQ(parse_decimal("9223372036854.775808")->micro(), std::nullopt);
  EXPECT_EQ(parse_decimal("9223372036855")->micro(), std::nullopt);
}

TEST(Decimal, OnlyPlainNumbersAreRead) {
  for (const char* text :
       {"", ".", ".5", "5.", "-1", "+1", "1e3", "01", "1,5", " 1", "1 ", "0.0000001", "1.2.3",
        "9223372036854775808", "0x10", "1.-1", "1_000", "NaN"})
    EXPECT_FALSE(parse_decimal(text)) << text;
}

TEST(Decimal, IsWrittenAsShortAsItCanBe) {
  for (const char* text : {"0", "250", "0.5", "0.000001", "9223372036854.775807"}) {
    EXPECT_EQ(to_text(*parse_decimal(text)), text);
    EXPECT_EQ(micro_text(*parse_decimal(text)->micro()), text);
  }
  EXPECT_EQ(to_text(*parse_decimal("250.00")), "250");
}

TEST(Decimal, MoneyHasAtLeastItsCents) {
  EXPECT_EQ(micro_text(250'000'000, 2), "250.00");
  EXPECT_EQ(micro_text(1, 2), "0.000001");
  EXPECT_EQ(micro_text(-250'000, 2), "-0.25");
  EXPECT_EQ(micro_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854.775808");
}

}  // namespace
}  // namespace sovmesh
