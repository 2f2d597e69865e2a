#include "rt/event.h"

#include <string>

#include "rt/loop.h"

namespace sovmesh::rt {

Event::~Event() {
  // Frames of an ended loop go in any order: a waiter that outlives its event only loses the link.
  while (head() != nullptr)
    detach(*head());
}

void Event::set() {
  if (is_set()) return;  // whoever could still wait here was woken by the first call
  head_and_set_ |= 1;
  wake_all();
}

void Event::attach(Link& link) {
  Link* const first = head();
  if (first == nullptr) {
    link.previous = link.next = &link;
    set_head(&link);
    return;
  }
  link.previous = first->previous;
  link.next = first;
  first->previous->next = &link;
  first->previous = &link;
}

void Event::detach(Link& link) {
  if (head() == &link) set_head(link.next == &link ? nullptr : link.next);
  link.previous->next = link.next;
  link.next->previous = link.previous;
  link.previous = link.next = nullptr;
}

void Event::wake_all() {
  // Waiters stay linked until they resume, so that a later and stronger reason still reaches them.
  Link* const first = head();
  if (first == nullptr) return;
  Link* link = first;
  do {
    if (link->cancels()) {
      static_cast<Wait*>(static_cast<Cancelling*>(link))->finish(Wake::cancelled);
    } else {
      static_cast<Wait*>(static_cast<Awaited*>(link))->finish(Wake::ready);
    }
    link = link->next;
  } while (link != first);
}

Event::Wait::Wait(Event& event, Until until)
    : Awaited(event),
      Cancelling(until.cancelled),
      Timer(&timer_fired, until.deadline.when()),
      loop_(event.loop()) {}

Event::Wait::~Wait() { unlink(); }

void Event::Wait::unlink() {
  if (queued_) loop_.forget(handle_);
  queued_ = false;
  if (Awaited::is_linked()) Awaited::event()->detach(static_cast<Awaited&>(*this));
  if (Cancelling::is_linked()) Cancelling::event()->detach(static_cast<Cancelling&>(*this));
  disarm();
}

bool Event::Wait::await_ready() {
  if (Cancelling::event() != nullptr && Cancelling::event()->is_set()) {
    wake_ = Wake::cancelled;
  } else if (Awaited::event()->is_set()) {
    wake_ = Wake::ready;
  } else if (Deadline::at(expiry()).passed(loop_.now())) {
    wake_ = Wake::timed_out;
  } else {
    return false;
  }
  return true;
}

void Event::Wait::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  Awaited::event()->attach(static_cast<Awaited&>(*this));
  if (Cancelling::event() != nullptr) Cancelling::event()->attach(static_cast<Cancelling&>(*this));
  if (!Deadline::at(expiry()).is_never()) loop_.timers().arm(*this, expiry());
}

Wake Event::Wait::await_resume() {
  queued_ = false;  // the loop took the handle off its queue before it resumed us
  unlink();
  return wake_;
}

void Event::Wait::timer_fired(Timer& timer) { static_cast<Wait&>(timer).finish(Wake::timed_out); }

void Event::Wait::finish(Wake wake) {
  if (queued_) {
    const bool stronger = wake == Wake::cancelled || wake_ == Wake::timed_out;
    if (stronger) wake_ = wake;
    return;
  }
  wake_ = wake;
  queued_ = true;
  disarm();
  loop_.ready(handle_);
}

Result<void> to_result(Wake wake, std::string_view what) {
  switch (wake) {
    case Wake::ready:
      return {};
    case Wake::timed_out:
      return upstream_error(Code::timed_out, std::string(what) + ": timed out");
    case Wake::cancelled:
      return client_error(Code::cancelled, std::string(what) + ": cancelled");
  }
  return {};
}

}  // namespace sovmesh::rt
