#include "access/password_rules.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace sovmesh::access {
namespace {

// Common ones that are long enough. Shorter ones need not be here.
constexpr std::array<std::string_view, 34> kCommon{"0123456789ab",
                                                   "01234567890",
                                                   "123456789012",
                                                   "1234567890123",
                                                   "12345678910",
                                                   "123456789abc",
                                                   "1234567890qwerty",
                                                   "1q2w3e4r5t6y",
                                                   "1q2w3e4r5t6y7u",
                                                   "1qaz2wsx3edc",
                                                   "1qaz2wsx3edc4rfv",
                                                   "abcdefghijkl",
                                                   "administrator",
                                                   "administrator1",
                                                   "changeme1234",
                                                   "changemenow1",
                                                   "correcthorsebatterystaple",
                                                   "iloveyou1234",
                                                   "letmeinplease",
                                                   "letmein123456",
                                                   "motdepasse123",
                                                   "passwordpassword",
                                                   "password1234",
                                                   "password12345",
                                                   "password123456",
                                                   "password123!",
                                                   "p@ssw0rd1234",
                                                   "qwertyqwerty",
                                                   "qwertyuiop123",
                                                   "qwertyuiop[]",
                                                   "qwerty123456",
                                                   "sovereignmesh",
                                                   "sovmesh12345",
                                                   "welcome12345"};

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// One piece of at most four bytes over and over, or next to no different characters.
bool is_monotonous(std::string_view text) {
  for (std::size_t period = 1; period <= 4; ++period) {
    bool repeats = true;
    for (std::size_t i = period; i < text.size() && repeats; ++i)
      repeats = text[i] == text[i - period];
    if (repeats) return true;
  }
  return false;
}

std::unexpected<Error> bad(std::string message) {
  return client_error(Code::invalid_value, std::move(message), "password");
}

}  // namespace

Result<void> check_password(std::string_view password, std::string_view login) {
  if (!is_valid_utf8(password)) return bad("a password is UTF-8 text");
  if (characters(password) < kPasswordMin)
    return bad("a password has at least " + std::to_string(kPasswordMin) + " characters");
  if (password.size() > kPasswordBytesMax)
    return bad("a password has at most " + std::to_string(kPasswordBytesMax) + " bytes");
  const std::string lower = to_lower(password);
  if (std::ranges::find(kCommon, lower) != kCommon.end())
    return bad("this password is one of the first that anybody would try: take another one");
  if (is_monotonous(lower)) return bad("this password repeats itself: take another one");
  const std::string name = to_lower(login);
  const std::string_view local = std::string_view(name).substr(0, name.find('@'));
  if (lower == name || lower == local || lower == std::string(local).append(local))
    return bad("this password is the login: take another one");
  return {};
}

Result<std::string> parse_login(std::string_view text) {
  const bool is_printable = std::ranges::all_of(
      text, [](char c) { return c > 0x20 && c < 0x7f && c != '/' && c != '"' && c != '\\'; });
  if (text.empty() || text.size() > kLoginMax || !is_printable) {
    return client_error(Code::invalid_value,
                        "want an e-mail address or a name: 1.." + std::to_string(kLoginMax) +
                            " printable characters without spaces and slashes",
                        "login");
  }
  return to_lower(text);
}

}  // namespace sovmesh::access
