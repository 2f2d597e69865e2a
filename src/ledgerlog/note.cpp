#include "ledgerlog/note.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"

namespace sovmesh::ledgerlog {
namespace {

constexpr std::string_view kSignatureMark = "\u2014 ";
constexpr std::size_t kTimeBytes = 8;

std::unexpected<Error> bad(std::string_view what) {
  return client_error(Code::invalid_value, std::string(what));
}

std::span<const unsigned char> span_of(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

template <class Array>
std::string_view text_of(const Array& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Unicode's White_Space beyond ASCII, as UTF-8.
constexpr std::array kWideSpaces = {
    std::string_view("\u0085"), std::string_view("\u00a0"), std::string_view("\u1680"),
    std::string_view("\u2000"), std::string_view("\u2001"), std::string_view("\u2002"),
    std::string_view("\u2003"), std::string_view("\u2004"), std::string_view("\u2005"),
    std::string_view("\u2006"), std::string_view("\u2007"), std::string_view("\u2008"),
    std::string_view("\u2009"), std::string_view("\u200a"), std::string_view("\u2028"),
    std::string_view("\u2029"), std::string_view("\u202f"), std::string_view("\u205f"),
    std::string_view("\u3000")};

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kNoteNameBytesMax || !is_valid_utf8(name)) return false;
  const auto forbidden = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == '+' || c == '\x7f';
  };
  if (std::ranges::any_of(name, forbidden)) return false;
  return std::ranges::none_of(kWideSpaces, [name](std::string_view s) { return name.contains(s); });
}

NoteKeyId key_id(std::string_view name, NoteAlgorithm algorithm, const VerifyKey& key) {
  std::string bytes(name);
  bytes += '\n';
  bytes += static_cast<char>(algorithm);
  bytes += text_of(key.bytes());
  const Digest digest = sha256(bytes);
  NoteKeyId id{};
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

std::string cosigned_message(std::uint64_t seconds, std::string_view text) {
  return "cosignature/v1\ntime " + std::to_string(seconds) + "\n" + std::string(text);
}

std::uint64_t time_in(std::string_view signature) {
  std::uint64_t seconds = 0;
  for (const char c : signature.substr(0, kTimeBytes))
    seconds = seconds << 8 | static_cast<unsigned char>(c);
  return seconds;
}

bool verifies(const NoteKey& key, std::string_view text, std::string_view signature) {
  switch (key.algorithm()) {
    case NoteAlgorithm::ed25519:
      return key.key().verifies(text, signature);
    case NoteAlgorithm::cosignature_v1:
      if (signature.size() != kTimeBytes + sizeof(Signature)) return false;
      return key.key().verifies(cosigned_message(time_in(signature), text),
                                signature.substr(kTimeBytes));
  }
  return false;
}

bool names(const NoteSignature& signature, const NoteKey& key) {
  return signature.id == key.id() && signature.name == key.name();
}

std::optional<NoteAlgorithm> algorithm_of(char c) {
  for (const auto known : {NoteAlgorithm::ed25519, NoteAlgorithm::cosignature_v1}) {
    if (static_cast<char>(known) == c) return known;
  }
  return std::nullopt;
}

}  // namespace

NoteKey::NoteKey(std::string_view name, NoteAlgorithm algorithm, const VerifyKey& key)
    : name_(name), algorithm_(algorithm), key_(key), id_(key_id(name, algorithm, key)) {}

Result<NoteKey> NoteKey::make(std::string_view name, NoteAlgorithm algorithm,
                              const VerifyKey& key) {
  if (!is_name(name)) return bad("a key's name is 1..255 bytes without spaces and \"+\"");
  return NoteKey(name, algorithm, key);
}

Result<NoteKey> NoteKey::parse(std::string_view text) {
  constexpr std::string_view kWant = "a verifier key is NAME+KEYID+BASE64";
  const std::size_t first = text.find('+');
  if (first == std::string_view::npos) return bad(kWant);
  const std::size_t second = text.find('+', first + 1);
  if (second == std::string_view::npos) return bad(kWant);
  const auto bytes = from_base64(text.substr(second + 1));
  if (!bytes || bytes->empty()) return bad(kWant);
  const auto algorithm = algorithm_of(bytes->front());
  if (!algorithm) return bad("a verifier key of an unknown algorithm");
  TRY(const VerifyKey verify_key, VerifyKey::from_bytes(std::string_view(*bytes).substr(1)));
  TRY(NoteKey key, make(text.substr(0, first), *algorithm, verify_key));
  if (to_hex(key.id()) != text.substr(first + 1, second - first - 1))
    return bad("the key id does not fit the verifier key");
  return key;
}

std::string NoteKey::text() const {
  std::string bytes(1, static_cast<char>(algorithm_));
  bytes += text_of(key_.bytes());
  return name_ + "+" + to_hex(id_) + "+" + to_base64(span_of(bytes));
}

std::string format_signature_line(const NoteSignature& signature) {
  std::string bytes(text_of(signature.id));
  bytes += signature.bytes;
  return std::string(kSignatureMark) + signature.name + " " + to_base64(span_of(bytes)) + "\n";
}

Result<NoteSignature> parse_signature_line(std::string_view line) {
  if (!line.starts_with(kSignatureMark)) return bad("not a signature line");
  line.remove_prefix(kSignatureMark.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_name(line.substr(0, space)))
    return bad("a signature line without a name");
  const auto bytes = from_base64(line.substr(space + 1));
  NoteSignature signature{.name = std::string(line.substr(0, space)), .id = {}, .bytes = {}};
  if (!bytes || bytes->size() <= signature.id.size())
    return bad("a signature line without a signature");
  std::ranges::copy(span_of(*bytes).first<sizeof(NoteKeyId)>(), signature.id.begin());
  signature.bytes = bytes->substr(signature.id.size());
  return signature;
}

Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > kNoteBytesMax) return bad("the note is too long");
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  if (!is_valid_utf8(bytes) || std::ranges::any_of(bytes, control))
    return bad("the note is not plain UTF-8 text");
  const std::size_t gap = bytes.rfind("\n\n");
  if (gap == std::string_view::npos) return bad("the note has no signatures");
  Note note{.text = std::string(bytes.substr(0, gap + 1)), .signatures = {}};
  std::string_view lines = bytes.substr(gap + 2);
  if (lines.empty() || lines.back() != '\n')
    return bad("the note does not end in a signature line");
  while (!lines.empty()) {
    if (note.signatures.size() == kNoteSignaturesMax) return bad("too many signatures");
    const std::size_t end = lines.find('\n');
    TRY(NoteSignature signature, parse_signature_line(lines.substr(0, end)));
    note.signatures.push_back(std::move(signature));
    lines.remove_prefix(end + 1);
  }
  return note;
}

