#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sign.h"

// C2SP signed notes: a text, an empty line, and a line for each signature.
namespace sovmesh::ledgerlog {

using NoteKeyId = std::array<unsigned char, 4>;
inline constexpr std::size_t kNoteBytesMax = 65'536;
inline constexpr std::size_t kNoteSignaturesMax = 100;
inline constexpr std::size_t kNoteNameBytesMax = 255;

// The first byte of a key's text form.
enum class NoteAlgorithm : std::uint8_t { ed25519 = 0x01, cosignature_v1 = 0x04 };

// A key that verifies notes, "NAME+KEYID+BASE64" in text: valid by construction.
class NoteKey {
 public:
  static Result<NoteKey> make(std::string_view name, NoteAlgorithm algorithm, const VerifyKey& key);
  static Result<NoteKey> parse(std::string_view text);  // the key id must fit

  std::string_view name() const { return name_; }
  NoteAlgorithm algorithm() const { return algorithm_; }
  const VerifyKey& key() const { return key_; }
  const NoteKeyId& id() const { return id_; }
  std::string text() const;
  friend bool operator==(const NoteKey&, const NoteKey&) = default;

 private:
  NoteKey(std::string_view name, NoteAlgorithm algorithm, const VerifyKey& key);
  std::string name_;
  NoteAlgorithm algorithm_;
  VerifyKey key_;
  NoteKeyId id_;
};

struct NoteSignature {
  std::string name;
  NoteKeyId id{};
  std::string bytes;  // after the key id: 64 for Ed25519, 8 + 64 for a cosignature
  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

struct Note {
  std::string text;  // ends in a newline
  std::vector<NoteSignature> signatures;
  friend bool operator==(const Note&, const Note&) = default;
};

// All or nothing: UTF-8, no control characters but newline, 1..kNoteSignaturesMax signature lines,
// base64 in its one spelling. format_note(parse_note(x)) is x.
Result<Note> parse_note(std::string_view bytes);
std::string format_note(const Note& note);
// For files that grow by witnesses' lines.
std::string format_signature_line(const NoteSignature& signature);
Result<NoteSignature> parse_signature_line(std::string_view line);  // without its newline

NoteSignature sign_note(std::string_view text, std::string_view name, const SigningKey& key);
// A witness's: "I saw this checkpoint and it was consistent with what I saw before", with a time.
NoteSignature cosign_note(std::string_view text, std::string_view name, const SigningKey& key,
                          std::chrono::sys_seconds time);

// The note has signatures with the key's name and id and each of them verifies: an unknown
// signature is passed over, a false one spoils the note.
bool signed_by(const Note& note, const NoteKey& key);
// When the witness says it signed; nothing when it did not.
std::optional<std::chrono::sys_seconds> cosigned_at(const Note& note, const NoteKey& key);

}  // namespace sovmesh::ledgerlog
