#include "audit_files/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <utility>

#include "audit_files/entry_form.h"
#include "audit_files/pending.h"
#include "base/bytes.h"

namespace sovmesh::audit_files {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kClockStep{5};  // a smaller one is smoothed over

Day day_of(WallTime time) { return std::chrono::floor<std::chrono::days>(time); }

bool is_plain(const SharedOrder& order) { return order->kind == Order::Kind::entry; }

Error copy_of(const Error& error) { return error; }

}  // namespace

Writer::Writer(Files& files, const Clock& clock, Random& random, Options options, Shared& shared,
               WriterRuns runs)
    : files_(files),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      shared_(shared),
      tiles_(files, options_.folder),
      details_(files, options_.folder + "/detail"),
      desk_(runs, [&shared] { shared.call.wake(); }) {}

// Never goes back, except behind an entry that says so.
WallTime Writer::entry_time() { return last_time_ = std::max(last_time_, clock_.wall_now()); }

Result<void> Writer::add(Batch& batch, const ledgerlog::EntryBody& body, SharedOrder order) {
  TRY(std::string bytes, ledgerlog::write_entry(next_head(batch), body));
  batch.lines.push_back({.bytes = std::move(bytes), .order = std::move(order), .key = {}});
  if (const auto* key = std::get_if<ledgerlog::KeyEntry>(&body)) batch.lines.back().key = *key;
  return {};
}

Result<void> Writer::add_system(Batch& batch, store::AdminEntry entry) {
  TRY(const auto body, shared_.keys->with([&](KeyRing& keys) {
    return log_form(entry, keys, std::nullopt, std::nullopt);
  }));
  return add(batch, body);
}

Result<void> Writer::add_order(Batch& batch, const SharedOrder& order,
                               std::optional<Digest> concerns) {
  const store::AdminEntry& entry = order->entry;
  if (!concerns && entry.concerns) {
    TRY(concerns,
        shared_.keys->with([&](KeyRing& keys) { return keys.reference(*entry.concerns); }));
  }
  const Day day = day_of(entry_time());
  std::optional<Digest> detail;
  if (!entry.detail.empty()) {
    const store::AuditSubject whose =
        actor_of(entry).value_or(store::AuditSubject{.tenant = entry.tenant, .id = {}});
    TRY(const std::string sealed,
        shared_.keys->with([&](KeyRing& keys) { return keys.seal(whose, day, entry.detail); }));
    TRY(detail, details_.store(entry.tenant, day, sealed));
  }
  TRY(const auto body,
      shared_.keys->with([&](KeyRing& keys) { return log_form(entry, keys, detail, concerns); }));
  return add(batch, body, order);
}

// A request whose entry cannot be made is a gap like any other.
void Writer::add_note(Batch& batch, const store::RequestEntry& note) {
  const auto form_of = [this](const store::RequestEntry& entry) {
    return shared_.keys->with([&](KeyRing& keys) { return log_form(entry, keys, note_texts_); });
  };
  auto form = form_of(note);
  std::optional<store::RequestEntry> nameless;
  if (!form) {  // there is no room for another subject's key
    nameless = note;
    nameless->user.clear();
    form = form_of(*nameless);
  }
  if (form) {
    form->policy_ver = policy_;
    form->config_hash = config_hash_;
    if (auto bytes = ledgerlog::write_entry(next_head(batch), *form)) {
      batch.lines.push_back({.bytes = *std::move(bytes), .order = {}, .key = {}});
      return;
    }
  }
  shared_.mailbox.with([&](Mailbox& box) {
    box.gap.add(note.request);
    ++box.gaps;
  });
}

