#include "store_sqlite/ledger_writer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sovmesh::store_sqlite {
namespace {

using metering::Finish;
using metering::Source;
using std::chrono::microseconds;

// Runs on the ticket's loop.
void hand_out(Ticket& ticket, const SharedMailbox& mailbox) {
  ticket.delivered = true;
  if (ticket.done != nullptr) {
    ticket.done->set();
    return;
  }
  // The caller went away while the intent was being written: close what nobody else will close.
  if (!ticket.opens || ticket.outcome != Refusal::none) return;
  mailbox->with([&](Mailbox& box) { box.close_abandoned(ticket); });
}

void add_bytes(std::string& key, const Ulid& id) {
  key.append(reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size());
}

}  // namespace

LedgerWriter::LedgerWriter(Disk& disk, Database database, const Clock& clock,
                           const LedgerOptions& options, SharedMailbox mailbox)
    : disk_(disk),
      database_(std::move(database)),
      clock_(clock),
      options_(options),
      mailbox_(std::move(mailbox)),
      last_commit_(clock.now() - std::chrono::hours(1)) {}

Result<void> LedgerWriter::begin() {
  auto recovered = recover();
  if (!recovered && database_.trouble() == Trouble::full) {
    TRY_VOID(disk_.remove(reserve_path()));
    recovered = recover();
  }
  TRY_VOID(std::move(recovered));
  TRY_VOID(prepare());
  if (!hold_reserve()) become(State::full, Refusal::disk_full);
  return {};
}

// Rows that are open now belong to an earlier boot: they are settled with what their last
// checkpoint says, which never bills more than was delivered.
Result<void> LedgerWriter::recover() {
  const WallTime now = clock_.wall_now();
  TRY(Transaction transaction, Transaction::begin(database_));
  TRY_VOID(database_.run("INSERT INTO boot (started_at) VALUES (?)", now));
  TRY(boot_, database_.number("SELECT max(no) FROM boot"));
  TRY_VOID(database_.run(
      "INSERT OR IGNORE INTO usage SELECT tenant, opened_at, rid, subject, boot, prompt_estimate,"
      " output_max, ?, prompt, cached, generated, reasoning, delivered, ?, ?, 0, ? FROM open_row",
      static_cast<int>(Terminal::settled), static_cast<int>(Source::recovered),
      static_cast<int>(Finish::recovered), now));
  const auto rows = static_cast<std::uint64_t>(database_.changed_rows());
  TRY_VOID(database_.execute("DELETE FROM open_row"));
  TRY_VOID(transaction.commit());
  recovered_ = rows;
  return {};
}

Result<void> LedgerWriter::prepare() {
  TRY(begin_, database_.prepare("BEGIN IMMEDIATE"));
  TRY(commit_, database_.prepare("COMMIT"));
  TRY_VOID(insert_open_.prepare(database_,
                                "INSERT INTO open_row (no, rid, tenant, subject, boot, opened_at,"
                                " prompt_estimate, output_max)",
                                8));
  TRY(update_open_,
      database_.prepare("UPDATE open_row SET prompt = ?2, cached = ?3, generated = ?4,"
                        " reasoning = ?5, delivered = ?6 WHERE no = ?1"));
  TRY(delete_open_, database_.prepare("DELETE FROM open_row WHERE no BETWEEN ? AND ?"));
  // A request that has its terminal record already keeps it: the first one stands.
  TRY_VOID(insert_usage_.prepare(database_, "INSERT OR IGNORE INTO usage", 17));
  return {};
}

Pause LedgerWriter::run_once() {
  const Instant now = clock_.now();
  if (state_ == State::full) return retry_full(now);
  const Pause pause = take(now);
  if (!pause || *pause > microseconds(0)) {
    copy_log_back(true);
    return pause;
  }
  if (state_ == State::broken) {
    refuse_openings(Refusal::broken);
    drop_closings();
    return std::nullopt;
  }
  commit(now);
  copy_log_back(false);
  return microseconds(0);
}

