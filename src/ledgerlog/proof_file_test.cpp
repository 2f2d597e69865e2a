#include "ledgerlog/proof_file.h"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "ledgerlog/verify.h"
#include "tests/support/audit_log.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

TEST(ProofFile, ComesBackAndProvesItsEntry) {
  AuditLog log;
  log.fill_to(300);
  const std::string checkpoint = log.sign_and_cosign();
  TileHashes hashes(log.log.tiles, 300);
  const Proof proof = *inclusion_proof(hashes, 123, 300);
  const std::string bytes = format_proof_file(123, proof, checkpoint);
  const auto file = parse_proof_file(bytes);
  ASSERT_THAT(file, Succeeds());
  EXPECT_EQ(file->index, 123U);
  EXPECT_EQ(file->proof, proof);
  EXPECT_EQ(format_proof_file(file->index, file->proof, format_note(file->checkpoint.note)), bytes);
  EXPECT_THAT(verify_entry(*read_entry(log.log.tiles, 123, 300), file->index, file->proof,
                           file->checkpoint, AuditLog::first_key()),
              Succeeds());
}

TEST(ProofFile, AnythingElseIsRefused) {
  AuditLog log;
  const std::string note = log.sign();
  const std::string head = "c2sp.org/tlog-proof@v1\nindex 0\n";
  const std::string hash = to_base64(Digest{}) + "\n";
  EXPECT_THAT(parse_proof_file(head + "\n" + note), Succeeds());
  EXPECT_THAT(parse_proof_file(head + hash + "\n" + note), Succeeds());
  std::string many = head;
  for (std::size_t i = 0; i <= kProofHashesMax; ++i)
    many += hash;
  for (const std::string& bytes :
       {std::string(), head, head + note, head + hash + note, many + "\n" + note,
        head + "AAAA\n\n" + note, "c2sp.org/tlog-proof@v2\nindex 0\n\n" + note,
        "c2sp.org/tlog-proof@v1\nindex 00\n\n" + note,
        "c2sp.org/tlog-proof@v1\nindex -1\n\n" + note,
        "c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n\n" + note}) {
    EXPECT_THAT(parse_proof_file(bytes), FailsWith(Code::invalid_value)) << bytes;
  }
}

}  // namespace
}  // namespace sovmesh::ledgerlog
