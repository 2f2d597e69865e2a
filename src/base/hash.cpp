#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace sovmesh {
namespace {

constexpr std::size_t kBlockBytes = 64;  // of SHA-256

// Hashing cannot go on without memory or the algorithm, and a wrong digest would be worse than the
// end of the process.
void require(bool ok) {
  if (!ok) std::abort();
}

// Looked up once: EVP_sha256() would search the providers at each use, which costs more than a
// short hash. Never freed: other static objects may hash while the process ends.
EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(algorithm != nullptr);
  return algorithm;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

Context make_context() {
  Context context(EVP_MD_CTX_new());
  require(context != nullptr);
  return context;
}

EVP_MD_CTX* thread_context() {
  thread_local const Context context = make_context();
  return context.get();
}

void copy(EVP_MD_CTX* to, const EVP_MD_CTX* from) { require(EVP_MD_CTX_copy_ex(to, from) == 1); }

void add(EVP_MD_CTX* context, const void* bytes, std::size_t size) {
  require(EVP_DigestUpdate(context, bytes, size) == 1);
}

Digest finish_digest(EVP_MD_CTX* context) {
  Digest digest;
  require(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  return digest;
}

Digest outer_digest(EVP_MD_CTX* context, const EVP_MD_CTX* outer, const Digest& inner) {
  copy(context, outer);
  add(context, inner.data(), inner.size());
  return finish_digest(context);
}

}  // namespace

Digest sha256(std::string_view bytes) {
  EVP_MD_CTX* const context = thread_context();
  require(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr) == 1);
  add(context, bytes.data(), bytes.size());
  return finish_digest(context);
}

bool equal_digests(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// RFC 2104: H(key ^ opad, H(key ^ ipad, message)); both states have taken their key block.
struct HmacKey::Blocks {
  Context inner = make_context();
  Context outer = make_context();
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
  const auto start = [&block](EVP_MD_CTX* context, unsigned char pad) {
    std::array<unsigned char, kBlockBytes> padded = block;
    for (unsigned char& byte : padded)
      byte ^= pad;
    require(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr) == 1);
    add(context, padded.data(), padded.size());
    OPENSSL_cleanse(padded.data(), padded.size());
  };
  start(blocks_->inner.get(), 0x36);
  start(blocks_->outer.get(), 0x5c);
  OPENSSL_cleanse(block.data(), block.size());
}

HmacKey::~HmacKey() = default;  // OpenSSL wipes a digest's state when it frees it

Digest HmacKey::of(std::string_view message) const {
  EVP_MD_CTX* const context = thread_context();
  copy(context, blocks_->inner.get());
  add(context, message.data(), message.size());
  const Digest inner = finish_digest(context);
  return outer_digest(context, blocks_->outer.get(), inner);
}

struct HmacKey::Stream::State {
  Context inner = make_context();
  Context outer = make_context();  // its own copy: a stream may outlive its key
};

HmacKey::Stream::Stream(const HmacKey& key) : state_(std::make_unique<State>()) {
  copy(state_->inner.get(), key.blocks_->inner.get());
  copy(state_->outer.get(), key.blocks_->outer.get());
}
HmacKey::Stream::Stream(Stream&&) noexcept = default;
HmacKey::Stream& HmacKey::Stream::operator=(Stream&&) noexcept = default;
HmacKey::Stream::~Stream() = default;

void HmacKey::Stream::update(std::string_view bytes) {
  add(state_->inner.get(), bytes.data(), bytes.size());
}

Digest HmacKey::Stream::finish() {
  const Digest inner = finish_digest(state_->inner.get());
  return outer_digest(state_->inner.get(), state_->outer.get(), inner);
}

}  // namespace sovmesh
