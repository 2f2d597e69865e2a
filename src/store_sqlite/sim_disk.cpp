#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <new>
#include <set>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::store_sqlite {
namespace {

constexpr std::int64_t kSectorBytes = 512;
constexpr std::size_t kLocks = SQLITE_SHM_NLOCK;

// One unsynced change. A write is cut into sectors when power is lost.
struct Change {
  std::int64_t offset = 0;
  std::string bytes;      // written there
  bool truncate = false;  // the file ends at `offset`
};

// The shared index of a write-ahead log: plain memory, gone when power is lost.
struct SharedMemory {
  std::vector<std::unique_ptr<char[]>> regions;
  std::array<int, kLocks> shared{};
  std::array<bool, kLocks> exclusive{};
};

struct File {
  std::string durable;
  std::string current;
  std::int64_t behind = 0;  // bytes that are kept for it behind its end
  std::vector<Change> pending;
  SharedMemory memory;
  // Database locks, as SQLite defines them: many SHARED, one RESERVED beside them, one PENDING, one
  // EXCLUSIVE alone.
  int shared = 0;
  const void* reserved = nullptr;
  const void* pending_lock = nullptr;
  const void* exclusive = nullptr;
};
using FilePtr = std::shared_ptr<File>;
using Names = std::map<std::string, FilePtr, std::less<>>;

void apply_change(std::string& content, const Change& change) {
  const auto offset = static_cast<std::size_t>(change.offset);
  if (change.truncate) {
    content.resize(offset, '\0');
    return;
  }
  if (content.size() < offset + change.bytes.size())
    content.resize(offset + change.bytes.size(), '\0');
  content.replace(offset, change.bytes.size(), change.bytes);
}

struct Fault {
  std::uint64_t nth = 0;  // operations until it fires, 0: not armed
  std::uint64_t times = 0;
  int error = 0;

  int next() {  // the errno of this operation, or 0
    if (nth == 0) return 0;
    if (nth > 1) {
      --nth;
      return 0;
    }
    if (times != SimDisk::kForever && --times == 0) nth = 0;
    return error;
  }
};

}  // namespace

struct SimDisk::Contents {
  explicit Contents(std::uint64_t s) : seed(s) {}

  std::uint64_t seed;
  Names live;
  Names durable;
  std::uint64_t generation = 0;
  bool powered = true;
  std::uint64_t power_countdown = 0;
  Fault write_fault;
  Fault sync_fault;
  bool lies = false;  // about syncs
  std::int64_t capacity = INT64_MAX;
  std::uint64_t changes = 0;
  std::uint64_t writes = 0;
  std::uint64_t syncs = 0;
  std::uint64_t calls = 0;
  std::uint64_t call_countdown = 0;
  SimDisk::End ending = SimDisk::End::power_loss;
  int last_error = 0;

  // splitmix64: small, and the same on every machine.
  std::uint64_t random() {
    seed += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  std::int64_t used() const {
    std::int64_t sum = 0;
    for (const auto& [name_of, file] : live)
      sum += static_cast<std::int64_t>(file->current.size()) + file->behind;
    return sum;
  }

  // True when the operation happens: counts it, and power may go out in its place.
  bool change() {
    ++changes;
    if (power_countdown > 0 && --power_countdown == 0) {
      lose();
      powered = false;
    }
    return powered;
  }

  // Every call of SQLite comes by here first.
  void call() {
    ++calls;
    if (call_countdown == 0 || --call_countdown > 0) return;
    if (ending == SimDisk::End::power_loss)
      lose();
    else
      let_go();
    powered = false;
  }

  // The process is gone, and its locks with it; what it wrote is in the kernel's hands.
  void let_go() {
    ++generation;
    copy_names(live, durable);
  }

  // Fresh files with the same content for both lists: a file that stands in both stays one.
  void copy_names(Names from_live, Names from_durable) {
    std::map<const File*, FilePtr> copies;
    const auto copy = [&](const Names& from, Names& to) {
      to.clear();
      for (const auto& [name_of, file] : from) {
        FilePtr& fresh = copies[file.get()];
        if (fresh == nullptr) {
          fresh = std::make_shared<File>();
          fresh->durable = file->durable;
          fresh->current = file->current;
          fresh->pending = file->pending;
        }
        to.emplace(name_of, fresh);
      }
    };
    copy(from_live, live);
    copy(from_durable, durable);
  }

  void lose() {
    ++generation;
    // Some outages keep nearly all, some nearly nothing, most a part.
    const std::uint64_t survival = random() % 5 * 25;
    Names survivors = std::move(durable);
    for (auto& [name_of, file] : live)
      if (!survivors.contains(name_of) && random() % 100 < survival) survivors[name_of] = file;
    for (auto it = survivors.begin(); it != survivors.end();) {
      const bool unlinked = !live.contains(it->first);
      it = unlinked && random() % 100 < survival ? survivors.erase(it) : std::next(it);
    }
    for (auto& [name_of, file] : survivors) {
      settle(*file, survival);
      auto fresh = std::make_shared<File>();
      fresh->durable = file->durable;
      fresh->current = file->durable;
      file = std::move(fresh);
    }
    durable = survivors;
    live = std::move(survivors);
  }

  // How much of a sector is on the disk: all, nothing, or (the power went amid it) its beginning.
  std::int64_t surviving(std::int64_t length, std::uint64_t survival) {
    if (random() % 100 < survival) return length;
    return random() % 16 == 0
               ? static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(length))
               : 0;
  }

