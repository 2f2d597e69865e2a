#include "ledgerlog/entry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <utility>

#include "base/append.h"
#include "base/bytes.h"
#include "base/time_text.h"
#include "ledgerlog/tiles.h"

namespace sovmesh::ledgerlog {
namespace {

// Exact in every JSON reader, those that hold numbers as doubles included.
constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 53) - 1;
constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kRidHexDigits = 32;
constexpr std::string_view kRidPrefix = "req_";
constexpr std::string_view kKinds[] = {"request", "admin", "key"};
constexpr std::string_view kActionKeyStart = "key.start";
constexpr std::string_view kActionKeyRotate = "key.rotate";

enum class Form : std::uint8_t {
  text,  // any UTF-8
  word,  // [A-Za-z0-9._:/@+,-]
  hash,  // 64 lower-case hex digits
  ulid,
  rid,
};

// What a member of an entry may hold. Empty is allowed unless it is needed.
struct Rule {
  Form form = Form::text;
  std::size_t bytes_max = 0;
  bool needed = false;
};

constexpr Rule text(std::size_t bytes_max) { return {.form = Form::text, .bytes_max = bytes_max}; }
constexpr Rule word(std::size_t bytes_max) { return {.form = Form::word, .bytes_max = bytes_max}; }
constexpr Rule kHash = {.form = Form::hash, .bytes_max = kHashDigits};
constexpr Rule kUlid = {.form = Form::ulid, .bytes_max = 26};
constexpr Rule kRid = {.form = Form::rid, .bytes_max = kRidPrefix.size() + kRidHexDigits};
constexpr Rule needed(Rule rule) {
  rule.needed = true;
  return rule;
}

// The tables of the format: members in their order. `v` writes, reads or checks one member after
// the other and stops at the first that is wrong. docs/audit.md has the same tables in words.
template <class E, class V>
  requires std::same_as<std::remove_const_t<E>, RequestEntry> ||
           std::same_as<std::remove_const_t<E>, RequestEntryView>
bool visit(E& e, V& v) {
  return v.member("tenant", needed(kUlid), e.tenant) && v.member("project", kUlid, e.project) &&
         v.member("rid", needed(kRid), e.rid) && v.member("key", word(64), e.key) &&
         v.member("actor_ref", kHash, e.actor_ref) && v.member("op", word(64), e.operation) &&
         v.time("start", e.start) && v.member("model", text(256), e.model) &&
         v.member("model_digest", kHash, e.model_digest) &&
         v.member("engine", text(128), e.engine) && v.member("host", text(255), e.host) &&
         v.member("site", text(64), e.site) && v.member("jurisdiction", text(64), e.jurisdiction) &&
         v.member("egress", needed(text(1560)), e.egress) && v.number("status", e.status) &&
         v.member("finish", word(64), e.finish) &&
         v.member("outcome", needed(word(64)), e.outcome) && v.number("tokens_in", e.tokens_in) &&
         v.number("tokens_cached", e.tokens_cached) && v.number("tokens_out", e.tokens_out) &&
         v.member("prompt_digest", kHash, e.prompt_digest) &&
         v.member("answer_digest", kHash, e.answer_digest) &&
         v.member("digest_key", word(64), e.digest_key) && v.member("rules", text(1024), e.rules) &&
         v.member("ledger_ref", word(128), e.ledger_ref) &&
         v.member("price_ver", word(64), e.price_ver) && v.number("cost_micro", e.cost_micro) &&
         v.member("currency", word(16), e.currency) &&
         v.member("policy_ver", word(64), e.policy_ver) &&
         v.member("config_hash", kHash, e.config_hash) && v.member("ct_hash", kHash, e.ct_hash) &&
         (v.version() < kScheduledVersion || (v.member("class", needed(word(16)), e.priority) &&
                                              v.member("pool", word(64), e.pool))) &&
         v.extra("mirror", needed(text(400)), e.mirror);
}

template <class E, class V>
  requires std::same_as<std::remove_const_t<E>, AdminEntry>
bool visit(E& e, V& v) {
  return v.member("tenant", kUlid, e.tenant) && v.member("actor_type", word(32), e.actor_type) &&
         v.member("actor_ref", kHash, e.actor_ref) && v.member("auth", word(64), e.auth) &&
         v.member("action", needed(word(64)), e.action) &&
         v.member("object_ref", text(512), e.object_ref) &&
         v.member("subject_ref", kHash, e.subject_ref) &&
         v.member("outcome", needed(word(64)), e.outcome) && v.member("rid", kRid, e.rid) &&
         v.member("before", kHash, e.before) && v.member("after", kHash, e.after) &&
         v.number("count", e.count) && v.member("reason", text(1024), e.reason) &&
         v.member("policy_ver", word(64), e.policy_ver) &&
         v.member("config_hash", kHash, e.config_hash) && v.member("ct_hash", kHash, e.ct_hash);
}

// "action" is the same member as in an admin entry, so that a reader finds all actions alike.
template <class E, class V>
  requires std::same_as<std::remove_const_t<E>, KeyEntry>
bool visit(E& e, V& v) {
  return v.action(e.action) && v.member("origin", needed(text(kNoteNameBytesMax)), e.origin) &&
         v.member("previous", text(512), e.previous) &&
         v.member("next", needed(text(512)), e.next) &&
         v.member("signature", needed(text(128)), e.signature);
}

// One look-up per byte and no early end, so that the loops below run many bytes at once: a verifier
// puts a gigabyte through them.
constexpr std::array<bool, 256> marks_of(std::string_view characters) {
  std::array<bool, 256> marks{};
  for (const char c : characters)
    marks[static_cast<unsigned char>(c)] = true;
  return marks;
}
constexpr auto kWordMarks =
    marks_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:/@+,-");
constexpr auto kUlidMarks = marks_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ");

bool only(const std::array<bool, 256>& marks, std::string_view value) {
  bool all = true;
  for (const char c : value)
    all &= marks[static_cast<unsigned char>(c)];
  return all;
}

bool is_lower_hex(std::string_view digits) {
  bool all = true;
  for (const char c : digits) {
    const auto digit = static_cast<unsigned char>(c - '0');
    const auto letter = static_cast<unsigned char>(c - 'a');
    all &= (digit < 10) | (letter < 6);
  }
  return all;
}

bool is_word(std::string_view value) { return only(kWordMarks, value); }

// Upper case only and no overflow: the spelling that Ulid::text() makes.
bool is_ulid(std::string_view value) {
  return value.size() == 26 && value[0] <= '7' && only(kUlidMarks, value);
}

bool is_rid(std::string_view value) {
  return value.starts_with(kRidPrefix) && value.size() == kRidPrefix.size() + kRidHexDigits &&
         is_lower_hex(value.substr(kRidPrefix.size()));
}

bool allowed(const Rule& rule, std::string_view value) {
  if (value.empty()) return !rule.needed;
  if (value.size() > rule.bytes_max) return false;
  switch (rule.form) {
    case Form::text:
      return is_valid_utf8(value);
    case Form::word:
      return is_word(value);
    case Form::hash:
      return value.size() == kHashDigits && is_lower_hex(value);
    case Form::ulid:
      return is_ulid(value);
    case Form::rid:
      return is_rid(value);
  }
  return false;
}

std::string_view text_of(KeyEntry::Action action) {
  return action == KeyEntry::Action::start ? kActionKeyStart : kActionKeyRotate;
}

// Before 1970 and after 9999 a time has no text of the one length.
bool has_text(WallTime time) {
  using std::chrono::year;
  return time >= WallTime{} &&
         time < WallTime(std::chrono::sys_days(year(9999) / 12 / 31) + std::chrono::days(1));
}

// Each member with a comma in front; the first one's becomes the bracket in the end.
class Writer {
 public:
  explicit Writer(unsigned version) : version_(version) { out_.reserve(kUsualBytes); }
  unsigned version() const { return version_; }

