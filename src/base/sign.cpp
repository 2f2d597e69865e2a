#include "base/sign.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <new>
#include <utility>

namespace sovmesh {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The library refuses no seed of the right length: it fails only for want of memory.
void need(bool done) {
  if (!done) throw std::bad_alloc();
}

Key private_key(const SecretBytes& seed) {
  Key key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.reveal().data(), seed.size()));
  need(key != nullptr);
  return key;
}

PublicKey public_half(const SecretBytes& seed) {
  const Key key = private_key(seed);
  PublicKey bytes{};
  std::size_t size = bytes.size();
  need(EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) == 1 && size == bytes.size());
  return bytes;
}

}  // namespace

Result<VerifyKey> VerifyKey::from_bytes(std::string_view bytes) {
  PublicKey key{};
  if (bytes.size() != key.size())
    return client_error(Code::invalid_value, "an Ed25519 public key has 32 bytes");
  std::copy_n(bytes_of(bytes), key.size(), key.begin());
  return VerifyKey(key);
}

bool VerifyKey::verifies(std::string_view message, std::string_view signature) const {
  if (signature.size() != sizeof(Signature)) return false;
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_.data(), bytes_.size()));
  const Context context(EVP_MD_CTX_new());
  return key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

SigningKey::SigningKey(SecretBytes seed)
    : seed_(std::move(seed)), verify_key_(public_half(seed_)) {}

SigningKey SigningKey::generate(Random& random) {
  return SigningKey(SecretBytes::random(kSigningSeedBytes, random));
}

Result<SigningKey> SigningKey::from_seed(std::string_view seed) {
  if (seed.size() != kSigningSeedBytes)
    return client_error(Code::invalid_value, "an Ed25519 seed has 32 bytes");
  return SigningKey(SecretBytes::copy_of(seed));
}

Signature SigningKey::sign(std::string_view message) const {
  const Key key = private_key(seed_);
  const Context context(EVP_MD_CTX_new());
  Signature signature{};
  std::size_t size = signature.size();
  need(context != nullptr &&
       EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
       EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(message), message.size()) ==
           1 &&
       size == signature.size());
  return signature;
}

}  // namespace sovmesh
