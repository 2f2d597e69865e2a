// Any split of an answer's head gives the same outcome.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/http1_head.h"

namespace {

using sovmesh::http::Field;
using sovmesh::http::Fields;
using sovmesh::http::HeadBounds;
using sovmesh::http::HeadReader;
using sovmesh::http::ParsedResponse;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string describe(HeadReader& reader, bool to_head, std::size_t rest) {
  Fields fields;
  ParsedResponse response{.status = 0, .fields = &fields, .content_length = {}, .framing = {}};
  if (!parse_response_head(reader, to_head, response)) return "refused";
  require(response.status >= 0 && response.status <= 999);
  std::string text = std::to_string(response.status) + " rest " + std::to_string(rest);
  for (const Field& field : fields)
    text.append("\n").append(field.name).append("=").append(field.value);
  return text + "\n" + std::to_string(static_cast<int>(response.framing.kind)) + " " +
         std::to_string(response.framing.length);
}

std::string outcome(std::string_view bytes, bool to_head, std::size_t first, std::size_t step) {
  HeadReader reader(HeadReader::Kind::response);
  const HeadBounds bounds{.bytes_max = 2048, .fields_max = 20, .target_bytes_max = 0};
  std::size_t size = first;
  while (true) {
    std::string_view piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    const auto complete = reader.feed(piece, bounds);
    if (!complete) return "refused";
    if (*complete) return describe(reader, to_head, piece.size() + bytes.size());
    if (bytes.empty()) return "unfinished";
    size = step;
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool to_head : {false, true}) {
    const std::string whole = outcome(bytes, to_head, bytes.size(), 1);
    require(outcome(bytes, to_head, 0, 1) == whole);
    require(outcome(bytes, to_head, size / 2, 3) == whole);
  }
  return 0;
}
