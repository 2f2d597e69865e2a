#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "sim/des/random.h"
#include "sim/des/workload.h"

// Traces of other people's making: nothing in them is believed.
namespace sovmesh::des {
namespace {

using std::chrono::microseconds;
constexpr double kSecondsMax = 1e9;  // thirty years

// Text in lines, with where each stands.
class Lines {
 public:
  Lines(std::string_view text, std::string_view name) : rest_(text), name_(name) {}
  // False at the end. Empty lines are passed over; "\r\n" ends a line too.
  bool next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      line_ = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (line_.ends_with('\r')) line_.remove_suffix(1);
      if (!line_.empty()) return true;
    }
    return false;
  }
  std::string_view line() const { return line_; }
  std::unexpected<Error> wrong(std::string_view what) const {
    return client_error(Code::invalid_value, std::string(name_) + ":" + std::to_string(number_) +
                                                 ": " + std::string(what));
  }

 private:
  std::string_view rest_;
  std::string_view name_;
  std::string_view line_;
  std::size_t number_ = 0;
};

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == line.npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return {};
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<std::uint32_t> tokens(std::string_view text) {
  const std::optional<double> value = number(text);
  if (!value || *value < 0 || *value > kTokensMax || *value != std::floor(*value)) return {};
  return static_cast<std::uint32_t>(*value);
}

microseconds seconds(double value) { return microseconds(std::llround(value * 1'000'000)); }

// "2023-11-16 18:17:03.9799600", to seconds since 1970.
std::optional<double> timestamp(std::string_view text) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[10] != ' ' || text[13] != ':' ||
      text[16] != ':')
    return {};
  const auto part = [&](std::size_t at, std::size_t size) { return number(text.substr(at, size)); };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
  const auto hour = part(11, 2), minute = part(14, 2), second = part(17, text.npos);
  if (!year || !month || !day || !hour || !minute || !second) return {};
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour < 0 || *hour > 23 || *minute < 0 || *minute > 59 || *second < 0 ||
      *second >= 61)
    return {};
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86'400 + *hour * 3'600 + *minute * 60 + *second;
}

Result<void> add(Workload& out, const Lines& lines, const Arrival& arrival) {
  if (out.arrivals.size() == kArrivalsMax)
    return lines.wrong("more than " + std::to_string(kArrivalsMax) + " requests");
  if (arrival.input_tokens == 0) return {};  // nothing was asked
  out.arrivals.push_back(arrival);
  out.arrivals.back().output_tokens = std::max(1U, arrival.output_tokens);
  return {};
}

Result<Workload> read_mooncake(Lines lines) {
  Workload out{.block_tokens = 512};
  simdjson::dom::parser parser;
  while (lines.next()) {
    simdjson::dom::element row;
    std::uint64_t time = 0, input = 0, output = 0;
    simdjson::dom::array ids;
    if (parser.parse(lines.line().data(), lines.line().size()).get(row) != simdjson::SUCCESS)
      return lines.wrong("not a JSON object");
    if (row["timestamp"].get(time) != simdjson::SUCCESS)
      return lines.wrong("\"timestamp\": want milliseconds of 0 or more");
    if (row["input_length"].get(input) != simdjson::SUCCESS || input > kTokensMax)
      return lines.wrong("\"input_length\": want a number of tokens");
    if (row["output_length"].get(output) != simdjson::SUCCESS || output > kTokensMax)
      return lines.wrong("\"output_length\": want a number of tokens");
    if (row["hash_ids"].get(ids) != simdjson::SUCCESS)
      return lines.wrong("\"hash_ids\": want an array of numbers");
    if (static_cast<double>(time) > kSecondsMax * 1'000)
      return lines.wrong("\"timestamp\": too large");
    Arrival arrival{.at = std::chrono::milliseconds(time),
                    .input_tokens = static_cast<std::uint32_t>(input),
                    .output_tokens = static_cast<std::uint32_t>(output),
                    .chain_begin = static_cast<std::uint32_t>(out.keys.size())};
    for (const simdjson::dom::element id : ids) {
      std::uint64_t key = 0;
      if (id.get(key) != simdjson::SUCCESS) return lines.wrong("\"hash_ids\": want numbers");
      if (out.keys.size() == kKeysMax) return lines.wrong("too many hash ids");
      // The last id often names a block that is not complete; engines cache complete ones only.
      if ((out.keys.size() - arrival.chain_begin + 1) * 512 > input) break;
      out.keys.push_back(SeededRandom::mix(key + 1));
    }
    arrival.chain_size = static_cast<std::uint32_t>(out.keys.size()) - arrival.chain_begin;
    TRY_VOID(add(out, lines, arrival));
  }
  return out;
}

// Places of the columns; the other ones are not looked at.
struct Columns {
  std::optional<std::size_t> time;
  std::size_t input = 0;
  std::size_t output = 0;
  bool dates = false;
};

std::optional<Columns> columns_of(std::string_view head) {
  Columns columns;
  std::optional<std::size_t> input, output;
  const auto names = split(head);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "TIMESTAMP" || names[i] == "arrived_at") columns.time = i;
    if (names[i] == "ContextTokens" || names[i] == "num_prefill_tokens") input = i;
    if (names[i] == "GeneratedTokens" || names[i] == "num_decode_tokens") output = i;
  }
  if (!input || !output) return {};
  columns.input = *input;
  columns.output = *output;
  columns.dates = columns.time && names[*columns.time] == "TIMESTAMP";
  return columns;
}

Result<Workload> read_csv(Lines lines, const Columns& columns, std::uint64_t seed) {
  Workload out;
  SeededRandom random(seed);
  std::optional<double> begin;
  double clock = 0;
  lines.next();  // the names
  while (lines.next()) {
    const auto fields = split(lines.line());
    if (fields.size() <= std::max({columns.time.value_or(0), columns.input, columns.output}))
      return lines.wrong("too few fields");
    if (columns.time) {
      const std::string_view text = fields[*columns.time];
      const auto time = columns.dates ? timestamp(text) : number(text);
      if (!time)
        return lines.wrong(columns.dates ? "want a time as 2023-11-16 18:17:03.97"
                                         : "want a time in seconds");
      if (!begin) begin = *time;
      clock = *time - *begin;
      if (clock < 0 || clock > kSecondsMax) return lines.wrong("times do not go up");
    } else {
      clock += random.exponential(1);
    }
    const auto input = tokens(fields[columns.input]);
    const auto output = tokens(fields[columns.output]);
    if (!input || !output) return lines.wrong("want whole numbers of tokens");
    TRY_VOID(
        add(out, lines, {.at = seconds(clock), .input_tokens = *input, .output_tokens = *output}));
  }
  return out;
}

}  // namespace

Result<Workload> read_trace(std::string_view text, std::string_view name, std::uint64_t seed) {
  Lines head(text, name);
  if (!head.next()) return client_error(Code::invalid_value, std::string(name) + ": an empty file");
  Result<Workload> out;
  if (head.line().starts_with('{')) {
    out = read_mooncake(Lines(text, name));
  } else if (const auto columns = columns_of(head.line())) {
    out = read_csv(Lines(text, name), *columns, seed);
  } else {
    return head.wrong(
        "not a trace that we know: want JSON lines with timestamp, input_length, output_length and "
        "hash_ids, or CSV with ContextTokens,GeneratedTokens or "
        "num_prefill_tokens,num_decode_tokens");
  }
  if (!out) return out;
  if (out->arrivals.empty())
    return client_error(Code::invalid_value, std::string(name) + ": no requests in it");
  out->name = name;
  out->sort();
  return out;
}

}  // namespace sovmesh::des
