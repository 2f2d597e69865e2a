#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backup/pack.h"
#include "backup/sealed_file.h"
#include "base/result.h"
#include "rt/fd.h"

// Files and folders of backups on the real machine. A full disk is Code::overloaded.
namespace sovmesh::backup {

// A file that is there whole or not at all: written as PATH.part, synced, renamed. A PATH.part that
// a killed process left is taken over; a living one's is refused.
class OutputFile {
 public:
  // Code::conflict when PATH is there, unless `replace`.
  static Result<OutputFile> create(const std::string& path, bool replace);
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // uncommitted: removes what it wrote

  Result<void> write(std::string_view bytes);
  Result<void> commit();  // durable under its name on return

 private:
  OutputFile(std::string path, bool replace, rt::Fd fd)
      : path_(std::move(path)), replace_(replace), fd_(std::move(fd)) {}
  std::string path_;
  bool replace_;
  rt::Fd fd_;
};

// Reads a file from its beginning.
class InputFile {
 public:
  static Result<InputFile> open(const std::string& path);
  Result<std::size_t> read(std::span<char> out);
  std::uint64_t size() const { return size_; }  // when it was opened
  Source source();                              // must not outlive this

 private:
  InputFile(std::string path, rt::Fd fd, std::uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}
  std::string path_;
  rt::Fd fd_;
  std::uint64_t size_;
};

// A folder (0700) that exists while this lives. What a killed process left in it is removed; a
// living one's is refused (Code::conflict).
class WorkFolder {
 public:
  static Result<WorkFolder> make(const std::string& path);
  WorkFolder(WorkFolder&& other) noexcept = default;
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();

  const std::string& path() const { return path_; }
  // It has got another name, and stays.
  void keep() { fd_.reset(); }

 private:
  WorkFolder(std::string path, rt::Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  rt::Fd fd_;  // locked
};

// Writes what an archive holds into a folder; sync_everything() makes it durable.
class FolderUnpacker : public Unpacker {
 public:
  explicit FolderUnpacker(std::string folder) : folder_(std::move(folder)) {}
  Result<void> begin(const std::string& path, std::uint64_t size) override;
  Result<void> data(std::string_view bytes) override;
  Result<void> end() override;

 private:
  std::string folder_;
  std::string path_;
  rt::Fd fd_;
};

// Everything on the file system that the folder is on: cheaper than file by file for many.
Result<void> sync_everything(const std::string& folder);
Result<void> sync_folder(const std::string& folder);  // the names in it
// A small file, readable by this user alone, durable under its name on return.
Result<void> write_durable(const std::string& path, std::string_view bytes);
// Nothing in it but perhaps lost+found, or not there.
Result<bool> is_absent_or_empty(const std::string& path);

}  // namespace sovmesh::backup