void Writer::watch_clock(Batch& batch) {
  const WallTime wall = clock_.wall_now();
  const auto skew = std::chrono::nanoseconds(wall.time_since_epoch()) -
                    std::chrono::nanoseconds(clock_.now().time_since_epoch());
  const auto before = std::exchange(wall_minus_monotonic_, skew);
  if (!before) return;
  const auto step = std::chrono::duration_cast<std::chrono::seconds>(skew - *before);
  if (step < kClockStep && -step < kClockStep) return;
  last_time_ = wall;
  store::AdminEntry entry;
  entry.action = std::string(ledgerlog::kActionClockStep);
  entry.reason = fmt::format("the clock of this machine went {} by {} s",
                             step.count() < 0 ? "back" : "forward", std::abs(step.count()));
  (void)add_system(batch, std::move(entry));
}

// Durable on return, or not there.
Result<void> Writer::commit(Batch& batch) {
  if (batch.lines.empty()) return {};
  const auto unsigned_size = shared_.end.with([](LogEnd& end) { return end.recent.size(); });
  if (unsigned_size + batch.lines.size() > kUnsignedMax) {
    try_checkpoint();
    if (desk_.wait_until(clock_.now() + kRetry)) collect_checkpoint();
    if (edge_.size() - covered_ + batch.lines.size() > kUnsignedMax)
      return our_error(Code::overloaded, "the audit log waits for its checkpoint");
  }
  TRY_VOID(shared_.keys->with([](KeyRing& keys) { return keys.flush(); }));
  std::vector<std::string_view> entries;
  entries.reserve(batch.lines.size());
  for (const Line& line : batch.lines)
    entries.push_back(line.bytes);
  const Instant began = clock_.now();
  TRY_VOID(pending_->append(format_pending(edge_.size(), entries)));
  shared_.counts.sync_nanoseconds +=
      static_cast<std::uint64_t>(std::chrono::nanoseconds(clock_.now() - began).count());
  ++shared_.counts.commits;
  return take_in(batch);
}

// What is durable becomes part of the tree.
Result<void> Writer::take_in(Batch& batch) {
  for (const Line& line : batch.lines) {
    TRY_VOID(edge_.append(line.bytes));
    if (!line.key || line.key->action != ledgerlog::KeyEntry::Action::rotate) continue;
    TRY(const auto previous, ledgerlog::NoteKey::parse(line.key->previous));
    TRY(const auto next, ledgerlog::NoteKey::parse(line.key->next));
    TRY_VOID(log_keys_.rotate(previous, next, edge_.size() - 1));
    keys_changed_ = true;
  }
  shared_.end.with([&](LogEnd& end) {
    for (Line& line : batch.lines)
      end.recent.push_back(std::move(line.bytes));
  });
  return {};
}

void Writer::take_mail() {
  shared_.mailbox.with([&](Mailbox& box) {
    if (notes_.empty()) notes_.swap(box.notes);
    for (SharedOrder& order : box.orders)
      orders_.push_back(std::move(order));
    box.orders.clear();
    box.in_work = notes_.size() + orders_.size();
  });
}

void Writer::refuse(Refusal refusal) {
  shared_.mailbox.with([&](Mailbox& box) {
    if (box.refusing != Refusal::closing) box.refusing = refusal;
  });
}

// A full disk may have room again. Everything else leaves nobody knowing what is on the disk: only
// a restart, which reads it, may go on.
void Writer::note_failure(const Error& error) {
  ++shared_.counts.failures;
  if (error.code() == Code::overloaded) {
    retry_at_ = clock_.now() + kRetry;
    probe_ = true;
    refuse(Refusal::full);
    return;
  }
  broken_ = true;
  refuse(Refusal::broken);
}

