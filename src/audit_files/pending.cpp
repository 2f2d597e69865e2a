#include "audit_files/pending.h"

#include <fmt/format.h>

#include "ledgerlog/tiles.h"

namespace sovmesh::audit_files {
namespace {

constexpr std::size_t kHead = 12;

void append_number(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xFFU);
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::unexpected<Error> cut_short() {
  return our_error(Code::data_dir_invalid, "a commit is cut short");
}

// Not parse_bundle(): a commit may hold more entries than a bundle of the tree.
Result<std::vector<std::string_view>> entries_of(std::string_view bytes, std::uint64_t count) {
  std::vector<std::string_view> entries;
  for (; count > 0; --count) {
    if (bytes.size() < 2) return cut_short();
    const std::size_t length = static_cast<unsigned char>(bytes[0]) * std::size_t{256} +
                               static_cast<unsigned char>(bytes[1]);
    bytes.remove_prefix(2);
    if (bytes.size() < length) return cut_short();
    entries.push_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (!bytes.empty()) return cut_short();
  return entries;
}

}  // namespace

std::string format_pending(std::uint64_t first, std::span<const std::string_view> entries) {
  std::size_t bytes = kHead;
  for (const std::string_view entry : entries)
    bytes += 2 + entry.size();
  std::string out;
  out.reserve(bytes);
  append_number(out, first, 8);
  append_number(out, entries.size(), 4);
  for (const std::string_view entry : entries)
    ledgerlog::append_to_bundle(out, entry);
  return out;
}

Result<PendingEntries> parse_pending(std::string_view record) {
  if (record.size() < kHead) return cut_short();
  PendingEntries out{.first = number_at(record, 0, 8), .entries = {}};
  TRY(out.entries, entries_of(record.substr(kHead), number_at(record, 8, 4)));
  return out;
}

}  // namespace sovmesh::audit_files
