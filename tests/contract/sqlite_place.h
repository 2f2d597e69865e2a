#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "store_sqlite/open.h"

namespace sovmesh::store_sqlite {

// A folder that goes with the test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "sovmesh-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sovmesh::store_sqlite
