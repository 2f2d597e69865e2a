#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sovmesh::engine_process {

// The kernel's Landlock version (0: none). 1 has files, 4 adds TCP, 6 adds signals and abstract
// sockets.
int landlock_version();

// A set of files, opened and enforced by enforce() with system calls only, so that a child may do
// it between fork and exec.
class LandlockRules {
 public:
  explicit LandlockRules(int version) : version_(version) {}
  void read_tree(std::string path) { add(std::move(path), kReadTree); }
  void read_file(std::string path) { add(std::move(path), kReadFile); }
  void use_device(std::string path) { add(std::move(path), kReadFile | kWriteFile); }
  void make_sockets_in(std::string path) { add(std::move(path), kMakeSocket | kRemoveFile); }

  // Enforces the rules on this thread and its children to come. A missing path is skipped. Returns
  // 0 or an errno.
  int enforce() const;

 private:
  // linux/landlock.h of older systems lacks the newer ones.
  static constexpr std::uint64_t kExecute = 1U << 0;
  static constexpr std::uint64_t kWriteFile = 1U << 1;
  static constexpr std::uint64_t kReadFile = 1U << 2;
  static constexpr std::uint64_t kReadDir = 1U << 3;
  static constexpr std::uint64_t kRemoveFile = 1U << 5;
  static constexpr std::uint64_t kMakeSocket = 1U << 9;
  static constexpr std::uint64_t kReadTree = kExecute | kReadFile | kReadDir;
  // What a rule for a plain file may contain; the rest is EINVAL there.
  static constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile;

  void add(std::string path, std::uint64_t access) { rules_.push_back({std::move(path), access}); }

  struct Rule {
    std::string path;
    std::uint64_t access;
  };
  int version_;
  std::vector<Rule> rules_;
};

}  // namespace sovmesh::engine_process
