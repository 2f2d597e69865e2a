#include "audit_files/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "rt/fd.h"

namespace sovmesh::audit_files {
namespace {

constexpr std::string_view kTemporary = ".new";

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return our_error(full ? Code::overloaded : Code::io_error,
                   fmt::format("cannot {} '{}': {}", what, path, std::strerror(error)));
}

class RealFile : public File {
 public:
  RealFile(rt::Fd fd, std::string path, std::uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  std::uint64_t size() const override { return size_; }
  Result<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t done =
          ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return failed("write", path_);
      size_ += static_cast<std::uint64_t>(done);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return failed("cut", path_);
    size_ = size;
    return {};
  }
  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return failed("sync", path_);
    return {};
  }
  Result<void> overwrite(std::uint64_t at, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t done = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return failed("overwrite", path_);
      at += static_cast<std::uint64_t>(done);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
  }
  void uncache() override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }
  Result<void> wipe() override {
    constexpr std::array<char, 4096> kZeros{};
    for (std::uint64_t at = 0; at < size_;) {
      const std::size_t count = std::min<std::uint64_t>(kZeros.size(), size_ - at);
      const ssize_t done = ::pwrite(fd_.get(), kZeros.data(), count, static_cast<off_t>(at));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return failed("overwrite", path_);
      at += static_cast<std::uint64_t>(done);
    }
    return sync();
  }

 private:
  rt::Fd fd_;
  std::string path_;
  std::uint64_t size_;
};

Result<std::string> read_all(int fd, const std::string& path) {
  std::string out;
  std::array<char, 64 * 1024> block{};
  while (true) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) return out;
    out.append(block.data(), static_cast<std::size_t>(got));
    if (out.size() > Files::kReadMax)
      return our_error(Code::io_error, fmt::format("'{}' is too long", path));
  }
}

class RealFiles : public Files {
 public:
  Result<std::optional<std::string>> read(const std::string& path) override {
    const rt::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid() && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    if (!fd.valid()) return failed("open", path);
    struct stat found{};
    if (::fstat(fd.get(), &found) != 0) return failed("look at", path);
    if (!S_ISREG(found.st_mode)) return std::nullopt;
    TRY(std::string bytes, read_all(fd.get(), path));
    return bytes;
  }
  Result<std::unique_ptr<File>> open(const std::string& path) override {
    rt::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return failed("open", path);
    struct stat found{};
    if (::fstat(fd.get(), &found) != 0) return failed("look at", path);
    const auto size = static_cast<std::uint64_t>(found.st_size);
    return std::make_unique<RealFile>(std::move(fd), path, size);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from);
    return {};
  }
  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path);
    return {};
  }
  Result<void> make_folder(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("make folder", path);
    return {};
  }
  Result<void> remove_folder(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return failed("remove folder", path);
    return {};
  }
  Result<void> sync_folder(const std::string& path) override {
    const rt::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return failed("open folder", path);
    if (::fsync(fd.get()) != 0) return failed("sync folder", path);
    return {};
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    std::vector<std::string> names;
    DIR* const folder = ::opendir(path.c_str());
    if (folder == nullptr && (errno == ENOENT || errno == ENOTDIR)) return names;
    if (folder == nullptr) return failed("list", path);
    while (const dirent* const entry = ::readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(folder);
    std::ranges::sort(names);
    return names;
  }
  Result<std::uint64_t> free_bytes(const std::string& folder) override {
    struct statvfs found{};
    if (::statvfs(folder.c_str(), &found) != 0) return failed("look at the disk of", folder);
    return std::uint64_t{found.f_bavail} * found.f_frsize;
  }
};

}  // namespace

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

void wipe(std::string& text) {
  volatile char* const bytes = text.data();
  for (std::size_t i = 0; i < text.size(); ++i)
    bytes[i] = 0;
  text.clear();
}

Result<void> Files::replace_unsynced(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + std::string(kTemporary);
  {
    TRY(const auto file, open(temporary));
    if (file->size() > 0) {
      TRY_VOID(file->truncate(0));
    }
    if (const Result<void> written = file->append(bytes); !written) {
      (void)remove(temporary);  // a full disk gets back what it gave
      return written;
    }
    TRY_VOID(file->sync());
    if (bytes.size() > kCachedMax) file->uncache();
  }
  return rename(temporary, path);
}

Result<void> Files::drop_leftovers(const std::string& folder, std::string_view start) {
  TRY(const auto names, list(folder));
  bool any = false;
  for (const std::string& name : names) {
    if (!name.starts_with(start) || !name.ends_with(kTemporary)) continue;
    const std::string path = folder + "/" + name;
    TRY(const auto file, open(path));
    TRY_VOID(file->wipe());
    TRY_VOID(remove(path));
    any = true;
  }
  return any ? sync_folder(folder) : Result<void>();
}

Result<void> Files::replace(const std::string& path, std::string_view bytes) {
  TRY_VOID(replace_unsynced(path, bytes));
  return sync_folder(folder_of(path));
}

Result<void> Files::replace_secret(const std::string& path, std::string_view bytes) {
  TRY(const auto old, open(path));
  TRY_VOID(replace(path, bytes));
  return old->wipe();
}

Files& real_files() {
  static RealFiles files;
  return files;
}

}  // namespace sovmesh::audit_files
