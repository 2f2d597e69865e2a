#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sovmesh::access {

constexpr std::size_t kPasswordMin = 12;        // characters
constexpr std::size_t kPasswordBytesMax = 256;  // what hashing takes
constexpr std::size_t kLoginMax = 128;          // bytes

// Whether `password` is good enough for `login`: long, UTF-8, not one of the common ones, not one
// character or a short piece over and over, and not the login itself. Code::invalid_value with
// param "password"; never says the password.
Result<void> check_password(std::string_view password, std::string_view login);

// A login as it is kept and compared: lower case, 1..kLoginMax printable characters of ASCII
// without spaces and '/'. Code::invalid_value with param "login".
Result<std::string> parse_login(std::string_view text);

}  // namespace sovmesh::access