void Writer::write_mail() {
  std::vector<SharedOrder> plain;
  for (auto it = orders_.begin(); it != orders_.end() && is_plain(*it); ++it)
    plain.push_back(*it);
  orders_.erase(orders_.begin(), orders_.begin() + static_cast<std::ptrdiff_t>(plain.size()));
  // First what was left undone: nothing new under a key that is going to be destroyed.
  if (const auto done = broken_ ? fail(broken_error()) : finish_erasures(); !done) {
    note_failure(done.error());
    for (const SharedOrder& order : plain)
      order->finish(fail(copy_of(done.error())));
    return;
  }
  // What is kept of a full disk is for those who wait, and for nothing else.
  const bool is_tight = !plain.empty() && make_room();
  do {
    Batch batch{.time_before = last_time_, .skew_before = wall_minus_monotonic_};
    watch_clock(batch);
    if (!is_tight) add_waiting(batch);
    const std::size_t count = is_tight ? 0 : std::min(notes_.size(), kBatchMax);
    batch.lines.reserve(batch.lines.size() + count);
    for (std::size_t i = 0; i < count; ++i)
      add_note(batch, notes_[i]);
    if (!is_tight) add_news(batch);
    add_plain(batch, std::exchange(plain, {}));
    const std::uint64_t first = edge_.size();
    const Result<void> done = broken_ ? fail(broken_error()) : commit(batch);
    for (std::size_t i = 0; i < batch.lines.size(); ++i) {
      if (batch.lines[i].order == nullptr) continue;
      const SharedOrder& order = batch.lines[i].order;
      if (!done) {
        order->finish(fail(copy_of(done.error())));
      } else if (order->finish(store::AuditReceipt{.index = first + i})) {
        note_policy(order->entry);
      } else {
        late_.push_back({.index = first + i, .entry = order->entry});
      }
    }
    if (!done) {
      undo_time(batch);
      note_failure(done.error());
      return;
    }
    notes_.erase(notes_.begin(), notes_.begin() + static_cast<std::ptrdiff_t>(count));
    if (is_tight) return;
    probe_ = probe_ && batch.lines.empty();
    forget_news(batch);
    shared_.mailbox.with([&](Mailbox& box) {
      if (batch.gap.count > 0) box.gap.told(batch.gap);
      box.refusals.told(batch.refused.size());
      box.in_work = notes_.size() + orders_.size();
      if (box.refusing == Refusal::full && !batch.lines.empty()) box.refusing = Refusal::none;
    });
  } while (!notes_.empty() || !late_.empty() || refused_are_due());
}

// What has waited for room, or for the end of a minute.
void Writer::add_waiting(Batch& batch) {
  if (probe_ && !broken_) add_probe(batch);
  batch.gap = shared_.mailbox.with([](Mailbox& box) { return box.gap; });
  if (batch.gap.count > 0) add_gap(batch);
  add_refused(batch);
}

std::uint64_t Writer::free_bytes() const {
  return files_.free_bytes(options_.folder).value_or(UINT64_MAX);
}

// True when the disk has hardly any room: then a slice of what is kept is free now, as long as
// there is one. Whatever else writes to the disk may be faster than we.
bool Writer::make_room() {
  const std::uint64_t free = free_bytes();
  if (broken_ || free >= (probe_ ? kResumeRoom : kOrderRoom)) return false;
  if (free >= kOrderRoom || reserve_left_ < kLastReserve + kReserveSlice) return true;
  const auto file = files_.open(reserve_file());
  if (file && (*file)->truncate(reserve_left_ - kReserveSlice)) reserve_left_ -= kReserveSlice;
  return true;
}

void Writer::refill_reserve() {
  if (broken_ || reserve_left_ == kReserve || clock_.now() < refill_at_) return;
  refill_at_ = clock_.now() + kRefillEvery;
  if (free_bytes() >= kRefillRoom) (void)keep_reserve();
}

// On a full disk: the requests that are in the gap, and those whose entries wait for room.
Gap Writer::untold_gap() {
  if (!probe_) return {};
  return shared_.mailbox.with([this](Mailbox& box) {
    Gap gap = box.gap;
    for (const auto* notes : {&notes_, &box.notes})
      for (const store::RequestEntry& note : *notes)
        gap.add(note.request);
    return gap;
  });
}

