#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "modelfile/header.h"

namespace sovmesh::compose {

// What was found out about files of a model: all of their bytes hashed, their headers read.
struct ModelReport {
  modelfile::Header header;
  std::string format;
  Digest digest{};
  std::uint64_t bytes = 0;
};

// Reads `path`, a .gguf file or a folder, here and now. `on_bytes`: called with how many were read
// so far. Code::invalid_value for what is no model.
Result<ModelReport> read_model(const std::string& path,
                               const std::function<void(std::uint64_t)>& on_bytes);

// The same in a process of its own behind the walls of engines: whoever made the file may want the
// one who reads it to stumble. `walls`: what was in force, in words.
struct CheckedModel {
  ModelReport report;
  std::vector<std::string> walls;
};
Result<CheckedModel> check_model(const std::string& path,
                                 const std::function<void(std::uint64_t)>& on_bytes);

// `sovmesh model-check PATH`, which check_model() starts: lines "bytes N", then the report.
int run_model_check(const std::string& path);

}  // namespace sovmesh::compose
