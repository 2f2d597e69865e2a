#include "ledgerlog/walk.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::ledgerlog {
namespace {

constexpr std::size_t kHashBytes = sizeof(Digest);

std::string_view text_of(const Digest& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

bool hash_stands_at(const Digest& hash, std::string_view tile, std::uint64_t index) {
  const std::size_t at = index % kTileWidth * kHashBytes;
  return at < tile.size() && tile.substr(at, kHashBytes) == text_of(hash);
}

Digest root_of(std::span<const Digest> hashes) {
  Frontier tree;
  for (const Digest& hash : hashes)
    tree.append(hash);
  return tree.root();
}

bool signed_under(const NoteKey& key, const KeyEntry& entry, std::uint64_t index) {
  const auto signature = from_base64(entry.signature);
  return signature &&
         key.key().verifies(rotation_message(entry.origin, index, entry.previous, entry.next),
                            *signature);
}

}  // namespace

bool leaf_fits(std::string_view entry, std::string_view tile, std::uint64_t index) {
  return hash_stands_at(leaf_hash(entry), tile, index);
}

std::optional<Digest> LogWalk::root_at(std::uint64_t size) const {
  if (size == 0) return empty_root();
  const auto found = std::ranges::find(watched_, size, &Watched::size);
  if (found == watched_.end() || size > this->size()) return std::nullopt;
  return found->root;
}

Digest LogWalk::root() const {
  std::vector<Digest> roots(tiles_.roots().begin(), tiles_.roots().end());
  roots.insert(roots.end(), leaves_.roots().begin(), leaves_.roots().end());
  return Frontier::from(size(), std::move(roots))->root();
}

void LogWalk::grow(const Digest& leaf) {
  leaves_.append(leaf);
  if (leaves_.size() == kTileWidth) {
    Digest hash = std::exchange(leaves_, {}).root();
    tiles_.append(hash);
    for (std::vector<Digest>& level : levels_) {
      level.push_back(hash);
      if (level.size() % kTileWidth != 0) break;
      hash = root_of(std::span(level).last(kTileWidth));
    }
  }
  for (Watched& watched : watched_) {
    if (watched.size == size()) watched.root = root();
  }
}

std::optional<Finding> LogWalk::take(const TilePath& path, std::string_view bundle,
                                     std::string_view tile) {
  const auto entries = parse_bundle(bundle, path.width);
  if (!entries)
    return Finding{.where = path.text(), .index = size(), .what = entries.error().message()};
  for (const std::string_view entry : *entries) {
    const std::uint64_t index = size();
    std::string wrong = take_entry(entry, tile);
    if (!wrong.empty())
      return Finding{.where = path.text(), .index = index, .what = std::move(wrong)};
  }
  return std::nullopt;
}

std::string LogWalk::take_entry(std::string_view entry, std::string_view tile) {
  const Digest leaf = leaf_hash(entry);
  if (!hash_stands_at(leaf, tile, size()))
    return "the entry and its hash in the level-0 tile do not fit each other";
  const auto summary = check_entry(entry);
  if (!summary) return summary.error().message();
  std::string wrong = check_head(*summary);
  if (wrong.empty() && summary->kind == EntrySummary::Kind::key) wrong = take_key(entry);
  if (!wrong.empty()) return wrong;
  ++counts_[static_cast<std::size_t>(summary->kind)];
  last_time_ = summary->head.time;
  grow(leaf);
  return {};
}

std::string LogWalk::check_head(const EntrySummary& entry) const {
  if (entry.head.seq != size())
    return "the entry says that it is number " + std::to_string(entry.head.seq);
  if (entry.head.time < last_time_ && !entry.clock_step)
    return "the time goes back, and the entry is no clock.step";
  if (size() == 0 && entry.kind != EntrySummary::Kind::key)
    return "a log begins with a key.start entry";
  return {};
}

std::string LogWalk::take_key(std::string_view bytes) {
  const auto entry = parse_entry(bytes);
  const KeyEntry* const key = entry ? std::get_if<KeyEntry>(&entry->body) : nullptr;
  if (key == nullptr) return "not a key entry";
  if (key->origin != origin_) return "a key entry of another log: " + key->origin;
  return key->action == KeyEntry::Action::start ? take_start(*key) : take_rotation(*key);
}

std::string LogWalk::take_start(const KeyEntry& entry) {
  if (size() != 0 || !entry.previous.empty()) return "a log starts once, with its first entry";
  const auto key = NoteKey::parse(entry.next);
  if (!key) return key.error().message();
  if (!keys_.may_sign(*key, 1)) return "the log starts with a key that is not in the key list";
  if (!signed_under(*key, entry, 0)) return "the key.start entry is not signed by its key";
  return {};
}

std::string LogWalk::take_rotation(const KeyEntry& entry) {
  const auto previous = NoteKey::parse(entry.previous);
  const auto next = NoteKey::parse(entry.next);
  if (!previous || !next) return "a key.rotate entry without two verifier keys";
  if (size() == 0) return "a log begins with a key.start entry";
  if (next->algorithm() != NoteAlgorithm::ed25519) return "the new key cannot sign for a log";
  if (!signed_under(*previous, entry, size()))
    return "the key.rotate entry is not signed by the previous key";
  const auto rotated = keys_.rotate(*previous, *next, size());
  return rotated ? std::string() : rotated.error().message();
}

std::optional<Finding> LogWalk::compare(const TilePath& path, std::string_view tile) const {
  const std::vector<Digest>& hashes = levels_[path.level - 1];
  for (std::size_t i = 0; i < path.width; ++i) {
    const std::size_t at = path.index * kTileWidth + i;
    if (at < hashes.size() && hash_stands_at(hashes[at], tile, at)) continue;
    const std::uint64_t first = std::uint64_t{at} << (kTileHeight * path.level);
    return Finding{.where = path.text(),
                   .index = first,
                   .what = "hash " + std::to_string(i) + " is not that of the entries below it"};
  }
  return std::nullopt;
}

}  // namespace sovmesh::ledgerlog