// What is refused, and what ends, while nothing may be written of it, for the case that we do not
// live to tell.
void Writer::save_held() {
  if (!held_ || broken_) return;
  const auto [refused, gaps] = shared_.mailbox.with([this](Mailbox& box) {
    const std::size_t waiting = notes_.size() + box.notes.size();
    return std::pair(box.refusals.held_total(), probe_ ? box.gap.count + waiting : 0);
  });
  if (refused == held_->note().count && gaps == held_->note().gap.count) return;
  if (refused + gaps > 0 && clock_.now() < save_held_at_) return;
  const RefusalCounts counts =
      shared_.mailbox.with([](Mailbox& box) { return box.refusals.held(); });
  save_held_at_ = clock_.now() + kSaveHeldEvery;
  const auto saved = held_->save({.log_size = edge_.size(),
                                  .count = counts.total(),
                                  .text = counts.text(),
                                  .gap = untold_gap()});
  if (!saved) {
    ++shared_.counts.failures;
    held_.reset();
  }
  shared_.mailbox.with([&](Mailbox& box) {
    box.saves_held = held_.has_value();
    box.held_saved = counts.total();
  });
}

// What this program tells of itself.
void Writer::add_news(Batch& batch) {
  for (const Late& late : late_) {
    store::AdminEntry entry;
    entry.action = late.entry.action;
    entry.tenant = late.entry.tenant;
    entry.object = late.entry.object;
    entry.outcome = "failed";
    entry.reason = fmt::format(
        "entry {} came late: its caller had been told that it was not written, and did nothing",
        late.index);
    (void)add_system(batch, std::move(entry));
    ++batch.late;
  }
  std::size_t i = 0;
  for (const Trouble* trouble : {&signing_, &exporting_}) {
    std::uint64_t& told = batch.troubles.at(i++);
    if (trouble->count == 0 || clock_.now() < trouble->tell_at) continue;
    store::AdminEntry entry;
    entry.action = trouble->action;
    entry.outcome = "failed";
    entry.reason = trouble->reason;
    entry.count = trouble->count;
    if (add_system(batch, std::move(entry))) told = trouble->count;
  }
}

void Writer::forget_news(const Batch& batch) {
  late_.erase(late_.begin(), late_.begin() + static_cast<std::ptrdiff_t>(batch.late));
  std::size_t i = 0;
  for (Trouble* trouble : {&signing_, &exporting_}) {
    const std::uint64_t told = batch.troubles.at(i++);
    if (told == 0) continue;
    trouble->count -= told;
    trouble->tell_at = clock_.now() + kTroubleEvery;
  }
}

bool Writer::has_news() const {
  const Instant now = clock_.now();
  const auto is_due = [&](const Trouble& one) { return one.count > 0 && now >= one.tell_at; };
  return !late_.empty() || is_due(signing_) || is_due(exporting_);
}

// While the log takes nothing, those who ask first do not come: it tries by itself.
void Writer::add_probe(Batch& batch) {
  store::AdminEntry entry;
  entry.action = std::string(kActionResume);
  entry.reason = "the disk was full; there is room again";
  (void)add_system(batch, std::move(entry));
}

void Writer::add_gap(Batch& batch) {
  if (!add_system(batch, gap_entry(batch.gap, "requests that got no entry"))) batch.gap.count = 0;
}

void Writer::add_refused(Batch& batch) {
  batch.refused =
      shared_.mailbox.with([&](Mailbox& box) { return box.refusals.due(clock_.now(), kBatchMax); });
  for (const RefusedSum& sum : batch.refused)
    (void)add_system(batch, sum_entry(sum));
}

bool Writer::refused_are_due() const {
  return shared_.mailbox.with([&](Mailbox& box) {
    const auto due = box.refusals.due_at();
    return due && *due <= clock_.now();
  });
}

void Writer::add_plain(Batch& batch, std::vector<SharedOrder> orders) {
  for (const SharedOrder& order : orders) {
    if (!order->begin()) continue;
    Result<void> added = broken_ ? fail(broken_error()) : add_order(batch, order, std::nullopt);
    if (added) continue;
    const Error error = added.error();
    if (error.blame() == Blame::us && error.code() != Code::invalid_value) note_failure(error);
    order->finish(fail(error));
  }
}

void Writer::undo_time(const Batch& batch) {
  last_time_ = batch.time_before;
  wall_minus_monotonic_ = batch.skew_before;
}