  template <std::size_t N>
  bool member(const char (&name)[N], const Rule& rule, std::string_view value) {
    last_ = name;
    if (!allowed(rule, value)) return false;
    if (rule.form != Form::text) {  // no other form has what would need an escape
      append_all(out_, ",\"", name, "\":\"", value, "\"");
      return true;
    }
    append_all(out_, ",\"", name, "\":");
    append_json_string(out_, value);
    return true;
  }
  // The last member, absent where it is empty.
  template <std::size_t N>
  bool extra(const char (&name)[N], const Rule& rule, std::string_view value) {
    return value.empty() || member(name, rule, value);
  }
  template <std::size_t N>
  bool number(const char (&name)[N], std::uint64_t value) {
    last_ = name;
    append_all(out_, ",\"", name, "\":");
    append_number(out_, value);
    return value <= kNumberMax;
  }
  template <std::size_t N>
  bool time(const char (&name)[N], WallTime value) {
    last_ = name;
    if (!has_text(value)) return false;
    append_all(out_, ",\"", name, "\":\"");
    append_rfc3339(out_, value);
    out_ += '"';
    return true;
  }
  bool action(KeyEntry::Action value) { return member("action", word(64), text_of(value)); }
  std::string_view last() const { return last_; }
  std::string finish() && {
    out_.front() = '{';
    out_ += '}';
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kUsualBytes = 1536;
  unsigned version_;
  std::string out_;
  std::string_view last_;  // member
};

unsigned digits_of(std::string_view text, std::size_t at, std::size_t count) {
  unsigned value = 0;
  for (const char c : text.substr(at, count))
    value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

// "2026-11-25T08:30:00.123456Z" and no other spelling of it. Read by hand because a verifier reads
// two of them in each of a million entries.
std::optional<WallTime> parse_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return std::nullopt;
  }
  namespace chr = std::chrono;
  const chr::year_month_day date(chr::year(static_cast<int>(digits_of(text, 0, 4))),
                                 chr::month(digits_of(text, 5, 2)),
                                 chr::day(digits_of(text, 8, 2)));
  const unsigned hour = digits_of(text, 11, 2);
  const unsigned minute = digits_of(text, 14, 2);
  const unsigned second = digits_of(text, 17, 2);
  if (!date.ok() || date.year() < chr::year(1970) || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  return WallTime(chr::sys_days(date)) + chr::hours(hour) + chr::minutes(minute) +
         chr::seconds(second) + chr::microseconds(digits_of(text, 20, 6));
}

// What follows a backslash in the one spelling that the writer has for each character.
struct Escape {
  char character = 0;
  std::size_t length = 0;  // without the backslash; 0: not one of ours
};
Escape read_escape(std::string_view rest) {
  if (rest.empty()) return {};
  switch (rest[0]) {
    case '"':
    case '\\':
      return {.character = rest[0], .length = 1};
    case 'n':
      return {.character = '\n', .length = 1};
    case 'r':
      return {.character = '\r', .length = 1};
    case 't':
      return {.character = '\t', .length = 1};
    default:
      break;
  }
  if (rest.size() < 5 || !rest.starts_with("u00") || !is_lower_hex(rest.substr(3, 2))) return {};
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  const int value = nibble(rest[3]) * 16 + nibble(rest[4]);
  if (value >= 0x20 || value == '\n' || value == '\r' || value == '\t') return {};
  return {.character = static_cast<char>(value), .length = 5};
}

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  bool take(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  bool at_end() const { return rest_.empty(); }
  bool is_at(char c) const { return rest_.starts_with(c); }

  // A complete string. The view is into the bytes, or into `scratch` when there were escapes.
  std::optional<std::string_view> string(std::string& scratch) {
    if (!take("\"")) return std::nullopt;
    if (const auto plain = plain_string()) {
      const std::string_view value = rest_.substr(0, *plain);
      rest_.remove_prefix(*plain + 1);
      return value;
    }
    scratch.clear();
    while (true) {
      const std::size_t length = plain_length();
      scratch += rest_.substr(0, length);
      rest_.remove_prefix(length);
      if (take("\"")) return scratch;
      if (!take("\\")) return std::nullopt;
      const Escape escape = read_escape(rest_);
      if (escape.length == 0) return std::nullopt;
      scratch += escape.character;
      rest_.remove_prefix(escape.length);
    }
  }

  std::optional<std::uint64_t> number() {
    const std::size_t end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const auto value = parse_u64(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return value && *value <= kNumberMax ? value : std::nullopt;
  }

 private:
  // The length of a string that has no escapes, or nothing.
  std::optional<std::size_t> plain_string() const {
    const std::size_t end = rest_.find('"');
    if (end == std::string_view::npos) return std::nullopt;
    bool plain = true;
    for (const char c : rest_.substr(0, end))
      plain &= (static_cast<unsigned char>(c) >= 0x20) & (c != '\\');
    return plain ? std::optional(end) : std::nullopt;
  }
  std::size_t plain_length() const {
    std::size_t at = 0;
    while (at < rest_.size() && rest_[at] != '"' && rest_[at] != '\\' &&
           static_cast<unsigned char>(rest_[at]) >= 0x20)
      ++at;
    return at;
  }
  std::string_view rest_;
};

// Reads members into an entry; a const one is only walked over.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : cursor_(bytes) {}

  bool read_version() {
    std::uint64_t value = 0;
    if (!number("v", value) || value < kEntryVersion || value > kScheduledVersion) return false;
    version_ = static_cast<unsigned>(value);
    return true;
  }
  unsigned version() const { return version_; }

  template <class Target>
  bool member(std::string_view name, const Rule& rule, Target& value) {
    if (!start(name)) return false;
    const auto found = cursor_.string(scratch_);
    if (!found || !allowed(rule, *found)) return false;
    if (name == "action") clock_step_ = *found == kActionClockStep;
    if constexpr (!std::is_const_v<Target>) value = *found;
    return true;
  }
  template <class Target>
  bool extra(std::string_view name, const Rule& rule, Target& value) {
    return cursor_.is_at('}') || member(name, rule, value);
  }
  template <class Target>
  bool number(std::string_view name, Target& value) {
    if (!start(name)) return false;
    const auto found = cursor_.number();
    if (!found) return false;
    if constexpr (!std::is_const_v<Target>) value = *found;
    return true;
  }
  template <class Target>
  bool time(std::string_view name, Target& value) {
    if (!start(name)) return false;
    const auto found = cursor_.string(scratch_);
    const auto time = found ? parse_time(*found) : std::nullopt;
    if (!time) return false;
    if constexpr (!std::is_const_v<Target>) value = *time;
    return true;
  }
  template <class Target>
  bool action(Target& value) {
    if (!start("action")) return false;
    for (const auto known : {KeyEntry::Action::start, KeyEntry::Action::rotate}) {
      if (!cursor_.take("\"" + std::string(text_of(known)) + "\"")) continue;
      if constexpr (!std::is_const_v<Target>) value = known;
      return true;
    }
    return false;
  }
  std::optional<EntrySummary::Kind> kind() {
    if (!start("kind")) return std::nullopt;
    const auto found = cursor_.string(scratch_);
    for (std::size_t i = 0; found && i < std::size(kKinds); ++i) {
      if (*found == kKinds[i]) return static_cast<EntrySummary::Kind>(i);
    }
    return std::nullopt;
  }
  bool end() {
    last_ = "the end";
    return cursor_.take("}") && cursor_.at_end();
  }
  std::string_view last() const { return last_; }
  bool clock_step() const { return clock_step_; }

 private:
  bool start(std::string_view name) {
    const bool first = last_.empty();
    last_ = name;
    return cursor_.take(first ? "{\"" : ",\"") && cursor_.take(name) && cursor_.take("\":");
  }
  Cursor cursor_;
  std::string scratch_;
  std::string_view last_;
  unsigned version_ = kEntryVersion;
  bool clock_step_ = false;
};

std::unexpected<Error> bad_member(std::string_view name) {
  return client_error(Code::invalid_value, "not an entry of the log: member " + std::string(name),
                      std::string(name));
}

// Into `body` when there is one.
template <class Body>
bool read_body(Reader& reader, EntryBody* body) {
  if (body != nullptr) return visit(body->emplace<Body>(), reader);
  static const Body kNothing;
  return visit(kNothing, reader);
}

Result<EntrySummary> read(std::string_view bytes, EntryBody* body) {
  if (bytes.size() > kEntryBytesMax) return bad_member("v");
  Reader reader(bytes);
  EntrySummary summary;
  if (!reader.read_version() || !reader.number("seq", summary.head.seq) ||
      !reader.time("t", summary.head.time))
    return bad_member(reader.last());
  const auto kind = reader.kind();
  if (!kind) return bad_member(reader.last());
  if (reader.version() == kScheduledVersion && *kind != EntrySummary::Kind::request)
    return bad_member("v");
  summary.kind = *kind;
  bool good = false;
  switch (*kind) {
    case EntrySummary::Kind::request:
      good = read_body<RequestEntry>(reader, body);
      break;
    case EntrySummary::Kind::admin:
      good = read_body<AdminEntry>(reader, body);
      break;
    case EntrySummary::Kind::key:
      good = read_body<KeyEntry>(reader, body);
      break;
  }
  if (!good || !reader.end()) return bad_member(reader.last());
  summary.clock_step = reader.clock_step();
  return summary;
}

template <class Body>
unsigned version_of(const Body& body) {
  if constexpr (requires { body.priority; }) {
    if (!body.priority.empty() || !body.pool.empty()) return kScheduledVersion;
  }
  return kEntryVersion;
}

template <class Body>
Result<std::string> write(const EntryHead& head, EntrySummary::Kind kind, const Body& body) {
  Writer writer(version_of(body));
  if (!writer.number("v", writer.version()) || !writer.number("seq", head.seq) ||
      !writer.time("t", head.time) ||
      !writer.member("kind", word(16), kKinds[static_cast<std::size_t>(kind)]) ||
      !visit(body, writer))
    return bad_member(writer.last());
  return std::move(writer).finish();
}

std::string signature_text(const Signature& signature) { return to_base64(signature); }

}  // namespace

Result<std::string> write_entry(const EntryHead& head, const EntryBody& body) {
  return std::visit(
      [&](const auto& entry) {
        return write(head, static_cast<EntrySummary::Kind>(body.index()), entry);
      },
      body);
}

Result<std::string> write_entry(const EntryHead& head, const RequestEntryView& body) {
  return write(head, EntrySummary::Kind::request, body);
}

Result<Entry> parse_entry(std::string_view bytes) {
  Entry entry;
  TRY(const EntrySummary summary, read(bytes, &entry.body));
  entry.head = summary.head;
  return entry;
}

Result<EntrySummary> check_entry(std::string_view bytes) { return read(bytes, nullptr); }

std::string rotation_message(std::string_view origin, std::uint64_t seq, std::string_view previous,
                             std::string_view next) {
  std::string message = "sovmesh audit key v1\n";
  message.append(origin).append("\n").append(std::to_string(seq)).append("\n");
  message.append(previous).append("\n").append(next).append("\n");
  return message;
}

Result<KeyEntry> make_key_start(std::string_view origin, const SigningKey& key) {
  TRY(const NoteKey next, NoteKey::make(origin, NoteAlgorithm::ed25519, key.verify_key()));
  return KeyEntry{
      .action = KeyEntry::Action::start,
      .origin = std::string(origin),
      .previous = {},
      .next = next.text(),
      .signature = signature_text(key.sign(rotation_message(origin, 0, {}, next.text())))};
}

Result<KeyEntry> make_key_rotation(std::string_view origin, std::uint64_t seq,
                                   const SigningKey& previous, const VerifyKey& next_key) {
  TRY(const NoteKey old, NoteKey::make(origin, NoteAlgorithm::ed25519, previous.verify_key()));
  TRY(const NoteKey next, NoteKey::make(origin, NoteAlgorithm::ed25519, next_key));
  return KeyEntry{.action = KeyEntry::Action::rotate,
                  .origin = std::string(origin),
                  .previous = old.text(),
                  .next = next.text(),
                  .signature = signature_text(
                      previous.sign(rotation_message(origin, seq, old.text(), next.text())))};
}

}  // namespace sovmesh::ledgerlog
