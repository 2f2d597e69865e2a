#include "tenancy/key_format.h"

#include "base/bytes.h"

namespace sovmesh::tenancy {
namespace {

constexpr std::size_t kIdDigits = 12;
constexpr std::size_t kSecretDigits = 43;  // 43 * log2(62) = 256 bits
constexpr std::size_t kCrcDigits = 6;
constexpr std::size_t kRest = kIdDigits + 1 + kSecretDigits + 1 + kCrcDigits;  // behind the prefix
constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string_view prefix_of(Credential kind) { return kind == Credential::key ? "sm-" : "smt-"; }

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

NewKey generate_key(Random& random, Credential kind) {
  const KeyId id = *KeyId::parse(random_digits(random, kIdDigits));
  return {.id = id, .text = renew_key(id, random, kind)};
}

Secret renew_key(const KeyId& id, Random& random, Credential kind) {
  std::string text(prefix_of(kind));
  text.append(id.text()).append("-").append(random_digits(random, kSecretDigits));
  text += "-" + to_base62(crc32(text), kCrcDigits);
  return Secret(std::move(text));
}

bool looks_like(Credential kind, std::string_view text) {
  return text.starts_with(prefix_of(kind));
}

Result<KeyId> parse_key(std::string_view text, Credential kind) {
  const auto refuse = [] { return client_error(Code::invalid_api_key, "malformed API key"); };
  const std::size_t begin = prefix_of(kind).size();
  if (text.size() != begin + kRest || !looks_like(kind, text)) return refuse();
  const std::string_view id = text.substr(begin, kIdDigits);
  const std::string_view secret = text.substr(begin + kIdDigits + 1, kSecretDigits);
  const std::string_view covered = text.substr(0, text.size() - kCrcDigits - 1);
  const bool dashes = text[begin + kIdDigits] == '-' && text[covered.size()] == '-';
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
