#include "audit_files/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "audit_files/entry_form.h"
#include "base/bytes.h"
#include "ledgerlog/checkpoint.h"
#include "ledgerlog/tiles.h"

namespace sovmesh::audit_files {
namespace {

using ledgerlog::TilePath;

constexpr std::chrono::milliseconds kClockRoom{5'000};  // an entry's time may lag so much

std::unexpected<Error> no_such_entry() {
  return client_error(Code::not_found, "the audit log has no such entry");
}

// A text, or with a '*' behind it all that begin so; an empty pattern fits everything.
bool fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return true;
  if (pattern.back() == '*') return text.starts_with(pattern.substr(0, pattern.size() - 1));
  return text == pattern;
}

// What lists look at, of either kind of entry.
struct Traits {
  std::string_view tenant;
  std::string_view action;
  std::string_view object;
  std::string_view actor;
  std::string_view concerns;
};

Traits traits_of(const ledgerlog::EntryBody& body) {
  if (const auto* request = std::get_if<ledgerlog::RequestEntry>(&body))
    return {request->tenant, "request", request->rid, request->actor_ref, {}};
  if (const auto* admin = std::get_if<ledgerlog::AdminEntry>(&body))
    return {admin->tenant, admin->action, admin->object_ref, admin->actor_ref, admin->subject_ref};
  const auto& key = std::get<ledgerlog::KeyEntry>(body);
  const bool start = key.action == ledgerlog::KeyEntry::Action::start;
  return {{}, start ? "key.start" : "key.rotate", {}, {}, {}};
}

bool matches(const store::AuditFilter& filter, const std::string& subject,
             const ledgerlog::Entry& entry) {
  const Traits traits = traits_of(entry.body);
  if (filter.tenant && traits.tenant != filter.tenant->value.text()) return false;
  if (!fits(filter.action, traits.action) || !fits(filter.object, traits.object)) return false;
  return !filter.subject || traits.actor == subject || traits.concerns == subject;
}

// The id in the entry of a request, which is written in one way only; empty in all others.
std::string_view request_in(std::string_view entry) {
  constexpr std::string_view kKind = R"("kind":"request")";
  constexpr std::string_view kName = R"("rid":")";
  if (entry.find(kKind) == entry.npos) return {};
  const auto at = entry.find(kName);
  if (at == entry.npos) return {};
  entry.remove_prefix(at + kName.size());
  return entry.substr(0, entry.find('"'));
}

WallTime time_of(RequestId request) {
  std::uint64_t milliseconds = 0;
  for (std::size_t i = 0; i < 6; ++i)
    milliseconds = milliseconds << 8U | request.value.bytes()[i];
  return WallTime(std::chrono::milliseconds(milliseconds));
}

// Who was told of a row of another request, or of none, owes nothing.
metering::Counts counts_of(const ledgerlog::RequestEntry& entry) {
  if (entry.ledger_ref != fmt::format("settle/{}", entry.rid)) return {};
  const auto count = [](std::uint64_t tokens) { return static_cast<std::int64_t>(tokens); };
  return {.prompt = count(entry.tokens_in),
          .cached = count(entry.tokens_cached),
          .generated = count(entry.tokens_out)};
}

}  // namespace

class Reader::Cursor {
 public:
  Cursor(Files& files, const std::string& folder, Shared& shared)
      : tiles_(files, folder), shared_(shared) {
    shared.end.with([this](LogEnd& end) {
      signed_size_ = end.signed_size;
      size_ = end.size();
    });
  }
  std::uint64_t size() const { return size_; }

  Result<std::string> bytes(std::uint64_t index) {
    if (index >= size_) return no_such_entry();
    const bool in_tiles = index < signed_size_;
    if (!in_tiles) {
      if (const auto recent = recent_at(index)) return *recent;
      signed_size_ = size_;  // they have moved into tiles meanwhile
    }
    return from_tiles(index);
  }
  Result<ledgerlog::Entry> entry(std::uint64_t index) {
    TRY(const std::string text, bytes(index));
    return ledgerlog::parse_entry(text);
  }