void Writer::note_policy(const store::AdminEntry& entry) {
  if (entry.action != "config.apply" || entry.config.empty()) return;
  policy_ = entry.config;
  config_hash_ = entry.config_digest ? to_hex(*entry.config_digest) : std::string();
}

Result<store::AuditReceipt> Writer::commit_one(const SharedOrder& order,
                                               const std::optional<Digest>& concerns) {
  Batch batch{.time_before = last_time_, .skew_before = wall_minus_monotonic_};
  TRY_VOID(add_order(batch, order, concerns));
  const std::uint64_t index = edge_.size();
  TRY_VOID(commit(batch));
  return store::AuditReceipt{.index = index};
}

Result<store::AuditReceipt> Writer::add_requests(const SharedOrder& order) {
  Batch batch{.time_before = last_time_, .skew_before = wall_minus_monotonic_};
  const std::uint64_t first = edge_.size();
  for (const store::RequestEntry& request : order->requests)
    add_note(batch, request);
  if (const Result<void> done = commit(batch); !done) {
    undo_time(batch);
    return fail(done.error());
  }
  return store::AuditReceipt{.index = first};
}

// The intention is durable first, so an erasure that has an entry happens, whatever happens here;
// one without an entry gets it from finish_erasures().
Result<store::AuditReceipt> Writer::erase(const SharedOrder& order) {
  const store::AuditSubject& subject = order->subject;
  TRY(const Digest who, shared_.keys->with([&](KeyRing& keys) -> Result<Digest> {
    if (keys.is_held(subject))
      return client_error(Code::conflict, "the subject is under a legal hold");
    TRY_VOID(keys.intend_erasure(subject));
    return *keys.find_reference(subject);
  }));
  TRY(const auto receipt, commit_one(order, who));
  TRY_VOID(shared_.keys->with([](KeyRing& keys) { return keys.erase_intended(); }));
  return receipt;
}

Result<void> Writer::finish_erasures() {
  const auto intended = shared_.keys->with([](KeyRing& keys) { return keys.intended(); });
  if (intended.empty()) return {};
  Batch batch{.time_before = last_time_, .skew_before = wall_minus_monotonic_};
  for (const Digest& who : intended) {
    store::AdminEntry entry;
    entry.action = "audit.erase";
    entry.reason = "an erasure that had begun is completed";
    TRY(const auto body, shared_.keys->with([&](KeyRing& keys) {
      return log_form(entry, keys, std::nullopt, who);
    }));
    TRY_VOID(add(batch, body));
  }
  TRY_VOID(commit(batch));
  return shared_.keys->with([](KeyRing& keys) { return keys.erase_intended(); });
}

// On: the hold is in force before its entry is there. Off: the entry comes first.
Result<store::AuditReceipt> Writer::hold(const SharedOrder& order) {
  const store::AuditSubject& subject = order->subject;
  const bool on = order->kind == Order::Kind::hold;
  const auto set = [&](bool value) {
    return shared_.keys->with([&](KeyRing& keys) {
      return value ? keys.hold(subject, clock_.wall_now(), order->entry.reason)
                   : keys.release(subject);
    });
  };
  const auto [was_on, is_held] = shared_.keys->with(
      [&](KeyRing& keys) { return std::pair(keys.has_hold(subject), keys.is_held(subject)); });
  if (!on && !was_on)
    return client_error(Code::not_found, is_held ? "the hold is on the whole tenant, not on this "
                                                   "subject: take that one off"
                                                 : "there is no such legal hold");
  if (on && was_on)
    return client_error(Code::conflict,
                        "a legal hold is on this subject already, and one release would end both: "
                        "take that one off and put one on with both reasons");
  std::optional<Digest> who;
  if (!subject.id.empty()) {
    TRY(who, shared_.keys->with([&](KeyRing& keys) { return keys.reference(subject); }));
  }
  if (on) {
    TRY_VOID(set(true));
  }
  const auto receipt = commit_one(order, who);
  if (!receipt && on) (void)set(false);
  if (receipt && !on) {
    TRY_VOID(set(false));
  }
  return receipt;
}

