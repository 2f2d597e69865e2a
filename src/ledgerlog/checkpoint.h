#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "ledgerlog/note.h"

// C2SP tlog-checkpoint: what a log says about itself, as a signed note.
namespace sovmesh::ledgerlog {

// The note's text: origin, size and root, one line each, then any further lines.
struct Checkpoint {
  std::string origin;  // the log's name, for ever; also the name of its keys
  std::uint64_t size = 0;
  Digest root{};
  std::vector<std::string> extensions;  // not empty, no newline
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

std::string format_checkpoint(const Checkpoint& checkpoint);  // the text, unsigned
Result<Checkpoint> parse_checkpoint(std::string_view text);
// The file `checkpoint` of a log: text and the log's signature.
std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key);

struct SignedCheckpoint {
  Checkpoint checkpoint;
  Note note;
};
// Syntax only; see LogKeys::signer_of and signed_by for who signed.
Result<SignedCheckpoint> parse_signed_checkpoint(std::string_view bytes);

// A key of the log and the sizes of tree that it may sign: [from, until].
struct KeyRange {
  NoteKey key;
  std::uint64_t from = 0;
  std::optional<std::uint64_t> until;  // nothing: still in use
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// The keys of one log over its life: the first from the auditor's list, the others as rotation
// entries of the log announce them, each under the key before.
class LogKeys {
 public:
  static constexpr std::size_t kKeysMax = 1'000;

  LogKeys() = default;
  explicit LogKeys(std::vector<KeyRange> ranges) : ranges_(std::move(ranges)) {}
  // A text file: one key per line, "VKEY FROM UNTIL" with "-" for no end; "#" starts a comment.
  static Result<LogKeys> parse(std::string_view text);
  std::string text() const;

  const std::vector<KeyRange>& ranges() const { return ranges_; }
  const KeyRange* holding(const NoteKey& key) const;
  bool may_sign(const NoteKey& key, std::uint64_t size) const;
  // The key in range whose signature the note carries; nothing when there is none, or a false one.
  const NoteKey* signer_of(const SignedCheckpoint& checkpoint) const;
  // `next` takes over after the entry at `index`; an error when `previous` is not in use there, or
  // when the list already says otherwise about `next`.
  Result<void> rotate(const NoteKey& previous, const NoteKey& next, std::uint64_t index);

 private:
  std::vector<KeyRange> ranges_;
};

}  // namespace sovmesh::ledgerlog
