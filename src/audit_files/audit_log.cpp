#include "audit_files/audit_log.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace sovmesh::audit_files {
namespace {

Error refusal_of(Refusal why) {
  const auto say = [](const char* text) {
    return Error(Code::dependency_unavailable, Blame::us,
                 std::string("the audit log takes no entries: ") + text)
        .with_retry_after(std::chrono::seconds(10));
  };
  switch (why) {
    case Refusal::full:
      return say("the disk is full");
    case Refusal::broken:
      return say("its disk failed; the server must be restarted");
    case Refusal::closing:
      return say("the server is stopping");
    case Refusal::none:
      break;
  }
  return say("too many wait");
}

// What went wrong inside, as callers of the port see it: theirs, or 503.
Error for_caller(const Error& error) {
  if (error.blame() == Blame::client || error.code() == Code::dependency_unavailable) return error;
  return Error(Code::dependency_unavailable, Blame::us,
               "the audit log cannot be written: " + error.message())
      .with_retry_after(std::chrono::seconds(10));
}

Error slow(const std::string& what) {
  return Error(Code::dependency_unavailable, Blame::us, "the audit log's disk is slow: " + what)
      .with_retry_after(std::chrono::seconds(10));
}

}  // namespace

Result<std::unique_ptr<store::Audit>> open_audit(Files& files, const Clock& clock, Random& random,
                                                 const Options& options,
                                                 const MakeSigner& make_signer, WriterRuns runs) {
  auto shared = std::make_unique<Shared>();
  auto writer = std::make_unique<Writer>(files, clock, random, options, *shared, runs);
  TRY_VOID(writer->open(make_signer));
  return std::make_unique<AuditLog>(files, clock, options, std::move(shared), std::move(writer),
                                    runs);
}

AuditLog::AuditLog(Files& files, const Clock& clock, const Options& options,
                   std::unique_ptr<Shared> shared, std::unique_ptr<Writer> writer, WriterRuns runs)
    : clock_(clock),
      shared_(std::move(shared)),
      reader_(files, options.folder, *shared_),
      witnesses_(files, options.folder, options.witness_keys),
      writer_(std::move(writer)),
      runs_(runs),
      order_max_(options.order_max),
      signer_troubles_(options.signer_troubles),
      has_all_(options.has_all) {
  if (runs_ == WriterRuns::inline_) return;
  // Threads inherit the signal mask: signals belong to whoever watches them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_setname_np(thread_.native_handle(), "audit");
}

AuditLog::~AuditLog() {
  stopping_ = true;
  shared_->call.called.release();
  if (thread_.joinable()) thread_.join();
  const bool has_all = writer_->finish();
  if (has_all_ != nullptr) *has_all_ = has_all;
}

void AuditLog::run() {
  while (!stopping_) {
    const Pause pause = writer_->run_once();
    rt::Semaphore& called = shared_->call.called;
    if (!pause)
      called.acquire();
    else if (pause->count() <= 0 || !called.acquire_until(clock_.now() + *pause))
      continue;
    shared_->call.woken = false;  // before the writer looks: a call that comes later counts again
  }
}

void AuditLog::wake() {
  if (runs_ == WriterRuns::on_thread) shared_->call.wake();
}

void AuditLog::note(store::RequestEntry entry) {
  const bool wanted = shared_->mailbox.with([&](Mailbox& box) {
    if (entry.refused && entry.key) {
      bool is_counted = false;
      const bool wake = box.count_refused([&] {
        is_counted = !box.refusals.admit(entry.tenant, *entry.key, entry.code, clock_.now());
        return is_counted;
      });
      if (is_counted) return wake;
    }
    if (!box.accepts()) {
      box.gap.add(entry.request);
      ++box.gaps;
      return false;
    }
    box.notes.push_back(std::move(entry));
    const bool is_full = box.notes.size() == Writer::kBatchMax;
    return std::exchange(box.writer_rests, false) || is_full;
  });
  if (wanted) wake();
}

void AuditLog::note_stranger(std::string_view why) {
  const bool wanted = shared_->mailbox.with([&](Mailbox& box) {
    return box.count_refused([&] {
      box.refusals.count_stranger(why, clock_.now());
      return true;
    });
  });
  if (wanted) wake();
}

void AuditLog::hold_refusals(bool on) {
  const bool wanted = shared_->mailbox.with([&](Mailbox& box) {
    box.refusals.hold(on);
    return !on && box.refusals.due_at() && std::exchange(box.writer_rests, false);
  });
  if (wanted) wake();
}

bool AuditLog::accepts() const {
  return shared_->mailbox.with([](Mailbox& box) { return box.accepts(); });
}

Result<store::AuditReceipt> AuditLog::order(Order::Kind kind, store::AdminEntry entry,
                                            store::AuditSubject subject,
                                            std::chrono::milliseconds limit) {
  const auto made = std::make_shared<Order>();
  made->kind = kind;
  made->entry = std::move(entry);
  made->subject = std::move(subject);
  return hand_over(made, limit);
}