  // Sectors survive one by one: a later write may be there and an earlier one not.
  void settle(File& file, std::uint64_t survival) {
    for (const Change& change : file.pending) {
      if (change.truncate) {
        if (random() % 100 < survival) apply_change(file.durable, change);
        continue;
      }
      const auto bytes = static_cast<std::int64_t>(change.bytes.size());
      for (std::int64_t at = 0; at < bytes;) {
        const std::int64_t end = (change.offset + at) / kSectorBytes * kSectorBytes + kSectorBytes;
        const std::int64_t length = std::min(end - change.offset - at, bytes - at);
        const std::int64_t kept = surviving(length, survival);
        if (kept > 0)
          apply_change(file.durable, {change.offset + at,
                                      change.bytes.substr(static_cast<std::size_t>(at),
                                                          static_cast<std::size_t>(kept)),
                                      false});
        at += length;
      }
    }
    file.pending.clear();
  }

  // Everything below runs under `mutex`, called by SQLite.
  int fail_with(int error, int code) {
    last_error = error;
    return error == ENOSPC ? SQLITE_FULL : code;
  }
  int write(File& file, const char* bytes, std::int64_t length, std::int64_t offset) {
    if (!change()) return SQLITE_IOERR_WRITE;
    ++writes;
    if (const int error = write_fault.next(); error != 0)
      return fail_with(error, SQLITE_IOERR_WRITE);
    const auto size = static_cast<std::int64_t>(file.current.size());
    const std::int64_t more = std::max<std::int64_t>(offset + length - size, 0);
    if (more > file.behind && used() + more - file.behind > capacity)
      return fail_with(ENOSPC, SQLITE_FULL);
    file.behind = std::max<std::int64_t>(file.behind - more, 0);
    file.pending.push_back({offset, std::string(bytes, static_cast<std::size_t>(length)), false});
    apply_change(file.current, file.pending.back());
    return SQLITE_OK;
  }
  int truncate(File& file, std::int64_t length) {
    if (!change()) return SQLITE_IOERR_TRUNCATE;
    file.pending.push_back({length, {}, true});
    apply_change(file.current, file.pending.back());
    return SQLITE_OK;
  }
  int sync(File& file) {
    if (!change()) return SQLITE_IOERR_FSYNC;
    ++syncs;
    if (lies) return SQLITE_OK;
    if (const int error = sync_fault.next(); error != 0) {
      // As Linux does it: the pages count as clean afterwards and may never reach the disk.
      settle(file, 50);
      return fail_with(error, SQLITE_IOERR_FSYNC);
    }
    for (const Change& change : file.pending)
      apply_change(file.durable, change);
    file.pending.clear();
    durable = live;  // a file's sync writes the folder too
    return SQLITE_OK;
  }
};

// What SQLite holds on to: the VFS, and the disk's contents behind their lock.
struct SimDisk::State {
  explicit State(std::uint64_t seed) : contents(seed) {}
  std::string name;
  sqlite3_vfs vfs{};
  Guarded<Contents> contents;
};

