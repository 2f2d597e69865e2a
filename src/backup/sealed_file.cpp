#include "backup/sealed_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::backup {
namespace {

constexpr std::string_view kTitle = "sovmesh-backup ";
constexpr std::string_view kMagic = "sovmesh-backup 1\n";
constexpr std::size_t kHeaderBytesMax = 4'096;
constexpr std::size_t kCheckBytes = 16;
constexpr std::string_view kDataPurpose = "sovmesh backup 1 data";
constexpr std::string_view kCheckPurpose = "sovmesh backup 1 check";

using Nonce = std::array<unsigned char, kSealNonceBytes>;

// The chunk's number, most significant byte first (11), and 1 for the last chunk.
Nonce nonce_of(std::uint64_t number, bool last) {
  Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i)
    nonce[10 - i] = static_cast<unsigned char>(number >> (8 * i));
  nonce[11] = last ? 1 : 0;
  return nonce;
}

std::string check_of(const SecretBytes& secret, std::string_view salt) {
  return to_hex(hkdf_sha256(secret.reveal_text(), salt, kCheckPurpose, kCheckBytes).reveal());
}

SecretBytes data_key(const SecretBytes& secret, std::string_view salt) {
  return hkdf_sha256(secret.reveal_text(), salt, kDataPurpose, kSealKeyBytes);
}

std::unexpected<Error> bad(std::string why) {
  return client_error(Code::invalid_value, std::move(why));
}

Result<void> check_secret(const SecretBytes& secret) {
  if (secret.size() >= kSecretBytesMin) return {};
  return client_error(Code::invalid_value,
                      fmt::format("the backup key is {} bytes long; want at least {} that nobody "
                                  "can guess, as of `openssl rand -hex 32`",
                                  secret.size(), kSecretBytesMin));
}

std::optional<SecretBytes> open_chunk(const SecretBytes& key, const Nonce& nonce,
                                      std::string_view raw, std::string_view context) {
  std::string sealed(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  sealed.append(raw);
  return open_sealed(key, sealed, context);
}

}  // namespace

Result<SealedWriter> SealedWriter::begin(const SecretBytes& secret, const Header& header,
                                         Random& random, Sink sink) {
  TRY_VOID(check_secret(secret));
  std::array<unsigned char, kSaltBytes> bytes{};
  random.fill(bytes);
  const std::string salt(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string head(kMagic);
  head += R"({"created_at":)";
  append_json_string(head, header.created_at);
  head += R"(,"version":)";
  append_json_string(head, header.version);
  head += fmt::format(R"(,"salt":"{}","check":"{}"}})", to_hex(bytes), check_of(secret, salt));
  head += '\n';
  if (head.size() > kHeaderBytesMax) return bad("the header is too long");
  SealedWriter writer(std::move(sink), data_key(secret, salt), std::move(head));
  TRY_VOID(writer.sink_(writer.head_));
  writer.written_ = writer.head_.size();
  return writer;
}

Result<void> SealedWriter::seal_chunk(bool last) {
  const std::string sealed = seal_with_nonce(key_, nonce_of(number_, last), chunk_, head_);
  chunk_.clear();
  ++number_;
  const std::string_view out = std::string_view(sealed).substr(kSealNonceBytes);
  TRY_VOID(sink_(out));
  written_ += out.size();
  return {};
}

Result<void> SealedWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    // A full chunk waits for more: the last one must be known as that.
    if (chunk_.size() == kChunkBytes) TRY_VOID(seal_chunk(false));
    const std::size_t count = std::min(bytes.size(), kChunkBytes - chunk_.size());
    chunk_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
  return {};
}

Result<void> SealedWriter::finish() {
  if (chunk_.empty()) return our_error(Code::internal_error, "an archive of nothing");
  return seal_chunk(true);
}

Result<SealedReader> SealedReader::open(const SecretBytes& secret, Source source) {
  TRY_VOID(check_secret(secret));
  SealedReader reader(std::move(source));
  TRY_VOID(reader.read_head(secret));
  return reader;
}

Result<void> SealedReader::fill(std::string& raw, std::size_t want) {
  while (raw.size() < want) {
    const std::size_t there = raw.size();
    raw.resize(want);
    auto got = source_(std::span(raw.data() + there, want - there));
    raw.resize(there + (got ? *got : 0));
    if (!got) return fail(std::move(got).error());
    if (*got == 0) return {};
    hash_.update(std::string_view(raw).substr(there));
    position_ += *got;
  }
  return {};
}

