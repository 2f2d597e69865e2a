#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "store_sqlite/database.h"
#include "store_sqlite/vfs.h"

// One instant of both databases, for backups: from any process, while the server works, or not.
namespace sovmesh::store_sqlite {

struct SnapshotPaths {
  std::string control;
  std::string ledger;
};

// What the databases say of themselves at that instant.
struct SnapshotFacts {
  std::int64_t control_schema = 0;
  std::int64_t control_version = 0;  // counts writes
  std::int64_t ledger_schema = 0;
  std::int64_t ledger_seq = 0;   // of the last settled request; 0 for schemas of before
  std::int64_t ledger_open = 0;  // requests in flight
  friend bool operator==(const SnapshotFacts&, const SnapshotFacts&) = default;
};

// Two open read transactions that began while nobody could write to either database.
class Snapshot {
 public:
  struct Limits {
    // In all, for the moment when both can be locked.
    std::chrono::milliseconds wait{30'000};
    // Writers stand still for at most so long: much less than what they wait for a lock
    // (Database::Options::busy_timeout).
    std::chrono::milliseconds hold{300};
  };
  // `at_cut` runs while both are locked, and must be done at the instant it is given; when it fails
  // with Code::timed_out, everything is let go and tried again. Code::dependency_unavailable when
  // `wait` is over.
  static Result<Snapshot> take(Disk& disk, const Clock& clock, const SnapshotPaths& paths,
                               const Limits& limits,
                               const std::function<Result<void>(Instant until)>& at_cut);

  const SnapshotFacts& facts() const { return facts_; }
  // Into files that are not there yet.
  Result<void> copy_control(Disk& disk, const std::string& path);
  Result<void> copy_ledger(Disk& disk, const std::string& path);

 private:
  Snapshot(Database control, Database ledger)
      : control_(std::move(control)), ledger_(std::move(ledger)) {}
  Database control_;
  Database ledger_;
  SnapshotFacts facts_;
};

// Of copies that nobody works on: every page is read (quick_check), every reference followed, and
// they must be ours. Code::data_dir_invalid.
Result<SnapshotFacts> check_copies(Disk& disk, const SnapshotPaths& paths);

}  // namespace sovmesh::store_sqlite
