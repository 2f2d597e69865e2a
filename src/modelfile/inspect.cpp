#include "modelfile/inspect.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/hash_stream.h"

namespace sovmesh::modelfile {
namespace {

using nlohmann::json;

constexpr std::size_t kFilesMax = 1'000;
constexpr std::size_t kNameMax = 200;

// Texts that engines read beside the weights.
constexpr std::array<std::string_view, 5> kTextEndings{".json", ".txt", ".md", ".jinja", ".model"};
constexpr std::array<std::string_view, 3> kTextNames{"LICENSE", "LICENCE", "NOTICE"};
// Loading these can run code: unpickling, or Python itself.
constexpr std::array<std::string_view, 8> kCode{".bin",  ".pt", ".pth", ".pkl",
                                                ".ckpt", ".py", ".npz", ".pickle"};

template <class List>
bool ends_with_one(std::string_view name, const List& endings) {
  return std::ranges::any_of(endings, [&](std::string_view end) { return name.ends_with(end); });
}

bool is_plain(std::string_view name) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kNameMax && name.front() != '.' &&
         std::ranges::all_of(name, fine);
}

}  // namespace

Result<Kind> kind_of_file(std::string_view name) {
  if (!is_plain(name)) {
    return client_error(
        Code::invalid_value,
        fmt::format("'{}': want a name of letters, digits, '-', '_' and '.', without folders",
                    shown(name)));
  }
  const std::string lower = to_lower(name);
  if (lower.ends_with(".gguf")) return Kind::gguf;
  if (lower.ends_with(".safetensors")) return Kind::safetensors;
  if (lower == "config.json") return Kind::config;
  if (ends_with_one(lower, kCode)) {
    return client_error(
        Code::invalid_value,
        fmt::format(
            "'{}': files of this kind can run code when they are loaded; convert the weights "
            "to .safetensors or .gguf, and leave this one out",
            name));
  }
  if (ends_with_one(lower, kTextEndings) || std::ranges::find(kTextNames, name) != kTextNames.end())
    return Kind::other;
  return client_error(Code::invalid_value,
                      fmt::format("'{}': no file that a model needs; leave it out", name));
}

Result<void> check_folder(std::span<const std::string> names) {
  if (names.size() > kFilesMax) {
    return client_error(Code::invalid_value, fmt::format("the folder has {} files (at most {})",
                                                         names.size(), kFilesMax));
  }
  std::size_t gguf = 0;
  std::size_t safetensors = 0;
  for (const std::string& name : names) {
    TRY(const Kind kind, kind_of_file(name));
    gguf += kind == Kind::gguf ? 1 : 0;
    safetensors += kind == Kind::safetensors ? 1 : 0;
  }
  if (gguf > 0) {
    return client_error(Code::invalid_value,
                        "a .gguf is a model of its own: name the file, not its folder");
  }
  if (safetensors == 0)
    return client_error(Code::invalid_value, "the folder has no .safetensors file");
  return {};
}

Result<void> add_config(Header& header, std::string_view config_json) {
  const json config = json::parse(config_json, nullptr, false);
  if (!config.is_object())
    return client_error(Code::invalid_value, "config.json is no JSON object");
  const json architectures = config.value("architectures", json());
  if (architectures.is_array() && !architectures.empty() && architectures[0].is_string())
    header.architecture = shown(architectures[0].get<std::string>());
  const json context = config.value("max_position_embeddings", json());
  constexpr std::uint64_t kContextMax = std::uint64_t{1} << 32;
  if (context.is_number_unsigned() && context.get<std::uint64_t>() <= kContextMax)
    header.context = context.get<std::int64_t>();
  return {};
}

void add(Header& all, const Header& one) {
  if (all.tensors == 0) {
    all = one;
    return;
  }
  // The larger part says what most weights are kept as.
  if (one.parameters > all.parameters) all.quantisation = one.quantisation;
  all.parameters += one.parameters;
  all.tensors += one.tensors;
}

Digest digest_of_folder(std::vector<FileDigest> files) {
  std::ranges::sort(files, {}, &FileDigest::name);
  Sha256 hash;
  for (const FileDigest& file : files)
    hash.update(fmt::format("{}  {}\n", to_hex(file.digest), file.name));
  return hash.finish();
}

}  // namespace sovmesh::modelfile