Result<std::string> SealedReader::head_line(std::size_t max) {
  std::string line;
  while (line.empty() || line.back() != '\n') {
    const std::size_t there = line.size();
    if (there == max) return bad("this is not a backup archive: its head has no end");
    TRY_VOID(fill(line, there + 1));
    if (line.size() == there)
      return bad(there == 0 && position_ == 0
                     ? std::string("this is not a backup archive: it is empty")
                     : fmt::format("the archive is cut short: it ends at byte {}, within its head",
                                   position_));
  }
  return line;
}

Result<void> SealedReader::read_head(const SecretBytes& secret) {
  TRY(const std::string magic, head_line(kMagic.size() + 16));
  if (magic != kMagic) {
    const bool ours = magic.starts_with(kTitle);
    const auto version = ours ? parse_u64(std::string_view(magic).substr(
                                    kTitle.size(), magic.size() - kTitle.size() - 1))
                              : std::nullopt;
    if (version && *version > 1)
      return bad(
          fmt::format("the archive has format {}, written by a newer release; this one "
                      "reads format 1",
                      *version));
    return bad("this is not a backup archive: its first line is not that of one");
  }
  TRY(const std::string line, head_line(kHeaderBytesMax));
  head_ = magic + line;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto text = [&](const char* member) -> std::string {
    if (!json.is_object()) return {};
    const auto found = json.find(member);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  header_ = {.created_at = text("created_at"), .version = text("version")};
  std::string salt;
  const std::string hex = text("salt");
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto high = kDigits.find(hex[i]);
    const auto low = kDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) break;
    salt += static_cast<char>(high * 16 + low);
  }
  if (salt.size() != kSaltBytes || hex.size() != 2 * kSaltBytes || text("check").empty())
    return bad("the archive's header (its second line) is damaged");
  if (text("check") != check_of(secret, salt))
    return client_error(Code::insufficient_permissions,
                        "this key does not open the archive: it is another one's (or the "
                        "archive's header is damaged)");
  key_ = data_key(secret, salt);
  return {};
}

Result<void> SealedReader::next_chunk() {
  constexpr std::size_t kSealedMax = kChunkBytes + kSealTagBytes;
  const std::uint64_t from = position_ - ahead_.size();
  // One byte more: only who sees the end knows that a chunk is the last one.
  std::string raw = std::move(ahead_);
  ahead_.clear();
  TRY_VOID(fill(raw, kSealedMax + 1));
  const bool at_end = raw.size() <= kSealedMax;
  if (!at_end) {
    ahead_.assign(raw, kSealedMax);
    raw.resize(kSealedMax);
  }
  const std::uint64_t to = from + raw.size();
  if (raw.size() <= kSealTagBytes)
    return bad(fmt::format("the archive is cut short: it ends at byte {}", to));
  auto plain = open_chunk(key_, nonce_of(number_, at_end), raw, head_);
  if (!plain) {
    const bool other = open_chunk(key_, nonce_of(number_, !at_end), raw, head_).has_value();
    if (other && at_end)
      return bad(
          fmt::format("the archive is cut short: it ends at byte {}, and more must follow", to));
    if (other)
      return bad(fmt::format("the archive ends at byte {}, and something was added behind it", to));
    if (at_end)
      return bad(
          fmt::format("the archive is damaged between its bytes {} and {}, or cut short at "
                      "byte {}",
                      from, to - 1, to));
    return bad(fmt::format("the archive is damaged between its bytes {} and {}", from, to - 1));
  }
  plain_ = *std::move(plain);
  used_ = 0;
  last_ = at_end;
  ++number_;
  return {};
}

Result<void> SealedReader::read(std::span<char> out) {
  while (!out.empty()) {
    if (used_ == plain_.size()) {
      if (last_) return bad("the archive's contents end too early");
      TRY_VOID(next_chunk());
    }
    const std::size_t count = std::min(out.size(), plain_.size() - used_);
    std::memcpy(out.data(), plain_.reveal().data() + used_, count);
    used_ += count;
    out = out.subspan(count);
  }
  return {};
}

Result<bool> SealedReader::at_end() {
  if (used_ < plain_.size()) return false;
  if (last_) return true;
  TRY_VOID(next_chunk());
  return false;
}

}  // namespace sovmesh::backup
