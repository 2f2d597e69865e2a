#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledgerlog/checkpoint.h"
#include "ledgerlog/tree.h"

// C2SP tlog-proof: one file that shows that an entry is in a log. It goes with the entry's bytes:
// the pair 123.entry, 123.proof is all that somebody needs who has the log's key.
namespace sovmesh::ledgerlog {

struct ProofFile {
  std::uint64_t index = 0;
  Proof proof;
  SignedCheckpoint checkpoint;
};

// `checkpoint` is a checkpoint file, with the signatures of its witnesses.
std::string format_proof_file(std::uint64_t index, const Proof& proof, std::string_view checkpoint);
// Syntax only; verify_entry says whether it is true.
Result<ProofFile> parse_proof_file(std::string_view bytes);

}  // namespace sovmesh::ledgerlog
