#include "store_sqlite/log_file.h"

#include <sqlite3.h>

#include <memory>
#include <new>
#include <vector>

namespace sovmesh::store_sqlite {
namespace {

constexpr std::size_t kWaitingMax = std::size_t{64} << 10;  // bytes

// What SQLite sees of an open log. The file of the real VFS lies behind it in the same memory.
struct LogFile : sqlite3_file {
  std::vector<char> waiting;  // written by SQLite, and not yet to the file
  sqlite3_int64 at = 0;       // its place

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  const sqlite3_io_methods& methods() { return *real()->pMethods; }

  int write(const char* bytes, int count, sqlite3_int64 offset) {
    const bool follows = offset == at + static_cast<sqlite3_int64>(waiting.size());
    if (!follows || waiting.size() + static_cast<std::size_t>(count) > kWaitingMax) {
      if (const int code = flush(); code != SQLITE_OK) return code;
    }
    if (waiting.empty()) at = offset;
    waiting.insert(waiting.end(), bytes, bytes + count);
    return SQLITE_OK;
  }
  int flush() {
    if (waiting.empty()) return SQLITE_OK;
    const int code = methods().xWrite(real(), waiting.data(), static_cast<int>(waiting.size()), at);
    waiting.clear();
    return code;
  }
};

static_assert(alignof(LogFile) <= 8);  // what SQLite's memory for files has

LogFile& log_of(sqlite3_file* file) { return *static_cast<LogFile*>(file); }

// A call that goes on to the real file, once that has everything.
template <auto Method, class... Args>
int pass(sqlite3_file* file, Args... args) {
  LogFile& log = log_of(file);
  if (const int code = log.flush(); code != SQLITE_OK) return code;
  return (log.methods().*Method)(log.real(), args...);
}

int close_log(sqlite3_file* file) {
  LogFile& log = log_of(file);
  const int flushed = log.flush();
  const int closed = log.methods().xClose(log.real());
  std::destroy_at(&log);
  return flushed != SQLITE_OK ? flushed : closed;
}

int write_log(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  return log_of(file).write(static_cast<const char*>(bytes), count, offset);
}

using Methods = sqlite3_io_methods;
constexpr Methods kMethods{.iVersion = 1,  // a log is neither mapped nor shared memory
                           .xClose = close_log,
                           .xRead = pass<&Methods::xRead, void*, int, sqlite3_int64>,
                           .xWrite = write_log,
                           .xTruncate = pass<&Methods::xTruncate, sqlite3_int64>,
                           .xSync = pass<&Methods::xSync, int>,
                           .xFileSize = pass<&Methods::xFileSize, sqlite3_int64*>,
                           .xLock = pass<&Methods::xLock, int>,
                           .xUnlock = pass<&Methods::xUnlock, int>,
                           .xCheckReservedLock = pass<&Methods::xCheckReservedLock, int*>,
                           .xFileControl = pass<&Methods::xFileControl, int, void*>,
                           .xSectorSize = pass<&Methods::xSectorSize>,
                           .xDeviceCharacteristics = pass<&Methods::xDeviceCharacteristics>,
                           .xShmMap = nullptr,
                           .xShmLock = nullptr,
                           .xShmBarrier = nullptr,
                           .xShmUnmap = nullptr,
                           .xFetch = nullptr,
                           .xUnfetch = nullptr};

int open_file(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* got) {
  sqlite3_vfs* const real = static_cast<sqlite3_vfs*>(vfs->pAppData);
  if ((flags & SQLITE_OPEN_WAL) == 0) return real->xOpen(real, name, file, flags, got);
  auto* const log = new (file) LogFile;
  const int code = real->xOpen(real, name, log->real(), flags, got);
  const bool is_open = log->real()->pMethods != nullptr;
  if (!is_open) std::destroy_at(log);
  file->pMethods = is_open ? &kMethods : nullptr;
  return code;
}

}  // namespace

void join_frames(sqlite3_vfs& vfs, sqlite3_vfs& real) {
  vfs.szOsFile = static_cast<int>(sizeof(LogFile)) + real.szOsFile;
  vfs.pAppData = &real;
  vfs.xOpen = open_file;
}

}  // namespace sovmesh::store_sqlite