// When the next commit is due. Zero: now, and everything that waits is in batch_.
Pause LedgerWriter::take(Instant now) {
  return mailbox_->with([&](Mailbox& box) -> Pause {
    const Batch& waiting = box.waiting;
    Instant due = Instant::max();
    if (!waiting.openings.empty() || !waiting.saves.empty())
      due = last_commit_ + options_.commit_interval;
    if (box.in_haste) due = std::min(due, last_commit_ + options_.haste_interval);
    if (!waiting.closings.empty()) due = std::min(due, last_commit_ + options_.settle_delay);
    if (!waiting.progress.empty()) due = std::min(due, last_commit_ + options_.checkpoint_delay);
    if (has_work()) due = std::min(due, last_commit_ + kRetry);  // kept by a failed commit
    if (box.flush_wanted || waiting.progress.size() >= Mailbox::kProgressMax / 2) due = now;
    if (due <= now) {
      take_all(box);
      return microseconds(0);
    }
    // Only openings, saves, flushes and the first thing in haste wake us, so while rows are open we
    // look for closings ourselves.
    box.writer_rests = waiting.openings.empty() && waiting.saves.empty();
    if (due == Instant::max() && open_.empty()) return std::nullopt;
    const Instant look = std::min(due, now + options_.settle_delay);
    return std::max(std::chrono::ceil<microseconds>(look - now), microseconds(1));
  });
}

void LedgerWriter::take_all(Mailbox& box) {
  box.flush_wanted = false;
  box.in_haste = false;
  box.writer_rests = false;
  std::swap(batch_.openings, box.waiting.openings);
  std::swap(batch_.saves, box.waiting.saves);
  std::swap(batch_.progress, box.waiting.progress);
  if (batch_.closings.empty()) {
    std::swap(batch_.closings, box.waiting.closings);
  } else {
    std::ranges::move(box.waiting.closings, std::back_inserter(batch_.closings));
    box.waiting.closings.clear();
  }
  box.taken = box.handed_over;
  box.in_commit = batch_.size() + dirty_.size();
}

void LedgerWriter::commit(Instant now) {
  last_commit_ = now;
  const std::size_t records = batch_.size();
  note_progress();
  if (write_batch()) {
    committed(records);
    return;
  }
  const Trouble trouble = database_.trouble();
  if (database_.in_transaction()) (void)database_.execute("ROLLBACK");
  failed(trouble);
}

Result<void> LedgerWriter::write_batch() {
  TRY_VOID(begin_.run());
  TRY_VOID(write_openings());
  TRY_VOID(write_closings());
  TRY_VOID(write_progress());
  const Instant before = clock_.now();
  TRY_VOID(commit_.run());
  sync_nanoseconds_ += static_cast<std::uint64_t>((clock_.now() - before).count());
  return {};
}

Result<void> LedgerWriter::write_openings() {
  opening_rows_.clear();
  for (const Opening& opening : batch_.openings) {
    TRY(const OpenInfo* info, note_opening(opening));
    if (info != nullptr) opening_rows_.push_back({&opening, info});
  }
  insert_open_.begin(opening_rows_.size());
  for (const auto& [opening, info] : opening_rows_) {
    TRY_VOID(insert_open_.add(info->no, opening->intent.request, info->tenant, info->subject, boot_,
                              info->opened_at, info->prompt_estimate, info->output_max));
  }
  return {};
}

// Null: the request is open already, and its ticket says so.
Result<const LedgerWriter::OpenInfo*> LedgerWriter::note_opening(const Opening& opening) {
  const metering::Intent& intent = opening.intent;
  TRY(const Subject subject, subject_of(intent));
  const auto [at, is_new] =
      open_.try_emplace(intent.request, OpenInfo{.no = last_no_ + 1,
                                                 .tenant = subject.tenant,
                                                 .subject = subject.no,
                                                 .prompt_estimate = intent.prompt_estimate,
                                                 .output_max = intent.output_max,
                                                 .opened_at = intent.opened_at});
  if (!is_new) {
    opening.ticket->outcome = Refusal::duplicate;
    return nullptr;
  }
  ++last_no_;
  opened_.push_back(intent.request);
  return &at->second;
}

Result<void> LedgerWriter::write_closings() {
  closing_rows_.clear();
  for (const Closing& closing : batch_.closings) {
    const auto found = open_.find(closing.request);
    if (found == open_.end()) {
      ++failures_;
      continue;
    }
    found->second.dirty = false;
    closing_rows_.push_back({&closing, &found->second});
  }
  // In the order in which they were opened: runs of rows to delete, and of ids to insert.
  std::ranges::sort(closing_rows_, {}, [](const ClosingRow& row) {
    return std::pair(row.info->no, row.closing);  // of two for one request the first one stands
  });
  TRY_VOID(delete_open_rows());
  insert_usage_.begin(closing_rows_.size());
  for (const auto& [closing, info] : closing_rows_) {
    const metering::Settlement& end = closing->settlement;
    TRY_VOID(insert_usage_.add(info->tenant, info->opened_at, closing->request, info->subject,
                               boot_, info->prompt_estimate, info->output_max,
                               static_cast<int>(closing->terminal), end.counts.prompt,
                               end.counts.cached, end.counts.generated, end.counts.reasoning,
                               end.counts.delivered, static_cast<int>(end.counts.source),
                               static_cast<int>(end.finish), end.drift ? 1 : 0, end.settled_at));
  }
  failures_ += closing_rows_.size() - insert_usage_.inserted();
  return {};
}

