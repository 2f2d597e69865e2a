// Any bytes as a bundle of entries, and each of its entries as one of ours: what is accepted is
// written again byte for byte, and both readers of an entry agree.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ledgerlog/entry.h"
#include "ledgerlog/tiles.h"

namespace {

namespace log = sovmesh::ledgerlog;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_one(std::string_view bytes) {
  const auto entry = log::parse_entry(bytes);
  const auto summary = log::check_entry(bytes);
  require(entry.has_value() == summary.has_value());
  if (!entry) return;
  require(summary->head.seq == entry->head.seq && summary->head.time == entry->head.time);
  require(static_cast<std::size_t>(summary->kind) == entry->body.index());
  const auto again = log::write_entry(entry->head, entry->body);
  require(again && *again == bytes);
}

void check_bundle(std::string_view bytes, std::size_t count) {
  const auto entries = log::parse_bundle(bytes, count);
  if (!entries) return;
  require(entries->size() == count);
  std::string again;
  for (const std::string_view entry : *entries) {
    require(log::append_to_bundle(again, entry));
    check_one(entry);
  }
  require(again == bytes);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_one(bytes);
  for (const std::size_t count : {0U, 1U, 2U, 3U, 256U, 257U})
    check_bundle(bytes, count);
  return 0;
}
