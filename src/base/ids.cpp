#include "base/ids.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "base/bytes.h"

namespace sovmesh {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kUlidCharacters = 26;
constexpr std::size_t kTimeBytes = 6;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::uint64_t milliseconds(WallTime time) {
  const auto since_1970 =
      std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return since_1970 < 0 ? 0 : static_cast<std::uint64_t>(since_1970);
}

std::uint64_t time_of(const Ulid& id) {
  std::uint64_t time = 0;
  for (std::size_t i = 0; i < kTimeBytes; ++i)
    time = time << 8 | id.bytes()[i];
  return time;
}

Ulid successor(const Ulid& id) {
  auto bytes = id.bytes();
  for (std::size_t i = bytes.size(); i-- > 0;) {
    if (++bytes[i] != 0) break;  // the carry ends here
  }
  return Ulid::from_bytes(bytes);
}

}  // namespace

Ulid Ulid::make(WallTime now, Random& random) {
  std::array<unsigned char, 16> bytes{};
  std::uint64_t time = milliseconds(now);
  for (std::size_t i = kTimeBytes; i-- > 0; time >>= 8)
    bytes[i] = static_cast<unsigned char>(time & 0xff);
  random.fill(std::span(bytes).subspan(kTimeBytes));
  return Ulid(bytes);
}

Result<Ulid> Ulid::parse(std::string_view text) {
  const auto refuse = [] {
    return client_error(Code::invalid_value, "id: want 26 characters of Crockford's base 32");
  };
  // 26 * 5 = 130 bits: the first character carries only three.
  if (text.size() != kUlidCharacters || text[0] > '7') return refuse();
  std::array<unsigned char, 16> bytes{};
  std::uint32_t window = 0;
  unsigned bits = 0;
  std::size_t filled = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char upper = is_lower(text[i]) ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
    const std::size_t digit = kCrockford.find(upper);
    if (digit == std::string_view::npos) return refuse();
    window = (window << 5 | static_cast<std::uint32_t>(digit)) & 0xffff;
    bits += i == 0 ? 3 : 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[filled++] = static_cast<unsigned char>(window >> bits & 0xff);
  }
  return Ulid(bytes);
}

std::string Ulid::text() const {
  std::string text(kUlidCharacters, '0');
  // 48 bits of time, with two zero bits in front, then twice 40 bits.
  const auto put = [&](std::size_t at, std::size_t digits, std::span<const unsigned char> bytes) {
    std::uint64_t value = 0;
    for (const unsigned char byte : bytes)
      value = value << 8 | byte;
    for (std::size_t i = at + digits; i-- > at; value >>= 5)
      text[i] = kCrockford[value & 31];
  };
  const std::span bytes(bytes_);
  put(0, 10, bytes.subspan<0, 6>());
  put(10, 8, bytes.subspan<6, 5>());
  put(18, 8, bytes.subspan<11, 5>());
  return text;
}

std::string Ulid::hex() const { return to_hex(bytes_); }

Ulid UlidSource::next() {
  const WallTime now = clock_.wall_now();
  // Within one millisecond, and while the wall clock is behind what was given out, the last one
  // plus 1 keeps the order.
  const bool later = last_.is_nil() || milliseconds(now) > time_of(last_);
  last_ = later ? Ulid::make(now, random_) : successor(last_);
  return last_;
}

template <class Tag>
Result<Slug<Tag>> Slug<Tag>::parse(std::string_view text) {
  const bool fits =
      text.size() >= 3 && text.size() <= 40 && is_lower(text[0]) &&
      std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  if (!fits) {
    return client_error(
        Code::invalid_value,
        std::string(Tag::kWhat) + " name: want 3 to 40 of a-z, 0-9 and '-', the first a letter");
  }
  return Slug(std::string(text));
}
template class Slug<TenantTag>;
template class Slug<ProjectTag>;

Result<ModelName> ModelName::parse(std::string_view text) {
  const auto allowed = [](char c) {
    return is_base62({&c, 1}) || std::string_view("._:/@-").contains(c);
  };
  const bool fits = !text.empty() && text.size() <= 128 && is_base62(text.substr(0, 1)) &&
                    std::ranges::all_of(text, allowed);
  if (!fits) {
    return client_error(Code::invalid_value,
                        "model name: want 1 to 128 of A-Z, a-z, 0-9 and ._:/@-, the first a "
                        "letter or digit");
  }
  return ModelName(std::string(text));
}

Result<KeyId> KeyId::parse(std::string_view text) {
  KeyId id;
  if (text.size() != id.text_.size() || !is_base62(text))
    return client_error(Code::invalid_value, "key id: want 12 letters and digits");
  std::ranges::copy(text, id.text_.begin());
  return id;
}

Result<void> check_host_name(std::string_view text) {
  const auto fits = [](char c) {
    return c > 0x20 && c < 0x7f && c != ':' && c != '/' && c != '@' && (c < 'A' || c > 'Z');
  };
  if (!text.empty() && text.size() <= 253 && std::ranges::all_of(text, fits)) return {};
  return client_error(
      Code::invalid_value,
      "want a host name in lower case, without a port, not '" + std::string(text) + "'", "hosts");
}

}  // namespace sovmesh
