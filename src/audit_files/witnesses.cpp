#include "audit_files/witnesses.h"

#include <algorithm>
#include <utility>

#include "ledgerlog/checkpoint.h"
#include "ledgerlog/note.h"

namespace sovmesh::audit_files {
namespace {

using ledgerlog::NoteKey;
using ledgerlog::NoteSignature;

std::unexpected<Error> refused(std::string_view why) {
  return client_error(Code::invalid_value, "the checkpoint is not taken: " + std::string(why),
                      "note");
}

bool is_of(const NoteSignature& signature, const NoteKey& key) {
  return signature.name == key.name() && signature.id == key.id();
}

}  // namespace

Result<void> Witnesses::add(std::string_view bytes, std::uint64_t size) {
  auto given = ledgerlog::parse_signed_checkpoint(bytes);
  if (!given) return refused(given.error().message());
  TRY(const auto keys_file, files_.read(folder_ + "/keys"));
  TRY(const auto log_keys, ledgerlog::LogKeys::parse(keys_file.value_or("")));
  const NoteKey* const signer = log_keys.signer_of(*given);
  if (signer == nullptr) return refused("this log has not signed it");
  if (given->checkpoint.size > size) return refused("this log is not that long");
  std::vector<NoteKey> known{*signer};
  for (const std::string& text : keys_) {
    TRY(NoteKey key, NoteKey::parse(text));
    if (ledgerlog::cosigned_at(given->note, key)) known.push_back(std::move(key));
  }
  if (known.size() == 1) return refused("no witness of the configuration has cosigned it");
  // What strangers signed is left out: the file stays small.
  std::erase_if(given->note.signatures, [&](const NoteSignature& signature) {
    return std::ranges::none_of(known, [&](const NoteKey& key) { return is_of(signature, key); });
  });

  return file_.with([&](const std::string& path) { return keep(path, *std::move(given)); });
}

Result<void> Witnesses::keep(const std::string& path, ledgerlog::SignedCheckpoint given) {
  TRY(const auto there, files_.read(path));
  const auto before = ledgerlog::parse_signed_checkpoint(there.value_or(""));
  if (before && before->checkpoint.size > given.checkpoint.size)
    return refused("a larger one is there already");
  if (before && before->note.text == given.note.text) {
    auto& signatures = given.note.signatures;
    for (const NoteSignature& signature : before->note.signatures) {
      if (std::ranges::find(signatures, signature) == signatures.end())
        signatures.push_back(signature);
    }
  }
  return files_.replace(path, ledgerlog::format_note(given.note));
}

}  // namespace sovmesh::audit_files
