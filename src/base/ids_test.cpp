#include "base/ids.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

namespace sovmesh {
namespace {

using namespace std::chrono_literals;

class FakeClock final : public Clock {
 public:
  Instant now() const override { return Instant{}; }
  WallTime wall_now() const override { return wall; }
  WallTime wall{};
};

class CountingRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    for (unsigned char& byte : out)
      byte = next_++;
  }
  unsigned char next_ = 0;
};

class OnesRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    for (unsigned char& byte : out)
      byte = 0xff;
  }
};

TEST(Ulid, TextRoundTrips) {
  CountingRandom random;
  const Ulid id = Ulid::make(WallTime(1469918176385ms), random);
  EXPECT_EQ(id.text().substr(0, 10), "01ARYZ6S41");  // the time of the ULID specification
  EXPECT_EQ(id.text().size(), 26U);
  EXPECT_EQ(Ulid::parse(id.text()), id);
  EXPECT_EQ(Ulid::parse("01aryz6s41" + id.text().substr(10)), id);
  EXPECT_EQ(id.hex().size(), 32U);
  EXPECT_EQ(Ulid::from_bytes(id.bytes()), id);
  EXPECT_FALSE(id.is_nil());
  EXPECT_TRUE(Ulid{}.is_nil());
}

TEST(Ulid, TheLargestValueFits) {
  std::array<unsigned char, 16> ones{};
  ones.fill(0xff);
  EXPECT_EQ(Ulid::from_bytes(ones).text(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  EXPECT_EQ(Ulid::parse("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), Ulid::from_bytes(ones));
}

TEST(Ulid, RefusesOtherTexts) {
  for (const std::string_view bad :
       {"", "0", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARYZ6S41TSV4RRFFQ69G5FA",
        "01ARYZ6S41TSV4RRFFQ69G5FAVX", "01ARYZ6S41TSV4RRFFQ69G5FAU", "01ARYZ6S41TSV4RRFFQ69G5FA ",
        "ZZARYZ6S41TSV4RRFFQ69G5FAV"})
    EXPECT_FALSE(Ulid::parse(bad)) << bad;
}

TEST(Ulid, TextSortsByTime) {
  CountingRandom random;
  EXPECT_LT(Ulid::make(WallTime(1ms), random).text(), Ulid::make(WallTime(2ms), random).text());
}

TEST(UlidSource, StaysIncreasingWhenTheWallClockStandsOrJumpsBack) {
  FakeClock clock;
  CountingRandom random;
  UlidSource source(clock, random);
  clock.wall = WallTime(1'000'000ms);
  Ulid last = source.next();
  for (int i = 0; i < 1'000; ++i) {
    if (i == 500) clock.wall = WallTime(1ms);
    const Ulid next = source.next();
    ASSERT_LT(last, next);
    ASSERT_LT(last.text(), next.text());
    last = next;
  }
}

TEST(UlidSource, CarriesWhenTheRandomHalfIsFull) {
  FakeClock clock;
  OnesRandom random;
  UlidSource source(clock, random);
  clock.wall = WallTime(7ms);
  const Ulid first = source.next();
  const Ulid second = source.next();
  EXPECT_LT(first, second);
  EXPECT_EQ(second.hex(), "00000000000800000000000000000000");
}

TEST(Slug, AcceptsOnlySafeNames) {
  EXPECT_EQ(TenantSlug::parse("aurora-2")->text(), "aurora-2");
  EXPECT_TRUE(ProjectSlug::parse("a--"));
  EXPECT_TRUE(TenantSlug::parse(std::string(40, 'a')));
  for (const std::string_view bad :
       {"", "ab", "2ab", "-ab", "Aurora", "a_b", "a.b", "a/b", "abc ", "abc\n", "\xc3\xa4pfel"})
    EXPECT_FALSE(TenantSlug::parse(bad)) << bad;
  EXPECT_FALSE(TenantSlug::parse(std::string(41, 'a')));
  EXPECT_TRUE(ProjectSlug::parse("A").error().message().starts_with("project name:"));
  EXPECT_EQ(ProjectSlug::parse("A").error().code(), Code::invalid_value);
}

TEST(ModelName, AcceptsNamesOfHubsAndTags) {
  for (const std::string_view good : {"m", "meta-llama/Llama-3.1-8B@v2", "qwen2.5:7b"})
    EXPECT_EQ(ModelName::parse(good)->text(), good);
  for (const std::string_view bad : {"", "-m", "/m", "a b", "a\"b", "a\\b", "\xc3\xa4"})
    EXPECT_FALSE(ModelName::parse(bad)) << bad;
  EXPECT_TRUE(ModelName::parse(std::string(128, 'a')));
  EXPECT_FALSE(ModelName::parse(std::string(129, 'a')));
}

TEST(KeyId, IsTwelveBase62Characters) {
  EXPECT_EQ(KeyId::parse("abcDEF012345")->text(), "abcDEF012345");
  EXPECT_FALSE(KeyId::parse("abcDEF01234"));
  EXPECT_FALSE(KeyId::parse("abcDEF0123456"));
  EXPECT_FALSE(KeyId::parse("abcDEF01234-"));
}

TEST(Id, HashesByItsRandomHalf) {
  CountingRandom random;
  std::set<std::size_t> hashes;
  for (int i = 0; i < 10; ++i)
    hashes.insert(std::hash<TenantId>{}(TenantId{Ulid::make(WallTime(5ms), random)}));
  EXPECT_EQ(hashes.size(), 10U);
}

}  // namespace
}  // namespace sovmesh
