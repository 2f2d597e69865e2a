#include "base/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "base/hash.h"

namespace sovmesh {
namespace {

constexpr char kWrapVersion = '\x01';
constexpr std::string_view kWrapPurpose = "sovmesh key wrap v1";

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

// The library fails here only for want of memory, so it is reported as `new` does.
void need(bool done) {
  if (!done) throw std::bad_alloc();
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

int length_of(std::string_view text) {
  assert(text.size() < std::size_t{1} << 30);
  return static_cast<int>(text.size());
}

Cipher start(bool sealing, const SecretBytes& key, std::span<const unsigned char> nonce,
             std::string_view context) {
  assert(key.size() == kSealKeyBytes && nonce.size() == kSealNonceBytes);
  Cipher cipher(EVP_CIPHER_CTX_new());
  need(cipher != nullptr);
  need(EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.reveal().data(),
                         nonce.data(), sealing ? 1 : 0) == 1);
  int taken = 0;
  if (!context.empty()) {
    need(EVP_CipherUpdate(cipher.get(), nullptr, &taken, bytes_of(context), length_of(context)) ==
         1);
  }
  return cipher;
}

// Both directions keep the length. An empty text has no bytes to point to.
void run(EVP_CIPHER_CTX& cipher, std::string_view from, unsigned char* to) {
  int written = 0;
  if (!from.empty())
    need(EVP_CipherUpdate(&cipher, to, &written, bytes_of(from), length_of(from)) == 1);
  assert(static_cast<std::size_t>(written) == from.size());
}

SecretBytes wrapping_key(const SecretBytes& outer) {
  return hkdf_sha256(outer.reveal_text(), {}, kWrapPurpose, kSealKeyBytes);
}

}  // namespace

SecretBytes SecretBytes::copy_of(std::span<const unsigned char> bytes) {
  SecretBytes copy(bytes.size());
  std::ranges::copy(bytes, copy.bytes_.begin());
  return copy;
}

SecretBytes SecretBytes::copy_of(std::string_view bytes) {
  return copy_of(std::span(bytes_of(bytes), bytes.size()));
}

SecretBytes SecretBytes::random(std::size_t size, Random& random) {
  SecretBytes bytes(size);
  random.fill(bytes.writable());
  return bytes;
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
  }
  return *this;
}

void SecretBytes::wipe() {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
  bytes_.clear();
}

std::string seal_with_nonce(const SecretBytes& key, std::span<const unsigned char> nonce,
                            std::string_view plain, std::string_view context) {
  const Cipher cipher = start(true, key, nonce, context);
  std::string sealed(kSealOverheadBytes + plain.size(), '\0');
  std::ranges::copy(nonce, sealed.begin());
  auto* const text = reinterpret_cast<unsigned char*>(sealed.data()) + kSealNonceBytes;
  run(*cipher, plain, text);
  int written = 0;
  need(EVP_CipherFinal_ex(cipher.get(), text + plain.size(), &written) == 1);
  need(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kSealTagBytes,
                           text + plain.size()) == 1);
  return sealed;
}

std::string seal(const SecretBytes& key, std::string_view plain, std::string_view context,
                 Random& random) {
  std::array<unsigned char, kSealNonceBytes> nonce{};
  random.fill(nonce);
  return seal_with_nonce(key, nonce, plain, context);
}

std::optional<SecretBytes> open_sealed(const SecretBytes& key, std::string_view sealed,
                                       std::string_view context) {
  if (sealed.size() < kSealOverheadBytes) return std::nullopt;
  const Cipher cipher = start(false, key, std::span(bytes_of(sealed), kSealNonceBytes), context);
  std::array<unsigned char, kSealTagBytes> tag{};
  std::memcpy(tag.data(), sealed.data() + sealed.size() - tag.size(), tag.size());
  sealed = sealed.substr(kSealNonceBytes, sealed.size() - kSealOverheadBytes);
  SecretBytes plain(sealed.size());
  run(*cipher, sealed, plain.writable().data());
  need(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kSealTagBytes, tag.data()) == 1);
  int written = 0;
  std::array<unsigned char, kSealTagBytes> nothing{};
  if (EVP_CipherFinal_ex(cipher.get(), nothing.data(), &written) != 1) return std::nullopt;
  return plain;
}

SecretBytes hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info,
                        std::size_t size) {
  constexpr std::size_t kBlocksMax = 255;
  assert(size <= kBlocksMax * sizeof(Digest));
  Digest pseudo_random = HmacKey(salt).of(secret);
  const HmacKey expand({reinterpret_cast<const char*>(pseudo_random.data()), pseudo_random.size()});
  OPENSSL_cleanse(pseudo_random.data(), pseudo_random.size());
  SecretBytes out(size);
  Digest block{};
  for (std::size_t done = 0; done < size; done += block.size()) {
    HmacKey::Stream stream(expand);
    if (done > 0) stream.update({reinterpret_cast<const char*>(block.data()), block.size()});
    stream.update(info);
    const char number = static_cast<char>(done / block.size() + 1);
    stream.update({&number, 1});
    block = stream.finish();
    std::memcpy(out.writable().data() + done, block.data(), std::min(block.size(), size - done));
  }
  OPENSSL_cleanse(block.data(), block.size());
  return out;
}

std::string wrap_key(const SecretBytes& outer, const SecretBytes& inner, std::string_view context,
                     Random& random) {
  assert(inner.size() == kSealKeyBytes);
  return kWrapVersion + seal(wrapping_key(outer), inner.reveal_text(), context, random);
}

std::optional<SecretBytes> unwrap_key(const SecretBytes& outer, std::string_view wrapped,
                                      std::string_view context) {
  if (wrapped.size() != kWrappedKeyBytes || wrapped[0] != kWrapVersion) return std::nullopt;
  return open_sealed(wrapping_key(outer), wrapped.substr(1), context);
}

}  // namespace sovmesh
