#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace sovmesh::identity {

// What one try of a password costs, by us and by whoever stole the database. The defaults are those
// that OWASP recommends for Argon2id; a try takes some 30 ms.
struct PasswordCost {
  std::uint32_t memory_kib = 19'456;
  std::uint32_t passes = 2;
  friend bool operator==(const PasswordCost&, const PasswordCost&) = default;
};

// Argon2id in its usual text form: "$argon2id$v=19$m=...,t=...,p=1$SALT$HASH". Takes the cost's
// time and memory: on the blocking pool.
Result<std::string> hash_password(std::string_view password, const PasswordCost& cost,
                                  Random& random);
// Whether `hash` was made of `password`. False for what is no hash, too. As long as hashing took.
bool is_password(std::string_view password, const std::string& hash);

}  // namespace sovmesh::identity
