#include "sim/faults.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "base/bytes.h"

namespace sovmesh::sim {
namespace {

struct Row {
  std::string_view name;
  FaultKind kind;
  std::string_view argument;  // its name; empty: takes none
  std::int64_t otherwise;     // its value when it is left out
  std::string_view meaning;
};

constexpr std::array kRows{
    Row{"tokens", FaultKind::tokens, "N", 16, "length of the answer"},
    Row{"rate", FaultKind::rate, "N", 0, "tokens per second; 0: as fast as possible"},
    Row{"prefill", FaultKind::prefill, "MS", 100, "time before the first token"},
    Row{"head-first", FaultKind::head_first, "", 0,
        "sends the head of a stream before the prefill, as vLLM does"},
    Row{"utf8", FaultKind::utf8, "", 0, "tokens of two, three and four bytes"},
    Row{"tool-call", FaultKind::tool_call, "", 0, "answers with a tool call"},
    Row{"die-before", FaultKind::die_before, "", 0, "resets the connection before any byte"},
    Row{"close-before", FaultKind::close_before, "", 0, "closes cleanly before any byte"},
    Row{"never", FaultKind::never, "", 0, "reads the request and never answers"},
    Row{"delay", FaultKind::delay, "MS", 1'000, "waits before the head"},
    Row{"status", FaultKind::status, "CODE", 503, "answers with this status and an error body"},
    Row{"garbage-head", FaultKind::garbage_head, "", 0, "sends bytes that are no HTTP"},
    Row{"endless-head", FaultKind::endless_head, "", 0, "sends header fields for ever"},
    Row{"length", FaultKind::length, "N", 10, "adds N (may be negative) to Content-Length"},
    Row{"cl-and-te", FaultKind::cl_and_te, "", 0, "sends Content-Length and Transfer-Encoding"},
    Row{"extra-bytes", FaultKind::extra_bytes, "", 0, "sends bytes after the end of the answer"},
    Row{"bad-chunk-after", FaultKind::bad_chunk_after, "K", 0, "sends a chunk size that is none"},
    Row{"html", FaultKind::html, "", 0, "answers 200 with a page of HTML"},
    Row{"error-body", FaultKind::error_body, "CODE", 500, "an error object inside a plain 200"},
    Row{"error-event", FaultKind::error_event, "CODE", 500, "an error as first event inside 200"},
    Row{"error-after", FaultKind::error_after, "K", 1, "an error event after K tokens"},
    Row{"die-after", FaultKind::die_after, "K", 1, "resets the connection after K tokens"},
    Row{"eof-after", FaultKind::eof_after, "K", 1, "closes amid the chunked body"},
    Row{"end-after", FaultKind::end_after, "K", 1, "ends the body cleanly, unfinished"},
    Row{"stall-after", FaultKind::stall_after, "K", 1, "goes silent with the connection open"},
    Row{"stall-comments-after", FaultKind::stall_comments_after, "K", 1,
        "then sends only comments, one a second"},
    Row{"garbage-after", FaultKind::garbage_after, "K", 1, "sends an event that is no JSON"},
    Row{"nul-after", FaultKind::nul_after, "K", 1, "sends an event with a NUL"},
    Row{"bad-utf8-after", FaultKind::bad_utf8_after, "K", 1, "sends an event of invalid UTF-8"},
    Row{"no-choices-after", FaultKind::no_choices_after, "K", 1, "sends an event without choices"},
    Row{"huge-number-after", FaultKind::huge_number_after, "K", 1,
        "sends a token count beyond 64 bits"},
    Row{"huge-line", FaultKind::huge_line, "BYTES", 2 << 20, "sends one line of this length"},
    Row{"duplicate-done", FaultKind::duplicate_done, "", 0, "sends [DONE] twice"},
    Row{"data-after-done", FaultKind::data_after_done, "", 0, "sends an event after [DONE]"},
    Row{"no-done", FaultKind::no_done, "", 0, "leaves [DONE] out"},
    Row{"no-finish", FaultKind::no_finish, "", 0, "leaves finish_reason out"},
    Row{"no-usage", FaultKind::no_usage, "", 0, "leaves usage out although asked for"},
    Row{"split", FaultKind::split, "N", 1, "writes N bytes at a time"},
    Row{"crlf", FaultKind::crlf, "", 0, "ends lines with CR LF"},
    Row{"cr", FaultKind::cr, "", 0, "ends lines with CR"},
    Row{"comments", FaultKind::comments, "", 0, "sends a comment before each event"},
    Row{"bom", FaultKind::bom, "", 0, "begins with a byte order mark"},
    Row{"multiline", FaultKind::multiline, "", 0, "spreads each event over two data lines"},
    Row{"unhealthy", FaultKind::unhealthy, "", 0, "/health answers 503"},
    Row{"speed", FaultKind::speed, "PERCENT", 50,
        "engine model: a slow node; of all requests only"},
    Row{"out-of-memory", FaultKind::out_of_memory, "MS", 3'000,
        "engine model: all that runs is lost, and it is away for so long"},
};

std::optional<std::int64_t> parse_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto digits = parse_u64(negative ? text.substr(1) : text);
  if (!digits || *digits > (std::uint64_t{1} << 40)) return std::nullopt;
  const auto value = static_cast<std::int64_t>(*digits);
  return negative ? -value : value;
}

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
  const std::size_t sign = text.find_first_of(":=");
  const std::string_view name = text.substr(0, sign);
  const auto row = std::ranges::find(kRows, name, &Row::name);
  if (row == kRows.end())
    return our_error(Code::config_invalid, "unknown fault \"" + std::string(name) + "\"");
  if (sign == text.npos) return Fault{row->kind, row->otherwise};
  const auto argument = parse_number(text.substr(sign + 1));
  if (row->argument.empty() || !argument)
    return our_error(Code::config_invalid,
                     "fault " + std::string(name) +
                         (row->argument.empty() ? " takes no argument" : ": not a number"));
  return Fault{row->kind, *argument};
}

Result<void> check_faults(const std::vector<Fault>& faults, bool has_engine_model) {
  constexpr std::int64_t kPercentMax = 10'000;
  for (const Fault& fault : faults) {
    if (fault.kind != FaultKind::speed && fault.kind != FaultKind::out_of_memory) continue;
    if (!has_engine_model)
      return our_error(Code::config_invalid,
                       "faults speed and out-of-memory want an engine model (--engine-model)");
    if (fault.kind == FaultKind::speed && (fault.argument < 1 || fault.argument > kPercentMax))
      return our_error(Code::config_invalid, "fault speed: want 1 to 10000 percent");
  }
  return {};
}

Result<std::vector<Fault>> faults_in_prompt(std::string_view body) {
  constexpr std::string_view kOpen = "[[sim:";
  std::vector<Fault> faults;
  // Only the last message's wishes count: earlier turns of a conversation have had theirs.
  const std::size_t last_user = body.rfind("\"user\"");
  std::size_t at = body.find(kOpen, last_user == body.npos ? 0 : last_user);
  if (at == body.npos) at = body.rfind(kOpen);  // members may come in the other order
  while (at != body.npos) {
    const std::size_t begin = at + kOpen.size();
    const std::size_t end = body.find("]]", begin);
    if (end == body.npos) return our_error(Code::config_invalid, "a [[sim: without ]]");
    for (const auto part : std::views::split(body.substr(begin, end - begin), ',')) {
      TRY(const Fault fault, parse_fault(std::string_view(part.begin(), part.end())));
      faults.insert(faults.begin(), fault);  // the last one first
    }
    at = body.find(kOpen, end);
  }
  return faults;
}

std::string fault_table() {
  std::string table;
  for (const Row& row : kRows) {
    std::string name(row.name);
    if (!row.argument.empty()) name += ":" + std::string(row.argument);
    name.resize(std::max<std::size_t>(name.size() + 1, 26), ' ');
    table += "  " + name + std::string(row.meaning) + "\n";
  }
  return table;
}

FaultSet::FaultSet(const std::vector<Fault>& of_engine, const std::vector<Fault>& of_request)
    : faults_(of_request) {
  faults_.insert(faults_.end(), of_engine.begin(), of_engine.end());
}

std::optional<std::int64_t> FaultSet::get(FaultKind kind) const {
  const auto found = std::ranges::find(faults_, kind, &Fault::kind);
  return found == faults_.end() ? std::nullopt : std::optional(found->argument);
}

}  // namespace sovmesh::sim
