#include "http/sse.h"

#include <cassert>
#include <cstring>

#include "base/bytes.h"

namespace sovmesh::http {

namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

std::unexpected<Error> bad(const char* what) {
  return upstream_error(Code::upstream_invalid_response, what);
}

// The value of "name: value": one leading space is not part of it.
std::string_view without_space(std::string_view value) {
  if (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

}  // namespace

SseParser::Traits SseParser::scan(std::string_view bytes) {
  unsigned char high = 0;
  unsigned char cr = 0;
  unsigned char nul = 0;
  for (const char c : bytes) {  // branch-free: the compiler makes vector code of it
    const auto byte = static_cast<unsigned char>(c);
    high |= byte;
    cr |= static_cast<unsigned char>(byte == '\r');
    nul |= static_cast<unsigned char>(byte == 0);
  }
  return {.cr = cr != 0, .nul = nul != 0, .high = (high & 0x80) != 0};
}

void SseParser::feed(std::string_view bytes) {
  assert(input_.empty());
  input_ = bytes;
  const Traits fresh = scan(bytes);
  traits_ = kept_.empty() ? fresh
                          : Traits{traits_.cr || fresh.cr, traits_.nul || fresh.nul,
                                   traits_.high || fresh.high};
}

Result<bool> SseParser::next(SseEvent& event) {
  if (finished_) begin_event();
  while (true) {
    std::string_view line;
    TRY(const bool have_line, take_line(line));
    if (!have_line) {
      keep_event();
      return false;
    }
    if (!line.empty()) {
      TRY_VOID(use_line(line, !line_is_kept_));
      continue;
    }
    if (has_data_) {
      event = {.name = name_view_, .data = data_view_};
      finished_ = true;
      return true;
    }
    begin_event();  // a block without data is no event
  }
}

bool SseParser::has_partial() const {
  return !kept_.empty() || (!finished_ && (has_data_ || !name_view_.empty())) ||
         (!started_ && bom_seen_ > 0);
}

void SseParser::begin_event() {
  data_.clear();
  name_.clear();
  data_view_ = {};
  name_view_ = {};
  has_data_ = false;
  data_is_copy_ = false;
  finished_ = false;
}

void SseParser::skip_bom() {
  while (!started_ && !input_.empty()) {
    if (input_.front() == kBom[bom_seen_]) {
      input_.remove_prefix(1);
      started_ = ++bom_seen_ == kBom.size();
    } else {  // no BOM after all: its first bytes begin a line
      kept_.assign(kBom.substr(0, bom_seen_));
      traits_.high |= bom_seen_ > 0;
      started_ = true;
    }
  }
}

// The next line without its end, from the input or completed in kept_. False: it has no end yet;
// the input is used up.
Result<bool> SseParser::take_line(std::string_view& line) {
  if (line_is_kept_) {
    kept_.clear();
    line_is_kept_ = false;
  }
  if (!started_) skip_bom();
  if (skip_lf_ && !input_.empty()) {
    if (input_.front() == '\n') input_.remove_prefix(1);
    skip_lf_ = false;
  }
  const std::size_t end = traits_.cr ? input_.find_first_of("\r\n") : input_.find('\n');
  const std::string_view piece = input_.substr(0, end);
  if (kept_.size() + piece.size() > kLineMax) return bad("an event line is too long");
  if (end == std::string_view::npos) {
    kept_.append(piece);
    input_ = {};
    return false;
  }
  skip_lf_ = input_[end] == '\r';
  input_.remove_prefix(end + 1);
  if (skip_lf_ && !input_.empty()) {
    if (input_.front() == '\n') input_.remove_prefix(1);
    skip_lf_ = false;
  }
  if (kept_.empty()) {
    line = piece;
  } else {
    kept_.append(piece);
    line = kept_;
    line_is_kept_ = true;
  }
  return true;
}

Result<void> SseParser::use_line(std::string_view line, bool is_fed) {
  if (traits_.nul && line.find('\0') != std::string_view::npos)
    return bad("an event line has a NUL");
  if (line.starts_with("data:")) return add_data(without_space(line.substr(5)), is_fed);
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  const std::string_view value =
      colon == std::string_view::npos ? std::string_view() : without_space(line.substr(colon + 1));
  if (field == "data") return add_data(value, is_fed);
  if (field == "event") {
    name_view_ = value;
    if (!is_fed) {
      name_ = value;
      name_view_ = name_;
    }
  }
  return {};  // comments, id, retry and unknown fields are nothing to us
}

Result<void> SseParser::add_data(std::string_view value, bool is_fed) {
  if (traits_.high && !is_valid_utf8(value)) return bad("an event is not valid UTF-8");
  if (!has_data_ && is_fed) {
    if (value.size() > kEventMax) return bad("an event is too long");
    data_view_ = value;
    has_data_ = true;
    return {};
  }
  if (data_view_.size() + value.size() + 1 > kEventMax) return bad("an event is too long");
  if (has_data_ && !data_is_copy_) data_ = data_view_;
  if (has_data_) data_ += '\n';
  data_ += value;
  data_view_ = data_;
  data_is_copy_ = true;
  has_data_ = true;
  return {};
}

// The fed bytes are about to go: what the unfinished event needs of them becomes ours.
void SseParser::keep_event() {
  if (has_data_ && !data_is_copy_) {
    data_ = data_view_;
    data_view_ = data_;
    data_is_copy_ = true;
  }
  if (!name_view_.empty() && name_view_.data() != name_.data()) {
    name_ = name_view_;
    name_view_ = name_;
  }
}

}  // namespace sovmesh::http
