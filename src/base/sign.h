#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/seal.h"

namespace sovmesh {

// Ed25519 (RFC 8032, pure).
using PublicKey = std::array<unsigned char, 32>;
using Signature = std::array<unsigned char, 64>;
inline constexpr std::size_t kSigningSeedBytes = 32;

// Who may have signed. Any 32 bytes can be held; bytes that are no point verify nothing.
class VerifyKey {
 public:
  explicit VerifyKey(const PublicKey& bytes) : bytes_(bytes) {}
  static Result<VerifyKey> from_bytes(std::string_view bytes);

  const PublicKey& bytes() const { return bytes_; }
  // False for a wrong signature of any kind, a wrong length included. Thread safe.
  bool verifies(std::string_view message, std::string_view signature) const;
  friend bool operator==(const VerifyKey&, const VerifyKey&) = default;

 private:
  PublicKey bytes_;
};

// The secret half. It cannot be printed or copied; the seed is wiped at the end. Thread safe.
class SigningKey {
 public:
  static SigningKey generate(Random& random);
  static Result<SigningKey> from_seed(std::string_view seed);

  const VerifyKey& verify_key() const { return verify_key_; }
  SecretBytes seed() const { return seed_.clone(); }  // for the key file, nothing else
  Signature sign(std::string_view message) const;

 private:
  explicit SigningKey(SecretBytes seed);
  SecretBytes seed_;
  VerifyKey verify_key_;
};

}  // namespace sovmesh
