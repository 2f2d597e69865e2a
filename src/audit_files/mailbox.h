#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "audit_files/gap.h"
#include "audit_files/refusals.h"
#include "base/guarded.h"
#include "base/result.h"
#include "rt/semaphore.h"
#include "store/audit.h"

namespace sovmesh::audit_files {

// One call that waits for the writer.
//
//   waiting --begin()--> begun --finish()--> done
//      |                   |
//      +---- give_up() ----+
//      v                   v
//   cancelled           abandoned --finish()--> done, and nobody was told
struct Order {
  // notes: nothing but what was noted before, durable at once.
  enum class Kind : std::uint8_t {
    entry,
    notes,
    requests,
    erase,
    hold,
    release,
    rotate,
    checkpoint
  };
  enum class State : std::uint8_t { waiting, begun, cancelled, abandoned, done };
  Kind kind = Kind::entry;
  store::AdminEntry entry;
  store::AuditSubject subject;
  std::vector<store::RequestEntry> requests;

  // Written by the writer before it releases `done`.
  std::optional<Result<store::AuditReceipt>> outcome;
  rt::Semaphore done;

  std::atomic<State> state{State::waiting};

  // The writer's, before it does anything: false when the caller has gone.
  bool begin() {
    State seen = State::waiting;
    return state.compare_exchange_strong(seen, State::begun);
  }
  // The writer's: false when the caller was told that nothing came of it.
  bool finish(Result<store::AuditReceipt> result) {
    outcome = std::move(result);
    const bool is_heard = state.exchange(State::done) != State::abandoned;
    done.release();
    return is_heard;
  }
  // The caller's, when it does not wait any longer: cancelled, abandoned, or done at last.
  State give_up() {
    State seen = State::waiting;
    if (state.compare_exchange_strong(seen, State::cancelled)) return State::cancelled;
    if (seen == State::begun && state.compare_exchange_strong(seen, State::abandoned))
      return State::abandoned;
    return State::done;
  }
};
using SharedOrder = std::shared_ptr<Order>;

enum class Refusal : std::uint8_t { none, full, broken, closing };

// What others hand to the writer.
struct Mailbox {
  static constexpr std::size_t kNotesMax = 8'192;
  static constexpr std::size_t kOrdersMax = 1'024;

  std::vector<store::RequestEntry> notes;
  std::vector<SharedOrder> orders;
  Gap gap;
  std::uint64_t gaps = 0;  // requests without an entry, ever
  Refusals refusals;
  bool saves_held = false;       // what is held goes into a file
  std::uint64_t held_saved = 0;  // so many are in it
  std::uint64_t summed = 0;      // requests that `refusals` has counted, ever
  std::size_t in_work = 0;       // taken by the writer and not yet durable
  bool writer_rests = false;     // it waits for no note: the first one has to wake it
  Refusal refusing = Refusal::none;

  bool has_unsaved() const { return saves_held && refusals.held_total() != held_saved; }
  bool accepts() const { return refusing == Refusal::none && notes.size() < kNotesMax; }
  // Whether the writer, which rests, has to be woken because of what `count` counts.
  template <class Count>
  bool count_refused(Count count) {
    const auto has_work = [this] { return refusals.due_at() || has_unsaved(); };
    const bool had_work = has_work();
    if (count()) ++summed;
    return !had_work && has_work() && std::exchange(writer_rests, false);
  }
};
using SharedMailbox = std::shared_ptr<Guarded<Mailbox>>;

}  // namespace sovmesh::audit_files
