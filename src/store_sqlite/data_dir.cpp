#include "store_sqlite/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
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

// Whether a folder that is there may become ours: an empty one, or one that we have used before.
// Any other (a home folder, /tmp, a slip of the fingers) must not be closed to its users or filled.
bool may_be_claimed(const std::string& path) {
  std::error_code error;
  bool is_empty = true;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock" || name.starts_with("control.db") || name.starts_with("ledger.db"))
      return true;
    is_empty = is_empty && name == "lost+found";  // the root of a volume
  }
  return is_empty && !error;
}

// Makes the folder, or takes one that is there, and closes it to everybody else.
Result<void> claim_folder(const std::string& path, bool is_ours) {
  const bool is_new = ::mkdir(path.c_str(), 0700) == 0;
  if (!is_new && errno != EEXIST)
    return refuse_errno(path, "cannot be made (its parent must exist and be writable)");
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return refuse_errno(path, "cannot be looked at");
  if (!S_ISDIR(found.st_mode)) return refuse(path, "is not a folder");
  if (found.st_uid != ::geteuid())
    return refuse(path, "belongs to another user; want a folder of the user that runs this");
  if (!is_new && !is_ours && !may_be_claimed(path))
    return refuse(path, "holds other files; want a new or an empty folder, or one used before");
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
  TRY_VOID(claim_folder(path, false));
  TRY(const int lock, take_lock(path));
  DataDir dir(path, lock);
  TRY_VOID(claim_folder(dir.secrets(), true));
  return dir;
}

DataDir::~DataDir() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace sovmesh::store_sqlite
