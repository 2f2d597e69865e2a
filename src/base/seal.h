#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"

namespace sovmesh {

// Key material: cannot be printed, copied by accident or left behind in memory. Read it with
// reveal(), at the one place that needs it.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  static SecretBytes copy_of(std::string_view bytes);
  static SecretBytes copy_of(std::span<const unsigned char> bytes);
  static SecretBytes random(std::size_t size, Random& random);
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { wipe(); }

  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  std::span<const unsigned char> reveal() const { return bytes_; }
  std::string_view reveal_text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  std::span<unsigned char> writable() { return bytes_; }
  // For callers that need the copy on purpose.
  SecretBytes clone() const { return copy_of(reveal()); }
  void wipe();  // overwrites and empties

 private:
  std::vector<unsigned char> bytes_;
};

// AES-256-GCM. A sealed text is nonce (12) | ciphertext | tag (16). `context` is authenticated and
// not stored: what the text belongs to, so that it cannot be moved. Nonces are random: at most 2^32
// texts under one key (the bound of SP 800-38D). The key is always kSealKeyBytes long; another
// length is a bug.
inline constexpr std::size_t kSealKeyBytes = 32;
inline constexpr std::size_t kSealNonceBytes = 12;
inline constexpr std::size_t kSealTagBytes = 16;
inline constexpr std::size_t kSealOverheadBytes = kSealNonceBytes + kSealTagBytes;

std::string seal(const SecretBytes& key, std::string_view plain, std::string_view context,
                 Random& random);
// Nothing when the key, the context or any byte is not the one that was sealed.
std::optional<SecretBytes> open_sealed(const SecretBytes& key, std::string_view sealed,
                                       std::string_view context);
// With a nonce of the caller's, who must never use one twice: a counter under a key of one archive.
std::string seal_with_nonce(const SecretBytes& key, std::span<const unsigned char> nonce,
                            std::string_view plain, std::string_view context);

// HKDF-SHA256 (RFC 5869), `size` <= 8160: one key per purpose out of one secret.
SecretBytes hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info,
                        std::size_t size);

// One 32-byte key under another: version (1) | nonce | ciphertext | tag, 61 bytes. The outer key is
// not used itself but a key derived from it for this purpose, so it may also seal data.
inline constexpr std::size_t kWrappedKeyBytes = 1 + kSealKeyBytes + kSealOverheadBytes;
std::string wrap_key(const SecretBytes& outer, const SecretBytes& inner, std::string_view context,
                     Random& random);
std::optional<SecretBytes> unwrap_key(const SecretBytes& outer, std::string_view wrapped,
                                      std::string_view context);

}  // namespace sovmesh
