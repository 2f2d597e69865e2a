#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sqlite3_vfs;

namespace sovmesh::store_sqlite {

// The disk that databases live on: every database and every file beside one is opened through it,
// so that a test or a simulation owns what a write, a sync and a power loss do. Two kinds: the
// machine's own, and SimDisk. Any thread.
class Disk {
 public:
  virtual ~Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  virtual sqlite3_vfs& vfs() = 0;
  // Makes an empty file that only this user may read; nothing happens when it exists.
  virtual Result<void> create_private(const std::string& path) = 0;
  // A file that really occupies `bytes` on the disk.
  virtual Result<void> allocate(const std::string& path, std::int64_t bytes) = 0;
  // Room of `bytes` on the disk behind the end of a file that is there: the file gets it when it
  // grows, and nobody else does.
  virtual Result<void> allocate_behind(const std::string& path, std::int64_t bytes) = 0;
  // What else fits on the disk that `path` is on, or would be.
  virtual Result<std::int64_t> free_bytes(const std::string& path) = 0;
  // Folders of files, for this user alone. Fine when it is there; when it is absent.
  virtual Result<void> make_folder(const std::string& path) = 0;
  virtual Result<void> remove_folder(const std::string& path) = 0;  // and the files in it
  // Names of what is in it; none when it is absent.
  virtual Result<std::vector<std::string>> list_folder(const std::string& path) = 0;

  // Small helpers for files beside a database.
  Result<bool> exists(const std::string& path);        // and is not empty
  Result<std::int64_t> size(const std::string& path);  // 0 when there is no such file
  Result<void> write_file(const std::string& path, std::string_view text);  // durable on return
  Result<void> remove(const std::string& path);                             // fine when absent
  // Cuts a file that is there and larger: what is cut off is free at once.
  Result<void> shrink(const std::string& path, std::int64_t bytes);

 protected:
  Disk();
};

// The machine's disk: SQLite's unix VFS under a name of our own.
Disk& real_disk();

// A disk in memory for tests and simulations. A write is volatile until its file is synced: at
// power_loss() each unsynced sector (512 bytes) survives or not by the seed, each on its own, so
// writes are lost, torn and reordered as on real hardware. Faults are armed one at a time.
class SimDisk : public Disk {
 public:
  explicit SimDisk(std::uint64_t seed);
  ~SimDisk() override;

  sqlite3_vfs& vfs() override;
  Result<void> create_private(const std::string& path) override;
  Result<void> allocate(const std::string& path, std::int64_t bytes) override;
  Result<void> allocate_behind(const std::string& path, std::int64_t bytes) override;
  Result<std::int64_t> free_bytes(const std::string& path) override;
  Result<void> make_folder(const std::string& path) override;
  Result<void> remove_folder(const std::string& path) override;
  Result<std::vector<std::string>> list_folder(const std::string& path) override;

  // Loses what is not synced. Everything opened before is dead: each further operation on it fails.
  void power_loss();
  // Loses power in the middle of the `count`-th operation from now that changes the disk (write,
  // sync, truncate, delete), and keeps it off until power_on().
  void lose_power_after(std::uint64_t count);
  // Ends the process that uses the disk in the `count`-th call of any kind from now: with the power
  // (as above), or alone, so that what it had written stays. Off until power_on().
  enum class End : std::uint8_t { power_loss, kill };
  void end_at_call(std::uint64_t count, End end);
  void kill_now();
  void power_on();
  bool powered() const;
  // Takes over everything that is on another disk.
  void copy_from(SimDisk& other);

  // From the `nth` write (or sync) from now on, `times` of them fail with `error` (an errno:
  // ENOSPC, EIO...).
  static constexpr std::uint64_t kForever = UINT64_MAX;
  void fail_write(std::uint64_t nth, int error, std::uint64_t times = 1);
  void fail_sync(std::uint64_t nth, int error, std::uint64_t times = 1);
  // From now on syncs do nothing and say they did: as bad disks do.
  void ignore_syncs();
  // Bytes that fit on the disk; growing a file beyond fails with ENOSPC.
  void set_capacity(std::int64_t bytes);
  std::int64_t used() const;

  // What was written, for checks: number of operations that changed the disk, syncs, and damage to
  // one byte of a file as if it had rotted.
  std::uint64_t changes() const;
  std::uint64_t writes() const;
  std::uint64_t syncs() const;
  std::uint64_t calls() const;  // of any kind
  void flip_byte(const std::string& path, std::int64_t offset);
  void truncate(const std::string& path, std::int64_t bytes);

  struct Contents;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sovmesh::store_sqlite
