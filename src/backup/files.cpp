#include "backup/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace sovmesh::backup {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return our_error(full ? Code::overloaded : Code::io_error,
                   fmt::format("cannot {} '{}': {}", what, path,
                               std::strerror(error)));  // NOLINT(concurrency-mt-unsafe)
}

std::string part_of(const std::string& path) { return path + ".part"; }

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

// Never follows a link and never fails half: what cannot be removed is left for the next time.
void empty_folder(const std::string& path) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
}

std::unexpected<Error> is_there(const std::string& path) {
  return our_error(Code::conflict, fmt::format("'{}' is there already; choose another name, or say "
                                               "--force to replace it",
                                               path));
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path, bool replace) {
  struct stat found{};
  if (!replace && ::lstat(path.c_str(), &found) == 0) return is_there(path);
  const std::string part = part_of(path);
  rt::Fd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return failed("write", part);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return our_error(Code::conflict, fmt::format("'{}' is being written by another process", part));
  if (::ftruncate(fd.get(), 0) != 0 || ::fchmod(fd.get(), 0600) != 0) return failed("write", part);
  return OutputFile(path, replace, std::move(fd));
}

OutputFile::~OutputFile() {
  if (fd_.valid()) ::unlink(part_of(path_).c_str());
}

Result<void> OutputFile::write(std::string_view bytes) {
  return write_all(fd_.get(), bytes, part_of(path_));
}

Result<void> OutputFile::commit() {
  const std::string part = part_of(path_);
  if (::fsync(fd_.get()) != 0) return failed("sync", part);
  if (replace_) {
    if (::rename(part.c_str(), path_.c_str()) != 0) return failed("rename", part);
  } else if (::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) return is_there(path_);
    // A file system that cannot promise it: the look at the beginning has to do.
    if (errno != EINVAL && errno != ENOSYS) return failed("rename", part);
    struct stat found{};
    if (::lstat(path_.c_str(), &found) == 0) return is_there(path_);
    if (::rename(part.c_str(), path_.c_str()) != 0) return failed("rename", part);
  }
  fd_.reset();
  return sync_folder(parent_of(path_));
}

Result<InputFile> InputFile::open(const std::string& path) {
  rt::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return failed("read", path);
  struct stat found{};
  if (::fstat(fd.get(), &found) != 0) return failed("read", path);
  if (!S_ISREG(found.st_mode))
    return our_error(Code::io_error, fmt::format("'{}' is not a file", path));
  return InputFile(path, std::move(fd), static_cast<std::uint64_t>(found.st_size));
}

Result<std::size_t> InputFile::read(std::span<char> out) {
  while (true) {
    const ssize_t got = ::read(fd_.get(), out.data(), out.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return failed("read", path_);
  }
}

Source InputFile::source() {
  return [this](std::span<char> out) { return read(out); };
}

Result<WorkFolder> WorkFolder::make(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("make the folder", path);
  rt::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return failed("open the folder", path);
  struct stat found{};
  if (::fstat(fd.get(), &found) != 0) return failed("look at", path);
  if (found.st_uid != ::geteuid())
    return our_error(Code::io_error, fmt::format("'{}' belongs to another user", path));
  if (::fchmod(fd.get(), 0700) != 0) return failed("close to others", path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return our_error(Code::conflict,
                     fmt::format("another backup or restore is at work in '{}'", path));
  empty_folder(path);
  return WorkFolder(path, std::move(fd));
}

WorkFolder::~WorkFolder() {
  if (!fd_.valid()) return;
  empty_folder(path_);
  ::rmdir(path_.c_str());
}

Result<void> FolderUnpacker::begin(const std::string& path, std::uint64_t) {
  path_ = folder_ + "/" + path;
  std::string parent = folder_;
  for (std::size_t at = 0, end = path.find('/'); end != std::string::npos;
       at = end + 1, end = path.find('/', at)) {
    parent += "/" + path.substr(at, end - at);
    if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST)
      return failed("make the folder", parent);
  }
  fd_ = rt::Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_.valid()) return failed("write", path_);
  return {};
}

Result<void> FolderUnpacker::data(std::string_view bytes) {
  return write_all(fd_.get(), bytes, path_);
}

Result<void> FolderUnpacker::end() {
  fd_ = rt::Fd();
  return {};
}

Result<void> sync_folder(const std::string& folder) {
  const rt::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return failed("open the folder", folder);
  if (::fsync(fd.get()) != 0) return failed("sync", folder);
  return {};
}

Result<void> sync_everything(const std::string& folder) {
  const rt::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return failed("open the folder", folder);
  if (::syncfs(fd.get()) != 0) return failed("sync", folder);
  return {};
}

Result<void> write_durable(const std::string& path, std::string_view bytes) {
  const std::string part = part_of(path);
  rt::Fd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return failed("write", part);
  TRY_VOID(write_all(fd.get(), bytes, part));
  if (::fsync(fd.get()) != 0) return failed("sync", part);
  if (::rename(part.c_str(), path.c_str()) != 0) return failed("rename", part);
  return sync_folder(parent_of(path));
}

Result<bool> is_absent_or_empty(const std::string& path) {
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return true;
  if (status.type() != fs::file_type::directory) return false;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (entry.path().filename() != "lost+found") return false;
  }
  if (error)
    return our_error(Code::io_error, fmt::format("cannot list '{}': {}", path, error.message()));
  return true;
}

}  // namespace sovmesh::backup
