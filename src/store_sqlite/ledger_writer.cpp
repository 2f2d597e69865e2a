#include "store_sqlite/ledger_writer.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <tuple>
#include <utility>

#include "store_sqlite/ledger_untold.h"

namespace sovmesh::store_sqlite {
namespace {

using std::chrono::microseconds;

// A request that an engine may have seen keeps its Idempotency-Key, whatever came of it.
bool keeps_key(const BookRow& row) { return row.terminal == Terminal::settled; }

// Runs on the ticket's loop.
void hand_out(Ticket& ticket) {
  ticket.delivered = true;
  if (ticket.done != nullptr) ticket.done->set();
}

// One post a loop, since each may wake a thread.
void post_to_loops(std::vector<std::shared_ptr<Ticket>>& all) {
  while (!all.empty()) {
    rt::Loop* const loop = all.back()->loop;
    std::vector<std::shared_ptr<Ticket>> tickets;
    tickets.reserve(all.size());
    std::erase_if(all, [&](std::shared_ptr<Ticket>& ticket) {
      if (ticket->loop != loop) return false;
      tickets.push_back(std::move(ticket));
      return true;
    });
    loop->post([tickets = std::move(tickets)] {
      for (const auto& ticket : tickets)
        hand_out(*ticket);
    });
  }
}

// `from` keeps the room that it had.
template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  if (to.empty()) {
    std::swap(to, from);
  } else {
    std::ranges::move(from, std::back_inserter(to));
    from.clear();
  }
}

}  // namespace

LedgerWriter::LedgerWriter(Disk& disk, Database database, const Clock& clock,
                           const LedgerOptions& options, SharedMailbox mailbox, SharedClaims claims)
    : disk_(disk),
      database_(std::move(database)),
      reserve_(reserve_path(database_.path())),
      clock_(clock),
      options_(options),
      mailbox_(std::move(mailbox)),
      claims_(std::move(claims)),
      energy_(options.energy != nullptr ? *options.energy : metering::power_model()),
      retention_(options.retention),
      last_commit_(clock.now() - std::chrono::hours(1)),
      retry_at_(last_commit_),
      look_at_(last_commit_) {}

Result<void> LedgerWriter::begin() {
  reserve_left_ = disk_.size(reserve_).value_or(0);
  auto recovered = recover();
  while (!recovered && database_.trouble() == Trouble::full && give_up_reserve()) {
    undo();
    recovered = recover();
  }
  TRY_VOID(std::move(recovered));
  TRY_VOID(prepare());
  // One that a full disk has made smaller, or this start, leaves room to others before it grows.
  const std::int64_t kept = disk_.size(reserve_).value_or(0);
  const bool is_lent = kept > 0 && kept < options_.reserve_bytes;
  if (!hold_reserve(is_lent ? options_.reserve_bytes / 4 : 0))
    become(State::full, Refusal::disk_full);
  return {};
}

Result<void> LedgerWriter::prepare() {
  TRY(begin_, database_.prepare("BEGIN IMMEDIATE"));
  TRY(commit_, database_.prepare("COMMIT"));
  TRY_VOID(insert_open_.prepare(database_,
                                "INSERT INTO open_row (no, rid, tenant, subject, price, boot,"
                                " opened_at, prompt_estimate, output_max, reserved, characters,"
                                " idem)",
                                12));
  TRY(update_open_,
      database_.prepare("UPDATE open_row SET prompt = ?2, cached = ?3, generated = ?4,"
                        " reasoning = ?5, delivered = ?6, open_us = ?7 WHERE no = ?1"));
  TRY(amend_open_,
      database_.prepare("UPDATE open_row SET subject = ?2, price = ?3, prompt_estimate = ?4,"
                        " output_max = ?5, reserved = ?6, characters = ?7, prompt = 0, cached = 0,"
                        " generated = 0, reasoning = 0, delivered = 0 WHERE no = ?1"));
  TRY(delete_open_, database_.prepare("DELETE FROM open_row WHERE no BETWEEN ? AND ?"));
  TRY(insert_idem_,
      database_.prepare("INSERT OR REPLACE INTO idem (no, tenant, key, body, rid, at, state)"
                        " VALUES (?, ?, ?, ?, ?, ?, 1)"));
  return {};
}

