#include "audit_files/held_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "audit_files/journal.h"
#include "base/bytes.h"

// A slot: a journal's record "SAVES LOG_SIZE COUNT TEXT", with a gap's "\nCOUNT START HASH" when
// there is one (digests as bytes), and zeros behind it.
namespace sovmesh::audit_files {
namespace {

constexpr std::size_t kSlots = 2;

std::optional<std::uint64_t> take_number(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto number = parse_u64(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return number;
}

std::string text_of(const Gap& gap) {
  if (gap.count == 0) return {};
  std::string text = fmt::format("\n{} ", gap.count);
  text.append(gap.start.begin(), gap.start.end());
  text.append(gap.hash.begin(), gap.hash.end());
  return text;
}

// Nothing: nobody can read it.
std::optional<Gap> gap_in(std::string_view text) {
  Gap gap;
  if (text.empty()) return gap;
  const auto count = take_number(text);
  if (!count || text.size() != gap.start.size() + gap.hash.size()) return std::nullopt;
  gap.count = *count;
  const std::string_view start = text.substr(0, gap.start.size());
  std::ranges::copy(start, gap.start.begin());
  std::ranges::copy(text.substr(start.size()), gap.hash.begin());
  return gap;
}

}  // namespace

Result<HeldCounts> HeldCounts::open(Files& files, const std::string& path) {
  TRY(auto bytes, files.read(path));
  if (!bytes || bytes->size() != kSlots * kSlot) {
    bytes = std::string(kSlots * kSlot, '\0');
    TRY_VOID(files.replace(path, *bytes));
  }
  HeldCounts held;
  for (std::size_t i = 0; i < kSlots; ++i)
    held.read_slot(std::string_view(*bytes).substr(i * kSlot, kSlot));
  const bool is_blank = bytes->find_first_not_of('\0') == bytes->npos;
  held.is_damaged_ = held.saves_ == 0 && !is_blank;
  TRY(held.file_, files.open(path));
  return held;
}

void HeldCounts::read_slot(std::string_view slot) {
  const auto records = Journal::parse(slot, "");
  if (!records || records->empty()) return;
  std::string_view text = records->front();
  const auto saves = take_number(text);
  const auto size = take_number(text);
  const auto count = take_number(text);
  const auto end = std::min(text.find('\n'), text.size());
  const auto gap = gap_in(text.substr(std::min(end + 1, text.size())));
  if (!saves || !size || !count || !gap || *saves <= saves_) return;
  saves_ = *saves;
  note_ = {
      .log_size = *size, .count = *count, .text = std::string(text.substr(0, end)), .gap = *gap};
}

Result<void> HeldCounts::save(Note note) {
  const std::uint64_t number = saves_ + 1;
  std::string slot = Journal::format(fmt::format("{} {} {} {}{}", number, note.log_size, note.count,
                                                 note.text, text_of(note.gap)));
  if (slot.size() > kSlot)
    return our_error(Code::invalid_value, "the counts are longer than their room");
  slot.resize(kSlot, '\0');
  TRY_VOID(file_->overwrite((number % kSlots) * kSlot, slot));
  TRY_VOID(file_->sync());
  saves_ = number;
  note_ = std::move(note);
  is_damaged_ = false;
  return {};
}

}  // namespace sovmesh::audit_files