namespace {

using Contents = SimDisk::Contents;
using SharedContents = Guarded<Contents>;

// SQLite allocates it, we construct and destroy what is behind `base`.
struct Handle {
  sqlite3_file base;
  SharedContents* disk;
  FilePtr file;
  std::string name;
  std::uint64_t generation;
  bool delete_on_close;
  int lock;
  unsigned shm_shared;
  unsigned shm_exclusive;
};

Handle& handle_of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
bool dead(const Handle& h, Contents& disk) {
  disk.call();
  return !disk.powered || h.generation != disk.generation;
}

void release_locks(Handle& h, int level) {
  File& file = *h.file;
  if (file.exclusive == &h) file.exclusive = nullptr;
  if (file.pending_lock == &h) file.pending_lock = nullptr;
  if (file.reserved == &h) file.reserved = nullptr;
  if (level == SQLITE_LOCK_NONE && h.lock >= SQLITE_LOCK_SHARED) --file.shared;
  h.lock = std::min(h.lock, level);
}

void release_shm(Handle& h) {
  SharedMemory& memory = h.file->memory;
  for (std::size_t i = 0; i < kLocks; ++i) {
    if ((h.shm_shared >> i & 1U) != 0) --memory.shared[i];
    if ((h.shm_exclusive >> i & 1U) != 0) memory.exclusive[i] = false;
  }
  h.shm_shared = 0;
  h.shm_exclusive = 0;
}

int x_close(sqlite3_file* raw) {
  Handle& h = handle_of(raw);
  h.disk->with([&](Contents& disk) {
    release_locks(h, SQLITE_LOCK_NONE);
    release_shm(h);
    if (!dead(h, disk) && h.delete_on_close) disk.live.erase(h.name);
  });
  h.~Handle();
  return SQLITE_OK;
}

int x_read(sqlite3_file* raw, void* into, int length, sqlite3_int64 offset) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    if (dead(h, disk)) return SQLITE_IOERR_READ;
    const std::string& content = h.file->current;
    const auto size = static_cast<sqlite3_int64>(content.size());
    const sqlite3_int64 there = std::clamp<sqlite3_int64>(size - offset, 0, length);
    if (there > 0) std::memcpy(into, content.data() + offset, static_cast<std::size_t>(there));
    if (there == length) return SQLITE_OK;
    std::memset(static_cast<char*>(into) + there, 0, static_cast<std::size_t>(length - there));
    return SQLITE_IOERR_SHORT_READ;
  });
}

int x_write(sqlite3_file* raw, const void* bytes, int length, sqlite3_int64 offset) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    if (dead(h, disk)) return SQLITE_IOERR_WRITE;
    return disk.write(*h.file, static_cast<const char*>(bytes), length, offset);
  });
}

int x_truncate(sqlite3_file* raw, sqlite3_int64 length) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    if (dead(h, disk)) return SQLITE_IOERR_TRUNCATE;
    return disk.truncate(*h.file, length);
  });
}

int x_sync(sqlite3_file* raw, int /*flags*/) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    if (dead(h, disk)) return SQLITE_IOERR_FSYNC;
    return disk.sync(*h.file);
  });
}

int x_file_size(sqlite3_file* raw, sqlite3_int64* bytes) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    if (dead(h, disk)) return SQLITE_IOERR_FSTAT;
    *bytes = static_cast<sqlite3_int64>(h.file->current.size());
    return SQLITE_OK;
  });
}

int x_lock(sqlite3_file* raw, int level) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    if (dead(h, disk)) return SQLITE_IOERR_LOCK;
    if (h.lock >= level) return SQLITE_OK;
    File& file = *h.file;
    const auto other = [&](const void* owner) { return owner != nullptr && owner != &h; };
    if (level == SQLITE_LOCK_SHARED) {
      if (other(file.pending_lock) || other(file.exclusive)) return SQLITE_BUSY;
      ++file.shared;
    } else if (level == SQLITE_LOCK_RESERVED) {
      if (other(file.reserved) || other(file.pending_lock)) return SQLITE_BUSY;
      file.reserved = &h;
    } else {
      if (other(file.reserved) || other(file.pending_lock)) return SQLITE_BUSY;
      file.pending_lock = &h;
      h.lock = SQLITE_LOCK_PENDING;
      if (file.shared > 1) return SQLITE_BUSY;
      file.exclusive = &h;
    }
    h.lock = level;
    return SQLITE_OK;
  });
}

