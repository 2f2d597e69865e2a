#include "identity/password.h"

#include <argon2.h>

#include <array>

namespace sovmesh::identity {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::uint32_t kLanes = 1;

}  // namespace

Result<std::string> hash_password(std::string_view password, const PasswordCost& cost,
                                  Random& random) {
  std::array<unsigned char, kSaltBytes> salt{};
  random.fill(salt);
  std::string text(
      argon2_encodedlen(cost.passes, cost.memory_kib, kLanes, kSaltBytes, kHashBytes, Argon2_id),
      '\0');
  const int failed =
      argon2id_hash_encoded(cost.passes, cost.memory_kib, kLanes, password.data(), password.size(),
                            salt.data(), salt.size(), kHashBytes, text.data(), text.size());
  if (failed != ARGON2_OK)
    return our_error(Code::internal_error,
                     std::string("a password cannot be hashed: ") + argon2_error_message(failed));
  text.resize(text.find('\0'));
  return text;
}

bool is_password(std::string_view password, const std::string& hash) {
  return argon2id_verify(hash.c_str(), password.data(), password.size()) == ARGON2_OK;
}

}  // namespace sovmesh::identity
