#include "audit_files/journal.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::audit_files {
namespace {

constexpr std::string_view kMagic = "SMJ1";
constexpr std::size_t kCheckAt = 8;
constexpr std::size_t kHeader = 12;

std::string little_endian(std::uint32_t value) {
  std::string out;
  for (unsigned shift = 0; shift < 32; shift += 8)
    out += static_cast<char>(value >> shift & 0xFFU);
  return out;
}

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;)
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::uint32_t check_of(std::string_view length, std::string_view payload) {
  std::string both(length);
  both += payload;
  return crc32(both);
}

// The payload of the record that begins at `at`, when a whole one does.
std::optional<std::string_view> record_at(std::string_view bytes, std::size_t at) {
  if (bytes.size() - at < kHeader || bytes.substr(at, 4) != kMagic) return std::nullopt;
  const std::string_view length = bytes.substr(at + 4, 4);
  const std::size_t size = read_u32(length);
  if (size > Journal::kRecordBytesMax || bytes.size() - at - kHeader < size) return std::nullopt;
  const std::string_view payload = bytes.substr(at + kHeader, size);
  if (check_of(length, payload) != read_u32(bytes.substr(at + kCheckAt, 4))) return std::nullopt;
  return payload;
}

bool has_record_behind(std::string_view bytes, std::size_t at) {
  while (true) {
    at = bytes.find(kMagic, at + 1);
    if (at == std::string_view::npos) return false;
    if (record_at(bytes, at)) return true;
  }
}

}  // namespace

std::string Journal::format(std::string_view payload) {
  const std::string length = little_endian(static_cast<std::uint32_t>(payload.size()));
  std::string out;
  out.reserve(kHeader + payload.size());
  // What is checked lies in one piece first: the length stands where its check sum will be.
  out.append(kMagic).append(length).append(length).append(payload);
  const std::uint32_t check = crc32(std::string_view(out).substr(kCheckAt));
  out.replace(kCheckAt, 4, little_endian(check));
  return out;
}

Result<std::vector<std::string>> Journal::parse(std::string_view bytes, const std::string& path,
                                                std::uint64_t* end) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (const auto payload = record_at(bytes, at)) {
    out.emplace_back(*payload);
    at += kHeader + payload->size();
  }
  if (at < bytes.size() && has_record_behind(bytes, at))
    return our_error(Code::data_dir_invalid,
                     fmt::format("'{}' is damaged at byte {}: restore it", path, at));
  if (end != nullptr) *end = at;
  return out;
}

Result<Journal> Journal::open(Files& files, const std::string& path,
                              std::vector<std::string>* records) {
  TRY(const auto bytes, files.read(path));
  TRY(auto file, files.open(path));
  Journal journal(std::move(file));
  if (!bytes) {
    TRY_VOID(files.sync_folder(folder_of(path)));
    return journal;
  }
  TRY(*records, parse(*bytes, path, &journal.size_));
  if (journal.size_ < bytes->size()) {
    TRY_VOID(journal.file_->truncate(journal.size_));
    TRY_VOID(journal.file_->sync());
  }
  return journal;
}

Result<void> Journal::append(std::string_view payload) {
  if (broken_) return our_error(Code::io_error, "the file failed before; restart the server");
  const std::string record = format(payload);
  if (Result<void> written = file_->append(record); !written) {
    // Nothing of it may stay in front of the next record.
    broken_ = written.error().code() != Code::overloaded || !file_->truncate(size_);
    return written;
  }
  if (Result<void> synced = file_->sync(); !synced) {
    broken_ = true;
    return our_error(Code::io_error, synced.error().message());
  }
  size_ += record.size();
  return {};
}

}  // namespace sovmesh::audit_files
