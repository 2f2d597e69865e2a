// Any bytes as a signed note, a checkpoint, a proof, a verifier key, a list of keys: what is
// accepted is written again byte for byte, so nothing has two spellings.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ledgerlog/checkpoint.h"
#include "ledgerlog/note.h"
#include "ledgerlog/proof_file.h"
#include "ledgerlog/tree.h"

namespace {

namespace log = sovmesh::ledgerlog;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view bytes) {
  if (const auto note = log::parse_note(bytes)) {
    require(log::format_note(*note) == bytes);
    require(!note->signatures.empty());
    // Nobody but the owner of a key signs with it.
    const auto key = log::NoteKey::make("fuzz.example", log::NoteAlgorithm::ed25519,
                                        sovmesh::VerifyKey(sovmesh::PublicKey{9}));
    require(!log::signed_by(*note, *key));
  }
  if (const auto checkpoint = log::parse_checkpoint(bytes)) {
    require(log::format_checkpoint(*checkpoint) == bytes);
    require(checkpoint->size <= log::kTreeSizeMax);
  }
  if (const auto file = log::parse_proof_file(bytes)) {
    require(log::format_proof_file(file->index, file->proof,
                                   log::format_note(file->checkpoint.note)) == bytes);
  }
  if (const auto key = log::NoteKey::parse(bytes)) require(key->text() == bytes);
  if (const auto keys = log::LogKeys::parse(bytes)) {
    const auto again = log::LogKeys::parse(keys->text());
    require(again && again->text() == keys->text());
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({reinterpret_cast<const char*>(data), size});
  return 0;
}
