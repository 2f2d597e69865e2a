#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "audit_files/writer.h"
#include "base/bytes.h"

// From durable entries to a signed checkpoint, in this order: tiles, keys, signature, checkpoint.
namespace sovmesh::audit_files {
// Whether the signer cannot (try again) or will not (never go on).
Error Writer::of_signer(const Error& error) {
  const bool refused = error.code() == Code::conflict || error.code() == Code::data_dir_invalid;
  return {refused ? Code::data_dir_invalid : Code::dependency_unavailable, Blame::us,
          error.message()};
}

// Many entries make it sooner, but not so soon that its syncs are what a loaded log does.
Instant Writer::checkpoint_due() const {
  const std::uint64_t waiting = edge_.size() - covered_;
  if (broken_ || desk_.is_busy() || waiting == 0) return Instant::max();
  const bool many = waiting >= options_.checkpoint_entries;
  const auto apart = many ? options_.checkpoint_every / 2 : options_.checkpoint_every;
  const Instant due = pending_->size() > kPendingBytesMax ? Instant{} : last_checkpoint_ + apart;
  return std::max(due, retry_checkpoint_at_);
}

void Writer::try_checkpoint() {
  if (broken_ || desk_.is_busy() || clock_.now() < retry_checkpoint_at_) return;
  if (const auto begun = begin_checkpoint(); !begun) {
    note_checkpoint_failure(begun.error());
    return;
  }
  collect_checkpoint();
}

void Writer::note_checkpoint_failure(const Error& error) {
  ++shared_.counts.failures;
  ++signing_.count;
  retry_checkpoint_at_ = clock_.now() + kRetry;
  if (error.code() == Code::overloaded || error.code() == Code::dependency_unavailable) return;
  broken_ = true;
  refuse(Refusal::broken);
}

// Everything so far goes into tiles, and the tree to the signer.
Result<void> Writer::begin_checkpoint() {
  TRY_VOID(close_rotation());
  TRY_VOID(write_tiles());
  TRY_VOID(write_keys());
  if (const auto done = next_pending(); !done) {
    // The old one goes on; one that cannot be named durably is as bad as a failed sync.
    if (done.error().code() != Code::overloaded) return done;
  }
  signing_size_ = edge_.size();
  desk_.begin([this, size = signing_size_, root = edge_.root()] { return sign(size, root); });
  return {};
}

Result<void> Writer::end_checkpoint(const std::string& note) {
  const std::uint64_t size = signing_size_;
  TRY_VOID(files_.replace(options_.folder + "/checkpoint", note));
  covered_ = size;
  must_sign_ = false;
  shared_.end.with([&](LogEnd& end) {
    const auto done = static_cast<std::ptrdiff_t>(size - end.signed_size);
    end.recent.erase(end.recent.begin(), end.recent.begin() + done);
    end.signed_size = size;
    end.checkpoint = note;
  });
  ++shared_.counts.checkpoints;
  last_checkpoint_ = clock_.now();
  if (const auto done = drop_pending(); !done && done.error().code() != Code::overloaded)
    return done;
  drop_partials(size);
  export_checkpoint(note, size);
  return {};
}

// What has come from the signer, if anything has.
void Writer::collect_checkpoint() {
  const auto note = desk_.collect();
  if (!note) return;
  const Result<void> done = *note ? end_checkpoint(**note) : fail(note->error());
  if (!done) note_checkpoint_failure(done.error());
  tell_awaiting(done);
  if (awaiting_.empty() || broken_) return;
  // More came while it was made.
  if (const auto begun = begin_checkpoint(); !begun) {
    note_checkpoint_failure(begun.error());
    tell_awaiting(begun);
  }
}

void Writer::await_checkpoint(const SharedOrder& order) {
  if (broken_) {
    order->finish(fail(broken_error()));
    return;
  }
  if (edge_.size() == covered_ && !must_sign_) {
    order->finish(store::AuditReceipt{.index = edge_.size()});
    return;
  }
  if (awaiting_.size() >= kAwaitingMax) {
    order->finish(our_error(Code::overloaded, "too many wait for a checkpoint"));
    return;
  }
  awaiting_.push_back({.order = order, .size = edge_.size()});
  if (desk_.is_busy()) return;
  if (const auto begun = begin_checkpoint(); !begun) {
    note_checkpoint_failure(begun.error());
    tell_awaiting(begun);
  }
  collect_checkpoint();
}

// A checkpoint is made: all that it covers are served. It is not: all are told why.
void Writer::tell_awaiting(const Result<void>& done) {
  std::erase_if(awaiting_, [&](const Awaiting& one) {
    if (done && one.size > covered_) return false;
    if (done)
      one.order->finish(store::AuditReceipt{.index = one.size});
    else
      one.order->finish(fail(done.error()));
    return true;
  });
}

// Everything so far is covered on return: for the begin and the end of a run, and of a key. The
// writer waits for a signature then, at most so long for each.
Result<void> Writer::checkpoint(std::chrono::seconds limit) {
  while (edge_.size() != covered_ || must_sign_) {
    if (!desk_.is_busy()) {
      TRY_VOID(begin_checkpoint());
    }
    if (!desk_.wait_until(clock_.now() + limit))
      return our_error(Code::dependency_unavailable, "the audit signer does not answer");
    const auto note = desk_.collect();
    const Result<void> done = *note ? end_checkpoint(**note) : fail(note->error());
    tell_awaiting(done);
    if (!done) return done;
  }
  return {};
}

// Asks what it signed last: an answer of it may have got lost.
// At the desk: reads tiles, which stay as they are, and nothing else that is the writer's.
Result<std::string> Writer::sign(std::uint64_t size, const Digest& root) {
  const auto state = signer_->state();
  if (!state) return fail(of_signer(state.error()));
  ledgerlog::Proof proof;
  if (state->size > 0 && state->size < size) {
    ledgerlog::TileHashes hashes(tiles_, size);
    TRY(proof, ledgerlog::consistency_proof(hashes, state->size, size));
  }
  auto note = signer_->sign(size, root, proof);
  if (!note) return fail(of_signer(note.error()));
  return *std::move(note);
}

// Makes the folders above `path` that are not there; adds those whose names must be synced.
Result<void> Writer::make_folders_of(const std::string& path, std::set<std::string>& to_sync) {
  std::vector<std::string> missing;
  for (std::string folder = folder_of(path); !folders_.contains(folder);
       folder = folder_of(folder)) {
    missing.push_back(folder);
    if (folder.size() <= options_.folder.size()) break;
  }
  for (const std::string& folder : missing | std::views::reverse) {
    TRY_VOID(files_.make_folder(folder));
    to_sync.insert(folder_of(folder));
  }
  to_sync.insert(folder_of(path));
  return {};
}

Result<void> Writer::write_tiles() {
  for (ledgerlog::TileFile& file : edge_.take_files())
    unwritten_.push_back(std::move(file));
  std::set<std::string> to_sync;
  for (const ledgerlog::TileFile& file : unwritten_) {
    const std::string path = options_.folder + "/" + file.path.text();
    TRY_VOID(make_folders_of(path, to_sync));
    TRY_VOID(files_.replace_unsynced(path, file.bytes));
  }
  for (const std::string& folder : to_sync) {
    TRY_VOID(files_.sync_folder(folder));
  }
  folders_.insert(to_sync.begin(), to_sync.end());
  if (folders_.size() > kFoldersMax) folders_.clear();
  unwritten_.clear();
  return {};
}

Result<void> Writer::write_keys() {
  if (!keys_changed_) return {};
  TRY_VOID(files_.replace(options_.folder + "/keys", log_keys_.text()));
  keys_changed_ = false;
  return {};
}

// What comes now goes into a file of its own: the one before can go when the tree is signed. A
// small one is kept: what is in it twice is passed over.
Result<void> Writer::next_pending() {
  if (pending_->size() < kPendingKeep) return {};
  const std::string path = fmt::format("{}/{:020}", pending_folder(), edge_.size());
  std::vector<std::string> records;
  TRY(pending_, Journal::open(files_, path, &records));
  return {};
}

// Everything in front of a file that begins with a number of at most covered_ is signed for.
Result<void> Writer::drop_pending() {
  TRY(auto names, files_.list(pending_folder()));
  std::ranges::sort(names);
  const std::string covered = fmt::format("{:020}", covered_);
  for (std::size_t i = 0; i + 1 < names.size() && names[i + 1] <= covered; ++i) {
    TRY_VOID(files_.remove(pending_folder() + "/" + names[i]));
  }
  return {};
}

// Readers of the last checkpoint still find its partial tiles, and so does a copy that is being
// made; those of the checkpoint before it go. What cannot be removed is left.
void Writer::drop_partials(std::uint64_t size) {
  partials_of_.push_back(size);
  if (partials_of_.size() <= kPartialsKept) return;
  std::set<ledgerlog::TilePath> wanted;
  for (std::size_t i = 1; i < partials_of_.size(); ++i) {
    for (const auto& path : ledgerlog::partial_tiles_of(partials_of_[i]))
      wanted.insert(path);
  }
  for (const auto& path : ledgerlog::partial_tiles_of(partials_of_.front())) {
    if (wanted.contains(path)) continue;
    const std::string file = options_.folder + "/" + path.text();
    (void)files_.remove(file);
  }
  partials_of_.erase(partials_of_.begin());
}

// One file per size, never overwritten, best effort: the log itself does not wait for a share that
// is away. It is written in place, because a volume that forbids overwriting forbids renaming, too;
// the next checkpoint that is exported stands for all before it.
void Writer::export_checkpoint(const std::string& note, std::uint64_t size) {
  const Instant now = clock_.now();
  if (options_.export_folder.empty()) return;
  if (last_export_ != Instant{} && now - last_export_ < options_.export_every) return;
  const auto done = [&]() -> Result<void> {
    TRY(const auto file,
        files_.open(fmt::format("{}/{:020}.checkpoint", options_.export_folder, size)));
    if (file->size() > 0) return {};
    TRY_VOID(file->append(note));
    TRY_VOID(file->sync());
    return files_.sync_folder(options_.export_folder);
  }();
  if (done) {
    last_export_ = now;
    return;
  }
  ++shared_.counts.failures;
  ++exporting_.count;
}

}  // namespace sovmesh::audit_files
