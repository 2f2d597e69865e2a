// OpenSSL's one-algorithm calls: their state is a plain struct, so that a prepared key is copied
// without an allocation or a walk through providers, which cost more than hashing a short text. The
// code that hashes is the same. OpenSSL 3 discourages them; ADR 7 says why we use them.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstring>
#include <utility>

namespace sovmesh {
namespace {

constexpr std::size_t kBlockBytes = 64;  // of SHA-256

Digest finish_digest(SHA256_CTX& state) {
  Digest digest;
  SHA256_Final(digest.data(), &state);
  return digest;
}

}  // namespace

Digest sha256(std::string_view bytes) {
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Update(&state, bytes.data(), bytes.size());
  return finish_digest(state);
}

bool equal_digests(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// RFC 2104: H(key ^ opad, H(key ^ ipad, message)); both states have taken their key block.
struct HmacKey::Blocks {
  SHA256_CTX inner;
  SHA256_CTX outer;
  Blocks() {
    SHA256_Init(&inner);
    SHA256_Init(&outer);
  }
  Blocks(const Blocks&) = default;
  Blocks& operator=(const Blocks&) = default;
  ~Blocks() { OPENSSL_cleanse(this, sizeof *this); }

  Digest finish() {
    const Digest digest = finish_digest(inner);
    SHA256_Update(&outer, digest.data(), digest.size());
    return finish_digest(outer);
  }
};

HmacKey::HmacKey(std::string_view key) : blocks_(std::make_unique<Blocks>()) {
  std::array<unsigned char, kBlockBytes> block{};
  if (key.size() > block.size()) {
    Digest digest = sha256(key);
    std::memcpy(block.data(), digest.data(), digest.size());
    OPENSSL_cleanse(digest.data(), digest.size());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  const auto start = [&block](SHA256_CTX& state, unsigned char pad) {
    std::array<unsigned char, kBlockBytes> padded = block;
    for (unsigned char& byte : padded)
      byte ^= pad;
    SHA256_Update(&state, padded.data(), padded.size());
    OPENSSL_cleanse(padded.data(), padded.size());
  };
  start(blocks_->inner, 0x36);
  start(blocks_->outer, 0x5c);
  OPENSSL_cleanse(block.data(), block.size());
}

HmacKey::~HmacKey() = default;

Digest HmacKey::of(std::string_view message) const {
  Blocks state = *blocks_;
  SHA256_Update(&state.inner, message.data(), message.size());
  return state.finish();
}

struct HmacKey::Stream::State {
  const Blocks& key;
  SHA256_CTX inner;
  explicit State(const Blocks& blocks) : key(blocks), inner(blocks.inner) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { OPENSSL_cleanse(&inner, sizeof inner); }
};

HmacKey::Stream::Stream(const HmacKey& key) : state_(std::make_unique<State>(*key.blocks_)) {}
HmacKey::Stream::Stream(Stream&&) noexcept = default;
HmacKey::Stream& HmacKey::Stream::operator=(Stream&&) noexcept = default;
HmacKey::Stream::~Stream() = default;

void HmacKey::Stream::update(std::string_view bytes) {
  SHA256_Update(&state_->inner, bytes.data(), bytes.size());
}

Digest HmacKey::Stream::finish() {
  Blocks end = state_->key;
  end.inner = state_->inner;
  return end.finish();
}

}  // namespace sovmesh
