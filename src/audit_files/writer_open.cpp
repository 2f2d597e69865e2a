#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "audit_files/entry_form.h"
#include "audit_files/pending.h"
#include "audit_files/writer.h"
#include "base/bytes.h"

// What a start finds, and what it does about it.
//
//   checkpoint  tiles   pending        signer last signed
//   none        none    none           nothing               a new log
//   N           >= N    ends at M      N                     entries N..M are taken in
//   N           >= M    ends at M      M (crash before the   M is signed again: the same tree
//                                      file was written)
//   N                   ends below     more than that        refused: entries are missing
namespace sovmesh::audit_files {
namespace {

using ledgerlog::KeyEntry;

std::unexpected<Error> invalid(std::string why) {
  return our_error(Code::data_dir_invalid, "audit log: " + std::move(why));
}

}  // namespace

Result<void> Writer::open(const MakeSigner& make_signer) {
  TRY(const auto checkpoint_file, files_.read(options_.folder + "/checkpoint"));
  TRY_VOID(make_folders(!checkpoint_file));
  TRY_VOID(keep_reserve());
  TRY_VOID(read_held());
  TRY_VOID(files_.drop_leftovers(options_.folder));
  TRY_VOID(files_.drop_leftovers(options_.secrets, "audit."));
  TRY_VOID(read_origin(!checkpoint_file));
  TRY(KeyRing keys, KeyRing::open(files_, options_.secrets, random_));
  shared_.keys = std::make_unique<Guarded<KeyRing>>(std::move(keys));
  TRY(signer_, make_signer({.key_file = options_.secrets + "/audit.key",
                            .state_file = options_.secrets + "/audit.signer",
                            .origin = options_.origin,
                            .new_log = !checkpoint_file}));
  if (checkpoint_file) {
    TRY_VOID(read_signed(*checkpoint_file));
  }
  const std::uint64_t signed_size = edge_.size();
  TRY_VOID(read_pending());
  recovered_ = edge_.size() - signed_size;
  TRY_VOID(drop_leftovers());
  TRY_VOID(check_signer());
  if (edge_.size() == 0) {
    TRY_VOID(begin_log());
  }
  TRY_VOID(read_last());
  TRY_VOID(note_start());
  TRY_VOID(finish_erasures());
  must_sign_ = true;
  return checkpoint(kLastWait);
}

Result<void> Writer::make_folders(bool is_new) {
  for (const std::string& folder :
       {options_.folder, options_.folder + "/pending", options_.folder + "/detail"}) {
    TRY_VOID(files_.make_folder(folder));
    if (is_new) TRY_VOID(files_.sync_folder(folder_of(folder)));
  }
  return {};
}

// On a full disk the log goes on with what is left of it.
Result<void> Writer::keep_reserve() {
  const auto kept = files_.open(reserve_file());
  reserve_left_ = kept ? (*kept)->size() : 0;
  if (reserve_left_ == kReserve) return {};
  const auto made = files_.replace(reserve_file(), std::string(kReserve, '\0'));
  if (made) reserve_left_ = kReserve;
  return made || made.error().code() == Code::overloaded ? Result<void>() : made;
}

Result<void> Writer::read_held() {
  auto held = HeldCounts::open(files_, options_.folder + "/held");
  if (!held && held.error().code() != Code::overloaded) return fail(held.error());
  if (held) held_ = *std::move(held);
  shared_.mailbox.with([&](Mailbox& box) { box.saves_held = held_.has_value(); });
  return {};
}

// Tiles that a kill left half written. They are of entries behind the last checkpoint, which are
// all here again, whatever size the log had then.
Result<void> Writer::drop_leftovers() {
  std::set<std::string> folders;
  for (ledgerlog::TilePath path : ledgerlog::tiles_of_append(covered_, edge_.size())) {
    path.width = ledgerlog::kTileWidth;
    const std::string full = options_.folder + "/" + path.text();
    folders.insert({folder_of(full), full + ".p"});
  }
  for (const std::string& folder : folders) {
    TRY_VOID(files_.drop_leftovers(folder));
  }
  return {};
}

// The process may have died between the entry and the file.
Result<bool> Writer::is_told(const std::function<bool(const ledgerlog::AdminEntry&)>& tells) {
  const std::uint64_t signed_size = shared_.end.with([](LogEnd& end) { return end.signed_size; });
  for (std::uint64_t i = held_->note().log_size; i < edge_.size(); ++i) {
    std::string bytes = shared_.end.with(
        [&](LogEnd& end) { return i < signed_size ? std::string() : end.recent[i - signed_size]; });
    if (i < signed_size) {
      TRY(bytes, ledgerlog::read_entry(tiles_, i, signed_size));
    }
    const auto entry = ledgerlog::parse_entry(bytes);
    const auto* admin = entry ? std::get_if<ledgerlog::AdminEntry>(&entry->body) : nullptr;
    if (admin != nullptr && tells(*admin)) return true;
  }
  return false;
}

// What the run before counted on a full disk, and did not live to tell.
Result<void> Writer::add_held(Batch& batch) {
  if (!held_) return {};
  TRY_VOID(add_held_gap(batch));
  if (held_->note().count == 0 && !held_->is_damaged()) return {};
  if (!held_->is_damaged()) {
    TRY(const bool is_done, is_told([](const ledgerlog::AdminEntry& entry) {
          return entry.action == kActionRefused && entry.object_ref.empty();
        }));
    if (is_done) return {};
  }
  store::AdminEntry entry;
  entry.action = std::string(kActionRefused);
  entry.outcome = "denied";
  entry.count = held_->note().count;
  entry.reason = held_->is_damaged() ? "refused while the disk had no room; how many is lost: that "
                                       "process did not end by itself"
                                     : "not written while the disk had no room for it; that "
                                       "process did not end by itself, and "
                                       "those of its last moments are missing: " +
                                           held_->note().text;
  return add_system(batch, std::move(entry));
}

// Entries that waited for room came with the one that says that there is room again.
Result<void> Writer::add_held_gap(Batch& batch) {
  const Gap& gap = held_->note().gap;
  if (gap.count == 0) return {};
  TRY(const bool is_done, is_told([](const ledgerlog::AdminEntry& entry) {
        return entry.action == kActionGap || entry.action == kActionResume;
      }));
  if (is_done) return {};
  return add_system(batch, gap_entry(gap,
                                     "requests that ended while the disk had no room for their "
                                     "entries; that process did not end by itself, and those of "
                                     "its last moments are missing"));
}

Result<void> Writer::read_origin(bool is_new) {
  const std::string path = options_.folder + "/origin";
  TRY(const auto text, files_.read(path));
  const std::string there = text ? text->substr(0, text->find('\n')) : std::string();
  if (there.empty() && !is_new) return invalid(fmt::format("'{}' is missing: restore it", path));
  if (!there.empty() && !options_.origin.empty() && options_.origin != there)
    return invalid(fmt::format("it is called '{}' for ever, and the configuration calls it '{}'",
                               there, options_.origin));
  if (!there.empty()) {
    options_.origin = there;
    return {};
  }
  if (options_.origin.empty()) {
    std::array<unsigned char, 4> bytes{};
    random_.fill(bytes);
    options_.origin = "sovmesh-" + to_hex(bytes);
  }
  return files_.replace(path, options_.origin + "\n");
}

// The tree up to the checkpoint: only its right edge is read, and must lead to the signed root.
Result<void> Writer::read_signed(const std::string& checkpoint) {
  const std::string path = options_.folder + "/keys";
  TRY(const auto keys, files_.read(path));
  if (!keys) return invalid(fmt::format("'{}' is missing: restore it", path));
  const auto parsed_keys = ledgerlog::LogKeys::parse(*keys);
  if (!parsed_keys) return invalid(path + ": " + parsed_keys.error().message());
  log_keys_ = *parsed_keys;
  const auto parsed = ledgerlog::parse_signed_checkpoint(checkpoint);
  if (!parsed) return invalid("its checkpoint is damaged: " + parsed.error().message());
  if (parsed->checkpoint.origin != options_.origin)
    return invalid("its checkpoint is that of a log of another name");
  if (log_keys_.signer_of(*parsed) == nullptr)
    return invalid("its checkpoint is not signed by a key of the log");
  const std::uint64_t size = parsed->checkpoint.size;
  auto edge = ledgerlog::LogEdge::load(tiles_, size, parsed->checkpoint.root);
  if (!edge) return invalid("its last tiles: " + edge.error().message());
  edge_ = *std::move(edge);
  partials_of_ = {size};
  covered_ = size;
  shared_.end.with([&](LogEnd& end) {
    end.signed_size = size;
    end.checkpoint = checkpoint;
  });
  return {};
}

Result<void> Writer::read_pending() {
  TRY(const auto names, files_.list(pending_folder()));
  for (const std::string& name : names) {
    const std::string path = pending_folder() + "/" + name;
    std::vector<std::string> records;
    TRY(pending_, Journal::open(files_, path, &records));
    for (const std::string& record : records) {
      const auto commit = parse_pending(record);
      if (!commit) return invalid(path + " is damaged");
      TRY_VOID(take_pending(commit->first, commit->entries));
    }
  }
  if (pending_) return {};
  const std::string path = fmt::format("{}/{:020}", pending_folder(), edge_.size());
  std::vector<std::string> none;
  TRY(pending_, Journal::open(files_, path, &none));
  return {};
}

Result<void> Writer::take_pending(std::uint64_t first,
                                  const std::vector<std::string_view>& entries) {
  Batch batch;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t index = first + i;
    if (index < edge_.size()) continue;  // in the tree already
    if (index > next_index(batch))
      return invalid(fmt::format("entries {} to {} are missing", next_index(batch), index - 1));
    const auto entry = ledgerlog::parse_entry(entries[i]);
    if (!entry) return invalid(fmt::format("entry {} is damaged", index));
    Line line{.bytes = std::string(entries[i]), .order = nullptr, .key = {}};
    if (const auto* key = std::get_if<KeyEntry>(&entry->body)) line.key = *key;
    batch.lines.push_back(std::move(line));
  }
  return take_in(batch);
}

