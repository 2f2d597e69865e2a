// Any split of a request head gives the same outcome, and what is accepted keeps its promises.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/http1_head.h"

namespace {

using sovmesh::http::Field;
using sovmesh::http::Framing;
using sovmesh::http::HeadBounds;
using sovmesh::http::HeadReader;
using sovmesh::http::RequestHead;

constexpr HeadBounds kBounds{.bytes_max = 4096, .fields_max = 20, .target_bytes_max = 512};

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_clean(std::string_view text) {
  for (const char c : text)
    if (c == '\r' || c == '\n' || c == '\0') return false;
  return true;
}

std::string describe(HeadReader& reader, std::size_t rest) {
  RequestHead head;
  Framing framing;
  if (const auto parsed = parse_request_head(reader, head, framing); !parsed)
    return "refused " + std::to_string(parsed.error().status);
  require(!head.path.empty() && (head.path.front() == '/' || head.path == "*"));
  require(head.has_body == (framing.kind != Framing::Kind::none));
  require(framing.kind == Framing::Kind::chunked || framing.length < std::uint64_t{1} << 60);
  std::string text = "accepted, rest " + std::to_string(rest);
  for (const std::string_view part : {head.method, head.path, head.query, head.host}) {
    require(is_clean(part));
    text.append("\n").append(part);
  }
  for (const Field& field : head.fields) {
    require(!field.name.empty() && is_clean(field.name) && is_clean(field.value));
    text.append("\n").append(field.name).append("=").append(field.value);
  }
  return text + "\n" + std::to_string(framing.length) + (framing.keep_alive ? " keep" : " close");
}

// Feeds `bytes` in pieces of `step`, after a first one of `first`.
std::string outcome(std::string_view bytes, std::size_t first, std::size_t step) {
  HeadReader reader(HeadReader::Kind::request);
  std::size_t size = first;
  while (true) {
    std::string_view piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    const auto complete = reader.feed(piece, kBounds);
    if (!complete) return "refused " + std::to_string(complete.error().status);
    if (*complete) return describe(reader, piece.size() + bytes.size());
    if (bytes.empty()) return "unfinished";
    size = step;
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = outcome(bytes, bytes.size(), 1);
  require(outcome(bytes, 0, 1) == whole);
  const std::size_t cut = size == 0 ? 0 : data[size / 2] % (size + 1);
  require(outcome(bytes, cut, 7) == whole);
  require(outcome(bytes, size - cut, size + 1) == whole);
  return 0;
}
