#include "audit_files/key_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"

// The file: records of lines, of which the first is the KEK.
//   kek WRAPPED                          under the master
//   secret PLACE TENANT DAY|- WRAPPED    under the KEK; PLACE is in the wrapping's context
//   hold PLACE TENANT on|off [SEALED]    since when, why and whom, under the subject's secret
//   erase PLACE PSEUDONYM                an erasure that has begun
namespace sovmesh::audit_files {
namespace {

constexpr std::string_view kKekContext = "sovmesh audit kek";
constexpr std::string_view kNoTenant = "-";

std::string tenant_text(const std::optional<TenantId>& tenant) {
  return tenant ? tenant->value.text() : std::string(kNoTenant);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

std::optional<Digest> parse_digest(std::string_view text) {
  const auto bytes = from_base64(text);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

std::span<const unsigned char> bytes_of(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string secret_context(std::string_view place, std::string_view tenant, std::string_view day) {
  return fmt::format("sovmesh audit secret {} {} {}", place, tenant, day);
}

std::string day_text(const std::optional<Day>& day) {
  return day ? std::to_string(day->time_since_epoch().count()) : std::string("-");
}

std::string hold_line(const Digest& place, std::string_view tenant, std::string_view sealed) {
  const std::string note = sealed.empty() ? "" : " " + to_base64(bytes_of(sealed));
  return fmt::format("hold {} {} on{}\n", to_base64(place), tenant, note);
}

// "MICROSECONDS BYTES REASON" and the name, as KeyRing::hold() writes it.
void read_hold_note(std::string_view note, store::AuditHold& hold) {
  const auto first = std::min(note.find(' '), note.size());
  const auto second = std::min(note.find(' ', first + 1), note.size());
  const auto since = parse_u64(note.substr(0, first));
  const auto size = parse_u64(note.substr(std::min(first + 1, second), second - first - 1));
  if (!since || !size || note.size() - second - 1 < *size) return;
  hold.since = WallTime(std::chrono::microseconds(*since));
  hold.reason = note.substr(second + 1, *size);
  hold.subject.id = note.substr(second + 1 + *size);
}

SecretBytes derived(std::span<const unsigned char> secret, std::string_view purpose) {
  const std::string_view bytes{reinterpret_cast<const char*>(secret.data()), secret.size()};
  return hkdf_sha256(bytes, {}, purpose, kSealKeyBytes);
}

Digest reference_of(std::span<const unsigned char> secret, const store::AuditSubject& subject) {
  const SecretBytes key = derived(secret, "sovmesh audit reference");
  return HmacKey(key.reveal_text()).of(subject.id);
}

void forget(std::array<unsigned char, kSealKeyBytes>& secret) {
  volatile unsigned char* const bytes = secret.data();
  for (std::size_t i = 0; i < secret.size(); ++i)
    bytes[i] = 0;
}

Result<SecretBytes> read_master(Files& files, const std::string& path, bool may_be_new,
                                Random& random) {
  TRY(auto text, files.read(path));
  if (!text && !may_be_new)
    return our_error(Code::data_dir_invalid,
                     fmt::format("'{}' is missing, and the audit log's keys are wrapped with it: "
                                 "restore it from a backup",
                                 path));
  if (!text) {
    const SecretBytes made = SecretBytes::random(kSealKeyBytes, random);
    text = to_hex(made.reveal()) + "\n";
    TRY_VOID(files.replace(path, *text));
  }
  const std::string_view line = trim(std::string_view(*text).substr(0, text->find('\n')));
  if (line.size() < 2 * kSealKeyBytes)
    return our_error(Code::data_dir_invalid,
                     fmt::format("'{}' is empty or cut short: restore it from a backup", path));
  SecretBytes master = derived(bytes_of(line), "sovmesh audit master");
  wipe(*text);
  return master;
}

}  // namespace

KeyRing::~KeyRing() {
  for (auto& [place, secret] : secrets_)
    forget(secret.bytes);
}

Result<KeyRing> KeyRing::open(Files& files, const std::string& secrets_folder, Random& random) {
  KeyRing ring(files, secrets_folder + "/audit.keys", random);
  std::vector<std::string> records;
  TRY(ring.journal_, Journal::open(files, ring.path_, &records));
  const std::string master_file = secrets_folder + "/audit.master";
  TRY(const SecretBytes master, read_master(files, master_file, records.empty(), random));
  if (records.empty()) {
    ring.kek_ = SecretBytes::random(kSealKeyBytes, random);
    const std::string wrapped = wrap_key(master, ring.kek_, kKekContext, random);
    ring.kek_line_ = fmt::format("kek {}\n", to_base64(bytes_of(wrapped)));
    TRY_VOID(ring.journal_->append(ring.kek_line_));
  } else {
    const std::string_view first = std::string_view(records.front());
    ring.kek_line_ = std::string(first.substr(0, first.find('\n') + 1));
    const auto words = words_of(first.substr(0, first.find('\n')));
    const auto wrapped =
        words.size() == 2 && words[0] == "kek" ? from_base64(words[1]) : std::nullopt;
    auto kek = wrapped ? unwrap_key(master, *wrapped, kKekContext) : std::nullopt;
    if (!kek)
      return our_error(Code::data_dir_invalid,
                       fmt::format("'{}' does not belong to '{}': restore both from one backup",
                                   ring.path_, master_file));
    ring.kek_ = *std::move(kek);
  }
  const SecretBytes places = derived(ring.kek_.reveal(), "sovmesh audit places");
  ring.places_ = std::make_unique<HmacKey>(places.reveal_text());
  for (const std::string& record : records) {
    TRY_VOID(ring.read_record(record));
  }
  return ring;
}

Result<void> KeyRing::read_record(std::string_view record) {
  while (!record.empty()) {
    const auto end = std::min(record.find('\n'), record.size());
    TRY_VOID(read_line(words_of(record.substr(0, end))));
    record.remove_prefix(std::min(end + 1, record.size()));
  }
  return {};
}

Result<void> KeyRing::read_line(const std::vector<std::string_view>& words) {
  const auto damaged = [this] {
    return our_error(Code::data_dir_invalid,
                     fmt::format("'{}' is damaged: restore it from a backup", path_));
  };
  if (words.empty()) return damaged();
  if (words[0] == "kek") return {};
  const auto place = words.size() >= 2 ? parse_digest(words[1]) : std::nullopt;
  if (!place) return damaged();
  if (words[0] == "erase" && words.size() == 3) {
    const auto reference = parse_digest(words[2]);
    if (!reference) return damaged();
    intended_.emplace(*place, *reference);
    return {};
  }
  if (words[0] == "hold" && (words.size() == 4 || words.size() == 5)) {
    const auto sealed = words.size() == 5 ? from_base64(words[4]) : std::string();
    if (!sealed) return damaged();
    const std::pair<std::string, Digest> held{std::string(words[2]), *place};
    if (words[3] == "on")
      held_.insert_or_assign(held, *sealed);
    else
      held_.erase(held);
    return {};
  }
  if (words[0] != "secret" || words.size() != 5) return damaged();
  const auto wrapped = from_base64(words[4]);
  const std::string context = secret_context(words[1], words[2], words[3]);
  const auto bytes = wrapped ? unwrap_key(kek_, *wrapped, context) : std::nullopt;
  if (!bytes || bytes->size() != kSealKeyBytes) return damaged();
  Secret32& secret = secrets_[*place];
  std::ranges::copy(bytes->reveal(), secret.bytes.begin());
  secret.tenant = std::string(words[2]);
  const auto day = parse_u64(words[3]);
  if (!day && words[3] != "-") return damaged();
  if (day) secret.day = Day(std::chrono::days(*day));
  return {};
}

Digest KeyRing::place_of(const std::string& what) const { return places_->of(what); }

Digest KeyRing::place_of(const store::AuditSubject& subject) const {
  return place_of("subject " + tenant_text(subject.tenant) + " " + subject.id);
}

std::string KeyRing::secret_line(const Digest& place, const Secret32& secret) {
  const std::string at = to_base64(place);
  const std::string day = day_text(secret.day);
  const SecretBytes inner = SecretBytes::copy_of(std::span<const unsigned char>(secret.bytes));
  const std::string wrapped =
      wrap_key(kek_, inner, secret_context(at, secret.tenant, day), *random_);
  return fmt::format("secret {} {} {} {}\n", at, secret.tenant, day, to_base64(bytes_of(wrapped)));
}

Result<KeyRing::Secret32*> KeyRing::secret_at(const Digest& place, std::optional<Day> day,
                                              const std::string& tenant) {
  const auto found = secrets_.find(place);
  if (found != secrets_.end()) return &found->second;
  if (secrets_.size() >= kSecretsMax)
    return our_error(Code::overloaded, "the audit log has no room for another subject's key");
  Secret32& made = secrets_[place];
  random_->fill(made.bytes);
  made.day = day;
  made.tenant = tenant;
  new_lines_ += secret_line(place, made);
  return &made;
}

Result<Digest> KeyRing::reference(const store::AuditSubject& subject) {
  TRY(Secret32* const secret,
      secret_at(place_of(subject), std::nullopt, tenant_text(subject.tenant)));
  if (!secret->reference) secret->reference = reference_of(secret->bytes, subject);
  return *secret->reference;
}

std::optional<Digest> KeyRing::find_reference(const store::AuditSubject& subject) const {
  const auto found = secrets_.find(place_of(subject));
  if (found == secrets_.end()) return std::nullopt;
  return reference_of(found->second.bytes, subject);
}

Result<std::string> KeyRing::seal(const store::AuditSubject& subject, Day day,
                                  std::string_view plain) {
  const bool of_day = subject.id.empty();
  const std::string tenant = tenant_text(subject.tenant);
  const Digest place = of_day ? place_of("day " + tenant + " " + day_text(day)) : place_of(subject);
  TRY(const Secret32* const secret,
      secret_at(place, of_day ? std::optional(day) : std::nullopt, tenant));
  const SecretBytes key = derived(secret->bytes, "sovmesh audit detail");
  std::string out(text_of(place));
  out += sovmesh::seal(key, plain, text_of(place), *random_);
  return out;
}

std::optional<std::string> KeyRing::open_sealed(std::string_view sealed) const {
  Digest place{};
  if (sealed.size() < place.size()) return std::nullopt;
  std::copy_n(sealed.begin(), place.size(), place.begin());
  const auto found = secrets_.find(place);
  if (found == secrets_.end()) return std::nullopt;
  const SecretBytes key = derived(found->second.bytes, "sovmesh audit detail");
  const auto plain = sovmesh::open_sealed(key, sealed.substr(place.size()), text_of(place));
  if (!plain) return std::nullopt;
  return std::string(plain->reveal_text());
}

Result<void> KeyRing::add(std::string lines) {
  TRY_VOID(flush());
  return journal_->append(lines);
}

Result<void> KeyRing::flush() {
  if (new_lines_.empty()) return {};
  TRY_VOID(journal_->append(new_lines_));
  new_lines_.clear();
  return {};
}

Result<void> KeyRing::hold(const store::AuditSubject& subject, WallTime since,
                           std::string_view reason) {
  const Digest place = place_of(subject);
  const std::string tenant = tenant_text(subject.tenant);
  if (held_.size() >= kHoldsMax && !has_hold(subject))
    return client_error(Code::conflict, fmt::format("there are {} holds already", kHoldsMax));
  const std::string note = fmt::format("{} {} {}{}", since.time_since_epoch().count(),
                                       reason.size(), reason, subject.id);
  TRY(std::string sealed, seal(subject, std::chrono::floor<std::chrono::days>(since), note));
  TRY_VOID(add(hold_line(place, tenant, sealed)));
  held_.insert_or_assign({tenant, place}, std::move(sealed));
  return {};
}

Result<void> KeyRing::release(const store::AuditSubject& subject) {
  const Digest place = place_of(subject);
  const std::string tenant = tenant_text(subject.tenant);
  TRY_VOID(add(fmt::format("hold {} {} off\n", to_base64(place), tenant)));
  held_.erase({tenant, place});
  return {};
}

bool KeyRing::has_hold(const store::AuditSubject& subject) const {
  return held_.contains({tenant_text(subject.tenant), place_of(subject)});
}

std::vector<store::AuditHold> KeyRing::holds() const {
  std::vector<store::AuditHold> out;
  for (const auto& [held, sealed] : held_) {
    store::AuditHold& hold = out.emplace_back();
    hold.id = held.first + "/" + to_hex(held.second);
    if (const auto tenant = Ulid::parse(held.first)) hold.subject.tenant = TenantId{*tenant};
    hold.whole_tenant = held.second == place_of(hold.subject);
    if (const auto note = open_sealed(sealed)) read_hold_note(*note, hold);
  }
  return out;
}

bool KeyRing::is_held(const store::AuditSubject& subject) const {
  return has_hold(subject) || has_hold({.tenant = subject.tenant, .id = {}});
}

bool KeyRing::holds_any_of(const std::optional<TenantId>& tenant) const {
  const std::string text = tenant_text(tenant);
  const auto first = held_.lower_bound({text, Digest{}});
  return first != held_.end() && first->first.first == text;
}

Result<void> KeyRing::intend_erasure(const store::AuditSubject& subject) {
  const Digest place = place_of(subject);
  const auto reference = find_reference(subject);
  if (!reference) return client_error(Code::not_found, "the audit log has no key of this subject");
  TRY_VOID(add(fmt::format("erase {} {}\n", to_base64(place), to_base64(*reference))));
  intended_.emplace(place, *reference);
  return {};
}

std::vector<Digest> KeyRing::intended() const {
  std::vector<Digest> out;
  for (const auto& [place, reference] : intended_)
    out.push_back(reference);
  return out;
}

Result<void> KeyRing::erase_intended() {
  for (const auto& [place, reference] : intended_) {
    const auto found = secrets_.find(place);
    if (found == secrets_.end()) continue;
    forget(found->second.bytes);
    secrets_.erase(found);
  }
  TRY_VOID(rewrite(false));
  intended_.clear();
  return {};
}

Result<void> KeyRing::drop_days_before(Day day) {
  const auto is_old = [&](const auto& entry) {
    const Secret32& secret = entry.second;
    const auto held = held_.lower_bound({secret.tenant, Digest{}});
    const bool is_held = held != held_.end() && held->first.first == secret.tenant;
    return secret.day && *secret.day < day && !is_held;
  };
  if (std::erase_if(secrets_, is_old) == 0) return {};
  return rewrite(true);
}

std::string KeyRing::everything(bool intended) {
  constexpr std::size_t kRecord = 1U << 20;
  std::string out;
  std::string lines = kek_line_;
  const auto add_line = [&](const std::string& line) {
    lines += line;
    if (lines.size() < kRecord) return;
    out += Journal::format(lines);
    lines.clear();
  };
  for (const auto& [place, secret] : secrets_)
    add_line(secret_line(place, secret));
  for (const auto& [held, sealed] : held_)
    add_line(hold_line(held.second, held.first, sealed));
  if (intended) {
    for (const auto& [place, reference] : intended_)
      add_line(fmt::format("erase {} {}\n", to_base64(place), to_base64(reference)));
  }
  return lines.empty() ? out : out + Journal::format(lines);
}

// The file anew, with what is there now and nothing else.
Result<void> KeyRing::rewrite(bool intended) {
  TRY_VOID(files_->replace_secret(path_, everything(intended)));
  new_lines_.clear();
  std::vector<std::string> records;
  TRY(journal_, Journal::open(*files_, path_, &records));
  return {};
}

}  // namespace sovmesh::audit_files
