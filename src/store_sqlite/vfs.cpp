#include "store_sqlite/vfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "store_sqlite/log_file.h"

namespace sovmesh::store_sqlite {
namespace {

// Files beside a database are opened as journals: SQLite's unix VFS then syncs their folder too.
constexpr int kPlainFile = SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_READWRITE;

Error file_error(std::string_view what, const std::string& path, int code) {
  std::string message(what);
  message.append(" ").append(path).append(": ").append(sqlite3_errstr(code));
  return {Code::io_error, Blame::us, std::move(message)};
}

// An open file of a VFS; closes itself.
class PlainFile {
 public:
  PlainFile() = default;
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;
  ~PlainFile() {
    if (opened_) file()->pMethods->xClose(file());
  }
  int open(sqlite3_vfs& vfs, const std::string& path, int flags) {
    path_ = path;
    path_.append(2, '\0');  // SQLite looks for URI parameters behind a file name
    memory_.resize(static_cast<std::size_t>(vfs.szOsFile));
    const int code = vfs.xOpen(&vfs, path_.data(), file(), flags, nullptr);
    opened_ = file()->pMethods != nullptr;
    return code;
  }
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }

 private:
  std::string path_;
  std::vector<std::byte> memory_;
  bool opened_ = false;
};

class RealDisk : public Disk {
 public:
  RealDisk() : vfs_(*sqlite3_vfs_find("unix")) {
    join_frames(vfs_, *sqlite3_vfs_find("unix"));
    vfs_.zName = "sovmesh-real";
    vfs_.pNext = nullptr;
    sqlite3_vfs_register(&vfs_, 0);
  }
  sqlite3_vfs& vfs() override { return vfs_; }
  Result<void> create_private(const std::string& path) override {
    // Never opens a file that is there: closing it would drop the locks SQLite holds on it.
    if (::access(path.c_str(), F_OK) == 0) return {};
    const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC | O_RDWR, 0600);
    if (fd < 0) return our_error(Code::io_error, "create " + path + ": " + std::strerror(errno));
    ::close(fd);
    return {};
  }
  Result<void> allocate(const std::string& path, std::int64_t bytes) override {
    const int fd = ::open(path.c_str(), O_CREAT | O_CLOEXEC | O_RDWR, 0600);
    const int error = fd < 0 ? errno : ::posix_fallocate(fd, 0, bytes);
    if (fd >= 0) ::close(fd);
    if (error == 0) return {};
    return our_error(Code::io_error, "allocate " + path + ": " + std::strerror(error));
  }
  Result<void> allocate_behind(const std::string& path, std::int64_t bytes) override {
    const int fd = ::open(path.c_str(), O_CLOEXEC | O_RDWR);
    const off_t end = fd < 0 ? -1 : ::lseek(fd, 0, SEEK_END);
    const bool done = end >= 0 && ::fallocate(fd, FALLOC_FL_KEEP_SIZE, end, bytes) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (done) return {};
    return our_error(Code::io_error, "allocate behind " + path + ": " + std::strerror(error));
  }
  Result<std::int64_t> free_bytes(const std::string& path) override {
    struct statvfs disk{};
    if (::statvfs(path.substr(0, path.rfind('/') + 1).c_str(), &disk) != 0)
      return our_error(Code::io_error, "measure the disk of " + path + ": " + std::strerror(errno));
    return static_cast<std::int64_t>(std::uint64_t{disk.f_bavail} * disk.f_frsize);
  }
  Result<void> make_folder(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) != 0) {
      if (errno == EEXIST) return {};
      return our_error(Code::io_error, "make folder " + path + ": " + std::strerror(errno));
    }
    const std::string parent = path.substr(0, path.rfind('/') + 1);
    const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (synced) return {};
    return our_error(Code::io_error, "sync folder " + parent + ": " + std::strerror(error));
  }
  Result<void> remove_folder(const std::string& path) override {
    TRY(const auto names, list_folder(path));
    for (const std::string& name : names)
      TRY_VOID(remove(path + "/" + name));
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    return our_error(Code::io_error, "remove folder " + path + ": " + std::strerror(errno));
  }
  Result<std::vector<std::string>> list_folder(const std::string& path) override {
    std::vector<std::string> names;
    DIR* const folder = ::opendir(path.c_str());
    if (folder == nullptr && errno == ENOENT) return names;
    if (folder == nullptr)
      return our_error(Code::io_error, "list " + path + ": " + std::strerror(errno));
    while (const dirent* const entry = ::readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(folder);
    return names;
  }

 private:
  sqlite3_vfs vfs_;
};

}  // namespace

Disk& real_disk() {
  static RealDisk disk;
  return disk;
}

// Every use of SQLite begins with a disk, so this comes before its own initialisation: without
// counters of its memory it takes no lock at each allocation.
Disk::Disk() {
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

Result<bool> Disk::exists(const std::string& path) {
  int found = 0;
  const int code = vfs().xAccess(&vfs(), path.c_str(), SQLITE_ACCESS_EXISTS, &found);
  if (code != SQLITE_OK) return fail(file_error("look for", path, code));
  return found != 0;
}

Result<std::int64_t> Disk::size(const std::string& path) {
  TRY(const bool there, exists(path));
  if (!there) return 0;
  PlainFile file;
  int code = file.open(vfs(), path, kPlainFile);
  sqlite3_int64 bytes = 0;
  if (code == SQLITE_OK) code = file.file()->pMethods->xFileSize(file.file(), &bytes);
  if (code != SQLITE_OK) return fail(file_error("measure", path, code));
  return bytes;
}

Result<void> Disk::write_file(const std::string& path, std::string_view text) {
  TRY_VOID(create_private(path));
  PlainFile file;
  int code = file.open(vfs(), path, kPlainFile | SQLITE_OPEN_CREATE);
  const int bytes = static_cast<int>(text.size());
  if (code == SQLITE_OK) code = file.file()->pMethods->xTruncate(file.file(), 0);
  if (code == SQLITE_OK) code = file.file()->pMethods->xWrite(file.file(), text.data(), bytes, 0);
  if (code == SQLITE_OK) code = file.file()->pMethods->xSync(file.file(), SQLITE_SYNC_FULL);
  if (code != SQLITE_OK) return fail(file_error("write", path, code));
  return {};
}

Result<void> Disk::shrink(const std::string& path, std::int64_t bytes) {
  PlainFile file;
  int code = file.open(vfs(), path, kPlainFile);
  if (code == SQLITE_OK) code = file.file()->pMethods->xTruncate(file.file(), bytes);
  if (code != SQLITE_OK) return fail(file_error("shrink", path, code));
  return {};
}

Result<void> Disk::remove(const std::string& path) {
  const int code = vfs().xDelete(&vfs(), path.c_str(), 1);
  if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT)
    return fail(file_error("remove", path, code));
  return {};
}

}  // namespace sovmesh::store_sqlite
