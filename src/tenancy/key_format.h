#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace sovmesh::tenancy {

// What the text is for: a key of the data path begins with "sm-", an access token of the admin API
// with "smt-". Neither is ever taken for the other.
enum class Credential : std::uint8_t { key, token };

// "sm-<id 12>-<secret 43>-<crc 6>", all base62; the CRC-32 covers everything before the last '-'.
struct NewKey {
  KeyId id;
  Secret text;  // the whole key, shown to its owner once
};
NewKey generate_key(Random& random, Credential kind = Credential::key);
// Another text for a key that exists: the same id, a new secret.
Secret renew_key(const KeyId& id, Random& random, Credential kind = Credential::key);

// The id of a well-formed key. Junk is refused without any look-up (Code::invalid_api_key).
Result<KeyId> parse_key(std::string_view text, Credential kind = Credential::key);
// Whether it begins as such a text does; says nothing of the rest.
bool looks_like(Credential kind, std::string_view text);

// "sm-...abcd" for error messages.
std::string mask_key(std::string_view text);

}  // namespace sovmesh::tenancy