Result<store::AuditReceipt> Writer::rotate(const SharedOrder& order) {
  TRY_VOID(checkpoint(kRotateWait));  // all so far under the old key
  Batch batch{.time_before = last_time_, .skew_before = wall_minus_monotonic_};
  rotation_is_open_ = true;  // whatever becomes of the call
  const auto announced = signer_->begin_rotation(edge_.size());
  const auto done = [&]() -> Result<store::AuditReceipt> {
    if (!announced) return fail(of_signer(announced.error()));
    TRY_VOID(add(batch, *announced));
    TRY_VOID(add_order(batch, order, std::nullopt));
    const std::uint64_t index = edge_.size() + 1;
    TRY_VOID(commit(batch));
    return store::AuditReceipt{.index = index};
  }();
  if (done) {
    rotation_is_open_ = false;
    TRY_VOID(checkpoint(kRotateWait));
  } else {
    (void)close_rotation();  // or before the next signature
  }
  return done;
}

// No tree is signed while the signer may think of a rotation that the log does not know of.
Result<void> Writer::close_rotation() {
  if (!rotation_is_open_) return {};
  const auto state = signer_->state();
  const Result<void> settled = state ? settle_rotation(*state) : fail(state.error());
  if (!settled) return fail(of_signer(settled.error()));
  rotation_is_open_ = false;
  return {};
}

Result<store::AuditReceipt> Writer::special(const SharedOrder& order) {
  if (broken_) return fail(broken_error());
  switch (order->kind) {
    case Order::Kind::erase:
      return erase(order);
    case Order::Kind::hold:
    case Order::Kind::release:
      return hold(order);
    case Order::Kind::rotate:
      return rotate(order);
    case Order::Kind::requests:
      return add_requests(order);
    case Order::Kind::notes:
      return store::AuditReceipt{};  // written already
    case Order::Kind::checkpoint:
    case Order::Kind::entry:
      break;
  }
  return our_error(Code::io_error, "no order of that kind is special");
}

void Writer::write_special() {
  while (!orders_.empty() && !is_plain(orders_.front())) {
    const SharedOrder order = std::move(orders_.front());
    orders_.erase(orders_.begin());
    if (!order->begin()) continue;
    if (order->kind == Order::Kind::checkpoint) {
      await_checkpoint(order);
      continue;
    }
    auto done = special(order);
    if (!done && done.error().blame() == Blame::us) note_checkpoint_failure(done.error());
    order->finish(std::move(done));
  }
}

Error Writer::broken_error() {
  return {Code::io_error, Blame::us,
          "the audit log's disk failed: the server must be restarted to go on"};
}

// Old details and their keys go, once a day.
void Writer::keep_house() {
  const Day today = day_of(clock_.wall_now());
  if (broken_ || today == last_house_keeping_) return;
  last_house_keeping_ = today;
  const Day oldest = today - std::chrono::days(options_.keep_days);
  const auto is_held = [&](const std::optional<TenantId>& tenant) {
    return shared_.keys->with([&](KeyRing& keys) { return keys.holds_any_of(tenant); });
  };
  Result<void> done = details_.drop_before(oldest, is_held);
  if (done) done = shared_.keys->with([&](KeyRing& keys) { return keys.drop_days_before(oldest); });
  if (!done) note_failure(done.error());
}

Pause Writer::run_once() {
  const Instant now = clock_.now();
  collect_checkpoint();
  const auto [notes, orders, gap] = shared_.mailbox.with([&](Mailbox& box) {
    return std::tuple(box.notes.size() + notes_.size(), box.orders.size() + orders_.size(),
                      box.gap.count > 0);
  });
  // Notes wait a little for each other; orders make them hurry.
  if (notes > 0 && !gather_since_) gather_since_ = now;
  const bool gathered = notes >= kBatchMax || (notes > 0 && now - *gather_since_ >= kGather);
  if (probe_ && now >= retry_at_ && free_bytes() < kResumeRoom) retry_at_ = now + kRetry;
  const bool may_retry = now >= retry_at_;
  const bool has_sums = !broken_ && refused_are_due();
  if (orders > 0 || (may_retry && (gathered || gap || probe_ || has_sums || has_news()))) {
    gather_since_.reset();
    take_mail();
    do {
      write_mail();
      write_special();
    } while (!orders_.empty());
  }
  save_held();
  refill_reserve();
  keep_house();
  if (clock_.now() >= checkpoint_due()) try_checkpoint();
  return pause();
}

