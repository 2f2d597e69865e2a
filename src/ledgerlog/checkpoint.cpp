#include "ledgerlog/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "ledgerlog/tree.h"

namespace sovmesh::ledgerlog {
namespace {

constexpr std::size_t kKeyListBytesMax = 1'000'000;

std::unexpected<Error> bad(std::string_view what) {
  return client_error(Code::invalid_value, std::string(what));
}

std::optional<std::string_view> cut_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<Digest> parse_root(std::string_view line) {
  const auto bytes = from_base64(line);
  Digest root{};
  if (!bytes || bytes->size() != root.size()) return std::nullopt;
  std::memcpy(root.data(), bytes->data(), root.size());
  return root;
}

std::optional<std::uint64_t> parse_size(std::string_view digits) {
  const auto size = parse_u64(digits);
  return size && *size <= kTreeSizeMax ? size : std::nullopt;
}

// "VKEY FROM UNTIL"
Result<KeyRange> parse_range(std::string_view line) {
  constexpr std::string_view kWant = "want VERIFIER-KEY FROM UNTIL, UNTIL a size or \"-\"";
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return bad(kWant);
  TRY(NoteKey key, NoteKey::parse(line.substr(0, first)));
  if (key.algorithm() != NoteAlgorithm::ed25519) return bad("not a key that signs for a log");
  const auto from = parse_size(line.substr(first + 1, second - first - 1));
  const std::string_view end = line.substr(second + 1);
  const auto until = parse_size(end);
  if (!from || (!until && end != "-") || (until && *until < *from)) return bad(kWant);
  return KeyRange{.key = std::move(key), .from = *from, .until = until};
}

bool in_range(const KeyRange& range, std::uint64_t size) {
  return range.from <= size && (!range.until || size <= *range.until);
}

}  // namespace

std::string format_checkpoint(const Checkpoint& checkpoint) {
  std::string text = checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
                     to_base64(checkpoint.root) + "\n";
  for (const std::string& line : checkpoint.extensions)
    text += line + "\n";
  return text;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  const auto origin = cut_line(text);
  if (!origin) return bad("a checkpoint without an origin");
  const auto size_line = cut_line(text);
  const auto size = size_line ? parse_size(*size_line) : std::nullopt;
  if (!size) return bad("a checkpoint without a size");
  const auto root_line = cut_line(text);
  const auto root = root_line ? parse_root(*root_line) : std::nullopt;
  if (!root) return bad("a checkpoint without a root hash");
  Checkpoint checkpoint{
      .origin = std::string(*origin), .size = *size, .root = *root, .extensions = {}};
  while (!text.empty()) {
    const auto line = cut_line(text);
    if (!line) return bad("an empty line in a checkpoint");
    checkpoint.extensions.emplace_back(*line);
  }
  return checkpoint;
}

std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key) {
  Note note{.text = format_checkpoint(checkpoint), .signatures = {}};
  note.signatures.push_back(sign_note(note.text, checkpoint.origin, key));
  return format_note(note);
}

Result<SignedCheckpoint> parse_signed_checkpoint(std::string_view bytes) {
  TRY(Note note, parse_note(bytes));
  TRY(Checkpoint checkpoint, parse_checkpoint(note.text));
  return SignedCheckpoint{.checkpoint = std::move(checkpoint), .note = std::move(note)};
}

Result<LogKeys> LogKeys::parse(std::string_view text) {
  if (text.size() > kKeyListBytesMax) return bad("the list of keys is too long");
  if (!is_valid_utf8(text)) return bad("the list of keys is not UTF-8");
  LogKeys keys;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    auto range = parse_range(line);
    if (range && keys.holding(range->key)) range = bad("the key is there twice");
    if (!range) return fail(std::move(range).error().in_context("line " + std::to_string(number)));
    if (keys.ranges_.size() == kKeysMax) return bad("too many keys");
    keys.ranges_.push_back(*std::move(range));
  }
  return keys;
}

std::string LogKeys::text() const {
  std::string text;
  for (const KeyRange& range : ranges_) {
    text += range.key.text() + " " + std::to_string(range.from) + " " +
            (range.until ? std::to_string(*range.until) : "-") + "\n";
  }
  return text;
}

const KeyRange* LogKeys::holding(const NoteKey& key) const {
  const auto found = std::ranges::find(ranges_, key, &KeyRange::key);
  return found == ranges_.end() ? nullptr : &*found;
}

bool LogKeys::may_sign(const NoteKey& key, std::uint64_t size) const {
  const KeyRange* const range = holding(key);
  return range != nullptr && in_range(*range, size);
}

const NoteKey* LogKeys::signer_of(const SignedCheckpoint& checkpoint) const {
  for (const KeyRange& range : ranges_) {
    if (in_range(range, checkpoint.checkpoint.size) && signed_by(checkpoint.note, range.key))
      return &range.key;
  }
  return nullptr;
}

Result<void> LogKeys::rotate(const NoteKey& previous, const NoteKey& next, std::uint64_t index) {
  const auto old_range = std::ranges::find(ranges_, previous, &KeyRange::key);
  if (old_range == ranges_.end() || !in_range(*old_range, index) ||
      (old_range->until && *old_range->until != index)) {
    return bad("the previous key was not in use at this entry");
  }
  const KeyRange* const known = holding(next);
  if (known != nullptr && known->from != index + 1)
    return bad("the key list has another beginning for the new key");
  if (known == nullptr && ranges_.size() == kKeysMax) return bad("too many keys");
  old_range->until = index;
  if (known == nullptr) ranges_.push_back({.key = next, .from = index + 1, .until = std::nullopt});
  return {};
}

}  // namespace sovmesh::ledgerlog
