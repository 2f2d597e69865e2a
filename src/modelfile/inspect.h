#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "modelfile/header.h"

namespace sovmesh::modelfile {

// A model is one .gguf file, or a folder of .safetensors files with what belongs to them. What
// could run code when it is loaded (pickles, Python) is in no model.
enum class Kind : std::uint8_t {
  gguf,
  safetensors,
  config,  // config.json: says architecture and context
  other    // of the allowed ones
};
// What a file of a model is, by its name. Code::invalid_value for what no model may have: the
// message says why and what to do.
Result<Kind> kind_of_file(std::string_view name);

// Whether a folder of these files is a model: some weights of one format, and nothing stands for
// two.
Result<void> check_folder(std::span<const std::string> names);

// Adds what config.json says. It may say nothing: only what is no JSON object is an error.
Result<void> add_config(Header& header, std::string_view config_json);
inline constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20;

// Several files of weights as one.
void add(Header& all, const Header& one);

// What stands for a whole folder: SHA-256 of a line "HEX  NAME\n" for each file, by name.
struct FileDigest {
  std::string name;
  Digest digest{};
  std::uint64_t size = 0;
};
Digest digest_of_folder(std::vector<FileDigest> files);

}  // namespace sovmesh::modelfile