// Requests end about in the order in which they began: one statement for each unbroken run.
Result<void> LedgerWriter::delete_open_rows() {
  for (std::size_t at = 0; at < closing_rows_.size();) {
    const std::int64_t first = closing_rows_[at].info->no;
    std::int64_t last = first;
    for (++at; at < closing_rows_.size() && closing_rows_[at].info->no <= last + 1; ++at)
      last = closing_rows_[at].info->no;
    delete_open_.bind_all(first, last);
    TRY_VOID(delete_open_.run());
  }
  return {};
}

Result<void> LedgerWriter::write_progress() {
  for (const RequestId& request : dirty_) {
    const auto found = open_.find(request);
    if (found == open_.end() || !found->second.dirty) continue;
    const metering::Counts& counts = found->second.counts;
    update_open_.bind_all(found->second.no, counts.prompt, counts.cached, counts.generated,
                          counts.reasoning, counts.delivered);
    TRY_VOID(update_open_.run());
  }
  return {};
}

Result<LedgerWriter::Subject> LedgerWriter::subject_of(const metering::Intent& intent) {
  subject_key_.clear();
  add_bytes(subject_key_, intent.tenant.value);
  add_bytes(subject_key_, intent.project.value);
  subject_key_.append(intent.key.text());
  subject_key_.push_back(static_cast<char>(intent.operation));
  subject_key_.push_back(intent.streamed ? '\1' : '\0');
  subject_key_.append(intent.model).push_back('\0');
  subject_key_.append(intent.engine);
  if (const auto found = subjects_.find(subject_key_); found != subjects_.end())
    return found->second;
  TRY(const Subject subject, store_subject(intent));
  if (subjects_.size() >= kSubjectsMax) subjects_.clear();
  subjects_.emplace(subject_key_, subject);
  return subject;
}

Result<LedgerWriter::Subject> LedgerWriter::store_subject(const metering::Intent& intent) {
  TRY_VOID(database_.run("INSERT OR IGNORE INTO tenant (id) VALUES (?)", intent.tenant));
  TRY(const std::int64_t tenant,
      database_.number("SELECT no FROM tenant WHERE id = ?", intent.tenant));
  const auto operation = static_cast<int>(intent.operation);
  TRY_VOID(database_.run(
      "INSERT OR IGNORE INTO subject (tenant, project, key, model, engine, operation, streamed)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)",
      tenant, intent.project, intent.key, intent.model, intent.engine, operation, intent.streamed));
  TRY(const std::int64_t no,
      database_.number("SELECT no FROM subject WHERE tenant = ? AND project = ? AND key = ?"
                       " AND model = ? AND engine = ? AND operation = ? AND streamed = ?",
                       tenant, intent.project, intent.key, intent.model, intent.engine, operation,
                       intent.streamed));
  return Subject{.tenant = tenant, .no = no};
}

void LedgerWriter::note_progress() {
  for (const Progress& progress : batch_.progress) {
    const auto found = open_.find(progress.request);
    if (found == open_.end()) continue;
    found->second.counts = progress.counts;
    if (!std::exchange(found->second.dirty, true)) dirty_.push_back(progress.request);
  }
  batch_.progress.clear();
}

void LedgerWriter::committed(std::size_t records) {
  ++commits_;
  records_ += records;
  opened_.clear();
  for (const RequestId& request : dirty_)
    if (const auto found = open_.find(request); found != open_.end()) found->second.dirty = false;
  dirty_.clear();
  for (const Closing& closing : batch_.closings)
    open_.erase(closing.request);
  deliver();
  batch_.clear();
  mailbox_->with([](Mailbox& box) {
    box.durable = box.taken;
    box.attempt_done(0);
  });
}

void LedgerWriter::failed(Trouble trouble) {
  ++failures_;
  for (const RequestId& request : opened_)
    open_.erase(request);
  opened_.clear();
  subjects_.clear();  // numbers given out by the lost transaction are void
  switch (trouble) {
    case Trouble::busy:
      refuse_openings(Refusal::busy);
      break;
    case Trouble::full:
      become(State::full, Refusal::disk_full);
      refuse_openings(Refusal::disk_full);
      (void)disk_.remove(reserve_path());  // room for the rows in flight
      break;
    default:
      // After a failed sync the kernel may have dropped the pages and call the next sync a success,
      // so nothing this process learns about the file can be believed any more.
      become(State::broken, Refusal::broken);
      refuse_openings(Refusal::broken);
      drop_closings();
  }
}

