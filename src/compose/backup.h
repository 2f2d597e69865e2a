#pragma once

#include <functional>
#include <string>

#include "backup/pack.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/seal.h"

// `sovmesh backup ...`: docs/backup.md.
namespace sovmesh::compose {

struct BackupOptions {
  std::string data_dir;  // create: of the server; restore: to make
  std::string file;      // the archive
  std::string key;       // "file:PATH" or "env:NAME"
  // Where copies are opened (verify), or made when the data folder's disk is too full (create);
  // empty: in memory, /dev/shm.
  std::string scratch;
  bool force = false;  // create: replaces FILE
  bool json = false;
};
// Each returns an exit code.
int backup_create(const BackupOptions& options);
int backup_verify(const BackupOptions& options);
int backup_restore(const BackupOptions& options);

// The parts, for tests.
class BackupProgress {
 public:
  virtual ~BackupProgress() = default;
  virtual void step(const std::string& text) = 0;
};

struct Backup {
  const Clock& clock;
  Random& random;
  BackupProgress& progress;

  // `record` is called when the archive is complete and does not have its name yet; after an error
  // of it there is none. Empty: nobody is told. `scratch`: a folder to make, for copies of the
  // databases when there is no room for them in the data folder; empty: there is none.
  using Record = std::function<Result<void>(const backup::Manifest&)>;
  Result<backup::Manifest> create(const std::string& data_dir, const std::string& file, bool force,
                                  const SecretBytes& key, const Record& record = {},
                                  const std::string& scratch = {});
  struct Verified {
    backup::Manifest manifest;
    std::string digest;           // SHA-256 of the archive, hex
    std::int64_t requests = 0;    // settled, in the ledger
    bool sums_checked = false;    // not for schemas of earlier releases
    std::uint64_t epoch = 0;      // restore: the new one
    std::string restore_id = {};  // restore
  };
  Result<Verified> verify(const std::string& file, const SecretBytes& key,
                          const std::string& scratch);
  Result<Verified> restore(const std::string& file, const SecretBytes& key,
                           const std::string& data_dir);

 private:
  Result<Verified> unpack_and_check(const std::string& file, const SecretBytes& key,
                                    const std::string& folder);
};

Result<SecretBytes> read_backup_key(const std::string& reference);

}  // namespace sovmesh::compose