Result<void> Writer::check_signer() {
  TRY(const SignerState state, signer_->state());
  if (log_keys_.ranges().empty()) {
    TRY(const auto key, ledgerlog::NoteKey::parse(state.key));
    log_keys_ = ledgerlog::LogKeys({{.key = key, .from = 0, .until = {}}});
    // Rotations among the entries that were pending before there was a checkpoint do not exist:
    // a rotation makes one first.
    keys_changed_ = true;
  }
  if (state.size > edge_.size())
    return invalid(
        fmt::format("it has {} entries, and its key has signed {}: entries are missing; "
                    "restore it from a backup",
                    edge_.size(), state.size));
  return settle_rotation(state);
}

// A rotation that has begun goes on when its entry is in the log, and never was when it is not.
Result<void> Writer::settle_rotation(const SignerState& state) {
  if (!state.rotation) return {};
  const auto next = ledgerlog::NoteKey::parse(state.rotation->next);
  const bool announced = next && log_keys_.holding(*next) != nullptr;
  if (announced) return {};
  return signer_->cancel_rotation();
}

Result<void> Writer::begin_log() {
  TRY(const auto first, signer_->key_start());
  Batch batch;
  TRY_VOID(add(batch, first));
  return commit(batch);
}

// Time goes on from the last entry; one that says that the log was closed is the last of a run.
Result<void> Writer::read_last() {
  const std::string last = shared_.end.with(
      [](LogEnd& end) { return end.recent.empty() ? std::string() : end.recent.back(); });
  std::string bytes = last;
  if (bytes.empty()) {
    TRY(bytes, ledgerlog::read_entry(tiles_, edge_.size() - 1, edge_.size()));
  }
  const auto entry = ledgerlog::parse_entry(bytes);
  if (!entry) return invalid(fmt::format("entry {} is damaged", edge_.size() - 1));
  const auto* admin = std::get_if<ledgerlog::AdminEntry>(&entry->body);
  unclean_ = edge_.size() > 1 && (admin == nullptr || admin->action != kActionStop);
  last_time_ = entry->head.time;
  // A clock that went back while we were away is seen by watch_clock(), as one that does it now.
  const WallTime wall = std::max(last_time_, clock_.wall_now());
  wall_minus_monotonic_ = std::chrono::nanoseconds(wall.time_since_epoch()) -
                          std::chrono::nanoseconds(clock_.now().time_since_epoch());
  return {};
}

Result<void> Writer::note_start() {
  Batch batch;
  watch_clock(batch);
  store::AdminEntry entry;
  entry.action = std::string(kActionStart);
  entry.count = recovered_;
  if (unclean_)
    entry.reason =
        "the run before did not end by itself: entries of requests that ended in its last moments "
        "and counts of refused requests may be missing; count: entries taken in from the pending "
        "file";
  TRY_VOID(add_system(batch, std::move(entry)));
  TRY_VOID(add_held(batch));
  TRY_VOID(commit(batch));
  const bool is_done = held_ && (!held_->note().is_empty() || held_->is_damaged());
  return is_done ? held_->save({}) : Result<void>();
}

}  // namespace sovmesh::audit_files
