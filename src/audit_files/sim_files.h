#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "audit_files/files.h"

namespace sovmesh::audit_files {

// A file system in memory for tests. Contents are volatile until their file is synced, names until
// their folder is: at power_loss() each unsynced sector (512 bytes) and each unsynced name survives
// or not by the seed, each on its own. Faults are armed one at a time. One thread.
class SimFiles : public Files {
 public:
  explicit SimFiles(std::uint64_t seed) : random_(seed * 2 + 1) {}

  Result<std::optional<std::string>> read(const std::string& path) override;
  Result<std::unique_ptr<File>> open(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> make_folder(const std::string& path) override;
  Result<void> remove_folder(const std::string& path) override;
  Result<void> sync_folder(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string&) override { return free_; }

  // Loses power in place of the `count`-th change (write, sync, truncate, rename, remove...) from
  // now, and keeps it off until power_on().
  void lose_power_after(std::uint64_t count) { power_left_ = count; }
  void power_loss();
  void power_on() {
    powered_ = true;
    power_left_ = kForever;
  }
  bool powered() const { return powered_; }

  // From the `nth` write (or sync) from now on, `times` of them fail.
  static constexpr std::uint64_t kForever = UINT64_MAX / 2;
  void fail_write(std::uint64_t nth, Code code, std::uint64_t times = 1) {
    write_fault_ = {nth, times, code};
  }
  void fail_sync(std::uint64_t nth, std::uint64_t times = 1) {
    sync_fault_ = {nth, times, Code::io_error};
  }

  // What free_bytes() says; writes do not go by it.
  void set_free_bytes(std::uint64_t bytes) { free_ = bytes; }

  std::uint64_t changes() const { return changes_; }
  std::uint64_t syncs() const { return syncs_; }
  std::uint64_t uncached() const { return uncached_; }  // bytes, all of them durable
  std::vector<std::string> paths() const;               // of all files
  // Behind everybody's back, durable: a file's contents, and a second name of a file.
  void put(const std::string& path, std::string bytes);
  void link(const std::string& path, const std::string& other) { names_[other] = names_[path]; }

 private:
  struct Inode {
    std::string now;
    std::string durable;
  };
  struct Node {
    std::shared_ptr<Inode> file;  // null: a folder
    friend bool operator==(const Node&, const Node&) = default;
  };
  using Names = std::map<std::string, Node>;
  struct Fault {
    std::uint64_t nth = 0;  // 0: none
    std::uint64_t times = 0;
    Code code = Code::io_error;
    bool strikes();
  };
  class Open;

  Result<void> change();
  std::uint64_t random();
  bool coin() { return (random() & 1U) != 0; }
  std::string torn(const Inode& inode);
  bool has_folder(const Names& names, const std::string& path) const;

  Names names_;
  Names durable_;
  std::uint64_t random_;
  std::uint64_t boot_ = 0;  // of open files: those of an earlier boot are dead
  bool powered_ = true;
  std::uint64_t power_left_ = kForever;
  Fault write_fault_;
  Fault sync_fault_;
  std::uint64_t free_ = kForever;
  std::uint64_t changes_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t uncached_ = 0;
};

}  // namespace sovmesh::audit_files
