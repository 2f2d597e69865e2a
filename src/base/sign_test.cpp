#include "base/sign.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>
#include <ostream>
#include <string>

#include "base/bytes.h"
#include "tests/support/hex.h"
#include "tests/support/result_matchers.h"

namespace sovmesh {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<SigningKey> && !std::copyable<SigningKey>);

// RFC 8032 section 7.1, tests 1 to 3.
struct Vector {
  std::string_view seed, key, message, signature;
};
constexpr Vector kRfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
     "f9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
     "f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
     "4dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

std::string text_of(const Signature& signature) {
  return {reinterpret_cast<const char*>(signature.data()), signature.size()};
}

TEST(Sign, FitsTheVectorsOfRfc8032) {
  for (const Vector& v : kRfc8032) {
    const auto key = SigningKey::from_seed(from_hex(v.seed));
    ASSERT_THAT(key, Succeeds());
    EXPECT_EQ(to_hex(key->verify_key().bytes()), v.key);
    EXPECT_EQ(to_hex(key->sign(from_hex(v.message))), v.signature);
    EXPECT_TRUE(key->verify_key().verifies(from_hex(v.message), from_hex(v.signature)));
    EXPECT_EQ(key->seed().reveal_text(), from_hex(v.seed));
  }
}

TEST(Sign, EveryFlippedBitIsNoticed) {
  const auto key = SigningKey::from_seed(std::string(32, 's'));
  ASSERT_THAT(key, Succeeds());
  const std::string good = text_of(key->sign("message"));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(key->verify_key().verifies("message", bad)) << bit;
  }
  EXPECT_FALSE(key->verify_key().verifies("messagf", good));
  EXPECT_FALSE(key->verify_key().verifies("message", good.substr(1)));
  EXPECT_FALSE(key->verify_key().verifies("message", ""));
}

// RFC 8032 section 5.1.7: S + L verifies as S does unless S is checked to be below L.
TEST(Sign, TheSameSignatureHasNoSecondSpelling) {
  const auto key = SigningKey::from_seed(std::string(32, 's'));
  ASSERT_THAT(key, Succeeds());
  Signature signature = key->sign("message");
  const std::string order =
      from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += signature[32 + i] + static_cast<unsigned char>(order[i]);
    signature[32 + i] = static_cast<unsigned char>(carry & 0xff);
    carry >>= 8;
  }
  ASSERT_EQ(carry, 0U);
  EXPECT_FALSE(key->verify_key().verifies("message", text_of(signature)));
}

TEST(Sign, KeysOfAnotherLengthAreRefused) {
  EXPECT_THAT(SigningKey::from_seed("short"), FailsWith(Code::invalid_value));
  EXPECT_THAT(VerifyKey::from_bytes(std::string(33, 'k')), FailsWith(Code::invalid_value));
}

TEST(Sign, BytesThatAreNoPointVerifyNothing) {
  PublicKey bytes;
  bytes.fill(0xff);
  EXPECT_FALSE(VerifyKey(bytes).verifies("message", std::string(64, '\0')));
}

}  // namespace
}  // namespace sovmesh
