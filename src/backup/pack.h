#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backup/sealed_file.h"
#include "base/result.h"

// The inner form of an archive: files one after the other, and a manifest that names them all.
//
//   'F' | length of the path (2) | path | size (8) | bytes         for each file
//   'M' | length (4) | manifest, JSON                              at the end, once
//
// Numbers are little endian.
namespace sovmesh::backup {

inline constexpr std::size_t kPathBytesMax = 512;
inline constexpr std::size_t kManifestBytesMax = std::size_t{1} << 28U;

// Where the copy was made: one instant for everything in it.
struct Cut {
  std::int64_t control_schema = 0;
  std::int64_t control_version = 0;
  std::int64_t ledger_schema = 0;
  std::int64_t ledger_seq = 0;      // of the last settled request
  std::int64_t ledger_open = 0;     // requests in flight: settled as recovered after a restore
  bool audit = false;               // there is a log
  std::uint64_t audit_size = 0;     // entries that the checkpoint covers
  std::string audit_root;           // base64
  std::uint64_t audit_pending = 0;  // durable entries behind them
  friend bool operator==(const Cut&, const Cut&) = default;
};

struct PackedFile {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;  // hex
  friend bool operator==(const PackedFile&, const PackedFile&) = default;
};

struct Manifest {
  std::string created_at;
  std::string version;
  std::uint64_t epoch = 1;
  Cut cut;
  std::vector<PackedFile> files;
};

// "audit/tile/0/000.p/1": names of letters, digits and "._-", none begins with a dot.
bool is_packed_path(std::string_view path);

class PackWriter {
 public:
  explicit PackWriter(SealedWriter& out) : out_(out) {}
  Result<void> add(const std::string& path, std::string_view bytes);
  // Exactly `size` bytes out of `source`; an error when it has fewer.
  Result<void> add(const std::string& path, std::uint64_t size, const Source& source);
  // Fills in `manifest.files`, and ends the archive.
  Result<void> finish(Manifest& manifest);

 private:
  Result<void> begin(const std::string& path, std::uint64_t size);
  SealedWriter& out_;
  std::vector<PackedFile> files_;
};

// Gets what an archive holds, piece by piece.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  virtual Result<void> begin(const std::string& path, std::uint64_t size) = 0;
  virtual Result<void> data(std::string_view bytes) = 0;
  virtual Result<void> end() = 0;
};

// Reads all of it. What `to` got is to be used only after this has succeeded: then every byte is
// authentic, every hash is that of the manifest, and no file is missing.
Result<Manifest> unpack(SealedReader& in, Unpacker& to);

}  // namespace sovmesh::backup
