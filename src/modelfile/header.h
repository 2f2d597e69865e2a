#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "modelfile/reader.h"

namespace sovmesh::modelfile {

// What the header of a model file says of the model. Texts are the file's own, bounded, valid
// UTF-8, without control characters; whoever made the file chose them.
struct Header {
  std::string_view format;   // "gguf", "safetensors"
  std::string architecture;  // "llama"; empty: it does not say
  std::string name;          // likewise
  std::string licence;       // likewise
  std::string quantisation;  // type of most of its weights: "Q4_K", "BF16"
  std::int64_t context = 0;  // tokens that it was trained on; 0: it does not say
  std::int64_t parameters = 0;
  std::int64_t tensors = 0;
};

// Bounds of any header: what is beyond them is no model that we know, or an attack.
inline constexpr std::uint64_t kHeaderBytesMax = std::uint64_t{256} << 20;
inline constexpr std::uint64_t kTextBytesMax = std::uint64_t{4} << 20;
inline constexpr std::size_t kShownMax = 128;  // bytes of one text of a Header
inline constexpr std::uint64_t kTensorsMax = 200'000;

// A text of the file as a Header may have it.
std::string shown(std::string_view text);

// Reads it all, with each tensor's place: inside the file and over no other one.
// Code::invalid_value says what is wrong and where.
Result<Header> read_gguf(ByteSource& source);
Result<Header> read_safetensors(ByteSource& source);

}  // namespace sovmesh::modelfile