 private:
  std::optional<std::string> recent_at(std::uint64_t index) {
    return shared_.end.with([&](LogEnd& end) -> std::optional<std::string> {
      if (index < end.signed_size || index >= end.size()) return std::nullopt;
      return end.recent[index - end.signed_size];
    });
  }
  Result<std::string> from_tiles(std::uint64_t index) {
    const TilePath path = ledgerlog::tile_of(TilePath::Kind::entries, 0, index, signed_size_);
    if (!path_ || *path_ != path) {
      path_.reset();
      TRY(bundle_, ledgerlog::read_tile(tiles_, path));
      TRY(entries_, ledgerlog::parse_bundle(bundle_, path.width));
      path_ = path;
    }
    return std::string(entries_[index % ledgerlog::kTileWidth]);
  }

  FolderTiles tiles_;
  Shared& shared_;
  std::uint64_t signed_size_ = 0;
  std::uint64_t size_ = 0;
  std::optional<TilePath> path_;  // of the bundle that is held
  std::string bundle_;
  std::vector<std::string_view> entries_;
};

// The first entry that is not older than `time`; by halves, so behind a clock that went back it is
// one of several.
Result<std::uint64_t> Reader::first_from(Cursor& cursor, WallTime time) {
  std::uint64_t low = 0;
  std::uint64_t high = cursor.size();
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    TRY(const auto entry, cursor.entry(middle));
    if (entry.head.time < time)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

Result<store::AuditPage> Reader::list(const store::AuditFilter& filter, std::size_t limit) {
  Cursor cursor(files_, folder_, shared_);
  std::string subject;
  if (filter.subject) {
    const auto reference =
        shared_.keys->with([&](KeyRing& keys) { return keys.find_reference(*filter.subject); });
    if (!reference) return store::AuditPage{};
    subject = to_hex(*reference);
  }
  std::uint64_t end = std::min(cursor.size(), filter.before.value_or(cursor.size()));
  if (filter.until) {
    TRY(const std::uint64_t until, first_from(cursor, *filter.until));
    end = std::min(end, until);
  }
  std::uint64_t begin = end > kScanMax ? end - kScanMax : 0;
  const bool cut = begin > 0;
  if (filter.from) {
    TRY(const std::uint64_t from, first_from(cursor, *filter.from));
    begin = std::max(begin, std::min(from, end));
  }
  store::AuditPage page;
  for (std::uint64_t index = end; index > begin && page.records.size() < limit; --index) {
    TRY(std::string bytes, cursor.bytes(index - 1));
    TRY(const auto entry, ledgerlog::parse_entry(bytes));
    page.next = index - 1;
    if (!matches(filter, subject, entry)) continue;
    page.records.push_back({.index = index - 1, .bytes = std::move(bytes)});
  }
  const bool all_seen = !page.next || *page.next == 0 || (*page.next <= begin && !cut);
  if (all_seen) page.next.reset();
  return page;
}

Result<store::AuditRecord> Reader::entry(std::uint64_t index) {
  Cursor cursor(files_, folder_, shared_);
  TRY(std::string bytes, cursor.bytes(index));
  return store::AuditRecord{.index = index, .bytes = std::move(bytes)};
}

Result<store::AuditRecord> Reader::find(RequestId request) {
  Cursor cursor(files_, folder_, shared_);
  TRY(const std::uint64_t first, first_from(cursor, time_of(request) - kClockRoom));
  const std::uint64_t end = std::min(cursor.size(), first + kScanMax);
  const std::string id = shown_id(request);
  for (std::uint64_t index = first; index < end; ++index) {
    TRY(std::string bytes, cursor.bytes(index));
    if (!bytes.contains(id)) continue;
    TRY(const auto entry, ledgerlog::parse_entry(bytes));
    const auto* found = std::get_if<ledgerlog::RequestEntry>(&entry.body);
    if (found != nullptr && found->rid == id)
      return store::AuditRecord{.index = index, .bytes = std::move(bytes)};
  }
  return no_such_entry();
}

Result<void> Reader::each_of(const std::vector<RequestId>& requests, const OnEntry& on_entry) {
  if (requests.empty()) return {};
  std::map<std::string, std::size_t, std::less<>> wanted;
  WallTime oldest = WallTime::max();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    wanted.emplace(shown_id(requests[i]), i);
    oldest = std::min(oldest, time_of(requests[i]));
  }
  Cursor cursor(files_, folder_, shared_);
  TRY(const std::uint64_t first, first_from(cursor, oldest - kClockRoom));
  for (std::uint64_t index = first; index < cursor.size(); ++index) {
    TRY(const std::string bytes, cursor.bytes(index));
    const auto found = wanted.find(request_in(bytes));
    if (found != wanted.end()) TRY_VOID(on_entry(found->second, bytes));
  }
  return {};
}

