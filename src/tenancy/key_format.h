#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace sovmesh::tenancy {

// "sm-<id 12>-<secret 43>-<crc 6>", all base62; the CRC-32 covers everything before the last '-'.
struct NewKey {
  KeyId id;
  Secret text;  // the whole key, shown to its owner once
};
NewKey generate_key(Random& random);
// Another text for a key that exists: the same id, a new secret.
Secret renew_key(const KeyId& id, Random& random);

// The id of a well-formed key. Junk is refused without any look-up (Code::invalid_api_key).
Result<KeyId> parse_key(std::string_view text);

// "sm-...abcd" for error messages.
std::string mask_key(std::string_view text);

}  // namespace sovmesh::tenancy
