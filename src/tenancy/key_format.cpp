#include "tenancy/key_format.h"

#include "base/bytes.h"

namespace sovmesh::tenancy {
namespace {

constexpr std::size_t kIdDigits = 12;
constexpr std::size_t kSecretDigits = 43;  // 43 * log2(62) = 256 bits
constexpr std::size_t kCrcDigits = 6;
constexpr std::string_view kPrefix = "sm-";
constexpr std::size_t kLength = kPrefix.size() + kIdDigits + 1 + kSecretDigits + 1 + kCrcDigits;
constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Uniform digits: bytes that would favour the low digits are thrown away.
std::string random_digits(Random& random, std::size_t count) {
  constexpr unsigned kLimit = 256 / 62 * 62;
  std::string digits;
  while (digits.size() < count) {
    std::array<unsigned char, 64> bytes{};
    random.fill(bytes);
    for (const unsigned char byte : bytes) {
      if (byte < kLimit && digits.size() < count) digits += kAlphabet[byte % 62];
    }
  }
  return digits;
}

}  // namespace

NewKey generate_key(Random& random) {
  const KeyId id = *KeyId::parse(random_digits(random, kIdDigits));
  return {.id = id, .text = renew_key(id, random)};
}

Secret renew_key(const KeyId& id, Random& random) {
  std::string text(kPrefix);
  text.append(id.text()).append("-").append(random_digits(random, kSecretDigits));
  text += "-" + to_base62(crc32(text), kCrcDigits);
  return Secret(std::move(text));
}

Result<KeyId> parse_key(std::string_view text) {
  const auto refuse = [] { return client_error(Code::invalid_api_key, "malformed API key"); };
  if (text.size() != kLength || !text.starts_with(kPrefix)) return refuse();
  const std::string_view id = text.substr(kPrefix.size(), kIdDigits);
  const std::string_view secret = text.substr(kPrefix.size() + kIdDigits + 1, kSecretDigits);
  const std::string_view covered = text.substr(0, kLength - kCrcDigits - 1);
  const bool dashes = text[kPrefix.size() + kIdDigits] == '-' && text[covered.size()] == '-';
  if (!dashes || !is_base62(secret)) return refuse();
  if (to_base62(crc32(covered), kCrcDigits) != text.substr(covered.size() + 1)) return refuse();
  return KeyId::parse(id);
}

std::string mask_key(std::string_view text) {
  if (text.size() < 16) return "***";
  std::string tail(text.substr(text.size() - 4));
  return is_base62(tail) ? "sm-..." + tail : "***";
}

}  // namespace sovmesh::tenancy