Result<void> Reader::drop_known(std::vector<store::RequestEntry>& requests) {
  std::vector<RequestId> ids;
  for (const store::RequestEntry& one : requests)
    ids.push_back(one.request);
  std::set<RequestId> known;
  TRY_VOID(each_of(ids, [&](std::size_t number, const std::string&) -> Result<void> {
    known.insert(ids[number]);
    return {};
  }));
  std::erase_if(requests, [&](const auto& one) { return known.contains(one.request); });
  return {};
}

Result<std::map<RequestId, metering::Counts>> Reader::ended(
    const std::vector<RequestId>& requests) {
  std::map<RequestId, metering::Counts> out;
  TRY_VOID(each_of(requests, [&](std::size_t number, const std::string& bytes) -> Result<void> {
    TRY(const auto entry, ledgerlog::parse_entry(bytes));
    if (const auto* request = std::get_if<ledgerlog::RequestEntry>(&entry.body))
      out[requests[number]] = counts_of(*request);
    return {};
  }));
  return out;
}

Result<store::AuditProof> Reader::prove(std::uint64_t index, std::optional<std::uint64_t> size) {
  store::AuditProof proof{.index = index, .hashes = {}, .checkpoint = {}};
  proof.checkpoint = shared_.end.with([](LogEnd& end) { return end.checkpoint; });
  TRY(const auto parsed, ledgerlog::parse_signed_checkpoint(proof.checkpoint));
  if (size.value_or(0) > parsed.checkpoint.size)
    return client_error(Code::not_found, "there is no checkpoint of that size yet", "size");
  if (size) proof.checkpoint.clear();
  const std::uint64_t tree = size.value_or(parsed.checkpoint.size);
  if (index >= tree) return no_such_entry();
  FolderTiles tiles(files_, folder_);
  ledgerlog::TileHashes hashes(tiles, tree);
  TRY(proof.hashes, ledgerlog::inclusion_proof(hashes, index, tree));
  return proof;
}

Result<std::string> Reader::detail(std::uint64_t index) {
  TRY(const auto record, entry(index));
  TRY(const auto entry, ledgerlog::parse_entry(record.bytes));
  const auto* admin = std::get_if<ledgerlog::AdminEntry>(&entry.body);
  if (admin == nullptr || admin->ct_hash.empty())
    return client_error(Code::not_found, "this entry has no encrypted part");
  std::optional<TenantId> tenant;
  if (!admin->tenant.empty()) {
    TRY(const Ulid id, Ulid::parse(admin->tenant));
    tenant = TenantId{id};
  }
  const Day day = std::chrono::floor<std::chrono::days>(entry.head.time);
  TRY(const auto sealed, details_.find(tenant, day, admin->ct_hash));
  auto plain = sealed ? shared_.keys->with([&](KeyRing& keys) { return keys.open_sealed(*sealed); })
                      : std::nullopt;
  if (!plain)
    return client_error(Code::not_found,
                        "the encrypted part of this entry can no longer be read: it was erased, or "
                        "is older than what is kept");
  return *std::move(plain);
}

Result<std::string> Reader::served(std::string_view path) {
  const bool named = path == "checkpoint" || path == "keys" || path == "witnessed";
  const auto tile = named ? Result<TilePath>(TilePath{}) : TilePath::parse(path);
  const auto missing = [] { return client_error(Code::not_found, "there is no such file"); };
  if (!tile) return missing();
  TRY(auto bytes, files_.read(folder_ + "/" + (named ? std::string(path) : tile->text())));
  if (!bytes) return missing();
  return *std::move(bytes);
}

}  // namespace sovmesh::audit_files