std::string format_note(const Note& note) {
  std::string bytes = note.text + "\n";
  for (const NoteSignature& signature : note.signatures)
    bytes += format_signature_line(signature);
  return bytes;
}

NoteSignature sign_note(std::string_view text, std::string_view name, const SigningKey& key) {
  return {.name = std::string(name),
          .id = key_id(name, NoteAlgorithm::ed25519, key.verify_key()),
          .bytes = std::string(text_of(key.sign(text)))};
}

NoteSignature cosign_note(std::string_view text, std::string_view name, const SigningKey& key,
                          std::chrono::sys_seconds time) {
  const auto seconds = static_cast<std::uint64_t>(time.time_since_epoch().count());
  std::string bytes;
  for (unsigned shift = 64; shift > 0; shift -= 8)
    bytes.push_back(static_cast<char>(seconds >> (shift - 8) & 0xff));
  bytes += text_of(key.sign(cosigned_message(seconds, text)));
  return {.name = std::string(name),
          .id = key_id(name, NoteAlgorithm::cosignature_v1, key.verify_key()),
          .bytes = std::move(bytes)};
}

bool signed_by(const Note& note, const NoteKey& key) {
  bool found = false;
  for (const NoteSignature& signature : note.signatures) {
    if (!names(signature, key)) continue;
    if (!verifies(key, note.text, signature.bytes)) return false;
    found = true;
  }
  return found;
}

std::optional<std::chrono::sys_seconds> cosigned_at(const Note& note, const NoteKey& key) {
  if (key.algorithm() != NoteAlgorithm::cosignature_v1 || !signed_by(note, key))
    return std::nullopt;
  constexpr std::uint64_t kSecondsMax = 253'402'300'799;  // the end of the year 9999
  const auto signature = std::ranges::find_if(
      note.signatures, [&key](const NoteSignature& s) { return names(s, key); });
  const std::uint64_t seconds = time_in(signature->bytes);
  if (seconds == 0 || seconds > kSecondsMax) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

}  // namespace sovmesh::ledgerlog
