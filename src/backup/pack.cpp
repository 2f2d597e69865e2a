#include "backup/pack.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <type_traits>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::backup {
namespace {

using nlohmann::json;

constexpr char kFile = 'F';
constexpr char kManifest = 'M';
constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;
constexpr int kManifestFormat = 1;

template <std::size_t N>
std::string little_endian(std::uint64_t value) {
  std::string out;
  for (std::size_t i = 0; i < N; ++i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}

template <std::size_t N>
Result<std::uint64_t> read_number(SealedReader& in) {
  std::array<char, N> bytes{};
  TRY_VOID(in.read(bytes));
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < N; ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

// What follows is authentic, so it is our own mistake or a newer writer's.
std::unexpected<Error> bad(std::string why) {
  return client_error(Code::invalid_value, "the archive's contents: " + std::move(why));
}

json json_of(const Manifest& manifest) {
  const Cut& cut = manifest.cut;
  json files = json::array();
  for (const PackedFile& file : manifest.files)
    files.push_back({{"path", file.path}, {"size", file.size}, {"sha256", file.sha256}});
  return {{"format", kManifestFormat},
          {"created_at", manifest.created_at},
          {"version", manifest.version},
          {"epoch", manifest.epoch},
          {"cut",
           {{"control_schema", cut.control_schema},
            {"control_version", cut.control_version},
            {"ledger_schema", cut.ledger_schema},
            {"ledger_seq", cut.ledger_seq},
            {"ledger_open", cut.ledger_open},
            {"audit", cut.audit},
            {"audit_size", cut.audit_size},
            {"audit_root", cut.audit_root},
            {"audit_pending", cut.audit_pending}}},
          {"files", std::move(files)}};
}

template <class T>
void take(const json& from, const char* name, T& to, bool& good) {
  const auto found = from.is_object() ? from.find(name) : from.end();
  const auto fits = [&] {
    if (!from.is_object() || found == from.end()) return false;
    if constexpr (std::is_same_v<T, bool>) return found->is_boolean();
    if constexpr (std::is_same_v<T, std::string>) return found->is_string();
    if constexpr (std::is_same_v<T, std::uint64_t>) return found->is_number_unsigned();
    return found->is_number_integer();
  };
  if (fits())
    to = found->template get<T>();
  else
    good = false;
}

Result<Manifest> manifest_of(const std::string& text) {
  const json parsed = json::parse(text, nullptr, false);
  Manifest out;
  bool good = true;
  std::int64_t format = 0;
  take(parsed, "format", format, good);
  if (!good || format != kManifestFormat)
    return bad("its manifest is not of this release; a newer one wrote it");
  take(parsed, "created_at", out.created_at, good);
  take(parsed, "version", out.version, good);
  take(parsed, "epoch", out.epoch, good);
  const json cut = parsed.value("cut", json::object());
  take(cut, "control_schema", out.cut.control_schema, good);
  take(cut, "control_version", out.cut.control_version, good);
  take(cut, "ledger_schema", out.cut.ledger_schema, good);
  take(cut, "ledger_seq", out.cut.ledger_seq, good);
  take(cut, "ledger_open", out.cut.ledger_open, good);
  take(cut, "audit", out.cut.audit, good);
  take(cut, "audit_size", out.cut.audit_size, good);
  take(cut, "audit_root", out.cut.audit_root, good);
  take(cut, "audit_pending", out.cut.audit_pending, good);
  const json files = parsed.value("files", json::array());
  good = good && files.is_array();
  for (std::size_t i = 0; good && i < files.size(); ++i) {
    PackedFile& file = out.files.emplace_back();
    take(files[i], "path", file.path, good);
    take(files[i], "size", file.size, good);
    take(files[i], "sha256", file.sha256, good);
  }
  if (!good) return bad("its manifest makes no sense");
  return out;
}

// Reads one file's record behind its kind.
Result<PackedFile> unpack_file(SealedReader& in, Unpacker& to) {
  TRY(const std::uint64_t length, read_number<2>(in));
  if (length == 0 || length > kPathBytesMax) return bad("a path is too long");
  PackedFile file;
  file.path.resize(length);
  TRY_VOID(in.read(file.path));
  // Never a way out of the folder that it is unpacked into.
  if (!is_packed_path(file.path)) return bad("a path that leads elsewhere");
  TRY(file.size, read_number<8>(in));
  TRY_VOID(to.begin(file.path, file.size));
  Sha256 hash;
  std::string piece;
  for (std::uint64_t left = file.size; left > 0; left -= piece.size()) {
    piece.resize(std::min<std::uint64_t>(left, kPieceBytes));
    TRY_VOID(in.read(piece));
    hash.update(piece);
    TRY_VOID(to.data(piece));
  }
  TRY_VOID(to.end());
  file.sha256 = to_hex(hash.finish());
  return file;
}

Result<Manifest> unpack_manifest(SealedReader& in) {
  TRY(const std::uint64_t length, read_number<4>(in));
  if (length > kManifestBytesMax) return bad("its manifest is too long");
  std::string text(length, '\0');
  TRY_VOID(in.read(text));
  return manifest_of(text);
}

}  // namespace

bool is_packed_path(std::string_view path) {
  if (path.empty() || path.size() > kPathBytesMax) return false;
  char before = '/';
  for (const char c : path) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (before == '/' && (c == '/' || c == '.')) return false;
    if (!letter && c != '.' && c != '_' && c != '-' && c != '/') return false;
    before = c;
  }
  return before != '/';
}

Result<void> PackWriter::begin(const std::string& path, std::uint64_t size) {
  if (!is_packed_path(path))
    return our_error(Code::internal_error, "'" + path + "' cannot be packed: its name");
  return out_.write(kFile + little_endian<2>(path.size()) + path + little_endian<8>(size));
}

Result<void> PackWriter::add(const std::string& path, std::string_view bytes) {
  TRY_VOID(begin(path, bytes.size()));
  TRY_VOID(out_.write(bytes));
  files_.push_back({.path = path, .size = bytes.size(), .sha256 = to_hex(sha256(bytes))});
  return {};
}

Result<void> PackWriter::add(const std::string& path, std::uint64_t size, const Source& source) {
  TRY_VOID(begin(path, size));
  Sha256 hash;
  std::string piece;
  for (std::uint64_t left = size; left > 0;) {
    piece.resize(std::min<std::uint64_t>(left, kPieceBytes));
    TRY(const std::size_t got, source(piece));
    if (got == 0)
      return our_error(Code::io_error, fmt::format("'{}' has become shorter meanwhile", path));
    const std::string_view bytes(piece.data(), got);
    hash.update(bytes);
    TRY_VOID(out_.write(bytes));
    left -= got;
  }
  files_.push_back({.path = path, .size = size, .sha256 = to_hex(hash.finish())});
  return {};
}

Result<void> PackWriter::finish(Manifest& manifest) {
  manifest.files = std::move(files_);
  const std::string text = json_of(manifest).dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kManifestBytesMax)
    return our_error(Code::internal_error, "too many files for one archive");
  TRY_VOID(out_.write(kManifest + little_endian<4>(text.size())));
  TRY_VOID(out_.write(text));
  return out_.finish();
}

Result<Manifest> unpack(SealedReader& in, Unpacker& to) {
  std::vector<PackedFile> found;
  std::set<std::string> names;
  while (true) {
    std::array<char, 1> kind{};
    TRY_VOID(in.read(kind));
    if (kind[0] == kManifest) break;
    if (kind[0] != kFile) return bad("neither a file nor the manifest");
    TRY(PackedFile file, unpack_file(in, to));
    if (!names.insert(file.path).second) return bad("'" + file.path + "' stands there twice");
    found.push_back(std::move(file));
  }
  TRY(Manifest manifest, unpack_manifest(in));
  TRY(const bool ended, in.at_end());
  if (!ended) return bad("something stands behind the manifest");
  for (std::size_t i = 0; i < std::max(found.size(), manifest.files.size()); ++i) {
    if (i >= found.size()) return bad("'" + manifest.files[i].path + "' is missing");
    if (i >= manifest.files.size() || found[i] != manifest.files[i])
      return bad("'" + found[i].path + "' is not as the manifest says");
  }
  return manifest;
}

}  // namespace sovmesh::backup
