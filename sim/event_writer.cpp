#include "sim/event_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace sovmesh::sim {
namespace {

constexpr std::string_view kData = "data: ";

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

}  // namespace

EventWriter::EventWriter(Wire& wire, const FaultSet& faults, std::size_t gather_bytes,
                         std::string head)
    : wire_(wire),
      faults_(faults),
      gather_bytes_(gather_bytes),
      head_(std::move(head)),
      chunk_(kSizeLine, '0'),
      is_plain_(faults.empty()),
      bom_(faults.has(FaultKind::bom)) {
  if (const auto size = faults.get(FaultKind::split))
    wire.split_writes(static_cast<std::size_t>(std::max<std::int64_t>(1, *size)));
}

std::string& EventWriter::begin() {
  event_begin_ = chunk_.size();
  chunk_ += kData;
  return chunk_;
}

void EventWriter::end() {
  chunk_ += "\n\n";
  if (!is_plain_) unusual(event_begin_);
  if (chunk_.size() - kSizeLine >= gather_bytes_) send();
}

void EventWriter::event(std::string_view data) {
  begin() += data;
  end();
}

// Legal ways to write an event that few engines use.
void EventWriter::unusual(std::size_t from) {
  std::string event = chunk_.substr(from);
  chunk_.resize(from);
  if (faults_.has(FaultKind::multiline)) {
    const std::size_t comma = event.find(",\"");
    if (comma != event.npos) event.insert(comma + 1, "\ndata:");
  }
  if (faults_.has(FaultKind::comments)) event.insert(0, ": keep-alive\n");
  if (faults_.has(FaultKind::crlf)) replace_all(event, "\n", "\r\n");
  if (faults_.has(FaultKind::cr)) replace_all(event, "\n", "\r");
  if (std::exchange(bom_, false)) event.insert(0, "\xef\xbb\xbf");
  chunk_ += event;
}

void EventWriter::raw(std::string_view lines) {
  chunk_ += lines;
  send();
}

void EventWriter::send_gathered() {
  if (chunk_.size() > kSizeLine) send();
}

void EventWriter::send() {
  // The size line stands right before the data, so that both go out in one piece.
  std::array<char, 8> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), chunk_.size() - kSizeLine, 16);
  const auto count = static_cast<std::size_t>(end.ptr - digits.data());
  const std::size_t start = kSizeLine - 2 - count;
  chunk_.replace(start, count, digits.data(), count);
  chunk_.replace(kSizeLine - 2, 2, "\r\n");
  chunk_ += "\r\n";
  if (head_.empty()) {
    wire_.put(std::string_view(chunk_).substr(start));
  } else {
    wire_.put(std::exchange(head_, {}).append(chunk_, start));
  }
  chunk_.resize(kSizeLine);
}

void EventWriter::finish() {
  send_gathered();
  wire_.put(std::exchange(head_, {}) + "0\r\n\r\n");
}

}  // namespace sovmesh::sim
