#include "base/seal.h"

#include <gtest/gtest.h>

#include <concepts>
#include <ostream>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "tests/support/hex.h"

namespace sovmesh {
namespace {

class CountingRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    for (unsigned char& byte : out)
      byte = next_++;
  }

 private:
  unsigned char next_ = 0;
};

SecretBytes key_of(std::string_view hex) { return SecretBytes::copy_of(from_hex(hex)); }

std::string hex_of(std::string_view bytes) {
  return to_hex({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<SecretBytes> && !std::copyable<SecretBytes>);

// Test cases 13, 14 and 16 of the GCM specification (McGrew and Viega), used by NIST.
struct GcmVector {
  std::string_view key, nonce, plain, context, cipher, tag;
};
constexpr GcmVector kGcm[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "00000000000000000000000000000000", "", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449"
     "a6b525b16aedf5aa0de657ba637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056"
     "828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Seal, FitsTheVectorsOfTheGcmSpecification) {
  for (const GcmVector& v : kGcm) {
    const std::string nonce = from_hex(v.nonce);
    const std::string sealed = seal_with_nonce(
        key_of(v.key), std::span(reinterpret_cast<const unsigned char*>(nonce.data()), 12),
        from_hex(v.plain), from_hex(v.context));
    EXPECT_EQ(hex_of(sealed), std::string(v.nonce) + std::string(v.cipher) + std::string(v.tag));
    const auto opened = open_sealed(key_of(v.key), sealed, from_hex(v.context));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->reveal_text(), from_hex(v.plain));
  }
}

TEST(Seal, EveryFlippedBitAndEveryCutIsNoticed) {
  CountingRandom random;
  const SecretBytes key = SecretBytes::random(kSealKeyBytes, random);
  const std::string sealed = seal(key, "patient 17", "tenant/aurora", random);
  ASSERT_TRUE(open_sealed(key, sealed, "tenant/aurora"));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string bad = sealed;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(open_sealed(key, bad, "tenant/aurora")) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(open_sealed(key, sealed.substr(0, size), "tenant/aurora"));
  EXPECT_FALSE(open_sealed(key, sealed + "x", "tenant/aurora"));
}

TEST(Seal, ATextMovedToAnotherOwnerOrKeyDoesNotOpen) {
  CountingRandom random;
  const SecretBytes key = SecretBytes::random(kSealKeyBytes, random);
  const SecretBytes other = SecretBytes::random(kSealKeyBytes, random);
  const std::string sealed = seal(key, "x", "tenant/aurora", random);
  EXPECT_FALSE(open_sealed(key, sealed, "tenant/borea"));
  EXPECT_FALSE(open_sealed(other, sealed, "tenant/aurora"));
}

TEST(Seal, NoTwoTextsShareANonce) {
  CountingRandom random;
  const SecretBytes key = SecretBytes::random(kSealKeyBytes, random);
  EXPECT_NE(seal(key, "same", "", random), seal(key, "same", "", random));
}

// Test cases 1 and 3 of RFC 5869.
TEST(Hkdf, FitsTheVectorsOfRfc5869) {
  const std::string secret(22, '\x0b');
  EXPECT_EQ(to_hex(hkdf_sha256(secret, from_hex("000102030405060708090a0b0c"),
                               from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)
                       .reveal()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_sha256(secret, "", "", 42).reveal()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(WrapKey, ComesBackOnlyUnderTheSameKeyAndContext) {
  CountingRandom random;
  const SecretBytes master = SecretBytes::random(kSealKeyBytes, random);
  const SecretBytes inner = SecretBytes::random(kSealKeyBytes, random);
  const std::string wrapped = wrap_key(master, inner, "kek/1", random);
  EXPECT_EQ(wrapped.size(), kWrappedKeyBytes);
  const auto unwrapped = unwrap_key(master, wrapped, "kek/1");
  ASSERT_TRUE(unwrapped);
  EXPECT_EQ(unwrapped->reveal_text(), inner.reveal_text());
  EXPECT_FALSE(unwrap_key(master, wrapped, "kek/2"));
  EXPECT_FALSE(unwrap_key(inner, wrapped, "kek/1"));
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    std::string bad = wrapped;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(unwrap_key(master, bad, "kek/1")) << i;
  }
}

TEST(WrapKey, AKeyThatWrapsMaySealTheSameBytesWithoutMixingTheTwo) {
  CountingRandom random;
  const SecretBytes master = SecretBytes::random(kSealKeyBytes, random);
  const std::string sealed = "\x01" + seal(master, std::string(32, 'k'), "kek/1", random);
  EXPECT_FALSE(unwrap_key(master, sealed, "kek/1"));
}

TEST(SecretBytes, IsEmptyAfterItWasMovedFromOrWiped) {
  SecretBytes a = SecretBytes::copy_of(std::string_view("secret"));
  SecretBytes b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): what is left is the point
  EXPECT_EQ(b.reveal_text(), "secret");
  b = SecretBytes::copy_of(std::string_view("other"));
  EXPECT_EQ(b.clone().reveal_text(), "other");
  b.wipe();
  EXPECT_TRUE(b.empty());
}

}  // namespace
}  // namespace sovmesh
