#include "identity/password.h"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::identity {
namespace {

constexpr PasswordCost kCheap{.memory_kib = 64, .passes = 1};

TEST(Password, OnlyTheSameOneFits) {
  SeededRandom random(1);
  const auto hash = hash_password("blue kettle 47 north", kCheap, random);
  ASSERT_THAT(hash, Succeeds());
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << *hash;
  EXPECT_TRUE(is_password("blue kettle 47 north", *hash));
  EXPECT_FALSE(is_password("blue kettle 47 nortH", *hash));
  EXPECT_FALSE(is_password("", *hash));
  EXPECT_FALSE(is_password(std::string_view("blue kettle 47 north\0", 21), *hash));
}

TEST(Password, TwoHashesOfOneDiffer) {
  SeededRandom random(1);
  EXPECT_NE(*hash_password("blue kettle 47 north", kCheap, random),
            *hash_password("blue kettle 47 north", kCheap, random));
}

TEST(Password, WhatIsNoHashFitsNothing) {
  for (const char* text : {"", "x", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA"})
    EXPECT_FALSE(is_password("", text)) << text;
}

TEST(Password, TheUsualCostIsTheRecommendedOne) {
  SeededRandom random(1);
  const auto hash = hash_password("blue kettle 47 north", PasswordCost(), random);
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
  EXPECT_TRUE(is_password("blue kettle 47 north", *hash));
}

}  // namespace
}  // namespace sovmesh::identity
