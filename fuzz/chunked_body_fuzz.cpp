// Any split of a chunked body gives the same bytes, and llhttp never reads other ones from it.
#include <llhttp.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "http/chunk_decoder.h"

namespace {

using sovmesh::http::ChunkDecoder;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Decoded {
  ChunkDecoder::Outcome outcome = ChunkDecoder::Outcome::more;
  std::string data;
  std::size_t consumed = 0;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, std::size_t first, std::size_t step) {
  ChunkDecoder decoder;
  Decoded all;
  std::size_t size = first;
  while (!bytes.empty() && all.outcome == ChunkDecoder::Outcome::more) {
    std::string piece(bytes.substr(0, size));
    bytes.remove_prefix(piece.size());
    const auto result = decoder.decode(piece);
    all.outcome = result.outcome;
    all.data += result.data;
    all.consumed += result.consumed;
    size = step;
  }
  return all;
}

// What llhttp makes of the same body, if it accepts it.
std::optional<Decoded> oracle(std::string_view bytes) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
    static_cast<std::string*>(parser->data)->append(at, size);
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* /*parser*/) -> int { return HPE_PAUSED; };
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  Decoded result;
  parser.data = &result.data;
  const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  require(llhttp_execute(&parser, head.data(), head.size()) == HPE_OK);
  if (llhttp_execute(&parser, bytes.data(), bytes.size()) != HPE_PAUSED) return std::nullopt;
  result.outcome = ChunkDecoder::Outcome::done;
  result.consumed = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - bytes.data());
  return result;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Decoded whole = decode(bytes, size, 1);
  require(decode(bytes, 0, 1) == whole);
  require(decode(bytes, size / 2, 3) == whole);
  // We may refuse more than llhttp does, but never understand something else.
  if (whole.outcome == ChunkDecoder::Outcome::done) {
    const auto other = oracle(bytes);
    require(!other || *other == whole);
  }
  return 0;
}