int x_unlock(sqlite3_file* raw, int level) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    if (h.lock > level) release_locks(h, level);
    return SQLITE_OK;
  });
}

int x_check_reserved(sqlite3_file* raw, int* reserved) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    *reserved = h.file->reserved != nullptr || h.file->exclusive != nullptr ? 1 : 0;
    return SQLITE_OK;
  });
}

int x_control(sqlite3_file*, int /*operation*/, void*) { return SQLITE_NOTFOUND; }
int x_sector_size(sqlite3_file*) { return 4096; }
// What the unix VFS promises too: a torn write harms nothing outside of what it wrote.
int x_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int x_shm_map(sqlite3_file* raw, int region, int bytes, int extend, void volatile** out) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    *out = nullptr;
    if (dead(h, disk)) return SQLITE_IOERR_SHMMAP;
    auto& regions = h.file->memory.regions;
    const auto index = static_cast<std::size_t>(region);
    if (index >= regions.size()) {
      if (extend == 0) return SQLITE_OK;
      while (regions.size() <= index)
        regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(bytes)));
    }
    *out = regions[index].get();
    return SQLITE_OK;
  });
}

int x_shm_lock(sqlite3_file* raw, int first, int count, int flags) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    SharedMemory& memory = h.file->memory;
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    const auto begin = static_cast<std::size_t>(first);
    const auto end = begin + static_cast<std::size_t>(count);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      for (std::size_t i = begin; i < end; ++i) {
        const unsigned bit = 1U << i;
        if (exclusive && (h.shm_exclusive & bit) != 0) memory.exclusive[i] = false;
        if (!exclusive && (h.shm_shared & bit) != 0) --memory.shared[i];
        (exclusive ? h.shm_exclusive : h.shm_shared) &= ~bit;
      }
      return SQLITE_OK;
    }
    if (dead(h, disk)) return SQLITE_IOERR_SHMLOCK;
    for (std::size_t i = begin; i < end; ++i) {
      const unsigned bit = 1U << i;
      const int others = memory.shared[i] - ((h.shm_shared & bit) != 0 ? 1 : 0);
      const bool taken = memory.exclusive[i] && (h.shm_exclusive & bit) == 0;
      if (taken || (exclusive && others > 0)) return SQLITE_BUSY;
    }
    for (std::size_t i = begin; i < end; ++i) {
      const unsigned bit = 1U << i;
      if (exclusive) memory.exclusive[i] = true;
      if (!exclusive && (h.shm_shared & bit) == 0) ++memory.shared[i];
      (exclusive ? h.shm_exclusive : h.shm_shared) |= bit;
    }
    return SQLITE_OK;
  });
}

void x_shm_barrier(sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); }

int x_shm_unmap(sqlite3_file* raw, int delete_it) {
  Handle& h = handle_of(raw);
  return h.disk->with([&]([[maybe_unused]] Contents& disk) -> int {
    release_shm(h);
    if (delete_it != 0) h.file->memory.regions.clear();
    return SQLITE_OK;
  });
}

const sqlite3_io_methods kMethods = {2,
                                     x_close,
                                     x_read,
                                     x_write,
                                     x_truncate,
                                     x_sync,
                                     x_file_size,
                                     x_lock,
                                     x_unlock,
                                     x_check_reserved,
                                     x_control,
                                     x_sector_size,
                                     x_characteristics,
                                     x_shm_map,
                                     x_shm_lock,
                                     x_shm_barrier,
                                     x_shm_unmap,
                                     nullptr,
                                     nullptr};

SharedContents& contents_of(sqlite3_vfs* vfs) {
  return *static_cast<SharedContents*>(vfs->pAppData);
}

int v_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* raw, int flags, int* out_flags) {
  raw->pMethods = nullptr;
  return contents_of(vfs).with([&](Contents& disk) -> int {
    disk.call();
    if (!disk.powered) return SQLITE_CANTOPEN;
    const std::string path = name != nullptr ? name : "temp-" + std::to_string(disk.random());
    auto found = disk.live.find(path);
    if (found == disk.live.end()) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      found = disk.live.emplace(path, std::make_shared<File>()).first;
    }
    const bool volatile_file = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    new (raw) Handle{{&kMethods},
                     &contents_of(vfs),
                     found->second,
                     path,
                     disk.generation,
                     volatile_file,
                     SQLITE_LOCK_NONE,
                     0,
                     0};
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  });
}

