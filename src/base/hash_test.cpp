#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash_stream.h"

namespace sovmesh {
namespace {

TEST(Sha256, FitsTheVectorsOfFips180) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, InPiecesIsTheSame) {
  Sha256 hash;
  hash.update("a");
  hash.update("");
  hash.update("bc");
  EXPECT_EQ(hash.finish(), sha256("abc"));
  EXPECT_EQ(Sha256().finish(), sha256(""));
}

TEST(EqualDigests, SeesOneFlippedBit) {
  const Digest a = sha256("a");
  Digest b = a;
  EXPECT_TRUE(equal_digests(a, b));
  b[31] ^= 1;
  EXPECT_FALSE(equal_digests(a, b));
}

struct HmacVector {
  std::string key;
  std::string message;
  std::string_view digest;
};

std::vector<HmacVector> rfc4231() {
  return {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
}

TEST(Hmac, FitsTheVectorsOfRfc4231) {
  for (const HmacVector& v : rfc4231()) {
    const HmacKey key(v.key);
    EXPECT_EQ(to_hex(key.of(v.message)), v.digest);
    EXPECT_EQ(to_hex(key.of(v.message)), v.digest) << "a key is used many times";
  }
}

TEST(Hmac, AStreamInAnyPiecesEqualsTheWhole) {
  for (const HmacVector& v : rfc4231()) {
    const HmacKey key(v.key);
    HmacKey::Stream stream(key);
    for (const char c : v.message)
      stream.update({&c, 1});
    HmacKey::Stream moved = std::move(stream);
    EXPECT_EQ(to_hex(moved.finish()), v.digest);
  }
}

TEST(Hmac, AnEmptyKeyAndAnEmptyMessageAreAllowed) {
  EXPECT_EQ(to_hex(HmacKey("").of("")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hmac, OneKeyServesManyThreads) {
  const HmacKey key("Jefe");
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&key] {
      for (int i = 0; i < 200; ++i) {
        const std::string message = std::to_string(i);
        HmacKey::Stream stream(key);
        stream.update(message);
        EXPECT_EQ(stream.finish(), key.of(message));
      }
    });
  }
}

}  // namespace
}  // namespace sovmesh
