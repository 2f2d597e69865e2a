#include "rt/event.h"

#include <string>

#include "rt/loop.h"

namespace sovmesh::rt {

Event::~Event() {
  // Frames of an ended loop go in any order: a waiter that outlives its event only loses the link.
  while (head_ != nullptr)
    detach(*head_);
}

void Event::set() {
  if (set_) return;  // whoever could still wait here was woken by the first call
  set_ = true;
  wake_all();
}

void Event::attach(Link& link) {
  link.event = this;
  link.previous = tail_;
  link.next = nullptr;
  (tail_ != nullptr ? tail_->next : head_) = &link;
  tail_ = &link;
}

void Event::detach(Link& link) {
  (link.previous != nullptr ? link.previous->next : head_) = link.next;
  (link.next != nullptr ? link.next->previous : tail_) = link.previous;
  link.event = nullptr;
}

void Event::wake_all() {
  // Waiters stay linked until they resume, so that a later and stronger reason still reaches them.
  for (Link* link = head_; link != nullptr; link = link->next)
    link->owner->finish(link == &link->owner->on_cancel_ ? Wake::cancelled : Wake::ready);
}

Event::Wait::Wait(Event& event, Until until)
    : event_(event), loop_(event.loop()), until_(until), timer_(*this) {
  on_event_.owner = this;
  on_cancel_.owner = this;
}

Event::Wait::~Wait() { unlink(); }

void Event::Wait::unlink() {
  if (queued_) loop_.forget(handle_);
  queued_ = false;
  if (on_event_.event != nullptr) on_event_.event->detach(on_event_);
  if (on_cancel_.event != nullptr) on_cancel_.event->detach(on_cancel_);
  timer_.disarm();
}

bool Event::Wait::await_ready() {
  if (until_.cancelled != nullptr && until_.cancelled->is_set()) {
    wake_ = Wake::cancelled;
  } else if (event_.is_set()) {
    wake_ = Wake::ready;
  } else if (until_.deadline.passed(loop_.now())) {
    wake_ = Wake::timed_out;
  } else {
    return false;
  }
  return true;
}

void Event::Wait::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  event_.attach(on_event_);
  if (until_.cancelled != nullptr) until_.cancelled->attach(on_cancel_);
  if (!until_.deadline.is_never()) loop_.timers().arm(timer_, until_.deadline.when());
}

Wake Event::Wait::await_resume() {
  queued_ = false;  // the loop took the handle off its queue before it resumed us
  unlink();
  return wake_;
}

void Event::Wait::timer_fired(Timer& timer) {
  static_cast<Expiry&>(timer).wait.finish(Wake::timed_out);
}

void Event::Wait::finish(Wake wake) {
  if (queued_) {
    const bool stronger = wake == Wake::cancelled || wake_ == Wake::timed_out;
    if (stronger) wake_ = wake;
    return;
  }
  wake_ = wake;
  queued_ = true;
  timer_.disarm();
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