int v_delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  return contents_of(vfs).with([&](Contents& disk) -> int {
    disk.call();
    if (!disk.change()) return SQLITE_IOERR_DELETE;
    if (disk.live.erase(name) == 0) return SQLITE_IOERR_DELETE_NOENT;
    if (sync_folder != 0) disk.durable = disk.live;
    return SQLITE_OK;
  });
}

int v_access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
  return contents_of(vfs).with([&](Contents& disk) -> int {
    if (!disk.powered) return SQLITE_IOERR_ACCESS;
    const auto found = disk.live.find(name);
    // SQLite counts an empty file as absent when it looks for a journal.
    const bool there = found != disk.live.end() &&
                       (flags != SQLITE_ACCESS_EXISTS || !found->second->current.empty());
    *out = there ? 1 : 0;
    return SQLITE_OK;
  });
}

int v_full_path(sqlite3_vfs*, const char* name, int bytes, char* out) {
  sqlite3_snprintf(bytes, out, "%s", name);
  return SQLITE_OK;
}

int v_random(sqlite3_vfs* vfs, int bytes, char* out) {
  return contents_of(vfs).with([&](Contents& disk) -> int {
    for (int i = 0; i < bytes; ++i)
      out[i] = static_cast<char>(disk.random());
    return bytes;
  });
}

int v_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }  // no real time here

int v_time(sqlite3_vfs*, double* julian_day) {
  *julian_day = 2462502.5;  // 2030-01-01, and it stays: nothing we store comes from SQLite's clock
  return SQLITE_OK;
}

int v_last_error(sqlite3_vfs* vfs, int, char*) {
  return contents_of(vfs).with([](Contents& disk) { return disk.last_error; });
}

std::string next_name() {
  static std::atomic<int> count{0};
  return "sovmesh-sim-" + std::to_string(++count);
}

}  // namespace

SimDisk::SimDisk(std::uint64_t seed) : state_(std::make_unique<State>(seed)) {
  state_->name = next_name();
  sqlite3_vfs& vfs = state_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = state_->name.c_str();
  vfs.pAppData = &state_->contents;
  vfs.xOpen = v_open;
  vfs.xDelete = v_delete;
  vfs.xAccess = v_access;
  vfs.xFullPathname = v_full_path;
  vfs.xRandomness = v_random;
  vfs.xSleep = v_sleep;
  vfs.xCurrentTime = v_time;
  vfs.xGetLastError = v_last_error;
  sqlite3_vfs_register(&vfs, 0);
}

SimDisk::~SimDisk() { sqlite3_vfs_unregister(&state_->vfs); }

sqlite3_vfs& SimDisk::vfs() { return state_->vfs; }

Result<void> SimDisk::create_private(const std::string& path) {
  return state_->contents.with([&](Contents& disk) -> Result<void> {
    if (!disk.powered) return our_error(Code::io_error, "create " + path + ": no power");
    disk.live.try_emplace(path, std::make_shared<File>());
    return {};
  });
}

Result<void> SimDisk::allocate(const std::string& path, std::int64_t bytes) {
  TRY_VOID(create_private(path));
  return state_->contents.with([&](Contents& disk) -> Result<void> {
    std::string& content = disk.live.find(path)->second->current;
    const std::int64_t more = bytes - static_cast<std::int64_t>(content.size());
    if (more > 0 && disk.used() + more > disk.capacity)
      return our_error(Code::io_error, "allocate " + path + ": no space left");
    if (more > 0) content.resize(static_cast<std::size_t>(bytes), '\0');
    return {};
  });
}

Result<void> SimDisk::allocate_behind(const std::string& path, std::int64_t bytes) {
  return state_->contents.with([&](Contents& disk) -> Result<void> {
    const auto found = disk.live.find(path);
    const bool is_there = found != disk.live.end();
    if (!is_there || disk.used() + bytes - found->second->behind > disk.capacity)
      return our_error(Code::io_error, "allocate behind " + path + ": no space left");
    found->second->behind = std::max(found->second->behind, bytes);
    return {};
  });
}

