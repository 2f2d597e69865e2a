#include "audit_files/signer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace sovmesh::audit_files {
namespace {

using ledgerlog::KeyEntry;
using ledgerlog::NoteKey;

constexpr std::string_view kStateTitle = "sovmesh-audit-signer 1";

std::unexpected<Error> invalid(const std::string& path, std::string_view why) {
  return our_error(Code::data_dir_invalid, fmt::format("'{}' {}", path, why));
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string out;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

// Nothing when there is no such file.
Result<std::optional<SigningKey>> read_key(Files& files, const std::string& path) {
  TRY(auto text, files.read(path));
  if (!text) return std::nullopt;
  auto seed = from_hex(trim(std::string_view(*text).substr(0, text->find('\n'))));
  wipe(*text);
  if (!seed || seed->size() != kSigningSeedBytes)
    return invalid(path, "is not a signing key: want one line of 64 hex digits");
  auto made = SigningKey::from_seed(*seed);
  wipe(*seed);
  TRY(SigningKey key, std::move(made));
  return key;
}

// A key as it stands in its file.
SecretBytes line_of(const SigningKey& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const SecretBytes seed = key.seed();
  SecretBytes line(2 * kSigningSeedBytes + 1);
  auto out = line.writable().begin();
  for (const unsigned char byte : seed.reveal()) {
    *out++ = static_cast<unsigned char>(kDigits[byte >> 4U]);
    *out++ = static_cast<unsigned char>(kDigits[byte & 15U]);
  }
  *out = '\n';
  return line;
}

Result<void> write_key(Files& files, const std::string& path, const SigningKey& key) {
  const SecretBytes line = line_of(key);
  return files.replace(path, line.reveal_text());
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

Result<FileSigner> FileSigner::open(Files& files, Random& random, SignerPlace place) {
  TRY(auto key, read_key(files, place.key_file));
  TRY(const auto state, files.read(place.state_file));
  if (!key && (state || !place.new_log))
    return invalid(place.key_file, "is missing, and the log was signed with it: restore it");
  if (!state && !place.new_log)
    return invalid(place.state_file, "is missing: it says what was signed last; restore it");
  if (!key) {
    key = SigningKey::generate(random);
    TRY_VOID(write_key(files, place.key_file, *key));
  }
  FileSigner signer(files, random, std::move(place), *std::move(key));
  if (!state) {
    TRY_VOID(signer.save({}));
    return signer;
  }
  const auto lines = lines_of(*state);
  const auto size = lines.size() == 5 ? parse_u64(lines[2]) : std::nullopt;
  const auto root = lines.size() == 5 ? from_base64(lines[3]) : std::nullopt;
  const auto rotate_at = lines.size() == 5 ? parse_u64(lines[4]) : std::nullopt;
  if (!size || !root || root->size() != signer.saved_.root.size() || lines[0] != kStateTitle ||
      (!rotate_at && lines[4] != "-"))
    return invalid(signer.place_.state_file, "is damaged: restore it");
  if (lines[1] != signer.place_.origin)
    return invalid(signer.place_.state_file, "is that of a log of another name (origin)");
  signer.saved_ = {.size = *size, .root = {}, .rotate_at = rotate_at};
  std::ranges::copy(*root, signer.saved_.root.begin());
  if (!rotate_at) {
    TRY_VOID(files.remove(signer.next_file()));  // of a rotation that is over
    return signer;
  }
  TRY(signer.next_, read_key(files, signer.next_file()));
  if (!signer.next_) {
    if (*size <= *rotate_at) return invalid(signer.next_file(), "is missing: restore it");
    // It has taken over: the state is a step behind.
    TRY_VOID(signer.save({.size = *size, .root = signer.saved_.root, .rotate_at = {}}));
  } else if (*size > *rotate_at) {
    TRY_VOID(signer.take_over());
  }
  return signer;
}

Result<void> FileSigner::save(const Saved& saved) {
  const std::string text = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n", kStateTitle, place_.origin, saved.size, to_base64(saved.root),
      saved.rotate_at ? std::to_string(*saved.rotate_at) : std::string("-"));
  TRY_VOID(files_->replace(place_.state_file, text));
  saved_ = saved;
  return {};
}

Result<NoteKey> FileSigner::note_key(const SigningKey& key) const {
  return NoteKey::make(place_.origin, ledgerlog::NoteAlgorithm::ed25519, key.verify_key());
}

Result<SignerState> FileSigner::state() {
  TRY(const NoteKey key, note_key(key_));
  SignerState out{.size = saved_.size, .root = saved_.root, .key = key.text(), .rotation = {}};
  if (next_ && saved_.rotate_at) {
    TRY(const NoteKey next, note_key(*next_));
    out.rotation = {.index = *saved_.rotate_at, .next = next.text()};
  }
  return out;
}

Result<std::string> FileSigner::sign(std::uint64_t size, const Digest& root,
                                     const ledgerlog::Proof& consistency) {
  if (!ledgerlog::proves_consistency(saved_.size, saved_.root, size, root, consistency) &&
      saved_.size > 0)
    return our_error(Code::conflict,
                     fmt::format("a tree of {} entries that is not shown to begin with the {} "
                                 "entries signed before is not signed",
                                 size, saved_.size));
  TRY_VOID(save({.size = size, .root = root, .rotate_at = saved_.rotate_at}));
  if (next_ && saved_.rotate_at && size > *saved_.rotate_at) {
    TRY_VOID(take_over());
  }
  return ledgerlog::sign_checkpoint(
      {.origin = place_.origin, .size = size, .root = root, .extensions = {}}, key_);
}

// The next key becomes the key: a copy, so that there is a whole key under its name at any time.
// The old key's bytes are overwritten.
Result<void> FileSigner::take_over() {
  const SecretBytes line = line_of(*next_);
  TRY_VOID(files_->replace_secret(place_.key_file, line.reveal_text()));
  key_ = *std::move(next_);
  next_.reset();
  TRY_VOID(save({.size = saved_.size, .root = saved_.root, .rotate_at = {}}));
  return files_->remove(next_file());
}

Result<KeyEntry> FileSigner::key_start() { return ledgerlog::make_key_start(place_.origin, key_); }

Result<KeyEntry> FileSigner::begin_rotation(std::uint64_t index) {
  if (index < saved_.size)
    return our_error(Code::conflict, "a key cannot take over in a tree that is signed already");
  if (next_) return our_error(Code::conflict, "another key is about to take over");
  SigningKey next = SigningKey::generate(*random_);
  TRY_VOID(write_key(*files_, next_file(), next));
  TRY_VOID(save({.size = saved_.size, .root = saved_.root, .rotate_at = index}));
  next_ = std::move(next);
  return ledgerlog::make_key_rotation(place_.origin, index, key_, next_->verify_key());
}

Result<void> FileSigner::cancel_rotation() {
  if (!saved_.rotate_at) return {};
  if (saved_.size > *saved_.rotate_at)
    return our_error(Code::conflict, "the next key has signed already");
  TRY_VOID(save({.size = saved_.size, .root = saved_.root, .rotate_at = {}}));
  next_.reset();
  TRY(const auto unused, files_->open(next_file()));
  TRY_VOID(unused->wipe());
  return files_->remove(next_file());
}

}  // namespace sovmesh::audit_files