void LedgerWriter::become(State state, Refusal refusing) {
  state_ = state;
  mailbox_->with([&](Mailbox& box) { box.refusing = refusing; });
}

void LedgerWriter::refuse_openings(Refusal why) {
  for (const Opening& opening : batch_.openings)
    opening.ticket->outcome = why;
  for (const auto& ticket : batch_.saves)
    ticket->outcome = why;
  deliver();
  mailbox_->with([&](Mailbox& box) { box.attempt_done(batch_.size() + dirty_.size()); });
}

// Tells every loop the outcome of what it waits for: one post a loop, since each may wake a thread.
void LedgerWriter::deliver() {
  auto& all = batch_.saves;
  for (Opening& opening : batch_.openings)
    all.push_back(std::move(opening.ticket));
  batch_.openings.clear();
  while (!all.empty()) {
    rt::Loop* const loop = all.back()->loop;
    std::vector<std::shared_ptr<Ticket>> tickets;
    tickets.reserve(all.size());
    std::erase_if(all, [&](std::shared_ptr<Ticket>& ticket) {
      if (ticket->loop != loop) return false;
      tickets.push_back(std::move(ticket));
      return true;
    });
    loop->post([tickets = std::move(tickets), mailbox = mailbox_] {
      for (const auto& ticket : tickets)
        hand_out(*ticket, mailbox);
    });
  }
}

void LedgerWriter::drop_closings() {
  failures_ += batch_.closings.size();
  batch_.clear();
  dirty_.clear();
  open_.clear();
  mailbox_->with([](Mailbox& box) { box.attempt_done(0); });
}

// The disk is full: writes down what is in flight as far as it goes, and looks whether space is
// back. The reserve is the measure of that: all of it or nothing.
Pause LedgerWriter::retry_full(Instant now) {
  const bool flushing = mailbox_->with([](Mailbox& box) { return box.flush_wanted; });
  if (!flushing && now < last_commit_ + kRetry)
    return std::chrono::ceil<microseconds>(last_commit_ + kRetry - now);
  mailbox_->with([&](Mailbox& box) { take_all(box); });
  refuse_openings(Refusal::disk_full);
  commit(now);
  if (state_ == State::broken) return std::nullopt;
  // commit() puts us back into `full` when it fails, and leaves the state alone when it works.
  if (batch_.size() == 0 && hold_reserve()) become(State::healthy, Refusal::none);
  return kRetry;
}

bool LedgerWriter::hold_reserve() {
  if (options_.reserve_bytes <= 0) {
    // Without a reserve a small write must do: it needs room in the log like any other.
    return database_.run("UPDATE boot SET started_at = started_at WHERE no = ?", boot_).has_value();
  }
  if (disk_.allocate(reserve_path(), options_.reserve_bytes)) return true;
  (void)disk_.remove(reserve_path());  // a part of it would only be in the way
  return false;
}

// Never while somebody waits, unless the log has grown long. A reader may hold a part of it back;
// then the next attempt comes only after as many pages again.
void LedgerWriter::copy_log_back(bool quiet) {
  if (state_ != State::healthy) return;
  const int pages = database_.log_pages();
  if (pages < log_floor_) log_floor_ = 0;  // the log began anew
  const int limit = quiet ? options_.log_pages_soft : options_.log_pages_hard;
  if (pages - log_floor_ < limit) return;
  const auto left = database_.checkpoint();
  if (left)
    log_floor_ = *left > 0 ? pages : 0;
  else
    failed(database_.trouble());
}

void LedgerWriter::finish() {
  mailbox_->with([&](Mailbox& box) {
    take_all(box);
    if (box.refusing != Refusal::broken) box.refusing = Refusal::closing;
  });
  refuse_openings(Refusal::closing);
  if (state_ != State::broken && has_work()) commit(clock_.now());
  drop_closings();
  if (state_ == State::healthy) (void)database_.checkpoint();
}

store::LedgerStats LedgerWriter::stats() const {
  const auto [waiting, dropped] = mailbox_->with(
      [](Mailbox& box) { return std::pair(box.waiting.size() + box.in_commit, box.dropped); });
  return {.commits = commits_.load(),
          .records = records_.load(),
          .waiting = waiting,
          .failures = failures_.load() + dropped,
          .sync_nanoseconds = sync_nanoseconds_.load(),
          .recovered = recovered_.load()};
}

}  // namespace sovmesh::store_sqlite