Pause LedgerWriter::run_once() {
  const Instant now = clock_.now();
  if (state_ == State::full) return run_full(now);
  const Pause pause = take(now);
  if (!pause || *pause > microseconds(0)) {
    copy_log_back(true);
    return tidy(pause);
  }
  if (state_ == State::broken) {
    refuse_all(Refusal::broken);
    drop_closings();
    return std::nullopt;
  }
  commit(now);
  copy_log_back(false);
  return microseconds(0);
}

microseconds LedgerWriter::distance() const {
  const microseconds usual = options_.commit_interval;
  return last_records_ < kLarge ? usual : usual + usual / 2;
}

// When the next commit is due. Zero: now, and everything that waits is in batch_.
Pause LedgerWriter::take(Instant now) {
  return mailbox_->with([&](Mailbox& box) -> Pause {
    const Batch& waiting = box.waiting;
    Instant due = Instant::max();
    if (!waiting.openings.empty() || !waiting.saves.empty()) due = last_commit_ + distance();
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
  append(batch_.openings, box.waiting.openings);  // behind amendments that a failed commit kept
  std::swap(batch_.progress, box.waiting.progress);
  append(batch_.saves, box.waiting.saves);
  append(batch_.closings, box.waiting.closings);
  box.taken = box.handed_over;
  box.in_commit = batch_.size() + dirty_.size();
}

void LedgerWriter::commit(Instant now) {
  last_commit_ = now;
  const std::size_t records = last_records_ = batch_.size();
  note_progress();
  if (write_batch(now)) {
    committed(records);
    return;
  }
  Trouble trouble = database_.trouble();
  if (database_.in_transaction()) (void)database_.execute("ROLLBACK");
  undo();
  if (trouble == Trouble::constraint && write_without_doubles(now)) {
    committed(records);
    return;
  }
  if (trouble == Trouble::constraint) trouble = database_.trouble();
  failed(trouble);
}

// A request that has its terminal record already keeps it: the first one stands. That a record is
// one too many shows when it is written; which one, only by looking.
bool LedgerWriter::write_without_doubles(Instant now) {
  bool found_one = false;
  for (Closing& closing : batch_.closings) {
    const auto doubled = books_.holds(closing.request);
    if (!doubled) return false;
    found_one = found_one || *doubled;
    closing.doubled = *doubled;
  }
  if (found_one && write_batch(now)) return true;
  if (database_.in_transaction()) (void)database_.execute("ROLLBACK");
  undo();
  return false;
}

// Forgets what the transaction would have made true.
void LedgerWriter::undo() {
  for (const RequestId& request : opened_)
    open_.erase(request);
  opened_.clear();
  for (auto& [request, before] : std::views::reverse(amended_))
    if (const auto found = open_.find(request); found != open_.end())
      found->second.terms = std::move(before);
  amended_.clear();
  unknown_ = 0;
  names_.forget();
  books_.rolled_back();
}

Result<void> LedgerWriter::write_batch(Instant now) {
  TRY_VOID(begin_.run());
  TRY_VOID(write_openings(now));
  TRY_VOID(write_closings(now));
  TRY_VOID(write_progress(now));
  const Instant before = clock_.now();
  TRY_VOID(commit_.run());
  sync_nanoseconds_ += static_cast<std::uint64_t>((clock_.now() - before).count());
  return {};
}

Result<void> LedgerWriter::write_openings(Instant now) {
  opening_rows_.clear();
  for (const Opening& opening : batch_.openings) {
    if (!opening.ticket->opens) {
      TRY_VOID(amend(opening));
      continue;
    }
    TRY(const OpenInfo* info, note_opening(opening, now));
    if (info != nullptr) opening_rows_.push_back({&opening, info});
  }
  insert_open_.begin(opening_rows_.size());
  for (const auto& [opening, info] : opening_rows_) {
    const Terms& terms = info->terms;
    TRY_VOID(insert_open_.add(info->no, opening->intent.request, info->tenant, terms.subject,
                              terms.price_no, boot_, info->opened_at, terms.prompt_estimate,
                              terms.output_max, terms.reserved, terms.characters,
                              info->idem != nullptr ? info->idem->no : 0));
  }
  return {};
}

Result<LedgerWriter::Terms> LedgerWriter::terms_of(const metering::Intent& intent,
                                                   std::int64_t subject) {
  TRY(const std::int64_t price, names_.price_of(intent.price));
  return Terms{.subject = subject,
               .price_no = price,
               .price = intent.price,
               .prompt_estimate = intent.prompt_estimate,
               .output_max = intent.output_max,
               .reserved = intent.reserved_tokens,
               .characters = intent.input_characters};
}

// Its owner waits for it and writes nothing else of the row meanwhile: a checkpoint beside it in
// the batch is older, and a closing is that of an owner who did not wait.
Result<void> LedgerWriter::amend(const Opening& amendment) {
  const auto found = open_.find(amendment.intent.request);
  if (found == open_.end()) return {};  // closed meanwhile
  TRY(const LedgerNames::Subject subject, names_.subject_of(amendment.intent));
  TRY(Terms terms, terms_of(amendment.intent, subject.no));
  amend_open_.bind_all(found->second.no, terms.subject, terms.price_no, terms.prompt_estimate,
                       terms.output_max, terms.reserved, terms.characters);
  TRY_VOID(amend_open_.run());
  amended_.emplace_back(amendment.intent.request,
                        std::exchange(found->second.terms, std::move(terms)));
  return {};
}

// Null: the request is open already, and its ticket says so.
Result<const LedgerWriter::OpenInfo*> LedgerWriter::note_opening(const Opening& opening,
                                                                 Instant now) {
  const metering::Intent& intent = opening.intent;
  TRY(const LedgerNames::Subject subject, names_.subject_of(intent));
  TRY(Terms terms, terms_of(intent, subject.no));
  const auto [at, is_new] = open_.try_emplace(intent.request);
  if (!is_new) {
    opening.ticket->outcome = Refusal::duplicate;
    return nullptr;
  }
  at->second = OpenInfo{.no = ++last_no_,
                        .tenant = subject.tenant,
                        .terms = std::move(terms),
                        .opened_at = intent.opened_at,
                        .begun = now,
                        .durable = opening.durable};
  opened_.push_back(intent.request);
  if (intent.idempotency) TRY_VOID(open_idem(intent, at->second));
  return &at->second;
}

Result<void> LedgerWriter::open_idem(const metering::Intent& intent, OpenInfo& info) {
  const metering::Idempotency& key = *intent.idempotency;
  info.idem = std::make_unique<IdemInfo>(
      IdemInfo{.no = ++last_idem_, .tenant = intent.tenant, .key = key.key});
  insert_idem_.bind_all(info.idem->no, intent.tenant, Blob(key.key), Blob(key.body), intent.request,
                        clock_.wall_now());
  return insert_idem_.run();
}

Result<void> LedgerWriter::close_idem(const BookRow& row, std::int64_t idem) {
  if (idem == 0) return {};
  if (!keeps_key(row)) {
    free_idem_.bind_all(idem);
    return free_idem_.run();
  }
  finish_idem_.bind_all(idem, row.counts.prompt, row.counts.cached, row.counts.generated,
                        row.counts.reasoning, row.counts.delivered,
                        static_cast<int>(row.counts.source), static_cast<int>(row.finish));
  return finish_idem_.run();
}

Result<void> LedgerWriter::write_closings(Instant now) {
  TRY_VOID(find_closing_rows());
  TRY_VOID(delete_open_rows());
  return book(books_.book_time(clock_.wall_now()), now);
}

// In the order in which they were opened: runs of rows to delete, and of ids to insert.
Result<void> LedgerWriter::find_closing_rows() {
  closing_rows_.clear();
  for (const Closing& closing : batch_.closings) {
    const auto found = open_.find(closing.request);
    if (found == open_.end()) {
      ++unknown_;
      continue;
    }
    found->second.terms.dirty = false;
    closing_rows_.push_back({&closing, &found->second});
  }
  std::ranges::sort(closing_rows_, {}, [](const ClosingRow& row) {
    return std::pair(row.info->no, row.closing);  // of two for one request the first one stands
  });
  return {};
}

Result<void> LedgerWriter::book(WallTime booked_at, Instant now) {
  book_rows_.clear();
  const OpenInfo* before = nullptr;
  for (const ClosingRow& row : closing_rows_) {
    TRY(const bool held, books_.held_before(row.closing->request, booked_at));
    if (held || row.closing->doubled || row.info == before) {
      ++unknown_;
      continue;
    }
    before = row.info;
    const BookRow& end = book_rows_.emplace_back(book_row(row, booked_at, now));
    if (row.info->idem != nullptr) TRY_VOID(close_idem(end, row.info->idem->no));
  }
  return books_.write(book_rows_, booked_at);
}

BookRow LedgerWriter::book_row(const ClosingRow& closing, WallTime booked_at, Instant now) const {
  const OpenInfo& info = *closing.info;
  const Terms& terms = info.terms;
  const metering::Settlement& end = closing.closing->settlement;
  const bool is_dated = end.settled_at != WallTime{};
  const microseconds took = (is_dated ? end.settled_at : booked_at) - info.opened_at;
  // By two clocks, and the shorter time counts: one may have been set, the other saw it late.
  const auto open_for = std::chrono::floor<microseconds>(now - info.begun);
  BookRow row{.request = closing.closing->request,
              .subject = terms.subject,
              .price = terms.price_no,
              .boot = boot_,
              .opened_at = info.opened_at,
              .took = took,
              .open_for = is_dated ? std::min(open_for, took) : open_for,
              .prompt_estimate = terms.prompt_estimate,
              .output_max = terms.output_max,
              .reserved = terms.reserved,
              .characters = terms.characters,
              .terminal = closing.closing->terminal,
              .counts = end.counts,
              .finish = end.finish,
              .drift = end.drift};
  charge_row(row, terms.price.get(), energy_);
  return row;
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

Result<void> LedgerWriter::write_progress(Instant now) {
  for (const RequestId& request : dirty_) {
    const auto found = open_.find(request);
    if (found == open_.end() || !found->second.terms.dirty) continue;
    const metering::Counts& counts = found->second.terms.counts;
    update_open_.bind_all(found->second.no, counts.prompt, counts.cached, counts.generated,
                          counts.reasoning, counts.delivered,
                          std::chrono::floor<microseconds>(now - found->second.begun).count());
    TRY_VOID(update_open_.run());
  }
  return {};
}

void LedgerWriter::note_progress() {
  for (const Progress& progress : batch_.progress) {
    const auto found = open_.find(progress.request);
    if (found == open_.end()) continue;
    found->second.terms.counts = progress.counts;
    if (!std::exchange(found->second.terms.dirty, true)) dirty_.push_back(progress.request);
  }
  batch_.progress.clear();
}

void LedgerWriter::committed(std::size_t records) {
  ++commits_;
  records_ += records;
  opened_.clear();
  const auto say_durable = [](OpenInfo& row) {
    row.terms.dirty = false;
    row.durable->store(row.terms.counts.generated, std::memory_order_relaxed);
  };
  for (const auto& [request, before] : amended_)
    if (const auto found = open_.find(request); found != open_.end()) say_durable(found->second);
  amended_.clear();
  for (const RequestId& request : dirty_) {
    const auto found = open_.find(request);
    if (found != open_.end() && found->second.terms.dirty) say_durable(found->second);
  }
  dirty_.clear();
  books_.committed();
  failures_ += std::exchange(unknown_, 0);
  tell_claims();
  for (const Closing& closing : batch_.closings)
    open_.erase(closing.request);
  auto durable = take_openings();
  append(durable, batch_.saves);
  tell(durable);
  batch_.clear();
  mailbox_->with([](Mailbox& box) {
    box.durable = box.taken;
    box.attempt_done(0);
  });
}

// Which Idempotency-Keys are answered for now, and which are free again.
void LedgerWriter::tell_claims() {
  for (const BookRow& row : book_rows_) {
    const auto found = open_.find(row.request);
    if (found == open_.end() || found->second.idem == nullptr) continue;
    const IdemInfo& idem = *found->second.idem;
    claims_->with([&](Claims& claims) {
      if (keeps_key(row))
        claims.finish(idem.tenant, idem.key, row.request,
                      {.counts = row.counts, .finish = row.finish, .drift = row.drift});
      else
        claims.free(idem.tenant, idem.key, row.request);
    });
  }
}

void LedgerWriter::failed(Trouble trouble) {
  ++failures_;
  switch (trouble) {
    case Trouble::busy:
      refuse_all(Refusal::busy);
      break;
    case Trouble::full: {
      become(State::full, Refusal::disk_full);
      // Room for the rows in flight: they try again at once.
      const bool has_room = give_up_reserve();
      if (has_room)
        refuse_intents(Refusal::disk_full);
      else
        refuse_all(Refusal::disk_full);
      retry_at_ = last_commit_ + (has_room ? std::chrono::milliseconds(0) : kRetry);
      break;
    }
    default:
      // After a failed sync the kernel may have dropped the pages and call the next sync a success,
      // so nothing this process learns about the file can be believed any more.
      become(State::broken, Refusal::broken);
      refuse_all(Refusal::broken);
      drop_closings();
  }
}

void LedgerWriter::become(State state, Refusal refusing) {
  state_ = state;
  mailbox_->with([&](Mailbox& box) { box.refusing = refusing; });
}

void LedgerWriter::refuse_intents(Refusal why) {
  std::vector<Opening> amendments;
  for (Opening& opening : batch_.openings)
    if (!opening.ticket->opens) amendments.push_back(std::move(opening));
  std::erase_if(batch_.openings, [](const Opening& opening) { return opening.ticket == nullptr; });
  refuse_openings(why);
  batch_.openings = std::move(amendments);
  attempt_done();
}

void LedgerWriter::refuse_openings(Refusal why) {
  for (const Opening& opening : batch_.openings) {
    opening.ticket->outcome = why;
    const metering::Intent& intent = opening.intent;
    if (!intent.idempotency) continue;
    claims_->with([&](Claims& claims) {
      claims.free(intent.tenant, intent.idempotency->key, intent.request);
    });
  }
  auto refused = take_openings();
  tell(refused);
}

// What it has not made durable is kept for the next one.
void LedgerWriter::attempt_done() {
  mailbox_->with([&](Mailbox& box) { box.attempt_done(batch_.size() + dirty_.size()); });
}

// Who waits for counts is told, too, that they are not durable.
void LedgerWriter::refuse_all(Refusal why) {
  for (const auto& ticket : batch_.saves)
    ticket->outcome = why;
  tell(batch_.saves);
  refuse_openings(why);
  attempt_done();
}

std::vector<std::shared_ptr<Ticket>> LedgerWriter::take_openings() {
  std::vector<std::shared_ptr<Ticket>> tickets;
  for (Opening& opening : batch_.openings)
    tickets.push_back(std::move(opening.ticket));
  batch_.openings.clear();
  return tickets;
}

// Tells every loop that still waits the outcome. Under the lock: see Ticket.
void LedgerWriter::tell(std::vector<std::shared_ptr<Ticket>>& tickets) {
  mailbox_->with([&](Mailbox& box) {
    std::erase_if(tickets, [&](const auto& ticket) { return !box.decide(*ticket); });
    post_to_loops(tickets);
  });
}

void LedgerWriter::drop_closings() {
  failures_ += batch_.closings.size();
  batch_.clear();
  dirty_.clear();
  open_.clear();
  attempt_done();
}

// The disk is full: what is in flight is written as at other times, out of the reserve, and in
// quiet moments the ledger looks whether there is room again.
Pause LedgerWriter::run_full(Instant now) {
  const auto until = [&](Instant when) {
    return std::max(std::chrono::ceil<microseconds>(when - now), microseconds(1));
  };
  const bool flushing = mailbox_->with([](Mailbox& box) { return box.flush_wanted; });
  if (now < retry_at_ && !flushing) return until(retry_at_);
  Pause pause = microseconds(0);
  if (flushing || has_work())
    mailbox_->with([&](Mailbox& box) { take_all(box); });
  else
    pause = take(now);
  if (pause == microseconds(0)) {
    refuse_intents(Refusal::disk_full);
    commit(now);
    copy_log_back(false);
    return state_ == State::broken ? Pause() : microseconds(0);
  }
  if (find_room(now)) return microseconds(0);
  return std::min(pause.value_or(kRetry), until(look_at_));
}

// The reserve and a quarter of it beside: else the next intents would find the disk full again.
bool LedgerWriter::find_room(Instant now) {
  if (now < look_at_) return false;
  look_at_ = now + kRetry;
  end_loan();
  if (!hold_reserve(options_.reserve_bytes / 4)) return false;
  become(State::healthy, Refusal::none);
  return true;
}

// All of the reserve, where `more` bytes beside it are free; else it stays as it is.
bool LedgerWriter::hold_reserve(std::int64_t more) {
  if (options_.reserve_bytes <= 0) {
    // Without a reserve a small write must do: it needs room in the log like any other.
    return database_.run("UPDATE boot SET started_at = started_at WHERE no = ?", boot_).has_value();
  }
  const std::int64_t before = disk_.size(reserve_).value_or(0);
  const std::int64_t wanted = options_.reserve_bytes + more;
  // Not by trying alone: what an attempt takes until it fails is missing to others for a while.
  const bool has_room = disk_.free_bytes(reserve_).value_or(INT64_MAX) >= wanted - before &&
                        disk_.allocate(reserve_, wanted).has_value();
  const std::int64_t kept = has_room ? options_.reserve_bytes : before;
  if (kept > 0)
    (void)disk_.shrink(reserve_, kept);
  else
    (void)disk_.remove(reserve_);
  reserve_left_ = kept;
  return has_room;
}

// Here and not by who lent it: the reserve has one writer.
void LedgerWriter::end_loan() {
  if (options_.loan == nullptr || !options_.loan->is_over.exchange(false)) return;
  reserve_left_ = take_back(disk_, reserve_, std::exchange(options_.loan->bytes, 0));
}

// False when there is none left.
bool LedgerWriter::give_up_reserve() {
  const std::int64_t before = reserve_left_;
  if (before <= 0) return false;
  reserve_left_ = std::max<std::int64_t>(before - kReserveSlice, 0);
  const auto done =
      reserve_left_ > 0 ? disk_.shrink(reserve_, reserve_left_) : disk_.remove(reserve_);
  (void)disk_.allocate_behind(database_.path() + "-wal", kReserveSlice);
  return done.has_value();
}

// Never while somebody waits, unless the log has grown long. A reader may hold a part of it back;
// then the next attempt comes only after as many pages again. On a full disk the log begins anew
// behind that, so that it does not need the whole reserve.
void LedgerWriter::copy_log_back(bool quiet) {
  if (state_ == State::broken) return;
  const int pages = database_.log_pages();
  if (pages < log_floor_) log_floor_ = 0;  // the log began anew
  const int limit = quiet ? options_.log_pages_soft : options_.log_pages_hard;
  if (pages - log_floor_ < limit) return;
  log_floor_ = pages;
  const auto left = database_.checkpoint();
  if (left)
    log_floor_ = *left > 0 ? pages : 0;
  else
    failed(database_.trouble());
}

// What has become too old goes away in small steps, while nothing is due.
Pause LedgerWriter::tidy(Pause pause) {
  if (state_ != State::healthy || !retention_.is_due(clock_.now())) return pause;
  const auto more = retention_.step(database_, books_, clock_.wall_now());
  if (!more) {
    const Trouble trouble = database_.trouble();
    if (database_.in_transaction()) (void)database_.execute("ROLLBACK");
    undo();
    if (trouble != Trouble::busy) failed(trouble);
    return pause;
  }
  retention_.rest(clock_.now(), *more);
  if (!*more)
    return pause;  // an idle ledger may sleep: it looks again when it has written something
  const microseconds next = LedgerRetention::kBetweenSteps;
  return pause ? std::min(*pause, next) : next;
}

void LedgerWriter::finish() {
  mailbox_->with([&](Mailbox& box) {
    take_all(box);
    if (box.refusing != Refusal::broken) box.refusing = Refusal::closing;
  });
  refuse_all(Refusal::closing);
  if (state_ != State::broken && has_work()) commit(clock_.now());
  drop_closings();
  end_loan();
  if (state_ != State::healthy) return;
  if (!options_.is_all_told || options_.is_all_told())
    (void)note_all_told(database_, books_.last_seq());
  (void)database_.checkpoint();
}

store::LedgerStats LedgerWriter::stats() const {
  const auto [waiting, dropped, refusing] = mailbox_->with([](Mailbox& box) {
    return std::tuple(box.waiting.size() + box.in_commit, box.dropped, box.refusing);
  });
  return {.commits = commits_.load(),
          .records = records_.load(),
          .waiting = waiting,
          .failures = failures_.load() + dropped,
          .sync_nanoseconds = sync_nanoseconds_.load(),
          .recovered = recovered_.load(),
          .clock_jumps = books_.clock_jumps(),
          .unpriced = books_.unpriced(),
          .drifted = books_.drifted(),
          .partitions_dropped = retention_.dropped(),
          .claims = claims_->with([](Claims& claims) { return claims.size(); }),
          .disk_full = refusing == Refusal::disk_full,
          .reserve_left = reserve_left_.load()};
}

}  // namespace sovmesh::store_sqlite
