// Any split of an event stream gives the same events.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/sse.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string outcome(std::string_view bytes, std::size_t first, std::size_t step) {
  sovmesh::http::SseParser parser;
  std::string events;
  std::size_t size = first;
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, size));
    bytes.remove_prefix(piece.size());
    parser.feed(piece);
    while (true) {
      sovmesh::http::SseEvent event;
      const auto more = parser.next(event);
      if (!more) return events + "error";
      if (!*more) break;
      require(event.data.find('\0') == std::string_view::npos);
      require(event.data.find('\r') == std::string_view::npos);
      events.append(event.name).append("|").append(event.data).append("\x01");
    }
    size = step;
  }
  return events + (parser.has_partial() ? "partial" : "");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = outcome(bytes, size, 1);
  require(outcome(bytes, 0, 1) == whole);
  require(outcome(bytes, size / 2, 5) == whole);
  return 0;
}
