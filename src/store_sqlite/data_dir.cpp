#include "store_sqlite/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace sovmesh::store_sqlite {
namespace {

std::unexpected<Error> refuse(const std::string& path, std::string_view why) {
  std::string message = "data folder " + path + ": ";
  message += why;
  return our_error(Code::data_dir_invalid, std::move(message));
}

std::unexpected<Error> refuse_errno(const std::string& path, std::string_view what) {
  std::string why(what);
  return refuse(path, why + ": " + std::strerror(errno));
}

// Makes the folder, or takes one that is there, and closes it to everybody else.
Result<void> claim_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return refuse_errno(path, "cannot be made (its parent must exist and be writable)");
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return refuse_errno(path, "cannot be looked at");
  if (!S_ISDIR(found.st_mode)) return refuse(path, "is not a folder");
  if ((found.st_mode & 0077U) == 0) return {};
  if (::chmod(path.c_str(), 0700) != 0)
    return refuse_errno(path, "others can read it, and it cannot be closed to them (chmod 700)");
  return {};
}

std::string holder_of(int lock) {
  std::array<char, 24> text{};
  const ssize_t bytes = ::pread(lock, text.data(), text.size() - 1, 0);
  if (bytes <= 0) return "another process";
  return "process " + std::string(text.data(), static_cast<std::size_t>(bytes));
}

// flock() and not fcntl(): it belongs to this open file, so it also keeps out a second DataDir in
// this process, and closing some other descriptor of the file does not drop it.
Result<int> take_lock(const std::string& path) {
  const std::string file = path + "/lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return refuse_errno(path, "its lock file cannot be opened");
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = holder_of(lock);
    ::close(lock);
    return refuse(path, "is in use by " + holder + ". Stop it first, or use another --data-dir.");
  }
  const std::string pid = std::to_string(::getpid());
  const bool noted = ::ftruncate(lock, 0) == 0 &&
                     ::pwrite(lock, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
  if (!noted && errno != ENOSPC) {  // on a full disk the lock holds just as well without the note
    ::close(lock);
    return refuse_errno(path, "its lock file cannot be written");
  }
  return lock;
}

}  // namespace

Result<DataDir> DataDir::open(const std::string& path) {
  TRY_VOID(claim_folder(path));
  TRY(const int lock, take_lock(path));
  DataDir dir(path, lock);
  TRY_VOID(claim_folder(dir.secrets()));
  return dir;
}

DataDir::~DataDir() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace sovmesh::store_sqlite
