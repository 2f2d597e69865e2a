#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "llmapi/reply_parts.h"

namespace sovmesh::llmapi {

class ReplyParser;

// What an engine's last event looked like. The events of a stream are nearly always the same bytes
// but for one piece of text and a few numbers; an event that is so needs no second walk through its
// JSON. Where only whole tokens differ (a string for a string, a number for a number) and every
// other byte is the same, the parse is the same, too: nothing is assumed about engines.
//
// One per stream: some 700 bytes, kept as long as the stream.
class EventShape {
 public:
  static constexpr std::size_t kBytesMax = 640;  // longer events are always parsed
  static constexpr std::size_t kSlotsMax = 16;

  enum class Kind : std::uint8_t { text, number, count };

  // Recording, during a parse: where a token that may change stands in the event.
  void begin() {
    slot_count_ = 0;
    usable_ = true;
  }
  void note(Kind kind, std::size_t offset, std::size_t size, std::int64_t* target);
  // The parse is over, and `parser` holds what `event` says.
  void learn(std::string_view event, const ReplyParser& parser);
  void forget() { event_.clear(); }

  // What an event of the same shape says.
  struct Found {
    std::string_view text;     // canonical, without quotes, not empty
    bool escaped = false;      // it has escapes
    std::string_view members;  // of the choice's delta, or ...
    std::string_view quoted;   // ... the text of a completion
    std::array<std::int64_t, kSlotsMax> counts;
  };
  // False: it is different.
  bool match(std::string_view event, Found& found) const;
  // Writes the counts to where they were written before.
  void put_counts(const Found& found) const;

  const ReplyChoice& choice() const { return choice_; }
  TextKind text_kind() const { return text_kind_; }
  const ReplyUsage& usage() const { return usage_; }
  const ReplyTimings& timings() const { return timings_; }
  const ReplyProgress& progress() const { return progress_; }

 private:
  struct Slot {
    std::int64_t* target = nullptr;  // of a count: a member of the thread's parser
    std::uint16_t offset = 0;
    std::uint16_t size = 0;
    Kind kind = Kind::number;
  };

  std::string event_;  // the bytes it was learnt from; empty: nothing learnt
  std::array<Slot, kSlotsMax> slots_;
  std::uint8_t slot_count_ = 0;
  bool usable_ = false;
  TextKind text_kind_ = TextKind::content;
  bool in_members_ = false;
  std::uint16_t members_before_ = 0;  // bytes of the delta's members before the text, ...
  std::uint16_t members_after_ = 0;   // ... and behind it
  ReplyChoice choice_;                // without its views
  ReplyUsage usage_;
  ReplyTimings timings_;
  ReplyProgress progress_;
};

}  // namespace sovmesh::llmapi
