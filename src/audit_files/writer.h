#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "audit_files/details.h"
#include "audit_files/files.h"
#include "audit_files/folder_tiles.h"
#include "audit_files/held_counts.h"
#include "audit_files/journal.h"
#include "audit_files/key_ring.h"
#include "audit_files/mailbox.h"
#include "audit_files/options.h"
#include "audit_files/signer.h"
#include "audit_files/signing_desk.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"
#include "ledgerlog/checkpoint.h"
#include "ledgerlog/edge.h"
#include "ledgerlog/entry.h"
#include "rt/semaphore.h"
#include "store/audit.h"

namespace sovmesh::audit_files {

// What readers see of the log's end.
struct LogEnd {
  std::uint64_t signed_size = 0;   // tiles hold what is below
  std::deque<std::string> recent;  // the entries from signed_size on, durable in the pending file
  std::string checkpoint;          // the last signed note
  std::uint64_t size() const { return signed_size + recent.size(); }
};

// What the writer sleeps on.
struct Call {
  rt::Semaphore called;
  std::atomic<bool> woken{false};
  void wake() {
    if (!woken.exchange(true)) called.release();
  }
};

struct WriterCounts {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<std::uint64_t> checkpoints{0};
  std::atomic<std::uint64_t> sync_nanoseconds{0};
};

// What writer, facade and readers share.
struct Shared {
  Guarded<Mailbox> mailbox;
  Guarded<LogEnd> end;
  std::unique_ptr<Guarded<KeyRing>> keys;
  WriterCounts counts;
  Call call;
};

inline constexpr std::string_view kActionStart = "audit.start";
inline constexpr std::string_view kActionStop = "audit.stop";
inline constexpr std::string_view kActionResume = "audit.resume";

// How long the writer may be left alone: nothing means until it is woken, zero means not at all.
using Pause = std::optional<std::chrono::milliseconds>;

// The one that writes. An entry's way:
//
//   mailbox -> pending file, synced: durable, append() returns
//           -> next pending file; tiles, each renamed into place -> signer -> checkpoint file
//
// The signer works beside: meanwhile more entries become durable in the next pending file. So a
// crash finds every acknowledged entry in tiles below the checkpoint or in the pending file,
// and what was signed is always a beginning of that. One thread.
class Writer {
 public:
  static constexpr std::size_t kBatchMax = 1'024;        // entries of one commit
  static constexpr std::uint64_t kUnsignedMax = 60'000;  // entries without a checkpoint
  // Notes wait so long for each other, or until a commit is full. Who reads sees them at once, and
  // a crash leaves rows in the ledger from which they are made again; it takes only those of
  // requests that have no row of their own (refused, or answered again).
  static constexpr std::chrono::milliseconds kGather{100};
  static constexpr std::chrono::milliseconds kRetry{1'000};     // after a full disk, a dead signer
  static constexpr std::uint64_t kPendingKeep = 1U << 20;       // bytes: no new file for less
  static constexpr std::size_t kPartialsKept = 2;               // checkpoints
  static constexpr std::size_t kFoldersMax = 10'000;            // known to be there
  static constexpr std::uint64_t kPendingBytesMax = 32U << 20;  // then a checkpoint is due
  // Kept of the disk for a run that finds it full: for its last entries, and in front of them for
  // those of administrators, who read when something is wrong. These get a slice when less is free.
  static constexpr std::size_t kLastReserve = 256U << 10;
  static constexpr std::size_t kReserve = kLastReserve + (1U << 20);
  static constexpr std::size_t kReserveSlice = 128U << 10;
  static constexpr std::size_t kOrderRoom = 64U << 10;
  // More than a slice: a disk that was full is tried again only then.
  static constexpr std::size_t kResumeRoom = 1U << 20;
  // Then what was given up is taken back.
  static constexpr std::size_t kRefillRoom = 16U << 20;
  static constexpr std::chrono::seconds kRefillEvery{5};
  static constexpr std::chrono::seconds kSaveHeldEvery{1};
  static constexpr std::chrono::seconds kTroubleEvery{60};
  // A rotation waits so long for a signature that is under way, and the end of a run for the last.
  static constexpr std::chrono::seconds kRotateWait{2};
  static constexpr std::chrono::seconds kLastWait{10};
  static constexpr std::size_t kAwaitingMax = 1'024;  // calls that wait for a checkpoint

  Writer(Files& files, const Clock& clock, Random& random, Options options, Shared& shared,
         WriterRuns runs);
  // Reads what is there, repairs what a crash left, and signs it. Code::data_dir_invalid for a log
  // that must not go on.
  Result<void> open(const MakeSigner& make_signer);

  Pause run_once();
  // The last round: everything durable and signed as far as it can be. False: of some that it was
  // told there is nothing.
  bool finish();

 private:
  struct Line {
    std::string bytes;
    SharedOrder order;                       // null: nobody waits
    std::optional<ledgerlog::KeyEntry> key;  // a rotation takes force
  };
  // Something that goes wrong again and again, and gets one entry a minute with a count.
  struct Trouble {
    std::string action;
    std::string reason;
    std::uint64_t count = 0;  // not yet told
    Instant tell_at{};
  };
  // A call that waits until a checkpoint covers so many entries.
  struct Awaiting {
    SharedOrder order;
    std::uint64_t size = 0;
  };
  // An entry that came to be although its caller was told that it had not.
  struct Late {
    std::uint64_t index = 0;
    store::AdminEntry entry;
  };
  struct Batch {
    std::vector<Line> lines;
    std::size_t late = 0;                     // so many of late_ are among them
    std::array<std::uint64_t, 2> troubles{};  // counts of troubles_ that are told
    Gap gap;                                  // that one of the lines tells of; count 0: none
    std::vector<RefusedSum> refused;          // that lines tell of
    // To go back to when it is not written.
    WallTime time_before{};
    std::optional<std::chrono::nanoseconds> skew_before;
  };

  // writer_open.cpp
  Result<void> make_folders(bool is_new);
  Result<void> keep_reserve();
  Result<void> read_held();
  Result<void> drop_leftovers();
  Result<bool> is_told(const std::function<bool(const ledgerlog::AdminEntry&)>& tells);
  Result<void> add_held(Batch& batch);
  Result<void> add_held_gap(Batch& batch);
  Result<void> read_origin(bool is_new);
  Result<void> read_signed(const std::string& checkpoint);
  Result<void> read_pending();
  Result<void> check_signer();
  Result<void> settle_rotation(const SignerState& state);
  Result<void> take_pending(std::uint64_t first, const std::vector<std::string_view>& entries);
  Result<void> begin_log();
  Result<void> read_last();
  Result<void> note_start();
  Result<void> finish_erasures();

  // writer.cpp
  std::string pending_folder() const { return options_.folder + "/pending"; }
  std::string reserve_file() const { return options_.folder + "/reserve"; }
  std::uint64_t free_bytes() const;
  bool make_room();
  void refill_reserve();
  Gap untold_gap();
  void save_held();
  WallTime entry_time();
  std::uint64_t next_index(const Batch& batch) const { return edge_.size() + batch.lines.size(); }
  ledgerlog::EntryHead next_head(const Batch& batch) {
    return {.seq = next_index(batch), .time = entry_time()};
  }
  Result<void> add(Batch& batch, const ledgerlog::EntryBody& body, SharedOrder order = nullptr);
  Result<void> add_system(Batch& batch, store::AdminEntry entry);
  Result<void> add_order(Batch& batch, const SharedOrder& order, std::optional<Digest> concerns);
  void add_note(Batch& batch, const store::RequestEntry& note);
  void watch_clock(Batch& batch);
  Result<void> commit(Batch& batch);
  Result<void> take_in(Batch& batch);
  void take_mail();
  void write_mail();
  void add_waiting(Batch& batch);
  void add_probe(Batch& batch);
  void add_gap(Batch& batch);
  void add_refused(Batch& batch);
  bool refused_are_due() const;
  void add_plain(Batch& batch, std::vector<SharedOrder> orders);
  void add_news(Batch& batch);
  void forget_news(const Batch& batch);
  bool has_news() const;
  bool drop_rest();
  void undo_time(const Batch& batch);
  void note_policy(const store::AdminEntry& entry);
  void write_special();
  Result<store::AuditReceipt> special(const SharedOrder& order);
  Result<store::AuditReceipt> add_requests(const SharedOrder& order);
  Result<store::AuditReceipt> erase(const SharedOrder& order);
  Result<store::AuditReceipt> hold(const SharedOrder& order);
  Result<store::AuditReceipt> rotate(const SharedOrder& order);
  Result<void> close_rotation();
  Result<store::AuditReceipt> commit_one(const SharedOrder& order,
                                         const std::optional<Digest>& concerns);
  void note_failure(const Error& error);
  static Error broken_error();
  static Error of_signer(const Error& error);
  Pause pause();
  void drop_notes(Mailbox& box);
  void refuse(Refusal refusal);
  void keep_house();

  // writer_checkpoint.cpp
  Instant checkpoint_due() const;
  Result<void> begin_checkpoint();
  Result<void> end_checkpoint(const std::string& note);
  Result<void> checkpoint(std::chrono::seconds limit);
  void try_checkpoint();
  void collect_checkpoint();
  void await_checkpoint(const SharedOrder& order);
  void tell_awaiting(const Result<void>& done);
  void note_checkpoint_failure(const Error& error);
  Result<void> make_folders_of(const std::string& path, std::set<std::string>& to_sync);
  Result<std::string> sign(std::uint64_t size, const Digest& root);
  Result<void> write_tiles();
  Result<void> write_keys();
  Result<void> next_pending();
  Result<void> drop_pending();
  void drop_partials(std::uint64_t size);
  void export_checkpoint(const std::string& note, std::uint64_t size);

  Files& files_;
  const Clock& clock_;
  Random& random_;
  Options options_;
  Shared& shared_;
  std::unique_ptr<Signer> signer_;
  FolderTiles tiles_;
  Details details_;

  ledgerlog::LogEdge edge_;
  ledgerlog::LogKeys log_keys_;
  bool keys_changed_ = false;
  std::uint64_t covered_ = 0;  // size that the checkpoint file speaks for
  std::optional<Journal> pending_;
  bool must_sign_ = false;                      // even when nothing is new
  std::vector<ledgerlog::TileFile> unwritten_;  // that no disk has yet
  std::set<std::string> folders_;               // that are known to be there
  std::vector<std::uint64_t> partials_of_;      // sizes whose partial tiles are still there
  bool rotation_is_open_ = false;               // the signer may know one that the log does not
  bool unclean_ = false;                        // the last run did not end by itself
  std::uint64_t recovered_ = 0;

  std::vector<store::RequestEntry> notes_;  // taken, not yet durable
  std::string note_texts_;                  // scratch: what the entry of a note points to
  std::vector<SharedOrder> orders_;
  std::vector<Late> late_;  // at most as many as orders
  Trouble signing_{.action = "checkpoint.sign",
                   .reason = "checkpoints that could not be made or signed; count: attempts"};
  Trouble exporting_{.action = "checkpoint.publish",
                     .reason = "checkpoints that could not be written to export_path"};
  std::string policy_;       // configuration in force
  std::string config_hash_;  // of that
  WallTime last_time_{};
  std::optional<std::chrono::nanoseconds> wall_minus_monotonic_;
  Instant last_checkpoint_{};
  Instant retry_at_{};
  Instant retry_checkpoint_at_{};
  Instant last_export_{};
  std::optional<Instant> gather_since_;
  Day last_house_keeping_{};
  bool probe_ = false;  // the disk was full: the next commit says so
  std::uint64_t reserve_left_ = 0;
  Instant refill_at_{};
  std::optional<HeldCounts> held_;  // nothing: there was no room for the file
  Instant save_held_at_{};
  bool broken_ = false;
  std::uint64_t signing_size_ = 0;  // of the tree that is at the desk
  std::vector<Awaiting> awaiting_;
  SigningDesk desk_;  // last: what runs there refers to the rest
};

}  // namespace sovmesh::audit_files
