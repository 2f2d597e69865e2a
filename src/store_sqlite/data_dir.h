#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace sovmesh::store_sqlite {

// The folder that holds everything we keep: made with permissions 0700 when it is not there, with a
// `secrets/` folder of the same kind, and locked as long as this object lives, so that two
// processes never work on the same one.
class DataDir {
 public:
  // Code::data_dir_invalid with what to do: not a folder, not ours, readable by others and not to
  // be changed, or in use by another process.
  static Result<DataDir> open(const std::string& path);
  DataDir(DataDir&& other) noexcept
      : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
  DataDir& operator=(DataDir&&) = delete;
  ~DataDir();

  const std::string& path() const { return path_; }
  std::string control_db() const { return path_ + "/control.db"; }
  std::string ledger_db() const { return path_ + "/ledger.db"; }
  std::string secrets() const { return path_ + "/secrets"; }

 private:
  DataDir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;  // a file descriptor
};

}  // namespace sovmesh::store_sqlite
