#include "ledgerlog/proof_file.h"

#include <cstring>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::ledgerlog {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kIndex = "index ";
constexpr std::size_t kProofFileBytesMax = kNoteBytesMax + 8'192;

std::unexpected<Error> bad(std::string_view what) {
  return client_error(Code::invalid_value, std::string(what));
}

std::optional<std::string_view> cut_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<Digest> parse_hash(std::string_view line) {
  const auto bytes = from_base64(line);
  Digest hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::memcpy(hash.data(), bytes->data(), hash.size());
  return hash;
}

}  // namespace

std::string format_proof_file(std::uint64_t index, const Proof& proof,
                              std::string_view checkpoint) {
  std::string text(kFirstLine);
  text.append("\n").append(kIndex).append(std::to_string(index)).append("\n");
  for (const Digest& hash : proof)
    text.append(to_base64(hash)).append("\n");
  return text.append("\n").append(checkpoint);
}

Result<ProofFile> parse_proof_file(std::string_view bytes) {
  if (bytes.size() > kProofFileBytesMax) return bad("the proof is too long");
  if (cut_line(bytes) != kFirstLine) return bad("not a tlog-proof");
  const auto index_line = cut_line(bytes);
  if (!index_line || !index_line->starts_with(kIndex)) return bad("a proof without an index");
  const auto index = parse_u64(index_line->substr(kIndex.size()));
  if (!index || *index >= kTreeSizeMax) return bad("a proof without an index");
  ProofFile file{.index = *index, .proof = {}, .checkpoint = {}};
  while (true) {
    const auto line = cut_line(bytes);
    if (!line) return bad("a proof without a checkpoint");
    if (line->empty()) break;
    const auto hash = parse_hash(*line);
    if (!hash || file.proof.size() == kProofHashesMax) return bad("not the hashes of a proof");
    file.proof.push_back(*hash);
  }
  TRY(file.checkpoint, parse_signed_checkpoint(bytes));
  return file;
}

}  // namespace sovmesh::ledgerlog
