// make_audit_log FOLDER ENTRIES: writes signed audit logs for tests of other programs.
//
//   log/           a good log: a rotation of its key in the middle, cosigned by a witness
//   fork/          another log under the same keys that differs from entry ENTRIES / 4 on
//   export/        a few entries of log/ with their proofs, and export.keys to verify them
//   example/       the three entries of docs/audit.md
//   older          a checkpoint of log/ at ENTRIES / 3
//   keys           the first key, as an auditor has it
//   witness        the witness's verifier key
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/bytes.h"
#include "ledgerlog/proof_file.h"
#include "tests/support/audit_log.h"

namespace sovmesh::ledgerlog {
namespace {

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// From `odd` on, every entry differs from that of the same log without it.
void fill(AuditLog& log, std::uint64_t size, std::uint64_t odd) {
  while (log.log.edge.size() < size) {
    const std::uint64_t seq = log.log.edge.size();
    AdminEntry admin = sample_admin(seq);
    if (seq >= odd) admin.outcome = "denied";
    log.add(seq % 10 == 9 || seq >= odd ? EntryBody(admin) : EntryBody(sample_request(seq)));
  }
}

void export_entries(const std::filesystem::path& folder, AuditLog& log,
                    const std::string& checkpoint) {
  const std::uint64_t size = log.log.edge.size();
  TileHashes hashes(log.log.tiles, size);
  for (const std::uint64_t index : {std::uint64_t{0}, size / 3, size / 2, size - 1}) {
    const std::string name = std::to_string(index);
    write_file(folder / (name + ".entry"), read_entry(log.log.tiles, index, size).value());
    write_file(folder / (name + ".proof"),
               format_proof_file(index, inclusion_proof(hashes, index, size).value(), checkpoint));
  }
}

void write_log(const std::filesystem::path& folder, const AuditLog& log,
               const std::string& checkpoint) {
  write_file(folder / "checkpoint", checkpoint);
  for (const auto& [path, bytes] : log.log.tiles.files)
    write_file(folder / path, bytes);
}

void make_example(const std::filesystem::path& folder) {
  AuditLog log;
  log.add(sample_request(1));
  log.add(sample_admin(2));
  const std::string checkpoint = log.sign_and_cosign();
  write_log(folder, log, checkpoint);
  write_file(folder / "keys", AuditLog::first_key().text());
}

std::string make(const std::filesystem::path& folder, std::uint64_t size, std::uint64_t odd) {
  AuditLog log;
  fill(log, size / 3, odd);
  std::string older = log.sign();
  fill(log, size / 2, odd);
  log.rotate('b');
  fill(log, size, odd);
  const std::string checkpoint = log.sign_and_cosign();
  write_log(folder, log, checkpoint);
  export_entries(folder.parent_path() / "export", log, checkpoint);
  return older;
}

int run(int argc, char** argv) {
  const auto size = argc == 3 ? parse_u64(argv[2]) : std::nullopt;
  if (!size || *size < 10) {
    std::fputs("usage: make_audit_log FOLDER ENTRIES (10 or more)\n", stderr);
    return 2;
  }
  const std::filesystem::path folder(argv[1]);
  make_example(folder / "example");
  make(folder / "fork", *size, *size / 4);
  write_file(folder / "older", make(folder / "log", *size, *size));
  write_file(folder / "keys",
             "# The first key; the others are in the log.\n" + AuditLog::first_key().text());
  write_file(folder / "export.keys",
             AuditLog::note_key('b').text() + " " + std::to_string(*size / 2 + 1) + " -\n");
  write_file(folder / "witness", AuditLog::witness_key().text() + "\n");
  return 0;
}

}  // namespace
}  // namespace sovmesh::ledgerlog

int main(int argc, char** argv) { return sovmesh::ledgerlog::run(argc, argv); }
