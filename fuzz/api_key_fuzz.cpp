// Any bytes as an API key: what is accepted has the documented form, one changed byte is noticed,
// and what is shown of a key gives nothing away.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "tenancy/key_format.h"

namespace {

using sovmesh::tenancy::mask_key;
using sovmesh::tenancy::parse_key;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_masked(std::string_view text) {
  const std::string shown = mask_key(text);
  require(shown == "***" || (shown.size() == 10 && shown.starts_with("sm-...")));
  if (shown != "***") require(text.ends_with(shown.substr(6)));
}

void check(std::string_view text) {
  require_masked(text);
  const auto id = parse_key(text);
  if (!id) return;
  require(text.size() == 66 && text.starts_with("sm-") && text[15] == '-' && text[59] == '-');
  require(id->text() == text.substr(3, 12));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed(text);
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    require(!parse_key(changed));
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  // The same bytes with the checksum that they ought to have.
  const std::string head = text.substr(0, 59);
  check(head + "-" + sovmesh::to_base62(sovmesh::crc32(head), 6));
  return 0;
}
