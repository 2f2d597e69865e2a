#include "tenancy/key_format.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tenancy/records.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::tenancy {
namespace {

class CountingRandom : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    std::ranges::generate(out, [this] { return static_cast<unsigned char>(next_ += 37); });
  }

 private:
  unsigned next_ = 0;
};

TEST(KeyFormat, WhatIsMadeIsAccepted) {
  CountingRandom random;
  const NewKey key = generate_key(random);
  EXPECT_EQ(key.text.reveal().size(), 66U);
  const auto id = parse_key(key.text.reveal());
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, key.id);
}

TEST(KeyFormat, AnyChangedCharacterIsRefused) {
  CountingRandom random;
  const std::string good(generate_key(random).text.reveal());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'x' ? 'y' : 'x';
    EXPECT_THAT(parse_key(bad), FailsWith(Code::invalid_api_key)) << i;
  }
}

TEST(KeyFormat, OtherLengthsAreRefused) {
  CountingRandom random;
  const std::string good(generate_key(random).text.reveal());
  for (const std::string& bad : {std::string(), std::string("sm-"), good + "a",
                                 good.substr(0, good.size() - 1), " " + good}) {
    EXPECT_THAT(parse_key(bad), FailsWith(Code::invalid_api_key)) << bad;
  }
}

TEST(KeyFormat, MaskShowsOnlyTheTail) {
  CountingRandom random;
  const std::string good(generate_key(random).text.reveal());
  EXPECT_EQ(mask_key(good), "sm-..." + good.substr(good.size() - 4));
  EXPECT_EQ(mask_key("short"), "***");
  EXPECT_EQ(mask_key("a long text with odd bytes \x01\x02\x03\x04"), "***");
}

TEST(Scope, NamesAndParsesBothWays) {
  for (const Scope scope : {Scope::inference, Scope::models_read, Scope::usage_read}) {
    EXPECT_EQ(parse_scope(name(scope)), scope);
  }
  EXPECT_EQ(parse_scope("read:everything"), std::nullopt);
}

TEST(AccessToken, LooksLikeAKeyAndIsNone) {
  CountingRandom random;
  const NewKey made = generate_key(random, Credential::token);
  const std::string text(made.text.reveal());
  EXPECT_TRUE(text.starts_with("smt-"));
  EXPECT_EQ(text.size(), 4U + 12 + 1 + 43 + 1 + 6);
  EXPECT_EQ(*parse_key(text, Credential::token), made.id);
  EXPECT_FALSE(parse_key(text));
  EXPECT_FALSE(parse_key(generate_key(random).text.reveal(), Credential::token));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = other[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(parse_key(other, Credential::token)) << i;
  }
}

}  // namespace
}  // namespace sovmesh::tenancy
