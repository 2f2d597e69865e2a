#pragma once

#include <cstdint>
#include <string_view>

namespace sovmesh::modelfile {

// How a tensor of a GGUF file keeps its weights: `bytes` for each block of `weights`. The facts of
// the format's public description (ggml.h, gguf-py/gguf/constants.py of llama.cpp).
struct GgufType {
  std::uint32_t id;
  std::string_view name;
  std::uint32_t weights;
  std::uint32_t bytes;
};
const GgufType* find_gguf_type(std::uint32_t id);  // null: unknown

}  // namespace sovmesh::modelfile
