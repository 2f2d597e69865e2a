#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::audit_files {

// One open file that grows at its end. Its owner's thread only.
class File {
 public:
  virtual ~File() = default;
  virtual std::uint64_t size() const = 0;
  // All of `bytes` at the end. After an error any part of them may be there: truncate().
  virtual Result<void> append(std::string_view bytes) = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  // Inside of what is there, so it needs no room.
  virtual Result<void> overwrite(std::uint64_t at, std::string_view bytes) = 0;
  // Everything written is durable on return. After an error nobody knows what is: never try again.
  virtual Result<void> sync() = 0;
  // What is synced will not be read soon: it need not take memory from what is.
  virtual void uncache() = 0;
  // Overwrites all of it with zeros and syncs: for secrets that are given up.
  virtual Result<void> wipe() = 0;
};

// The file system, so that a test owns what a write, a sync, a rename and a power loss do. A full
// disk is Code::overloaded, every other failure Code::io_error. Paths are absolute; nothing of a
// request becomes one. Any thread.
class Files {
 public:
  static constexpr std::size_t kReadMax = 512U << 20;  // bytes of one file
  // What is written whole and is longer (bundles of entries) does not stay in memory.
  static constexpr std::size_t kCachedMax = 64U << 10;
  virtual ~Files() = default;

  // Nothing when there is no such file.
  virtual Result<std::optional<std::string>> read(const std::string& path) = 0;
  // For appending; makes it, readable by this user alone, when it is not there.
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;         // fine when absent
  virtual Result<void> make_folder(const std::string& path) = 0;    // fine when there
  virtual Result<void> remove_folder(const std::string& path) = 0;  // empty; fine when absent
  // The names in a folder are durable on return.
  virtual Result<void> sync_folder(const std::string& path) = 0;
  // Names of what is in it, sorted; none when there is no such folder.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  // What else fits on the disk of a folder.
  virtual Result<std::uint64_t> free_bytes(const std::string& folder) = 0;

  // A whole file, durable under its name on return; a reader sees the old one or the new one.
  Result<void> replace(const std::string& path, std::string_view bytes);
  // The same without making the name durable: sync_folder() of its folder does that.
  Result<void> replace_unsynced(const std::string& path, std::string_view bytes);
  // What a kill has left of these in a folder, in files that begin so, is overwritten and goes.
  Result<void> drop_leftovers(const std::string& folder, std::string_view start = {});
  // Like replace(); the old contents are overwritten once the new ones are in place.
  Result<void> replace_secret(const std::string& path, std::string_view bytes);
};

std::string folder_of(const std::string& path);
// Overwrites a secret that was read as text.
void wipe(std::string& text);

// The machine's. Files are made 0600, folders 0700.
Files& real_files();

}  // namespace sovmesh::audit_files
