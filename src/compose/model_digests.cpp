#include "compose/model_digests.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/hash_stream.h"

namespace sovmesh::compose {
namespace {

constexpr std::size_t kPiece = 1U << 20;

// "4711 1764147600000000000": what tells a file from the one that was there before.
std::optional<std::string> version_of(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  constexpr std::int64_t kSecond = 1'000'000'000;
  return fmt::format("{} {}", found.st_size,
                     found.st_mtim.tv_sec * kSecond + found.st_mtim.tv_nsec);
}

std::unexpected<Error> unreadable(const std::string& path, std::string_view why) {
  return our_error(Code::io_error, fmt::format("'{}' {}", path, why));
}

}  // namespace

std::string with_adapter(const std::string& model, const std::string& adapter) {
  return to_hex(sha256(model + adapter));
}

Result<std::string> ModelDigests::of_file(const std::string& path) {
  const auto version = version_of(path);
  if (!version) return unreadable(path, "is not there");
  const std::string name = "model_digest/" + path;
  TRY(const auto known, store_.get_value(name));
  if (known && known->starts_with(*version + ' ')) return known->substr(version->size() + 1);
  TRY(std::string digest, hash(path));
  if (version_of(path) != version) return unreadable(path, "changed while it was read");
  TRY_VOID(store_.put_value(name, fmt::format("{} {}", *version, digest)));
  return digest;
}

Result<std::string> ModelDigests::hash(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string piece(kPiece, '\0');
  Sha256 hash;
  while (file && !stop_) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hash.update(std::string_view(piece).substr(0, static_cast<std::size_t>(file.gcount())));
  }
  if (!file.eof())
    return unreadable(path, stop_ ? "is not read: the server stops" : "is unreadable");
  return to_hex(hash.finish());
}

Result<void> ModelDigests::read(const config::Engine& engine, gateway::AuditPolicy::Engine& out) {
  out.model_digest.clear();
  out.adapters.clear();
  TRY(out.model_digest, of_file(engine.model_file));
  for (const std::string& adapter : engine.adapter_files) {
    TRY(const std::string digest, of_file(adapter));
    out.adapters.push_back(with_adapter(out.model_digest, digest));
  }
  return {};
}

}  // namespace sovmesh::compose
