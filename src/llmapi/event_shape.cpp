#include "llmapi/event_shape.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "llmapi/reply_parser.h"

namespace sovmesh::llmapi {
namespace {

// The end of a JSON string's text that begins at `from`, when the text is canonical; else npos.
struct TextEnd {
  std::size_t at = std::string_view::npos;
  bool escaped = false;
};
TextEnd end_of_text(std::string_view event, std::size_t from) {
  TextEnd end;
  bool high = false;
  std::size_t at = from;
  for (; at < event.size() && event[at] != '"'; ++at) {
    const auto byte = static_cast<unsigned char>(event[at]);
    if (byte < 0x20) return {};
    high |= byte >= 0x80;
    if (byte != '\\') continue;
    constexpr std::string_view letters =
        "\"\\bfnrt";  // the short escapes: others are for the parser
    if (++at == event.size() || !letters.contains(event[at])) return {};
    end.escaped = true;
  }
  if (at == event.size() || at == from) return {};
  if (high && !is_valid_utf8(event.substr(from, at - from))) return {};
  end.at = at;
  return end;
}

// Reads a whole number as the parser would; false when it is anything else.
bool read_count(std::string_view event, std::size_t& at, std::int64_t& value) {
  constexpr std::size_t digits_max = 12;  // below ReplyParser::kCountMax
  const std::size_t from = at;
  value = 0;
  for (; at < event.size() && event[at] >= '0' && event[at] <= '9'; ++at)
    value = value * 10 + (event[at] - '0');
  const std::size_t digits = at - from;
  return digits > 0 && digits <= digits_max && (digits == 1 || event[from] != '0');
}

// Passes over a number; one with an exponent or very long is for the parser.
bool skip_number(std::string_view event, std::size_t& at) {
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < event.size() && event[at] >= '0' && event[at] <= '9')
      ++at;
    return at - from;
  };
  const std::size_t from = at;
  if (at < event.size() && event[at] == '-') ++at;
  const bool leading_zero = at < event.size() && event[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (at < event.size() && event[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  return at - from <= 40;
}

}  // namespace

void EventShape::note(Kind kind, std::size_t offset, std::size_t size, std::int64_t* target) {
  if (slot_count_ == kSlotsMax || offset + size > kBytesMax) {
    usable_ = false;
    return;
  }
  slots_[slot_count_++] = {.target = target,
                           .offset = static_cast<std::uint16_t>(offset),
                           .size = static_cast<std::uint16_t>(size),
                           .kind = kind};
}

void EventShape::learn(std::string_view event, const ReplyParser& parser) {
  event_.clear();
  if (!usable_ || event.size() > kBytesMax || parser.is_error() || parser.choices().size() != 1)
    return;
  const ReplyChoice& choice = parser.choices().front();
  const bool one_text = choice.texts.end == 1 && choice.tools.begin == choice.tools.end &&
                        choice.others.begin == choice.others.end && choice.logprobs.empty() &&
                        choice.finish == FinishReason::none;
  const auto slots = std::span(slots_).first(slot_count_);
  if (!one_text || std::ranges::count(slots, Kind::text, &Slot::kind) != 1) return;
  const Slot& slot = *std::ranges::find(slots, Kind::text, &Slot::kind);
  const ReplyText& text = parser.text(0);
  if (event.substr(slot.offset, slot.size) != text.json) return;
  in_members_ = !choice.members.empty();
  members_before_ = members_after_ = 0;
  if (in_members_) {
    // The text stands inside the members; they must be in the event as we write them.
    const auto before = static_cast<std::size_t>(text.json.data() - choice.members.data());
    if (before > slot.offset || before > choice.members.size()) return;
    if (event.substr(slot.offset - before, choice.members.size()) != choice.members) return;
    members_before_ = static_cast<std::uint16_t>(before);
    members_after_ = static_cast<std::uint16_t>(choice.members.size() - before - text.json.size());
  }
  choice_ = choice;
  choice_.members = choice_.text = choice_.logprobs = {};
  text_kind_ = text.kind;
  usage_ = parser.usage();
  timings_ = parser.timings();
  progress_ = parser.progress();
  event_ = event;
}

bool EventShape::match(std::string_view event, Found& found) const {
  if (event_.empty() || event.size() > 2 * kBytesMax) return false;
  std::size_t at = 0;
  std::size_t known = 0;
  const auto same_up_to = [&](std::size_t end) {
    const std::size_t size = end - known;
    if (event.size() - at < size) return false;
    if (std::memcmp(event.data() + at, event_.data() + known, size) != 0) return false;
    at += size;
    return true;
  };
  for (std::size_t i = 0; i < slot_count_; ++i) {
    const Slot& slot = slots_[i];
    if (!same_up_to(slot.offset)) return false;
    known = slot.offset + slot.size;
    if (slot.kind == Kind::count) {
      if (!read_count(event, at, found.counts[i])) return false;
    } else if (slot.kind == Kind::number) {
      if (!skip_number(event, at)) return false;
    } else {
      const TextEnd end = end_of_text(event, at);
      if (end.at == std::string_view::npos || end.at + members_after_ > event.size()) return false;
      found.escaped = end.escaped;
      found.text = event.substr(at, end.at - at);
      if (in_members_) {
        found.members = event.substr(at - members_before_,
                                     members_before_ + found.text.size() + members_after_);
      } else {
        found.quoted = event.substr(at - 1, found.text.size() + 2);
      }
      at = end.at;
    }
  }
  return same_up_to(event_.size()) && at == event.size();
}

void EventShape::put_counts(const Found& found) const {
  for (std::size_t i = 0; i < slot_count_; ++i)
    if (slots_[i].kind == Kind::count) *slots_[i].target = found.counts[i];
}

}  // namespace sovmesh::llmapi