Result<store::AuditReceipt> AuditLog::hand_over(const SharedOrder& made,
                                                std::chrono::milliseconds limit) {
  const Refusal refusal = shared_->mailbox.with([&](Mailbox& box) {
    if (box.refusing == Refusal::broken || box.refusing == Refusal::closing) return box.refusing;
    if (box.orders.size() >= Mailbox::kOrdersMax) return Refusal::full;
    box.orders.push_back(made);
    return Refusal::none;
  });
  if (refusal != Refusal::none) return fail(refusal_of(refusal));
  if (runs_ == WriterRuns::inline_) {
    writer_->run_once();
  } else {
    wake();
    if (!made->done.acquire_until(clock_.now() + limit)) {
      const Order::State left = made->give_up();
      if (left == Order::State::cancelled) return fail(slow("nothing was written"));
      if (left == Order::State::abandoned)
        return fail(slow(made->kind == Order::Kind::entry
                             ? "what it may still write is followed by an entry that corrects it"
                             : "it may still be done, and is then in the log"));
      made->done.acquire();
    }
  }
  if (!*made->outcome) return fail(for_caller(made->outcome->error()));
  return **made->outcome;
}

Result<store::AuditReceipt> AuditLog::append(store::AdminEntry entry) {
  return order(Order::Kind::entry, std::move(entry), {}, order_max_);
}

Result<void> AuditLog::append_requests(std::vector<store::RequestEntry> entries) {
  TRY_VOID(reader_.drop_known(entries));
  if (entries.empty()) return {};
  const auto made = std::make_shared<Order>();
  made->kind = Order::Kind::requests;
  made->requests = std::move(entries);
  TRY_VOID(hand_over(made, order_max_));
  return {};
}

Result<std::map<RequestId, metering::Counts>> AuditLog::ended(
    const std::vector<RequestId>& requests) {
  return reader_.ended(requests);
}

bool AuditLog::knows(const store::AuditSubject& subject) {
  return shared_->keys->with(
      [&](KeyRing& keys) { return keys.find_reference(subject).has_value(); });
}

Result<store::AuditReceipt> AuditLog::erase(const store::AuditSubject& subject,
                                            store::AdminEntry entry) {
  return order(Order::Kind::erase, std::move(entry), subject, order_max_);
}

Result<store::AuditReceipt> AuditLog::hold(const store::AuditSubject& subject, bool on,
                                           store::AdminEntry entry) {
  const auto kind = on ? Order::Kind::hold : Order::Kind::release;
  return order(kind, std::move(entry), subject, order_max_);
}

Result<std::vector<store::AuditHold>> AuditLog::holds() {
  return shared_->keys->with([](KeyRing& keys) { return keys.holds(); });
}

Result<store::AuditReceipt> AuditLog::rotate_key(store::AdminEntry entry) {
  return order(Order::Kind::rotate, std::move(entry), {}, order_max_);
}

Result<void> AuditLog::flush(std::chrono::milliseconds limit) {
  TRY_VOID(order(Order::Kind::checkpoint, {}, {}, limit));
  return {};
}

// Who reads sees what was noted before; what cannot be written is not there to be read.
void AuditLog::catch_up() {
  const bool is_behind = shared_->mailbox.with(
      [](Mailbox& box) { return box.refusing == Refusal::none && !box.notes.empty(); });
  if (is_behind) (void)order(Order::Kind::notes, {}, {}, order_max_);
}

Result<store::AuditPage> AuditLog::list(const store::AuditFilter& filter, std::size_t limit) {
  catch_up();
  return reader_.list(filter, limit);
}

Result<store::AuditRecord> AuditLog::entry(std::uint64_t index) { return reader_.entry(index); }

Result<store::AuditRecord> AuditLog::find(RequestId request) {
  catch_up();
  return reader_.find(request);
}

Result<store::AuditProof> AuditLog::prove(std::uint64_t index, std::optional<std::uint64_t> size) {
  const bool covered = size || shared_->end.with([&](LogEnd& end) {
    return index < end.signed_size || index >= end.size();
  });
  if (!covered) {
    TRY_VOID(flush(order_max_));
  }
  return reader_.prove(index, size);
}

Result<std::string> AuditLog::detail(std::uint64_t index) { return reader_.detail(index); }

Result<std::string> AuditLog::checkpoint(bool now) {
  if (now) {
    TRY_VOID(flush(order_max_));
  }
  return shared_->end.with([](LogEnd& end) { return end.checkpoint; });
}

Result<std::string> AuditLog::verifier_keys() { return reader_.served("keys"); }

Result<std::string> AuditLog::served(std::string_view path) { return reader_.served(path); }

Result<void> AuditLog::add_witnessed(std::string_view note) {
  const std::uint64_t size = shared_->end.with([](LogEnd& end) { return end.signed_size; });
  return witnesses_.add(note, size);
}

store::AuditStats AuditLog::stats() const {
  store::AuditStats out;
  shared_->end.with([&](LogEnd& end) {
    out.size = end.size();
    out.signed_size = end.signed_size;
  });
  shared_->mailbox.with([&](Mailbox& box) {
    out.waiting = box.notes.size() + box.orders.size() + box.in_work;
    out.gaps = box.gaps;
    out.summed = box.summed;
  });
  out.commits = shared_->counts.commits;
  out.failures = shared_->counts.failures;
  out.checkpoints = shared_->counts.checkpoints;
  out.sync_nanoseconds = shared_->counts.sync_nanoseconds;
  if (signer_troubles_ != nullptr) {
    out.signer_late = signer_troubles_->late;
    out.signer_killed = signer_troubles_->killed;
  }
  return out;
}

}  // namespace sovmesh::audit_files