Pause Writer::pause() {
  const Instant now = clock_.now();
  Pause out;
  const auto wait_until = [&](Instant when) {
    const auto left = std::chrono::ceil<milliseconds>(std::max(when, now) - now);
    out = out ? std::min(*out, left) : left;
  };
  shared_.mailbox.with([&](Mailbox& box) {
    box.writer_rests = false;
    box.in_work = notes_.size();
    if (!box.orders.empty()) wait_until(now);
    if (broken_) {
      drop_notes(box);
    } else {
      if (!box.notes.empty() || !notes_.empty())
        wait_until(std::max(gather_since_.value_or(now) + kGather, retry_at_));
      if (const Instant due = checkpoint_due(); due != Instant::max()) wait_until(due);
      if (box.gap.count > 0) wait_until(std::max(now + kGather, retry_at_));
      if (probe_) wait_until(retry_at_);
      if (const auto due = box.refusals.due_at()) wait_until(std::max(*due, retry_at_));
      for (const Trouble* trouble : {&signing_, &exporting_})
        if (trouble->count > 0) wait_until(std::max(trouble->tell_at, retry_at_));
      if (!late_.empty()) wait_until(retry_at_);
      if (reserve_left_ < kReserve) wait_until(refill_at_);
      if (box.has_unsaved()) wait_until(save_held_at_);
    }
    // A checkpoint or a retry may be due much later than the first note that comes now.
    box.writer_rests = box.notes.empty() && notes_.empty();
  });
  return out;
}

// Nothing will be written any more.
void Writer::drop_notes(Mailbox& box) {
  for (const auto* notes : {&notes_, &box.notes}) {
    for (const store::RequestEntry& note : *notes) {
      box.gap.add(note.request);
      ++box.gaps;
    }
  }
  notes_.clear();
  box.notes.clear();
}

// Requests whose entries find no room are counted, in an entry for which room was kept. False when
// not even that can be written: the next start says that this run did not end by itself.
bool Writer::drop_rest() {
  const bool is_left = !notes_.empty();
  if (is_left || broken_) shared_.mailbox.with([&](Mailbox& box) { drop_notes(box); });
  if (broken_) return false;
  const bool has_sums = shared_.mailbox.with([](Mailbox& box) {
    box.refusals.fold();
    return box.refusals.due_at().has_value();
  });
  if (!is_left && !probe_ && !has_sums) return true;
  if (const auto made = files_.remove(reserve_file()); !made) return false;
  write_mail();
  return !broken_ && shared_.mailbox.with([](Mailbox& box) { return box.gap.count == 0; });
}

bool Writer::finish() {
  shared_.mailbox.with([&](Mailbox& box) {
    box.refusing = Refusal::closing;
    box.refusals.hold(false);
    box.refusals.close();
  });
  take_mail();
  do {
    write_mail();
    write_special();
  } while (!orders_.empty());
  const bool is_told = drop_rest();
  save_held_at_ = clock_.now();
  save_held();
  if (!is_told) {
    tell_awaiting(our_error(Code::closed, "the audit log is closing"));
    return false;
  }
  store::AdminEntry entry;
  entry.action = std::string(kActionStop);
  Batch batch{.time_before = last_time_, .skew_before = wall_minus_monotonic_};
  if (add_system(batch, std::move(entry)) && commit(batch)) (void)checkpoint(kLastWait);
  tell_awaiting(our_error(Code::closed, "the audit log is closing"));
  return true;
}

}  // namespace sovmesh::audit_files
