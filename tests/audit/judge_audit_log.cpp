// What the C++ verifier says of bytes that other programs wrote, for tests that compare verifiers.
//
// judge_audit_log log FOLDER KEYS ORIGIN [OLDER-CHECKPOINT | WITNESS-KEY]...
//   prints "good", or "bad WHERE INDEX" with "-" for no index; all witnesses must have cosigned
// judge_audit_log stream FILE
//   for each case of FILE (length in 4 bytes, big endian, then the bytes) five digits: is it a
//   checkpoint, a verifier key, a key list, a proof, an entry?
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "ledgerlog/entry.h"
#include "ledgerlog/proof_file.h"
#include "ledgerlog/verify.h"

namespace sovmesh::ledgerlog {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Folder final : public TileReader {
 public:
  explicit Folder(std::filesystem::path root) : root_(std::move(root)) {}
  Result<std::string> read(const TilePath& path) override {
    if (!std::filesystem::exists(root_ / path.text()))
      return our_error(Code::not_found, "the file is not there");
    return bytes_of(root_ / path.text());
  }

 private:
  std::filesystem::path root_;
};

int judge_log(const std::vector<std::string>& words) {
  Folder tiles(words[0]);
  const std::string checkpoint = bytes_of(std::filesystem::path(words[0]) / "checkpoint");
  const auto keys = LogKeys::parse(bytes_of(words[1]));
  std::vector<std::string> older;
  WitnessRule witnesses;
  for (std::size_t i = 3; i < words.size(); ++i) {
    if (const auto key = NoteKey::parse(words[i])) {
      witnesses.keys.push_back(*key);
    } else {
      older.push_back(bytes_of(words[i]));
    }
  }
  witnesses.quorum = witnesses.keys.size();
  const LogReport report = verify_log({.tiles = tiles,
                                       .checkpoint = checkpoint,
                                       .keys = *keys,
                                       .origin = words[2],
                                       .older = {older.begin(), older.end()},
                                       .witnesses = witnesses});
  if (report.good()) {
    std::puts("good");
  } else {
    const auto index = report.bad->index;
    std::printf("bad %s %s\n", report.bad->where.c_str(),
                index ? std::to_string(*index).c_str() : "-");
    std::fprintf(stderr, "%s\n", report.bad->what.c_str());
  }
  return 0;
}

void judge_bytes(std::string_view bytes) {
  const auto keys = LogKeys::parse(bytes);
  std::printf("%d%d%d%d%d\n", parse_signed_checkpoint(bytes).has_value(),
              NoteKey::parse(bytes).has_value(), keys && !keys->ranges().empty(),
              parse_proof_file(bytes).has_value(), parse_entry(bytes).has_value());
}

int judge_stream(const std::string& path) {
  const std::string stream = bytes_of(path);
  for (std::string_view rest = stream; rest.size() >= 4;) {
    std::size_t length = 0;
    for (const char c : rest.substr(0, 4))
      length = length << 8 | static_cast<unsigned char>(c);
    judge_bytes(rest.substr(4, length));
    rest.remove_prefix(std::min(4 + length, rest.size()));
  }
  return 0;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 2 && words[0] == "stream") return judge_stream(words[1]);
  if (words.size() >= 4 && words[0] == "log") return judge_log({words.begin() + 1, words.end()});
  std::fputs("usage: judge_audit_log log FOLDER KEYS ORIGIN ... | stream FILE\n", stderr);
  return 2;
}

}  // namespace
}  // namespace sovmesh::ledgerlog

int main(int argc, char** argv) { return sovmesh::ledgerlog::run({argv + 1, argv + argc}); }