Result<std::int64_t> SimDisk::free_bytes(const std::string&) {
  return state_->contents.with(
      [](Contents& disk) { return std::max<std::int64_t>(disk.capacity - disk.used(), 0); });
}

// Folders are parts of names.
Result<void> SimDisk::make_folder(const std::string&) { return {}; }

Result<void> SimDisk::remove_folder(const std::string& path) {
  TRY(const auto names, list_folder(path));
  for (const std::string& name : names)
    TRY_VOID(remove(path + "/" + name));
  return {};
}

Result<std::vector<std::string>> SimDisk::list_folder(const std::string& path) {
  return state_->contents.with([&](Contents& disk) -> Result<std::vector<std::string>> {
    if (!disk.powered) return our_error(Code::io_error, "list " + path + ": no power");
    std::set<std::string> names;
    for (const auto& [name, file] : disk.live) {
      if (!name.starts_with(path + "/")) continue;
      const std::string rest = name.substr(path.size() + 1);
      names.insert(rest.substr(0, rest.find('/')));
    }
    return std::vector<std::string>(names.begin(), names.end());
  });
}

void SimDisk::power_loss() {
  state_->contents.with([&](Contents& disk) { disk.lose(); });
}
void SimDisk::lose_power_after(std::uint64_t count) {
  state_->contents.with([&](Contents& disk) { disk.power_countdown = count; });
}
void SimDisk::end_at_call(std::uint64_t count, End end) {
  state_->contents.with([&](Contents& disk) {
    disk.call_countdown = count;
    disk.ending = end;
  });
}
void SimDisk::kill_now() {
  state_->contents.with([](Contents& disk) {
    disk.let_go();
    disk.powered = false;
  });
}
void SimDisk::copy_from(SimDisk& other) {
  const auto names = other.state_->contents.with(
      [](Contents& disk) { return std::pair(disk.live, disk.durable); });
  state_->contents.with([&](Contents& disk) { disk.copy_names(names.first, names.second); });
}
void SimDisk::power_on() {
  state_->contents.with([&](Contents& disk) {
    disk.powered = true;
    disk.lies = false;
    disk.power_countdown = 0;
    disk.call_countdown = 0;
  });
}
bool SimDisk::powered() const {
  return state_->contents.with([&](Contents& disk) { return disk.powered; });
}
void SimDisk::fail_write(std::uint64_t nth, int error, std::uint64_t times) {
  state_->contents.with([&](Contents& disk) { disk.write_fault = {nth, times, error}; });
}
void SimDisk::fail_sync(std::uint64_t nth, int error, std::uint64_t times) {
  state_->contents.with([&](Contents& disk) { disk.sync_fault = {nth, times, error}; });
}
void SimDisk::ignore_syncs() {
  state_->contents.with([](Contents& disk) { disk.lies = true; });
}
void SimDisk::set_capacity(std::int64_t bytes) {
  state_->contents.with([&](Contents& disk) { disk.capacity = bytes; });
}
std::int64_t SimDisk::used() const {
  return state_->contents.with([&](Contents& disk) { return disk.used(); });
}
std::uint64_t SimDisk::changes() const {
  return state_->contents.with([&](Contents& disk) { return disk.changes; });
}
std::uint64_t SimDisk::writes() const {
  return state_->contents.with([&](Contents& disk) { return disk.writes; });
}
std::uint64_t SimDisk::calls() const {
  return state_->contents.with([&](Contents& disk) { return disk.calls; });
}
std::uint64_t SimDisk::syncs() const {
  return state_->contents.with([&](Contents& disk) { return disk.syncs; });
}
void SimDisk::flip_byte(const std::string& path, std::int64_t offset) {
  state_->contents.with([&](Contents& disk) {
    File& file = *disk.live.at(path);
    for (std::string* content : {&file.current, &file.durable})
      if (static_cast<std::size_t>(offset) < content->size())
        (*content)[static_cast<std::size_t>(offset)] ^= '\x55';
  });
}
void SimDisk::truncate(const std::string& path, std::int64_t bytes) {
  state_->contents.with([&](Contents& disk) {
    File& file = *disk.live.at(path);
    file.pending.clear();
    file.current.resize(static_cast<std::size_t>(bytes));
    file.durable = file.current;
  });
}

}  // namespace sovmesh::store_sqlite
